"""To whom a ringing case is offered first. Everybody sees it and may take it; for a few seconds one console is pointed
at, so that colleagues do not all reach for the same case. What is handed to a colleague by name is theirs first for
longer, and whoever gave it learns when it was not taken."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

OFFER_S: Final = 10.0
"""How long one console is pointed at; then the second burst calls everybody alike."""
HANDED_S: Final = 60.0
"""How long a case that was handed over is its colleague's first: enough to end a sentence, no more than P2 may wait."""
TOLD_WITHIN_S: Final = 600.0
"""Who gave a case and opens no console for so long is not told any more that it was not taken."""


class AtDesk(NamedTuple):
    """An operator at an open console. `since_at` is when they came into their state."""

    operator: str
    state: str
    since_at: float


@dataclass(frozen=True, slots=True)
class Handed:
    """That a case was given to somebody by name: by whom, what they are called, and why.

    `alone`: until the offer ends it sounds only where it is offered; a matter of life sounds everywhere all the same.
    """

    giver: str
    called: str
    reason: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A case is offered to an operator until a time; `handed` when a colleague meant them."""

    operator: str
    until_at: float
    handed: Handed | None = None


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


def hears_it(at_desk: Iterable[AtDesk], operator: str) -> bool:
    """Whether an operator sits at a console that sounds, and speaks with nobody."""
    return any(one.operator == operator and one.state in {"ready", "wrap_up"} for one in at_desk)


class Offers:
    """The offers that stand, by case, and those that ended untaken and of which the giver is to be told.

    Kept in memory: after a restart a case is simply in the queue. From any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[int, Offer] = {}
        self._untold: dict[int, Offer] = {}

    def give(self, case_id: int, operator: str, now: float) -> Offer:
        """Offers a case; one that is offered already stays with whom it is offered to."""
        with self._lock:
            self._pass(now)
            return self._offers.setdefault(case_id, Offer(operator, now + OFFER_S))

    def hand(self, case_id: int, operator: str, handed: Handed, now: float) -> Offer:
        """Offers a case to the colleague for whom it is meant, whoever else it was offered to."""
        with self._lock:
            self._pass(now)
            self._untold.pop(case_id, None)
            offer = self._offers[case_id] = Offer(operator, now + HANDED_S, handed)
            return offer

    def end(self, case_id: int) -> None:
        """The case was taken, or needs nobody any more."""
        with self._lock:
            self._offers.pop(case_id, None)
            self._untold.pop(case_id, None)

    def untaken(self, giver: str, now: float) -> dict[int, Offer]:
        """What this operator gave to a colleague and was not taken in its time; each is told once."""
        with self._lock:
            self._pass(now)
            told = {key: offer for key, offer in self._untold.items() if offer.handed and offer.handed.giver == giver}
            for case_id in told:
                del self._untold[case_id]
            return told

    def _pass(self, now: float) -> None:
        ended = {key: offer for key, offer in self._offers.items() if offer.until_at <= now}
        for case_id in ended:
            del self._offers[case_id]
        self._untold.update({key: offer for key, offer in ended.items() if offer.handed})
        self._untold = {key: one for key, one in self._untold.items() if now < one.until_at + TOLD_WITHIN_S}

    def standing(self, now: float) -> dict[int, Offer]:
        """The offers that stand now."""
        with self._lock:
            return {key: offer for key, offer in self._offers.items() if offer.until_at > now}
