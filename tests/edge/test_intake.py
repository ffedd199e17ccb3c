"""A press is written down whatever is in its way: a flood of garbage, a fault while it is stored, the agent's stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from edge.config import BleConfig
from edge.drivers.ble_scanner import BleScanner
from edge.health import Health
from edge.intake import QUEUE_MAX, Intake
from edge.outbox import Outbox, StoredAlarm
from edge.outbox_thread import OutboxThread
from simulators.bthome_bytes import ObjectId, encrypted
from simulators.serial_bytes import FrameType, PendantMessage, frame
from tests.edge.conftest import BUTTON_ADDRESS, BUTTON_KEY, PENDANT, trusted_clock, until

PRESS = frame(PendantMessage(FrameType.BUTTON, PENDANT, 7, 5000, 2990, 1)).rstrip(b"\0")
SERIAL = EnrolledDevice("pendant", "serial_pendant", Link.SERIAL, f"{PENDANT:08x}", "neck", "")
BUTTON = EnrolledDevice("button", "bthome_pendant", Link.BLE_ADVERT, BUTTON_ADDRESS, "bath", "3", BUTTON_KEY)


class Hub:
    """An intake with its disk; it records what was stored, and fails when told to."""

    def __init__(self) -> None:
        self.stored: list[StoredAlarm] = []
        self.fails = 0
        self.outbox = OutboxThread(lambda _sentence, _code: None)
        self.health = Health(0.0)
        devices = {(device.link, device.address): device for device in (SERIAL, BUTTON)}
        self.intake = Intake(
            devices,
            trusted_clock(),
            self.outbox,
            self.health,
            on_alarms=self.stored.extend,
            on_readings=lambda _prompt: None,
            delivered=self._delivered,
            on_fault=lambda *_: None,
        )

    def _delivered(self) -> list[int]:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a fault of ours")
        return []

    async def alarms_on_disk(self) -> int:
        return len(await self.outbox.call(Outbox.waiting_alarms))


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    hub = Hub()
    await hub.outbox.open(tmp_path, 1000)
    yield hub
    await hub.outbox.close()


async def test_a_press_that_failed_to_be_stored_is_stored_and_confirmed_at_its_repeat(hub: Hub) -> None:
    confirmed: list[bytes] = []
    hub.fails = 1
    for expected in (0, 1, 1):
        hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()), confirmed.append)
        try:
            await hub.intake.finish()
        except RuntimeError:
            assert confirmed == []
        assert await hub.alarms_on_disk() == expected
    assert len(confirmed) == 2
    assert len(hub.stored) == 1


async def test_what_was_heard_before_the_stop_is_on_disk_after_it(hub: Hub) -> None:
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    await hub.intake.finish()
    assert await hub.alarms_on_disk() == 1


async def test_a_press_is_not_held_back_when_its_first_adverts_meet_a_flood(hub: Hub) -> None:
    scanner = BleScanner(BleConfig(), {BUTTON_ADDRESS}, hub.intake.take, lambda: None, lambda: None)
    device = BLEDevice(BUTTON_ADDRESS, None, None)

    def hear(data: bytes) -> None:
        service = {"0000fcd2-0000-1000-8000-00805f9b34fb": data}
        scanner._on_advert(device, AdvertisementData(None, {}, service, [], None, -60, ()))

    press = encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=9)
    for number in range(QUEUE_MAX):
        hear(b"\x41" + number.to_bytes(14, "big"))
    hear(press)
    assert hub.health.refused["flood"] == 1
    working = asyncio.create_task(hub.intake.run(lambda: None))
    await until(lambda: hub.health.refused["wrong_key"] == QUEUE_MAX, "the garbage is worked off")
    hear(press)
    await until(lambda: hub.stored, "the next repeat is heard, without waiting for the pause between repeats")
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert len(hub.stored) == 1
