"""Acceleration windows of worn devices: put together, looked at cheaply, and kept for a classifier if they may matter.

Windows do not leave the home: they would be most of its traffic, and the centre keeps none. Nor do they raise an alarm
here: telling a fall from a hard chair is the work of a classifier that is not built yet. It will be given what
`Movement.worth` holds.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from devices.rejection import Rejection
from devices.vocabulary import Reading
from devices.wearable.impact import Impact, Trigger
from devices.wearable.windows import Stream, read_piece

log = logging.getLogger(__name__)

WORN_MAX: Final = 8
"""Most devices whose movement is followed: more than anybody wears, and about 100 kB each at 100 Hz."""
WORTH_KEPT: Final = 16
"""Most stretches that wait for the classifier, the newest; some 20 kB each."""


class Movement:
    """The movement of everybody in the home who wears something.

    Args:
        counts: counted into: `windows` taken, `samples_lost` on the way, `windows_late` or doubled, `windows_refused`,
            and `impacts` found.

    Attributes:
        worth: stretches worth classifying, the oldest first; at most `WORTH_KEPT`.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.worth: deque[Impact] = deque(maxlen=WORTH_KEPT)
        self._counts = counts
        self._worn: dict[str, tuple[Stream, Trigger]] = {}

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
        stream, trigger = self._worn.setdefault(device, (Stream(device), Trigger()))
        lost = stream.lost
        if not stream.add(piece, at):
            self._counts["windows_late"] += 1
            return
        self._counts["windows"] += 1
        self._counts["samples_lost"] += stream.lost - lost
        found = trigger.look(stream.window())
        self.worth.extend(found)
        self._counts["impacts"] += len(found)
        for impact in found:
            log.debug("%s: a blow of %d mg, free fall %d ms", device, impact.peak_mg, impact.free_fall_ms)
