"""A bathroom scale: Weight Measurement (0x2A9D) of the Weight Scale Profile."""

from __future__ import annotations

from typing import Final

from devices.gatt_sensor import Fields, Measurement, gatt_model
from devices.ieee11073 import NoNumber

_IMPERIAL, _DATE, _USER, _BODY_MASS = 0x01, 0x02, 0x04, 0x08
_FAILED: Final = 0xFFFF
KG_PER_LB: Final = 0.45359237


def _interpret(fields: Fields) -> Measurement:
    flags = fields.unsigned(1)
    raw = fields.unsigned(2)
    sensor_s = fields.date() if flags & _DATE else None
    fields.unsigned((1 if flags & _USER else 0) + (4 if flags & _BODY_MASS else 0))
    kilograms = raw * 0.01 * KG_PER_LB if flags & _IMPERIAL else raw * 0.005
    return Measurement({"weight": NoNumber.NAN if raw == _FAILED else round(kilograms, 3)}, sensor_s)


MODEL: Final = gatt_model("gatt_weight_scale", ("weight",), {0x2A9D: _interpret})
