"""A simulated home can be developed against: whole, the same again, as its truth says, and changed by what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import mean
from zoneinfo import ZoneInfo

import pytest

from devices.vocabulary import KINDS, Reading, value_fault
from simulators import events
from simulators.events import Event
from simulators.faults import Air, SensorFault
from simulators.habits import Character, someone
from simulators.household import Household, household
from simulators.person import Doing, Room, company_of, day_of
from simulators.recording import Recording, simulated
from simulators.script import Script
from simulators.truth import Truth, What

MADRID = ZoneInfo("Europe/Madrid")
FIRST = date(2026, 3, 2)
HOUR, DAY = 3600.0, 86_400.0
ALONE = household(24, couple=False, pet=False)
"""Sensors of this home err rarely."""
POPULATION = [household(seed, couple=False, pet=False) for seed in range(1, 13)]


def at(day: int, hour: float = 0.0) -> float:
    """Unix time of a local hour, `day` days after the first."""
    return datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), MADRID).timestamp() + hour * HOUR


@cache
def lived(home: Household = ALONE, days: int = 12, event: Event | None = None) -> tuple[Recording, tuple[Reading, ...]]:
    recording = simulated(home, FIRST, days, events=[event] if event else [])
    return recording, tuple(recording.readings())


def acts(readings: Iterable[Reading], begin: float, end: float) -> list[Reading]:
    """What looks like somebody's doing: movement, and changes of door and bed."""
    told = [one for one in readings if one.kind in {"motion", "open", "presence"} and begin <= one.measured_at < end]
    return [one for one in told if one.kind == "open" or (one.kind == "motion") == (one.value is True)]


def happened(recording: Recording, what: What) -> Truth:
    (one,) = [truth for truth in recording.truth if truth.what is what]
    return one


def quiet(readings: Iterable[Reading], truth: Truth) -> int:
    """How many movements there were inside a span, but for its first and last minute."""
    seen = acts(readings, truth.begin_at + 60, truth.end_at - 60)
    return sum(one.kind == "motion" for one in seen)


# a life


@pytest.mark.parametrize("home", POPULATION, ids=lambda home: home.name)
def test_a_life_has_neither_gap_nor_overlap_and_its_readings_are_in_the_vocabulary(home: Household) -> None:
    recording, readings = lived(home, 9)
    stays = [stay for day in range(9) for stay in day_of(home.person, FIRST + timedelta(days=day))]
    assert all(before.end_at == after.begin_at for before, after in pairwise(stays))
    assert (stays[0].begin_at, stays[-1].end_at) == (recording.begin_at, recording.end_at)
    assert [one.measured_at for one in readings] == sorted(one.measured_at for one in readings)
    assert not [one for one in readings if value_fault(KINDS[one.kind], one.value)]
    assert {one.device for one in readings} <= {device.id for device in recording.devices}


def test_the_same_home_lives_the_same_days_however_often_it_is_played() -> None:
    again = simulated(household(24, couple=False, pet=False), FIRST, 5)
    assert list(again.heard()) == list(again.heard()) == list(simulated(ALONE, FIRST, 5).heard())
    assert list(simulated(household(5), FIRST, 1).readings()) != list(simulated(household(6), FIRST, 1).readings())


def test_a_day_is_the_same_wherever_a_recording_begins() -> None:
    later = simulated(ALONE, FIRST + timedelta(days=3), 1)
    whole = [one for one in lived()[1] if at(3) + HOUR <= one.measured_at < at(4)]
    assert [one for one in later.readings() if one.measured_at >= at(3) + HOUR] == whole


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_night_in_which_the_clocks_change_is_lived_once(day: date, hours: int) -> None:
    recording = simulated(ALONE, day, 1)
    assert recording.end_at - recording.begin_at == hours * HOUR
    assert max(one.measured_at for one in recording.readings() if one.kind == "battery") > recording.end_at - HOUR - 1


