"""The pendant fits into a small chip, stack included, and the build says when it no longer does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

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
