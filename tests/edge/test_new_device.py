"""An installer adds a device with the line from its box, never by hand, and the running agent hears it at once."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.__main__ import main
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.new_device import DeviceFault, device_from, read_line
from simulators.pendant_tty import PendantTty
from tests.edge.conftest import PATIENCE_S, PENDANT, Desk, until

KEY = "231d39c1d7cc1ab1aee224cd096db932"
LINE = f"llar:dev?model=bthome_pendant&address=A4:C1:38:00:00:09&key={KEY.upper()}"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `llar-edge add-device` in a home with one pendant."""
    (tmp_path / "enrolment.toml").write_text(
        "# by Pau, 3 May\n"
        '[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "00a1b2c3"  # spare\n'
    )
    path = tmp_path / "edge.toml"
    path.write_text('[hub]\nid = "h-17"\nlanguage = "en"\n[broker]\nhost = "127.0.0.1"\n[storage]\nfolder = "store"\n')

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["add-device", *arguments, "--config", str(path)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_the_line_of_the_box_is_enough_and_an_installers_comments_stay(add: Run, tmp_path: Path) -> None:
    code, said = add(LINE, "--room", "bathroom", "--place-code", "11")
    assert (code, "pendant-2 (bathroom, bthome_pendant) belongs to this home now" in said) == (0, True), said
    devices = {device.id: device for device in load_enrolment(tmp_path / "enrolment.toml").values()}
    new = devices["pendant-2"]
    assert (new.address, new.key, new.room, new.place_code) == (
        "A4:C1:38:00:00:09",
        bytes.fromhex(KEY),
        "bathroom",
        "11",
    )
    text = (tmp_path / "enrolment.toml").read_text()
    assert "# by Pau, 3 May" in text
    assert "# spare" in text
    assert KEY not in said.lower()
    assert (tmp_path / "enrolment.toml").stat().st_mode & 0o077 == 0


def test_a_line_with_a_key_may_be_read_where_no_list_of_processes_and_no_log_of_sudo_shows_it(
    add: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{LINE}\n"))
    code, said = add("-", "--room", "bathroom")
    assert (code, KEY in said.lower()) == (0, False), said
    assert "pendant-2" in {device.id for device in load_enrolment(tmp_path / "enrolment.toml").values()}


FAULTS = [
    (["http://example.org"], "not the line of a device"),
    (["llar:dev?model=toaster&address=1"], "toaster is not known"),
    (["llar:dev?model=serial_pendant"], "'address' is missing"),
    (["llar:dev?model=serial_pendant&address=1&colour=red"], "'colour' is not known"),
    (["llar:dev?model=serial_pendant&address=00a1b2c3"], "00a1b2c3 stands there twice"),
    (["llar:dev?model=bthome_pendant&address=A4:C1:38:00:00:09"], "give its key"),
    (["llar:dev?model=bthome_pendant&address=A4:C1:38:00:00:09&key=12"], "cannot be used"),
    (["llar:dev?model=serial_pendant&address=00000001", "--id", "pendant"], "stands there twice"),
    (["llar:dev?model=serial_pendant&address=00000001", "--place-code", "x"], "cannot be used"),
    ([], "'model' is missing"),
]


@pytest.mark.parametrize(("arguments", "expected"), FAULTS)
def test_each_fault_has_its_sentence_and_changes_nothing(
    add: Run, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    before = (tmp_path / "enrolment.toml").read_text()
    code, said = add(*arguments)
    assert (code, expected in said) == (2, True), said
    assert (tmp_path / "enrolment.toml").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"enrolment.toml", "edge.toml"}


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda text: "llar:dev?" + text))
def test_any_line_is_a_device_or_refused(line: str) -> None:
    with contextlib.suppress(DeviceFault):
        device_from(read_line(line), set())


@pytest.fixture
async def pendant(tmp_path: Path) -> AsyncIterator[PendantTty]:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT + 1)
    pendant.plug_in()
    yield pendant
    pendant.unplug()


@pytest.mark.slow
async def test_the_running_agent_hears_the_new_device_and_keeps_its_calls(
    write_config: Callable[[str], Path], pendant: PendantTty, desk: Desk
) -> None:
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n')
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", "run", "--config", str(path), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: desk.states and desk.states[-1].online, "the agent works")
        line = f"llar:dev?model=serial_pendant&address={PENDANT + 1:08x}"
        arguments = ["add-device", line, "--id", "spare", "--config", str(path)]
        desk.states.clear()
        await until((path.parent / "store" / "status.json").exists, "it writes its status")
        assert await asyncio.to_thread(main, arguments) == 0
        assert "spare" in {device.id for device in load_enrolment(load_config(path).enrolment).values()}
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        await until(lambda: [alarm.did for alarm in desk.alarms] == ["spare"], "the new pendant's call arrives")
        path.write_text("[hub")
        agent.send_signal(signal.SIGHUP)
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        assert agent.returncode is None, "with faulty files it goes on as before"
        agent.terminate()
        async with asyncio.timeout(PATIENCE_S):
            assert await agent.wait() == 0
    finally:
        if agent.returncode is None:
            agent.kill()
            await agent.wait()
