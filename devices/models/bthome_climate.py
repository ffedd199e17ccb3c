"""A BTHome room thermometer and hygrometer."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_climate", ("temperature", "humidity", "illuminance"), silence_max_s=2 * 3600.0)
