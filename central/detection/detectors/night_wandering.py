"""Somebody walks about through several rooms for long, at an hour at which this home is usually asleep.

Counted are the minutes in which two rooms or more were noticed at once, in a walk of at least three rooms with no rest
of more than twenty minutes in it. The way to the bathroom and back is none. How much is too much is more than the
home's own nights explain, and never less than the care plan says. The finding stands until an hour of calm.

What it cannot do: it does not know who walks, or why; a carer or a visitor at night looks the same.
"""

from __future__ import annotations

from typing import Final

from central.detection.presence import CALM_S, can_judge_presence, facts_of, presence_of
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "night_wandering"
EVIDENCE: Final = 8


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The last walk, while it goes on or has hardly ended."""
    presence = presence_of(timeline, limits, moment.now)
    walk = presence.walk
    if walk is None or walk.found_at is None or moment.now - walk.end_at >= CALM_S:
        return []
    if not can_judge_presence(timeline, limits, moment):
        return None
    assert presence.last is not None
    facts = facts_of(presence.last.device, walk.begin_at, walk.found_at, limits)
    facts["rooms"] = ", ".join(walk.rooms)
    evidence = tuple(timeline.sightings(EVIDENCE, suspicion_of(timeline, limits, moment.now).without))
    return [
        Situation("home", AlarmKind.NIGHT_WANDERING, walk.begin_at, walk.found_at, "night_wandering", facts, evidence)
    ]


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
