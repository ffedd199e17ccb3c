"""The replay tool plays homes and falls into a real hub over the virtual radio, and falls to a desk as a hub."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.wearable.site import Site
from gateway.broker import Broker
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.free_ports import free_port
from simulators.recorded_falls import ABSENT, recordings_files
from simulators.replay.sources import NO_NUMPY
from tests.edge.conftest import HUB, Desk, running, until

pytestmark = pytest.mark.slow


@asynccontextmanager
async def replaying(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """The tool with what it has said so far; interrupted at the end if it has not ended by itself."""
    command = [sys.executable, "-m", "simulators.replay", *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    said: list[str] = []

    async def listen() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            said.append(line.decode())  # noqa: PERF401  seen while it grows

    listening = asyncio.create_task(listen())
    try:
        yield process, said
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            await process.wait()
        await listening


@pytest.fixture
def hub_config(tmp_path: Path, write_config: Callable[[str], Path]) -> tuple[Path, int]:
    """A hub's configuration, and the port of its radio."""
    port = free_port()
    return write_config(f'[ble]\nadapter = "tcp-client:127.0.0.1:{port}"'), port


async def enrol(folder: Path, *arguments: str) -> str:
    async with replaying(*arguments, "--enrolment", str(folder / "enrolment.toml")) as (process, said):
        await process.wait()
    assert process.returncode == 0, said
    return (folder / "enrolment.toml").read_text()


async def test_a_home_is_heard_by_a_hub_through_the_air(
    tmp_path: Path, hub_config: tuple[Path, int], desk: Desk
) -> None:
    config, port = hub_config
    home = ("home", "simulated:2", "--to", "edge", "--days", "2")
    assert 'model = "bthome_motion"' in await enrol(tmp_path, *home)
    async with replaying(*home, "--radio-port", str(port), "--hours", "12", "--speed", "max") as (process, said):
        await until(lambda: "the radio is there" in "".join(said), "the radio")
        async with running(config):
            await until(lambda: len({device for device, _, _ in desk.readings}) >= 3, "readings of several sensors")
    assert {kind for _, kind, _ in desk.readings} & {"motion", "battery", "temperature"}
    assert process.returncode == 0, said


async def test_a_fall_of_the_wearable_is_judged_by_a_hub(
    tmp_path: Path, hub_config: tuple[Path, int], desk: Desk
) -> None:
    config, port = hub_config
    await enrol(tmp_path, "fall", "simulated", "--to", "edge")
    config.write_text(config.read_text() + '[[worn]]\ndevice = "worn"\nsite = "wrist"\n')
    play = ("fall", "simulated", "--to", "edge", "--radio-port", str(port), "--speed", "2")
    async with replaying(*play) as (process, said):
        await until(lambda: "the radio is there" in "".join(said), "the radio")
        async with running(config):
            await until(lambda: process.returncode is not None or desk.alarms, "the movement is streamed")
            await until(lambda: desk.alarms, "a call of the hub, with the question or without")
    assert desk.alarms[0].did == "worn"


@pytest.mark.parametrize("name", ["simulated", *Site])
async def test_a_fall_is_an_alarm_at_the_desk_and_sitting_down_is_none(
    name: str, tmp_path: Path, desk: Desk, broker: Broker
) -> None:
    if name != "simulated" and not recordings_files(Site(name)):
        pytest.skip(f"NOT TESTED: {ABSENT}")
    (tmp_path / "word").write_text("hub-word\n")
    to = ("--to", "broker", "--hub", HUB, "--password-file", str(tmp_path / "word"), "--port", str(broker.port))
    if name == "simulated":
        async with replaying("fall", "simulated-sitting", *to, "--speed", "max") as (process, said):
            await process.wait()
        assert "nobody is called" in "".join(said)
        assert not desk.alarms
    async with replaying("fall", name, *to, "--speed", "max") as (process, said):
        await process.wait()
    assert process.returncode == 0, said
    assert "it is like a fall: score" in "".join(said)
    assert "the centre has it: case C-1" in "".join(said)
    assert {kind_of(alarm.dty, alarm.stc) for alarm in desk.alarms} == {AlarmKind.FALL}


async def test_a_wrong_password_is_said(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.replay.to_broker.CONNECT_WAIT_S", 1.0)
    (tmp_path / "word").write_text("guessed")
    from simulators.replay.__main__ import main

    to = ["--to", "broker", "--hub", HUB, "--password-file", str(tmp_path / "word"), "--port", str(broker.port)]
    assert await asyncio.to_thread(main, ["fall", "simulated", *to]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "60"], "days from 1 to 39"),
        (["--days", "-3"], "days from 1 to 39"),
        (["--still", "1e9"], "hours from 0 to 936"),
        (["--timezone", "Mars/Base"], "no time zone"),
        (["--hub", "h-1", "--password-file", "no-file"], "The password cannot be read from no-file"),
        (["--hub", "h-1"], "--password-file"),
    ],
)
def test_what_a_newcomer_gets_wrong_is_said_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from simulators.replay.__main__ import main

    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["home", "simulated:1", "--to", "broker", *arguments]))
    assert ended.value.code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_without_numpy_it_says_what_there_is_and_what_is_missing(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['numpy'] = None; from simulators.replay.__main__ import main;"
        "sys.exit(main(['list']) or main(['fall', 'wrist', '--to', 'edge']))"
    )
    (tmp_path / "falls").mkdir()
    (tmp_path / "falls/weda_fall_dev.npz").touch()
    environment = {**os.environ, "LLAR_DATA": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "falls at the wrist: falls/weda_fall_dev.npz is there" in ended.stdout
    assert (ended.returncode, ended.stderr.strip()) == (1, NO_NUMPY)
