"""What the detectors of measurements promise: body, rooms, doses, places."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.alarm_cases.case import Facts
from central.alarm_cases.priority import Priority, priority_of_finding
from central.console import finding_words
from central.detection.care_plan import Zone
from central.detection.detectors import location, medication, temperature_extreme, vital_missing, vital_sign
from central.detection.engine import Engine
from central.detection.geometry import direction, distance_m, outside_m
from central.detection.measured import FIXES_MAX, Measured
from central.detection.profile import DeviceAtHome, Limits, limits_of
from central.detection.situation import Detector, Moment, Situation
from central.detection.timeline import Timeline
from central.habit_store import HabitStore
from central.recall import recall_home
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import Row
from central.texts import LANGUAGES, translator
from devices.vocabulary import Reading, Value
from gateway.contract.alarm_kinds import AlarmKind

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
ZONE: Final = "Europe/Madrid"
MONDAY: Final = datetime(2026, 3, 2, tzinfo=ZoneInfo(ZONE)).timestamp()
HOME: Final = "flat-1"
CENTER: Final = (41.38506, 2.17340)
NORTH_M: Final = 111_195.0
"""Metres of a degree along a meridian."""
ALL: Final = (vital_sign, vital_missing, temperature_extreme, medication, location)
DETECTORS: Final[tuple[Detector, ...]] = tuple(module.DETECTOR for module in ALL)
CIRCLE: Final = {"zones": [{"name": "casa", "center": list(CENTER), "radius_m": 300}]}


def limits(**plan: Any) -> Limits:
    made, faults = limits_of(Limits(), plan, ZONE, {"scale": DeviceAtHome("scale", "bathroom", 1e9)})
    assert faults == []
    return made


def found(
    detector: Detector, readings: Iterable[Reading], now: float, plan: Limits | None = None
) -> list[Situation] | None:
    """What a detector holds of a home that is heard now."""
    timeline = Timeline()
    timeline.hear(now)
    timeline.take(readings, now)
    return detector.judge(timeline, plan or limits(), Moment(now, 0.0, 0.0))


def reasons(
    detector: Detector, readings: Iterable[Reading], now: float, plan: Limits | None = None
) -> list[str] | None:
    situations = found(detector, readings, now, plan)
    return None if situations is None else [situation.reason for situation in situations]


def series(device: str, kind: str, values: Iterable[tuple[float, Value]]) -> list[Reading]:
    return [Reading(device, kind, value, at) for at, value in values]


# the body


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("systolic", 135.0, []),
        ("systolic", 185.0, ["vital_high"]),
        ("systolic", 225.0, ["vital_high", "vital_far_high"]),
        ("systolic", 95.0, ["vital_low"]),
        ("diastolic", 112.0, ["vital_high"]),
        ("body_temperature", 36.6, []),
        ("body_temperature", 38.4, ["vital_high"]),
        ("body_temperature", 34.6, ["vital_far_low"]),
        ("weight", 71.0, []),
    ],
)
def test_one_value_of_a_cuff_or_a_thermometer_is_enough(kind: str, value: float, expected: list[str]) -> None:
    assert reasons(vital_sign.DETECTOR, [Reading("d", kind, value, MONDAY)], MONDAY + MINUTE) == expected


def test_the_persons_own_range_counts_before_the_default_and_that_of_a_device_before_both() -> None:
    plan = limits(vitals={"systolic": {"high": 200}, "cuff-2/systolic": {"high": 150, "far_high": 160, "urgent": True}})
    readings = [Reading("cuff-1", "systolic", 190.0, MONDAY), Reading("cuff-2", "systolic", 170.0, MONDAY)]
    situations = found(vital_sign.DETECTOR, readings, MONDAY + MINUTE, plan) or []
    assert [(one.subject, one.reason) for one in situations] == [
        ("cuff-2:systolic:high", "vital_high"),
        ("cuff-2:systolic:far-high", "vital_urgent_high"),
    ]
    assert [priority_of_finding(one.kind, one.reason) for one in situations] == [Priority.ROUTINE, Priority.URGENT]


def test_a_belt_must_be_out_of_range_for_ten_minutes() -> None:
    def belt(minutes: float, rate: float = 125.0) -> list[tuple[float, Value]]:
        return [(MONDAY + second, rate) for second in range(0, int(minutes * 60), 5)]

    assert reasons(vital_sign.DETECTOR, series("belt", "heart_rate", belt(8)), MONDAY + 9 * MINUTE) == []
    assert reasons(vital_sign.DETECTOR, series("belt", "heart_rate", belt(8)), MONDAY + HOUR) == [], "then taken off"
    long = belt(12)
    assert reasons(vital_sign.DETECTOR, series("belt", "heart_rate", long), MONDAY + 12 * MINUTE) == ["vital_high"]
    one_calm_beat = [*long, (MONDAY + 400.0, 88.0)]
    assert reasons(vital_sign.DETECTOR, series("belt", "heart_rate", one_calm_beat), MONDAY + 12 * MINUTE) == []


def test_an_oximeter_that_has_just_been_put_on_is_given_time_and_a_second_try() -> None:
    low = series("finger", "spo2", [(MONDAY, 84.0), (MONDAY + 10, 86.0)])
    assert reasons(vital_sign.DETECTOR, low, MONDAY + MINUTE) == []
    assert reasons(vital_sign.DETECTOR, low, MONDAY + 11 * MINUTE) == ["vital_low", "vital_far_low"]
    again = [*low, Reading("finger", "spo2", 96.0, MONDAY + 3 * MINUTE)]
    assert reasons(vital_sign.DETECTOR, again, MONDAY + 11 * MINUTE) == []
    confirmed = [*low, Reading("finger", "spo2", 87.0, MONDAY + 90)]
    assert reasons(vital_sign.DETECTOR, confirmed, MONDAY + 2 * MINUTE) == ["vital_low", "vital_far_low"]


def test_what_arrives_hours_late_is_no_new_alarm_and_what_is_over_ends() -> None:
    high = [Reading("cuff", "systolic", 200.0, MONDAY)]
    assert reasons(vital_sign.DETECTOR, high, MONDAY + 5.9 * HOUR) == ["vital_high"]
    assert reasons(vital_sign.DETECTOR, high, MONDAY + 6.1 * HOUR) == []
    better = [*high, Reading("cuff", "systolic", 150.0, MONDAY + HOUR)]
    assert reasons(vital_sign.DETECTOR, better, MONDAY + 2 * HOUR) == []


def test_a_value_out_of_range_the_next_morning_is_another_finding() -> None:
    evening = [Reading("cuff", "systolic", 200.0, MONDAY)]
    morning = [*evening, Reading("cuff", "systolic", 195.0, MONDAY + 11 * HOUR)]
    first, second = (found(vital_sign.DETECTOR, one, one[-1].measured_at + 60) or [] for one in (evening, morning))
    assert (first[0].since_at, second[0].since_at) == (MONDAY, MONDAY + 11 * HOUR)


def scale(*kilograms: float) -> list[Reading]:
    return [Reading("scale", "weight", kg, MONDAY + 8 * HOUR + day * DAY) for day, kg in enumerate(kilograms)]


def test_two_kilograms_more_in_three_days_are_told_and_slow_gain_or_another_person_is_not() -> None:
    def said(*kilograms: float, **plan: Any) -> list[str] | None:
        days = scale(*kilograms)
        return reasons(vital_sign.DETECTOR, days, days[-1].measured_at + HOUR, limits(**plan))

    assert said(70.0, 70.8, 71.6, 72.3) == ["weight_gain"]
    assert said(70.0, 70.5, 71.0, 71.5, 72.0, 72.5, 73.0) == []
    assert said(70.0, 70.1, 58.0, 70.2) == []
    assert said(70.0, 69.0, 68.0, 67.5) == []
    assert said(70.0, 69.0, 68.0, 67.5, weight_change={"loss_kg": 2}) == ["weight_loss"]
    situation = (found(vital_sign.DETECTOR, scale(70.0, 70.8, 71.6, 72.3), MONDAY + 3.5 * DAY) or [])[0]
    assert (situation.facts["value"], situation.facts["change"]) == (72.3, 2.3)
    assert [(seen.kind, seen.value) for seen in situation.evidence] == [("weight", 70.0), ("weight", 72.3)]


def test_a_measurement_that_the_plan_expects_and_that_does_not_come_is_told_until_it_comes() -> None:
    plan = limits(
        measurements=[{"kind": "weight", "by": "10:00"}, {"kind": "systolic", "by": "12:00", "days": ["thu"]}]
    )
    late = MONDAY + 10.5 * HOUR
    assert reasons(vital_missing.DETECTOR, [], MONDAY + 9.9 * HOUR, plan) == []
    assert reasons(vital_missing.DETECTOR, [], late, plan) == ["vital_missing"]
    assert reasons(vital_missing.DETECTOR, scale(70.0), late, plan) == []
    yesterday = [Reading("scale", "weight", 70.0, MONDAY - 10 * HOUR)]
    (situation,) = found(vital_missing.DETECTOR, yesterday, late, plan) or []
    assert situation.facts["last"] == "1/3 14:00"
    assert reasons(vital_missing.DETECTOR, [], MONDAY + 23 * HOUR, plan) == [], "the day is over"
    thursday = MONDAY + 3 * DAY + 13 * HOUR
    assert reasons(vital_missing.DETECTOR, [], thursday, plan) == ["vital_missing", "vital_missing"]


def test_what_is_expected_is_not_missed_while_the_home_is_not_heard_or_nobody_is_there() -> None:
    plan = limits(measurements=[{"kind": "weight", "by": "10:00"}])
    now = MONDAY + 11 * HOUR
    timeline = Timeline()
    timeline.hear(now - HOUR)
    assert vital_missing.DETECTOR.judge(timeline, plan, Moment(now, 0.0, 0.0)) is None
    away = limits_of(plan, {}, ZONE, {})[0]
    away = type(away)(**{name: getattr(away, name) for name in away.__struct_fields__} | {"away_until_at": now + DAY})
    assert reasons(vital_missing.DETECTOR, [], now, away) == []


# rooms


def room(values: Sequence[float], step_s: float = 300.0, start: float = MONDAY) -> list[Reading]:
    return series("kitchen", "temperature", [(start + place * step_s, value) for place, value in enumerate(values)])


def test_a_room_is_too_cold_after_hours_and_no_longer_when_it_is_a_degree_warmer() -> None:
    cold = room([15.2 + (place % 3) * 0.2 for place in range(40)])
    assert reasons(temperature_extreme.DETECTOR, cold[:34], cold[33].measured_at) == []
    assert reasons(temperature_extreme.DETECTOR, cold, cold[-1].measured_at) == ["too_cold"]
    wavers = [*cold, *room([16.5], start=cold[-1].measured_at + 600)]
    assert reasons(temperature_extreme.DETECTOR, wavers, wavers[-1].measured_at) == ["too_cold"]
    warm = [*cold, *room([17.2], start=cold[-1].measured_at + 600)]
    assert reasons(temperature_extreme.DETECTOR, warm, warm[-1].measured_at) == []


def test_an_oven_an_open_window_and_a_fridge_are_no_finding() -> None:
    oven = room([22.0] * 20 + [30.0, 34.0, 36.0, 35.0, 33.0, 31.0] + [24.0] * 20)
    window = room([20.0] * 20 + [12.0, 10.0, 9.0, 11.0, 15.0] + [19.0] * 20)
    for readings in (oven, window):
        for until in range(1, len(readings)):
            assert reasons(temperature_extreme.DETECTOR, readings[:until], readings[until - 1].measured_at) == []
    fridge = room([4.0] * 48)
    plan = limits(climate={"ignore": ["kitchen"]})
    assert reasons(temperature_extreme.DETECTOR, fridge, fridge[-1].measured_at, plan) == []


def test_heat_and_a_rise_like_that_of_a_fire_are_told() -> None:
    heat = room([33.5] * 38)
    assert reasons(temperature_extreme.DETECTOR, heat, heat[-1].measured_at) == ["too_hot"]
    fire = room([22.0, 22.0, 24.0, 29.0, 38.0, 47.0])
    assert reasons(temperature_extreme.DETECTOR, fire, fire[-1].measured_at) == ["heating_up"]
    goes_on = [*fire, *room([48.0] * 8, start=fire[-1].measured_at + 300)]
    assert reasons(temperature_extreme.DETECTOR, goes_on, goes_on[-1].measured_at) == ["heating_up"]
    sun = room([26.0, 30.0, 34.0, 38.0, 40.0, 41.0])
    assert reasons(temperature_extreme.DETECTOR, sun, sun[-1].measured_at) == []


def test_a_cold_room_of_a_hub_that_is_silent_is_neither_ended_nor_found() -> None:
    cold = room([14.0] * 40)
    timeline = Timeline()
    timeline.hear(cold[-1].measured_at)
    timeline.take(cold, cold[-1].measured_at)
    later = cold[-1].measured_at + 2 * HOUR
    assert temperature_extreme.DETECTOR.judge(timeline, limits(), Moment(later, 0.0, 0.0)) is None


# doses


def doses(*said: tuple[float, str]) -> list[Reading]:
    return series("dispenser", "dose", [(MONDAY + hour * HOUR, word) for hour, word in said])


def test_a_dose_of_the_plan_is_told_after_its_window_and_ends_when_it_is_taken_late() -> None:
    plan = limits(doses=[{"at": "09:00"}, {"at": "21:00", "late_minutes": 120}])
    due = doses((9, "due"))
    detector = medication.DETECTOR
    assert reasons(detector, due, MONDAY + 9.9 * HOUR, plan) == []
    assert reasons(detector, due, MONDAY + 10.1 * HOUR, plan) == ["dose_not_taken"]
    assert reasons(detector, [*due, *doses((11, "taken"))], MONDAY + 11.1 * HOUR, plan) == []
    assert reasons(detector, doses((8.5, "taken")), MONDAY + 12 * HOUR, plan) == [], "a little early"
    assert reasons(detector, [*due, *doses((9.5, "missed"))], MONDAY + 9.6 * HOUR, plan) == ["dose_not_taken"]
    assert reasons(detector, due, MONDAY + 20.5 * HOUR, plan) == [], "now it is time for the next"
    assert reasons(detector, [], MONDAY + 10.1 * HOUR, plan) == [], "no dispenser is there yet"


def test_without_a_plan_the_dispensers_words_count() -> None:
    detector = medication.DETECTOR
    assert reasons(detector, doses((9, "due"), (9.3, "due")), MONDAY + 9.9 * HOUR) == []
    assert reasons(detector, doses((9, "due"), (9.3, "due")), MONDAY + 10.1 * HOUR) == ["dose_waiting"]
    assert reasons(detector, doses((9, "due"), (9.5, "missed")), MONDAY + 9.6 * HOUR) == ["dose_missed"]
    assert reasons(detector, doses((9, "due"), (9.5, "missed"), (12, "taken")), MONDAY + 12.1 * HOUR) == []
    assert reasons(detector, doses((9, "due")), MONDAY + 22 * HOUR) == [], "it is too late to take it"
    assert reasons(detector, doses((-15, "missed"), (9, "due")), MONDAY + 10.5 * HOUR) == ["dose_waiting"]


# places


def fixes(
    norths: Iterable[tuple[float, float]], accuracy_m: float | None = 10.0, speed_m_s: float | None = None
) -> list[Reading]:
    """Positions so many minutes after Monday's noon, so many metres north."""
    readings = []
    for minute, north in norths:
        at = MONDAY + 12 * HOUR + minute * MINUTE
        readings.append(Reading("gps", "latitude", CENTER[0] + north / NORTH_M, at))
        readings.append(Reading("gps", "longitude", CENTER[1], at))
        if accuracy_m is not None:
            readings.append(Reading("gps", "position_accuracy", accuracy_m, at))
        if speed_m_s is not None:
            readings.append(Reading("gps", "speed", speed_m_s, at))
    return readings