def test_characters_differ_in_what_marks_them() -> None:
    def outside(character: Character) -> float:
        stays = [
            stay
            for seed in range(6)
            for day in range(14)
            for stay in day_of(someone(seed, character=character), FIRST + timedelta(days=day))
        ]
        return sum(stay.end_at - stay.begin_at for stay in stays if stay.room is Room.OUT)

    assert outside(Character.HOUSEBOUND) < outside(Character.ORDINARY) / 3
    assert outside(Character.ORDINARY) < outside(Character.ACTIVE)
    early, late = someone(1, character=Character.EARLY), someone(1, character=Character.LATE)
    assert early.wakes < late.wakes - 120
    assert early.sleeps < late.sleeps - 120


def test_appointments_come_in_their_weekday() -> None:
    person = someone(3, character=Character.HOUSEBOUND)
    helped = {
        day % 7
        for day in range(28)
        for stay in company_of(person, FIRST + timedelta(days=day))
        if stay.doing is Doing.BUSY and stay.room is Room.BATHROOM
    }
    assert helped
    assert helped <= {errand.weekday for errand in person.weekly}


def test_a_second_person_and_a_pet_are_seen_besides() -> None:
    def movements(home: Household) -> int:
        return sum(one.kind == "motion" and one.value is True for one in simulated(home, FIRST, 6).readings())

    plain = household(4, couple=False, pet=False)
    assert movements(household(4, couple=True, pet=False)) > 1.2 * movements(plain)
    assert movements(household(4, couple=False, pet=True)) > movements(plain)


# the truth, and what sensors say of it


def test_sensors_agree_with_the_truth_of_ordinary_days() -> None:
    for home in POPULATION[:6]:
        recording, readings = lived(home, 9)
        strays = sum(device.strays for device in recording.devices)
        away = [truth for truth in recording.truth if truth.what is What.AWAY]
        hours = sum(truth.end_at - truth.begin_at for truth in away) / HOUR
        assert sum(quiet(readings, truth) for truth in away) <= strays * hours / 24 * 2 + 5
        beds = [one for one in readings if one.kind == "presence"]
        for truth in recording.truth:
            if truth.what is What.ASLEEP and truth.end_at - truth.begin_at > HOUR:
                middle = (truth.begin_at + truth.end_at) / 2
                assert [one.value for one in beds if one.measured_at <= middle][-1] is True


@pytest.mark.parametrize("make", [events.collapse, events.collapse_in_bed])
def test_after_a_collapse_there_is_silence_but_for_strays_until_help_comes(make: Callable[..., Event]) -> None:
    recording, readings = lived(event=make(at(5, 15), 20))
    truth = happened(recording, What.COLLAPSE if make is events.collapse else What.COLLAPSE_IN_BED)
    assert truth.end_at - truth.begin_at == 20 * HOUR
    assert at(5, 15) <= truth.begin_at < at(6, 15)
    assert quiet(readings, truth) <= 8
    beds = [one for one in acts(readings, truth.begin_at + 60, truth.end_at - 60) if one.kind == "presence"]
    assert {one.value for one in beds} <= {make is events.collapse_in_bed}
    assert [one for one in acts(readings, truth.end_at, truth.end_at + 600) if one.kind == "open"]
    assert len(acts(readings, truth.end_at, truth.end_at + HOUR)) > 5
    ordinary = lived()[1]
    assert len(acts(ordinary, truth.begin_at, truth.end_at)) > 50


def test_somebody_on_the_floor_may_crawl_and_knock() -> None:
    still, weak = (lived(event=events.collapse(at(5, 15), 20, stirs_per_hour=stirs)) for stirs in (0.0, 4.0))
    truth = happened(weak[0], What.COLLAPSE)
    assert quiet(weak[1], truth) > quiet(still[1], truth) + 20


def test_before_an_event_life_is_what_it_would_have_been() -> None:
    told = lived(event=events.collapse(at(5, 15), 20))
    begin = happened(told[0], What.COLLAPSE).begin_at
    before = [one for one in told[1] if one.measured_at < at(5)]
    assert before == [one for one in lived()[1] if one.measured_at < at(5)]
    assert begin > at(5)


