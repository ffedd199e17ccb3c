"""What a day that is over teaches the detectors of presence: how far ordinary life went, found as the present is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from central.detection.activity import STEP_S, Activity, Sign
from central.detection.habits import Habits
from central.detection.nights import (
    ROOMS_LEAST,
    Exit,
    Night,
    exit_score,
    exits,
    night_of_day,
    open_spans,
    sleep_seconds,
    state_at,
    walks,
)
from central.detection.presence import beds_of, in_bed
from central.detection.profile import Limits
from central.detection.stays import bathroom_devices, visits
from central.detection.suspicion import worst_score
from central.detection.watches import Watch

LEARNED_SIGNS_S: Final = 86_400.0
"""Of the day before so much: the night that ends on a day begins on it."""


def learn_presence(
    habits: Habits,
    activity: Activity,
    limits: Limits,
    ordinal: int,
    day: tuple[float, float],
    strange: Sequence[tuple[float, float]],
    without: Mapping[str, float],
) -> None:
    """Notes how far the scores of all watches went on a day and in the night that ended on it.

    Args:
        ordinal: the local day; day: its begin and end, Unix seconds.
        strange: times that were no ordinary life; without: sensors not to be believed, from when on.
    """

    def ordinary(begin_at: float, end_at: float) -> bool:
        usual = not any(begin_at < until and since < end_at for since, until in strange)
        return usual and activity.heard_throughout(begin_at, end_at)

    def note(watch: Watch, score: float, begin_at: float, end_at: float) -> None:
        if score > 0 and ordinary(begin_at, end_at):
            habits.note_worst(watch, ordinal, score)

    signs = activity.signs(day[0] - LEARNED_SIGNS_S, without)
    hours = sleep_seconds(habits, limits)
    night = night_of_day(ordinal, hours, limits.zone())
    gone = [exit_ for exit_ in exits(signs, limits) if not in_bed(activity, limits, exit_.at)]
    for exit_ in gone:
        if exit_.back_at is not None and night.begin_at <= exit_.at < night.end_at:
            note(Watch.NIGHT_EXIT, exit_score(exit_, exit_.back_at), exit_.at, exit_.back_at)
    for begin_at, end_at in _empty_beds(activity, signs, gone, night, limits):
        note(Watch.BED_LEFT, (end_at - begin_at) / 60, begin_at, end_at)
    for door in set(limits.entry_doors).difference(without):
        for opened_at, closed_at in open_spans(activity.changes(door, day[0] - LEARNED_SIGNS_S), night, day[1]):
            note(Watch.DOOR_OPEN, (closed_at - max(opened_at, night.begin_at)) / 60, opened_at, closed_at)
    for walk in walks(signs, night, limits):
        if len(walk.rooms) >= ROOMS_LEAST:
            note(Watch.WANDERING, walk.minutes, walk.begin_at, walk.end_at)
    for visit in visits(signs, bathroom_devices(limits)):
        if visit.end_at is not None and day[0] <= visit.begin_at < day[1]:
            at_night = night.begin_at <= visit.begin_at < night.end_at
            watch = Watch.BATHROOM_NIGHT if at_night else Watch.BATHROOM_DAY
            note(watch, (visit.end_at - visit.begin_at) / 60, visit.begin_at, visit.end_at)
    if not without:
        note(Watch.OVER_EAGER, worst_score(activity, limits, day[0] - LEARNED_SIGNS_S, day[1]), *day)


def _empty_beds(
    activity: Activity, signs: Sequence[Sign], gone: Sequence[Exit], night: Night, limits: Limits
) -> list[tuple[float, float]]:
    """Silences of a night in which a bed that was left in it was empty and nobody had gone out."""
    changes = [activity.changes(bed, night.begin_at - LEARNED_SIGNS_S) for bed in beds_of(limits)]
    if not any(changes):
        return []
    found = []
    for before, after in pairwise(signs):
        if not night.begin_at <= before.at < night.end_at or after.first_at - before.at < STEP_S:
            continue
        states = [state_at(of_bed, before.at) for of_bed in changes]
        left = any(state is not None and not state.on and state.at >= night.begin_at for state in states)
        if left and not any(exit_.at <= before.at < (exit_.back_at or after.at) for exit_ in gone):
            found.append((before.at, after.first_at))
    return found