def located(readings: Sequence[Reading], plan: Any = None, after_s: float = 30.0) -> list[str] | None:
    now = max(reading.measured_at for reading in readings) + after_s
    return reasons(location.DETECTOR, readings, now, limits(locator=plan or CIRCLE))


def test_outside_is_told_after_several_positions_and_ended_by_two_inside() -> None:
    walk = [(0.0, 100.0), (1.0, 350.0), (2.0, 400.0), (3.0, 450.0)]
    assert located(fixes(walk[:3])) == []
    assert located(fixes(walk)) == ["outside_zone"]
    back = [*walk, (4.0, 200.0)]
    assert located(fixes(back)) == ["outside_zone"]
    assert located(fixes([*back, (5.0, 150.0)])) == []
    hovers = [*walk, (4.0, 310.0), (5.0, 290.0), (6.0, 320.0)]
    assert located(fixes(hovers)) == ["outside_zone"], "near the border nothing is decided"


def test_a_position_counts_by_what_it_may_err() -> None:
    walk = [(minute, 400.0) for minute in range(10)]
    assert located(fixes(walk, accuracy_m=120.0)) == []
    assert located(fixes(walk, accuracy_m=900.0)) == []
    jumps = [(minute, 2_000.0 if minute in {3, 7, 8} else 40.0) for minute in range(12)]
    assert located(fixes(jumps)) == []


