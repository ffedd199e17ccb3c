"""Health sensors over connections that a real BlueZ makes: reading, a link that is lost, and who may pair."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner

from simulators.gatt_sensors import BloodPressureCuff, HeartRateBelt
from tests.bluez.conftest import Home, eventually, hears, press, running
from tests.edge.conftest import Desk, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

BELT, CUFF, STRANGER = "A4:C1:38:00:02:01", "A4:C1:38:00:02:02", "A4:C1:38:00:02:03"
CONNECTS_S = 60.0


def table(name: str, model: str, address: str) -> str:
    return f'[[device]]\nid = "{name}"\nmodel = "{model}"\nlink = "ble_gatt"\naddress = "{address}"\nroom = "body"\n'


def is_read(cuff: BloodPressureCuff) -> bool:
    """Whether it has got rid of all that it had; one whose link was lost has to send it once more."""
    return not cuff.stored and not cuff.connected


async def test_a_belts_heart_rate_arrives_and_again_after_the_link_was_lost(
    home: Home, desk: Desk, hub_files: Callable[..., Path]
) -> None:
    belt = HeartRateBelt(home.air, BELT)
    await belt.power_on()
    await belt.appear()
    try:
        async with running(hub_files(table("belt", "gatt_heart_rate", BELT)), home):
            await eventually(lambda: belt.connections == 1, "the hub connects", CONNECTS_S)
            await belt.listened_to()
            for link in tuple(belt.device.connections.values()):
                await link.disconnect()
            await eventually(lambda: belt.connections == 2, "the hub connects again", CONNECTS_S)
            await belt.listened_to()
            await belt.beat(93)
            await press(home, desk)
            said = {("belt", "heart_rate", 93.0), ("belt", "battery", 87.0)}
            await eventually(lambda: said <= set(desk.readings), "the heart rate arrives", CONNECTS_S)
    finally:
        await belt.power_off()


async def test_an_enrolled_cuff_pairs_with_secure_connections_and_a_stranger_does_not(
    home: Home, desk: Desk, hub_files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cuff, stranger = BloodPressureCuff(home.air, CUFF), HeartRateBelt(home.air, STRANGER, "stranger")
    stranger.demand_pairing()
    paired: list[bool] = []
    cuff.device.on("connection", lambda link: link.on("pairing", lambda _keys: paired.append(link.sc)))
    for sensor in (cuff, stranger):
        await sensor.power_on()
    try:
        async with running(hub_files(table("cuff", "gatt_blood_pressure", CUFF)), home) as agent:
            await hears(home, desk)
            await cuff.measure(128, 79, 66)
            await eventually(lambda: is_read(cuff), "the cuff is read, and switches off", CONNECTS_S)
            assert paired
            assert all(paired)
            # heard at once: a pendant sends a press for three seconds
            await press(home, desk, for_s=3.0)
            await cuff.measure(131, 82, 70)
            await eventually(lambda: is_read(cuff), "the cuff is read again", CONNECTS_S)
            await press(home, desk, for_s=3.0)
            await stranger.appear()
            failed: list[object] = []
            stranger.device.on("connection", lambda link: link.on("pairing_failure", failed.append))
            async with connection_of_another_program(STRANGER, home.machine.environment, monkeypatch):
                await until(lambda: stranger.device.connections, "it is connected")
                link = next(iter(stranger.device.connections.values()))
                link.request_pairing()
                await until(lambda: failed, "its pairing is refused")
                assert not link.is_encrypted
            assert f"{STRANGER} asked to pair and was refused" in agent.said
            await press(home, desk)
            await eventually(lambda: ("cuff", "systolic", 128.0) in desk.readings, "the pressure arrives", CONNECTS_S)
    finally:
        await cuff.power_off()
        await stranger.power_off()


@asynccontextmanager
async def connection_of_another_program(
    address: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Something else on the hub connects to a device that is not enrolled."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    device = await BleakScanner.find_device_by_address(address, timeout=20)
    assert device is not None
    async with BleakClient(device):
        yield
