"""Health sensors that are read over a Bluetooth connection, and the wearable, on the virtual radio.

Each is a controller of its own on the air with a GATT server. Faults are methods and switches of `GattSensor`: it can
vanish in the middle of a connection, connect and say nothing, hang, say nonsense; sensors with a clock have it wrong.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bumble.att import Attribute
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address, OwnAddressType
from bumble.host import Host
from bumble.pairing import PairingConfig

from simulators import gatt_bytes
from simulators.radio import VirtualAir

_INTERVAL_MS: Final = 100
_CCCD: Final = UUID.from_16_bits(0x2902)
_P: Final = Characteristic.Properties


class GattSensor:
    """A sensor that can be connected to.

    Attributes:
        mute: it connects, and says nothing.
        garbage: it sends these bytes instead of each measurement; None for none.
        hanging: it does not answer reads.
        battery: in percent.
        connections: how often a hub connected.
        comes_back: whether it advertises again after a connection.
    """

    comes_back = True

    def __init__(
        self, air: VirtualAir, name: str, address: str, service: str, characteristics: Sequence[Characteristic[Any]]
    ) -> None:
        """Puts the sensor in the air, switched off.

        Args:
            air: the link it is heard on.
            name: sent in its advert.
            address: public Bluetooth address.
            service: UUID of its service, in its advert.
            characteristics: of that service.
        """
        self.name, self.address = name, address
        self.mute, self.hanging = False, False
        self.garbage: bytes | None = None
        self.battery = 87
        self.connections = 0
        self._air = air
        self._service = UUID(service)
        self._sends = {c for c in characteristics if c.properties & (_P.NOTIFY | _P.INDICATE)}
        self._not_yet = set(self._sends)
        self._subscribed = asyncio.Event()
        self._controller: Controller | None = Controller(name, link=air, public_address=address)
        host = Host()
        host.controller = self._controller
        self.device = Device(name=name, address=Address(address), host=host)
        charge: CharacteristicValue[bytes] = CharacteristicValue(read=self._read_battery)
        level: Characteristic[bytes] = Characteristic("2A19", _P.READ, Attribute.READABLE, charge)
        self.device.add_services([Service(service, list(characteristics)), Service("180F", [level])])
        self.device.on("connection", self._on_connection)
        for characteristic in self._sends:
            characteristic.on("subscription", functools.partial(self._on_subscription, characteristic))

    @property
    def connected(self) -> bool:
        """Whether a hub is connected."""
        return bool(self.device.connections)

    @property
    def mtu(self) -> int:
        """What the hub agreed to."""
        return min((connection.att_mtu for connection in self.device.connections.values()), default=23)

    async def power_on(self) -> None:
        """Starts the sensor's own controller; it is not on the air yet."""
        await self.device.power_on()

    async def appear(self) -> None:
        """Advertises, until it is connected; and again after that, if it is one that comes back."""
        advert = AdvertisingData(
            [
                (AdvertisingData.FLAGS, b"\x06"),
                (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()[:8]),
                (_uuid_list(self._service), bytes(self._service)),
            ]
        )
        await self.device.start_advertising(
            own_address_type=OwnAddressType.PUBLIC,
            auto_restart=self.comes_back,
            advertising_data=bytes(advert),
            scan_response_data=b"",
            advertising_interval_min=_INTERVAL_MS,
            advertising_interval_max=_INTERVAL_MS,
        )

    async def disappear(self) -> None:
        """Says good-bye and falls silent, as a cuff that switches itself off."""
        if self.device.is_advertising:
            await self.device.stop_advertising()
        for connection in tuple(self.device.connections.values()):
            await connection.disconnect()

    def vanish(self) -> None:
        """Is gone without a word, for good: carried out of reach."""
        if self._controller is not None:
            self._controller.le_legacy_advertiser.stop()
            self._air.remove_controller(self._controller)
            self._controller = None

    async def power_off(self) -> None:
        """Falls silent for good."""
        if self._controller is not None:
            self.comes_back = False
            await self.disappear()
            self.vanish()

    async def notify(self, characteristic: Characteristic[Any], value: bytes, *, indicate: bool = False) -> None:
        """Sends a measurement to whoever has asked for it."""
        if self.mute:
            return
        value = value if self.garbage is None else self.garbage
        if indicate:
            await self.device.indicate_subscribers(characteristic, value)
        else:
            await self.device.notify_subscribers(characteristic, value)

    async def listened_to(self) -> None:
        """Waits until a hub has subscribed to all that this sensor sends."""
        await self._subscribed.wait()

    def demand_pairing(self) -> None:
        """Lets nobody subscribe who has not paired."""
        self.device.pairing_config_factory = lambda _connection: PairingConfig(mitm=False)
        for attribute in self.device.gatt_server.attributes:
            if attribute.type == _CCCD:
                attribute.permissions |= Attribute.WRITE_REQUIRES_ENCRYPTION

    def _on_connection(self, connection: Connection) -> None:
        self.connections += 1
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._not_yet = set(self._sends)
        self._subscribed.clear()
        self.on_left()

    def _on_subscription(
        self, characteristic: Characteristic[Any], _connection: object, notify: bool, indicate: bool
    ) -> None:
        if notify or indicate:
            self._not_yet.discard(characteristic)
        if not self._not_yet and not self._subscribed.is_set():
            self._subscribed.set()
            self.on_subscribed()

    def on_subscribed(self) -> None:
        """What the sensor does when a hub begins to listen; nothing, for most."""

    def on_left(self) -> None:
        """What the sensor does when a connection has ended; nothing, for most."""

    async def _read_battery(self, _connection: Connection) -> bytes:
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        return bytes((self.battery,))