def test_a_zone_may_be_a_polygon_and_hold_at_some_hours_only() -> None:
    half = 300 / NORTH_M
    corners = [
        [CENTER[0] + north * half, CENTER[1] + east * half] for north, east in ((-1, -1), (-1, 1), (1, 1), (1, -1))
    ]
    walk = fixes([(minute, 360.0) for minute in range(5)])
    assert located(walk, {"zones": [{"name": "barri", "corners": corners}]}) == ["outside_zone"]
    near = fixes([(minute, 250.0) for minute in range(5)])
    assert located(near, {"zones": [{"name": "barri", "corners": corners}]}) == []
    night = {"name": "casa", "center": list(CENTER), "radius_m": 100, "since": "21:00", "until": "08:00"}
    assert located(walk, {"zones": [night]}) == [], "free by day"
    assert located(walk, {"zones": [{**night, "since": "09:00", "until": "20:00"}]}) == ["outside_zone"]
    assert located(walk, {"zones": [{**night, "since": "09:00", "until": "20:00", "days": ["tue"]}]}) == []


def test_who_has_no_locator_in_the_plan_is_not_followed() -> None:
    walk = fixes([(minute, 5_000.0) for minute in range(10)], speed_m_s=20.0)
    assert reasons(location.DETECTOR, walk, walk[-1].measured_at + 30) == []


