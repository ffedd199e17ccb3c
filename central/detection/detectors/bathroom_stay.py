"""Somebody was noticed in the bathroom, and for longer than this home's visits explain nowhere else.

The limit is what the home's own visits show, by day and at night apart, and never less than the care plan says. In the
first fortnight it is also more than every visit so far, and nothing is judged before three days are learned.

What it cannot know: who left the bathroom through rooms without a sensor, or by a door without a contact, looks the
same. Such homes show long visits all the time: their limit rises, and past three hours visits are not judged at all;
inactivity still is. Nothing is judged while another sensor of daily life is silent: the way out may be the one it saw.
"""

from __future__ import annotations

from typing import Final

from central.detection.nights import last_night
from central.detection.presence import alive, can_judge_presence, facts_of, limit_of, presence_of
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.stays import KNOWN_DAYS, UNSEEN_MINUTES
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Timeline
from central.detection.watches import Watch
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "bathroom_stay"
EVIDENCE: Final = 8


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """A visit that lasts for too long."""
    if timeline.habits.days < KNOWN_DAYS:
        return []
    presence = presence_of(timeline, limits, moment.now)
    visit = presence.visit
    if visit is None or visit.begin_at < (limits.away_until_at or 0.0):
        return []
    at_night = visit.begin_at < last_night(visit.begin_at, presence.hours, limits.zone()).end_at
    watch = Watch.BATHROOM_NIGHT if at_night else Watch.BATHROOM_DAY
    minutes = limit_of(timeline, limits, watch, visit.begin_at)
    found_at = visit.begin_at + 60 * minutes
    if minutes > UNSEEN_MINUTES or moment.now < found_at:
        return []
    watching = timeline.watching()
    if not can_judge_presence(timeline, limits, moment) or alive(timeline, limits, watching, moment.now) != watching:
        return None
    facts = facts_of(visit.device, visit.begin_at, found_at, limits)
    evidence = tuple(timeline.sightings(EVIDENCE, suspicion_of(timeline, limits, moment.now).without))
    return [Situation("home", AlarmKind.BATHROOM_STAY, visit.begin_at, found_at, "bathroom_stay", facts, evidence)]


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
