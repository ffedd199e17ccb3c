"""A locator that a person carries: positions by satellite over the mobile network, straight to the centre."""

from __future__ import annotations

from typing import Final

from devices.direct import direct_model

MODEL: Final = direct_model(
    "locator",
    ("latitude", "longitude", "position_accuracy", "speed", "battery"),
    # on its charger by night it may send a position in two hours
    silence_max_s=7_200.0,
)
