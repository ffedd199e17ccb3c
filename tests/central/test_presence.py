"""What the detectors of presence promise beyond their loud scenarios: what is no alarm, what the past teaches, and that
a sensor that fires without end hides nobody."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from central.alarm_cases.case import Facts
from central.console import finding_words
from central.detection.activity import Activity
from central.detection.detectors import (
    bathroom_stay,
    bed_left,
    inactivity,
    night_door,
    night_wandering,
    sensor_over_eager,
)
from central.detection.habits import LEARNED_AFTER_DAYS, SLOTS, Habits
from central.detection.nights import Night, exits, last_night, walks
from central.detection.presence import LOOK_BACK_S, limit_of, presence_of
from central.detection.presence_learning import learn_presence
from central.detection.profile import DeviceAtHome, Limits
from central.detection.stays import bathroom_devices, visits
from central.detection.timeline import Timeline
from central.detection.watches import Watch
from central.texts import LANGUAGES, translator
from devices.vocabulary import Reading
from tests.central import presence_scenarios as scenes
from tests.central.test_detection import DAY, HOUR, LIMITS, MINUTE, MONDAY, World, lives
from tests.central.test_habits import Flat, alive, at, life, ordered

FIRST_DAY = 739_677
"""Ordinal of that Monday."""
ROOMS = Limits(
    devices={room: DeviceAtHome(room, room, 4 * HOUR) for room in ("bedroom", "bathroom", "kitchen", "hall")},
    timezone="Europe/Madrid",
)


def reasons(world: World) -> list[str]:
    return [reason for reason, active in world.news() if active]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", scenes.LOUD)
def test_a_finding_is_a_whole_sentence_in_every_language(name: str, language: str) -> None:
    scenario, (reason,) = scenes.LOUD[name]
    if name == "bathroom_stay":
        facts: dict[str, str | float] = {"device": "wet-room", "room": "bathroom", "quiet_s": 3600.0, "last_by": "3:00"}
    else:
        facts = scenario(World()).said[0].facts
    words = translator(language)
    filled = finding_words.details(Facts(details=facts), {}, words)
    sentence = words.say(finding_words.REASONS[reason], **filled)
    assert "…" not in sentence
    assert "{" not in sentence
    assert str(filled["span"]) in sentence


def night_with(does: Callable[[World], None], minutes: int) -> World:
    world = scenes.asleep_until_three(World())
    for _ in range(minutes):
        does(world)
        world.run_until(world.now + MINUTE)
    return world


# the present, from the last hours alone


FLAT: Final = Limits(
    devices={room: DeviceAtHome(room, room, 4 * HOUR) for room in ("bedroom", "bathroom", "kitchen", "hall")}
    | {"door": DeviceAtHome("door", "hall", 4 * HOUR)},
    timezone="Europe/Madrid",
    entry_doors=("door",),
)
moves = st.lists(
    st.tuples(
        st.sampled_from(["door", "hall", "bathroom", "bathroom", "kitchen", "bedroom"]),
        st.sampled_from([20.0, 100.0, 400.0, 2 * HOUR, 6 * HOUR]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(moves, st.integers(0, 23))
@example([("door", 20.0)], 0)
def test_the_last_hours_tell_the_same_as_the_whole_day(steps: list[tuple[str, float]], hour: int) -> None:
    timeline, now = Timeline(), MONDAY + hour * HOUR
    for device, pause_s in steps:
        now += pause_s
        kind = "open" if device == "door" else "motion"
        timeline.take([Reading(device, kind, True, now)], now)
        timeline.take([Reading(device, kind, False, now + 5)], now + 5)
        told = presence_of(timeline, FLAT, now)
        signs = timeline.activity.signs((timeline.activity.last_at() or 0.0) - LOOK_BACK_S)
        if not signs:
            continue
        gone, stays = exits(signs, FLAT)[-1:], visits(signs, bathroom_devices(FLAT))[-1:]
        assert told.last == signs[-1]
        assert told.exit == next((exit_ for exit_ in gone if exit_.back_at is None), None)
        assert told.visit == next((visit for visit in stays if visit.end_at is None), None)
        night = last_night(signs[-1].at, told.hours, FLAT.zone())
        walked = [walk for walk in walks(signs, night, FLAT, 45.0)[-1:] if signs[-1].at - walk.end_at < HOUR]
        assert ([told.walk] if told.walk and signs[-1].at - told.walk.end_at < HOUR else []) == walked


# the door


def test_a_door_that_speaks_while_somebody_lies_in_bed_is_no_exit() -> None:
    def stray(world: World) -> None:
        world.see("door", "open", world.now // MINUTE % 20 == 0)

    assert night_with(stray, 240).said == []


def test_who_only_looks_out_of_the_door_has_not_gone() -> None:
    world = scenes.asleep_until_three(World())
    scenes.gets_up(world)
    world.see("hall", "motion")
    world.see("door", "open", True)
    world.run_until(world.now + MINUTE)
    world.see("door", "open", False)
    world.run_until(world.now + 5 * MINUTE)
    world.see("kitchen", "motion")
    world.in_bed = True
    world.see("bed", "presence", True)
    assert world.run_until(world.now + 3 * HOUR).said == []


def test_who_comes_back_ends_the_exit() -> None:
    world = scenes.goes_out_at_night(World())
    world.see("door", "open", True)
    world.run_until(world.now + MINUTE)
    assert world.news() == [("night_exit", True)], "the door alone is nobody indoors"
    world.see("door", "open", False)
    world.see("kitchen", "motion")
    world.run_until(world.now + 5 * MINUTE)
    assert world.news() == [("night_exit", True), ("night_exit", False)]


def test_a_door_that_stands_open_at_night_is_found() -> None:
    world = World().run_until(MONDAY + 23.5 * HOUR, lives)

    def open_door(world: World) -> None:
        world.see("door", "open", True)

    world.alive.discard("door")
    world.waiting.clear()
    world.alive.add("door")
    world.see("door", "open", True)
    world.run_until(world.now + MINUTE)
    for _ in range(90):
        open_door(world)
        world.run_until(world.now + MINUTE)
    assert "door_left_open" in reasons(world)
    (found,) = {one.key: one for one in world.said if one.reason == "door_left_open"}.values()
    assert found.found_at == pytest.approx(MONDAY + 24 * HOUR + 20 * MINUTE, abs=MINUTE), "counted from bedtime on"


def test_by_day_a_door_is_a_door() -> None:
    world = World().run_until(MONDAY + 26 * HOUR + 9 * HOUR, lives)
    world.see("hall", "motion")
    world.see("door", "open", True)
    world.run_until(world.now + MINUTE)
    world.see("door", "open", False)
    assert reasons(world.run_until(world.now + 4 * HOUR)) == []


def signs_of(*seen: tuple[float, str]) -> Activity:
    activity = Activity()
    for minute, device in seen:
        activity.move(device, MONDAY + minute * MINUTE)
    return activity


def test_a_door_to_which_nobody_walked_and_one_that_lets_somebody_in_weigh_less() -> None:
    alone = exits(signs_of((60, "bedroom"), (120, "door")).signs(MONDAY), ROOMS)
    walked = exits(signs_of((118, "bedroom"), (120, "door")).signs(MONDAY), ROOMS)
    home = exits(signs_of((30, "kitchen"), (31, "door"), (120, "door"), (121, "kitchen")).signs(MONDAY), ROOMS)
    assert [(one.walked, one.back_at) for one in alone] == [(False, None)]
    assert [(one.walked, one.back_at) for one in walked] == [(True, None)]
    assert home[0].back_at is not None, "who is noticed in the kitchen again is back"


# walking, bed


def test_the_way_to_the_bathroom_and_back_is_no_wandering() -> None:
    seen = [(120.0 + minute, ("bedroom", "bathroom")[minute // 7 % 2]) for minute in range(100)]
    night = Night(MONDAY, MONDAY + 5 * HOUR, FIRST_DAY)
    (walk,) = walks(signs_of(*seen).signs(MONDAY), night, ROOMS, 30.0)
    assert walk.found_at is None


def test_who_sits_in_the_kitchen_at_night_has_not_been_lost_from_bed() -> None:
    def stirs(world: World) -> None:
        world.in_bed = False
        if world.now // MINUTE % 15 == 0:
            world.see("kitchen", "motion")

    world = scenes.asleep_until_three(World())
    scenes.gets_up(world)
    for _ in range(180):
        stirs(world)
        world.run_until(world.now + MINUTE)
    assert reasons(world) == []


def test_a_mat_is_a_bed_by_its_model_whatever_it_is_called() -> None:
    devices = {**LIMITS.devices, "mat-7": DeviceAtHome("mat-7", "bedroom", 2 * HOUR, "serial_bed_mat")}
    world = World(limits=msgspec.structs.replace(LIMITS, devices=devices, beds=()))
    world.alive.add("mat-7")
    world.see("mat-7", "presence", True)
    scenes.asleep_until_three(world)
    world.see("mat-7", "presence", False)
    assert ("bed_left", True) in world.run_until(world.now + 55 * MINUTE).news()


# the bathroom


def test_a_home_that_has_not_shown_three_days_yet_is_not_judged_by_its_bathroom() -> None:
    world = scenes.with_bathroom(World()).run_until(MONDAY + 14.1 * HOUR, lives)
    world.see("wet-room", "motion")
    assert world.run_until(world.now + 3 * HOUR).said == []


def timeline_with(watch: Watch, scores: list[float], days: int = 60) -> Timeline:
    timeline = Timeline()
    for day in range(days):
        if day < len(scores):
            timeline.habits.note_worst(watch, FIRST_DAY + day, scores[day])
        timeline.habits.close_day(FIRST_DAY + day, [1.0] * SLOTS, [6.0] * SLOTS)
    return timeline


def test_where_leaving_the_bathroom_is_not_seen_the_limit_rises_until_it_is_not_judged() -> None:
    now = MONDAY + 61 * DAY
    often = timeline_with(Watch.BATHROOM_DAY, [240.0] * 60)
    seldom = timeline_with(Watch.BATHROOM_DAY, [20.0] * 60)
    assert limit_of(often, LIMITS, Watch.BATHROOM_DAY, now) > 200
    assert limit_of(seldom, LIMITS, Watch.BATHROOM_DAY, now) == LIMITS.bathroom_minutes


# what the past teaches


def test_a_home_whose_door_speaks_every_other_night_gets_a_limit_of_its_own() -> None:
    now = MONDAY + 61 * DAY
    lively = timeline_with(Watch.NIGHT_EXIT, [70.0, 0.0] * 30)
    still = timeline_with(Watch.NIGHT_EXIT, [70.0])
    assert limit_of(lively, LIMITS, Watch.NIGHT_EXIT, now) >= 70
    assert limit_of(still, LIMITS, Watch.NIGHT_EXIT, now) < 70


def test_in_the_first_fortnight_a_limit_is_more_than_all_that_was_seen() -> None:
    timeline = timeline_with(Watch.NIGHT_EXIT, [70.0], days=LEARNED_AFTER_DAYS - 1)
    assert limit_of(timeline, LIMITS, Watch.NIGHT_EXIT, MONDAY + 13 * DAY) == pytest.approx(87.5)


def learned_of(activity: Activity, strange: list[tuple[float, float]]) -> float:
    habits = Habits()
    for hour in range(40):
        activity.hear(MONDAY + hour * HOUR)
    learn_presence(habits, activity, ROOMS, FIRST_DAY, (MONDAY, MONDAY + DAY), strange, {})
    return habits.rare(Watch.NIGHT_EXIT, 0.5, 0.0, FIRST_DAY) / 1.25


def test_an_exit_that_ended_is_learned_but_not_one_that_was_no_ordinary_life() -> None:
    seen = ((118.0, "bedroom"), (120.0, "door"), (160.0, "door"), (161.0, "kitchen"))
    assert learned_of(signs_of(*seen), []) == pytest.approx(40, abs=5)
    assert learned_of(signs_of(*seen), [(MONDAY, MONDAY + 6 * HOUR)]) == 0


# over-eager sensors


def collapse_beside_a_stuck_sensor(world: World) -> World:
    """Somebody lies on the floor from three in the afternoon on; the kitchen's sensor fires every minute."""
    world.run_until(MONDAY + DAY + 14 * HOUR, lives)
    world.run_until(MONDAY + DAY + 15 * HOUR, scenes.is_stuck)

    def kitchen(world: World) -> None:
        world.see("kitchen", "motion")

    return world.run_until(MONDAY + DAY + 39 * HOUR, kitchen)


