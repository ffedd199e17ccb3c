"""A sensor that the hub has not heard for longer than its kind ever keeps silent: empty battery, taken away, broken.

Not judged while the hub itself is silent or has just come back; hours in which the hub was not heard do not count,
since it may have been without power, and deaf. A device that was never heard is not found: it is not installed yet.
"""

from __future__ import annotations

from typing import Final

from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "sensor_silent"


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The devices that have been silent for too long."""
    late = []
    for device in limits.devices.values():
        heard_at = timeline.device_heard_at.get(device.id)
        limit_s = device.silence_max_s + limits.sensor_grace_s
        if heard_at is None or moment.now - heard_at < limit_s:
            continue
        limit_s += timeline.activity.unheard_s(heard_at, moment.now)
        if moment.now - heard_at >= limit_s:
            facts: dict[str, str | float] = {
                "device": device.id,
                "room": device.room,
                "silent_s": limit_s,
                "limit_s": device.silence_max_s,
            }
            found_at = heard_at + limit_s
            late.append(Situation(device.id, AlarmKind.SENSOR_SILENT, heard_at, found_at, "sensor_silent", facts))
    if late and not can_judge_absence(timeline, limits, moment):
        return None
    return late


DETECTOR: Final = Detector(NAME, judge)
