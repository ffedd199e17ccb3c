"""What an alarm is about, and its SCAIP codes: device type (table A) and status (table C of SS 91100)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class AlarmKind(StrEnum):
    """The kinds that Llar raises itself; `OTHER` is any code pair from elsewhere, shown raw and never dropped."""

    HELP = "help"
    FALL = "fall"
    SMOKE = "smoke"
    GAS = "gas"
    CO = "co"
    FLOOD = "flood"
    INACTIVITY = "inactivity"
    SENSOR_SILENT = "sensor_silent"
    HUB_SILENT = "hub_silent"
    BATTERY_LOW = "battery_low"
    MAINS_LOST = "mains_lost"
    TEST = "test"
    OTHER = "other"


MANUAL: Final = 10
AUTOMATIC: Final = 9

SCAIP_CODES: Final[dict[AlarmKind, tuple[int, int]]] = {
    AlarmKind.HELP: (3, MANUAL),
    AlarmKind.FALL: (5, AUTOMATIC),
    AlarmKind.SMOKE: (23, AUTOMATIC),
    AlarmKind.GAS: (21, AUTOMATIC),
    AlarmKind.CO: (26, AUTOMATIC),
    AlarmKind.FLOOD: (33, AUTOMATIC),
    AlarmKind.INACTIVITY: (10, AUTOMATIC),
    AlarmKind.SENSOR_SILENT: (31, 123),
    AlarmKind.HUB_SILENT: (32, 73),
    AlarmKind.BATTERY_LOW: (31, 16),
    AlarmKind.MAINS_LOST: (2, 85),
    AlarmKind.TEST: (2, 102),
}
"""Kind -> (dty, stc) as emitted."""

_HELP_TYPES: Final = frozenset({3, 4, 6, 7})
_BY_TYPE: Final[dict[int, AlarmKind]] = {
    5: AlarmKind.FALL,
    30: AlarmKind.FALL,
    23: AlarmKind.SMOKE,
    47: AlarmKind.SMOKE,
    21: AlarmKind.GAS,
    26: AlarmKind.CO,
    33: AlarmKind.FLOOD,
    10: AlarmKind.INACTIVITY,
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
_ALARM_STATES: Final = frozenset({0, 1, 6, 7, AUTOMATIC, MANUAL, 11})


def kind_of(dty: int, stc: int) -> AlarmKind:
    """The kind that a pair of codes means. A status that is itself a fault or test decides before the device type."""
    if stc in _BY_STATUS:
        return _BY_STATUS[stc]
    if stc not in _ALARM_STATES:
        return AlarmKind.OTHER
    if dty in _HELP_TYPES:
        return AlarmKind.HELP
    return _BY_TYPE.get(dty, AlarmKind.OTHER)