def test_a_ride_is_told_by_the_speed_that_the_locator_says_or_that_its_way_shows() -> None:
    free: dict[str, Any] = {"zones": []}
    ride = [(minute, 600.0 * minute) for minute in range(6)]
    assert located(fixes(ride, speed_m_s=10.0), free) == ["in_vehicle_somewhere"]
    assert located(fixes(ride), free) == ["in_vehicle_somewhere"]
    assert located(fixes(ride[:2], speed_m_s=10.0), free) == []
    walk = [(minute, 80.0 * minute) for minute in range(20)]
    assert located(fixes(walk), free) == []
    assert located(fixes(ride, speed_m_s=10.0), free, after_s=11 * MINUTE) == [], "the ride is over"
    assert located(fixes(ride, speed_m_s=10.0), {**CIRCLE, "vehicle_kmh": None}) == ["outside_zone"]
    assert located(fixes(ride, speed_m_s=10.0)) == ["outside_zone", "in_vehicle"]


def test_a_locator_that_falls_silent_is_told_with_its_last_known_position() -> None:
    last = fixes([(minute, 40.0) for minute in range(3)])
    assert located(last, after_s=119 * MINUTE) == []
    plan = limits(locator=CIRCLE)
    now = last[-1].measured_at + 121 * MINUTE
    (situation,) = found(location.DETECTOR, last, now, plan) or []
    assert (situation.kind, situation.reason) == (AlarmKind.LOCATOR_SILENT, "locator_silent")
    assert situation.facts["clock"] == "2/3 12:02"
    assert situation.facts["distance_m"] == 40
    assert {seen.kind for seen in situation.evidence} == {"latitude", "longitude", "position_accuracy"}


