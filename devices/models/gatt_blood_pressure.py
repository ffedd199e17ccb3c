"""A blood pressure cuff: Blood Pressure Measurement (0x2A35) of the Blood Pressure Profile.

It sends what it has stored since it was last heard; most cuffs speak only to a hub that they are paired with. What it
marks as badly taken (moved, cuff too loose, wrong position) is refused: a wrong pressure is worse than none. The pulse
that it counts is a `heart_rate`.
"""

from __future__ import annotations

from typing import Final

from devices.gatt_sensor import Fields, Measurement, gatt_model
from devices.ieee11073 import NoNumber
from devices.rejection import Rejection

_KPA, _DATE, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10
_MOVED, _LOOSE, _POSITION = 0x01, 0x02, 0x20
MMHG_PER_KPA: Final = 7.500617
"""One conventional millimetre of mercury is 133.322387 Pa."""


def _interpret(fields: Fields) -> Measurement | Rejection:
    flags = fields.unsigned(1)
    systolic, diastolic, _mean = fields.sfloat(), fields.sfloat(), fields.sfloat()
    facts: dict[str, float | NoNumber] = {
        "systolic": _mmhg(systolic, flags),
        "diastolic": _mmhg(diastolic, flags),
    }
    sensor_s = fields.date() if flags & _DATE else None
    if flags & _PULSE:
        facts["heart_rate"] = fields.sfloat()
    if flags & _USER:
        fields.unsigned(1)
    status = fields.unsigned(2) if flags & _STATUS else 0
    if status & (_MOVED | _LOOSE | _POSITION):
        return Rejection("unreliable", "the cuff says that it was moved, too loose or wrongly placed: measure again")
    return Measurement(facts, sensor_s)


def _mmhg(value: float | NoNumber, flags: int) -> float | NoNumber:
    if isinstance(value, NoNumber) or not flags & _KPA:
        return value
    return round(value * MMHG_PER_KPA, 1)


MODEL: Final = gatt_model(
    "gatt_blood_pressure", ("systolic", "diastolic", "heart_rate"), {0x2A35: _interpret}, pair=True
)
