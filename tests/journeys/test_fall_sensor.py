"""Promise: what a worn sensor feels round a fall is in the hub, whole, also when the wire was out for seconds."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from simulators.firmware import HostFirmware
from simulators.firmware_build import FirmwareToolMissing
from tests.edge.conftest import Desk, broker, desk, running, until, write_config

__all__ = ["broker", "desk", "write_config"]

pytestmark = pytest.mark.slow

BELT = 0x00B3117A
G = 2_048
ENROLMENT = f"""
[[device]]
id = "belt"
model = "serial_fall_sensor"
link = "serial"
address = "{BELT:08x}"
room = "belt"
"""


def fall(seed: int) -> list[tuple[int, int, int]]:
    """A second of standing, 400 ms of falling, the floor, four seconds of lying, at 50 Hz."""
    dice = random.Random(seed)

    def shaken(x: int, y: int, z: int, times: int) -> list[tuple[int, int, int]]:
        return [(x + dice.randint(-60, 60), y + dice.randint(-60, 60), z + dice.randint(-60, 60)) for _ in range(times)]

    return shaken(0, 0, G, 60) + shaken(100, 0, 300, 20) + shaken(9_000, 2_000, -3_000, 2) + shaken(G, 0, 0, 200)


@pytest.fixture
async def belt(tmp_path: Path) -> AsyncIterator[HostFirmware]:
    if shutil.which("mosquitto") is None:
        pytest.skip("NOT TESTED: the journeys need Mosquitto (sudo apt install mosquitto)")
    belt = HostFirmware("fall_sensor", tmp_path / "tty-belt", BELT)
    try:
        await belt.start()
    except FirmwareToolMissing as missing:
        pytest.skip(f"NOT TESTED: {missing}")
    yield belt
    belt.stop()


@pytest.mark.parametrize("unplugged", [False, True])
async def test_a_fall_is_in_the_hub_without_a_gap(
    tmp_path: Path, write_config: Callable[[str], Path], belt: HostFirmware, desk: Desk, unplugged: bool
) -> None:
    config = write_config(f'[[serial]]\nport = "{belt.path}"\n')
    (tmp_path / "enrolment.toml").write_text(ENROLMENT)
    async with running(config) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        counts = agent._health.movement
        await belt.move(fall(1))
        await until(lambda: counts["windows"] >= 2, "the sensor streams")
        if unplugged:
            belt.unplug()
            await until(lambda: str(belt.path) in str(desk.states[-1].faults), "the centre is told that it is gone")
            belt.plug_in()
        await until(lambda: counts["impacts"], "the hub has found the blow")
        await until(lambda: counts["windows"] >= 8, "all of it came")
    assert counts["samples_lost"] == 0
    assert counts["windows_refused"] == 0
    assert counts["impacts"] == 1
    assert desk.alarms == [], "a blow alone is no alarm"
