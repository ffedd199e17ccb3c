"""As radios to a running hub: a home's sensors by adverts, a worn one over a connection, on the virtual radio.

Adverts carry no times: the hub dates what it hears by its own clock, so that at 60 times the speed a day is 24 minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from simulators.bthome_bytes import ObjectId
from simulators.gatt_sensors import Wearable
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from simulators.recording import Heard
from simulators.replay.sources import RATE_HZ, NothingToPlay, Trial
from simulators.sensors import Sensor

HUB_WAIT_S: Final = 120.0
ON_AIR_S: Final = 0.4
"""At the greatest speed each packet is on the air for so long, four times repeated."""
MTU_LEAST: Final = 100
END_S: Final = 2.0
"""The tool ends so soon after it was stopped, whatever the radio stack still waits for."""
_OBJECTS: Final = {
    "motion": ObjectId.MOTION,
    "open": ObjectId.DOOR,
    "presence": ObjectId.OCCUPANCY,
    "temperature": ObjectId.TEMPERATURE,
    "humidity": ObjectId.HUMIDITY,
    "battery": ObjectId.BATTERY,
}
_MODELS: Final = {
    "motion": "bthome_motion",
    "open": "bthome_door",
    "presence": "bthome_presence",
    "temperature": "bthome_climate",
}
_WORN: Final = "worn"
_FULL_SCALE_G: Final = 16
_SETTLES_S: Final = 1.0


def address_of(device: str) -> str:
    """A Bluetooth address for a device: the same each time."""
    digest = sha256(device.encode()).digest()
    return ":".join(f"{byte:02X}" for byte in (0xA4, 0xC1, 0x38, *digest[:3]))


def key_of(device: str) -> bytes:
    """Its key."""
    return sha256(b"replay " + device.encode()).digest()[:16]


def model_of(device: Sensor) -> str:
    """What such a device is enrolled as; "" for one that no advert can speak for."""
    return _MODELS.get(device.kind, "")


def enrolment_of(devices: Sequence[Sensor]) -> str:
    """The hub's enrolment file for these sensors; those that no advert can speak for are left out."""
    entries = [
        _entry(device.id, _MODELS[device.kind], "ble_advert", str(device.room))
        for device in devices
        if device.kind in _MODELS
    ]
    return "\n".join(entries)


def worn_enrolment() -> str:
    """The same for the wearable."""
    return _entry(_WORN, "gatt_wearable", "ble_gatt", "")


def _entry(device: str, model: str, link: str, room: str) -> str:
    return (
        f'[[device]]\nid = "{device}"\nmodel = "{model}"\nlink = "{link}"\n'
        f'address = "{address_of(device)}"\nroom = "{room}"\nkey = "{key_of(device).hex()}"\n'
    )


async def play_home(
    port: int, devices: Sequence[Sensor], heard: Iterable[Heard], speed: float, tell: Callable[[str], None]
) -> None:
    """Plays what the sensors said, from its beginning."""
    air = VirtualAir()
    # counters begin with the seconds since 1970: no replay begins below the one before it
    sensors = {
        device.id: BTHomeSensor(air, device.id, address_of(device.id), key=key_of(device.id), counter=int(time.time()))
        for device in devices
        if device.kind in _MODELS
    }
    for sensor in sensors.values():
        await sensor.power_on()
    radio = HubController(air, port=port)
    await _hub_there(radio, tell)
    try:
        await _say_all(sensors, heard, speed, tell)
    finally:
        await _end(radio, *sensors.values())


async def _end(radio: HubController, *sensors: BTHomeSensor | Wearable) -> None:
    await radio.die()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            for sensor in sensors:
                await sensor.power_off()


async def _hub_there(radio: HubController, tell: Callable[[str], None]) -> None:
    await radio.start()
    tell(f'the radio is there; the hub\'s configuration says: [ble] adapter = "{radio.transport}"')
    deadline = time.monotonic() + HUB_WAIT_S
    while not radio.listening:
        if time.monotonic() > deadline:
            raise NothingToPlay(f"No hub listens at {radio.transport} within {HUB_WAIT_S:.0f} s.")
        await asyncio.sleep(0.05)


async def _say_all(
    sensors: dict[str, BTHomeSensor], heard: Iterable[Heard], speed: float, tell: Callable[[str], None]
) -> None:
    began, first_at, count, silent = time.monotonic(), None, 0, 0
    playing = asyncio.current_task()
    for one in heard:
        if playing is not None and playing.cancelling():
            # the wait_for in which bumble sends a command loses a cancellation up to Python 3.11
            raise asyncio.CancelledError
        first_at = one.at if first_at is None else first_at
        reading = one.reading
        if reading.device not in sensors or reading.kind not in _OBJECTS:
            silent += 1
            continue
        pause_s = (one.at - first_at) / speed - (time.monotonic() - began)
        await asyncio.sleep(max(pause_s, ON_AIR_S if speed == float("inf") else 0.0))
        if reading.kind == "battery":
            sensors[reading.device].battery = int(float(reading.value))
            await sensors[reading.device].say(trigger=False)
        else:
            await sensors[reading.device].say((_OBJECTS[reading.kind], float(reading.value)))
        count += 1
        tell(f"{count:,} packets on the air" + (f", {silent:,} readings that no advert carries" if silent else ""))
    await asyncio.sleep(ON_AIR_S)


async def play_fall(port: int, trial: Trial, speed: float, tell: Callable[[str], None]) -> None:
    """Streams the movement as the wearable does."""
    air = VirtualAir()
    worn = Wearable(air, address_of(_WORN), key_of(_WORN), rate_hz=float(RATE_HZ), full_scale_g=_FULL_SCALE_G)
    worn.counter = int(time.time())
    radio = HubController(air, port=port)
    await worn.power_on()
    await worn.appear()
    await _hub_there(radio, tell)
    try:
        async with asyncio.timeout(HUB_WAIT_S):
            await worn.listened_to()
            while worn.mtu < MTU_LEAST:  # noqa: ASYNC110  the radio stack tells nobody
                await asyncio.sleep(0.05)
        tell(f"the hub listens to the wearable; {trial.what}")
        samples = [_raw(row[0], row[1], row[2]) for row in trial.rows]
        for at in range(0, len(samples), worn.samples_max):
            part = samples[at : at + worn.samples_max]
            await worn.stream(part)
            await asyncio.sleep(len(part) / RATE_HZ / speed)
        tell("all of it is streamed")
        # the hub judges, and keeps the connection
        await asyncio.sleep(_SETTLES_S)
    except TimeoutError:
        raise NothingToPlay("The hub has not connected to the wearable: is it in its enrolment file?") from None
    finally:
        await _end(radio, worn)


def _raw(*axes: float) -> tuple[int, int, int]:
    x, y, z = (max(min(round(axis * 32_768 / _FULL_SCALE_G), 32_767), -32_768) for axis in axes)
    return x, y, z
