"""Loud scenarios of the detectors of presence: played by the world of `test_detection`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from central.detection.profile import DeviceAtHome

if TYPE_CHECKING:
    from tests.central.test_detection import World

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def _lives() -> Callable[[World], None]:
    from tests.central.test_detection import lives

    return lives


def with_bathroom(world: World) -> World:
    """The same world with a sensor in the bathroom, too."""
    devices = {**world.limits.devices, "wet-room": DeviceAtHome("wet-room", "bathroom", 4 * HOUR)}
    world.limits = msgspec.structs.replace(world.limits, devices=devices)
    world.engine.enrol("flat-1", world.limits, world.now)
    world.alive.add("wet-room")
    return world


def asleep_until_three(world: World) -> World:
    """A day and the night after it, up to five past three o'clock."""
    return world.run_until(world.now + 27 * HOUR + 5 * MINUTE, _lives())


def gets_up(world: World) -> None:
    """Somebody gets out of bed."""
    world.in_bed = False
    world.see("bed", "presence", False)
    world.run_until(world.now + MINUTE)


def goes_out_at_night(world: World) -> World:
    gets_up(asleep_until_three(world))
    world.see("hall", "motion")
    world.see("door", "open", True)
    world.run_until(world.now + MINUTE)
    world.see("door", "open", False)
    return world.run_until(world.now + 40 * MINUTE)


def walks_about(world: World) -> World:
    asleep_until_three(world)
    gets_up(world)
    for turn in range(90):
        world.see(("hall", "kitchen")[turn // 2 % 2], "motion")
        world.run_until(world.now + MINUTE)
    return world.run_until(world.now + 5 * MINUTE)


def stays_in_the_bathroom(world: World) -> World:
    with_bathroom(world)
    world.run_until(world.now + 5 * DAY + 14.1 * HOUR, _lives())
    world.see("kitchen", "motion")
    for _ in range(4):
        world.run_until(world.now + 3 * MINUTE)
        world.see("wet-room", "motion")
    return world.run_until(world.now + 75 * MINUTE)


def leaves_the_bed(world: World) -> World:
    gets_up(asleep_until_three(world))
    return world.run_until(world.now + 55 * MINUTE)


def is_stuck(world: World) -> None:
    """A life in which the sensor in the kitchen fires every minute."""
    _lives()(world)
    world.see("kitchen", "motion")


def kitchen_sensor_is_stuck(world: World) -> World:
    start = world.now
    world.run_until(start + 21.5 * HOUR, _lives())
    return world.run_until(start + 27 * HOUR, is_stuck)


LOUD: Final[dict[str, tuple[Callable[[World], World], list[str]]]] = {
    "bathroom_stay": (stays_in_the_bathroom, ["bathroom_stay"]),
    "bed_left": (leaves_the_bed, ["bed_left"]),
    "night_door": (goes_out_at_night, ["night_exit"]),
    "night_wandering": (walks_about, ["night_wandering"]),
    "sensor_over_eager": (kitchen_sensor_is_stuck, ["sensor_over_eager"]),
}
