"""What an alarm is about, and its SCAIP codes: device type (table A) and status (table C of SS 91100)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class AlarmKind(StrEnum):
    """The kinds that Llar raises itself; `OTHER` is any code pair from elsewhere, shown raw and never dropped."""

    HELP = "help"
    DURESS = "duress"
    FALL = "fall"
    SMOKE = "smoke"
    GAS = "gas"
    CO = "co"
    FLOOD = "flood"
    INACTIVITY = "inactivity"
    NIGHT_DOOR = "night_door"
    NIGHT_WANDERING = "night_wandering"
    BATHROOM_STAY = "bathroom_stay"
    BED_LEFT = "bed_left"
    SENSOR_SILENT = "sensor_silent"
    SENSOR_OVER_EAGER = "sensor_over_eager"
    HUB_SILENT = "hub_silent"
    BATTERY_LOW = "battery_low"
    MAINS_LOST = "mains_lost"
    VITAL_SIGN = "vital_sign"
    VITAL_MISSING = "vital_missing"
    TEMPERATURE_EXTREME = "temperature_extreme"
    MEDICATION = "medication"
    OUTSIDE_ZONE = "outside_zone"
    IN_VEHICLE = "in_vehicle"
    LOCATOR_SILENT = "locator_silent"
    CHECK_IN_MISSED = "check_in_missed"
    SERVICE_CALL = "service_call"
    RADIO_DEAF = "radio_deaf"
    CONTACTS_UNREACHABLE = "contacts_unreachable"
    SMS_UNVERIFIED = "sms_unverified"
    TEST = "test"
    OTHER = "other"


SILENT_KINDS: Final = frozenset({AlarmKind.DURESS})
"""Calls of somebody who is threatened: nothing at home may say or show that help was called."""

OF_THE_CENTRE: Final = frozenset({AlarmKind.RADIO_DEAF, AlarmKind.CONTACTS_UNREACHABLE, AlarmKind.SMS_UNVERIFIED})
"""What only the centre itself notices: no device sends it, and it has no code."""

MANUAL: Final = 10
AUTOMATIC: Final = 9
OPEN: Final = 76
TIME_OUT: Final = 104
SERVICE: Final = 991
"""Of the codes that SCAIP leaves to each controller: it has none for a call that can wait (BS 8521 has 91)."""

SCAIP_CODES: Final[dict[AlarmKind, tuple[int, int]]] = {
    AlarmKind.HELP: (3, MANUAL),
    # personal-attack pendant
    AlarmKind.DURESS: (6, MANUAL),
    AlarmKind.FALL: (5, AUTOMATIC),
    AlarmKind.SMOKE: (23, AUTOMATIC),
    AlarmKind.GAS: (21, AUTOMATIC),
    AlarmKind.CO: (26, AUTOMATIC),
    AlarmKind.FLOOD: (33, AUTOMATIC),
    AlarmKind.INACTIVITY: (10, AUTOMATIC),
    AlarmKind.NIGHT_DOOR: (14, OPEN),
    AlarmKind.NIGHT_WANDERING: (15, AUTOMATIC),
    AlarmKind.BATHROOM_STAY: (18, TIME_OUT),
    AlarmKind.BED_LEFT: (12, AUTOMATIC),
    AlarmKind.SENSOR_SILENT: (31, 123),
    AlarmKind.SENSOR_OVER_EAGER: (31, 67),
    AlarmKind.HUB_SILENT: (32, 73),
    AlarmKind.BATTERY_LOW: (31, 16),
    AlarmKind.MAINS_LOST: (2, 85),
    AlarmKind.TEST: (2, 102),
    # monitoring device: alarm, time-out; environment; pill dispenser: not taken; tracker: alarm, movement, offline
    AlarmKind.VITAL_SIGN: (49, AUTOMATIC),
    AlarmKind.VITAL_MISSING: (49, TIME_OUT),
    AlarmKind.TEMPERATURE_EXTREME: (20, AUTOMATIC),
    AlarmKind.MEDICATION: (11, 81),
    AlarmKind.OUTSIDE_ZONE: (51, AUTOMATIC),
    AlarmKind.IN_VEHICLE: (51, 119),
    AlarmKind.LOCATOR_SILENT: (51, 73),
    # local unit, time-out: no sign of somebody at the time that was agreed
    AlarmKind.CHECK_IN_MISSED: (2, TIME_OUT),
    AlarmKind.SERVICE_CALL: (2, SERVICE),
}
"""Kind -> (dty, stc) as emitted."""

_HELP_TYPES: Final = frozenset({3, 4, 7})
_BY_TYPE: Final[dict[int, AlarmKind]] = {
    5: AlarmKind.FALL,
    # personal-attack pendant, bogus-caller switch
    6: AlarmKind.DURESS,
    27: AlarmKind.DURESS,
    30: AlarmKind.FALL,
    23: AlarmKind.SMOKE,
    47: AlarmKind.SMOKE,
    21: AlarmKind.GAS,
    26: AlarmKind.CO,
    33: AlarmKind.FLOOD,
    10: AlarmKind.INACTIVITY,
    12: AlarmKind.BED_LEFT,
    15: AlarmKind.NIGHT_WANDERING,
    11: AlarmKind.MEDICATION,
    19: AlarmKind.VITAL_SIGN,
    49: AlarmKind.VITAL_SIGN,
    20: AlarmKind.TEMPERATURE_EXTREME,
    25: AlarmKind.TEMPERATURE_EXTREME,
    51: AlarmKind.OUTSIDE_ZONE,
}
_BY_STATUS: Final[dict[int, AlarmKind]] = {
    14: AlarmKind.BATTERY_LOW,
    16: AlarmKind.BATTERY_LOW,
    73: AlarmKind.HUB_SILENT,
    85: AlarmKind.MAINS_LOST,
    102: AlarmKind.TEST,
    103: AlarmKind.TEST,
    123: AlarmKind.SENSOR_SILENT,
}
_BY_PAIR: Final[dict[tuple[int, int], AlarmKind]] = {
    # the button on the unit itself, as other makers send it
    (2, MANUAL): AlarmKind.HELP,
    (48, MANUAL): AlarmKind.HELP,
    (14, OPEN): AlarmKind.NIGHT_DOOR,
    (18, TIME_OUT): AlarmKind.BATHROOM_STAY,
    (2, TIME_OUT): AlarmKind.CHECK_IN_MISSED,
    (2, SERVICE): AlarmKind.SERVICE_CALL,
    (31, 67): AlarmKind.SENSOR_OVER_EAGER,
    (11, 81): AlarmKind.MEDICATION,
    (49, TIME_OUT): AlarmKind.VITAL_MISSING,
    (20, 100): AlarmKind.TEMPERATURE_EXTREME,
    (20, 101): AlarmKind.TEMPERATURE_EXTREME,
    (20, 126): AlarmKind.TEMPERATURE_EXTREME,
    (51, MANUAL): AlarmKind.HELP,
    (51, 119): AlarmKind.IN_VEHICLE,
    (51, 73): AlarmKind.LOCATOR_SILENT,
    (51, 123): AlarmKind.LOCATOR_SILENT,
}
_ALARM_STATES: Final = frozenset({0, 1, 6, 7, AUTOMATIC, MANUAL, 11})


def kind_of(dty: int, stc: int) -> AlarmKind:
    """The kind that a pair of codes means. A status that is itself a fault or test decides before the device type."""
    if (dty, stc) in _BY_PAIR:
        return _BY_PAIR[dty, stc]
    if stc in _BY_STATUS:
        return _BY_STATUS[stc]
    if stc not in _ALARM_STATES:
        return AlarmKind.OTHER
    if dty in _HELP_TYPES:
        return AlarmKind.HELP
    return _BY_TYPE.get(dty, AlarmKind.OTHER)
