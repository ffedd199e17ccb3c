"""When a silence becomes one that this home's habits do not explain.

Two clocks run: one since the last sign of anybody, one since the last strong evidence, which stray triggers do not
restart. Three expectations may fail, each with false alarms of its own: somebody indoors is quiet, has not got up, has
not come home. What was found holds until strong evidence of somebody: a stray trigger ends neither a collapse nor an
absence. After an entry door that nobody came back through this state is *away*: only habit and hours lead into it,
never the door by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from central.detection.activity import KEEP_S, NOBODY, STEP_S, Act, Activity
from central.detection.fixed_limit import shortest_s, used_up_at
from central.detection.habits import Habits, Start
from central.detection.past_silences import DAY_STEPS
from central.detection.profile import Limits

if TYPE_CHECKING:
    from central.detection.situation import Situation

SHORTEST_S: Final = 3_600.0
"""No silence shorter than this is judged."""
STRONG_SHARE: Final = 0.25
"""Of the wished false alarms, those that the clock of strong evidence may cause."""
_NOUGHT: Final = 1e-9
EVENING: Final = timedelta(hours=2)
"""Who is last noticed so long before the home's night has gone to bed."""


class Budget(IntEnum):
    """Which expectation fails."""

    QUIET_INDOORS = 0
    NOT_UP = 1
    NOT_HOME = 2


class Broken(NamedTuple):
    """An expectation that failed: when the silence began and passed its limit, and after what."""

    since_at: float
    found_at: float
    budget: Budget
    after: Act
    strong: bool


class Expectation(NamedTuple):
    """When the silence that is going on will be too long, or was, for as long as nothing else is known: the activity's
    version, the last day learned, the home's limits, the sensors that are not believed. `told`: what is said of it."""

    version: int
    learned_day: int
    limits: Limits
    without: Mapping[str, float]
    due_at: float
    broken: Broken | None
    told: Situation | None = None


def start_of(act: Act, zone: ZoneInfo) -> Start:
    """The silence that begins after an act."""
    local = datetime.fromtimestamp(act.at, zone)
    step = (local.hour * 3600 + local.minute * 60 + local.second) // STEP_S
    return Start(local.toordinal(), step % DAY_STEPS, act.room, act.door)


def budget_of(start: Start, limits: Limits) -> Budget:
    """What is expected next after such a start."""
    if start.door:
        return Budget.NOT_HOME
    begin, end = _step_of(limits.night_from), _step_of(limits.night_to)
    begin = (begin - int(EVENING.total_seconds()) // STEP_S) % DAY_STEPS
    at_night = (start.step - begin) % DAY_STEPS < (end - begin) % DAY_STEPS
    return Budget.NOT_UP if at_night else Budget.QUIET_INDOORS


def _step_of(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 3600 + int(minutes) * 60) // STEP_S


def budget_key(budget: Budget, strong: bool) -> int:
    """Under which a budget's past is kept."""
    return int(budget) + (len(Budget) if strong else 0)


def longest_steps(habits: Habits, start: Start, limits: Limits) -> tuple[int, int]:
    """After how many steps a silence is too long, by the clock of any sign and by that of strong evidence."""
    scores = habits.scores(start)
    budget = budget_of(start, limits)
    found = []
    for strong, share in ((False, 1 - STRONG_SHARE), (True, STRONG_SHARE)):
        among = [budget_key(other, strong) for other in Budget]
        wished = limits.inactivity_false_alarms * share
        limit = habits.limit(budget_key(budget, strong), among, wished, limits.share_of(int(budget)), start.day)
        found.append(_first_above(scores, limit))
    return found[0], found[1]


def _plans_own(act: Act, start: Start, limits: Limits) -> float:
    return act.at + limits.inactivity_away_hours * 3600 if start.door else used_up_at(act.at, limits)


def _is_capped(start: Start, habits: Habits, limits: Limits) -> bool:
    """Whether the plan's hours hold all the same: indoors, while ordinary life has never been as quiet as that. A limit
    that is later comes from few weeks then, or from long goings-out, which say little of such silences."""
    hours = limits.inactivity_hours, limits.inactivity_night_hours
    return not start.door and not habits.outlasted(
        _steps_allowed(*hours, _step_of(limits.night_from), _step_of(limits.night_to))
    )


@lru_cache(maxsize=100)
def _steps_allowed(day_hours: float, night_hours: float, night_from: int, night_to: int) -> tuple[int, ...]:
    """After how many steps a silence has used up the plan's hours, by the step of the day at which it begins."""
    night_steps = (night_to - night_from) % DAY_STEPS
    hours = [night_hours if (step - night_from) % DAY_STEPS < night_steps else day_hours for step in range(DAY_STEPS)]
    found = []
    for begin in range(DAY_STEPS):
        left, steps = 1.0, 0
        while left > _NOUGHT and steps < DAY_STEPS:
            left -= STEP_S / 3600 / hours[(begin + steps) % DAY_STEPS]
            steps += 1
        found.append(steps)
    return tuple(found)


def _first_above(scores: Sequence[float], limit: float | None) -> int:
    if limit is None:
        return DAY_STEPS
    least = int(SHORTEST_S) // STEP_S
    for step in range(least, DAY_STEPS):
        if scores[step] > limit:
            return step
    return DAY_STEPS


def since_strong_evidence(
    activity: Activity, limits: Limits, now: float, without: Mapping[str, float] = NOBODY
) -> list[Act]:
    """The last strong evidence of somebody and the weak signs since then, oldest first; empty where nothing is known.
    After an announced absence, its end counts as such evidence. `without`: sensors that are not believed."""
    # from the last sign on: a silence of a week has its begin still
    acts = activity.acts(min(now, activity.last_at() or now) - KEEP_S, limits.room_of, limits.entry_doors, without)
    acts = acts[max((place for place, act in enumerate(acts) if act.strong), default=0) :]
    back_at = limits.away_until_at
    if back_at is not None and acts and acts[0].at < back_at <= now:
        later = [act for act in acts if act.at >= back_at]
        acts = [acts[-len(later) - 1]._replace(first_at=back_at, at=back_at), *later]
    return acts


def first_broken(acts: Sequence[Act], habits: Habits, limits: Limits, until: float) -> tuple[Broken | None, float]:
    """What failed first after the last strong evidence, and when the next expectation fails if nobody is noticed.

    Args:
        acts: the last strong evidence and the weak signs after it, oldest first.
        until: now.
    """
    zone = limits.zone()
    strong_due = due = float("inf")
    strong_from = acts[0]
    for place, act in enumerate(acts):
        start = start_of(act, zone)
        steps, strong_steps = longest_steps(habits, start, limits)
        if place == 0:
            strong_due = act.at + strong_steps * STEP_S
        due = act.at + steps * STEP_S
        if due - act.at > shortest_s(limits) and (limits.inactivity_capped or _is_capped(start, habits, limits)):
            due = min(due, _plans_own(act, start, limits))
        next_at = acts[place + 1].first_at if place + 1 < len(acts) else until
        first = min(due, strong_due)
        if first <= next_at:
            after = act if due <= strong_due else strong_from
            budget = budget_of(start_of(after, zone), limits)
            return Broken(after.at, first, budget, after, due > strong_due), first
    return None, min(due, strong_due)
