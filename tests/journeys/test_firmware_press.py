"""Promise: every press of a thumb on the real firmware is one alarm at the centre, whatever contact, wire and hub do.

The firmware runs twice: as the micro:bit's image in an emulator, pressed at its pin, and as a program of this machine.
The hub is the real agent, the line a real broker; at its other end stands a desk that records and answers.

The agent joins the presses of one device within ten seconds to one alarm. So that each of 200 presses has to be told
apart, the clocks of pendant and hub are both put forward by eleven seconds after each: to them it is another call. The
program of this machine, the same code, gets fewer.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.clock import Clock, boot_id
from edge.uplink import JOIN_S
from simulators.firmware import EmulatedFirmware, Firmware, HostFirmware
from simulators.firmware_build import FirmwareToolMissing
from simulators.serial_bytes import ButtonArgument, FrameType
from tests.edge.conftest import PENDANT, Desk, broker, desk, running, until, write_config

__all__ = ["broker", "desk", "write_config"]

pytestmark = pytest.mark.slow
log = logging.getLogger(__name__)

PRESSES: dict[type[Firmware], int] = {EmulatedFirmware: 200, HostFirmware: 25}
DAY_S = 86_400.0
PAUSE_MAX_S = 10.0
"""Between two copies of a message that nobody confirms."""
KINDS: list[type[Firmware]] = [EmulatedFirmware, HostFirmware]
emulated = pytest.mark.parametrize("pendant", [EmulatedFirmware], indirect=True, ids=["emulated"])


class Ahead:
    """A hub's clock that can be put forward."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def clock(self) -> Clock:
        return Clock(
            boot_id(),
            monotonic=lambda: time.monotonic() + self.by_s,
            wall=lambda: time.time() + self.by_s,
            is_trusted=lambda: True,
        )


@pytest.fixture(params=KINDS, ids=["emulated", "host"])
async def pendant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Firmware]:
    """A pendant with its battery in, its receiver plugged in."""
    if shutil.which("mosquitto") is None:
        pytest.skip("NOT TESTED: the journeys need Mosquitto (sudo apt install mosquitto)")
    kind: type[Firmware] = request.param
    pendant = kind("pendant", tmp_path / "tty-pendant", PENDANT)
    try:
        await pendant.start()
    except FirmwareToolMissing as missing:
        pytest.skip(f"NOT TESTED: {missing}")
    yield pendant
    pendant.stop()


@pytest.fixture
def config(write_config: Callable[[str], Path], pendant: Firmware) -> Path:
    return write_config(f'[[serial]]\nport = "{pendant.port.path}"\n')


def presses(desk: Desk) -> int:
    """How many presses the centre has in its history, where the same reading twice is one: a pack may come again."""
    return len({(r.device, r.measured_at) for pack in desk.packs for r in pack.readings if r.kind == "press"})


def releases(pendant: Firmware) -> int:
    """How often the device has noticed that the thumb let go."""
    return len([m for m in pendant.copies if (m.type, m.argument) == (FrameType.BUTTON, ButtonArgument.RELEASE)])


def told(pendant: Firmware) -> int:
    """How many presses the device has told."""
    return len([m for m in pendant.copies if (m.type, m.argument) == (FrameType.BUTTON, ButtonArgument.PRESS)])


async def there(desk: Desk) -> None:
    await until(lambda: desk.states, "the hub says that it is there")


@pytest.mark.timeout(240)
async def test_200_bouncing_presses_are_200_alarms(config: Path, pendant: Firmware, desk: Desk) -> None:
    wanted = PRESSES[type(pendant)]
    ahead = Ahead()
    began = time.monotonic()
    async with running(config, ahead.clock()):
        await there(desk)
        for number in range(1, wanted + 1):
            await pendant.hold()
            await until(lambda number=number: told(pendant) >= number, f"press {number} is told while it is held")
            await pendant.let_go()
            await until(lambda number=number: len(desk.refs) >= number, f"press {number} is an alarm")
            await until(lambda number=number: releases(pendant) >= number, "the button is at rest again")
            await pendant.idle(JOIN_S + 1)
            ahead.by_s += JOIN_S + 1
        await until(lambda: presses(desk) >= wanted, "all presses are in the history")
    log.info("%d presses in %.1f s", wanted, time.monotonic() - began)
    assert len(desk.refs) == wanted
    assert presses(desk) == wanted
    first = {alarm.ref: alarm.seq for alarm in reversed(desk.alarms)}
    assert sorted(first.values()) == list(range(1, wanted + 1)), "numbered in order, without a gap"
    times = sorted(alarm.tim for alarm in {alarm.ref: alarm for alarm in desk.alarms}.values())
    assert all(later - earlier > JOIN_S for earlier, later in itertools.pairwise(times))


