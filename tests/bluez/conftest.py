"""The agent as a program of its own on a real BlueZ in an emulated machine, with a real broker and a desk that answers.

One machine for the whole run, since it takes a quarter of a minute to start; each test has its own agent, disk and
broker. All of it lives on one event loop, the session's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from gateway.broker import Broker, start_broker
from simulators.bthome_bytes import ButtonPress, ObjectId
from simulators.child import tied
from simulators.machines import bluez
from simulators.machines.bluez import BluezMachine
from simulators.radio import BTHomeSensor, VirtualAir
from tests.edge.conftest import BUTTON_KEY, HUB, MOTION_ADDRESS, Desk, until
from tools.guest_kernel import Guest, NoGuestError, initramfs, kernel

HOUSE = Path(__file__).resolve().parents[2]

BUTTONS = [f"A4:C1:38:00:01:{number:02X}" for number in range(8)]
"""Presses of one pendant within ten seconds are one alarm, so the home has several."""
ENROLMENT = f"""
[[device]]
id = "hall-motion"
model = "bthome_motion"
link = "ble_advert"
address = "{MOTION_ADDRESS}"
room = "hall"
"""


def button_table(address: str) -> str:
    """A pendant's entry in the enrolment."""
    return (
        f'[[device]]\nid = "button-{int(address[-2:], 16)}"\nmodel = "bthome_pendant"\nlink = "ble_advert"\n'
        f'address = "{address}"\nroom = "bathroom"\nplace_code = 3\nkey = "{BUTTON_KEY.hex()}"\n'
    )


@dataclass
class Home:
    """A home in the air of the machine: its sensors."""

    air: VirtualAir
    machine: BluezMachine
    buttons: list[BTHomeSensor]
    motion: BTHomeSensor

    async def quiet(self) -> None:
        for button in self.buttons:
            await button.power_off()
        await self.motion.power_off()


@dataclass
class AgentProcess:
    """`python -m edge run`, with its log."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def resident_mb(self) -> float:
        return psutil.Process(self.process.pid).memory_info().rss / 1e6


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def machine_home() -> AsyncIterator[Home]:
    try:
        found = kernel()
        image = initramfs(
            Guest(
                "bluez",
                init=bluez.INIT,
                programs=bluez.PROGRAMS,
                applets=bluez.APPLETS,
                modules=bluez.MODULES,
                files=bluez.files(),
            ),
            found,
        )
    except NoGuestError as error:
        pytest.skip(f"NOT TESTED: the agent on a real BlueZ: {error}")
    air = VirtualAir()
    machine = BluezMachine(found.image, image, air)
    await machine.start()
    buttons = [BTHomeSensor(air, address, address, key=BUTTON_KEY, counter=1000) for address in BUTTONS]
    motion = BTHomeSensor(air, "motion", MOTION_ADDRESS)
    for sensor in (*buttons, motion):
        await sensor.power_on()
    yield Home(air, machine, buttons, motion)
    await machine.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def home(machine_home: Home, request: pytest.FixtureRequest) -> AsyncIterator[Home]:
    """The home, silent; what BlueZ and the kernel said is shown when the test fails."""
    seen = len(machine_home.machine.log)
    yield machine_home
    await machine_home.quiet()
    sys.stdout.write("\n".join(["the machine's log:", *machine_home.machine.log[seen:], ""]))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, {"desk": "desk-word", "receiver": "receiver-word", HUB: "hub-word"}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def desk(broker: Broker) -> AsyncIterator[Desk]:
    desk = Desk(broker)
    desk.client.start()
    desk.receiver.start()
    await until(lambda: desk.client.connected and desk.receiver.connected, "the desk reaches the broker")
    yield desk
    desk.client.stop()
    desk.receiver.stop()


@pytest.fixture
def hub_files(tmp_path: Path, broker: Broker) -> Callable[..., Path]:
    """Writes a hub's files; returns its configuration."""

    def write(more: str = "") -> Path:
        (tmp_path / "enrolment.toml").write_text(ENROLMENT + "".join(map(button_table, BUTTONS)) + more)
        (tmp_path / "password").write_text("hub-word\n")
        path = tmp_path / "edge.toml"
        path.write_text(
            f'enrolment = "enrolment.toml"\n[hub]\nid = "{HUB}"\nlanguage = "en"\n'
            f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\ntls = false\npassword_file = "password"\n'
            '[storage]\nfolder = "store"\n[ble]\nadapter = "hci0"\n'
        )
        return path

    return write


@asynccontextmanager
async def running(path: Path, home: Home) -> AsyncIterator[AgentProcess]:
    """The agent, until the block ends; stopped as systemd stops it. Its log is shown when the test fails."""
    log = path.with_name("agent.log")
    with log.open("ab") as target:
        process = await asyncio.create_subprocess_exec(
            # killed should this run of tests be killed: an agent that does not heed a stop would stay for ever
            *tied([sys.executable, "-m", "edge", "run", "--config", str(path)], signal.SIGKILL),
            cwd=HOUSE,
            env=os.environ | home.machine.environment | {"PYTHONFAULTHANDLER": "1"},
            stderr=target,
        )
    agent = AgentProcess(process, log)
    try:
        await until(lambda: "ready: hub" in agent.said or process.returncode is not None, "the agent is ready")
        yield agent
    finally:
        status = await _ended(process)
        sys.stdout.write(agent.said)
    assert status == 0


async def _ended(process: asyncio.subprocess.Process) -> int:
    """Stops the agent; one that hangs says where, in its log."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(20):
            return await process.wait()
    except TimeoutError:
        process.send_signal(signal.SIGABRT)
        return await process.wait()


async def eventually(condition: Callable[[], object], what: str, within_s: float) -> None:
    """As `until`, for what takes longer."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {within_s:.0f} s: {what}"
        await asyncio.sleep(0.05)


async def hears(home: Home, desk: Desk, within_s: float = 40.0) -> None:
    """Waits until the hub hears: the hall's motion is said again and again until it comes through."""
    # what was said before may come late, and travels with its age: a second tells them apart
    since = time.time() + 1.0
    deadline = time.monotonic() + within_s
    while not any(
        (reading.device, reading.kind) == ("hall-motion", "motion") and reading.measured_at > since
        for pack in desk.packs
        for reading in pack.readings
    ):
        assert time.monotonic() < deadline, f"the hub did not hear within {within_s:.0f} s"
        await home.motion.say((ObjectId.MOTION, 1), for_s=0.4)
        await asyncio.sleep(0.5)


async def press(home: Home, desk: Desk, *, for_s: float = 5.0) -> BTHomeSensor:
    """A press of the button that was longest left alone, which must become exactly one alarm more."""
    before = len(desk.refs)
    button = home.buttons.pop(0)
    home.buttons.append(button)
    await button.say((ObjectId.BUTTON, ButtonPress.SINGLE), for_s=for_s)
    await until(lambda: len(desk.refs) > before, "the press is an alarm at the broker")
    assert len(desk.refs) == before + 1
    return button
