"""Slow changes are noted with numbers, weeks are told by consent, and neither is ever an alarm."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise

import msgspec
import pytest

from central.detection.day_summary import DAYS_MAX, MISSING, NAMES, Measure, Note, Summaries
from central.detection.drift import AGAIN_AFTER_DAYS, CareNote, care_note, review
from central.detection.habits import Habits, Kept
from central.detection.profile import Limits
from central.detection.routine import weeks_of
from central.detection.stays import is_bathroom

MONDAY = date(2026, 3, 2).toordinal()
UTC = Limits(timezone="UTC")


def row(**values: int) -> bytes:
    given = {Measure[name.upper()]: value for name, value in values.items()}
    return bytes(given.get(measure, MISSING) for measure in Measure)


def nights(dice: random.Random, mean: float) -> int:
    """Visits of one night: seven chances."""
    return sum(dice.random() < mean / 7 for _ in range(7))


def year(seed: int, days: int, *, change_day: int = 10_000, mean: float = 1.1, after: float = 2.4) -> Summaries:
    dice, summaries = random.Random(seed), Summaries()
    for day in range(days):
        visits = nights(dice, after if day >= change_day else mean)
        active = min(190, max(0, round(dice.gauss(100, 15))))
        summaries.add(MONDAY + day, row(night_bathroom=visits, active=active))
        review(summaries, MONDAY + day)
    return summaries


def test_twice_as_many_nights_up_are_noted_within_weeks_with_the_numbers() -> None:
    delays = []
    for seed in range(10):
        notes = year(seed, 150, change_day=100).notes
        assert len(notes) == 1, seed
        (note,) = notes
        assert Measure(note.measure) is Measure.NIGHT_BATHROOM
        assert 0.6 < note.before < 1.6
        assert 1.6 < note.after < 3.4
        assert 2 <= note.weeks <= 7
        assert date.fromordinal(note.day).weekday() == 6
        delays.append(note.day - MONDAY - 99)
    assert min(delays) >= 7, "one week is no change"
    assert sorted(delays)[7] <= 30


def test_an_unchanged_life_gives_at_most_a_note_in_180_days() -> None:
    assert sum(len(noted_of_all(seed, 360)) for seed in range(10)) <= 10 * 2


def noted_of_all(seed: int, days: int) -> set[Note]:
    dice, summaries, said = random.Random(seed), Summaries(), set[Note]()
    for day in range(days):
        summaries.add(MONDAY + day, row(night_bathroom=nights(dice, 1.5), active=min(190, round(dice.gauss(100, 15)))))
        review(summaries, MONDAY + day)
        said |= set(summaries.notes)
    return said


def test_a_week_that_was_strange_is_no_change() -> None:
    dice, summaries = random.Random(1), Summaries()
    for day in range(150):
        ill = 100 <= day < 107
        summaries.add(MONDAY + day, row(night_bathroom=nights(dice, 1.1) + (3 if ill else 0)))
        review(summaries, MONDAY + day)
    assert summaries.notes == ()


def test_an_absence_and_an_outage_are_no_change() -> None:
    dice, summaries = random.Random(2), Summaries()
    for day in range(170):
        if 100 <= day < 120:
            summaries.add(MONDAY + day, row())
        elif not 130 <= day < 150:  # days of which nobody ever learned
            summaries.add(MONDAY + day, row(night_bathroom=nights(dice, 1.1), active=100))
        review(summaries, MONDAY + day)
    assert summaries.notes == ()


def test_the_same_change_is_not_said_again_for_eight_weeks() -> None:
    days = [note.day for note in year(3, 250, change_day=100, after=3.5).notes]
    assert all(later - earlier >= AGAIN_AFTER_DAYS for earlier, later in pairwise(days))
    assert len(days) <= 2


def test_a_restart_on_any_day_gives_the_same_notes() -> None:
    whole = year(4, 140, change_day=100)
    dice, habits = random.Random(4), Habits()
    for day in range(140):
        visits = nights(dice, 2.4 if day >= 100 else 1.1)
        active = min(190, max(0, round(dice.gauss(100, 15))))
        for _ in range(1 + day % 2):  # some days are learned twice
            habits.summaries.add(MONDAY + day, row(night_bathroom=visits, active=active))
            review(habits.summaries, MONDAY + day)
        habits = Habits.of(msgspec.msgpack.decode(msgspec.msgpack.encode(habits.kept()), type=Kept))
    assert habits.summaries.notes == whole.notes
    assert len(whole.notes) == 1
    assert len(msgspec.msgpack.encode(habits.kept())) < 3_000
    assert len(habits.summaries.kept()) <= DAYS_MAX * len(Measure)


def test_a_note_names_its_home_measure_direction_and_day_for_ever() -> None:
    note = Note(MONDAY + 6, Measure.HOURS_OUT, 2.04, 0.9, 3)
    said = care_note("flat:1", note)
    assert said == CareNote("flat:1:drift:hours_out:less:2026-03-08", "flat:1", "2026-03-08", "hours_out", 2.04, 0.9, 3)
    assert set(NAMES.values()) >= {"active", "night_quiet", "night_bathroom", "hours_out", "outings"}


@pytest.mark.parametrize("room", ["bathroom", "Bany", "baño de arriba", "WC", "aseo", "lavabo petit"])
def test_a_bathroom_is_known_by_its_name(room: str) -> None:
    assert is_bathroom(room)


@pytest.mark.parametrize("room", ["bedroom", "kitchen", "habitació", "salón", ""])
def test_other_rooms_are_none(room: str) -> None:
    assert not is_bathroom(room)


def test_weeks_are_told_only_with_consent_and_only_those_that_began_after_it() -> None:
    summaries = Summaries()
    for day in range(24):
        summaries.add(MONDAY + day, row(outings=day % 2, hours_out=5 * (day % 2), visits=1 if day % 7 == 3 else 0))
    assert weeks_of("flat-1", summaries, UTC) == []
    agreed = (MONDAY + 5 - date(1970, 1, 1).toordinal()) * 86_400.0
    weeks = weeks_of("flat-1", summaries, msgspec.structs.replace(UTC, routine_since_at=agreed))
    assert [(week.week, week.days, week.outings, week.days_in, week.visits) for week in weeks] == [
        ("2026-03-09", 7, 4, 3, 1),
        ("2026-03-16", 7, 3, 4, 1),
    ]