def test_an_absence_is_empty_but_for_strays_and_ends_with_the_door() -> None:
    recording, readings = lived(event=events.absence(at(3, 10), 6))
    away = next(truth for truth in recording.truth if truth.what is What.ABSENCE)
    strays = sum(device.strays for device in recording.devices)
    told = acts(readings, away.begin_at + HOUR, away.end_at - 2 * HOUR)
    seen = [one for one in told if one.kind != "presence"]
    assert 0 < len(seen) < strays * 6 * 2 + 5
    assert {one.value for one in told if one.kind == "presence"} == {False}
    assert [one for one in acts(readings, away.end_at - 2 * HOUR, away.end_at) if one.kind == "open"]
    assert len(acts(readings, away.end_at, away.end_at + 6 * HOUR)) > 20


def test_who_lives_with_somebody_and_a_pet_are_away_with_them() -> None:
    recording, readings = lived(household(24, couple=True, pet=True), event=events.absence(at(3, 10), 6))
    strays = sum(device.strays for device in recording.devices)
    assert len([one for one in acts(readings, at(4), at(9)) if one.kind != "presence"]) < strays * 5 * 2 + 5


def test_at_night_somebody_wanders_or_leaves_or_does_not_come_back_to_bed() -> None:
    def night(event: Event, what: What) -> tuple[Truth, list[Reading]]:
        recording, readings = lived(event=event)
        truth = happened(recording, what)
        assert at(6, 1) <= truth.begin_at < at(6, 9)
        return truth, acts(readings, truth.begin_at, truth.end_at + 60)

    _, wandered = night(events.wandering(at(6, 1)), What.WANDERING)
    assert len({one.device for one in wandered if one.kind == "motion"}) >= 3
    assert not [one for one in wandered if one.kind == "open"]
    left, gone = night(events.night_exit(at(6, 1), 40), What.NIGHT_EXIT)
    assert [one.value for one in gone if one.kind == "open"] == [True, False, True, False]
    assert left.end_at - left.begin_at > 40 * 60
    up, sat = night(events.bed_not_back(at(6, 1), 3), What.BED_NOT_BACK)
    assert [one.value for one in sat if one.kind == "presence" and one.measured_at < up.end_at] == [False]
    assert up.end_at - up.begin_at == pytest.approx(3 * HOUR, abs=600)


def test_a_long_time_in_the_bathroom_is_spent_there() -> None:
    recording, readings = lived(event=events.long_bathroom(at(6, 9), 3))
    truth = happened(recording, What.LONG_BATHROOM)
    assert truth.where == "bathroom"
    strays = [one for one in acts(readings, truth.begin_at, truth.end_at) if one.device != "bathroom-motion"]
    assert len(strays) <= 3
    assert [one for one in acts(readings, truth.begin_at, truth.end_at) if one.device == "bathroom-motion"]


def test_an_illness_is_days_in_bed_with_more_bathroom_and_no_outings() -> None:
    recording, _ = lived(event=events.illness(at(5, 3), 4))
    well, _ = lived()

    def hours(told: Recording, *whats: What) -> float:
        spans = [one for one in told.truth if one.what in whats and at(5, 12) < one.begin_at < at(9)]
        return sum(one.end_at - one.begin_at for one in spans) / HOUR

    def visits(told: Recording) -> int:
        whats = (What.BATHROOM, What.NIGHT_BATHROOM)
        return sum(one.what in whats and at(5, 12) < one.begin_at < at(9) for one in told.truth)

    assert hours(recording, What.ASLEEP) > hours(well, What.ASLEEP) + 6
    assert hours(recording, What.AWAY) == 0 < hours(well, What.AWAY)
    assert visits(recording) > 1.3 * visits(well)


def test_without_heating_a_home_grows_cold() -> None:
    _, readings = lived(event=events.cold_home(at(5), 2))
    warmth = [one for one in readings if one.kind == "temperature" and isinstance(one.value, float)]
    assert min(float(one.value) for one in warmth if at(6, 12) < one.measured_at < at(7)) < 16
    assert min(float(one.value) for one in warmth if one.measured_at < at(5)) > 17


