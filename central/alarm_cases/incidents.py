"""Floods: many homes fall silent within minutes from one cause. One incident, with the people most at risk first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from central.alarm_cases.priority import Priority

WITHIN_S: Final = 300.0
"""Homes that fall silent so close together may have one cause."""
HOMES_MIN: Final = 5
"""Fewer silent homes are a coincidence of theirs and stay as they are, where a service says nothing else."""
STILL_THE_SAME_S: Final = 1_800.0
"""A home that falls silent so long after the last one of an incident still belongs to it."""
AGE_AT_RISK: Final = 85
CRITICAL_FLAGS: Final = frozenset({"oxygen", "dialysis", "ventilator", "heart", "epilepsy", "bedridden"})
EVERYWHERE: Final = "centre"
"""Homes that share nothing but this centre, while others are heard."""
BROKER: Final = "broker"
"""Not one home is heard: what they share is the centre's own broker or line."""
FLAG_WEIGHT, CRITICAL_WEIGHT, ALONE_WEIGHT, AGE_WEIGHT, SPEECH_WEIGHT = 1, 6, 3, 2, 1


class Silence(NamedTuple):
    """A case of a silent home that nobody has grouped yet. `causes` are what it may share with others, such as
    "area:Gràcia" or "provider:orange", the narrowest first."""

    case_id: int
    home_id: str
    at: float
    priority: Priority
    causes: tuple[str, ...]


class OpenIncident(NamedTuple):
    """An incident that has open cases."""

    id: int
    cause: str
    last_at: float


class Grouping(NamedTuple):
    """Cases that belong together; `incident` is the one that they join, None for a new one."""

    cause: str
    incident: int | None
    case_ids: tuple[int, ...]


class AtRisk(NamedTuple):
    """The person behind a silent home, as far as it matters who is rung first."""

    age: int
    flags: Collection[str]
    lives_alone: bool
    hearing_or_speech_poor: bool = False


def groupings(
    silences: Iterable[Silence],
    open_incidents: Collection[OpenIncident],
    now: float,
    homes_min: int = HOMES_MIN,
) -> list[Grouping]:
    """Which cases belong under which incident now; each case under one at most.

    A matter of life is never grouped. A case joins an incident of one of its causes that is still going on; else the
    cause that most homes share within `WITHIN_S` makes a new one, once `homes_min` homes share it.
    """
    left = {it.case_id: it for it in silences if it.priority is not Priority.LIFE}
    found: list[Grouping] = []
    for incident in sorted(open_incidents, key=lambda it: it.id):
        if now - incident.last_at > STILL_THE_SAME_S:
            continue
        ids = tuple(sorted(it.case_id for it in left.values() if incident.cause in it.causes))
        if ids:
            found.append(Grouping(incident.cause, incident.id, ids))
        for case_id in ids:
            del left[case_id]
    while (largest := _largest(left, homes_min)) is not None:
        cause, ids = largest
        found.append(Grouping(cause, None, ids))
        for case_id in ids:
            del left[case_id]
    return found


def _largest(left: Mapping[int, Silence], homes_min: int) -> tuple[str, tuple[int, ...]] | None:
    by_cause: dict[str, list[Silence]] = defaultdict(list)
    rank: dict[str, int] = {}
    for silence in left.values():
        for place, cause in enumerate(silence.causes):
            by_cause[cause].append(silence)
            rank[cause] = max(place, rank.get(cause, 0))
    best: tuple[int, int, str, tuple[int, ...]] | None = None
    for cause, members in by_cause.items():
        together = _close_together(members)
        homes = len({it.home_id for it in together})
        if homes < homes_min:
            continue
        # of causes that explain equally many homes the narrowest says most
        candidate = (-homes, rank[cause], cause, tuple(sorted(it.case_id for it in together)))
        best = candidate if best is None else min(best, candidate)
    return None if best is None else (best[2], best[3])


def _close_together(members: Iterable[Silence]) -> list[Silence]:
    """The largest run of silences within `WITHIN_S`."""
    ordered = sorted(members, key=lambda it: it.at)
    best: list[Silence] = []
    start = 0
    for end, silence in enumerate(ordered):
        while silence.at - ordered[start].at > WITHIN_S:
            start += 1
        if end + 1 - start > len(best):
            best = ordered[start : end + 1]
    return best


def risk(person: AtRisk | None) -> int:
    """How much a person stands to lose when nobody watches; higher is rung first, 0 when nobody is known."""
    if person is None:
        return 0
    flags = set(person.flags)
    return (
        CRITICAL_WEIGHT * len(flags & CRITICAL_FLAGS)
        + FLAG_WEIGHT * len(flags - CRITICAL_FLAGS)
        + ALONE_WEIGHT * person.lives_alone
        + AGE_WEIGHT * (person.age >= AGE_AT_RISK)
        + SPEECH_WEIGHT * person.hearing_or_speech_poor
    )