def _sending(number: str, properties: Characteristic.Properties) -> Characteristic[Any]:
    return Characteristic(number, properties, Attribute.READABLE, b"")


def _uuid_list(uuid: UUID) -> int:
    if len(bytes(uuid)) == 2:
        return AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
    return AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS


class HeartRateBelt(GattSensor):
    """A belt that sends the heart rate for as long as it is worn."""

    def __init__(self, air: VirtualAir, address: str, name: str = "belt") -> None:
        self._measurement = _sending("2A37", _P.NOTIFY)
        super().__init__(air, name, address, "180D", [self._measurement])

    async def beat(self, beats: int, *, contact: bool | None = None) -> None:
        """Sends one value."""
        await self.notify(self._measurement, gatt_bytes.heart_rate(beats, contact=contact, intervals_s=(60 / beats,)))


class _WithClock(GattSensor):
    """A sensor that dates its measurements. `off`: by how much its clock is ahead of `datetime.now()`."""

    off = timedelta()

    def now(self) -> datetime:
        """What its clock shows."""
        return datetime.now() + self.off  # noqa: DTZ005  a sensor's clock has no zone

    def clock(self) -> Characteristic[Any]:
        """Its clock, to be read."""
        value: CharacteristicValue[bytes] = CharacteristicValue(read=lambda _c: gatt_bytes.current_time(self.now()))
        return Characteristic("2A2B", _P.READ, Attribute.READABLE, value)


class BloodPressureCuff(_WithClock):
    """A cuff: pairs, appears after a measurement, sends all that it has stored, and switches itself off.

    When a connection ends before it has sent everything it stays on the air, as a cuff does for half a minute.

    Attributes:
        stored: measurements that no hub has taken yet, each as (systolic, diastolic, pulse, the cuff's own time).
        forgets: whether it forgets what it has sent; many cuffs do not, and send everything each time.
    """

    comes_back = False

    def __init__(self, air: VirtualAir, address: str, name: str = "cuff", *, clock_readable: bool = True) -> None:
        self._measurement = _sending("2A35", _P.INDICATE)
        clock = [self.clock()] if clock_readable else []
        super().__init__(air, name, address, "1810", [self._measurement, *clock])
        self.demand_pairing()
        self.stored: list[tuple[int, int, int, datetime]] = []
        self.forgets = True
        self.sent = 0
        self._waiting = False
        self._sending: asyncio.Task[None] | None = None
        self._appearing: asyncio.Task[None] | None = None

    async def measure(self, systolic: int, diastolic: int, pulse: int, *, age: timedelta = timedelta()) -> None:
        """Stores a measurement, and appears so that a hub may fetch it."""
        self.stored.append((systolic, diastolic, pulse, self.now() - age))
        self._waiting = True
        if not self.connected and not self.device.is_advertising:
            await self.appear()

    def on_left(self) -> None:
        if self._waiting and not self.device.is_advertising and self._controller is not None:
            self._appearing = asyncio.get_running_loop().create_task(self.appear())

    def on_subscribed(self) -> None:
        self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        for systolic, diastolic, pulse, at in tuple(self.stored):
            await self.notify(
                self._measurement, gatt_bytes.blood_pressure(systolic, diastolic, pulse, at), indicate=True
            )
            self.sent += 1
        if not self.mute:
            self._waiting = False
            if self.forgets:
                self.stored.clear()
            await self.disappear()


class Thermometer(_WithClock):
    """An ear thermometer."""

    def __init__(self, air: VirtualAir, address: str, name: str = "thermo") -> None:
        self._measurement = _sending("2A1C", _P.INDICATE)
        super().__init__(air, name, address, "1809", [self._measurement])

    async def measure(self, tenths: int) -> None:
        """Sends one measurement, in tenths of a degree, without a date."""
        await self.notify(self._measurement, gatt_bytes.temperature(tenths), indicate=True)


class Scale(_WithClock):
    """A bathroom scale with a clock."""

    def __init__(self, air: VirtualAir, address: str, name: str = "scale") -> None:
        self._measurement = _sending("2A9D", _P.INDICATE)
        super().__init__(air, name, address, "181D", [self._measurement, self.clock()])

    async def weigh(self, kilograms: float) -> None:
        """Sends one measurement."""
        await self.notify(self._measurement, gatt_bytes.weight(kilograms, self.now()), indicate=True)


