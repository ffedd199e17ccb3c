"""How urgent a case is, and the mark that stands for it."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from gateway.contract.alarm_kinds import AlarmKind


class Priority(IntEnum):
    """Lower is more urgent. TEST stands apart: it never mixes with real cases."""

    LIFE = 1
    URGENT = 2
    ROUTINE = 3
    TECHNICAL = 4
    TEST = 5


MARKS: Final[dict[int, str]] = {
    Priority.LIFE: "P1",
    Priority.URGENT: "P2",
    Priority.ROUTINE: "P3",
    Priority.TECHNICAL: "T",
    Priority.TEST: "TEST",
}
"""Stands for a priority in what pages and programs read."""

_BY_KIND: Final[dict[AlarmKind, Priority]] = {
    AlarmKind.HELP: Priority.LIFE,
    AlarmKind.DURESS: Priority.LIFE,
    AlarmKind.FALL: Priority.LIFE,
    AlarmKind.SMOKE: Priority.LIFE,
    AlarmKind.GAS: Priority.LIFE,
    AlarmKind.CO: Priority.LIFE,
    AlarmKind.FLOOD: Priority.URGENT,
    AlarmKind.INACTIVITY: Priority.URGENT,
    AlarmKind.NIGHT_DOOR: Priority.URGENT,
    AlarmKind.NIGHT_WANDERING: Priority.URGENT,
    AlarmKind.BATHROOM_STAY: Priority.URGENT,
    AlarmKind.BED_LEFT: Priority.URGENT,
    AlarmKind.SENSOR_SILENT: Priority.TECHNICAL,
    AlarmKind.SENSOR_OVER_EAGER: Priority.TECHNICAL,
    AlarmKind.HUB_SILENT: Priority.TECHNICAL,
    AlarmKind.BATTERY_LOW: Priority.TECHNICAL,
    AlarmKind.MAINS_LOST: Priority.TECHNICAL,
    AlarmKind.VITAL_SIGN: Priority.ROUTINE,
    AlarmKind.VITAL_MISSING: Priority.ROUTINE,
    AlarmKind.TEMPERATURE_EXTREME: Priority.URGENT,
    AlarmKind.MEDICATION: Priority.ROUTINE,
    AlarmKind.OUTSIDE_ZONE: Priority.URGENT,
    AlarmKind.IN_VEHICLE: Priority.URGENT,
    AlarmKind.LOCATOR_SILENT: Priority.URGENT,
    AlarmKind.CHECK_IN_MISSED: Priority.ROUTINE,
    AlarmKind.SERVICE_CALL: Priority.ROUTINE,
    AlarmKind.RADIO_DEAF: Priority.TECHNICAL,
    AlarmKind.CONTACTS_UNREACHABLE: Priority.TECHNICAL,
    AlarmKind.SMS_UNVERIFIED: Priority.ROUTINE,
    AlarmKind.TEST: Priority.TEST,
    # a code that is not known here may be anything: a person looks soon
    AlarmKind.OTHER: Priority.URGENT,
}
HUB_SILENT_LONG: Final = "hub_silent_long"
"""The detector's word for a hub that is silent so long that somebody rings the person."""
SMS_UNVERIFIED: Final = "sms_unverified"
"""A text from the number of a hub of ours that the hub did not seal: somebody looks, but anybody could have sent it."""
CONTACTS_UNREACHABLE: Final = "contacts_unreachable"
"""Nobody of a home's contacts could be reached at some hour of the coming week."""
CALL_UNANSWERED: Final = "call_unanswered"
"""A call of the agenda that matters was tried in vain as often as its kind wants."""
RISK_CALL_UNANSWERED: Final = "risk_call_unanswered"
"""The follow-up of somebody at risk of suicide was tried in vain, or nobody made it in its time."""
_LIFE_FROM: Final = 8
_URGENT_FROM: Final = 5


def priority_of(kind: AlarmKind, pri: int = 0) -> Priority:
    """The priority of an alarm of `kind` with SCAIP priority `pri` (0..9, 9 highest, 0 also meaning "not said").

    The sender may raise what the kind says, never lower it; a test stays a test.
    """
    by_kind = _BY_KIND[kind]
    if by_kind is Priority.TEST:
        return by_kind
    if pri >= _LIFE_FROM:
        return Priority.LIFE
    return min(by_kind, Priority.URGENT) if pri >= _URGENT_FROM else by_kind


def priority_of_finding(kind: AlarmKind, reason: str) -> Priority:
    """The priority of a detector's finding. A hub that is silent over its limit leaves a person unwatched."""
    by_reason = {
        HUB_SILENT_LONG: Priority.URGENT,
        CALL_UNANSWERED: Priority.URGENT,
        RISK_CALL_UNANSWERED: Priority.LIFE,
        # a measurement far out of range, where the care plan wants it
        "vital_urgent_low": Priority.URGENT,
        "vital_urgent_high": Priority.URGENT,
    }
    return by_reason.get(reason) or priority_of(kind)
