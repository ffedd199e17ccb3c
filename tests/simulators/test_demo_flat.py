"""The pendant on the demo's wire runs its firmware where that can be built, and is honest where it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest
import serial_asyncio_fast

from gateway.free_ports import free_port
from simulators.demo.flat import Flat
from simulators.firmware import HostFirmware
from simulators.pendant_tty import PendantTty
from simulators.serial_bytes import FrameCutter, FrameType, PendantMessage, message_of

pytestmark = pytest.mark.slow

DEADLINE_S = 60


async def heard(flat: Flat) -> list[PendantMessage]:
    """What a hub on the flat's wire hears of a press and a fall, each message once."""
    reader, writer = await serial_asyncio_fast.open_serial_connection(url=str(flat.wire.path), baudrate=115200)
    cutter, messages = FrameCutter(), dict[PendantMessage, None]()
    await flat.press_wired()
    await flat.fall()
    async with asyncio.timeout(DEADLINE_S):
        while not {FrameType.BUTTON, FrameType.FALL} <= {message.type for message in messages}:
            read = [message_of(frame) for frame in cutter.feed(await reader.read(256))]
            messages |= dict.fromkeys(message for message in read if message is not None)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return list(messages)


@pytest.mark.skipif(shutil.which("cc") is None, reason="NOT TESTED: the firmware needs a compiler (apt install gcc)")
async def test_the_wired_pendant_runs_its_firmware(tmp_path: Path) -> None:
    flat = Flat(tmp_path / "tty", free_port())
    await flat.start()
    try:
        assert flat.without_firmware == ""
        assert isinstance(flat.wire, HostFirmware)
        assert flat.wire.running
        await heard(flat)
    finally:
        await flat.stop()
    assert not flat.wire.running
    assert not flat.wire.path.exists()


async def test_without_a_compiler_the_demo_goes_on_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    flat = Flat(tmp_path / "tty", free_port())
    await flat.start()
    try:
        assert "sudo apt install gcc" in flat.without_firmware
        assert isinstance(flat.wire, PendantTty)
        await heard(flat)
    finally:
        await flat.stop()