def test_a_stuck_sensor_does_not_hide_a_collapse() -> None:
    world = collapse_beside_a_stuck_sensor(World())
    assert reasons(world)[:2] == ["sensor_over_eager", "quiet_too_long"] or "quiet_too_long" in reasons(world)
    found = next(one for one in world.said if one.reason in {"quiet_too_long", "not_back"})
    assert found.found_at - (MONDAY + DAY + 15 * HOUR) < 16 * HOUR


def test_believed_as_a_lively_one_it_would_hide_it() -> None:
    world = World(limits=msgspec.structs.replace(LIMITS, lively_sensors=("kitchen",)))
    assert reasons(collapse_beside_a_stuck_sensor(world)) == []


def test_a_sensor_that_rests_for_two_hours_is_believed_again() -> None:
    world = scenes.kitchen_sensor_is_stuck(World())
    world.run_until(world.now + 3 * HOUR)
    assert world.news() == [("sensor_over_eager", True), ("sensor_over_eager", False)]


def test_while_everybody_is_away_an_hour_of_firing_is_enough() -> None:
    limits = msgspec.structs.replace(LIMITS, away_until_at=MONDAY + 3 * DAY)
    world = World(limits=limits).run_until(MONDAY + 10.1 * HOUR, lives)

    def kitchen(world: World) -> None:
        world.see("kitchen", "motion")

    world.run_until(MONDAY + 12 * HOUR, kitchen)
    assert reasons(world) == ["sensor_over_eager"]


