"""A press reaches the centre through a real BlueZ, once each, whatever happens to agent, BlueZ or bus meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.contract.alarm_kinds import AlarmKind, kind_of
from tests.bluez.conftest import Home, eventually, hears, press, running
from tests.edge.conftest import Desk, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PRESSES = 6
RECOVERS_S = 60.0
"""Longest time until the hub hears again after BlueZ or its bus is back."""


def serious(desk: Desk) -> list[str]:
    """Codes of what is wrong with the radio now; what the hub did about it stays in the state for a day."""
    return [problem.code for problem in desk.states[-1].problems if problem.subject == "ble" and not problem.outcome]


async def test_each_press_is_one_alarm_with_its_place_and_the_motion_before_it(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    async with running(hub_files(), home):
        await hears(home, desk)
        for _ in range(PRESSES):
            await press(home, desk)
        await until(lambda: not any(button.on_air for button in home.buttons), "the pendants fall silent")
    assert len(desk.refs) == PRESSES
    assert {kind_of(alarm.dty, alarm.stc) for alarm in desk.alarms} == {AlarmKind.HELP}
    assert {(alarm.lte, alarm.lco) for alarm in desk.alarms} == {("bathroom", 3)}
    assert any(record.n == "hall-motion/motion" for record in desk.alarms[0].evidence)


async def test_a_restart_of_the_agent_while_a_pendant_repeats_makes_no_second_alarm(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    path = hub_files()
    async with running(path, home):
        await hears(home, desk)
        button = await press(home, desk, for_s=60)
    async with running(path, home):
        # the motion comes over the same radio, after many repeats of the press
        await hears(home, desk)
        await asyncio.sleep(1)
        assert button.on_air
        assert len(desk.refs) == 1
        await press(home, desk)


async def test_after_bluez_has_ended_and_is_back_a_press_arrives(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    async with running(hub_files(), home):
        await hears(home, desk)
        async with home.machine.without_bluetoothd():
            await eventually(lambda: serious(desk), "the centre is told", RECOVERS_S)
        await hears(home, desk, RECOVERS_S)
        await press(home, desk)
        await eventually(lambda: not serious(desk), "the centre is told that all is well", RECOVERS_S)


async def test_after_the_system_bus_has_ended_and_is_back_a_press_arrives(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    async with running(hub_files(), home):
        await hears(home, desk)
        async with home.machine.without_bus():
            await eventually(lambda: serious(desk), "the centre is told", RECOVERS_S)
        await hears(home, desk, RECOVERS_S)
        await press(home, desk)


async def test_an_agent_that_is_stopped_while_the_system_bus_is_gone_ends(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    # `running` asserts that the agent ends well, and within seconds
    async with AsyncExitStack() as later, running(hub_files(), home):
        await hears(home, desk)
        await later.enter_async_context(home.machine.without_bus())
        await eventually(lambda: serious(desk), "the centre is told", RECOVERS_S)


async def test_a_dongle_that_is_pulled_out_is_told_and_works_again_when_it_is_back(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    async with running(hub_files(), home):
        await hears(home, desk)
        async with home.machine.without_adapter():
            await eventually(lambda: serious(desk), "the centre is told", RECOVERS_S)
        await hears(home, desk, RECOVERS_S)
        await press(home, desk)
