"""Slow drift on recorded homes: notes on the unchanged record, and how soon injected changes are noted.

The days are summed up by the code that runs in the receiver, from the recordings' events; a change multiplies a
measure from a random day on, and what is noted then and was not noted without it has found the change.
`LLAR_DATA` says where the recordings are; without them nothing is measured, and that is said.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from math import floor
from statistics import median
from typing import Final, NamedTuple

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.recorded_homes import ROOMS, Recording, load_all, names
from central.detection.day_summary import MISSING, NAMES, Measure, Summaries
from central.detection.drift import WATCHED, review
from central.detection.learning import learn
from central.detection.profile import DeviceAtHome, Limits
from central.detection.timeline import Timeline
from devices.vocabulary import Reading

LEAST_DAYS: Final = 120
"""Notes compare with one's own last 70 days."""
DAY_S: Final = 86_400
FOUND_WITHIN: Final = 60
"""Days in which an injected change counts as found."""
FIRST_CHANGE: Final = 90
CHANGES: Final = (
    (0.5, "halved"),
    (0.7, "less by 30 %"),
    (1.3, "more by 30 %"),
    (1.5, "more by half"),
    (2.0, "doubled"),
)
WISHED_DAYS: Final = 180
_ENDS_AT: Final = {Measure.ACTIVE: 192, Measure.NIGHT_QUIET: 144, Measure.HOURS_OUT: 240}
_COUNTED: Final = frozenset({Measure.NIGHT_BATHROOM, Measure.OUTINGS})

Days = list[tuple[int, bytes]]
Said = set[tuple[int, int, bool]]
"""Day, measure, more or less."""


class Found(NamedTuple):
    """Share of injected changes that were noted, and after how many days (median; 0 where none was)."""

    share: float
    days: float


def run(scale: Scale) -> Outcome:
    """All recordings that are there and long enough."""
    outcome = Outcome(title="slow drift on recorded homes")
    for recording in load_all(outcome, names()):
        if recording.seen_days < LEAST_DAYS:
            outcome.skipped.append(f"{recording.name}: {recording.seen_days} days are too few to note a slow change in")
        else:
            _report(recording, outcome, scale.choose(24, 6))
    if not outcome.tables:
        return outcome
    outcome.notes += [
        "Notes of all measures and both directions together; reviewed once a week, by the person's own past only.",
        f"A change begins on a random day and is found when it is noted within {FOUND_WITHIN} days.",
        "Constants were picked on hh101 and hh102: expect less elsewhere. Hourly data hide most outings.",
    ]
    return outcome


def _report(recording: Recording, outcome: Outcome, times: int) -> None:
    days = daily(recording)
    said = noted(days)
    known = sum(row[Measure.ACTIVE] != MISSING for _, row in days)
    rate = len(said) * WISHED_DAYS / known
    told = ", ".join(f"{NAMES[Measure(place)]} {'more' if more else 'less'}" for _, place, more in sorted(said))
    unchanged: dict[str, Figure | str] = {
        "known days": Figure([known]),
        "notes / 180 d": Figure([rate]),
        "which": told or "none",
    }
    outcome.tables.append(
        Table(f"{recording.name}, unchanged", ["known days", "notes / 180 d", "which"], [Row("this", unchanged)])
    )
    outcome.targets.append(Target(f"{recording.name} notes in 180 unchanged days", 1.0, rate))
    if len(days) <= FIRST_CHANGE + FOUND_WITHIN:
        outcome.skipped.append(f"{recording.name}: {len(days)} days are too few to inject changes into")
        return
    rows = []
    for measure in WATCHED:
        values = [row[measure] for _, row in days if row[measure] != MISSING]
        if not values or median(values) < 1:
            continue
        cells: dict[str, Figure | str] = {}
        for factor, name in CHANGES:
            found = _injected(days, said, measure, factor, times)
            cells[name] = f"{found.share:.0%}, {found.days:.0f} d" if found.share else "none"
        rows.append(Row(NAMES[measure], cells))
    caption = f"{recording.name}: found within {FOUND_WITHIN} days, median delay; {times} injected changes each"
    outcome.tables.append(Table(caption, [name for _, name in CHANGES], rows))


def daily(recording: Recording) -> Days:
    """The summaries of a recording's days, made as the receiver makes them."""
    limits = Limits(devices={room: DeviceAtHome(room, room, DAY_S) for room in ROOMS}, entry_doors=("door",))
    timeline, days = Timeline(), dict[int, bytes]()
    events: dict[int, list[Reading]] = defaultdict(list)
    for at, room in recording.events:
        events[int((at - recording.begin_at) // DAY_S)].append(Reading(room, "motion", True, at))
    for number in range(max(events) + 1):
        begin = recording.begin_at + number * DAY_S
        for hour in range(24):
            step = int((begin + hour * 3600 - recording.begin_at) // recording.step_s)
            if step < len(recording.outage) and not recording.outage[step]:
                timeline.activity.hear(begin + hour * 3600)
        timeline.take(events.get(number, []), begin + DAY_S)
        strong_at = timeline.activity.strong_at(limits.room_of, limits.entry_doors, begin + DAY_S)
        if strong_at is not None:
            learn(timeline.habits, timeline.activity, limits, strong_at)
        days.update(_rows(timeline.habits.summaries))
    return sorted(days.items())


def _rows(summaries: Summaries) -> Days:
    rows, width = summaries.kept(), len(Measure)
    count = len(rows) // width
    return [
        (summaries.last_day - count + 1 + place, rows[place * width : (place + 1) * width]) for place in range(count)
    ]


def noted(days: Days) -> Said:
    """What is noted of these days, reviewed week by week."""
    summaries, said = Summaries(), set()
    for ordinal, row in days:
        summaries.add(ordinal, row)
        review(summaries, ordinal)
        said |= {(note.day, note.measure, note.after > note.before) for note in summaries.notes}
    return said


def _injected(days: Days, said: Said, measure: Measure, factor: float, times: int) -> Found:
    dice = random.Random(3)
    delays = []
    for _ in range(times):
        first = dice.randrange(FIRST_CHANGE, len(days) - FOUND_WITHIN)
        changed = days[max(0, first - 130) : first]
        changed += [(day, _multiplied(row, measure, factor, dice)) for day, row in days[first : first + FOUND_WITHIN]]
        news = [
            day - days[first][0] + 1
            for day, place, more in noted(changed)
            if place == measure and more == (factor > 1) and day >= days[first][0] and (day, place, more) not in said
        ]
        if news:
            delays.append(min(news))
    return Found(len(delays) / times, median(delays) if delays else 0.0)


def _multiplied(row: Sequence[int], measure: Measure, factor: float, dice: random.Random) -> bytes:
    changed = list(row)
    if changed[measure] != MISSING:
        value = changed[measure] * factor
        value = floor(value + dice.random()) if measure in _COUNTED else round(value)
        changed[measure] = min(value, _ENDS_AT.get(measure, MISSING - 1))
    return bytes(changed)
