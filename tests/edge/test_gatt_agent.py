"""From a health sensor or a wearable through the whole agent to the centre's side of the wire."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.contract.alarm_kinds import AlarmKind, kind_of
from simulators.bthome_bytes import ObjectId
from simulators.gatt_sensors import BloodPressureCuff, HeartRateBelt, Wearable
from simulators.gatt_server import GattSensor
from simulators.movement import fall, feel, walk
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import BUTTON_ADDRESS, BUTTON_KEY, MOTION_ADDRESS, Desk, running, until

pytestmark = pytest.mark.slow

BELT, CUFF, WORN = "A4:C1:38:00:01:00", "A4:C1:38:00:01:01", "A4:C1:38:00:01:05"
KEY = bytes(range(16))
G = 32_768 // 8
GATT = f"""
[[device]]
id = "belt"
model = "gatt_heart_rate"
link = "ble_gatt"
address = "{BELT}"

[[device]]
id = "cuff"
model = "gatt_blood_pressure"
link = "ble_gatt"
address = "{CUFF}"

[[device]]
id = "worn"
model = "gatt_wearable"
link = "ble_gatt"
address = "{WORN}"
room = "wrist"
key = "{KEY.hex()}"
"""


@pytest.fixture
async def air() -> VirtualAir:
    return VirtualAir()


@pytest.fixture
async def hub_config(air: VirtualAir, write_config: Callable[[str], Path], tmp_path: Path) -> AsyncIterator[Path]:
    controller = HubController(air)
    await controller.start()
    path = write_config(f'[ble]\nadapter = "{controller.transport}"\n')
    enrolment = tmp_path / "enrolment.toml"
    enrolment.write_text(enrolment.read_text() + GATT)
    yield path
    await controller.die()


async def switch_on(*sensors: GattSensor) -> None:
    for sensor in sensors:
        await sensor.power_on()
        await sensor.appear()


async def test_a_cuffs_memory_reaches_the_centre_once_and_with_its_own_times_also_over_a_restart(
    air: VirtualAir, hub_config: Path, desk: Desk
) -> None:
    began = time.time()
    cuff = BloodPressureCuff(air, CUFF)
    cuff.off, cuff.forgets = timedelta(days=-4_000), False
    cuff.stored.append((118, 76, 61, cuff.now() - timedelta(days=2)))
    motion = BTHomeSensor(air, "motion", MOTION_ADDRESS)
    await motion.power_on()
    await cuff.power_on()
    async with running(hub_config):
        await cuff.measure(140, 90, 70)
        await until(lambda: cuff.sent >= 2, "the hub takes both")
        # what is not urgent travels with what is
        await motion.say((ObjectId.MOTION, 1))
        await until(lambda: ("cuff", "systolic", 140.0) in desk.readings, "the new measurement arrives")
        await until(lambda: not cuff.connected, "the cuff has switched itself off")
    async with running(hub_config):
        await cuff.measure(150, 95, 71)
        await until(lambda: cuff.sent >= 5, "the hub takes the cuff's memory again")
        await motion.say((ObjectId.MOTION, 0))
        await until(lambda: ("cuff", "systolic", 150.0) in desk.readings, "the next arrives after a restart")
    await cuff.power_off()
    await motion.power_off()
    pressures = {r.value: r.measured_at for p in desk.packs for r in p.readings if r.kind == "systolic"}
    said = [value for _, kind, value in desk.readings if kind == "systolic"]
    assert sorted(said) == [118.0, 140.0, 150.0]
    now = time.time()
    assert began - 30 <= pressures[118.0] + 2 * 86_400 <= now
    assert began - 30 <= pressures[140.0] <= now


async def test_presses_come_through_while_sensors_are_connected_and_windows_stay_in_the_home(
    air: VirtualAir, hub_config: Path, desk: Desk
) -> None:
    belt, worn = HeartRateBelt(air, BELT), Wearable(air, WORN, KEY)
    button = BTHomeSensor(air, "button", BUTTON_ADDRESS, key=BUTTON_KEY)
    await button.power_on()
    await switch_on(belt, worn)
    async with running(hub_config) as agent:
        await belt.listened_to()
        await worn.listened_to()
        await until(lambda: worn.mtu > 100, "the hub asks for a large MTU")
        await belt.beat(77)
        await worn.stream([(0, 0, G)] * 150 + [(0, 3 * G, 0)] + [(G, 0, 0)] * 150)
        counts = agent._health.movement
        await until(lambda: counts["windows"] == 9, "all windows are in the hub")
        assert not desk.alarms, "movement calls nobody where nothing says where it is worn"
        await button.say((ObjectId.BUTTON, 1), for_s=5)
        await until(lambda: desk.alarms, "a press by advert arrives during both connections")
        assert belt.connected
        assert worn.connected
        pressed = worn.press()
        await until(lambda: pressed in worn.acknowledged, "the wearable's press is acknowledged")
        await until(lambda: len(desk.refs) == 2, "the wearable's press arrives")
        await until(lambda: ("belt", "heart_rate", 77.0) in desk.readings, "the heart rate arrives")
        await until(lambda: ("worn", "battery", 87.0) in desk.readings, "the battery arrives")
    for sensor in (belt, worn, button):
        await sensor.power_off()
    assert {(alarm.did, kind_of(alarm.dty, alarm.stc)) for alarm in desk.alarms} == {
        ("bath-button", AlarmKind.HELP),
        ("worn", AlarmKind.HELP),
    }
    assert "acceleration" not in {kind for _, kind, _ in desk.readings}
    assert counts["windows"] == 9
    assert counts["samples_lost"] == 0


async def test_the_centre_is_told_of_a_sensor_that_cannot_be_read(
    air: VirtualAir, hub_config: Path, desk: Desk
) -> None:
    worn = HeartRateBelt(air, WORN)
    await switch_on(worn)
    async with running(hub_config):
        await until(lambda: "enrolled rightly" in str(desk.states[-1:]), "the state names it")
        codes = {(problem.code, problem.subject) for problem in desk.states[-1].problems}
        assert ("device_unreachable", "worn") in {(str(code), subject) for code, subject in codes}
    await worn.power_off()


async def test_a_fall_in_the_movement_of_a_wearable_calls_the_centre(
    air: VirtualAir, hub_config: Path, desk: Desk
) -> None:
    hub_config.write_text(hub_config.read_text() + '[[worn]]\ndevice = "worn"\nsite = "wrist"\n')
    worn = Wearable(air, WORN, KEY)
    await switch_on(worn)
    async with running(hub_config) as agent:
        await worn.listened_to()
        await until(lambda: worn.mtu > 100, "the hub asks for a large MTU")
        await until(lambda: agent._falls is not None and agent._falls.pid, "falls are looked for")
        rows = feel([*walk(4), *fall(5)], worn.rate_hz, seed=5, full_scale_g=8.0)
        await worn.stream([(round(x * G) - 1, round(y * G) - 1, round(z * G) - 1) for x, y, z, *_ in rows])
        await until(lambda: desk.alarms, "the fall calls")
    await worn.power_off()
    (alarm,) = {alarm.ref: alarm for alarm in desk.alarms}.values()
    assert (alarm.did, kind_of(alarm.dty, alarm.stc)) == ("worn", AlarmKind.FALL)
    assert {"worn/impact", "worn/tilt", "worn/stir"} <= {record.n for record in alarm.evidence}
