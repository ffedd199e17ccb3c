"""The past silences of one home, four bytes each and one for each day.

Of each is kept when it began and how long it lasted, in steps, where it began and where it ended, as one number in
mixed radix; days only as how many silences began on each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from central.detection.activity import STEP_S

DAY_STEPS: Final = 86_400 // STEP_S
_LENGTHS: Final = DAY_STEPS + 1
_END_BITS: Final = 7
_PLACE_BITS: Final = 8
_TIMES_SHIFT: Final = _PLACE_BITS + _END_BITS
_DAYS: Final = 65_536
"""Stored days are counted modulo this."""


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


def read(code: int) -> Silence:
    """What a number says."""
    return Silence(*divmod(code >> _TIMES_SHIFT, _LENGTHS), code >> _END_BITS & 0xFF, code & 0x7F)


def begun(code: int) -> tuple[int, int, int]:
    """Of what a number says the step, the length and the place of the begin; quick."""
    times = code >> _TIMES_SHIFT
    return times // _LENGTHS, times % _LENGTHS, code >> _END_BITS & 0xFF


class PastSilences:
    """All that are kept, the longest past first. Days never decrease from one to the next."""

    __slots__ = ("_codes", "_counts", "_first_day")

    def __init__(self) -> None:
        self._first_day = 0
        self._counts = bytearray()
        self._codes = array("I")

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, day: int, silence: Silence) -> None:
        """A silence that began on that local day, an ordinal. Raises ValueError for what is none."""
        step, length, place, end = silence
        if not (0 <= step < DAY_STEPS and 0 <= length < _LENGTHS and 0 <= place < 256 and 0 <= end < 128):
            raise ValueError(f"no silence: {silence}")
        if not self._counts:
            self._first_day = day
        self._counts.extend(bytes(max(0, day + 1 - self._first_day - len(self._counts))))
        self._counts[-1] += 1
        self._codes.append((step * _LENGTHS + length) << _TIMES_SHIFT | place << _END_BITS | end)

    def by_day(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Days, as ordinals, with the numbers of their silences; `read` says what these mean."""
        first = 0
        for place, count in enumerate(self._counts):
            if count:
                yield self._first_day + place, self._codes[first : first + count]
                first += count

    def codes(self) -> Sequence[int]:
        """The numbers of all."""
        return self._codes

    def forget(self, before_day: int, most: int) -> None:
        """Lets go of those of earlier days, and of the oldest beyond `most`."""
        surplus = len(self._codes) - most
        while self._counts and (surplus > 0 or self._first_day < before_day):
            gone = self._counts[0] if self._first_day < before_day else min(self._counts[0], surplus)
            del self._codes[:gone]
            surplus -= gone
            self._counts[0] -= gone
            if self._counts[0]:
                break
            del self._counts[0]
            self._first_day += 1

    def columns(self) -> Columns:
        """For the store."""
        silences = [read(code) for code in self._codes]
        days = [day % _DAYS for day, codes in self.by_day() for _ in codes]
        return Columns(
            array("H", days).tobytes(),
            array("H", [one.step for one in silences]).tobytes(),
            array("H", [one.length for one in silences]).tobytes(),
            bytes(one.place for one in silences),
            bytes(one.end for one in silences),
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
        found._codes = array("I", found._codes)
        return found
