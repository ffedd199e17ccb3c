"""Reads health sensors and wearables over Bluetooth connections, through bleak.

The scanner tells that an enrolled device is near; it is connected, paired where it wants that, asked for its clock and
battery, and listened to. What is worn stays connected as long as it is near; what comes only to say something (a cuff,
a scale) is let go when it has fallen silent. Connections are made one at a time, and only few are held: the radio has
to listen for presses as well.

Whatever a device does (vanishes in the middle, connects and says nothing, does not offer what its model should, hangs)
ends in a sentence for the technician and another try after a pause that grows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from devices.catalogue import CATALOGUE
from devices.device_model import SIG_BASE_UUID, GattAccess
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.gatt_sensor import ASKED, BATTERY_LEVEL
from edge.config import BleConfig
from edge.health import TellFault
from gateway.contract.messages import ProblemCode

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.characteristic import BleakGATTCharacteristic
    from bleak.backends.device import BLEDevice

log = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 4
"""Held at once: each takes air time from listening, and a Pi's controller holds about seven."""
STAYING_MAX: Final = 3
"""Of these, by devices that stay: a place is kept for the cuff that comes for half a minute."""
NEAR_S: Final = 15.0
"""A device heard longer ago than this may be gone."""
TOLD_AFTER: Final = 2
"""Failures in a row before the technician is told: somebody steps off the scale, or carries the belt away."""

