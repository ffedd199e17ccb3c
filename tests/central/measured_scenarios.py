"""Loud scenarios of the detectors that judge measurements: played by the world of `test_detection`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from central.detection.profile import Limits, limits_of

if TYPE_CHECKING:
    from tests.central.test_detection import World

HOME: Final = "flat-1"
HOUR: Final = 3600.0
CENTER: Final = (41.38506, 2.17340)
PLAN: Final[dict[str, Any]] = {
    "measurements": [{"kind": "weight", "by": "10:00"}],
    "doses": [{"at": "09:00"}],
    "locator": {"zones": [{"name": "casa", "center": list(CENTER), "radius_m": 300}]},
}
METRES_PER_DEGREE: Final = 111_195.0
"""Along a meridian."""


def with_plan(world: World, **plan: Any) -> World:
    """The same world under a care plan."""
    limits, faults = limits_of(Limits(), plan, world.limits.timezone, world.limits.devices)
    assert faults == []
    world.limits = limits
    world.engine.enrol(HOME, limits, world.now)
    return world


def at_place(
    world: World, north_m: float, accuracy_m: float | None = 10.0, speed_m_s: float | None = None, device: str = "gps"
) -> None:
    """The locator is so many metres north of the middle."""
    world.alive.add(device)
    world.see(device, "latitude", CENTER[0] + north_m / METRES_PER_DEGREE)
    world.see(device, "longitude", CENTER[1])
    if accuracy_m is not None:
        world.see(device, "position_accuracy", accuracy_m)
    if speed_m_s is not None:
        world.see(device, "speed", speed_m_s)


def measure(world: World, device: str, kind: str, value: float | str) -> None:
    """A device measures, and is there from now on."""
    world.alive.add(device)
    world.see(device, kind, value)


def pressure_is_high(world: World) -> World:
    start = world.now
    world.run_until(start + 12 * HOUR, _lives())
    measure(world, "cuff", "systolic", 195.0)
    return world.run_until(start + 13 * HOUR, _lives())


def nobody_stands_on_the_scale(world: World) -> World:
    start = world.now
    with_plan(world, measurements=PLAN["measurements"])
    return world.run_until(start + 11 * HOUR, _lives())


def bedroom_is_cold(world: World) -> World:
    start = world.now
    world.alive.add("bedroom-climate")
    noise = random.Random(7)

    def cools(world: World) -> None:
        _lives()(world)
        if world.now // 60 % 5 == 0:
            world.see("bedroom-climate", "temperature", 14.0 + noise.random())

    return world.run_until(start + 3.7 * HOUR, cools)


def dose_is_forgotten(world: World) -> World:
    start = world.now
    with_plan(world, doses=PLAN["doses"])
    world.alive.add("dispenser")

    def gives(world: World) -> None:
        _lives()(world)
        if world.now == start + 9 * HOUR:
            world.see("dispenser", "dose", "due")

    return world.run_until(start + 11 * HOUR, gives)


def walks_away(world: World) -> World:
    start = world.now
    with_plan(world, locator=PLAN["locator"])

    def walks(world: World) -> None:
        _lives()(world)
        minutes = (world.now - start) / 60 - 10 * 60
        at_place(world, max(0.0, 60.0 * minutes))

    return world.run_until(start + 10.4 * HOUR, walks)


def _lives() -> Callable[[World], None]:
    from tests.central.test_detection import lives

    return lives


LOUD: Final[dict[str, tuple[Callable[[Any], Any], list[str]]]] = {
    "location": (walks_away, ["outside_zone"]),
    "medication": (dose_is_forgotten, ["dose_not_taken"]),
    "temperature_extreme": (bedroom_is_cold, ["too_cold"]),
    "vital_missing": (nobody_stands_on_the_scale, ["vital_missing"]),
    "vital_sign": (pressure_is_high, ["vital_high"]),
}
