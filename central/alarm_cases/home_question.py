"""What the home itself is asked about before people are called, and for how long."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from central.alarm_cases.case import Facts
from central.alarm_cases.priority import Priority
from central.detection.stays import is_bathroom
from gateway.contract.alarm_kinds import AlarmKind

ASK_S: Final = 600.0
"""So long somebody who is about by day may take to answer: in the garden, in the shower, asleep in the chair."""
ASK_SHORT_S: Final = 180.0
"""By night, and where the bathroom was the last place: who lies on a cold floor should not wait for long."""
NIGHT_FROM_H: Final = 22
NIGHT_UNTIL_H: Final = 8
FRESH_S: Final = 300.0
"""Quiet that was found longer ago has waited for long enough."""
_INDOORS: Final = frozenset({"quiet_indoors", "not_up_yet", "quiet_too_long"})
"""Reasons of quiet at home; whoever has not come back is not there to be asked."""


def is_asked_about(facts: Facts) -> bool:
    """Whether a finding may be asked about at home before people are called: fresh quiet indoors, and nothing else."""
    is_quiet = facts.kind is AlarmKind.INACTIVITY and facts.priority is Priority.URGENT
    return is_quiet and facts.reason in _INDOORS and facts.late_s <= FRESH_S


def ask_s(room: str, now: float, timezone: ZoneInfo) -> float:
    """For how long a home is asked where `room` was the last place."""
    hour = datetime.fromtimestamp(now, timezone).hour
    by_night = hour >= NIGHT_FROM_H or hour < NIGHT_UNTIL_H
    return ASK_SHORT_S if by_night or is_bathroom(room) else ASK_S