@emulated
async def test_presses_in_fright_are_one_alarm_and_each_is_in_the_history(
    config: Path, pendant: Firmware, desk: Desk
) -> None:
    async with running(config):
        await there(desk)
        for number in range(1, 11):
            await pendant.press()
            await until(lambda number=number: releases(pendant) >= number, "the button is at rest again")
        await until(lambda: presses(desk) == 10, "all presses are in the history")
    assert len(desk.refs) == 1


async def test_the_first_press_after_a_day_of_nothing_counts(config: Path, pendant: Firmware, desk: Desk) -> None:
    async with running(config):
        await there(desk)
        await pendant.idle(DAY_S)
        await pendant.press()
        await until(lambda: desk.alarms, "the alarm arrives")
        await until(lambda: presses(desk) == 1, "it is in the history")
    assert len(desk.refs) == 1


@emulated
async def test_an_agent_that_restarts_while_the_pendant_repeats_makes_one_alarm(
    config: Path, pendant: Firmware, desk: Desk
) -> None:
    async with running(config):
        await there(desk)
        pendant.muffled = True  # the acknowledgement is lost on its way: the pendant repeats
        await pendant.press()
        await until(lambda: desk.alarms, "the alarm arrives")
        await until(lambda: max(pendant.copies.values()) > 2, "the pendant repeats it")
    (press,) = (message for message, copies in pendant.copies.items() if copies > 1)
    sent = pendant.copies[press]
    await pendant.idle(PAUSE_MAX_S)
    await until(lambda: pendant.copies[press] > sent, "it goes on while the hub is away")
    pendant.muffled = False
    before = len(desk.states)
    async with running(config):
        await until(lambda: desk.states[before:] and desk.states[-1].online, "the hub is well")
        await pendant.idle(PAUSE_MAX_S)
        await until(lambda: press.sequence in pendant.answered, "it confirms the repeat")
    assert len(desk.refs) == 1
    assert presses(desk) == 1


@emulated
async def test_a_receiver_pulled_out_and_plugged_in_again_costs_no_press(
    config: Path, pendant: Firmware, desk: Desk
) -> None:
    async with running(config):
        await there(desk)
        pendant.unplug()
        await until(lambda: "tty-pendant" in str(desk.states[-1].faults), "the centre is told that it is gone")
        await pendant.press()
        await until(lambda: max(pendant.copies.values()) > 1, "the pendant insists")
        assert not desk.alarms
        pendant.damage_next = 1
        pendant.plug_in()
        await until(lambda: "tty-pendant" not in str(desk.states[-1].faults), "the hub has it open again")
        for _ in range(2):
            await pendant.idle(PAUSE_MAX_S)
        await until(lambda: desk.alarms, "the press comes through, although its next copy was damaged")
        await until(lambda: pendant.answered, "and is confirmed")
    assert len(desk.refs) == 1


@emulated
@pytest.mark.parametrize("boot_is_heard", [True, False])
async def test_a_press_before_the_battery_is_out_and_one_right_after_are_an_alarm_each(
    config: Path, pendant: Firmware, desk: Desk, boot_is_heard: bool
) -> None:
    ahead = Ahead()
    async with running(config, ahead.clock()):
        await there(desk)
        await pendant.press()
        await until(lambda: len(desk.refs) == 1, "the press before is an alarm")
        if not boot_is_heard:
            pendant.damage_next = 1
        await pendant.reset()
        ahead.by_s += JOIN_S + 1
        await pendant.press()
        await until(lambda: len(desk.refs) == 2, "the press after is another one")
        await until(lambda: presses(desk) == 2, "both are in the history")
    assert len(desk.refs) == 2
    assert presses(desk) == 2


@emulated
async def test_a_thumb_that_stays_on_the_button_while_the_battery_is_changed_is_heard_anew(
    config: Path, pendant: Firmware, desk: Desk
) -> None:
    """The firmware's first message after each start is then at the same millisecond: its number must not be."""
    ahead = Ahead()
    async with running(config, ahead.clock()):
        await there(desk)
        await pendant.hold()
        for starts in range(1, 4):
            await until(lambda starts=starts: len(desk.refs) == starts, f"alarm {starts}")
            ahead.by_s += JOIN_S + 1
            pendant.damage_next = 1
            await pendant.reset()
        await until(lambda: len(desk.refs) == 4, "one alarm for each start, and the first")
