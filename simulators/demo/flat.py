"""Maria Soler's flat: sensors on a virtual radio, some read over a connection; a pendant with firmware; and Maria.

Where no C compiler is at hand, a Python pendant speaks the same wire instead, and the demo says so.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path
from typing import Final

from devices.vocabulary import Reading
from simulators.advert_flood import Jammer
from simulators.bthome_bytes import ButtonPress, Measurement, ObjectId
from simulators.clock import PacedClock
from simulators.demo import city
from simulators.firmware import FALL, HostFirmware
from simulators.firmware_build import FirmwareNotBuilt
from simulators.gatt_sensors import BloodPressureCuff, Oximeter
from simulators.gatt_server import GattSensor
from simulators.home import STANDARD_SENSORS, Home
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir

log = logging.getLogger(__name__)

_OBJECTS: Final = {"motion": ObjectId.MOTION, "open": ObjectId.DOOR, "temperature": ObjectId.TEMPERATURE}
_WALK: Final = ("living-motion", "hall-motion", "kitchen-motion")
_STEP_S: Final = 2.5
_STARTED_SPREAD_S: Final = 0.2
_FINGER_IN_S: Final = 45.0
"""How long Maria waits for the oximeter to be read: a hub that was busy or at fault tries again meanwhile."""
_READ_S: Final = 1.0
_NEIGHBOUR_EVERY_S: Final = 10.0
"""A neighbour's television is heard so often; in a block of flats no radio hears nothing at all, and the hub knows."""


class Flat:
    """The flat. `start` opens the radio's port; `live` lets Maria's day go on until cancelled."""

    def __init__(self, pendant_port: Path, radio_port: int) -> None:
        """Nothing happens before `start`."""
        self.air = VirtualAir()
        self.radio = HubController(self.air, port=radio_port)
        self.wire: HostFirmware | PendantTty = HostFirmware("pendant", pendant_port, city.SERIAL_NUMBER)
        self.without_firmware = ""
        """Why the pendant on the wire does not run its firmware; "" when it does."""
        # the seconds since 1970 as first counter: like a pendant that keeps its counter, no start begins below the last
        counter = int(time.time())
        self.sensors = {
            str(device["id"]): BTHomeSensor(
                self.air,
                str(device["id"]),
                str(device["address"]),
                key=bytes.fromhex(device["key"]) if "key" in device else None,
                counter=counter,
            )
            for device in city.FLAT_DEVICES
            if device["link"] == "ble_advert"
        }
        self.cuff = BloodPressureCuff(self.air, city.CUFF_ADDRESS)
        self.oximeter = Oximeter(self.air, city.OXIMETER_ADDRESS)
        self.oximeter.comes_back = False
        self._finger = asyncio.Lock()
        self._dice = random.Random()
        self._clock = PacedClock(time.time())
        own = [sensor for sensor in STANDARD_SENSORS if sensor.id in self.sensors]
        self._home = Home(city.FLAT, city.MARIA, self._clock, self._hear, own)
        self._spoken: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Switches everything on."""
        await asyncio.gather(*(sensor.power_on() for sensor in self._on_the_air()))
        await self.radio.start()
        await self._start_wired(self.wire.path)

    async def _start_wired(self, port: Path) -> None:
        if isinstance(self.wire, HostFirmware):
            try:
                await self.wire.start()
                return
            except FirmwareNotBuilt as missing:
                self.without_firmware = str(missing)
                log.warning("the pendant on the wire is simulated in Python: %s", missing)
        self.wire = PendantTty(port, city.SERIAL_NUMBER)
        self.wire.plug_in()

    async def live(self) -> None:
        """Maria's day, at the pace of the wall clock, and a neighbour's television in the air."""
        self._home.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._clock.follow())
            group.create_task(self._neighbour())

    async def _neighbour(self) -> None:
        advert = Jammer({}).stranger()
        while True:
            self.radio.hand_over(advert)
            await asyncio.sleep(_NEIGHBOUR_EVERY_S)

    async def introduce(self) -> None:
        """Every sensor gives a sign of life, as when its battery is put in."""
        for sensor in self.sensors.values():
            await sensor.say(trigger=False)
            await asyncio.sleep(_STARTED_SPREAD_S)
        await self._say("living-climate", (ObjectId.TEMPERATURE, 21.4))
        await self.walk()

    async def press(self, how: ButtonPress = ButtonPress.SINGLE) -> None:
        """Maria presses the pendant at her neck."""
        await self._say("pendant", (ObjectId.BUTTON, how))

    async def press_wired(self) -> None:
        """Maria presses the pendant on the wire."""
        if isinstance(self.wire, HostFirmware):
            await self.wire.press()
        else:
            self.wire.press()

    async def fall(self) -> None:
        """The accelerometer of the pendant on the wire says that it fell."""
        if isinstance(self.wire, HostFirmware):
            await self.wire.press(line=FALL)
        else:
            self.wire.fall()

    async def smoke(self) -> None:
        """The kitchen fills with smoke, and clears."""
        await self._say("kitchen-smoke", (ObjectId.SMOKE, 1))

    async def clear_smoke(self) -> None:
        """The smoke has gone."""
        await self._say("kitchen-smoke", (ObjectId.SMOKE, 0))

    async def measure_pressure(self) -> tuple[int, int, int]:
        """Maria measures her blood pressure; the cuff keeps it until a hub has fetched it.

        Returns:
            Systolic and diastolic pressure in mmHg, pulse in beats a minute.
        """
        dice = self._dice
        systolic, diastolic, pulse = dice.randint(126, 152), dice.randint(72, 88), dice.randint(62, 82)
        await self.cuff.measure(systolic, diastolic, pulse)
        return systolic, diastolic, pulse

    async def measure_oxygen(self) -> tuple[int, int] | None:
        """Maria puts a finger into the oximeter until a hub has read it; saturation in percent and pulse, or None."""
        if self._finger.locked():
            return None
        async with self._finger:
            saturation, pulse = self._dice.randint(93, 98), self._dice.randint(62, 82)
            await self.oximeter.appear()
            try:
                async with asyncio.timeout(_FINGER_IN_S):
                    await self.oximeter.listened_to()
                await self.oximeter.spot_check(saturation, pulse)
                await asyncio.sleep(_READ_S)
            except TimeoutError:
                return None
            finally:
                await self.oximeter.disappear()
        return saturation, pulse

    async def walk(self) -> None:
        """Maria walks from the living room to the kitchen."""
        for device in _WALK:
            await self._say(device, (ObjectId.MOTION, 1))
            await asyncio.sleep(_STEP_S)
        for device in _WALK:
            await self._say(device, (ObjectId.MOTION, 0))

    async def stop(self) -> None:
        """Switches everything off."""
        for task in self._spoken:
            task.cancel()
        if isinstance(self.wire, HostFirmware):
            self.wire.stop()
        self.wire.unplug()
        await self.radio.die()
        for sensor in self._on_the_air():
            await sensor.power_off()

    def _on_the_air(self) -> list[BTHomeSensor | GattSensor]:
        return [*self.sensors.values(), self.cuff, self.oximeter]

    async def _say(self, device: str, *measurements: Measurement) -> None:
        await self.sensors[device].say(*measurements)

    def _hear(self, reading: Reading) -> None:
        """What the simulated home says becomes an advert."""
        if reading.kind == "battery":
            told: tuple[Measurement, ...] = ()
        else:
            told = ((_OBJECTS[reading.kind], float(reading.value)),)
        task = asyncio.create_task(self._say(reading.device, *told))
        self._spoken.add(task)
        task.add_done_callback(self._spoken.discard)
