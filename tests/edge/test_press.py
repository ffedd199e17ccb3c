"""One press is one alarm: from the thumb to the centre's receipt, over real serial, radio, disk and broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Command
from simulators.bthome_bytes import ObjectId
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import BUTTON_ADDRESS, BUTTON_KEY, MOTION_ADDRESS, PENDANT, Desk, running, until

pytestmark = pytest.mark.slow


@pytest.fixture
async def pendant(tmp_path: Path) -> AsyncIterator[PendantTty]:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT)
    pendant.plug_in()
    yield pendant
    pendant.unplug()


@pytest.fixture
def serial_config(write_config: Callable[[str], Path], pendant: PendantTty) -> Path:
    return write_config(f'[[serial]]\nport = "{pendant.path}"\n')


async def test_a_pendants_press_reaches_the_centre_once_and_is_acknowledged(
    serial_config: Path, pendant: PendantTty, desk: Desk
) -> None:
    async with running(serial_config):
        await until(lambda: desk.states, "the hub says that it is there")
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        await until(lambda: desk.alarms, "the alarm arrives")
        await until(lambda: ("pendant", "press", "single") in desk.readings, "the press is in the history too")
    assert len(desk.alarms) == 1
    alarm = desk.alarms[0]
    assert kind_of(alarm.dty, alarm.stc) is AlarmKind.HELP
    assert (alarm.did, alarm.lte, alarm.trusted, alarm.seq) == ("pendant", "neck", True, 1)
    assert alarm.age is not None
    assert alarm.age < 5
    assert desk.states[-1].online is False


async def test_an_alarm_without_receipt_is_sent_again_with_the_same_ref_until_it_comes(
    serial_config: Path, pendant: PendantTty, desk: Desk
) -> None:
    desk.receipts = False
    async with running(serial_config) as agent:
        await until(lambda: desk.states, "the hub says that it is there")
        pendant.press()
        await until(lambda: len(desk.alarms) >= 2, "it is sent again")
        assert len(desk.refs) == 1
        assert desk.alarms[1].age > desk.alarms[0].age
        desk.answer(desk.alarms[0].ref, snu=6)
        await until(lambda: "does not take" in str(desk.states[-1].faults), "the refusal shows")
        assert agent._dispatch.waiting > 0, "busy is no receipt"
        desk.answer(desk.alarms[0].ref)
        await until(lambda: agent._dispatch.waiting == 0, "nothing waits any more")


async def test_a_restart_in_the_middle_of_a_pendants_repeats_makes_no_second_alarm(
    serial_config: Path, pendant: PendantTty, desk: Desk
) -> None:
    desk.receipts = False
    async with running(serial_config):
        await until(lambda: desk.states, "the hub says that it is there")
        pendant.press()
        await until(lambda: desk.alarms, "the alarm arrives")
    before = len(desk.alarms)
    async with running(serial_config):
        await until(lambda: len(desk.alarms) > before, "what has no receipt is sent again after the restart")
        pressed = pendant.press()
        await pendant.acknowledged(pressed)
        await until(lambda: len(desk.refs) == 2, "a new press after the restart is a new alarm")


async def test_the_receiver_pulled_out_and_plugged_in_again_works_again(
    serial_config: Path, pendant: PendantTty, desk: Desk
) -> None:
    async with running(serial_config):
        await until(lambda: desk.states, "the hub says that it is there")
        pendant.unplug()
        await until(lambda: str(pendant.path) in str(desk.states[-1].faults), "the centre is told that it is gone")
        pendant.plug_in()
        await until(lambda: str(pendant.path) not in str(desk.states[-1].faults), "the centre is told that it is back")
        pendant.damage_next = 1
        pendant.press()
        await until(lambda: desk.alarms, "a press comes through, also when the first frame was damaged")
    assert len(desk.refs) == 1


async def test_a_radio_press_is_one_alarm_also_when_the_agent_restarts_while_it_is_on_the_air(
    write_config: Callable[[str], Path], desk: Desk
) -> None:
    air = VirtualAir()
    controller = HubController(air)
    await controller.start()
    button = BTHomeSensor(air, "button", BUTTON_ADDRESS, key=BUTTON_KEY)
    motion = BTHomeSensor(air, "motion", MOTION_ADDRESS)
    await button.power_on()
    await motion.power_on()
    path = write_config(f'[ble]\nadapter = "{controller.transport}"\n')
    try:
        async with running(path):
            await until(lambda: controller.listening, "the hub opens its radio")
            await motion.say((ObjectId.MOTION, 1), for_s=30)
            await until(lambda: ("hall-motion", "motion", True) in desk.readings, "motion arrives")
            await button.say((ObjectId.BUTTON, 1), for_s=30)
            await until(lambda: desk.alarms, "the press arrives")
        heard_before = len(desk.states)
        async with running(path):
            await until(lambda: len(desk.states) > heard_before, "the hub is back")
            await until(lambda: controller.listening, "the hub opens its radio again")
            await asyncio.sleep(1)  # ten repeats of the same advert: silence is what is asserted
            assert button.on_air
    finally:
        await button.power_off()
        await motion.power_off()
        await controller.die()
    assert len(desk.refs) == 1
    assert desk.alarms[0].lte == "bathroom"
    assert desk.alarms[0].lco == 3
    evidence = {record.n for record in desk.alarms[0].evidence}
    assert {"hall-motion/motion", "bath-button/press"} <= evidence


async def test_a_drill_raises_a_test_alarm_and_stale_or_unknown_commands_are_refused(
    serial_config: Path, desk: Desk
) -> None:
    async with running(serial_config):
        await until(lambda: desk.states, "the hub says that it is there")
        desk.command(Command("c1", "test", expires=4e9, text="monthly"))
        desk.command(Command("c2", "test", expires=1e9))
        desk.command(Command("c3", "dance", expires=4e9))
        await until(lambda: len(desk.outcomes) >= 3 and desk.alarms, "all are answered")
    assert {(o.id, o.outcome) for o in desk.outcomes} == {("c1", "done"), ("c2", "expired"), ("c3", "unsupported")}
    assert [kind_of(a.dty, a.stc) for a in desk.alarms] == [AlarmKind.TEST]
