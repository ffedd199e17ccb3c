"""A press is written down whatever is in its way: a flood of garbage, a fault while it is stored, the agent's stop."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.vocabulary import Reading
from edge.asking import Asking
from edge.clock import boot_id
from edge.config import BleConfig
from edge.drivers.ble_scanner import BleScanner
from edge.health import REFUSED_MAX, Health
from edge.home.presence import Presence
from edge.intake import CALLS_MAX, QUEUE_MAX, Intake, _Heard
from edge.outbox import Outbox, StoredAlarm
from edge.outbox_thread import OutboxThread
from simulators.bthome_bytes import ObjectId, encrypted, plain
from simulators.serial_bytes import FrameType, PendantMessage, frame
from tests.edge.conftest import BUTTON_ADDRESS, BUTTON_KEY, MOTION_ADDRESS, PENDANT, trusted_clock, until

PRESS = frame(PendantMessage(FrameType.BUTTON, PENDANT, 7, 5000, 2990, 1)).rstrip(b"\0")
SERIAL = EnrolledDevice("pendant", "serial_pendant", Link.SERIAL, f"{PENDANT:08x}", "neck", "")
BUTTON = EnrolledDevice("button", "bthome_pendant", Link.BLE_ADVERT, BUTTON_ADDRESS, "bath", "3", BUTTON_KEY)
MOTION = EnrolledDevice("motion", "bthome_motion", Link.BLE_ADVERT, MOTION_ADDRESS, "hall", "")
BTHOME = b"\xd2\xfc"


class Hub:
    """An intake with its disk; it records what was stored, and fails when told to."""

    def __init__(self) -> None:
        self.stored: list[StoredAlarm] = []
        self.fails = 0
        self.told: list[str] = []
        self.outbox = OutboxThread(lambda _sentence, _code: None)
        self.health = Health(0.0)
        devices = {(device.link, device.address): device for device in (SERIAL, BUTTON, MOTION)}
        self.intake = Intake(
            devices,
            trusted_clock(),
            self.outbox,
            self.health,
            Asking(trusted_clock(), self.outbox, Presence(trusted_clock()), lambda: "en"),
            on_alarms=self.stored.extend,
            on_readings=lambda _prompt: None,
            delivered=self._delivered,
            on_fault=lambda _part, sentence, *_: self.told.append(sentence),
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
        await hub.intake.finish()
        assert bool(confirmed) == bool(expected)
        assert await hub.alarms_on_disk() == expected
    assert len(confirmed) == 2
    assert len(hub.stored) == 1


async def test_the_installer_is_told_of_a_press_only_when_it_is_counted_among_the_calls(hub: Hub) -> None:
    known: list[int] = []
    hub.intake._on_heard = lambda _device, _frame, _readings: known.append(len(hub.stored))
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    await hub.intake.finish()
    assert known == [1], "or the walk test finds no call waiting and says that the centre has it"


async def test_what_was_heard_before_the_stop_is_on_disk_after_it(hub: Hub) -> None:
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    await hub.intake.finish()
    assert await hub.alarms_on_disk() == 1


async def test_a_fault_with_one_frame_at_the_stop_does_not_cost_those_behind_it(hub: Hub) -> None:
    hub.fails = 1
    press = BTHOME + encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=9)
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    hub.intake.take(Frame(Link.BLE_ADVERT, BUTTON_ADDRESS, press, None, time.time()))
    await hub.intake.finish()
    assert await hub.alarms_on_disk() == 1


async def test_a_press_is_taken_in_a_flood_while_the_disk_stands_still(hub: Hub) -> None:
    goes_on, refused = threading.Event(), hub.health.refused
    writing = asyncio.create_task(hub.outbox.call(lambda _box: goes_on.wait(20)))
    working = asyncio.create_task(hub.intake.run(lambda: None))
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    await until(hub.intake._queue.empty, "a first press is being written")

    scanner = BleScanner(BleConfig(), {BUTTON_ADDRESS}, hub.intake.take, lambda: None, lambda: None)
    for number in range(QUEUE_MAX + CALLS_MAX):
        scanner._on_advert(*advert(BUTTON_ADDRESS, b"\x41" + number.to_bytes(14, "big")))
    assert refused["flood"] == CALLS_MAX
    press = encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=9)
    scanner._on_advert(*advert(BUTTON_ADDRESS, press))
    hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    goes_on.set()
    await until(lambda: len(hub.stored) == 2, "both presses are stored")
    await until(lambda: refused["wrong_key"] == QUEUE_MAX, "the garbage is worked off")
    for task in (working, writing):
        task.cancel()
    await asyncio.gather(working, writing, return_exceptions=True)
    assert len(hub.stored) == 2


async def test_a_press_for_which_there_was_no_room_is_heard_at_its_next_repeat(hub: Hub) -> None:
    scanner = BleScanner(BleConfig(), {BUTTON_ADDRESS}, hub.intake.take, lambda: None, lambda: None)
    press = encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=9)
    for _ in range(QUEUE_MAX + CALLS_MAX):
        hub.intake.take(Frame(Link.SERIAL, SERIAL.address, PRESS, None, time.time()))
    scanner._on_advert(*advert(BUTTON_ADDRESS, press))
    assert hub.health.refused["flood"] == 1
    await hub.intake.finish()
    scanner._on_advert(*advert(BUTTON_ADDRESS, press))
    await hub.intake.finish()
    assert [item.alarm.did for item in hub.stored] == ["pendant", "button"]


def advert(address: str, data: bytes, *, service: str = "fcd2") -> tuple[BLEDevice, AdvertisementData]:
    found = {f"0000{service}-0000-1000-8000-00805f9b34fb": data}
    return BLEDevice(address, None, None), AdvertisementData(None, {}, found, [], None, -60, ())


async def test_a_flood_of_every_kind_is_counted_and_bounded_and_a_press_comes_through(hub: Hub) -> None:
    dice = random.Random(5)
    heard: list[None] = []
    scanner = BleScanner(BleConfig(), {BUTTON_ADDRESS}, hub.intake.take, lambda: heard.append(None), lambda: None)
    working = asyncio.create_task(hub.intake.run(lambda: None))
    recorded = encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=8)
    kinds = (
        lambda: advert(dice.randbytes(6).hex(":").upper(), dice.randbytes(20)),
        lambda: advert(BUTTON_ADDRESS, b"\x41" + dice.randbytes(dice.randrange(18))),
        lambda: advert(BUTTON_ADDRESS, recorded),
        lambda: advert(BUTTON_ADDRESS, dice.randbytes(3), service="180d"),
    )
    presses = 0
    sizes = []
    for second in range(30):
        for number in range(1000):
            scanner._on_advert(*dice.choice(kinds)())
            if number % 20 == 0:
                await asyncio.sleep(0)
        await until(lambda: hub.intake.idle, "the second's flood is worked off")
        if second % 11 == 5:
            presses += 1
            press = encrypted([(ObjectId.BUTTON, 1)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=1000 + second)
            scanner._on_advert(*advert(BUTTON_ADDRESS, press))
            await until(lambda: hub.intake.idle, "the press is stored")
        gc.collect()
        sizes.append(len(gc.get_objects()))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    counted = hub.health.refused
    assert len(heard) == 30_000 + presses
    assert {"wrong_key", "repeat", "truncated", "wrong_service"} <= set(counted)
    assert counted.total() > 15_000
    assert len(counted) <= REFUSED_MAX
    # one object remembered of each packet of one kind would be 2,500 in ten seconds; a module that something else loads
    # meanwhile is a step of some hundred, once
    assert median(sizes[20:]) < median(sizes[10:20]) + 1_500, "what is remembered does not grow with the flood"
    await hub.intake.flush()
    pack = await hub.outbox.call(lambda box: box.next_pack(boot_id()))
    assert pack is not None
    assert sum(stored.reading.kind == "press" for stored in pack.readings) == presses + 1, (
        "the recorded one was new once"
    )
    beat = hub.health.heartbeat(trusted_clock().now(), 0)
    assert beat.refused == dict(counted)


async def test_plain_readings_by_the_thousand_are_not_all_kept(hub: Hub) -> None:
    for number in range(2000):
        said = BTHOME + plain(
            [(ObjectId.PACKET_ID, number % 256), (ObjectId.MOTION, number % 2), (ObjectId.BATTERY, 50)]
        )
        hub.intake.take(Frame(Link.BLE_ADVERT, MOTION.address, said, None, time.time() + number))
        if number % 100 == 99:
            await hub.intake.finish()
    kept = (await hub.outbox.call(Outbox.backlog)).readings
    assert 100 <= kept < 1000
    assert hub.health.refused["too_many"] > 1000


async def test_a_low_battery_is_told_once_and_taken_back_when_it_is_another(hub: Hub) -> None:
    counter = 0

    async def hear(percent: int) -> list[str]:
        nonlocal counter
        counter += 1
        said = BTHOME + encrypted(
            [(ObjectId.BATTERY, percent)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=counter
        )
        hub.intake.take(Frame(Link.BLE_ADVERT, BUTTON_ADDRESS, said, None, time.time()))
        await hub.intake.finish()
        found = hub.told[len(told) :]
        told.extend(found)
        return found

    told: list[str] = []
    assert await hear(80) == []
    assert await hear(15) == ["button: its battery is low (15 %)"]
    assert await hear(12) == []
    assert await hear(18) == [], "it recovers a little in the warm room"
    assert await hear(100) == [""]


async def test_a_pendant_whose_button_is_stuck_is_a_problem_until_it_is_free(hub: Hub) -> None:
    told = []
    for number, argument in enumerate((0, 4, 4, 6, 0)):
        beat = frame(PendantMessage(FrameType.HEARTBEAT, PENDANT, number, 60_000 * number, 2990, argument))
        hub.intake.take(Frame(Link.SERIAL, f"{PENDANT:08x}", beat.rstrip(b"\0"), None, time.time()))
        await hub.intake.finish()
        told.append(sorted(hub.told))
        hub.told.clear()
    stuck, lost = told[1][0], told[3][0]
    assert "button is stuck" in stuck
    assert "lost messages" in lost
    assert told == [[], [stuck], [], [lost], ["", ""]]


async def test_forged_frames_do_not_make_an_understood_device_a_problem(hub: Hub) -> None:
    said = BTHOME + encrypted([(ObjectId.BATTERY, 80)], key=BUTTON_KEY, address=BUTTON_ADDRESS, counter=4)
    for payload in (said, BTHOME + b"\x41" + bytes(20), said, BTHOME + b"\x41" + bytes(18)):
        hub.intake.take(Frame(Link.BLE_ADVERT, BUTTON_ADDRESS, payload, None, time.time()))
    await hub.intake.finish()
    assert hub.told == []
    assert hub.health.refused["wrong_key"] == 2


async def test_a_fall_that_failed_to_be_stored_or_found_no_place_is_stored_later(hub: Hub) -> None:
    """Nobody repeats it, as a pendant repeats a press."""
    fallen = (Reading("pendant", "fall", "suspected", time.time()), Reading("pendant", "impact", 40.1, time.time()))
    hub.fails = 1
    hub.intake.conclude(fallen)
    for _ in range(2):
        await hub.intake.finish()
    assert await hub.alarms_on_disk() == 1
    stranger = Frame(Link.SERIAL, "ffffffff", PRESS, None, time.time())
    while not hub.intake._queue.full():
        hub.intake._queue.put_nowait(_Heard(stranger, trusted_clock().now(), None))
    hub.intake.conclude((Reading("motion", "fall", "suspected", time.time()),))
    await hub.intake.finish()
    await until(lambda: not hub.intake._queue.empty(), "it is offered again")
    await hub.intake.finish()
    assert await hub.alarms_on_disk() == 2
