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
    """The newest steps of one device and kind; times to the millisecond, values to single precision."""

    __slots__ = ("_kind", "_times", "_values")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        # of each step the first time, and how much later the last is
        self._times = array("Q")
        self._values = array("f")

    def add(self, at: float, value: float) -> None:
        """Takes a value into its step."""
        step_ms, most = _STEPS[self._kind]
        at_ms = round(at * 1000)
        begin = at_ms // step_ms * step_ms
        times, values = self._times, self._values
        place = bisect_left(times, begin << _SPAN_BITS)
        pair = 2 * place
        if place < len(times) and times[place] >> _SPAN_BITS < begin + step_ms:
            first, last = _span_of(times[place])
            times[place] = _packed(min(first, at_ms), max(last, at_ms))
            values[pair], values[pair + 1] = min(values[pair], value), max(values[pair + 1], value)
            return
        times.insert(place, _packed(at_ms, at_ms))
        values[pair:pair] = array("f", (value, value))
        if len(times) > most:
            del times[0], values[:2]

    def steps(self) -> list[Step]:
        """All steps that are kept, oldest first."""
        values = self._values
        spans = map(_span_of, self._times)
        return [
            # single precision says 36.6 as 36.599998
            Step(first / 1000, last / 1000, round(values[2 * place], 2), round(values[2 * place + 1], 2))
            for place, (first, last) in enumerate(spans)
        ]

    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that is kept, to single precision; quick."""
        return min(self._values, default=math.nan), max(self._values, default=math.nan)

    def drop_after(self, at: float) -> None:
        """Lets go of what is later."""
        step_ms = _STEPS[self._kind][0]
        place = bisect_left(self._times, (int(at * 1000) // step_ms + 1) * step_ms << _SPAN_BITS)
        del self._times[place:], self._values[2 * place :]


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
        series: kind -> device -> its newest values; fixes: locator -> positions; doses: dispenser -> words.
    """

    __slots__ = ("doses", "fixes", "series")

    def __init__(self) -> None:
        self.series: dict[str, dict[str, Series]] = {}
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
        of_kind = self.series.setdefault(kind, {})
        series = of_kind.get(device)
        if series is None and sum(map(len, self.series.values())) < SERIES_MAX:
            series = of_kind[intern(device)] = Series(intern(kind))
        if series is not None:
            series.add(at, float(value))

    def of_kind(self, kind: str) -> list[tuple[str, list[Step]]]:
        """Devices that measure this kind, in name order, with their steps."""
        found = [(device, series.steps()) for device, series in self.series.get(kind, {}).items()]
        return sorted(item for item in found if item[1])

    def drop_after(self, at: float) -> None:
        """Lets go of what bears a later time: the clock was set back."""
        series = (one for of_kind in self.series.values() for one in of_kind.values())
        kept: Iterator[Series | Fixes | Doses] = chain(series, self.fixes.values(), self.doses.values())
        for one in kept:
            one.drop_after(at)
