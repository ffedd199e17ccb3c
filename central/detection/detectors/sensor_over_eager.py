"""A sensor fires again and again though nothing else at home explains it: a technician's task.

A dead sensor looks like a collapse; one that fires without end hides one. So what it says does not restart the clocks
of inactivity until it rests; `central.detection.suspicion` says how it is found, and what cannot be found.
"""

from __future__ import annotations

from typing import Final

from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "sensor_over_eager"


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The sensors under suspicion."""
    found = []
    for device, eager in suspicion_of(timeline, limits, moment.now).eager.items():
        enrolled = limits.devices.get(device)
        lasted_s = round(eager.found_at - eager.since_at)
        facts: dict[str, str | float] = {
            "device": device,
            "room": enrolled.room if enrolled else "",
            "quiet_s": lasted_s,
            "limit_s": lasted_s,
        }
        found.append(
            Situation(device, AlarmKind.SENSOR_OVER_EAGER, eager.since_at, eager.found_at, "sensor_over_eager", facts)
        )
    if not can_judge_absence(timeline, limits, moment):
        return None
    return found


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
