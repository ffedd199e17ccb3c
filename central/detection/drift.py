"""Slow changes in how somebody lives, looked for once a week: a note with numbers to the care team, never an alarm.

Each day is compared with the person's own days two to ten weeks before it. What it departs from them adds up day by day
(a CUSUM, both ways); a note is made when the sum is high, both of the last two weeks show it, and the change is
large enough to be worth a person's time. Days that are missing (absence, outage, a confirmed event) add nothing, and
with too many of them nothing is said. Of one measure and direction nothing is said again for eight weeks: by then the
change is the person's own past.

Method: one-sided CUSUM on standardised daily counts; constants were picked on recorded homes
(`docs/model-cards/drift.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import ceil, sqrt
from typing import Annotated, Final, NamedTuple

import msgspec

from central.detection.day_summary import NAMES, Measure, Note, Summaries

WATCHED: Final = (Measure.ACTIVE, Measure.NIGHT_QUIET, Measure.NIGHT_BATHROOM, Measure.HOURS_OUT, Measure.OUTINGS)
BASE_FROM_DAYS: Final = 70
BASE_TO_DAYS: Final = 14
"""A day is compared with those so long before it: the change itself must not hide in what it is compared with."""
BASE_LEAST: Final = 28
SUMMED_DAYS: Final = 50
"""Days over which departures add up; with the base before them, all that is kept."""
SLACK: Final = 0.35
"""Departures below so many standard deviations are ordinary."""
HIGH: Final = 8.0
DEPARTURE_MAX: Final = 3.0
"""One mad day counts no more than this."""
SPREAD_LEAST: Final = (0.15, 0.3)
"""Variance is taken to be at least this share of the mean plus this: a count that was always 1 is no certainty."""
LASTING_DAYS: Final = 14
KNOWN_SHARE: Final = 0.6
EACH_WEEK: Final = 0.1
STRANGEST: Final = 2
"""Each of the last weeks shows at least this share of the change, without its strangest days: one bad week is none,
though it touches two."""
CHANGE_LEAST: Final = 0.2
"""Smaller changes than this share are nobody's business."""
AGAIN_AFTER_DAYS: Final = 56
_SUNDAY: Final = 6


class CareNote(msgspec.Struct, frozen=True):
    """A slow change, as it is told the desk.

    Attributes:
        key: `home:drift:measure:more or less:day`, unique for ever.
        day: the last day looked at, ISO date.
        measure: what changed; `before` and `after` are means of a day (or night): hours or counts.
        weeks: for how long it seems to have been so.
    """

    key: Annotated[str, msgspec.Meta(max_length=120)]
    home: Annotated[str, msgspec.Meta(max_length=32)]
    day: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    measure: Annotated[str, msgspec.Meta(max_length=24)]
    before: Annotated[float, msgspec.Meta(ge=0, le=255)]
    after: Annotated[float, msgspec.Meta(ge=0, le=255)]
    weeks: Annotated[int, msgspec.Meta(ge=1, le=52)]


class _Sum(NamedTuple):
    """How far departures have added up, and since which place of the days."""

    height: float
    since: int


def care_note(home: str, note: Note) -> CareNote:
    """A note as it is told the desk."""
    day, measure = date.fromordinal(note.day).isoformat(), NAMES[Measure(note.measure)]
    way = "more" if note.after > note.before else "less"
    key = f"{home}:drift:{measure}:{way}:{day}"
    return CareNote(key, home, day, measure, round(note.before, 2), round(note.after, 2), note.weeks)


def review(summaries: Summaries, ordinal: int) -> None:
    """Looks at a week that ends with this local day, if one does, and adds what is to be noted."""
    if date.fromordinal(ordinal).weekday() != _SUNDAY:
        return
    for measure in WATCHED:
        values = summaries.values(measure, SUMMED_DAYS + BASE_FROM_DAYS, ordinal)
        departures = _departures(values)
        for more in (True, False):
            note = _change(values, _summed(departures, 1.0 if more else -1.0), measure, ordinal, more=more)
            if note is not None and not _said_before(summaries.notes, note):
                summaries.note(note)


def _said_before(notes: Sequence[Note], note: Note) -> bool:
    return any(
        said.measure == note.measure
        and (said.after > said.before) == (note.after > note.before)
        and note.day - said.day < AGAIN_AFTER_DAYS
        for said in notes
    )


def _change(values: Sequence[float | None], summed: _Sum, measure: Measure, ordinal: int, *, more: bool) -> Note | None:
    lately = _known(values[-LASTING_DAYS:])
    if summed.height <= HIGH or len(lately) < KNOWN_SHARE * LASTING_DAYS:
        return None
    since = min(summed.since, len(values) - LASTING_DAYS)
    base = _known(values[max(0, since - BASE_FROM_DAYS) : since])
    after = _known(values[since:])
    if len(base) < BASE_LEAST:
        return None
    before, now = _mean(base), _mean(after)
    weeks = [_known(values[-7:]), _known(values[-LASTING_DAYS:-7])]
    change = now - before
    lasting = (
        all(
            len(week) > STRANGEST and (_without_strangest(week, more=more) - before) / change >= EACH_WEEK
            for week in weeks
        )
        if change
        else False
    )
    if not lasting or abs(change) < CHANGE_LEAST * before or (change > 0) != more:
        return None
    return Note(ordinal, int(measure), before, now, ceil((len(values) - since) / 7))


def _departures(values: Sequence[float | None]) -> list[float | None]:
    """By how many standard deviations each day departs from the days before it; None where that is not known."""
    found: list[float | None] = [None] * BASE_FROM_DAYS
    for place in range(BASE_FROM_DAYS, len(values)):
        value = values[place]
        base = _known(values[place - BASE_FROM_DAYS : place - BASE_TO_DAYS])
        if value is None or len(base) < BASE_LEAST:
            found.append(None)
            continue
        mean = _mean(base)
        share, least = SPREAD_LEAST
        variance = sum((one - mean) ** 2 for one in base) / len(base) + share * (mean + least)
        found.append(max(-DEPARTURE_MAX, min(DEPARTURE_MAX, (value - mean) / sqrt(variance))))
    return found


def _summed(departures: Sequence[float | None], sign: float) -> _Sum:
    height, since = 0.0, len(departures)
    for place, departure in enumerate(departures):
        if departure is None:
            continue
        before = height
        height = max(0.0, height + sign * departure - SLACK)
        if height > 0.0 and before == 0.0:
            since = place
    return _Sum(height, since)


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _without_strangest(week: Sequence[float], *, more: bool) -> float:
    return _mean(sorted(week, reverse=more)[STRANGEST:])
