"""Promise: who listens to the radio or reads a sensor ends when told to, in whatever instant, and leaves no link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from bumble.gatt_client import Client
from bumble.host import Host

from edge.drivers.hci_client import HciClient
from edge.drivers.hci_radio import scanner_backend
from simulators.gatt_sensors import BloodPressureCuff, HeartRateBelt
from simulators.gatt_server import GattSensor
from simulators.radio import HubController, VirtualAir
from tests.edge.conftest import until

ADDRESS = "A4:C1:38:00:01:00"
SECONDS = 60.0
HEART_RATE, BATTERY = (f"0000{number:04x}-0000-1000-8000-00805f9b34fb" for number in (0x2A37, 0x2A19))


class Answers:
    """Counts what comes in as an answer to the hub's bumble, and cancels a work in the very turn in which one comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, of: type[Any], taker: str) -> None:
        self.count, self._cancel_at = 0, 0
        self._work: asyncio.Task[None] | None = None
        take: Callable[..., None] = getattr(of, taker)

        def take_and_cancel(bumble: object, answer: object) -> None:
            take(bumble, answer)
            # a sensor's own bumble has its controller at hand, the hub's a stream
            if self._work is not None and not hasattr(getattr(bumble, "hci_sink", None), "le_connections"):
                self.count += 1
                if self.count == self._cancel_at:
                    self._work.cancel()

        monkeypatch.setattr(of, taker, take_and_cancel)

    async def to(self, work: Coroutine[Any, Any, None], *, cancel_at: int = 0) -> asyncio.Task[None]:
        """The work, when it has ended."""
        self.count, self._cancel_at = 0, cancel_at
        self._work = task = asyncio.create_task(work)
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([task])
        self._work = None
        return task


@pytest.fixture
async def air() -> VirtualAir:
    return VirtualAir()


@pytest.fixture
async def controller(air: VirtualAir) -> AsyncIterator[HubController]:
    controller = HubController(air)
    await controller.start()
    yield controller
    await controller.die()


async def scan(controller: HubController) -> None:
    async with BleakScanner(backend=scanner_backend(controller.transport, lambda: None)):
        pass


@asynccontextmanager
async def heard(controller: HubController, sensor: GattSensor) -> AsyncIterator[list[BLEDevice]]:
    """A sensor as often as a scan hears it; the scan goes on."""
    found: list[BLEDevice] = []
    await sensor.power_on()
    await sensor.appear()
    backend = scanner_backend(controller.transport, lambda: None)
    async with BleakScanner(lambda device, _advert: found.append(device), backend=backend):
        await until(lambda: found, "the sensor is heard")
        yield found
    await sensor.power_off()


def client_of(found: list[BLEDevice]) -> BleakClient:
    return BleakClient(found[0], backend=HciClient, timeout=SECONDS)


async def read(client: BleakClient) -> None:
    await client.connect()
    await client.start_notify(HEART_RATE, lambda *_: None)
    await client.read_gatt_char(BATTERY)


async def test_a_scan_ends_when_told_to_as_any_answer_of_the_controller_comes(
    controller: HubController, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(monkeypatch, Host, "on_command_processed")
    await (await answers.to(scan(controller)))
    for number in range(1, answers.count + 1):
        assert (await answers.to(scan(controller), cancel_at=number)).cancelled(), number


@pytest.mark.parametrize(("of", "taker"), [(Host, "on_command_processed"), (Client, "on_gatt_pdu")])
async def test_reading_a_sensor_ends_when_told_to_as_any_answer_of_it_comes_and_it_can_be_read_again(
    air: VirtualAir, controller: HubController, monkeypatch: pytest.MonkeyPatch, of: type[Any], taker: str
) -> None:
    answers, belt = Answers(monkeypatch, of, taker), HeartRateBelt(air, ADDRESS)
    async with heard(controller, belt) as found:

        async def reading(cancel_at: int = 0) -> asyncio.Task[None]:
            client = client_of(found)
            task = await answers.to(read(client), cancel_at=cancel_at)
            await client.disconnect()
            await until(lambda: not belt.connected, "the link has ended")
            return task

        await (await reading())
        for number in range(1, answers.count + 1):
            assert (await reading(number)).cancelled(), number


async def test_a_connection_that_is_given_up_is_not_made_later_for_nobody(
    air: VirtualAir, controller: HubController
) -> None:
    belt = HeartRateBelt(air, ADDRESS)
    async with heard(controller, belt) as found:
        await belt.device.stop_advertising()
        given_up, client = client_of(found), client_of(found)
        (hub,) = controller._hosts
        connecting = asyncio.create_task(given_up.connect())
        await until(lambda: hub._controller.pending_le_connection, "the hub connects")  # type: ignore[union-attr]
        connecting.cancel()
        await asyncio.wait([connecting])
        found.clear()
        await belt.appear()
        await until(lambda: found, "the sensor is heard again")
        assert belt.connections == 0
        await read(client)
        await client.disconnect()


async def test_a_sensor_that_leaves_while_it_pairs_is_a_fault_and_no_stop(
    air: VirtualAir, controller: HubController
) -> None:
    cuff = BloodPressureCuff(air, ADDRESS)
    async with heard(controller, cuff) as found:
        client = client_of(found)
        await client.connect()
        link = next(iter(cuff.device.connections.values()))
        link.on("pairing_start", cuff.vanish)
        with pytest.raises(BleakError):
            await client.pair()
        await client.disconnect()
