"""What an installer is told is true: who is heard, who is not, what is wrong, in the home's language."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from edge import check, status
from edge.__main__ import main
from edge.clock import boot_id
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.status import AgentStatus, DeviceStatus, read_status
from edge.texts import Texts
from gateway.broker import Broker
from gateway.contract.messages import HubState, ProblemCode
from simulators.bthome_bytes import ObjectId
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import (
    BUTTON_ADDRESS,
    BUTTON_KEY,
    HUB,
    MOTION_ADDRESS,
    PATIENCE_S,
    PENDANT,
    Desk,
    running,
    until,
)

slow = pytest.mark.slow


class Home:
    """A pendant by cable, a button and a motion sensor by radio."""

    def __init__(self, path: Path, pendant: PendantTty, controller: HubController, air: VirtualAir) -> None:
        self.path, self.pendant, self.controller = path, pendant, controller
        self.button = BTHomeSensor(air, "button", BUTTON_ADDRESS, key=BUTTON_KEY, counter=1_000)
        self.motion = BTHomeSensor(air, "motion", MOTION_ADDRESS)

    async def press_button(self) -> None:
        await self.button.say((ObjectId.BUTTON, 1.0))

    async def walk_past(self) -> None:
        await self.motion.say((ObjectId.MOTION, 1.0))


@pytest.fixture
async def home(write_config: Callable[[str], Path], tmp_path: Path) -> AsyncIterator[Home]:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT)
    pendant.plug_in()
    air = VirtualAir()
    controller = HubController(air)
    await controller.start()
    path = write_config(f'[ble]\nadapter = "{controller.transport}"\n[[serial]]\nport = "{pendant.path}"\n')
    made = Home(path, pendant, controller, air)
    for sensor in (made.button, made.motion):
        await sensor.power_on()
    yield made
    for sensor in (made.button, made.motion):
        await sensor.power_off()
    await controller.die()
    pendant.unplug()


class Command:
    """`llar-edge check` in a process of its own, as the installer starts it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said += line.decode()

    async def end(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def command(path: Path, *arguments: str) -> AsyncIterator[Command]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "edge",
        "check",
        "--config",
        str(path),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running_command = Command(process)
    reader = asyncio.create_task(running_command.read())
    try:
        yield running_command
        await process.wait()
        await reader
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(reader, return_exceptions=True)


async def checked(path: Path, *arguments: str) -> tuple[int, str]:
    async with command(path, *arguments) as one:
        code = await one.end()
    return code, one.said


@slow
async def test_a_running_agent_is_asked_who_is_heard_and_who_is_not(home: Home, desk: Desk) -> None:
    async with running(home.path):
        await until(lambda: desk.states and home.controller.listening, "the agent works")
        await home.walk_past()
        await until(lambda: _heard(home.path, "hall-motion"), "the motion sensor is heard")
        code, said = await checked(home.path)
        assert code == 1, said
        assert "the agent runs" in said
        assert "the centre is reached" in said
        assert "PROBLEM  pendant (neck, serial_pendant): NOT HEARD yet" in said
        assert "ok       hall-motion (hall, bthome_motion): heard" in said
        assert "signal good (-50 dBm), battery 93 %" in said
        home.pendant.press()
        await home.press_button()
        await until(lambda: len(desk.alarms) == 2, "both calls arrive")
        await until(lambda: _heard(home.path, "bath-button") and _heard(home.path, "pendant"), "both are heard")
        await until(lambda: _calls(home.path) == 0, "both have their receipt")
        code, said = await checked(home.path)
        assert (code, "Everything that could be checked is well." in said) == (0, True), said
        assert BUTTON_KEY.hex() not in said
        assert "hub-word" not in said
    code, said = await checked(home.path)
    assert "the agent does not run" in said, "a file that an ended agent left is not believed"


@slow
async def test_a_cut_line_and_waiting_calls_are_told(home: Home, desk: Desk, broker: Broker) -> None:
    async with running(home.path):
        await until(lambda: desk.states, "the agent works")
        broker.stop()
        home.pendant.press()
        await until(lambda: _calls(home.path) == 1, "a call waits")
        await until(lambda: (found := _status(home.path)) is not None and not found.connected, "the cut is noticed")
        code, said = await checked(home.path)
        assert code == 1
        assert "no line to the centre" in said
        assert "1 calls have no receipt" in said


@slow
async def test_the_walk_test_names_each_device_and_ends_when_all_were_heard(home: Home, desk: Desk) -> None:
    async with running(home.path):
        await until(lambda: desk.states and home.controller.listening, "the agent works")
        async with command(home.path, "--walk") as walking:
            await until(lambda: "Now press each pendant" in walking.said, "it begins")
            await home.walk_past()
            await until(lambda: "hall-motion (hall)" in walking.said, "the sensor is named")
            home.pendant.press()
            await until(lambda: "pendant (neck)" in walking.said, "the pendant is named")
            await home.press_button()
            assert await walking.end() == 0
        assert "the centre has all calls" in walking.said
        assert "All devices were heard." in walking.said


@slow
async def test_an_installer_who_stops_early_is_told_what_is_missing(home: Home, desk: Desk) -> None:
    async with running(home.path):
        await until(lambda: desk.states, "the agent works")
        async with command(home.path, "--walk") as walking:
            await until(lambda: "Now press each pendant" in walking.said, "it begins")
            walking.process.send_signal(signal.SIGINT)
            assert await walking.end() == 1
        assert "PROBLEM  bath-button (bathroom) was not heard" in walking.said
        assert "Traceback" not in walking.said
    code, said = await checked(home.path, "--walk")
    assert (code, "needs the running agent" in said) == (1, True)


@slow
async def test_without_an_agent_it_listens_itself_and_answers_no_pendant(home: Home) -> None:
    async with command(home.path, "--listen", "20") as listening:
        await until(lambda: "Listening for up to 20 s" in listening.said, "it begins")
        await until(lambda: home.controller.listening, "it has the radio")
        home.pendant.press()
        await home.press_button()
        await home.walk_past()
        code = await listening.end()
    assert "ok       pendant (neck, serial_pendant): heard" in listening.said
    assert "ok       bath-button" in listening.said
    assert code == 0, listening.said
    assert home.pendant.waiting == 1, "nobody has stored that call, so the pendant goes on calling"


def _status(path: Path) -> AgentStatus | None:
    return read_status(load_config(path))


def _heard(path: Path, device: str) -> bool:
    found = _status(path)
    return found is not None and device in found.devices


def _calls(path: Path) -> int:
    found = _status(path)
    return -1 if found is None else found.calls_waiting


# the file


async def test_an_agent_that_has_ended_is_not_there_also_when_its_last_word_is_written_late(tmp_path: Path) -> None:
    file = tmp_path / status.FILE_NAME
    slow = tmp_path / f".{status.FILE_NAME}.new"
    # who opens it for writing waits for a reader, as for a disk
    os.mkfifo(slow)
    found = AgentStatus(HUB, os.getpid(), boot_id(), time.monotonic(), True, 0, HubState(online=True), {})
    task = asyncio.create_task(status.keep_writing(file, lambda: found, lambda: None))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.to_thread(slow.read_bytes)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert not file.exists()


@pytest.fixture
def hub_file(tmp_path: Path) -> Path:
    (tmp_path / "enrolment.toml").write_text(
        '[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "00a1b2c3"\nroom = "coll"\n'
    )
    path = tmp_path / "edge.toml"
    path.write_text(
        f'[hub]\nid = "{HUB}"\n[broker]\nhost = "127.0.0.1"\n[storage]\nfolder = "."\n[[serial]]\nport = "/x"\n'
    )
    return path


def leave(path: Path, **changes: object) -> None:
    """A status file as an agent of this boot would leave it."""
    found = AgentStatus(HUB, os.getpid(), boot_id(), time.monotonic(), True, 0, HubState(online=True), {})
    for name, value in changes.items():
        setattr(found, name, value)
    (path.parent / status.FILE_NAME).write_bytes(msgspec.json.encode(found))


def test_only_a_living_agents_fresh_word_of_this_boot_counts(hub_file: Path) -> None:
    leave(hub_file)
    assert _status(hub_file) is not None
    for change in ({"hub": "h-18"}, {"boot": "another"}, {"written_at": 0.0}, {"pid": 2**22 + 1}):
        leave(hub_file, **change)
        assert _status(hub_file) is None, change
    (hub_file.parent / status.FILE_NAME).write_bytes(b"\xff")
    assert _status(hub_file) is None


@pytest.mark.parametrize(
    ("device", "expected", "good"),
    [
        (DeviceStatus(0.0, None, 1, -95.0), "senyal FEBLE (-95 dBm)", False),
        (DeviceStatus(0.0, None, 1, -80.0), "senyal just (-80 dBm)", True),
        (DeviceStatus(0.0, None, 1, -60.0, 12.0), "pila BAIXA (12 %)", False),
    ],
)
def test_a_weak_signal_and_a_low_battery_are_problems(
    hub_file: Path, capsys: pytest.CaptureFixture[str], device: DeviceStatus, expected: str, good: bool
) -> None:
    leave(hub_file, devices={"pendant": device})
    code = main(["check", "--config", str(hub_file)])
    said = capsys.readouterr().out
    assert (expected in said, code == 0) == (True, good), said


def test_every_problem_that_a_hub_can_have_has_a_sentence_in_every_language() -> None:
    for language in ("ca", "es", "en"):
        say = Texts(language)
        silent = {code for code in ProblemCode if not say.has(f"problem.{code}")}
        elsewhere = {ProblemCode.DEVICE_SILENT, ProblemCode.DEVICE_NOT_LISTENED_TO, ProblemCode.DEVICE_NOT_WORN}
        assert silent == {ProblemCode.OTHER, *elsewhere}, language


def test_every_sentence_is_used_somewhere() -> None:
    house = Path(check.__file__).parent
    source = "".join(path.read_text() for path in house.glob("*.py")).replace("'", '"')
    codes = {str(code) for code in ProblemCode}
    refused = {"unknown_code", "expired_code", "used_code", "bad_request", "too_many", "not_ready"}
    words = tomllib.loads((house / "texts" / "en.toml").read_text())
    named = {f"{table}.{name}" for table in ("check", "walk", "claim") for name in words[table]}
    made_up = {
        name
        for name in named
        if name.partition(".")[2].startswith(("signal_", "code_")) or name.partition(".")[2] in refused
    }
    assert [
        name for name in sorted(named - made_up) if f'"{name}"' not in source and f'"{name[6:]}"' not in source
    ] == []
    assert set(words["problem"]) <= codes


def test_a_hub_whose_agent_does_not_run_is_not_called_well(hub_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (hub_file.parent / "tty").touch()
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        text = hub_file.read_text().replace('"/x"', f'"{hub_file.parent}/tty"')
        hub_file.write_text(text.replace('host = "127.0.0.1"', f'host = "127.0.0.1"\nport = {port}'))
        code = main(["check", "--config", str(hub_file)])
    said = capsys.readouterr().out
    assert (code, said.count("PROBLEMA")) == (1, 2), said
    assert "PROBLEMA l'agent no funciona" in said


def test_a_walk_through_a_home_without_devices_is_no_success(
    hub_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (hub_file.parent / "enrolment.toml").write_text("")
    leave(hub_file)
    assert main(["check", "--walk", "--config", str(hub_file)]) == 1
    assert "S'han sentit tots" not in capsys.readouterr().out


def test_a_walk_whose_calls_did_not_reach_the_centre_is_no_success(
    hub_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = DeviceStatus(heard_at=time.monotonic() + 60, pressed_at=time.monotonic() + 60, times=1)
    leave(hub_file, devices={"pendant": known}, calls_waiting=1)
    config = load_config(hub_file)
    assert check.walk(config, load_enrolment(config.enrolment), ends_at=time.monotonic() + 1) == 1

    def ctrl_c(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", ctrl_c)
    assert check.walk(config, load_enrolment(config.enrolment)) == 1
    said = capsys.readouterr().out
    assert said.count("PROBLEMA 1 trucades encara sense resposta") == 2, said


def test_every_command_that_is_advised_may_read_the_hubs_private_files() -> None:
    for language in ("ca", "es", "en"):
        words = (Path(check.__file__).parent / "texts" / f"{language}.toml").read_text()
        assert re.findall(r"(?<!sudo )llar-edge (?:check|add-device|claim)", words) == [], language
