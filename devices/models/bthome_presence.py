"""A BTHome presence sensor: bed or chair mat, or a radar on the wall."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_presence", ("presence", "motion"), silence_max_s=4 * 3600.0)
