"""A day of a home in six small numbers: what slow changes and weeks are told from.

One byte each; a number that cannot be known for a day (the home was not heard, somebody was away for longer than
usual, or there is no such sensor) is missing. A night belongs to the morning that ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from central.detection.activity import STEP_S, Act, Activity
from central.detection.profile import Limits
from central.detection.stays import bathroom_devices

MISSING: Final = 255
DAYS_MAX: Final = 120
"""Days kept of a home, 840 bytes."""
OUT_LEAST_S: Final = 1_200.0
"""A shorter silence between two uses of the door is no outing: somebody may have taken in a parcel and sat down."""
VISIT_S: Final = (1_200.0, 5 * 3_600.0)
"""A visit lasts as long as this, from door to door."""
VISIT_PAUSE_S: Final = 900.0
"""Within a visit, somebody is seen at least so often."""
VISIT_TOGETHER: Final = 0.3
"""In so many of its steps two rooms are seen at once: one person alone gives fewer."""
BED_HOURS: Final = (time(21), time(9))
NIGHT: Final = (time(23), time(7))
DAY: Final = (time(7), time(23))
_TENTHS: Final = 360
"""Hours out are kept in tenths."""


class Measure(IntEnum):
    """What is counted of a day; the place in its row."""

    ACTIVE = 0
    NIGHT_QUIET = 1
    NIGHT_BATHROOM = 2
    HOURS_OUT = 3
    OUTINGS = 4
    VISITS = 5


PER_UNIT: Final = {Measure.ACTIVE: 3600 // STEP_S, Measure.NIGHT_QUIET: 3600 // STEP_S, Measure.HOURS_OUT: 10}
"""By how much the kept number is divided to give hours; the others are counts."""
NAMES: Final = {measure: measure.name.lower() for measure in Measure}


class Span(NamedTuple):
    """From and until, Unix seconds."""

    begin: float
    end: float


class Day(NamedTuple):
    """What a day is told from.

    Attributes:
        ordinal: the local day.
        acts: of that day and the one before, oldest first.
        strange: times that were no ordinary life, from and until.
    """

    ordinal: int
    acts: Sequence[Act]
    strange: Sequence[tuple[float, float]]


def summary_of(day: Day, activity: Activity, limits: Limits, *, visits: bool) -> bytes:
    """The row of a day, in the order of `Measure`. Visits are guessed only where that was asked for."""
    zone = limits.zone()
    row = [MISSING] * len(Measure)
    today = _span(day.ordinal, (time(), time()), zone)
    if _known(_span(day.ordinal, DAY, zone), day, activity):
        row[Measure.ACTIVE] = _active_steps(day.acts, _span(day.ordinal, DAY, zone))
    in_bed = _span(day.ordinal, BED_HOURS, zone)
    if _known(in_bed, day, activity):
        steps = int((in_bed.end - in_bed.begin) // STEP_S)
        row[Measure.NIGHT_QUIET] = max(0, steps - _active_steps(day.acts, in_bed))
    bathrooms = bathroom_devices(limits)
    night = _span(day.ordinal, NIGHT, zone)
    if bathrooms and _known(night, day, activity):
        seen = {step for step, devices in activity.seen(night.begin, night.end).items() if devices & bathrooms}
        row[Measure.NIGHT_BATHROOM] = sum(step - 1 not in seen for step in seen)
    if set(activity.devices) & set(limits.entry_doors) and _known(today, day, activity):
        out = [span for span in outings(day.acts) if span.begin < today.end and span.end > today.begin]
        out_s = sum(min(span.end, today.end) - max(span.begin, today.begin) for span in out)
        row[Measure.HOURS_OUT] = round(out_s / _TENTHS)
        row[Measure.OUTINGS] = sum(span.begin >= today.begin for span in out)
        if visits:
            row[Measure.VISITS] = len(_visits(day.acts, today, _together(activity, limits, today)))
    return bytes(min(number, MISSING - 1) if number != MISSING else MISSING for number in row)


def _span(ordinal: int, clock: tuple[time, time], zone: ZoneInfo) -> Span:
    """From the first time of day, the evening before where it is later than the second, to the second."""
    today = date.fromordinal(ordinal)
    first, last = clock
    begin_day = today - timedelta(days=1) if first > last else today
    end_day = today + timedelta(days=1) if first == last else today
    return Span(datetime.combine(begin_day, first, zone).timestamp(), datetime.combine(end_day, last, zone).timestamp())


def _known(span: Span, day: Day, activity: Activity) -> bool:
    if any(since < span.end and span.begin < until for since, until in day.strange):
        return False
    return activity.heard_throughout(span.begin, span.end)


def _active_steps(acts: Sequence[Act], span: Span) -> int:
    return len({int(act.at // STEP_S) for act in acts if span.begin <= act.at < span.end})


def outings(acts: Sequence[Act]) -> list[Span]:
    """The times out: silences that an entry door begins and ends."""
    found = []
    for place, (before, after) in enumerate(pairwise(acts)):
        if after.first_at - before.at < OUT_LEAST_S or not before.door:
            continue
        then = acts[place + 2] if place + 2 < len(acts) else after
        if after.door or (then.door and then.first_at - after.at <= STEP_S):
            found.append(Span(before.at, after.first_at))
    return found


def _together(activity: Activity, limits: Limits, today: Span) -> set[int]:
    """Steps in which two rooms saw somebody."""
    rooms = {
        step: {limits.room_of(device) for device in devices if device not in limits.entry_doors}
        for step, devices in activity.seen(today.begin, today.end + VISIT_S[1]).items()
    }
    return {step for step, names in rooms.items() if len(names) > 1}


def _visits(acts: Sequence[Act], today: Span, together: set[int]) -> list[Span]:
    """From a door to a later one: somebody in before, lively between, rooms seen at once. Perhaps a visit."""
    found: list[Span] = []
    shortest_s, longest_s = VISIT_S
    doors = [place for place, act in enumerate(acts) if act.door]
    for place in doors:
        came = acts[place]
        was_in = place > 0 and not acts[place - 1].door and came.first_at - acts[place - 1].at <= VISIT_PAUSE_S
        if not was_in or not today.begin <= came.at < today.end or (found and came.at <= found[-1].end):
            continue
        for later in doors:
            lasted_s = acts[later].at - came.at
            if later <= place or lasted_s < shortest_s:
                continue
            if lasted_s > longest_s or not _lively(acts[place : later + 1]):
                break
            steps = range(int(came.at // STEP_S) + 1, int(acts[later].at // STEP_S))
            if sum(step in together for step in steps) >= VISIT_TOGETHER * len(steps):
                found.append(Span(came.at, acts[later].at))
                break
    return found


def _lively(acts: Sequence[Act]) -> bool:
    return all(after.first_at - before.at <= VISIT_PAUSE_S for before, after in pairwise(acts))


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A slow change that was found on a day (ordinal): means of `measure` before and after, for how many weeks."""

    day: int
    measure: int
    before: float
    after: float
    weeks: int


