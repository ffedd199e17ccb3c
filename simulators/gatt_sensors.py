"""Health sensors that are read over a Bluetooth connection, and the wearable, on the virtual radio.

Each is a controller of its own on the air with a GATT server. Faults are methods and switches of `GattSensor`: it can
vanish in the middle of a connection, connect and say nothing, hang, say nonsense; sensors with a clock have it wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bumble.att import Attribute
from bumble.gatt import Characteristic, CharacteristicValue

from simulators import gatt_bytes
from simulators.gatt_server import GattSensor, sending
from simulators.radio import VirtualAir

_P: Final = Characteristic.Properties


class HeartRateBelt(GattSensor):
    """A belt that sends the heart rate for as long as it is worn."""

    def __init__(self, air: VirtualAir, address: str, name: str = "belt") -> None:
        self._measurement = sending("2A37", _P.NOTIFY)
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
        self._measurement = sending("2A35", _P.INDICATE)
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
        self._measurement = sending("2A1C", _P.INDICATE)
        super().__init__(air, name, address, "1809", [self._measurement])

    async def measure(self, tenths: int) -> None:
        """Sends one measurement, in tenths of a degree, without a date."""
        await self.notify(self._measurement, gatt_bytes.temperature(tenths), indicate=True)


class Scale(_WithClock):
    """A bathroom scale with a clock."""

    def __init__(self, air: VirtualAir, address: str, name: str = "scale") -> None:
        self._measurement = sending("2A9D", _P.INDICATE)
        super().__init__(air, name, address, "181D", [self._measurement, self.clock()])

    async def weigh(self, kilograms: float) -> None:
        """Sends one measurement."""
        await self.notify(self._measurement, gatt_bytes.weight(kilograms, self.now()), indicate=True)


class Oximeter(_WithClock):
    """A finger clip: a steady flow while the finger is in, and spot checks."""

    def __init__(self, air: VirtualAir, address: str, name: str = "oxi") -> None:
        self._spot = sending("2A5E", _P.INDICATE)
        self._flow = sending("2A5F", _P.NOTIFY)
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
        self._window = sending(_WEARABLE.format(_WINDOW), _P.NOTIFY)
        self._event = sending(_WEARABLE.format(_EVENT), _P.NOTIFY)
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
