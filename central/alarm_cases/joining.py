"""Which open case a new alarm belongs to, and how much of its time can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from central.alarm_cases.case import Case
from central.alarm_cases.priority import Priority
from gateway.contract.messages import Alarm

JOIN_WITHIN_S: Final = 600.0
"""Alarms of one home so close together are one situation."""
LATE_AFTER_S: Final = 60.0
"""An alarm that took longer than this from the home to the centre is marked LATE: resends on a poor line take less."""
CLOCK_AHEAD_MAX_S: Final = 300.0
"""A hub's time further in the future than this is a wrong clock."""
AGE_MAX_S: Final = 40 * 86_400.0
"""A hub's time further in the past than this is a wrong clock: no hub keeps an alarm for so long."""


def joins(open_cases: Sequence[Case], priority: Priority, now: float) -> Case | None:
    """The case that an alarm joins: of those with a recent alarm the most urgent, then the newest; None: a new one.

    Tests join only tests, and nothing else joins them.
    """
    recent = [
        case
        for case in open_cases
        if case.open
        and abs(now - case.last_alarm_at) <= JOIN_WITHIN_S
        and (case.priority is Priority.TEST) == (priority is Priority.TEST)
    ]
    return min(recent, key=lambda case: (case.priority, -case.last_alarm_at, case.id), default=None)


def event_time(alarm: Alarm, received_at: float) -> float:
    """When it happened: the hub's clock if it trusts it and it is plausible, else by its age, else now."""
    if alarm.trusted and received_at - AGE_MAX_S <= alarm.tim <= received_at + CLOCK_AHEAD_MAX_S:
        return alarm.tim
    if alarm.age is not None and alarm.age <= AGE_MAX_S:
        return received_at - alarm.age
    return received_at


def lateness_s(event_at: float, received_at: float) -> float:
    """How late an alarm came; 0 when it came in time."""
    late_s = received_at - event_at
    return late_s if late_s > LATE_AFTER_S else 0.0
