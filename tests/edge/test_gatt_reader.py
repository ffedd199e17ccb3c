"""Sensors over Bluetooth connections: bleak as it is, a virtual radio, the agent's own scanner and reader."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
from simulators.gatt_sensors import BloodPressureCuff, GattSensor, HeartRateBelt, Oximeter, Scale, Thermometer, Wearable
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import until

BELT, CUFF, OXI, THERMO, SCALE, WORN = (f"A4:C1:38:00:01:{i:02X}" for i in range(6))
MOTION = "A4:C1:38:00:00:01"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
MODELS = {
    BELT: "gatt_heart_rate",
    CUFF: "gatt_blood_pressure",
    OXI: "gatt_pulse_oximeter",
    THERMO: "gatt_thermometer",
    SCALE: "gatt_weight_scale",
    WORN: "gatt_wearable",
}
DEVICES = {
    address: EnrolledDevice(
        model.removeprefix("gatt_"), model, Link.BLE_GATT, address, key=KEY if address == WORN else None
    )
    for address, model in MODELS.items()
}
HURRIED = Patience(connect_s=3.0, answer_s=0.5, silent_s=0.6, idle_s=2.0, pause_s=0.1, pause_max_s=0.3, step_s=0.1)


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
            self.config, DEVICES.values(), self._on_frame, self._on_fault, lambda: None, patience=HURRIED
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
    await until(lambda: controller.connected, "the hub opens its radio")
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
