"""What goes wrong with sensors and on the way to the hub: dead, over-eager, low; dropped, late and doubled messages."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.truth import What


@dataclass(frozen=True, slots=True)
class SensorFault:
    """A sensor that is dead, over-eager or low on battery (`what`) for a while, Unix seconds."""

    what: What
    sensor: str
    begin_at: float
    end_at: float


@dataclass(frozen=True, slots=True)
class Air:
    """The way from sensor to hub: shares of messages that are dropped, doubled, or late by up to `late_s`."""

    dropped: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_s: float = 600.0


CLEAR: Air = Air()
