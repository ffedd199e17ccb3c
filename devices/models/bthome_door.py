"""A BTHome contact at a door, a window or the refrigerator."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_door", ("open", "illuminance"), silence_max_s=12 * 3600.0)