# restarts, with what was learned


@cache
def eventful() -> tuple[Reading, ...]:
    """Eighteen days of somebody's life; then an exit at night, and a sensor that is stuck for an undisturbed night."""
    out = at(17, 3)
    stuck_from, stuck_to = at(18, 21), at(19, 9)
    lived = [one for one in life(2, 20) if not out - 60 < one.measured_at < out + 2 * HOUR]
    lived = [one for one in lived if not (one.kind == "presence" and out - 3 * HOUR < one.measured_at < out + 3 * HOUR)]
    acts = {"motion", "open", "presence"}
    lived = [one for one in lived if one.kind not in acts or not at(18, 23.5) < one.measured_at < at(19, 6)]
    goes = [
        Reading("bed", "presence", False, out),
        Reading("hall-motion", "motion", True, out + 60),
        Reading("front-door", "open", True, out + 90),
        Reading("front-door", "open", False, out + 100),
    ]
    minutes = int((stuck_to - stuck_from) / MINUTE)
    stuck = [Reading("kitchen-motion", "motion", True, stuck_from + minute * MINUTE) for minute in range(minutes)]
    return tuple(ordered(lived, alive(at(0), 20), goes, stuck))


PRESENCE = (
    bathroom_stay.DETECTOR,
    bed_left.DETECTOR,
    inactivity.DETECTOR,
    night_door.DETECTOR,
    night_wandering.DETECTOR,
    sensor_over_eager.DETECTOR,
)


@cache
def learned_flat() -> Flat:
    return Flat(judges=PRESENCE).live(eventful(), at(16, 12))


def test_restarts_in_the_midst_of_what_is_found_change_nothing() -> None:
    undisturbed = copy.deepcopy(learned_flat()).live(eventful(), at(20))
    told = {finding.reason for finding in undisturbed.said.values()}
    assert {"night_exit", "sensor_over_eager"} <= told
    again = copy.deepcopy(learned_flat())
    for moment in (at(17, 3.25), at(17, 4.5), at(18, 7), at(19, 2), at(19, 5), at(19, 10)):
        again.live(eventful(), moment)
        again.restart()
    again.live(eventful(), at(20))
    assert (set(again.said), again.ended) == (set(undisturbed.said), undisturbed.ended)
    assert again.known.kept() == undisturbed.known.kept()
