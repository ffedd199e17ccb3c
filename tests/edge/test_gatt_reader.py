"""Sensors over Bluetooth connections: bleak as it is, a virtual radio, the agent's own scanner and reader."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from devices.decoding import Decoded, ReplayMark, decode
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.vocabulary import Reading
from edge.config import BleConfig
from edge.drivers.ble_scanner import BleScanner
from edge.drivers.gatt_reader import GattReader, Patience
from gateway.contract.messages import ProblemCode
from simulators.bthome_bytes import ObjectId
from simulators.gatt_sensors import BloodPressureCuff, HeartRateBelt, Oximeter, Scale, Thermometer, Wearable
from simulators.gatt_server import GattSensor
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import PATIENCE_S, until

BELT, CUFF, OXI, THERMO, SCALE, WORN, BELT_2 = (f"A4:C1:38:00:01:{i:02X}" for i in range(7))
MOTION = "A4:C1:38:00:00:01"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
MODELS = {
    BELT: "gatt_heart_rate",
    CUFF: "gatt_blood_pressure",
    OXI: "gatt_pulse_oximeter",
    THERMO: "gatt_thermometer",
    SCALE: "gatt_weight_scale",
    WORN: "gatt_wearable",
    BELT_2: "gatt_heart_rate",
}
DEVICES = {
    address: EnrolledDevice(
        model.removeprefix("gatt_") + ("_2" if address == BELT_2 else ""),
        model,
        Link.BLE_GATT,
        address,
        key=KEY if address == WORN else None,
    )
    for address, model in MODELS.items()
}
PATIENT = Patience(connect_s=30.0, pair_s=30.0, answer_s=30.0, pause_s=0.1, pause_max_s=0.3, step_s=0.1)
"""On a busy machine a sensor that works may answer late."""
HURRIED = replace(PATIENT, connect_s=3.0, answer_s=0.5, silent_s=0.6, idle_s=2.0)


class Listener:
    """A hub's scanner and reader, with a decoder behind them as the intake has it."""

    def __init__(self, adapter: str) -> None:
        self.readings: list[Reading] = []
        self.refused: Counter[str] = Counter()
        self.faults: dict[str, str] = {}
        self.told: list[str] = []
        self.adverts: list[Frame] = []
        self.marks: dict[str, ReplayMark] = {}
        self.config = BleConfig(adapter)
        self.reader = GattReader(
            self.config, DEVICES.values(), self._on_frame, self._on_fault, lambda: None, patience=PATIENT
        )

    def _on_frame(self, frame: Frame, reply: Callable[[bytes], None] | None) -> bool:
        device = DEVICES[frame.sender]
        decoded = decode(frame, device, self.marks.get(device.id))
        if not isinstance(decoded, Decoded):
            self.refused[decoded.reason] += 1
            return True
        self.marks[device.id] = decoded.mark
        self.readings += decoded.readings
        if decoded.acknowledge and reply is not None:
            reply(decoded.acknowledge)
        return True

    def _on_fault(self, part: str, sentence: str, code: ProblemCode = ProblemCode.OTHER, subject: str = "", /) -> None:
        if sentence:
            self.faults[part] = sentence
            self.told.append(sentence)
        else:
            self.faults.pop(part, None)

    def _on_advert(self, frame: Frame) -> bool:
        self.adverts.append(frame)
        return True

    async def run(self) -> None:
        scanner = BleScanner(
            self.config,
            {MOTION},
            self._on_advert,
            lambda: None,
            lambda: None,
            connectable=self.reader.addresses,
            on_nearby=self.reader.nearby,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(scanner.run())
            group.create_task(self.reader.run())

    def values(self, kind: str) -> list[object]:
        return [reading.value for reading in self.readings if reading.kind == kind]


@pytest.fixture
async def air() -> VirtualAir:
    return VirtualAir()


@pytest.fixture
async def hub(air: VirtualAir) -> AsyncIterator[Listener]:
    controller = HubController(air)
    await controller.start()
    listener = Listener(controller.transport)
    task = asyncio.create_task(listener.run())
    await until(lambda: controller.listening, "the hub opens its radio")
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await controller.die()


@asynccontextmanager
async def on_air(sensor: GattSensor, *, visible: bool = True) -> AsyncIterator[None]:
    await sensor.power_on()
    if visible:
        await sensor.appear()
    try:
        yield
    finally:
        await sensor.power_off()


async def test_a_belt_is_read_while_a_press_on_the_air_is_still_heard(air: VirtualAir, hub: Listener) -> None:
    belt = HeartRateBelt(air, BELT)
    motion = BTHomeSensor(air, "motion", MOTION)
    await motion.power_on()
    async with on_air(belt):
        await belt.listened_to()
        await belt.beat(72)
        await until(lambda: hub.values("heart_rate"), "the heart rate arrives")
        assert belt.connected
        await motion.say((ObjectId.MOTION, 1), for_s=3)
        await until(lambda: hub.adverts, "an advert is heard during the connection")
        assert belt.connected
    await motion.power_off()
    assert hub.values("heart_rate") == [72.0]
    assert hub.values("battery") == [87.0]
    assert not hub.faults


async def test_a_cuff_that_pairs_sends_what_it_stored_with_the_time_of_each_and_none_twice(
    air: VirtualAir, hub: Listener
) -> None:
    cuff = BloodPressureCuff(air, CUFF)
    # it was never set, and it does not forget what it has sent
    cuff.off, cuff.forgets = timedelta(days=-5_000, hours=3), False
    began = time.time()
    cuff.stored.append((118, 76, 61, cuff.now() - timedelta(days=3)))
    async with on_air(cuff, visible=False):
        await cuff.measure(140, 90, 70)
        await until(lambda: len(hub.values("systolic")) == 2, "both measurements arrive")
        now = time.time()
        await until(lambda: not cuff.connected, "the cuff has switched itself off")
        await cuff.measure(135, 85, 71)
        await until(lambda: len(hub.values("systolic")) > 2, "the next one arrives")
        await until(lambda: not cuff.connected, "the cuff has switched itself off again")
    assert hub.values("systolic") == [118.0, 140.0, 135.0]
    assert hub.values("heart_rate") == [61.0, 70.0, 71.0]
    assert hub.refused == {"repeat": 2}
    old, new, newest = (reading.measured_at for reading in hub.readings if reading.kind == "systolic")
    assert began - 5 < old + 3 * 86_400 < now + 5
    assert began - 5 < new <= newest <= time.time()


async def test_a_cuff_that_demands_no_pairing_is_paired_all_the_same(
    air: VirtualAir, hub: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or anybody with its address could speak for it for ever."""
    cuff = BloodPressureCuff(air, CUFF)
    cuff.demand_no_pairing()
    encrypted: list[bool] = []
    cuff.device.on("connection", lambda link: link.on("pairing", lambda _keys: encrypted.append(link.is_encrypted)))

    async def stay() -> None:
        """It does not switch itself off after it has sent."""

    monkeypatch.setattr(cuff, "disappear", stay)
    await cuff.power_on()
    await cuff.measure(128, 79, 66)
    await until(lambda: hub.values("systolic") == [128.0], "the pressure is read")
    await until(lambda: encrypted == [True], "it is paired")
    monkeypatch.undo()
    await cuff.power_off()


async def test_thermometer_scale_and_oximeter_are_read_side_by_side(air: VirtualAir, hub: Listener) -> None:
    thermometer, scale, oximeter = Thermometer(air, THERMO), Scale(air, SCALE), Oximeter(air, OXI)
    scale.off = timedelta(hours=-9)
    began = time.time()
    async with on_air(thermometer), on_air(scale), on_air(oximeter):
        for sensor in (thermometer, scale, oximeter):
            await sensor.listened_to()
        await thermometer.measure(364)
        await scale.weigh(72.5)
        await oximeter.spot_check(97, 64)
        await oximeter.flow(96, 65)
        for kind, count in (("body_temperature", 1), ("weight", 1), ("spo2", 2)):
            await until(lambda kind=kind, count=count: len(hub.values(kind)) == count, f"{kind} arrives")
    said = {(r.device, r.kind): r.value for r in hub.readings if r.kind != "battery"}
    assert said["thermometer", "body_temperature"] == 36.4
    assert said["weight_scale", "weight"] == 72.5
    assert hub.values("spo2") == [97.0, 96.0]
    assert all(began - 5 < reading.measured_at <= time.time() for reading in hub.readings)


async def test_a_device_that_connects_and_says_nothing_is_told_and_read_once_it_speaks(
    air: VirtualAir, hub: Listener
) -> None:
    hub.reader._patience = HURRIED
    belt = HeartRateBelt(air, BELT)
    belt.mute = True
    async with on_air(belt):
        await until(lambda: any("without a measurement" in sentence for sentence in hub.told), "it is told")
        belt.mute = False

        async def beats() -> None:
            while not hub.values("heart_rate"):
                await belt.beat(66)
                await asyncio.sleep(0.05)

        async with asyncio.timeout(PATIENCE_S):
            await beats()
        await until(lambda: not hub.faults, "the fault is over")
    assert belt.connections > 2


async def test_a_device_that_hangs_or_vanishes_holds_up_nobody(air: VirtualAir, hub: Listener) -> None:
    hanging, vanishing, belt = Scale(air, SCALE), Oximeter(air, OXI), HeartRateBelt(air, BELT)
    hub.reader._patience = HURRIED
    hanging.hanging = True
    async with on_air(hanging), on_air(vanishing):
        await vanishing.listened_to()
        vanishing.vanish()
        await until(lambda: any("answered no question" in sentence for sentence in hub.told), "the hanging one is told")
        async with on_air(belt):
            await belt.listened_to()
            await belt.beat(70)
            await until(lambda: hub.values("heart_rate"), "the third is read all the same")


async def test_a_link_that_breaks_is_made_again(air: VirtualAir, hub: Listener) -> None:
    belt = HeartRateBelt(air, BELT)
    async with on_air(belt):
        for beats in (70, 71, 72):
            await belt.listened_to()
            hub.marks.clear()
            await belt.beat(beats)
            await until(lambda beats=beats: float(beats) in hub.values("heart_rate"), "it is heard")  # type: ignore[misc]
            for connection in tuple(belt.device.connections.values()):
                await connection.disconnect()
    assert belt.connections >= 3
    assert not hub.faults


async def test_nonsense_is_counted_and_a_wrong_product_is_told(air: VirtualAir, hub: Listener) -> None:
    oximeter = Oximeter(air, OXI)
    oximeter.garbage = b"\x1f"
    impostor = Thermometer(air, BELT)
    async with on_air(oximeter), on_air(impostor):
        await oximeter.listened_to()
        await oximeter.flow(97, 60)
        await until(lambda: hub.refused["truncated"], "the nonsense is refused")
        await until(lambda: any("enrolled rightly" in sentence for sentence in hub.told), "the wrong product is told")
    assert not hub.values("spo2")


async def test_the_wearables_windows_and_button_come_sealed_and_a_recording_of_them_counts_for_nothing(
    air: VirtualAir, hub: Listener
) -> None:
    worn = Wearable(air, WORN, KEY)
    worn.repeat_s = 0.1
    async with on_air(worn):
        await worn.listened_to()
        await until(lambda: worn.mtu > 100, "the hub asks for a large MTU")
        await worn.stream([(0, 0, 4096)] * 100)
        pressed = worn.press()
        await until(lambda: pressed in worn.acknowledged, "the press is acknowledged")
        await until(lambda: len(hub.values("acceleration")) == 3, "the windows arrive")
        other = Wearable(VirtualAir(), WORN, bytes(16))
        await worn.replay(lambda: other._sealed(b"\0" * 14, 0x4C02))
        await until(lambda: hub.refused["wrong_key"], "what was not sealed with its key is refused")
    assert hub.values("press") == ["single"]
    assert hub.values("battery") == [87.0]


async def test_a_flood_from_a_connected_device_is_read_without_losing_the_adverts(
    air: VirtualAir, hub: Listener
) -> None:
    belt = HeartRateBelt(air, BELT)
    motion = BTHomeSensor(air, "motion", MOTION)
    await motion.power_on()
    async with on_air(belt):
        await belt.listened_to()
        began = time.monotonic()

        async def flood() -> None:
            for _ in range(2_000):
                await belt.beat(70)

        task = asyncio.create_task(flood())
        await motion.say((ObjectId.MOTION, 1), for_s=3)
        await until(lambda: hub.adverts, "an advert is heard during the flood")
        await task
        took_s = time.monotonic() - began
    await motion.power_off()
    assert 1 <= len(hub.values("heart_rate")) <= 3 + took_s / 10, "of a flow one value in ten seconds is kept"
    assert not hub.refused


async def test_as_many_as_there_are_places_are_held_and_who_finds_none_is_told_of(
    air: VirtualAir, hub: Listener
) -> None:
    belt, oximeter, worn = HeartRateBelt(air, BELT), Oximeter(air, OXI), Wearable(air, WORN, KEY)
    scale = Scale(air, SCALE)
    second = HeartRateBelt(air, BELT_2)
    async with on_air(belt), on_air(oximeter), on_air(worn):
        for sensor in (belt, oximeter, worn):
            await sensor.listened_to()
        async with on_air(second), on_air(scale):
            await until(lambda: "all places" in str(hub.faults), "the fourth that would stay is told of")
            await scale.listened_to()
            await scale.weigh(70.0)
            await until(lambda: hub.values("weight") == [70.0], "the scale finds the place that is kept")
            await belt.power_off()
            await second.listened_to()
            await until(lambda: "all places" not in str(hub.faults), "it got the place that became free")
