"""Promise: a fall that a worn sensor feels calls the centre, also when the wire was out for seconds."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from edge.home.stages import SceneName
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from simulators.firmware import HostFirmware
from simulators.firmware_build import FirmwareToolMissing
from simulators.movement import SEATED, Act, fall, feel, sit_down, walk
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


WORN = '[[worn]]\ndevice = "belt"\nsite = "waist"\n'


def steps(acts: Sequence[Act]) -> list[tuple[int, int, int]]:
    """As the sensor measures them."""
    rows = feel(acts, 50.0, seed=5)
    return [(round(x * G), round(y * G), round(z * G)) for x, y, z, *_ in rows]


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
async def test_a_fall_calls_the_centre(
    tmp_path: Path, write_config: Callable[[str], Path], belt: HostFirmware, desk: Desk, unplugged: bool
) -> None:
    config = write_config(f'[[serial]]\nport = "{belt.path}"\n{WORN}')
    (tmp_path / "enrolment.toml").write_text(ENROLMENT)
    async with running(config) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        await until(lambda: agent._falls is not None and agent._falls.pid, "falls are looked for")
        counts = agent._health.movement
        await belt.move(steps([*walk(4), *fall(5)]))
        await until(lambda: counts["windows"] >= 2, "the sensor streams")
        if unplugged:
            belt.unplug()
            await until(lambda: str(belt.path) in str(desk.states[-1].faults), "the centre is told that it is gone")
            belt.plug_in()
        await until(lambda: desk.alarms, "the fall calls")
    assert counts["samples_lost"] == 0
    assert counts["windows_refused"] == 0
    assert counts["falls"] == 1
    (alarm,) = {alarm.ref: alarm for alarm in desk.alarms}.values()
    assert kind_of(alarm.dty, alarm.stc) is AlarmKind.FALL
    assert alarm.did == "belt"
    assert {"belt/impact", "belt/tilt", "belt/stir"} <= {record.n for record in alarm.evidence}


async def test_a_hub_that_stops_in_the_middle_of_a_fall_asks_when_it_is_back(
    tmp_path: Path, write_config: Callable[[str], Path], belt: HostFirmware
) -> None:
    config = write_config(f'[[serial]]\nport = "{belt.path}"\n{WORN}')
    (tmp_path / "enrolment.toml").write_text(ENROLMENT)
    async with running(config) as agent:
        await until(lambda: agent._falls.pid, "falls are looked for")
        assert agent._falls.pid is not None
        os.kill(agent._falls.pid, signal.SIGSTOP)
        await belt.move(steps([*walk(4), *fall(5)]))
        await until(lambda: agent._intake._asking._ended, "the blow is on disk, and nobody has judged it")
        assert agent._presence.scene().name is SceneName.IDLE
    belt.unplug()
    async with running(config) as agent:
        await until(lambda: agent._presence.scene().name is SceneName.ASKING, "whoever wears it is asked")


async def test_a_blow_alone_calls_nobody(
    tmp_path: Path, write_config: Callable[[str], Path], belt: HostFirmware, desk: Desk
) -> None:
    config = write_config(f'[[serial]]\nport = "{belt.path}"\n{WORN}')
    (tmp_path / "enrolment.toml").write_text(ENROLMENT)
    async with running(config) as agent:
        await until(lambda: agent._falls is not None and agent._falls.pid, "falls are looked for")
        await belt.move(steps([*walk(2), *sit_down(1), Act(6, SEATED, blow_g=2.5)]))
        counts = agent._health.movement
        await until(lambda: counts["windows"] >= 5, "the sensor streams")
        await belt.move(steps([*walk(4), *fall(5)]))
        await until(lambda: desk.alarms, "the fall after it calls")
    assert counts["falls"] == 1
