"""What was measured in a home and is judged: body, rooms, doses, positions. Bounded, the same in any order of arrival.

Numbers are taken together in steps of time, of which the lowest and highest value are kept: a belt that speaks each
second then needs no more room than a scale. A home without such sensors keeps three empty tables.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from devices.vocabulary import KINDS, Value

_STEPS: Final[dict[str, tuple[float, int]]] = {
    "temperature": (600.0, 24),
    "heart_rate": (60.0, 30),
    "spo2": (60.0, 30),
    "systolic": (300.0, 8),
    "diastolic": (300.0, 8),
    "body_temperature": (300.0, 8),
    "weight": (300.0, 24),
}
"""Kind -> length of a step in seconds, and steps kept: four hours of a room, half an hour of a belt, the last
measurements of a cuff, a week of a scale that is used thrice a day."""
POSITION_KINDS: Final = ("latitude", "longitude", "position_accuracy", "speed")
DOSE_KIND: Final = "dose"
MEASURED_KINDS: Final = frozenset({*_STEPS, *POSITION_KINDS, DOSE_KIND})
BODY_KINDS: Final = ("body_temperature", "diastolic", "heart_rate", "spo2", "systolic", "weight")
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
    """The newest steps of one device and kind."""

    __slots__ = ("_most", "_numbers", "_step_s", "_times", "_values")

    def __init__(self, kind: str) -> None:
        self._step_s, self._most = _STEPS[kind]
        self._numbers = array("I")
        self._times = array("d")
        self._values = array("f")

    def add(self, at: float, value: float) -> None:
        """Takes a value into its step."""
        number = int(at // self._step_s)
        numbers, times, values = self._numbers, self._times, self._values
        place = len(numbers) - 1 if numbers and numbers[-1] == number else bisect_left(numbers, number)
        pair = 2 * place
        if place < len(numbers) and numbers[place] == number:
            times[pair], times[pair + 1] = min(times[pair], at), max(times[pair + 1], at)
            values[pair], values[pair + 1] = min(values[pair], value), max(values[pair + 1], value)
            return
        numbers.insert(place, number)
        times[pair:pair] = array("d", (at, at))
        values[pair:pair] = array("f", (value, value))
        if len(numbers) > self._most:
            del numbers[0], times[:2], values[:2]

    def steps(self) -> list[Step]:
        """All steps that are kept, oldest first."""
        times, values = self._times, self._values
        return [
            # single precision says 36.6 as 36.599998
            Step(times[pair], times[pair + 1], round(values[pair], 2), round(values[pair + 1], 2))
            for pair in range(0, len(times), 2)
        ]

    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value that is kept, to single precision; quick."""
        return min(self._values, default=math.nan), max(self._values, default=math.nan)

    def drop_after(self, at: float) -> None:
        """Lets go of what is later."""
        place = bisect_left(self._numbers, int(at // self._step_s) + 1)
        del self._numbers[place:], self._times[2 * place :], self._values[2 * place :]


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
        series: (device, kind) -> its newest values; fixes: locator -> positions; doses: dispenser -> words.
    """

    __slots__ = ("doses", "fixes", "series")

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], Series] = {}
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
        series = self.series.get((device, kind))
        if series is None and len(self.series) < SERIES_MAX:
            series = self.series[device, kind] = Series(kind)
        if series is not None:
            series.add(at, float(value))

    def of_kind(self, kind: str) -> list[tuple[str, list[Step]]]:
        """Devices that measure this kind, in name order, with their steps."""
        found = [(device, series.steps()) for (device, its), series in self.series.items() if its == kind]
        return sorted(item for item in found if item[1])

    def drop_after(self, at: float) -> None:
        """Lets go of what bears a later time: the clock was set back."""
        kept: Iterator[Series | Fixes | Doses] = iter(
            [*self.series.values(), *self.fixes.values(), *self.doses.values()]
        )
        for one in kept:
            one.drop_after(at)
