"""The figures of a telecare service, from cases to shares and percentiles. Pure.

How they are counted, after the TSA quality standard: the clock runs from the first request stored (`opened_at`) to the
first acceptance by a person, and holds do not stop it. Boundaries are inclusive: 60.000 s is within 60 s. Left out are
tests, technical cases, and calls that the home took back before anybody had answered; the last are told apart. Where
the home then calls again, it is a call from then on; where somebody had it in hand by then, for a check call, from when
they took it: nobody waited. Told apart is also what the home was asked about and settled itself ("I am fine"): nobody
was called, it is no call of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

ROUTINE: Final = 3
"""Priority up to which a case is a call of a person; technical cases and tests are no calls."""
TARGETS_S: Final = (50.0, 60.0, 180.0)
"""The strictest promise found in a Spanish charter, and the two of the TSA."""
EXPLAIN_OVER_S: Final = 180.0
"""Every call that waited longer needs a reason."""
CURVE_S: Final = (5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 90, 105, 120, 150, 180, 240, 300)
"""Points of the curve of answered calls."""
_GRAIN_S: Final = 1e-6
"""Times are Unix seconds in doubles: two of them differ by less than this from what was meant."""
HELP_MAX_S: Final = (2_700.0, 3_600.0)
"""A helper stands at the door within 45 minutes (nine of ten) and an hour (all)."""


INSIDE_MAX_S: Final = 300.0
"""And inside within five minutes of that."""


class Call(NamedTuple):
    """A case as the figures see it; times are Unix seconds.

    Attributes:
        operator: who took it first, "" while nobody has.
        answered_at: when they did.
        abandoned_at: when the home took it back or hung up.
        hour: of the wall clock when it was opened, 0 to 23.
        sent_at: when it was first decided to send: a contact said that they go, or the response team was called.
        inside_at: when who had arrived was inside.
        settled_at_home: the home was asked whether all is well, and it ended there: nobody had been called.
    """

    case_id: int
    priority: int
    operator: str
    opened_at: float
    answered_at: float | None
    abandoned_at: float | None
    arrived_at: float | None
    hour: int
    settled_at_home: bool = False
    sent_at: float | None = None
    inside_at: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """How quickly calls were answered. Shares are of `counted`; spans are None when nothing was counted.

    Attributes:
        calls: all calls of people; `counted` of them were answered or are overdue, `abandoned` were taken back before.
        settled_at_home: what ended with the home's own answer and was never a call.
        within: target in seconds -> how many were answered by then.
        over: how many waited longer than `EXPLAIN_OVER_S`.
        curve: (seconds, share answered by then).
    """

    calls: int
    counted: int
    abandoned: int
    settled_at_home: int
    within: dict[int, int]
    over: int
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None
    curve: list[tuple[int, float]]

    def share(self, target_s: int) -> float | None:
        """The share answered within a target; None when nothing was counted."""
        return self.within[target_s] / self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class Help:
    """How long until somebody stood at the resident's side, counted from the call itself, or from the decision to
    send."""

    arrivals: int
    within_45_min: int
    within_60_min: int
    p50_s: float | None
    p95_s: float | None
    max_s: float | None


def wait_s(call: Call, now: float) -> float | None:
    """How long a call waited, or has waited until now; None for one that is not counted."""
    if not _of_people(call) or abandoned(call):
        return None
    if call.answered_at is not None:
        return max(0.0, call.answered_at - call.opened_at)
    waited = now - call.opened_at
    return waited if waited > min(TARGETS_S[1:]) else None


def abandoned(call: Call) -> bool:
    """Whether the home gave up before anybody had answered."""
    gave_up_at, answered_at = call.abandoned_at, call.answered_at
    return gave_up_at is not None and (answered_at is None or gave_up_at < answered_at)


def _of_people(call: Call) -> bool:
    return call.priority <= ROUTINE and not call.settled_at_home


def within(waited_s: float, target_s: float) -> bool:
    """Whether a wait keeps a target; the boundary does."""
    return waited_s <= target_s + _GRAIN_S


def answers(calls: Iterable[Call], now: float, targets_s: Sequence[float] = TARGETS_S) -> Answers:
    """The figures of many calls."""
    known = list(calls)
    people = [call for call in known if _of_people(call)]
    waits = sorted(wait for call in people if (wait := wait_s(call, now)) is not None)
    count = len(waits)
    return Answers(
        calls=len(people),
        counted=count,
        abandoned=sum(abandoned(call) for call in people),
        settled_at_home=sum(call.settled_at_home for call in known),
        within={int(target): sum(within(wait, target) for wait in waits) for target in targets_s},
        over=sum(not within(wait, EXPLAIN_OVER_S) for wait in waits),
        mean_s=sum(waits) / count if count else None,
        p50_s=percentile(waits, 50),
        p95_s=percentile(waits, 95),
        p99_s=percentile(waits, 99),
        max_s=waits[-1] if waits else None,
        curve=_curve(waits),
    )


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile of ordered values: always one that was measured."""
    if not ordered:
        return None
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def by_hour(calls: Iterable[Call], now: float) -> list[Answers]:
    """The figures of each hour of the day, 0 to 23."""
    hours: list[list[Call]] = [[] for _ in range(24)]
    for call in calls:
        hours[call.hour].append(call)
    return [answers(each, now) for each in hours]


def by_operator(calls: Iterable[Call], now: float) -> dict[str, Answers]:
    """The figures of who answered; what nobody has answered is nobody's."""
    sorted_out: dict[str, list[Call]] = {}
    for call in calls:
        if call.operator:
            sorted_out.setdefault(call.operator, []).append(call)
    return {name: answers(each, now) for name, each in sorted(sorted_out.items())}


def help_times(calls: Iterable[Call]) -> Help:
    """How long until help was there, of the calls in which somebody came."""
    came = (call for call in calls if call.arrived_at is not None and call.priority <= ROUTINE)
    spans = sorted(max(0.0, (call.arrived_at or 0.0) - call.opened_at) for call in came)
    return Help(
        len(spans),
        sum(within(span, HELP_MAX_S[0]) for span in spans),
        sum(within(span, HELP_MAX_S[1]) for span in spans),
        percentile(spans, 50),
        percentile(spans, 95),
        spans[-1] if spans else None,
    )


def help_times_from_sending(calls: Iterable[Call]) -> Help:
    """The same, counted from the first decision to send, as the TSA does; without those of which nobody noted one."""
    sent = (call for call in calls if call.sent_at is not None)
    return help_times(call._replace(opened_at=call.sent_at or 0.0) for call in sent)


@dataclass(frozen=True, slots=True)
class Inside:
    """How long it took from the door to the inside, of the helpers of whom both are known."""

    known: int
    within_5_min: int
    max_s: float | None


def inside_times(calls: Iterable[Call]) -> Inside:
    """Who has arrived should be inside within five minutes."""
    spans = [
        max(0.0, call.inside_at - call.arrived_at)
        for call in calls
        if call.inside_at is not None and call.arrived_at is not None and call.priority <= ROUTINE
    ]
    return Inside(len(spans), sum(within(span, INSIDE_MAX_S) for span in spans), max(spans, default=None))


def _curve(waits: Sequence[float]) -> list[tuple[int, float]]:
    if not waits:
        return []
    points, done = [], 0
    for seconds in CURVE_S:
        while done < len(waits) and within(waits[done], seconds):
            done += 1
        points.append((seconds, done / len(waits)))
    return points
