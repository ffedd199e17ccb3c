"""Acceleration windows of worn devices: checked, counted, and handed to whoever looks for falls in them.

Windows do not leave the home: they would be most of its traffic, and the centre keeps none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from devices.rejection import Rejection
from devices.vocabulary import Reading
from devices.wearable.windows import Stream, read_piece

WORN_MAX: Final = 8
"""Most devices whose movement is followed: more than anybody wears, and about 100 kB each at 100 Hz."""

OnWindow = Callable[[str, bytes, float], None]
"""Takes a device's id, the window, and when it was heard in Unix seconds."""


class Movement:
    """The movement of everybody in the home who wears something.

    Args:
        counts: counted into: `windows` taken, `samples_lost` on the way, `windows_late` or doubled, and
            `windows_refused`.
        on_window: takes each window that is new.
    """

    def __init__(self, counts: Counter[str], on_window: OnWindow) -> None:
        self._counts = counts
        self._on_window = on_window
        self._worn: dict[str, Stream] = {}

    def take(self, readings: Sequence[Reading]) -> tuple[Reading, ...]:
        """Takes the acceleration windows out of a frame's readings; returns the others."""
        for reading in readings:
            if isinstance(reading.value, bytes):
                self._follow(reading.device, reading.value, reading.measured_at)
        return tuple(reading for reading in readings if not isinstance(reading.value, bytes))

    def _follow(self, device: str, value: bytes, at: float) -> None:
        piece = read_piece(value)
        if isinstance(piece, Rejection) or (device not in self._worn and len(self._worn) >= WORN_MAX):
            self._counts["windows_refused"] += 1
            return
        stream = self._worn.setdefault(device, Stream(device))
        lost = stream.lost
        if not stream.add(piece, at):
            self._counts["windows_late"] += 1
            return
        self._counts["windows"] += 1
        self._counts["samples_lost"] += stream.lost - lost
        self._on_window(device, value, at)