def test_a_locator_that_is_its_own_hub_is_missed_though_nothing_is_heard_of_its_home() -> None:
    last = fixes([(0.0, 40.0)])
    now = last[-1].measured_at + 3 * HOUR
    timeline = Timeline()
    timeline.hear(last[-1].measured_at)
    timeline.take(last, now)
    own, _ = limits_of(Limits(), {"locator": CIRCLE}, ZONE, {"gps": DeviceAtHome("gps", "", 1e9)})
    judged = location.DETECTOR.judge(timeline, own, Moment(now, 0.0, 0.0))
    assert [one.reason for one in judged or []] == ["locator_silent"]
    assert location.DETECTOR.judge(timeline, own, Moment(now, now + 60, 0.0)) is None, "the centre is deaf"
    assert location.DETECTOR.judge(timeline, limits(locator=CIRCLE), Moment(now, 0.0, 0.0)) is None


def test_distances_are_those_of_the_map() -> None:
    sagrada, catalunya = (41.4036, 2.1744), (41.3870, 2.1701)
    assert distance_m(sagrada, catalunya) == pytest.approx(1_880, rel=0.01)
    assert direction(sagrada, catalunya) == "north"
    assert distance_m((0.0, 179.9995), (0.0, -179.9995)) == pytest.approx(111.2, rel=0.01)
    square = Zone("s", corners=((0.0, 0.0), (0.0, 0.01), (0.01, 0.01), (0.01, 0.0)))
    assert outside_m((0.005, 0.005), square) == pytest.approx(-556, abs=2)
    assert outside_m((0.005, 0.02), square) == pytest.approx(1_112, abs=3)


