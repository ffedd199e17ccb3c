"""A dispenser of medicines with a mobile card of its own, straight to the centre."""

from __future__ import annotations

from typing import Final

from devices.direct import direct_model

MODEL: Final = direct_model("dispenser", ("dose", "battery"), silence_max_s=86_400.0)
