"""Falls at the hub: windows of a worn sensor become an alarm, through a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.enrolment import EnrolledDevice
from devices.frames import Link
from devices.vocabulary import Reading
from devices.wearable.judge_lines import Worn
from devices.wearable.site import Site
from devices.wearable.windows import Piece, write_piece
from edge import fall_watch
from edge.check import describe
from edge.clock import Stamp
from edge.config import WornConfig, load_config
from edge.enrolment import unheard
from edge.fall_watch import FallWatch
from edge.toml_tables import BadFileError
from edge.uplink import Memory, declare
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import ProblemCode
from simulators.movement import fall, feel, walk
from tests.edge.conftest import until

AT = 1_795_276_800.0
SEED = 5


def windows(seed: int = SEED) -> list[bytes]:
    rows = [(round(x * 2048), round(y * 2048), round(z * 2048)) for x, y, z, *_ in feel([*walk(4), *fall(5)], 50, seed)]
    return [
        write_piece(Piece(at, 50.0, 16, False, at == 0, tuple(rows[at : at + 37]))) for at in range(0, len(rows), 37)
    ]


class Home:
    """A watch at work, with what it found."""

    def __init__(self) -> None:
        self.found: list[tuple[Reading, ...]] = []
        self.felt: list[str] = []
        self.counts: Counter[str] = Counter()
        self.faults: set[tuple[str, ProblemCode]] = set()
        self.watch = FallWatch(
            {"belt": Worn(Site.WRIST)},
            self.found.append,
            self.felt.append,
            self.counts,
            time.monotonic,
            self._on_fault,
        )

    def _on_fault(self, part: str, _sentence: str, code: ProblemCode = ProblemCode.OTHER, _subject: str = "") -> None:
        self.faults.add((part, code))

    def walk_and_fall(self, device: str = "belt") -> None:
        for number, window in enumerate(windows()):
            self.watch.give(device, window, AT + (number + 1) * 0.74)


@asynccontextmanager
async def looking(home: Home) -> AsyncIterator[None]:
    """While a process looks for falls."""
    running = asyncio.create_task(home.watch.run(lambda: None))
    await until(lambda: home.watch.pid, "the process is there")
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.slow
async def test_a_fall_in_the_windows_is_found_by_the_process_and_only_for_who_is_named() -> None:
    home = Home()
    async with looking(home):
        home.walk_and_fall("somebody-else")
        home.watch.give("belt", b"no window", AT)
        home.walk_and_fall()
        await until(lambda: home.found, "the fall is found")
    ((suspected, impact, tilt, _stir),) = home.found
    assert (suspected.device, suspected.kind, suspected.value) == ("belt", "fall", "suspected")
    assert impact.value > 30  # type: ignore[operator] # a number
    assert 1.0 < tilt.value < 2.1  # type: ignore[operator] # a number
    assert home.counts["falls"] == 1
    assert home.faults == {("worn somebody-else", ProblemCode.DEVICE_NOT_WORN)}, "the centre is told, in its own words"
    assert home.counts["windows_not_judged"] == 0


@pytest.mark.slow
async def test_a_hard_blow_is_told_at_once_and_again_when_it_has_been_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fall_watch, "BLOW_JUDGED_S", 0.0)
    monkeypatch.setattr(fall_watch, "LOOK_EVERY_S", 0.05)
    home = Home()
    for window in windows()[:5]:
        home.watch.give("belt", window, AT)
    assert home.felt == [], "a walk is none"
    home.walk_and_fall("somebody-else")
    home.walk_and_fall()
    assert home.felt == ["belt"], "before any process has seen it"
    async with looking(home):
        await until(lambda: len(home.felt) > 1, "it has been judged")
        assert (home.felt[1:], home.found[0][0].value) == ([""], "suspected")


async def test_a_blow_that_nobody_can_judge_is_not_kept_for_some_later_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fall_watch, "BLOW_JUDGED_S", 0.0)
    monkeypatch.setattr(fall_watch, "find_spec", lambda _name: None)
    home = Home()
    home.walk_and_fall()
    with pytest.raises(OSError, match="numpy"):
        await home.watch.run(lambda: None)
    assert home.felt == ["belt", ""]


@pytest.mark.slow
async def test_a_wearable_whose_link_breaks_in_a_fall_is_judged_by_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fall_watch, "SILENT_S", 0.5)
    monkeypatch.setattr(fall_watch, "LOOK_EVERY_S", 0.05)
    home = Home()
    async with looking(home):
        for number, window in enumerate(windows()[:8]):
            home.watch.give("belt", window, AT + number)
        await until(lambda: home.found, "the fall is suspected")
    assert home.found[0][0].value == "suspected"


@pytest.mark.slow
async def test_a_process_that_ends_is_an_error_for_who_starts_it_again_and_windows_are_counted_meanwhile() -> None:
    home = Home()
    running = asyncio.create_task(home.watch.run(lambda: None))
    await until(lambda: home.watch.pid, "the process is there")
    assert home.watch.pid is not None
    os.kill(home.watch.pid, signal.SIGKILL)
    with pytest.raises(OSError, match="ended"):
        await running
    home.watch.give("belt", windows()[0], AT)
    assert home.counts["windows_not_judged"] == 1
    again = asyncio.create_task(home.watch.run(lambda: None))
    await until(lambda: home.watch.pid, "another is there")
    home.walk_and_fall()
    await until(lambda: home.found, "the fall is found after the restart")
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


@pytest.mark.slow
async def test_a_process_that_answers_nothing_is_ended_and_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fall_watch, "STUCK_S", 0.2)
    monkeypatch.setattr(fall_watch, "LOOK_EVERY_S", 0.05)
    home = Home()
    running = asyncio.create_task(home.watch.run(lambda: None))
    await until(lambda: home.watch.pid, "the process is there")
    assert home.watch.pid is not None
    os.kill(home.watch.pid, signal.SIGSTOP)
    for _ in range(40):
        home.walk_and_fall()
    assert home.counts["windows_not_judged"] > 0
    with pytest.raises(OSError, match="does not answer"):
        await running


@pytest.mark.slow
async def test_a_process_that_ends_in_the_middle_of_a_fall_does_not_lose_it_and_tells_none_twice() -> None:
    home = Home()
    fallen = [(window, AT + (number + 1) * 0.74) for number, window in enumerate(windows())]
    running = asyncio.create_task(home.watch.run(lambda: None))
    await until(lambda: home.watch.pid, "the process is there")
    for window, at in fallen[:7]:
        home.watch.give("belt", window, at)
    await until(lambda: not home.watch._given_at, "the blow is known, and not yet judged")
    assert home.found == []
    for _ in range(2):
        assert home.watch.pid is not None
        os.kill(home.watch.pid, signal.SIGKILL)
        with pytest.raises(OSError, match="ended"):
            await running
        for window, at in fallen[7:]:
            home.watch.give("belt", window, at)
        fallen = fallen[:7]
        running = asyncio.create_task(home.watch.run(lambda: None))
        await until(lambda: home.watch.pid, "another is there")
        await until(lambda: home.found and not home.watch._given_at, "the fall is found")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [found[0].value for found in home.found] == ["suspected"], "once"


@pytest.mark.slow
async def test_what_a_process_did_not_bear_is_not_given_to_the_third() -> None:
    home = Home()
    home.walk_and_fall()
    for _ in range(2):
        running = asyncio.create_task(home.watch.run(lambda: None))
        await until(lambda: home.watch.pid, "the process is there")
        assert home.watch.pid is not None
        os.kill(home.watch.pid, signal.SIGKILL)
        with pytest.raises(OSError, match="ended"):
            await running
    assert not home.watch._lately


@pytest.mark.slow
async def test_the_agents_side_has_no_numpy() -> None:
    check = "import sys, edge.agent, edge.fall_watch; sys.exit('numpy' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", check)
    assert await process.wait() == 0


def test_a_suspected_fall_is_declared_with_its_figures_as_evidence() -> None:
    device = EnrolledDevice("belt", "serial_fall_sensor", Link.SERIAL, "00b3117a", "belt", "", None)
    said = [Reading("belt", "fall", "suspected", AT), Reading("belt", "impact", 40.1, AT)]
    ((alarm, _),) = declare(said, device, Stamp("boot", 5.0, AT + 2, True), Memory())
    assert kind_of(alarm.dty, alarm.stc) is AlarmKind.FALL
    assert [(record.n, record.vs or record.v) for record in alarm.evidence] == [
        ("belt/impact", 40.1),
        ("belt/fall", "suspected"),
    ]


CONFIG = """
[hub]
id = "h-1"
[broker]
host = "localhost"
[storage]
folder = "outbox"
"""


def test_who_wears_what_where_stands_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(CONFIG + '[[worn]]\ndevice = "belt"\nsite = "waist"\nthreshold = 0.4\n')
    assert load_config(path).worn == (WornConfig("belt", Site.WAIST, 0.4),)
    twice = '[[worn]]\ndevice = "belt"\nsite = "waist"\n' * 2
    path.write_text(CONFIG + twice + '[[worn]]\ndevice = "b"\nsite = "ankle"\n')
    with pytest.raises(BadFileError) as bad:
        load_config(path)
    assert len(bad.value.faults) == 2


def test_a_wearable_that_nobody_enrolled_is_told(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(CONFIG + '[[serial]]\nport = "/dev/ttyX"\n[[worn]]\ndevice = "blet"\nsite = "waist"\n')
    belt = EnrolledDevice("belt", "serial_fall_sensor", Link.SERIAL, "00b3117a", "belt", "", None)
    (sentence,) = unheard(load_config(path), {(Link.SERIAL, "00b3117a"): belt})
    assert "blet" in sentence
    path.write_text(path.read_text().replace("blet", "belt"))
    assert unheard(load_config(path), {(Link.SERIAL, "00b3117a"): belt}) == []


def test_a_hub_gets_numpy_when_its_home_has_somebody_to_look_after(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("install_hub", Path(__file__).parents[2] / "tools" / "install_hub.py")
    assert spec is not None
    assert spec.loader is not None
    installer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(installer)
    assert "falls" not in installer.board_extras(tmp_path)
    (tmp_path / "edge.toml").write_text(CONFIG)
    assert "falls" not in installer.board_extras(tmp_path)
    (tmp_path / "edge.toml").write_text(CONFIG + '[[worn]]\ndevice = "belt"\nsite = "waist"\n')
    assert installer.board_extras(tmp_path).endswith(",falls")


def test_the_installer_is_told_of_a_wearable_in_whose_movement_nobody_looks_for_falls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(CONFIG.replace('"h-1"', '"h-1"\nlanguage = "en"') + '[[serial]]\nport = "/dev/ttyX"\n')
    belt = {
        (Link.SERIAL, "00b3117a"): EnrolledDevice("belt", "serial_fall_sensor", Link.SERIAL, "00b3117a", "belt", "")
    }
    describe(load_config(path), belt)
    assert "movement of belt is not looked at for falls: add [[worn]]" in capsys.readouterr().out
    path.write_text(path.read_text() + '[[worn]]\ndevice = "belt"\nsite = "waist"\n')
    describe(load_config(path), belt)
    assert "looked at for falls" not in capsys.readouterr().out
