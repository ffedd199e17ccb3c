"""Somebody seems to have gone out by the front door in the night, or the door stands open.

A door at night alone says nothing: in one recorded home it speaks on every second night. An exit is a door that opened
at an hour at which this home is usually asleep, with nobody noticed indoors afterwards for longer than its own nights
explain, and nobody in bed. Somebody who was seen walking to the door just before weighs three times as much as a door
that spoke by itself. A door that stands open is found only where the contact reports its state.

What it cannot do: where two people live, the one who stays hides the other's going; who comes home at night into rooms
without sensors looks like somebody who left, though three times as long a silence is needed.
"""

from __future__ import annotations

from typing import Final

from central.detection.nights import Night, exit_found_at, last_night
from central.detection.presence import alive, can_judge_presence, facts_of, limit_of, presence_of
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Timeline
from central.detection.watches import Watch
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "night_door"
EVIDENCE: Final = 8


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """An exit that goes on, and doors that stand open."""
    found = [*_gone(timeline, limits, moment), *_open(timeline, limits, moment)]
    if not can_judge_presence(timeline, limits, moment):
        return None
    return found


def _gone(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation]:
    presence = presence_of(timeline, limits, moment.now)
    exit_ = presence.exit
    if exit_ is None or exit_.at < (limits.away_until_at or 0.0):
        return []
    if exit_.at >= _night(presence.hours, exit_.at, limits).end_at:
        return []
    found_at = exit_found_at(exit_, limit_of(timeline, limits, Watch.NIGHT_EXIT, exit_.at))
    if moment.now < found_at or not _seen_indoors(timeline, limits, moment.now):
        return []
    facts = facts_of(exit_.device, exit_.at, found_at, limits)
    evidence = tuple(timeline.sightings(EVIDENCE, suspicion_of(timeline, limits, moment.now).without))
    return [Situation("exit", AlarmKind.NIGHT_DOOR, exit_.at, found_at, "night_exit", facts, evidence)]


def _open(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation]:
    found = []
    hours = presence_of(timeline, limits, moment.now).hours
    without = suspicion_of(timeline, limits, moment.now).without
    for door in limits.entry_doors:
        state = timeline.state(door, "open")
        if state is None or not state.value or door in without or not alive(timeline, limits, (door,), moment.now):
            continue
        night = _night(hours, moment.now, limits)
        counted_from = max(state.at, night.begin_at)
        found_at = counted_from + 60 * limit_of(timeline, limits, Watch.DOOR_OPEN, counted_from)
        if counted_from < night.end_at and found_at <= moment.now:
            facts = facts_of(door, state.at, found_at, limits)
            found.append(Situation(door, AlarmKind.NIGHT_DOOR, state.at, found_at, "door_left_open", facts, (state,)))
    return found


def _night(hours: tuple[int, int], at: float, limits: Limits) -> Night:
    return last_night(at, hours, limits.zone())


def _seen_indoors(timeline: Timeline, limits: Limits, now: float) -> bool:
    indoors = [device for device in timeline.watching() if device not in limits.entry_doors]
    return bool(alive(timeline, limits, indoors, now))


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
