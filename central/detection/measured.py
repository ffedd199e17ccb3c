"""What was measured in a home and is judged: body, rooms, doses, positions. Bounded, the same in any order of arrival.

Numbers are taken together in steps of time, of which the lowest and highest value are kept: a belt that speaks each
second then needs no more room than a scale. A home without such sensors keeps three empty tables.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from sys import intern
from typing import Final, NamedTuple

from devices.vocabulary import KINDS, Value

_STEPS: Final[dict[str, tuple[int, int]]] = {
    "temperature": (600_000, 24),
    "heart_rate": (60_000, 30),
    "spo2": (60_000, 30),
    "systolic": (300_000, 8),
    "diastolic": (300_000, 8),
    "body_temperature": (300_000, 8),
    "weight": (300_000, 24),
}
"""Kind -> length of a step in milliseconds, and steps kept: four hours of a room, half an hour of a belt, the last
measurements of a cuff, a week of a scale that is used thrice a day."""
POSITION_KINDS: Final = ("latitude", "longitude", "position_accuracy", "speed")
DOSE_KIND: Final = "dose"
MEASURED_KINDS: Final = frozenset({*_STEPS, *POSITION_KINDS, DOSE_KIND})
BODY_KINDS: Final = ("body_temperature", "diastolic", "heart_rate", "spo2", "systolic", "weight")
_SPAN_BITS: Final = 20
"""Milliseconds of the longest step."""
_BELOW_0: Final = 10_000
_HUNDREDTHS_MAX: Final = 65_535
"""Values from -100 to 555, in 16 bits: more than the vocabulary lets pass of any of these kinds."""
SERIES_MAX: Final = 24
"""Most series of numbers of one home: a cuff, a scale, an oximeter, a belt, and a climate sensor in each room."""
FIXES_MAX: Final = 32
"""Positions kept of one locator: half an hour at one a minute, and 1.3 kB."""
DOSES_MAX: Final = 32
"""Words kept of one dispenser: four doses a day for three days, with what went before each."""
CARRIED_MAX: Final = 4
"""Most locators, and most dispensers, of one home."""
_WORDS: Final = {word: float(place) for place, word in enumerate(KINDS[DOSE_KIND].words)}
DUE, TAKEN, MISSED = (_WORDS[word] for word in ("due", "taken", "missed"))


class Step(NamedTuple):
    """What was measured within one step: times of the first and last value, the lowest and the highest."""

    first_at: float
    last_at: float
    low: float
    high: float


class Series:
    """The newest steps of all devices of one kind, in one table; times to the millisecond, values to the hundredth.

    Attributes:
        devices: those that have a row in it.
    """

    __slots__ = ("_high", "_kind", "_low", "_times", "_values", "devices")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.devices: list[str] = []
        # a row of each device, oldest first, 0 where no step is yet: the first time, and how much later the last is
        self._times = array("Q")
        # the lowest and the highest value of each; where no step is yet, any value of the device
        self._values = array("H")
        self._low, self._high = _HUNDREDTHS_MAX, 0

    def watch(self, device: str, value: float) -> None:
        """A device of this kind is there, with its first value."""
        most = _STEPS[self._kind][1]
        self.devices.append(device)
        self._times.extend([0] * most)
        self._values.extend([_hundredths(value)] * 2 * most)
        self._bound()

    def add(self, device: str, at: float, value: float) -> None:
        """Takes a value of a device that is there into its step."""
        step_ms, most = _STEPS[self._kind]
        first_place = self.devices.index(device) * most
        end_place = first_place + most
        at_ms, said = round(at * 1000), _hundredths(value)
        begin = at_ms // step_ms * step_ms
        times, values = self._times, self._values
        place = bisect_left(times, begin << _SPAN_BITS, first_place, end_place)
        pair = 2 * place
        if place < end_place and times[place] >> _SPAN_BITS < begin + step_ms:
            first, last = _span_of(times[place])
            times[place] = _packed(min(first, at_ms), max(last, at_ms))
            values[pair], values[pair + 1] = min(values[pair], said), max(values[pair + 1], said)
            self._low, self._high = min(self._low, said), max(self._high, said)
        elif place > first_place:
            # the oldest makes room
            low, high = values[2 * first_place], values[2 * first_place + 1]
            times[first_place : place - 1] = times[first_place + 1 : place]
            times[place - 1] = _packed(at_ms, at_ms)
            values[2 * first_place : pair - 2] = values[2 * first_place + 2 : pair]
            values[pair - 2] = values[pair - 1] = said
            self._low, self._high = min(self._low, said), max(self._high, said)
            if low == self._low or high == self._high:
                self._bound()

    def _bound(self) -> None:
        self._low, self._high = min(self._values), max(self._values)

    def steps(self, device: str) -> list[Step]:
        """All steps that are kept of a device, oldest first."""
        first, end = self._row(device)
        return [
            Step(begin / 1000, last / 1000, _value_of(self._values[2 * place]), _value_of(self._values[2 * place + 1]))
            for place in range(bisect_left(self._times, 1, first, end), end)
            for begin, last in (_span_of(self._times[place]),)
        ]

    def _row(self, device: str) -> tuple[int, int]:
        most = _STEPS[self._kind][1]
        first = self.devices.index(device) * most
        return first, first + most

    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that is kept of any device; quick."""
        return _value_of(self._low), _value_of(self._high)

    def bounds_of(self, device: str) -> tuple[float, float]:
        """The lowest and the highest value that is kept of a device."""
        first, end = self._row(device)
        values = self._values[2 * first : 2 * end]
        return _value_of(min(values)), _value_of(max(values))

    def drop_after(self, at: float) -> None:
        """Lets go of what is later."""
        step_ms, most = _STEPS[self._kind]
        later = (int(at * 1000) // step_ms + 1) * step_ms << _SPAN_BITS
        for first in range(0, len(self._times), most):
            place = bisect_left(self._times, later, first, first + most)
            gone = first + most - place
            values = self._values[2 * first : 2 * place] or self._values[2 * first : 2 * first + 2]
            self._times[first : first + most] = array("Q", [0] * gone) + self._times[first:place]
            self._values[2 * first : 2 * (first + most)] = values[:1] * (2 * most - len(values)) + values
        self._bound()


def _hundredths(value: float) -> int:
    return min(max(round(value * 100) + _BELOW_0, 0), _HUNDREDTHS_MAX)


def _value_of(hundredths: int) -> float:
    return (hundredths - _BELOW_0) / 100


def _packed(first_ms: int, last_ms: int) -> int:
    return first_ms << _SPAN_BITS | last_ms - first_ms


def _span_of(packed: int) -> tuple[int, int]:
    """The first and the last time of a step, in milliseconds."""
    first = packed >> _SPAN_BITS
    return first, first + (packed & (1 << _SPAN_BITS) - 1)


class Fix(NamedTuple):
    """One position. Latitude and longitude in degrees (WGS 84), accuracy in metres, speed in m/s; NaN = not said."""

    at: float
    latitude: float
    longitude: float
    accuracy_m: float
    speed_m_s: float


class Fixes:
    """The newest positions of one locator, each put together from the readings of its time."""

    __slots__ = ("_ats", "_parts")

    def __init__(self) -> None:
        self._ats = array("d")
        self._parts = array("d")

    def add(self, kind: str, at: float, value: float) -> None:
        """Takes one reading of a position. Of two for one time the greater stands, whichever came first."""
        at = round(at, 3)
        width = len(POSITION_KINDS)
        place = bisect_left(self._ats, at)
        if place == len(self._ats) or self._ats[place] != at:
            self._ats.insert(place, at)
            self._parts[width * place : width * place] = array("d", (math.nan,) * width)
        slot = width * place + POSITION_KINDS.index(kind)
        before = self._parts[slot]
        self._parts[slot] = value if math.isnan(before) else max(before, value)
        if len(self._ats) > FIXES_MAX:
            del self._ats[0], self._parts[:width]

    def complete(self) -> list[Fix]:
        """The positions of which latitude and longitude are known, oldest first."""
        width = len(POSITION_KINDS)
        found = [Fix(at, *self._parts[width * place : width * (place + 1)]) for place, at in enumerate(self._ats)]
        return [fix for fix in found if not math.isnan(fix.latitude) and not math.isnan(fix.longitude)]

    def drop_after(self, at: float) -> None:
        """Lets go of what is later."""
        place = bisect_left(self._ats, at)
        del self._ats[place:], self._parts[len(POSITION_KINDS) * place :]


class Doses:
    """The newest words of one dispenser, by time, each once."""

    __slots__ = ("_words",)

    def __init__(self) -> None:
        self._words: list[tuple[float, float]] = []

    def add(self, at: float, word: float) -> None:
        """Takes a word, by its place in the vocabulary."""
        entry = (round(at, 3), word)
        place = bisect_left(self._words, entry)
        if place == len(self._words) or self._words[place] != entry:
            self._words.insert(place, entry)
        del self._words[:-DOSES_MAX]

    def words(self) -> list[tuple[float, float]]:
        """All that are kept as (at, word), oldest first."""
        return self._words

    def drop_after(self, at: float) -> None:
        """Lets go of what is later."""
        del self._words[bisect_left(self._words, (at, 0.0)) :]


class Measured:
    """What was measured in one home.

    Attributes:
        series: kind -> the newest values of its devices; fixes: locator -> positions; doses: dispenser -> words.
    """

    __slots__ = ("doses", "fixes", "series")

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.fixes: dict[str, Fixes] = {}
        self.doses: dict[str, Doses] = {}

    def take(self, device: str, kind: str, at: float, value: Value) -> None:
        """Notes a reading of one of `MEASURED_KINDS`; words may come as their place in the vocabulary."""
        if kind == DOSE_KIND:
            doses = self.doses.get(device)
            if doses is None and len(self.doses) < CARRIED_MAX:
                doses = self.doses[device] = Doses()
            if doses is not None:
                doses.add(at, _WORDS[value] if isinstance(value, str) else float(value))
            return
        if kind in POSITION_KINDS:
            fixes = self.fixes.get(device)
            if fixes is None and len(self.fixes) < CARRIED_MAX:
                fixes = self.fixes[device] = Fixes()
            if fixes is not None:
                fixes.add(kind, at, float(value))
            return
        series = self.series.get(kind)
        if series is None or device not in series.devices:
            if sum(len(one.devices) for one in self.series.values()) >= SERIES_MAX:
                return
            if series is None:
                series = self.series[intern(kind)] = Series(intern(kind))
            series.watch(intern(device), float(value))
        series.add(device, at, float(value))

    def of_kind(self, kind: str) -> list[tuple[str, list[Step]]]:
        """Devices that measure this kind, in name order, with their steps."""
        series = self.series.get(kind)
        if series is None:
            return []
        found = [(device, series.steps(device)) for device in series.devices]
        return sorted(item for item in found if item[1])

    def drop_after(self, at: float) -> None:
        """Lets go of what bears a later time: the clock was set back."""
        kept: Iterator[Series | Fixes | Doses]
        kept = chain(self.series.values(), self.fixes.values(), self.doses.values())
        for one in kept:
            one.drop_after(at)
