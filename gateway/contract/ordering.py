"""Running numbers of a hub's messages: tells new from duplicate, and counts what is missing.

Messages come in any order: a hub sends its newest measurements first after an outage, and a broker delivers again
what was not acknowledged. So a hole is only a hole until it is filled, and is never called a loss before it has to be
forgotten.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from typing import Final

import msgspec

RANGES_MAX: Final = 64
"""Most unconnected ranges remembered per numbering: a hub with more holes than that is broken, and a hundred thousand
homes must fit in memory. Beyond it the oldest hole is given up and counted as lost."""
EPOCHS_MAX: Final = 2
"""Numberings remembered: the present one, and the one before it for what is still on its way."""


class Arrival(StrEnum):
    """What a number turned out to be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    FILLS_GAP = "fills_gap"


class _Numbering(msgspec.Struct):
    """The numbers seen of one epoch, as ascending ranges: `starts[i]` to `ends[i]`, both included, never touching."""

    epoch: str
    starts: list[int]
    ends: list[int]


class SequenceTracker(msgspec.Struct):
    """Follows the numbers of one stream (measurements, alarms) of one hub. Plain values: it can be stored as JSON.

    Attributes:
        gaps_ever: how often a number came that left a hole before or after it.
        lost: numbers that never came and whose hole was forgotten (too many holes, or an old numbering).
        numberings: oldest first; for storing only.
    """

    gaps_ever: int = 0
    lost: int = 0
    numberings: list[_Numbering] = []

    @property
    def gaps_open(self) -> int:
        """Holes that are still there, between the first and the last number seen."""
        return sum(len(numbering.starts) - 1 for numbering in self.numberings)

    @property
    def missing(self) -> int:
        """Numbers that have not come yet, in all open gaps."""
        return sum(_missing(numbering) for numbering in self.numberings)

    def observe(self, epoch: str, sequence: int) -> Arrival:
        """Takes in the number of an arrived message.

        Args:
            epoch: names the numbering; a hub begins another when its memory was replaced.
            sequence: the message's number, 0 or more. The first one seen opens no gap: what was before is not known.
        """
        for numbering in reversed(self.numberings):
            if numbering.epoch == epoch:
                return self._place(numbering, sequence)
        self.numberings.append(_Numbering(epoch, [sequence], [sequence]))
        if len(self.numberings) > EPOCHS_MAX:
            self.lost += _missing(self.numberings.pop(0))
        return Arrival.NEW

    def _place(self, numbering: _Numbering, number: int) -> Arrival:
        starts, ends = numbering.starts, numbering.ends
        if number == ends[-1] + 1:
            ends[-1] = number
            return Arrival.NEW
        after = bisect_right(starts, number)
        if after and number <= ends[after - 1]:
            return Arrival.DUPLICATE
        inside = 0 < after < len(starts)
        joins_before = after > 0 and number == ends[after - 1] + 1
        joins_after = after < len(starts) and number == starts[after] - 1
        if joins_before and joins_after:
            ends[after - 1] = ends[after]
            del starts[after], ends[after]
        elif joins_before:
            ends[after - 1] = number
        elif joins_after:
            starts[after] = number
        else:
            starts.insert(after, number)
            ends.insert(after, number)
            self.gaps_ever += not inside
            self._forget_oldest_hole(numbering)
        return Arrival.FILLS_GAP if inside else Arrival.NEW

    def _forget_oldest_hole(self, numbering: _Numbering) -> None:
        starts, ends = numbering.starts, numbering.ends
        if len(starts) > RANGES_MAX:
            self.lost += starts[1] - ends[0] - 1
            ends[0] = ends[1]
            del starts[1], ends[1]


def _missing(numbering: _Numbering) -> int:
    return sum(start - end - 1 for start, end in zip(numbering.starts[1:], numbering.ends, strict=False))