def test_doses_are_taken_but_for_those_that_are_forgotten() -> None:
    home = next(one for one in map(household, range(30)) if one.doses)
    recording, readings = lived(home, 12, events.forgotten_doses(at(5), 2))
    said = [one for one in readings if one.kind == "dose"]
    forgotten = [one.value for one in said if at(5) <= one.measured_at < at(7)]
    assert forgotten.count("missed") == 4
    assert [one.value for one in said].count("taken") >= 16
    assert [one.value for one in said].count("due") == 24
    assert happened(recording, What.DOSE_FORGOTTEN).begin_at == at(5)


def test_slow_changes_come_about_over_weeks() -> None:
    def weeks(event: Event | None, count: Callable[[Recording, float, float], float]) -> float:
        """The last three weeks of seven, of three people."""
        told = [simulated(home, FIRST, 49, events=[event] if event else []) for home in POPULATION[:3]]
        return mean(count(one, at(28), at(49)) for one in told)

    def movements(told: Recording, begin: float, end: float) -> float:
        return len(acts(told.readings(), begin, end))

    def night_visits(told: Recording, begin: float, end: float) -> float:
        return sum(one.what is What.NIGHT_BATHROOM and begin <= one.begin_at < end for one in told.truth)

    assert weeks(events.less_active(at(7), 0.5), movements) < 0.75 * weeks(None, movements)
    assert weeks(events.more_night_visits(at(7), 2.0), night_visits) > 1.5 * weeks(None, night_visits)


def test_an_event_for_which_the_moment_never_comes_does_not_happen() -> None:
    script = Script(ALONE.person, [events.absence(at(2, 10), 30), events.collapse(at(4), 5)], at(60))
    assert [truth.what for truth in script.truth] == [What.ABSENCE]


# sensors and the air


def test_a_dead_and_an_eager_sensor_and_a_low_battery_are_as_the_truth_says() -> None:
    faults = [
        SensorFault(What.SENSOR_DEAD, "kitchen-motion", at(2), at(4)),
        SensorFault(What.SENSOR_EAGER, "hall-motion", at(2), at(4)),
        SensorFault(What.BATTERY_LOW, "bed", at(2), at(4)),
    ]
    recording = simulated(ALONE, FIRST, 5, faults=faults)
    said = [one for one in recording.readings() if at(2) <= one.measured_at < at(4)]
    assert not [one for one in said if one.device == "kitchen-motion"]
    assert sum(one.device == "hall-motion" and one.value is True for one in said) > 800
    assert next(one.value for one in reversed(said) if one.device == "bed" and one.kind == "battery") < 10
    assert {(one.what, one.where) for one in recording.truth} >= {(fault.what, fault.sensor) for fault in faults}
    assert [one for one in recording.readings() if one.device == "kitchen-motion" and one.measured_at >= at(4)]


def test_messages_are_dropped_late_and_doubled_in_the_wished_shares() -> None:
    clear = list(simulated(ALONE, FIRST, 4).readings())
    heard = list(simulated(ALONE, FIRST, 4, air=Air(dropped=0.1, doubled=0.1, late=0.2, late_s=900)).heard())
    assert [one.at for one in heard] == sorted(one.at for one in heard)
    kept = {(one.reading.device, one.reading.kind, one.reading.measured_at) for one in heard}
    assert 0.85 < len(kept) / len(clear) < 0.95
    assert 1.05 < len(heard) / len(kept) < 1.15
    late = [one for one in heard if one.at - one.reading.measured_at > 10]
    assert 0.15 < len(late) / len(heard) < 0.25
    assert max(one.at - one.reading.measured_at for one in late) < 903


def test_a_movement_detector_is_blind_for_its_cool_down() -> None:
    for home in POPULATION[:4]:
        _, readings = lived(home, 9)
        for sensor in home.sensors:
            seen = [one.measured_at for one in readings if one.device == sensor.id and one.value is True]
            if sensor.kind == "motion":
                apart = [after - before for before, after in pairwise(seen)]
                # a day's end ends it: each day is drawn by itself
                assert sum(gap < sensor.cool_down_s for gap in apart) <= 9
