"""Sensors that fire too much: whose signals are not believed, because nothing else at home explains them.

A sensor is under suspicion when it fires again and again, alone: for hours no other sensor notices anybody more than
in passing, as a stray trigger or a short visit to the bathroom is noticed. The score of such a time is the number of
five-minute steps in which the sensor fired, times the share of them in the whole time. So a sensor that is stuck has a
score of twelve an hour; somebody who watches television for an evening, or lies in bed for a night, reaches five or
six in all the time. The limit is more than the home's own past explains. What such a sensor says does not restart the
clocks of inactivity, from the begin of that time on, until it has rested for two hours.

What it cannot do: a sensor that goes wrong by day, while somebody walks about elsewhere, is found in the next quiet
hours; one in the room of somebody who hardly ever leaves it fires no more than life explains. Who is in bed for days
with a sensor above it may come under suspicion: the care plan can name such sensors as lively ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from central.detection.activity import KEEP_S, NOBODY, STEP_S, Activity
from central.detection.habits import Habits
from central.detection.profile import Limits
from central.detection.watches import Watch

if TYPE_CHECKING:
    from central.detection.timeline import Timeline

REST_STEPS: Final = 24
"""A sensor that was silent for two hours is believed again."""
IN_PASSING_STEPS: Final = 6
"""Another sensor twice within half an hour, or two rooms at once, is no passing sign."""
THIN_SHARE: Final = 1 / 3
"""Who fires in fewer of the steps has not begun yet."""
AWAY_SCORE: Final = 12.0
"""An hour of it while nobody is to be at home."""
WISHED: Final = 0.5
"""Suspicions for nothing in 30 days."""


class Eager(NamedTuple):
    """A device under suspicion: from when its signals do not count, when that was clear, and the limit's length."""

    since_at: float
    found_at: float


class Suspicion(NamedTuple):
    """What was last reckoned, and from what: the activity's version, the last day learned, limits, whether everybody is
    away, and while anything is suspected the step of now."""

    known: tuple[int, int, Limits, bool, int]
    eager: Mapping[str, Eager]
    without: Mapping[str, float]


class Run(NamedTuple):
    """A time in which a sensor fired alone: first and last step, and the score then."""

    first: int
    last: int
    score: float


def suspicion_of(timeline: Timeline, limits: Limits, now: float) -> Suspicion:
    """Who is under suspicion now. Reckoned anew only when something was noticed, or while a sensor may have rested."""
    activity, habits, before = timeline.activity, timeline.habits, timeline.suspicion
    away = limits.away_until_at is not None and now < limits.away_until_at
    step = int(now // STEP_S) if before is not None and before.eager else 0
    known = (activity.version, habits.learned_day, limits, away, step)
    if before is None or before.known != known:
        eager = eager_devices(activity, habits, limits, now)
        before = timeline.suspicion = Suspicion(known, eager, since_of(eager))
    return before


def since_of(eager: Mapping[str, Eager]) -> Mapping[str, float]:
    """From when on each device is not believed, as `Activity.acts` takes it."""
    return {device: found.since_at for device, found in eager.items()} if eager else NOBODY


def eager_devices(
    activity: Activity, habits: Habits, limits: Limits, now: float, *, rested: bool = False
) -> dict[str, Eager]:
    """The devices under suspicion at `now`; where `rested`, those too that have been since, as far as acts are kept."""
    least = 3600 / STEP_S * limits.sensor_over_eager_hours
    limit = habits.rare(Watch.OVER_EAGER, WISHED, least, datetime.fromtimestamp(now, limits.zone()).toordinal())
    if limits.away_until_at is not None and now < limits.away_until_at:
        limit = AWAY_SCORE
    steps = activity.masks(now - KEEP_S)
    found = {}
    for code in _candidates(steps, len(activity.devices), limit):
        device = activity.devices[code]
        eager = None if device in limits.lively_sensors else _eager(steps, code, limit, int(now // STEP_S), rested)
        if eager is not None:
            found[device] = eager
    return found


def _candidates(steps: Sequence[tuple[int, int]], devices: int, least: float) -> list[int]:
    """Devices that fired in so many steps, alone or with one other: few homes have any at a time."""
    counts = [0] * devices
    for mask, times in Counter(map(itemgetter(1), steps)).items():
        if mask.bit_count() <= 2:
            for code in {mask.bit_length() - 1, (mask & -mask).bit_length() - 1}:
                counts[code] += times
    return [code for code, count in enumerate(counts) if count >= least]


def _eager(steps: Sequence[tuple[int, int]], code: int, limit: float, now: int, rested: bool) -> Eager | None:
    found: Eager | None = None
    fired = None
    for run in runs(steps, code):
        if fired is not None and run.last - fired >= REST_STEPS and not rested:
            found = None
        fired = run.last
        if found is None and run.score >= limit:
            found = Eager(run.first * float(STEP_S), run.last * float(STEP_S))
    return found if rested or (fired is not None and now - fired < REST_STEPS) else None


def runs(steps: Sequence[tuple[int, int]], code: int) -> list[Run]:
    """For each step in which the device fired, the time of firing alone up to it."""
    bit = 1 << code
    found: list[Run] = []
    first = count = 0
    other_step, fired = -IN_PASSING_STEPS, -REST_STEPS
    for number, mask in steps:
        others = mask & ~bit
        if others:
            if others & (others - 1) or number - other_step < IN_PASSING_STEPS:
                count = 0
            other_step = number
        if mask & bit:
            thin = count < THIN_SHARE * (number - first)
            if not count or thin or number - fired >= REST_STEPS:
                first, count = number, 0
            count, fired = count + 1, number
            found.append(Run(first, number, count * count / (number - first + 1)))
    return found


def worst_score(activity: Activity, limits: Limits, since_at: float, until_at: float) -> float:
    """The greatest score of any device in a time, for learning."""
    steps = [(number, mask) for number, mask in activity.masks(since_at) if number * STEP_S < until_at]
    scores = [
        run.score
        for code in _candidates(steps, len(activity.devices), REST_STEPS / 2)
        if activity.devices[code] not in limits.lively_sensors
        for run in runs(steps, code)
    ]
    return max(scores, default=0.0)