Reply = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a device may take, in seconds."""

    connect_s: float = 20.0
    """To connect and be discovered. BlueZ needs some seconds."""
    pair_s: float = 8.0
    """To pair when told to: far more than a sensor needs. Nobody hears a press meanwhile."""
    answer_s: float = 5.0
    """To answer a read, a subscription, a good-bye."""
    silent_s: float = 30.0
    """A device that has connected and says nothing for so long is let go: cuffs speak within seconds."""
    idle_s: float = 90.0
    """One that has spoken, and then falls silent for so long, is let go, so that another gets its place."""
    pause_s: float = 2.0
    """Before the next connection, after one that went well; after failures it doubles."""
    pause_max_s: float = 120.0
    step_s: float = 5.0
    """How often progress is reported."""
    battery_s: float = 3_600.0
    """A device that stays is asked for its battery so often."""


class _ReadFailed(Exception):
    """A connection that brought nothing; says why, in words for a technician."""


@dataclass(slots=True)
class _Device:
    enrolled: EnrolledDevice
    access: GattAccess
    near: BLEDevice | None = None
    near_at: float = 0.0
    session: asyncio.Task[None] | None = None
    offered: frozenset[str] = frozenset()
    not_before: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class _Listening:
    """One connection. `heard_at` is monotonic."""

    lost: asyncio.Event = field(default_factory=asyncio.Event)
    spoke: int = 0
    heard_at: float = 0.0
    told_to_pair: bool = False


class GattReader:
    """Connects to the home's own devices.

    Args:
        config: which adapter.
        devices: those on `Link.BLE_GATT`.
        on_frame: called in the event loop for each value; False when there is no room.
        on_fault: told what is wrong with reading a device.
        on_progress: called every few seconds.
        listen_again: called when connecting has made the radio pause its scan: nobody hears a press until it goes on.
        patience: for tests.
    """

    def __init__(
        self,
        config: BleConfig,
        devices: Iterable[EnrolledDevice],
        on_frame: Callable[[Frame, Reply | None], bool],
        on_fault: TellFault,
        on_progress: Callable[[], None],
        *,
        listen_again: Callable[[], None] = lambda: None,
        patience: Patience = Patience(),
    ) -> None:
        self._config = config
        self._listen_again = listen_again
        self._on_frame = on_frame
        self._on_fault = on_fault
        self._on_progress = on_progress
        self._patience = patience
        self._wake = asyncio.Event()
        self._connecting = asyncio.Lock()
        self._devices: dict[str, _Device] = {}
        for device in devices:
            access = CATALOGUE[device.model].gatt
            if access is not None:
                self._devices[device.address] = _Device(device, access)

    @property
    def addresses(self) -> frozenset[str]:
        """Whose adverts the scanner is to tell about."""
        return frozenset(self._devices)

    def nearby(self, heard: BLEDevice) -> None:
        """From the scanner, for each advert of one of `addresses`."""
        device = self._devices.get(heard.address)
        now = time.monotonic()
        # an advert from before or during a connection does not say that the device is still there afterwards, and while
        # BlueZ tries to connect to one that is gone, the radio hears no press
        if device is not None and device.session is None and now >= device.not_before:
            device.near, device.near_at = heard, now
            self._wake.set()

    async def run(self) -> None:
        """Reads until cancelled."""
        try:
            while True:
                self._on_progress()
                self._begin_sessions()
                self._wake.clear()
                try:
                    async with asyncio.timeout(self._patience.step_s):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            sessions = [device.session for device in self._devices.values() if device.session is not None]
            for session in sessions:
                session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

    def _begin_sessions(self) -> None:
        # who comes only to say something goes first: it will not be there for long
        for device in sorted(self._devices.values(), key=lambda d: d.access.stays):
            waiting = self._is_waiting(device)
            full = waiting and self._is_full(device)
            sentence = f"{device.enrolled.id}: all places for connected devices are taken; too many are worn"
            self._tell("place for", device, sentence if full else "")
            if waiting and not full and device.near is not None:
                near, device.near = device.near, None
                device.session = asyncio.create_task(self._session(device, near), name=device.enrolled.id)

    def _is_waiting(self, device: _Device) -> bool:
        now = time.monotonic()
        is_near = device.near is not None and now - device.near_at < NEAR_S
        return is_near and device.session is None and now >= device.not_before

    def _is_full(self, device: _Device) -> bool:
        held = [d for d in self._devices.values() if d.session is not None]
        staying = sum(d.access.stays for d in held)
        return len(held) >= CONNECTIONS_MAX or (device.access.stays and staying >= STAYING_MAX)

    async def _session(self, device: _Device, near: BLEDevice) -> None:
        name = device.enrolled.id
        try:
            spoke = await self._read(device, near)
        except _ReadFailed as error:
            self._failed(device, str(error))
        except Exception as error:
            log.exception("reading %s failed", name)
            self._failed(device, f"{type(error).__name__}: {error}")
        else:
            device.failures = 0
            self._tell("reading", device, "")
            log.debug("%s said %d things", name, spoke)
        finally:
            doubled = self._patience.pause_s * 2 ** min(device.failures, 10)
            device.not_before = time.monotonic() + min(doubled, self._patience.pause_max_s)
            device.session = None
            self._wake.set()

    def _failed(self, device: _Device, sentence: str) -> None:
        device.failures += 1
        log.info("%s: %s", device.enrolled.id, sentence)
        if device.failures >= TOLD_AFTER:
            self._tell("reading", device, f"{device.enrolled.id}: {sentence}")

    def _tell(self, part: str, device: _Device, sentence: str) -> None:
        self._on_fault(f"{part} {device.enrolled.id}", sentence, ProblemCode.DEVICE_UNREACHABLE, device.enrolled.id)

    async def _read(self, device: _Device, near: BLEDevice) -> int:
        """Holds one connection; returns how many values came.

        Raises:
            _ReadFailed: nothing was heard.
        """
        from bleak.exc import BleakError

        listening = _Listening()
        client = self._client(device, near, listening)
        try:
            async with self._connecting:
                await self._connect(device, client)
            listening.heard_at = time.monotonic()
            await self._subscribe(device, client, listening)
            await self._stay(device, client, listening)
        except (BleakError, OSError, EOFError, AssertionError) as error:
            raise _ReadFailed(f"the connection failed: {str(error) or type(error).__name__}") from error
        finally:
            await self._let_go(device, client)
            if listening.told_to_pair:
                # a pairing that failed ends only now
                self._listen_again()
        return listening.spoke

    def _client(self, device: _Device, near: BLEDevice, listening: _Listening) -> BleakClient:
        from bleak import BleakClient

        more: dict[str, Any] = {"bluez": {"adapter": self._config.adapter}}
        if self._config.is_transport:
            from edge.drivers.hci_client import HciClient

            more = {"backend": HciClient}
        return BleakClient(
            near,
            lambda _client: listening.lost.set(),
            timeout=self._patience.connect_s,
            **more,
        )

    async def _connect(self, device: _Device, client: BleakClient) -> None:
        try:
            async with asyncio.timeout(self._patience.connect_s + 1.0):
                await client.connect()
        except TimeoutError as error:
            raise _ReadFailed(f"no connection within {self._patience.connect_s:.0f} s; trying again") from error
        log.info("connected to %s", device.enrolled.id)

    async def _subscribe(self, device: _Device, client: BleakClient, listening: _Listening) -> None:
        """Asks for clock and battery, then listens.

        Raises:
            _ReadFailed: it is another product than it was enrolled as, or does not answer.
        """
        access = device.access
        found = frozenset(characteristic.uuid for characteristic in client.services.characteristics.values())
        known, device.offered = device.offered, found
        if not known <= found:
            # BlueZ now and then tells the services in pieces; without the clock a measurement would get a wrong date
            raise _ReadFailed("it offers less than last time; trying again")
        try:
            for number in ASKED:
                await self._ask(device, client, number)
            offered = [(number, _offered(client, access.uuid(number))) for number in access.listen]
            if not any(characteristic for _, characteristic in offered):
                raise _ReadFailed(f"it does not offer what a {device.enrolled.model} should; was it enrolled rightly?")
            for number, characteristic in offered:
                if characteristic is not None:
                    async with asyncio.timeout(self._patience.answer_s):
                        heard = self._listener(device, client, number, listening)
                        await client.start_notify(characteristic, heard)
        except TimeoutError as error:
            raise _ReadFailed("it connected and then answered no question; trying again") from error
        if access.pair and not listening.lost.is_set():
            await self._pair(client, listening)

    async def _pair(self, client: BleakClient, listening: _Listening) -> None:
        """Pairs with one that did not demand it when it was asked: then the system has paired by itself already.

        From then on nobody else can speak for it. BlueZ that is told to pair stops its scan meanwhile, and for five
        seconds afterwards unless told to scan; a press is sent for three. When it pairs by itself it goes on scanning.
        """
        listening.told_to_pair = True
        try:
            async with asyncio.timeout(self._patience.pair_s):
                await client.pair()
        except TimeoutError as error:
            raise _ReadFailed(f"it did not pair within {self._patience.pair_s:.0f} s; trying again") from error
        finally:
            self._listen_again()

    async def _ask(self, device: _Device, client: BleakClient, number: int) -> None:
        characteristic = _offered(client, SIG_BASE_UUID.format(number))
        if characteristic is None or "read" not in characteristic.properties:
            return
        async with asyncio.timeout(self._patience.answer_s):
            value = await client.read_gatt_char(characteristic)
        self._hand_on(device, number, bytes(value), None)

    def _listener(
        self, device: _Device, client: BleakClient, number: int, listening: _Listening
    ) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
        loop = asyncio.get_running_loop()
        writes: set[asyncio.Task[None]] = set()

        def reply(answer: bytes) -> None:
            task = loop.create_task(self._acknowledge(device, client, answer))
            writes.add(task)
            task.add_done_callback(writes.discard)

        def heard(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            listening.spoke += 1
            listening.heard_at = time.monotonic()
            self._hand_on(device, number, bytes(value), reply if device.access.acknowledge else None)

        return heard

    async def _acknowledge(self, device: _Device, client: BleakClient, answer: bytes) -> None:
        """Tells the device that what it said is kept; should that fail, it says it again."""
        from bleak.exc import BleakError

        try:
            async with asyncio.timeout(self._patience.answer_s):
                await client.write_gatt_char(device.access.uuid(device.access.acknowledge), answer, response=True)
        except (BleakError, OSError, EOFError) as error:
            log.info("%s did not take the acknowledgement: %s", device.enrolled.id, error)

    def _hand_on(self, device: _Device, number: int, value: bytes, reply: Reply | None) -> None:
        payload = number.to_bytes(2, "little") + value
        self._on_frame(Frame(Link.BLE_GATT, device.enrolled.address, payload, None, time.time()), reply)

    async def _stay(self, device: _Device, client: BleakClient, listening: _Listening) -> None:
        """Until the device leaves or falls silent.

        Raises:
            _ReadFailed: it left, or was let go, without having said anything.
        """
        battery_at = time.monotonic() + self._patience.battery_s
        told = False
        while not listening.lost.is_set():
            now = time.monotonic()
            if listening.spoke and not told:
                told = True
                device.failures = 0
                self._tell("reading", device, "")
            limit_s = self._patience.idle_s if listening.spoke else self._patience.silent_s
            left_s = listening.heard_at + limit_s - now
            if left_s <= 0:
                break
            if now >= battery_at:
                battery_at = now + self._patience.battery_s
                await self._ask(device, client, BATTERY_LEVEL)
            try:
                async with asyncio.timeout(min(left_s, self._patience.step_s)):
                    await listening.lost.wait()
            except TimeoutError:
                continue
        if not listening.spoke:
            how = "left" if listening.lost.is_set() else f"said nothing for {self._patience.silent_s:.0f} s"
            raise _ReadFailed(f"it connected and {how} without a measurement; trying again")

    async def _let_go(self, device: _Device, client: BleakClient) -> None:
        from bleak.exc import BleakError

        try:
            async with asyncio.timeout(self._patience.answer_s):
                await client.disconnect()
        except (BleakError, OSError, EOFError, AssertionError) as error:
            log.info("%s was not let go cleanly: %s", device.enrolled.id, error or type(error).__name__)


def _offered(client: BleakClient, uuid: str) -> BleakGATTCharacteristic | None:
    """The first characteristic of that kind: some devices have two, and bleak will not choose."""
    return next((found for found in client.services.characteristics.values() if found.uuid == uuid), None)