class Oximeter(_WithClock):
    """A finger clip: a steady flow while the finger is in, and spot checks."""

    def __init__(self, air: VirtualAir, address: str, name: str = "oxi") -> None:
        self._spot = _sending("2A5E", _P.INDICATE)
        self._flow = _sending("2A5F", _P.NOTIFY)
        super().__init__(air, name, address, "1822", [self._spot, self._flow, self.clock()])

    async def flow(self, saturation: int, pulse: int) -> None:
        """Sends one value of the flow."""
        await self.notify(self._flow, gatt_bytes.continuous(saturation, pulse))

    async def spot_check(self, saturation: int, pulse: int) -> None:
        """Sends one dated spot check."""
        await self.notify(self._spot, gatt_bytes.spot_check(saturation, pulse, self.now()), indicate=True)


Sample = tuple[int, int, int]
_WEARABLE: Final = "9b3a{:04x}-6f0e-4d58-8c1b-2e7d51c6a904"
_WINDOW, _EVENT, _ACKNOWLEDGE = 0x4C02, 0x4C03, 0x4C04
_OVERHEAD: Final = 3 + 4 + 8 + 8
"""Bytes of a notification that carry no samples: ATT, counter, MIC, the window's header."""


class Wearable(GattSensor):
    """Llar's wearable: streams acceleration in windows, and has a button (docs/wire/wearable.md).

    Attributes:
        counter: of the messages; a real one keeps it in its memory.
        sample: number of the next sample.
        lose: so many of the next windows get lost on the way.
        acknowledged: message counters that a hub has acknowledged.
    """

    repeat_s: float = 1.0

    def __init__(
        self,
        air: VirtualAir,
        address: str,
        key: bytes,
        name: str = "worn",
        *,
        rate_hz: float = 50.0,
        full_scale_g: int = 8,
    ) -> None:
        self._window = _sending(_WEARABLE.format(_WINDOW), _P.NOTIFY)
        self._event = _sending(_WEARABLE.format(_EVENT), _P.NOTIFY)
        taken: CharacteristicValue[bytes] = CharacteristicValue(write=self._on_acknowledged)
        taking: Characteristic[bytes] = Characteristic(
            _WEARABLE.format(_ACKNOWLEDGE), _P.WRITE, Attribute.WRITEABLE, taken
        )
        super().__init__(air, name, address, _WEARABLE.format(0x4C01), [self._window, self._event, taking])
        self.key, self.rate_hz, self.full_scale_g = key, rate_hz, full_scale_g
        self.counter, self.sample, self.lose = 1, 0, 0
        self.acknowledged: list[int] = []
        self._begins = True
        self._presses: set[asyncio.Task[None]] = set()

    @property
    def samples_max(self) -> int:
        """Samples that fit into one notification."""
        return (self.mtu - _OVERHEAD) // 6

    async def stream(self, samples: Sequence[Sample], *, paced: bool = False) -> None:
        """Sends samples, in raw steps, as windows; `paced` at the speed at which they are measured."""
        size = self.samples_max
        for at in range(0, len(samples) if size > 0 else 0, max(size, 1)):
            part = samples[at : at + size]
            flags = 0x02 if self._begins else 0
            plain = gatt_bytes.window(self.sample, self.rate_hz, self.full_scale_g, flags, part)
            self._begins = False
            self.sample += len(part)
            message = self._sealed(plain, _WINDOW)
            if self.lose:
                self.lose -= 1
            else:
                await self.notify(self._window, message)
            if paced:
                await asyncio.sleep(len(part) / self.rate_hz)

    async def replay(self, send: Callable[[], bytes]) -> None:
        """Sends bytes of somebody else's making as a window."""
        await self.notify(self._window, send())

    def press(self, *, held: bool = False) -> int:
        """Presses the button; the event is repeated until a hub has acknowledged it. Returns its counter."""
        message = self._sealed(bytes((2 if held else 1, self.battery)), _EVENT)
        task = asyncio.get_running_loop().create_task(self._repeat(message, self.counter))
        self._presses.add(task)
        task.add_done_callback(self._presses.discard)
        return self.counter

    async def _repeat(self, message: bytes, counter: int) -> None:
        while counter not in self.acknowledged:
            await self.notify(self._event, message)
            await asyncio.sleep(self.repeat_s)

    def _sealed(self, plain: bytes, characteristic: int) -> bytes:
        self.counter += 1
        return gatt_bytes.sealed(
            plain, key=self.key, address=self.address, characteristic=characteristic, counter=self.counter
        )

    def _on_acknowledged(self, _connection: object, value: bytes) -> None:
        self.acknowledged.append(int.from_bytes(value, "little"))

    async def power_off(self) -> None:
        for task in tuple(self._presses):
            task.cancel()
        await super().power_off()
