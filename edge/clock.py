"""Time as a hub knows it: which boot, the monotonic clock, the wall clock, and whether the wall clock is to be trusted.

A Raspberry Pi has no clock that survives a power cut: it may wake in the past. So each record carries all four, waiting
is measured by the monotonic clock only, and an alarm never waits for the right time.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

BOOT_ID_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
TIMESYNCD_MARK: Final = Path("/run/systemd/timesync/synchronized")
_TIME_ERROR: Final = 5
"""`adjtimex` answers this while no time daemon has synchronised the clock (adjtimex(2), TIME_ERROR)."""
_TIMEX_BYTES: Final = 256
"""More than `struct timex` of any Linux; zeroed, its `modes` asks for nothing to be changed."""


class Stamp(NamedTuple):
    """One moment. `boot` names the run of the monotonic clock; `wall` is Unix seconds UTC."""

    boot: str
    monotonic: float
    wall: float
    trusted: bool


class Clock:
    """Makes stamps. `look_again` renews the trust; the rest is cheap."""

    def __init__(
        self,
        boot: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        is_trusted: Callable[[], bool],
    ) -> None:
        self._boot = boot
        self._monotonic = monotonic
        self._wall = wall
        self._is_trusted = is_trusted
        self._trusted = is_trusted()

    @property
    def monotonic(self) -> float:
        """Seconds since the boot."""
        return self._monotonic()

    def now(self) -> Stamp:
        """This moment."""
        return Stamp(self._boot, self._monotonic(), self._wall(), self._trusted)

    def look_again(self) -> bool:
        """Asks the system again whether its clock is right; true when the answer has changed."""
        before, self._trusted = self._trusted, self._is_trusted()
        return before != self._trusted


def system_clock() -> Clock:
    """The clock of this machine."""
    return Clock(boot_id(), is_trusted=system_clock_is_trusted)


def boot_id(file: Path = BOOT_ID_FILE) -> str:
    """The kernel's name of this boot; where there is none, one of our own, so that no other boot is mistaken for it."""
    try:
        return file.read_text(encoding="ascii").strip()[:36]
    except OSError:
        return os.urandom(16).hex()


def system_clock_is_trusted() -> bool:
    """Whether a time daemon (systemd-timesyncd, chrony, ntpd) says that the clock is right."""
    if TIMESYNCD_MARK.exists():
        return True
    try:
        return _adjtimex() not in {-1, _TIME_ERROR}
    except (OSError, AttributeError):
        return False


def _adjtimex() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
