"""Builds the C firmware where a compiler is at hand."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import Final

FIRMWARE: Final = Path(__file__).resolve().parents[1] / "firmware_stubs"
_BUILD_WAIT_S: Final = 120.0
_NEEDED: Final = {"host": ("make", "cc"), "arm": ("make", "arm-none-eabi-gcc", "arm-none-eabi-nm")}


class FirmwareNotBuilt(Exception):
    """The firmware cannot be built here; the message says why."""


class FirmwareToolMissing(FirmwareNotBuilt):
    """There is nothing here to build or run it with; the message says what to install. No fault of the firmware."""


def host_program(product: str) -> Path:
    """The firmware of a product as a program of this machine, built if need be. Raises FirmwareNotBuilt."""
    return _build(product, "host")


def host_library(product: str) -> Path:
    """The firmware of a product as a shared library, built if need be. Raises FirmwareNotBuilt."""
    return _build(f"lib{product}.so", "host")


def fuzz_program(product: str) -> Path:
    """The firmware of a product with sanitizers, which does what its input says. Raises FirmwareNotBuilt."""
    return _build(f"fuzz_{product}", "host")


def arm_image(product: str) -> Path:
    """The firmware of a product for the micro:bit, built if need be. Raises FirmwareNotBuilt."""
    return _build(f"{product}.elf", "arm")


def _build(file: str, kind: str) -> Path:
    missing = [program for program in _NEEDED[kind] if shutil.which(program) is None]
    if missing:
        packages = "gcc libc6-dev make" if kind == "host" else "gcc-arm-none-eabi make"
        raise FirmwareToolMissing(f"{', '.join(missing)} not found: sudo apt install {packages}")
    if not (FIRMWARE / "Makefile").exists():
        raise FirmwareNotBuilt("the firmware's sources are not here: run from a checkout")
    target = FIRMWARE / "build" / file
    try:
        target.parent.mkdir(exist_ok=True)
        with (target.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(
                ["make", "--no-print-directory", "-s", "-C", str(FIRMWARE), f"build/{file}"],
                capture_output=True,
                text=True,
                timeout=_BUILD_WAIT_S,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirmwareNotBuilt(f"it cannot be built in {target.parent}: {error}") from None
    if done.returncode != 0:
        raise FirmwareNotBuilt(f"the compiler refuses it: {done.stderr.strip()[-400:]}")
    return target
