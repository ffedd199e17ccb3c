"""A BTHome button worn at the neck or the wrist, or on the wall beside the bath."""

from __future__ import annotations

from typing import Final

from devices.bthome_reader import bthome_model

MODEL: Final = bthome_model("bthome_pendant", ("press",), silence_max_s=86_400.0, key_required=True)