class Summaries:
    """The last days of a home, a row each, and what was noted of them.

    Attributes:
        last_day: ordinal of the newest day, 0 = none.
        notes: slow changes of the days that are kept, oldest first.
    """

    __slots__ = ("_rows", "last_day", "notes")

    def __init__(self, last_day: int = 0, rows: bytes = b"", notes: Sequence[Note] = ()) -> None:
        self.last_day = last_day
        self.notes = tuple(notes)
        self._rows = rows

    def note(self, note: Note) -> None:
        """Keeps a note as long as the days that it speaks of."""
        self.notes = (*(said for said in self.notes if note.day - said.day < DAYS_MAX), note)

    def add(self, ordinal: int, row: bytes) -> None:
        """Appends a day; days between that nobody summed up are missing. One that is known already stays."""
        if ordinal <= self.last_day:
            return
        gap = min(ordinal - self.last_day - 1, DAYS_MAX) if self.last_day else 0
        rows = self._rows + bytes([MISSING]) * (gap * len(Measure)) + row
        self._rows = rows[-DAYS_MAX * len(Measure) :]
        self.last_day = ordinal

    def values(self, measure: Measure, days: int, until: int = 0) -> list[float | None]:
        """The values of the `days` days up to and with `until` (the last one), oldest first; hours or counts."""
        last = until or self.last_day
        return [self.value(measure, ordinal) for ordinal in range(last - days + 1, last + 1)]

    def value(self, measure: Measure, ordinal: int) -> float | None:
        """The value of a day; None where it is missing."""
        place = len(self._rows) // len(Measure) - 1 - (self.last_day - ordinal)
        if place < 0 or ordinal > self.last_day:
            return None
        number = self._rows[place * len(Measure) + measure]
        return None if number == MISSING else number / PER_UNIT.get(measure, 1)

    def kept(self) -> bytes:
        """The rows, for the store."""
        return self._rows
