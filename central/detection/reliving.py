"""A home's past, as the store tells it after a start, lived once more day by day.

A day that closed long ago was learned then, or would have been: it is learned now. What closed lately is left to the
engine, which waits until a hub that was away has sent what it held back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Final

from central.detection.learning import learn, midnight
from central.detection.profile import Limits
from central.detection.suspicion import eager_devices, since_of
from central.detection.timeline import Timeline
from devices.vocabulary import Reading

COMPLETE_AFTER_HOURS: Final = 2
"""Whole hours in which the hub was heard; after them all that it measured before has come."""
_DAY_S: Final = 86_400


def relive(timeline: Timeline, limits: Limits, rows: Iterable[Reading], heard: Collection[float], now: float) -> bool:
    """Takes readings of the past, and learns the days that are long over; True when there was any.

    Args:
        heard: times in whose hours the hub was heard, as the store tells.
    """
    learned = False
    complete_until = _complete_until(heard, now)
    by_time = sorted(rows, key=lambda reading: reading.measured_at)
    for day, readings in groupby(by_time, key=lambda reading: reading.measured_at // _DAY_S):
        timeline.take(readings, now)
        if timeline.habits.learned_day:
            timeline.activity.forget_before(midnight(timeline.habits.learned_day, limits.zone()))
        # what is at hand already of later days is no evidence yet: of the days between nothing has been read
        until = min((day + 1) * _DAY_S, complete_until)
        past = timeline.activity.upto(until - 1)
        without = since_of(eager_devices(past, timeline.habits, limits, until))
        strong_at = past.strong_at(limits.room_of, limits.entry_doors, until, without)
        if strong_at is not None:
            learned |= learn(timeline.habits, timeline.activity, limits, strong_at)
    return learned


def _complete_until(heard: Collection[float], now: float) -> float:
    """Up to when all that was measured has surely come: a while ago, or the begin of a lately ended gap."""
    hours = {int(at // 3600) for at in heard}
    this_hour = int(now // 3600)
    missing = [hour for hour in range(this_hour - COMPLETE_AFTER_HOURS, this_hour) if hour not in hours]
    if not missing:
        return now - COMPLETE_AFTER_HOURS * 3600
    return 3600.0 * (max((hour for hour in hours if hour < missing[0]), default=-1) + 1)
