"""The newest readings of each device in which somebody may have acted, by time, each time once.

The same in any order of arrival, as long as no more newer ones came before than are kept.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

TRACE_MAX: Final = 128
"""Readings kept of one device and kind: a lively day of a door, and 1 kB."""
ACTS_MAX: Final = 8
"""Of movements and other acts, which need no comparing with those before: the last walk through the home, which is all
that is ever shown or asked for."""


def _mark_of(at: float, value: bool) -> int:
    """A reading as one number that sorts by time; to the millisecond."""
    return round(at * 1000) << 1 | value


def _at_of(mark: int) -> float:
    return (mark >> 1) / 1000


class Trace:
    """The newest readings of one device and kind; all that is traced is yes or no."""

    __slots__ = ("_folded", "_marks", "_most")

    def __init__(self, most: int = TRACE_MAX) -> None:
        self._most = most
        self._marks = array("Q")
        # the last change among those that had to make room
        self._folded: int | None = None

    def add(self, at: float, value: bool) -> int:
        """Puts a reading in its place, which is returned. Of two for one time yes stands, whichever came first."""
        marks, mark = self._marks, _mark_of(at, value)
        place = len(marks)
        if not marks or mark >> 1 > marks[-1] >> 1:
            marks.append(mark)
        else:
            place = bisect_left(marks, mark & ~1)
            if marks[place] >> 1 == mark >> 1:
                marks[place] |= mark
                return place
            marks.insert(place, mark)
        if len(marks) > self._most:
            self._fold()
            place -= 1
        return place

    def turns(self, place: int) -> list[tuple[float, bool, bool]]:
        """Whether the value changed at this place, and at the next, as (at, changed, new value); nothing where it is
        not known."""
        marks = self._marks
        places = (number for number in (place, place + 1) if 0 < number < len(marks))
        return [
            (_at_of(marks[number]), (marks[number] ^ marks[number - 1]) & 1 > 0, marks[number] & 1 > 0)
            for number in places
        ]

    def _fold(self) -> None:
        before = self._marks.pop(0)
        first = self._marks[0]
        if (before ^ first) & 1 and (self._folded is None or first > self._folded):
            self._folded = first

    def recall(self, at: float, value: bool) -> list[tuple[float, bool, bool]]:
        """Takes over a change from before a restart; returns what turned, as `turns` does."""
        turned = self.turns(self.add(at, value))
        if self._folded is None:
            self._folded = _mark_of(at, value)
        return turned

    def newest(self, count: int) -> list[tuple[float, float]]:
        """The newest `count` readings as (at, value), oldest first."""
        return [(_at_of(mark), mark & 1) for mark in self._marks[-count:]]

    def changes(self, count: int) -> list[tuple[float, float]]:
        """The newest `count` changes of value as (at, new value), oldest first. The first reading ever is none."""
        marks = self._marks
        found: list[int] = []
        for place in range(len(marks) - 1, 0, -1):
            if (marks[place] ^ marks[place - 1]) & 1:
                found.append(marks[place])
                if len(found) == count:
                    break
        else:
            # a recalled one may have been read again
            if self._folded is not None and len(found) < count and self._folded >> 1 <= marks[0] >> 1:
                found.append(self._folded)
        return [(_at_of(mark), mark & 1) for mark in reversed(found)]


class Acts:
    """The newest acts of one kind, those of each device at most `ACTS_MAX`, in one table.

    Attributes:
        devices: all that ever spoke, also if only to say that there was none.
    """

    __slots__ = ("_marks", "devices")

    def __init__(self) -> None:
        self.devices: list[str] = []
        self._marks = array("Q")

    def watch(self, device: str) -> None:
        """A device of this kind is there."""
        self.devices.append(device)
        self._marks.extend([0] * ACTS_MAX)

    def add(self, device: str, at: float, value: bool) -> None:
        """Takes an act of a device that is there."""
        first = self.devices.index(device) * ACTS_MAX
        marks, mark = self._marks, _mark_of(at, value)
        place = bisect_left(marks, mark & ~1, first, first + ACTS_MAX)
        if place < first + ACTS_MAX and marks[place] >> 1 == mark >> 1:
            marks[place] |= mark
        elif place > first:
            # the oldest makes room
            marks[first : place - 1] = marks[first + 1 : place]
            marks[place - 1] = mark

    def newest(self, device: str, count: int) -> list[tuple[float, float]]:
        """The newest `count` acts of a device as (at, value), oldest first."""
        first = self.devices.index(device) * ACTS_MAX
        marks = [mark for mark in self._marks[first : first + ACTS_MAX] if mark]
        return [(_at_of(mark), mark & 1) for mark in marks[-count:]]
