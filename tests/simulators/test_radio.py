"""A host stack that connects to the virtual controller hears the virtual sensors, also after the controller died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bumble.device import Advertisement, Device
from bumble.hci import Address
from bumble.host import Host
from bumble.transport import open_transport

from simulators.bthome_bytes import ButtonPress, ObjectId
from simulators.radio import BTHomeSensor, HubController, VirtualAir

KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
DEADLINE_S = 60


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.02)


def bthome(advert: Advertisement) -> bytes | None:
    for uuid, data in advert.data.get_all(0x16):
        if uuid.to_bytes() == b"\xd2\xfc":
            return bytes(data)
    return None


async def listen(transport_name: str, heard: list[tuple[str, bytes]], stop: asyncio.Event) -> None:
    async with await open_transport(transport_name) as transport:
        host = Host(transport.source, transport.sink)
        device = Device(name="hub", address=Address("F0:F1:F2:F3:F4:F5"), host=host)

        def on_advertisement(advert: Advertisement) -> None:
            if (data := bthome(advert)) is not None:
                heard.append((str(advert.address).split("/")[0], data))

        device.on("advertisement", on_advertisement)
        await device.power_on()
        await device.start_scanning(filter_duplicates=False)
        await stop.wait()


def presses_of(pendant: str, heard: list[tuple[str, bytes]]) -> set[int]:
    """The counters of the sealed messages of a pendant."""
    return {int.from_bytes(data[-8:-4], "little") for address, data in heard if address == pendant and data[0] == 0x45}


async def test_a_press_is_heard_with_its_bytes_and_again_after_the_controller_came_back() -> None:
    air = VirtualAir()
    hub = HubController(air)
    pendant = BTHomeSensor(air, "pendant", "A4:C1:38:00:00:02", key=KEY, counter=9)
    door = BTHomeSensor(air, "door", "A4:C1:38:00:00:03")
    await pendant.power_on()
    await door.power_on()
    heard: list[tuple[str, bytes]] = []
    for life in range(2):
        await hub.start()
        heard.clear()
        stop = asyncio.Event()
        listening = asyncio.create_task(listen(hub.transport, heard, stop))
        await until(lambda: hub.listening)
        await pendant.say((ObjectId.BUTTON, ButtonPress.SINGLE), for_s=DEADLINE_S)
        await door.say((ObjectId.DOOR, 1), for_s=DEADLINE_S)
        # the press of the life before may still be on the air
        await until(lambda life=life: presses_of(pendant.address, heard) >= {10 + life})
        await until(lambda life=life: any(data[:3] == b"\x44\x00" + bytes([life + 2]) for _, data in heard))
        assert {address for address, _ in heard} == {pendant.address, door.address}
        await hub.die()
        assert not hub.connected
        stop.set()
        await listening
    await pendant.power_off()
    await door.power_off()


async def test_a_sensor_falls_silent_after_its_repeats() -> None:
    air = VirtualAir()
    hub = HubController(air)
    door = BTHomeSensor(air, "door", "A4:C1:38:00:00:03")
    await door.power_on()
    await hub.start()
    heard: list[tuple[str, bytes]] = []
    stop = asyncio.Event()
    listening = asyncio.create_task(listen(hub.transport, heard, stop))
    await until(lambda: hub.listening)
    await door.say((ObjectId.DOOR, 1), for_s=0.3)
    await until(lambda: bool(heard) and not door.on_air)
    await door.power_off()
    stop.set()
    await listening
    await hub.die()
