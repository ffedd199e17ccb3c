"""The bed was left in the night, is still empty, and nobody has been noticed anywhere for too long.

Who walks about, sits in the kitchen or is in the bathroom is noticed there, and each sign begins the time anew; the
limit is more than the home's own nights show with the bed empty, and never less than the care plan says. Somebody who
went out by the door is found as that; somebody who does not get up in the morning is inactivity's.

What it cannot do: it needs a bed sensor that is known as one, by its model or in the care plan; a second person who is
noticed elsewhere hides the first.
"""

from __future__ import annotations

from typing import Final

from central.detection.nights import last_night
from central.detection.presence import alive, beds_of, can_judge_presence, facts_of, limit_of, presence_of
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Timeline
from central.detection.watches import Watch
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "bed_left"
EVIDENCE: Final = 8


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The beds that were left, each of its own."""
    presence = presence_of(timeline, limits, moment.now)
    last = presence.last
    if last is None or presence.exit is not None or last.at < (limits.away_until_at or 0.0):
        return []
    if moment.now < last.at + 60 * limits.bed_left_minutes:
        return []
    found_at = last.at + 60 * limit_of(timeline, limits, Watch.BED_LEFT, last.at)
    if moment.now < found_at:
        return []
    found = []
    for bed in beds_of(limits):
        state = timeline.state(bed, "presence")
        if state is None or state.value or not alive(timeline, limits, (bed,), moment.now):
            continue
        night = last_night(state.at, presence.hours, limits.zone())
        if state.at < night.end_at and last.at < night.end_at:
            facts = {**facts_of(last.device, last.at, found_at, limits), **_left(state.at, limits)}
            evidence = tuple(timeline.sightings(EVIDENCE, suspicion_of(timeline, limits, moment.now).without))
            found.append(Situation(bed, AlarmKind.BED_LEFT, state.at, found_at, "bed_left", facts, evidence))
    if found and not can_judge_presence(timeline, limits, moment):
        return None
    return found


def _left(at: float, limits: Limits) -> dict[str, str | float]:
    return {"last_by": facts_of("", at, at, limits)["last_by"]}


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
