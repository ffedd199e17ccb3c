"""A clinical thermometer: Temperature Measurement (0x2A1C) of the Health Thermometer Profile."""

from __future__ import annotations

from typing import Final

from devices.gatt_sensor import Fields, Measurement, gatt_model
from devices.ieee11073 import NoNumber

_FAHRENHEIT, _DATE, _SITE = 0x01, 0x02, 0x04


def _interpret(fields: Fields) -> Measurement:
    flags = fields.unsigned(1)
    value = fields.medical_float()
    sensor_s = fields.date() if flags & _DATE else None
    if flags & _SITE:
        fields.unsigned(1)
    if flags & _FAHRENHEIT and not isinstance(value, NoNumber):
        value = round((value - 32) / 1.8, 2)
    return Measurement({"body_temperature": value}, sensor_s)


MODEL: Final = gatt_model("gatt_thermometer", ("body_temperature",), {0x2A1C: _interpret})
