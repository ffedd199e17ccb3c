"""The simulated serial pendant insists until it is heard, and its wire can fail as real ones do."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
from pathlib import Path

import pytest
import serial_asyncio_fast
from cobs import cobs

from simulators.pendant_tty import PendantTty

DEADLINE_S = 60
BOOT, HEARTBEAT, BUTTON, FALL = 1, 2, 3, 5


def ack(sequence: int) -> bytes:
    body = b"A" + sequence.to_bytes(2, "little")
    return bytes(cobs.encode(body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little"))) + b"\0"


async def message(port: asyncio.StreamReader) -> bytes | None:
    """The next frame's message without its CRC, or None for a damaged one."""
    async with asyncio.timeout(DEADLINE_S):
        encoded = (await port.readuntil(b"\0"))[:-1]
    try:
        body = bytes(cobs.decode(encoded))
    except cobs.DecodeError:
        return None
    good = len(body) == 17 and binascii.crc_hqx(body[:15], 0xFFFF) == int.from_bytes(body[15:], "little")
    return body[:15] if good else None


async def hang_up(wire: asyncio.StreamWriter) -> None:
    wire.close()
    with contextlib.suppress(OSError):
        await wire.wait_closed()


async def test_a_press_is_repeated_with_the_same_number_until_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.pendant_tty.RETRY_S", 0.005)
    pendant = PendantTty(tmp_path / "tty", 0xC0FFEE01, heartbeat_s=0.01)
    pendant.plug_in()
    port, wire = await serial_asyncio_fast.open_serial_connection(url=str(pendant.path), baudrate=115200)
    pendant.start_again()
    first = await message(port)
    assert first is not None
    assert first[1] == BOOT
    number = pendant.press()
    presses: list[int] = []
    beats = 0
    while len(presses) < 100:
        told = await message(port)
        assert told is not None
        beats += told[1] == HEARTBEAT
        if told[1] == BUTTON:
            presses.append(int.from_bytes(told[6:8], "little"))
    assert presses == [number] * 100
    assert beats
    wire.write(ack(number))
    async with asyncio.timeout(DEADLINE_S):
        await pendant.acknowledged(number)
    assert pendant.waiting == 0
    await hang_up(wire)
    pendant.unplug()


async def test_damaged_frames_fail_their_check_and_a_fall_gets_through_after_them(tmp_path: Path) -> None:
    pendant = PendantTty(tmp_path / "tty", 7, heartbeat_s=60)
    pendant.plug_in()
    port, wire = await serial_asyncio_fast.open_serial_connection(url=str(pendant.path), baudrate=115200)
    pendant.damage_next = 2
    pendant.fall()
    told = [await message(port) for _ in range(3)]
    while told[-1] is None:
        told.append(await message(port))
    assert None in told
    assert told[-1][1] == FALL
    await hang_up(wire)
    pendant.unplug()


async def test_unplugging_ends_the_port_and_plugging_in_makes_it_again(tmp_path: Path) -> None:
    pendant = PendantTty(tmp_path / "tty", 7)
    for _ in range(2):
        pendant.plug_in()
        port, wire = await serial_asyncio_fast.open_serial_connection(url=str(pendant.path), baudrate=115200)
        pendant.start_again()
        told = await message(port)
        assert told is not None
        assert told[1] == BOOT
        pendant.unplug()
        assert not pendant.path.exists()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await message(port)
        await hang_up(wire)
