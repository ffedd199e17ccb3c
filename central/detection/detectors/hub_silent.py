"""The hub has not been heard: a technician's task after half an hour, a call to the person after two hours.

Everything from the hub counts as hearing it: heartbeat, state, measurements. Its last will only changes what is shown.
A hub that was never heard since its enrolment is a technician's task only: nobody relies on it yet.
"""

from __future__ import annotations

from typing import Final

from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.timeline import Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "hub_silent"


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The stages that have been reached."""
    heard_at, since_at = timeline.heard_at, timeline.marked_at
    if heard_at is None or since_at is None:
        return _never_heard(limits, moment)
    quiet_s = moment.now - heard_at
    if quiet_s < limits.hub_silent_technical_s:
        return []
    if moment.now < moment.hearing_from_at:
        return None
    found = [_silent("technical", "hub_silent", since_at, limits.hub_silent_technical_s)]
    if quiet_s >= limits.hub_silent_alarm_s:
        found.append(_silent("alarm", "hub_silent_long", since_at, limits.hub_silent_alarm_s))
    return found


def _never_heard(limits: Limits, moment: Moment) -> list[Situation] | None:
    limit_s = limits.hub_silent_technical_s
    if moment.now < max(moment.hearing_from_at, max(limits.hub_enrolled_at, moment.started_at) + limit_s):
        return None
    return [_silent("technical", "hub_silent", limits.hub_enrolled_at, limit_s)]


def _silent(subject: str, reason: str, since_at: float, limit_s: float) -> Situation:
    facts: dict[str, str | float] = {"silent_s": limit_s, "limit_s": limit_s}
    return Situation(subject, AlarmKind.HUB_SILENT, since_at, since_at + limit_s, reason, facts)


DETECTOR: Final = Detector(NAME, judge)