# care plan


@pytest.mark.parametrize(
    ("plan", "fault"),
    [
        ({"vitals": {"systolic": {"low": 200, "high": 100}}}, "order"),
        ({"vitals": {"mood": {"low": 1}}}, "vitals"),
        ({"vitals": {"systolic": {"lowest": 1}}}, "lowest"),
        ({"measurements": [{"kind": "weight", "by": "25:00"}]}, "by"),
        ({"measurements": [{"kind": "weight", "by": "08:00", "since": "09:00"}]}, "later"),
        ({"doses": [{"at": "9"}]}, "at"),
        ({"climate": {"cold_c": "warm"}}, "cold_c"),
        ({"locator": {"zones": [{"name": "x", "center": [41.0, 2.0]}]}}, "radius_m"),
        ({"locator": {"zones": [{"name": "x", "corners": [[41.0, 2.0], [41.0, 2.1]]}]}}, "corners"),
        ({"locator": {"zones": [{"name": "x", "center": [95.0, 2.0], "radius_m": 100}]}}, "center"),
    ],
)
def test_what_is_wrong_in_a_care_plan_is_said_and_the_default_stands(plan: dict[str, Any], fault: str) -> None:
    made, faults = limits_of(Limits(), plan, ZONE, {})
    (sentence,) = faults
    assert fault in sentence
    (key,) = plan
    assert getattr(made, key) == getattr(Limits(), key)


# in any order, in bounds, after a restart

moments = st.integers(0, 600).map(lambda minutes: MONDAY + 8 * HOUR + minutes * MINUTE)
numbers = st.one_of(
    st.builds(Reading, st.just("cuff"), st.just("systolic"), st.sampled_from([120.0, 190.0, 230.0]), moments),
    st.builds(Reading, st.just("finger"), st.just("spo2"), st.sampled_from([80.0, 97.0]), moments),
    st.builds(Reading, st.just("kitchen"), st.just("temperature"), st.sampled_from([12.0, 16.5, 20.0, 50.0]), moments),
    st.builds(Reading, st.just("scale"), st.just("weight"), st.sampled_from([70.0, 71.0, 73.0]), moments),
    st.builds(Reading, st.just("dispenser"), st.just("dose"), st.sampled_from(["due", "taken", "missed"]), moments),
    st.builds(Reading, st.just("gps"), st.just("latitude"), st.sampled_from([41.385, 41.4, 41.5]), moments),
    st.builds(Reading, st.just("gps"), st.just("longitude"), st.sampled_from([2.1734, 2.2]), moments),
)
FULL: Final = {"measurements": [{"kind": "weight", "by": "10:00"}], "doses": [{"at": "09:00"}], "locator": CIRCLE}


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, max_size=150), st.data())
def test_the_order_of_arrival_and_doubles_change_nothing(readings: list[Reading], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(readings))
    now = MONDAY + 18.5 * HOUR
    for detector in DETECTORS:
        plan = limits(**FULL)
        assert found(detector, readings, now, plan) == found(detector, [*shuffled, *readings[:20]], now, plan)


