"""How far ordinary life went: the greatest score of each watch in each of the last blocks of days, in one table."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final

LIMIT_DAYS: Final = 90
WORST_OF_DAYS: Final = 5
"""Of so many days, a block, only the worst counts."""
_BLOCKS: Final = LIMIT_DAYS // WORST_OF_DAYS + 2
"""Blocks kept: all of which a day lies in the last ones, and one more."""
_LEAST: Final = 1e-6


class Worst:
    """Scores above 0 by watch (a small number) and block of days (an ordinal divided by `WORST_OF_DAYS`)."""

    __slots__ = ("_newest", "_scores", "_watches")

    def __init__(self) -> None:
        self._newest = 0
        self._watches = bytearray()
        # a row of each watch, a column of each block; 0 = nothing was noted
        self._scores = array("d")

    def note(self, watch: int, block: int, score: float) -> None:
        """A score that was reached; what is older than the blocks that are kept is left out."""
        if score <= 0 or block <= self._newest - _BLOCKS:
            return
        for gone in range(max(self._newest + 1, block - _BLOCKS + 1), block + 1):
            self._clear(gone)
        self._newest = max(self._newest, block)
        if watch not in self._watches:
            self._watches.append(watch)
            self._scores.extend([0.0] * _BLOCKS)
        place = self._watches.index(watch) * _BLOCKS + block % _BLOCKS
        self._scores[place] = max(score, self._scores[place])

    def forget(self, before_block: int) -> None:
        """Lets go of the blocks before that one."""
        for gone in range(self._newest - _BLOCKS + 1, min(before_block, self._newest + 1)):
            self._clear(gone)

    def _clear(self, block: int) -> None:
        for place in range(block % _BLOCKS, len(self._scores), _BLOCKS):
            self._scores[place] = 0.0

    def of_blocks(self, watches: Iterable[int]) -> list[float]:
        """For each block in which any of these watches has a score the greatest, the greatest of all first."""
        firsts = [self._watches.index(watch) * _BLOCKS for watch in watches if watch in self._watches]
        if not firsts:
            return []
        rows = [self._scores[first : first + _BLOCKS] for first in firsts]
        greatest = map(max, *rows) if len(rows) > 1 else rows[0]
        return sorted((max(score, _LEAST) for score in greatest if score), reverse=True)

    def kept(self) -> list[tuple[int, int, float]]:
        """For the store: watch, block, score, in this order."""
        blocks = range(self._newest - _BLOCKS + 1, self._newest + 1)
        rows = sorted((watch, place * _BLOCKS) for place, watch in enumerate(self._watches))
        cells = ((watch, block, self._scores[first + block % _BLOCKS]) for watch, first in rows for block in blocks)
        return [cell for cell in cells if cell[2]]

    @classmethod
    def of(cls, kept: Iterable[tuple[int, int, float]]) -> Worst:
        """From the store. Raises ValueError for what no watch or block is."""
        found = cls()
        for watch, block, score in sorted(kept, key=lambda cell: cell[1]):
            if not (0 <= watch < 256 and block >= 0):
                raise ValueError("no watch has such a number")
            found.note(watch, block, score)
        return found
