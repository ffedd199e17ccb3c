"""A measurement that the care plan expects and that did not come: "weight daily before 10:00".

It is told once its time is over, and ends when the measurement comes, or half a day later. Not judged while the home
cannot be heard, nor for a day on which the residents are away.
"""

from __future__ import annotations

from typing import Final

from central.detection.care_plan import Expected
from central.detection.local_times import latest, same_day, say_clock, say_day_and_clock
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "vital_missing"
HOLDS_S: Final = 12 * 3600.0
"""So long after its time a measurement is asked for; then the day is over."""


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The measurements that are late."""
    if not limits.measurements:
        return []
    late = [found for each in limits.measurements if (found := _late(timeline, limits, each, moment.now)) is not None]
    if late and not can_judge_absence(timeline, limits, moment):
        return None
    return late


def _late(timeline: Timeline, limits: Limits, expected: Expected, now: float) -> Situation | None:
    zone = limits.zone()
    due_at = latest(expected.by, expected.days, now, zone)
    if due_at is None or now - due_at > HOLDS_S:
        return None
    since_at = same_day(expected.since, due_at, zone)
    if since_at < limits.hub_enrolled_at or (limits.away_until_at is not None and since_at < limits.away_until_at):
        return None
    known = [(steps[-1].last_at, device) for device, steps in timeline.measured.of_kind(expected.kind)]
    last_at, device = max(known, default=(0.0, ""))
    if last_at >= since_at:
        return None
    facts: dict[str, str | float] = {"device": device, "vital": expected.kind, "clock": say_clock(due_at, zone)}
    if last_at:
        facts["last"] = say_day_and_clock(last_at, zone)
    subject = f"{expected.kind}:{expected.by}"
    return Situation(subject, AlarmKind.VITAL_MISSING, since_at, due_at, "vital_missing", facts)


DETECTOR: Final = Detector(NAME, judge)