def test_what_is_kept_is_bounded_whatever_comes() -> None:
    measured = Measured()
    chance = random.Random(3)
    for number in range(20_000):
        device, at = f"d{number % 60}", MONDAY + chance.random() * 30 * DAY
        measured.take(device, "temperature", at, 20.0)
        measured.take(device, "latitude", at, 41.0)
        measured.take(device, "longitude", at, 2.0)
        measured.take(device, "dose", at, "due")
    assert len(measured.of_kind("temperature")) == 24
    assert all(len(steps) == 24 for _, steps in measured.of_kind("temperature"))
    assert [len(one.complete()) for one in measured.fixes.values()] == [FIXES_MAX] * 4
    assert [len(one.words()) for one in measured.doses.values()] == [32] * 4


def test_a_clock_that_is_set_back_lets_go_of_what_is_still_to_come() -> None:
    timeline = Timeline()
    timeline.take([Reading("cuff", "systolic", 200.0, MONDAY + DAY), *fixes([(0.0, 900.0)])], MONDAY + DAY)
    timeline.take(doses((9, "due")), MONDAY + DAY)
    timeline.clock_set_back(MONDAY)
    assert timeline.measured.of_kind("systolic") == []
    assert timeline.measured.fixes["gps"].complete() == []
    assert timeline.measured.doses["dispenser"].words() == []


def a_bad_day() -> list[Reading]:
    return [
        *room([14.0] * 135, start=MONDAY + 3 * HOUR),
        *scale(70.0)[:1],
        Reading("scale", "weight", 72.5, MONDAY + 12.6 * HOUR),
        Reading("cuff", "systolic", 200.0, MONDAY + 11 * HOUR),
        *series("belt", "heart_rate", [(MONDAY + 12.5 * HOUR + 20 * step, 130.0) for step in range(60)]),
        *doses((9, "due"), (9.5, "due")),
        *fixes([(minute, 600.0 + 60 * minute) for minute in range(40)], speed_m_s=12.0),
    ]


@pytest.mark.parametrize("minutes", range(0, 300, 23))
def test_a_restart_at_any_instant_finds_the_same_from_the_store(tmp_path: Path, minutes: int) -> None:
    now = MONDAY + 9 * HOUR + minutes * MINUTE
    past = [reading for reading in a_bad_day() if reading.measured_at <= now]
    plan = limits(**FULL)
    live = Engine(MONDAY, 0.0, DETECTORS)
    live.enrol(HOME, plan, MONDAY)
    live.recall(HOME, MONDAY, (), MONDAY)
    for reading in past:
        live.take(HOME, [reading], reading.measured_at)
    for minute in range(int((now - MONDAY) / MINUTE) + 1):
        live.hear(HOME, MONDAY + minute * MINUTE)
    again = Engine(now, 0.0, DETECTORS)
    again.enrol(HOME, plan, now)
    store, kept = EmbeddedStore(tmp_path / "store"), HabitStore(tmp_path / "habits.sqlite")
    try:
        store.write([Row(HOME, one.device, one.kind, one.measured_at, one.value) for one in past])
        recall_home(again, store, kept, HOME, now)
    finally:
        store.close()
        kept.close()
    again.hear(HOME, now)
    judged = [sorted(engine.due(now + 70), key=lambda one: one.key) for engine in (live, again)]
    assert judged[0] == judged[1]
    if minutes >= 250:
        assert {one.reason for one in judged[0]} >= {"too_cold", "dose_not_taken", "vital_high", "outside_zone"}


# words


def all_that_is_found() -> list[Situation]:
    now = MONDAY + 12.75 * HOUR
    plan = limits(**FULL, vitals={"systolic": {"high": 150, "far_high": 180, "urgent": True}})
    situations = [one for detector in DETECTORS for one in found(detector, a_bad_day(), now, plan) or []]
    fire = room([22.0, 24.0, 29.0, 38.0, 47.0])
    situations += found(temperature_extreme.DETECTOR, fire, fire[-1].measured_at) or []
    situations += found(location.DETECTOR, fixes([(0.0, 20.0)]), MONDAY + 16 * HOUR, plan) or []
    situations += found(vital_missing.DETECTOR, [], now, plan) or []
    situations += found(medication.DETECTOR, doses((9, "missed")), MONDAY + 10 * HOUR) or []
    return situations


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_found_is_a_whole_sentence_in_every_language(language: str) -> None:
    words = translator(language)
    for one in all_that_is_found():
        facts = Facts(kind=one.kind, reason=one.reason, details=one.facts)
        sentence = words.say(finding_words.REASONS[one.reason], **finding_words.details(facts, {}, words))
        assert "…" not in sentence, (one.reason, sentence)
        assert "{" not in sentence


