"""The past silences of one home, two bytes each: columns of small numbers, deflated when a day is closed.

Of each is kept when it began, as how many steps after the end of the one before; how long it lasted; where it began and
where it ended. Each byte of these numbers gets a Huffman code of its own (RFC 1951): most gaps and lengths are short,
and most homes have few rooms.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, chain
from operator import add
from typing import Final, NamedTuple

from central.detection.activity import STEP_S

DAY_STEPS: Final = 86_400 // STEP_S
_DAYS: Final = 65_536
"""Stored days are counted modulo this."""
_WINDOW_BITS: Final = -12
"""No header and no checksum; the stream looks back 4 kB at most."""
_GAP_BYTES: Final = 4
_LENGTH_BYTES: Final = 2
_BYTES: Final = _GAP_BYTES + _LENGTH_BYTES + 2
"""Of one silence, before they are packed."""
_AT_HAND: Final = 4
"""Homes whose silences stay unpacked: while a home learns a day, or weighs several signs, it asks again and again."""


class Silence(NamedTuple):
    """Step of the local day in which it began, steps that it lasted, codes of the places of its begin and end."""

    step: int
    length: int
    place: int
    end: int


class Columns(NamedTuple):
    """Silences as they are stored: little arrays, little-endian."""

    days: bytes
    steps: bytes
    lengths: bytes
    places: bytes
    ends: bytes


class Table(NamedTuple):
    """Silences by columns, the longest past first. `starts` are steps, `DAY_STEPS` for each ordinal of a local day;
    days never decrease from one to the next."""

    starts: array[int]
    lengths: array[int]
    places: bytearray
    ends: bytearray

    def since(self, first: int) -> Table:
        """A copy without those before that place."""
        return Table(self.starts[first:], self.lengths[first:], self.places[first:], self.ends[first:])


class PastSilences:
    """All that are kept. Those of the day that is being learned are open, until the day is closed."""

    __slots__ = ("_open", "packed")

    def __init__(self) -> None:
        self.packed = b""
        # while a day is learned, all of them
        self._open: Table | None = None

    def __len__(self) -> int:
        return len(self.table().starts)

    def table(self) -> Table:
        """All of them, for reading."""
        return unpacked(self.packed) if self._open is None else self._open

    def add(self, day: int, silence: Silence) -> None:
        """A silence that began on that local day, an ordinal. Raises ValueError for what is none."""
        step, length, place, end = silence
        if not (0 <= step < DAY_STEPS and 0 <= length <= DAY_STEPS and 0 <= place < 256 and 0 <= end < 128):
            raise ValueError(f"no silence: {silence}")
        if self._open is None:
            self._open = unpacked(self.packed).since(0)
        table = self._open
        last_day = table.starts[-1] // DAY_STEPS if table.starts else day
        table.starts.append(max(day, last_day) * DAY_STEPS + step)
        table.lengths.append(length)
        table.places.append(place)
        table.ends.append(end)

    def close(self, before_day: int, most: int) -> None:
        """Closes the day, and lets go of silences of days before that one, and of the oldest beyond `most`."""
        table = self.table()
        count = len(table.starts)
        first = max(bisect_left(table.starts, before_day, key=lambda start: start // DAY_STEPS), count - most, 0)
        if first or self._open is not None:
            self.packed = _packed(table.since(first))
            self._open = None

    def columns(self) -> Columns:
        """For the store."""
        table = self.table()
        return Columns(
            array("H", [start // DAY_STEPS % _DAYS for start in table.starts]).tobytes(),
            array("H", [start % DAY_STEPS for start in table.starts]).tobytes(),
            table.lengths.tobytes(),
            bytes(table.places),
            bytes(table.ends),
        )

    @classmethod
    def of(cls, columns: Columns, learned_day: int) -> PastSilences:
        """From the store.

        Args:
            learned_day: ordinal of a day near to them all.

        Raises:
            ValueError: these are no columns of silences.
        """
        found = cls()
        days, steps, lengths = array("H"), array("H"), array("H")
        for column, content in zip((days, steps, lengths), columns, strict=False):
            column.frombytes(content)
        for day, *silence in zip(days, steps, lengths, columns.places, columns.ends, strict=True):
            back = (learned_day - day + _DAYS // 2) % _DAYS - _DAYS // 2
            found.add(learned_day - back, Silence(*silence))
        found.close(0, len(days))
        return found


def _packed(table: Table) -> bytes:
    ends = chain((0,), map(add, table.starts, table.lengths))
    gaps = array("i", [start - end for start, end in zip(table.starts, ends, strict=False)])
    columns: list[bytes | bytearray] = [*_bytes_of(gaps), *_bytes_of(table.lengths), table.places, table.ends]
    deflate = zlib.compressobj(9, zlib.DEFLATED, _WINDOW_BITS, 9, zlib.Z_RLE)
    # a block of its own for each column, and so a code of its own
    blocks = [deflate.compress(column) + deflate.flush(zlib.Z_BLOCK) for column in columns]
    return b"".join(blocks) + deflate.flush()


def _bytes_of(column: array[int]) -> list[bytes]:
    """The lowest byte of each number, then the next, and so on."""
    content = column.tobytes()
    return [content[place :: column.itemsize] for place in range(column.itemsize)]


@lru_cache(maxsize=_AT_HAND)
def unpacked(packed: bytes) -> Table:
    """What is packed, for reading."""
    content = zlib.decompress(packed, _WINDOW_BITS) if packed else b""
    count = len(content) // _BYTES
    gaps = _of_bytes(array("i"), content[: _GAP_BYTES * count])
    lengths = _of_bytes(array("H"), content[_GAP_BYTES * count : (_GAP_BYTES + _LENGTH_BYTES) * count])
    places, ends = (bytearray(content[(_BYTES - left) * count :][:count]) for left in (2, 1))
    starts = accumulate(map(add, gaps, chain((0,), lengths)))
    return Table(array("i", starts), lengths, places, ends)


def _of_bytes(column: array[int], content: bytes) -> array[int]:
    width = column.itemsize
    count = len(content) // width
    mixed = bytearray(len(content))
    for place in range(width):
        mixed[place::width] = content[place * count : (place + 1) * count]
    column.frombytes(mixed)
    return column
