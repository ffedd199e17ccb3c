"""Which devices need a new battery: told once, and taken back only when the battery is clearly another. Pure."""

from __future__ import annotations

from typing import Final

from devices.device_model import DeviceModel
from devices.vocabulary import Reading

RISEN_PERCENT: Final = 15.0
"""So much above the limit a battery is new or charged: cold and load make the same one waver by less."""
RISEN_V: Final = 0.2


def is_low(model: DeviceModel, reading: Reading, *, was_low: bool) -> bool | None:
    """Whether the device's battery is low by this reading; None when the reading does not say."""
    if isinstance(reading.value, bool) or not isinstance(reading.value, int | float):
        return None
    if reading.kind == "battery":
        limit, risen = model.battery_low_percent, RISEN_PERCENT
    elif reading.kind == "voltage" and model.battery_low_v is not None:
        limit, risen = model.battery_low_v, RISEN_V
    else:
        return None
    return reading.value <= limit or (was_low and reading.value < limit + risen)
