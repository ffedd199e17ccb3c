"""To whom a ringing case is offered first. Everybody sees and hears it and may take it; for a few seconds one console
is pointed at, so that colleagues do not all reach for the same case."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

OFFER_S: Final = 10.0
"""How long one console is pointed at; then the second burst calls everybody alike."""


class AtDesk(NamedTuple):
    """An operator at an open console. `since_at` is when they came into their state."""

    operator: str
    state: str
    since_at: float


@dataclass(frozen=True, slots=True)
class Offer:
    """A case is offered to an operator until a time."""

    operator: str
    until_at: float


def offered_to(
    at_desk: Iterable[AtDesk],
    busy: Collection[str],
    spoken: Mapping[str, Collection[str]],
    language: str,
    owner: str = "",
) -> str:
    """Whom a case is offered to, "" for nobody: its owner; else of those who are ready and have no case in hand, who
    speaks its language, and of these who has been idle longest."""
    ready = {one.operator: one for one in at_desk if one.state == "ready" and one.operator not in busy}
    if owner:
        return owner if any(one.operator == owner for one in at_desk) or owner in ready else ""
    order = sorted(ready.values(), key=lambda one: (language not in spoken.get(one.operator, ()), one.since_at))
    return order[0].operator if order else ""


class Offers:
    """The offers that stand, by case. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[int, Offer] = {}

    def give(self, case_id: int, operator: str, now: float) -> Offer:
        """Offers a case; one that is offered already stays with whom it is offered to."""
        with self._lock:
            self._offers = {key: offer for key, offer in self._offers.items() if offer.until_at > now}
            return self._offers.setdefault(case_id, Offer(operator, now + OFFER_S))

    def end(self, case_id: int) -> None:
        """The case was taken, or needs nobody any more."""
        with self._lock:
            self._offers.pop(case_id, None)

    def standing(self, now: float) -> dict[int, Offer]:
        """The offers that stand now."""
        with self._lock:
            return {key: offer for key, offer in self._offers.items() if offer.until_at > now}
