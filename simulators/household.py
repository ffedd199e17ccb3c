"""Who lives in a home, and with which sensors."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.home import STANDARD_SENSORS, Sensor
from simulators.person import Person, someone


@dataclass(frozen=True, slots=True)
class Household:
    """A home: the person whom Llar looks after, and their sensors.

    Attributes:
        name: fit for a home's or a hub's id.
    """

    name: str
    person: Person
    sensors: tuple[Sensor, ...] = STANDARD_SENSORS


def household(seed: int, timezone: str = "Europe/Madrid") -> Household:
    """A household drawn from `seed`."""
    return Household(f"sim-{seed:03d}", someone(seed, timezone))
