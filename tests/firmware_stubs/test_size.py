"""The pendant fits into a small chip, stack included, and the build says when it no longer does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import serial_asyncio_fast

from simulators.firmware import FALL, EmulatedFirmware
from simulators.firmware_build import FirmwareToolMissing
from tests.firmware_stubs.bench import NUMBER, acknowledgement

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware_stubs"
FLASH_MAX, RAM_MAX = 8_192, 1_024

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("arm-none-eabi-gcc") is None,
        reason="NOT TESTED: the firmware's size needs a compiler for ARM (sudo apt install gcc-arm-none-eabi)",
    ),
]


def size(out: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "-s", "-C", str(FIRMWARE), f"OUT={out}", *settings, "size"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)


def test_the_pendant_takes_at_most_8_kb_of_flash_and_1_kb_of_ram(tmp_path: Path) -> None:
    done = size(tmp_path)
    assert done.returncode == 0, done.stderr
    found = re.search(r"^pendant +(\d+) +(\d+) +(\d+) \+ (\d+) \((\d+)\)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    flash, ram, variables, stack_kept, stack_needed = map(int, found.groups())
    assert 1_000 < flash <= FLASH_MAX
    assert variables + stack_kept == ram <= RAM_MAX
    assert 100 < stack_needed <= stack_kept


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("FLASH_MAX_pendant=2000", "pendant is over its limit"),
        ("RAM_MAX_pendant=500", "pendant is over its limit"),
        ("STACK_BYTES_pendant=128", "bytes of stack are kept"),
    ],
)
def test_a_build_that_does_not_fit_fails(tmp_path: Path, setting: str, complaint: str) -> None:
    done = size(tmp_path, setting)
    assert done.returncode != 0
    assert complaint in done.stderr


async def test_no_run_takes_more_stack_than_was_worked_out(tmp_path: Path) -> None:
    found = re.search(r"^pendant .*\((\d+)\)$", size(tmp_path).stdout, re.MULTILINE)
    assert found is not None
    pendant = EmulatedFirmware("pendant", tmp_path / "tty", NUMBER)
    try:
        await pendant.start()
    except FirmwareToolMissing as missing:
        pytest.skip(f"NOT TESTED: {missing}")
    try:
        _, writer = await serial_asyncio_fast.open_serial_connection(url=str(pendant.path), baudrate=115200)
        for number in range(10):
            await pendant.press(line=FALL if number % 4 == 3 else 1)
            await pendant.idle(61)
        for message in list(pendant.copies):
            writer.write(b"noise" + acknowledgement(message.sequence) + acknowledgement(message.sequence))
        await pendant.press()
        stack = await pendant.memory("stack_bottom", "stack_top")
        writer.close()
    finally:
        pendant.stop()
    used = len(stack.lstrip(b"\0"))
    assert len(pendant.copies) > 20
    assert 50 < used <= int(found[1])