def test_a_place_is_said_by_distance_and_direction_and_a_value_with_its_unit() -> None:
    words = translator("es")
    said = {
        one.reason: words.say(
            finding_words.REASONS[one.reason], **finding_words.details(Facts(details=one.facts), {}, words)
        )
        for one in all_that_is_found()
    }
    assert said["outside_zone"] == "A 2,9 km al norte de «casa». Posición a las 12:39: 41.41150, 2.17340."
    assert said["vital_urgent_high"].startswith("Tensión máxima 200 mmHg: muy por encima")
    assert said["in_vehicle"].startswith("43 km/h durante 2 minutos.")
    assert said["locator_silent"].startswith("Nada desde hace 2 horas. Última posición conocida, 2/3 12:00")


# ordinary life


def an_ordinary_day(start: float, chance: random.Random, clock: Callable[[float], float]) -> list[Reading]:
    """Health and home of somebody who is well: with all that looks like something for a while."""
    readings = [
        Reading("scale", "weight", 70.0 + chance.uniform(-0.6, 0.6), start + 8.5 * HOUR),
        Reading("cuff", "systolic", chance.uniform(120, 160), start + 9 * HOUR),
        Reading("cuff", "diastolic", chance.uniform(65, 95), start + 9 * HOUR),
    ]
    readings += series("finger", "spo2", [(start + 9.2 * HOUR + 5 * step, 88.0 + min(step, 8)) for step in range(9)])
    brisk = 10 * HOUR + chance.uniform(0, HOUR)
    readings += series("belt", "heart_rate", [(start + brisk + 5 * step, 118.0) for step in range(84)])
    readings += series("belt", "heart_rate", [(start + brisk + 425 + 5 * step, 84.0) for step in range(60)])
    for step in range(288):
        at = start + step * 300.0
        oven = 12.0 if 156 <= step < 168 else 0.0
        aired = -11.0 if 100 <= step < 106 else 0.0
        readings.append(Reading("kitchen", "temperature", 20.0 + oven + aired + chance.uniform(-0.5, 0.5), at))
    for due, taken in ((9.0, chance.uniform(8.5, 9.9)), (21.0, chance.uniform(20.5, 21.9))):
        readings += [
            Reading("dispenser", "dose", word, start + hour * HOUR) for word, hour in (("due", due), ("taken", taken))
        ]
    for minute in range(0, 1440, 10):
        out_m = 290.0 if 600 <= minute < 720 else 20.0
        jump = 900.0 if chance.random() < 0.02 else 0.0
        place = clock(start) + minute
        readings += fixes([(place, out_m + jump + chance.uniform(-15, 15))], accuracy_m=chance.uniform(5, 40))
    return readings


def test_two_weeks_of_somebody_who_is_well_say_nothing() -> None:
    chance = random.Random(11)
    plan = limits(**FULL)
    engine = Engine(MONDAY, 0.0, DETECTORS)
    engine.enrol(HOME, plan, MONDAY)
    engine.recall(HOME, MONDAY, (), MONDAY)
    said = []
    for day in range(14):
        start = MONDAY + day * DAY
        coming = sorted(
            an_ordinary_day(start, chance, lambda at: (at - MONDAY - 12 * HOUR) / MINUTE),
            key=lambda one: one.measured_at,
        )
        place = 0
        for minute in range(1440):
            now = start + (minute + 1) * MINUTE
            while place < len(coming) and coming[place].measured_at <= now:
                engine.take(HOME, [coming[place]], now)
                place += 1
            engine.hear(HOME, now)
            said += engine.due(now) if minute % 5 == 0 else []
    assert [(one.reason, one.facts) for one in said] == []
