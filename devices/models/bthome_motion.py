"""A BTHome motion detector, often with a light sensor."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_motion", ("motion", "illuminance", "temperature"), silence_max_s=4 * 3600.0)
