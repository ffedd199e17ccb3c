"""A heart rate belt or watch: Heart Rate Measurement (0x2A37) of the Heart Rate Profile."""

from __future__ import annotations

from typing import Final

from devices.gatt_sensor import Fields, Measurement, gatt_model

_WIDE, _NO_CONTACT_MASK, _NO_CONTACT, _ENERGY, _INTERVALS = 0x01, 0x06, 0x04, 0x08, 0x10


def _interpret(fields: Fields) -> Measurement:
    flags = fields.unsigned(1)
    rate = float(fields.unsigned(2 if flags & _WIDE else 1))
    if flags & _ENERGY:
        fields.unsigned(2)
    while flags & _INTERVALS and fields.left > 0:
        fields.unsigned(2)
    # a belt that knows that it has lost the skin goes on sending its last value
    return (
        Measurement(flow=True)
        if flags & _NO_CONTACT_MASK == _NO_CONTACT
        else Measurement({"heart_rate": rate}, flow=True)
    )


MODEL: Final = gatt_model("gatt_heart_rate", ("heart_rate",), {0x2A37: _interpret}, stays=True)
