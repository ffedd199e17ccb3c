"""A BTHome smoke detector."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_smoke", ("smoke", "temperature"), silence_max_s=86_400.0, key_required=True)
