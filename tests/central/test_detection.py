"""What the detectors and their engine promise, in virtual time over days."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.console import finding_words
from central.detection.engine import LEARN_AT_ONCE, RESTATE_EVERY_S, Engine, Open, load_detectors
from central.detection.finding import Finding
from central.detection.profile import DeviceAtHome, Limits, limits_of
from central.detection.timeline import Timeline
from central.detection.traces import TRACE_MAX
from central.internal import decode_finding, encode
from devices.vocabulary import Reading, Value
from gateway.contract.alarm_kinds import AlarmKind
from tests.central import measured_scenarios, presence_scenarios

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
HOME = "flat-1"
ZONE = "Europe/Madrid"
MONDAY: Final = datetime(2026, 3, 2, tzinfo=ZoneInfo(ZONE)).timestamp()
"""Midnight of a Monday in winter time."""
DEVICES: Final = {
    device.id: device
    for device in (
        DeviceAtHome("hall", "hall", 4 * HOUR),
        DeviceAtHome("kitchen", "kitchen", 4 * HOUR),
        DeviceAtHome("bed", "bedroom", 2 * HOUR),
        DeviceAtHome("door", "hall", 4 * HOUR),
    )
}
LIMITS: Final = limits_of(Limits(), {}, ZONE, DEVICES)[0]


@dataclass
class World:
    """One home in virtual time: a hub that beats each minute, sensors that repeat their state, a person."""

    limits: Limits = LIMITS
    now: float = MONDAY
    alive: set[str] = field(default_factory=lambda: {"hall", "kitchen", "bed", "door"})
    in_bed: bool = False
    hub_on: bool = True
    broker_on: bool = True
    said: list[Finding] = field(default_factory=list)
    sent: list[Reading] = field(default_factory=list)
    stored: list[Reading] = field(default_factory=list)
    marked_at: float | None = None
    heard: list[float] = field(default_factory=list)
    waiting: list[Reading] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = self._engine(0.0)
        self.engine.recall(HOME, None, (), self.now)

    def _engine(self, grace_s: float) -> Engine:
        engine = Engine(self.now, grace_s)
        engine.enrol(HOME, self.limits, self.now)
        return engine

    def see(self, device: str, kind: str, value: Value = True) -> None:
        """A sensor measures; the hub sends it when it can."""
        if device in self.alive:
            self.waiting.append(Reading(device, kind, value, self.now))

    def run_until(self, end: float, does: Callable[[World], None] | None = None) -> World:
        """Minutes pass; each, the person may do something, the hub sends, and the engine judges."""
        while self.now < end:
            self._pass_a_minute(does)
            if self.hub_on and self.broker_on:
                self._transmit()
            self.said += self.engine.due(self.now)
        return self

    def _pass_a_minute(self, does: Callable[[World], None] | None) -> None:
        self.now += MINUTE
        if (self.now // MINUTE) % 30 == 0:
            for device in self.alive - {"bed"}:
                self.see(device, "battery", 90.0)
            self.see("bed", "presence", self.in_bed)
            self.see("door", "open", False)
        if does is not None:
            does(self)

    def _transmit(self) -> None:
        # newest first, as a hub does after an outage
        readings, self.waiting = self.waiting[::-1], []
        if self.engine.hear(HOME, self.now):
            self.marked_at = self.now
            self.heard.append(self.now)
        self.engine.take(HOME, readings, self.now)
        self.stored += readings

    def down_for(self, seconds: float) -> None:
        """The receiver is not running; the broker keeps what comes."""
        end = self.now + seconds
        while self.now < end:
            self._pass_a_minute(lives)

    def restart(self, grace_s: float = 180.0) -> None:
        opens = msgspec.json.decode(msgspec.json.encode(self.engine.opens()), type=list[Open])
        self.engine = self._engine(grace_s)
        self.engine.reopen(opens)
        self.engine.recall(HOME, self.marked_at, self.stored, self.now, heard=self.heard)

    def outage(self, seconds: float) -> None:
        self.broker_on = False
        self.engine.outage_began(self.now)
        self.run_until(self.now + seconds)
        self.broker_on = True
        self.engine.outage_ended(self.now)

    def news(self) -> list[tuple[str, bool]]:
        """What was said, without restatements, as (reason, active)."""
        told: dict[str, bool] = {}
        changes = []
        for finding in self.said:
            if told.get(finding.key) != finding.active:
                told[finding.key] = finding.active
                changes.append((finding.reason, finding.active))
        return changes


def clock(world: World) -> float:
    """Local hour of day."""
    local = datetime.fromtimestamp(world.now, ZoneInfo(ZONE))
    return local.hour + local.minute / 60


def lives(world: World) -> None:
    """Up from 8 to 23, in a room each half hour; shopping from 10 to 12."""
    hour = clock(world)
    world.in_bed = not 8 <= hour < 23
    if hour in {8, 23}:
        world.see("bed", "presence", world.in_bed)
    if hour in {10, 12}:
        world.see("door", "open", True)
        world.see("hall", "motion")
    elif hour in {10 + 1 / 60, 12 + 1 / 60}:
        world.see("door", "open", False)
    elif 8 <= hour < 23 and not 10 < hour < 12 and hour % 0.5 == 0:
        world.see("kitchen", "motion")


def hub_dies(world: World) -> World:
    world.run_until(MONDAY + 12 * HOUR, lives)
    world.hub_on = False
    return world.run_until(MONDAY + 15 * HOUR, lives)


def kitchen_sensor_dies(world: World) -> World:
    world.run_until(MONDAY + 12 * HOUR, lives)
    world.alive.discard("kitchen")
    return world.run_until(MONDAY + 18 * HOUR, lives)


def person_collapses(world: World) -> World:
    world.run_until(MONDAY + 14 * HOUR, lives)
    return world.run_until(MONDAY + 26 * HOUR)


LOUD: Final[dict[str, tuple[Callable[[World], World], list[str]]]] = {
    "hub_silent": (hub_dies, ["hub_silent", "hub_silent_long"]),
    "inactivity": (person_collapses, ["quiet_too_long"]),
    "sensor_silent": (kitchen_sensor_dies, ["sensor_silent"]),
    **measured_scenarios.LOUD,
    **presence_scenarios.LOUD,
}


def test_every_detector_has_a_loud_scenario() -> None:
    assert [detector.name for detector in load_detectors()] == sorted(LOUD)


def test_three_weeks_of_an_ordinary_life_say_nothing() -> None:
    assert World().run_until(MONDAY + 21 * DAY, lives).said == []


@pytest.mark.parametrize("name", LOUD)
def test_the_loud_scenario_is_found_and_nothing_else(name: str) -> None:
    scenario, reasons = LOUD[name]
    world = scenario(World())
    assert world.news() == [(reason, True) for reason in reasons]
    assert set(reasons) <= set(finding_words.REASONS), "a person can be told"
    for finding in world.said:
        assert decode_finding(encode(finding)) == finding, "it travels to the desk unchanged"


@pytest.mark.parametrize("name", LOUD)
def test_a_restart_in_the_midst_changes_nothing(name: str) -> None:
    scenario, reasons = LOUD[name]
    undisturbed = scenario(World())
    world = scenario(World())
    for _ in range(3):
        world.restart()
        world.run_until(world.now + 10 * MINUTE)
    assert {finding.key for finding in world.said} == {finding.key for finding in undisturbed.said}
    assert world.news() == [(reason, True) for reason in reasons], "nothing ended, nothing was found twice"


@pytest.mark.parametrize("name", LOUD)
def test_even_without_its_open_findings_a_restart_finds_the_same_under_the_same_key(name: str) -> None:
    scenario, _ = LOUD[name]
    world = scenario(World())
    before = {finding.key for finding in world.said}
    world.engine = world._engine(180.0)
    world.engine.recall(HOME, world.marked_at, world.stored, world.now, heard=world.heard)
    world.said.clear()
    world.run_until(world.now + 10 * MINUTE)
    assert {finding.key for finding in world.said} == before


def test_what_holds_is_said_again_every_few_minutes_and_its_end_once() -> None:
    world = hub_dies(World())
    technical = [finding for finding in world.said if finding.reason == "hub_silent"]
    assert 2.4 * HOUR / RESTATE_EVERY_S < len(technical) <= 2.5 * HOUR / RESTATE_EVERY_S + 1
    assert len({finding.key for finding in technical}) == 1
    world.hub_on = True
    world.said.clear()
    world.run_until(world.now + HOUR, lives)
    assert sorted(finding.reason for finding in world.said) == ["hub_silent", "hub_silent_long"]
    assert not any(finding.active for finding in world.said)


def test_a_hub_is_a_technicians_task_after_half_an_hour_and_a_call_after_two() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    last_heard = world.now
    world.hub_on = False
    world.run_until(last_heard + 29 * MINUTE)
    assert world.said == []
    world.run_until(last_heard + 32 * MINUTE)
    assert world.news() == [("hub_silent", True)]
    world.run_until(last_heard + 119 * MINUTE)
    assert world.news() == [("hub_silent", True)]
    world.run_until(last_heard + 122 * MINUTE)
    assert world.news()[1:] == [("hub_silent_long", True)]
    assert world.said[-1].since_at == pytest.approx(last_heard, abs=MINUTE)


def test_an_outage_of_the_centres_own_line_raises_no_storm() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.outage(4 * HOUR)
    assert world.said == []
    world.hub_on = False
    world.run_until(world.now + 8 * MINUTE)
    world.hub_on = True
    world.run_until(world.now + 3 * HOUR, lives)
    assert world.said == [], "the hub came back a little later than the centre"


def test_a_hub_that_does_not_come_back_after_an_outage_is_found() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.hub_on = False
    world.outage(HOUR)
    world.run_until(world.now + 15 * MINUTE)
    assert world.news() == [("hub_silent", True)]


@pytest.mark.parametrize(("down_s", "up_s"), [(10, 290), (120, 120), (300, 300)])
def test_a_line_of_the_centre_that_comes_and_goes_does_not_hide_a_dead_hub(down_s: int, up_s: int) -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.hub_on = False
    end = world.now + HOUR
    while world.now < end:
        world.engine.outage_began(world.now)
        world.engine.outage_ended(world.now + down_s)
        world.run_until(world.now + down_s + up_s)
    assert world.news() == [("hub_silent", True)]


def test_a_hub_that_comes_and_goes_does_not_hide_a_collapse() -> None:
    def flaps(world: World) -> None:
        world.hub_on = world.now // MINUTE % 8 < 2

    world = World().run_until(MONDAY + 14 * HOUR, lives)
    world.run_until(MONDAY + 26 * HOUR, flaps)
    assert ("quiet_too_long", True) in world.news()


def test_a_hub_that_died_while_the_receiver_was_down_is_found_by_what_its_last_message_says() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    died_at = world.now + 5 * MINUTE
    world.now += 3 * HOUR
    world.engine = world._engine(180.0)
    world.engine.recall(HOME, world.marked_at, world.stored, world.now, heard=world.heard)
    world.engine.catch_up(died_at, world.now)
    world.engine.hear(HOME, world.engine.lived_at(died_at, world.now))
    world.run_until(world.now + 5 * MINUTE, lambda world: setattr(world, "hub_on", False))
    assert sorted(world.news()) == [("hub_silent", True), ("hub_silent_long", True)]
    assert {finding.since_at for finding in world.said} == {died_at}


def test_a_clock_that_is_wrong_does_not_make_a_living_hub_silent() -> None:
    engine = Engine(MONDAY, 180.0)
    assert engine.lived_at(MONDAY - HOUR, MONDAY) == MONDAY - HOUR, "it may have waited"
    assert engine.lived_at(MONDAY + HOUR, MONDAY) == MONDAY
    assert engine.lived_at(0.0, MONDAY) == MONDAY
    engine.catch_up(MONDAY + 1, MONDAY + 2)
    assert engine.lived_at(MONDAY - HOUR, MONDAY) == MONDAY, "nothing waits any more"


def test_backfilled_measurements_are_a_sign_of_life_now_once_nothing_waits_at_the_broker() -> None:
    engine = Engine(MONDAY, 180.0)
    assert engine.lived_at(MONDAY - HOUR, MONDAY + 200) == MONDAY + 200, "even where no heartbeat ever comes"
    engine.catch_up(MONDAY + 300, MONDAY + 300)
    engine.outage_began(MONDAY + 300)
    assert engine.lived_at(MONDAY + 400, MONDAY + 3600) == MONDAY + 400, "the line is just back"


def test_a_clock_that_is_set_back_hides_no_dead_hub() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.now -= DAY
    world.run_until(world.now + 10 * MINUTE, lives)
    world.hub_on = False
    world.run_until(world.now + 32 * MINUTE)
    assert world.news() == [("hub_silent", True)]
    world = World(now=MONDAY)
    world.engine = Engine(MONDAY, 0.0)
    world.engine.enrol(HOME, LIMITS, MONDAY)
    world.engine.recall(HOME, MONDAY + 300 * DAY, (), MONDAY)
    world.hub_on = False
    world.run_until(MONDAY + 32 * MINUTE)
    assert world.news() == [("hub_silent", True)], "the store keeps marks of the time that was wrong"


def test_a_store_that_cannot_tell_the_past_ends_nothing_that_was_open() -> None:
    for name, (scenario, reasons) in LOUD.items():
        world = scenario(World())
        before = {finding.key for finding in world.said}
        opens = world.engine.opens()
        world.engine = world._engine(180.0)
        world.engine.reopen(opens)
        world.engine.recall_nothing(HOME, world.now)
        world.run_until(world.now + HOUR)
        assert world.news() == [(reason, True) for reason in reasons], name
        assert {finding.key for finding in world.said} == before


def test_what_was_open_of_a_home_that_is_gone_after_a_restart_ends() -> None:
    opens = hub_dies(World()).engine.opens()
    ended = Engine(MONDAY + DAY, 180.0).reopen(opens)
    assert [finding.active for finding in ended] == [False, False]


def test_an_announced_absence_is_no_alarm_and_quiet_counts_from_its_end() -> None:
    until = MONDAY + 4 * DAY + 10 * HOUR
    world = World(limits=msgspec.structs.replace(LIMITS, away_until_at=until))
    world.run_until(MONDAY + 14 * HOUR, lives)
    world.run_until(until + 9.9 * HOUR)
    assert world.said == []
    world.run_until(until + 10.2 * HOUR)
    assert {(finding.reason, finding.since_at) for finding in world.said} == {("quiet_too_long", until)}


def test_an_absence_that_is_told_after_the_finding_neither_ends_nor_repeats_it() -> None:
    world = person_collapses(World())
    world.engine.enrol(HOME, msgspec.structs.replace(LIMITS, away_until_at=world.now + 2 * HOUR), world.now)
    world.run_until(world.now + HOUR)
    assert world.news() == [("quiet_too_long", True)]


def test_the_grace_after_a_restart_lets_what_waits_at_the_broker_arrive() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.down_for(3 * HOUR)
    world.hub_on = False
    world.restart()
    world.run_until(world.now + 2 * MINUTE)
    assert world.said == []
    world.hub_on = True
    world.run_until(world.now + HOUR, lives)
    assert world.said == []


def test_what_ended_while_the_receiver_was_down_is_said_to_have_ended() -> None:
    world = hub_dies(World())
    world.hub_on = True
    world.down_for(HOUR)
    world.restart()
    world.said.clear()
    world.run_until(world.now + 10 * MINUTE, lives)
    assert sorted(world.news()) == [("hub_silent", False), ("hub_silent_long", False)]


def test_a_hub_that_is_not_heard_after_its_enrolment_is_a_technicians_task_under_a_lasting_key() -> None:
    world = World(limits=msgspec.structs.replace(LIMITS, hub_enrolled_at=MONDAY + 5 * MINUTE))
    world.hub_on = False
    world.run_until(MONDAY + 34 * MINUTE)
    assert world.said == []
    world.run_until(MONDAY + 6 * HOUR)
    assert world.news() == [("hub_silent", True)]
    world.engine = world._engine(180.0)
    world.engine.recall(HOME, None, (), world.now)
    world.run_until(world.now + HOUR)
    assert {finding.key for finding in world.said} == {f"{HOME}:hub_silent:technical:{int(MONDAY + 5 * MINUTE)}+1800"}
    world.hub_on = True
    world.run_until(world.now + 5 * MINUTE)
    assert world.news() == [("hub_silent", True), ("hub_silent", False)]


def test_a_device_that_was_never_heard_is_not_installed_yet() -> None:
    world = World()
    world.alive.discard("kitchen")
    assert world.run_until(MONDAY + 3 * DAY, lives).said == []


def test_readings_of_an_hours_outage_that_come_late_and_backwards_raise_nothing() -> None:
    world = World().run_until(MONDAY + 14 * HOUR, lives)
    world.hub_on = False
    world.run_until(world.now + 25 * MINUTE, lives)
    world.hub_on = True
    world.run_until(MONDAY + 3 * DAY, lives)
    assert world.said == []


def test_a_silent_hub_is_one_finding_and_not_one_for_each_sensor_or_the_person() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.hub_on = False
    world.run_until(MONDAY + 3 * DAY, lives)
    assert {finding.kind for finding in world.said} == {AlarmKind.HUB_SILENT}
    world.hub_on = True
    world.said.clear()
    world.run_until(MONDAY + 4 * DAY, lives)
    assert sorted(world.news()) == [("hub_silent", False), ("hub_silent_long", False)]


def test_a_sensor_that_comes_back_ends_its_finding() -> None:
    world = kitchen_sensor_dies(World())
    (finding,) = {finding.key: finding for finding in world.said}.values()
    assert finding.facts["device"] == "kitchen"
    assert finding.found_at - finding.since_at == 4 * HOUR + LIMITS.sensor_grace_s
    world.alive.add("kitchen")
    world.run_until(world.now + HOUR, lives)
    assert world.news() == [("sensor_silent", True), ("sensor_silent", False)]


def test_the_hubs_word_that_it_heard_a_device_counts() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.alive.discard("kitchen")

    def hub_hears_it(world: World) -> None:
        lives(world)
        world.engine.hear_devices(HOME, {"kitchen": 30.0, "of-somebody-else": 1.0}, world.now)

    assert world.run_until(MONDAY + 2 * DAY, hub_hears_it).said == []


def at_hour(finding: Finding) -> float:
    return (finding.found_at - MONDAY) / HOUR


def test_quiet_uses_up_the_limit_by_day_faster_than_at_night() -> None:
    # last movement 14:00; nine hours of day use 0.9 of it, and 1.2 hours of night the rest
    (finding,) = {finding.key: finding for finding in person_collapses(World()).said}.values()
    assert at_hour(finding) == pytest.approx(24.2, abs=0.02)
    assert finding.facts["room"] == "kitchen"
    assert finding.facts["quiet_s"] == pytest.approx(10.2 * HOUR, abs=60)
    assert len(finding.evidence) == 8
    assert finding.evidence[-1].n == "kitchen/motion"


def test_a_collapse_at_bedtime_is_found_in_the_morning() -> None:
    world = World().run_until(MONDAY + 23 * HOUR, lives)
    world.run_until(MONDAY + 40 * HOUR)
    found = next(finding for finding in world.said if finding.reason == "quiet_too_long")
    # nine hours of night use 0.75 of it
    assert at_hour(found) == pytest.approx(24 + 8 + 2.5, abs=0.02)


def test_somebody_who_moves_again_ends_the_finding() -> None:
    world = person_collapses(World())
    world.said.clear()
    world.see("hall", "motion")
    world.run_until(world.now + 2 * MINUTE)
    assert world.news() == [("quiet_too_long", False)]


def test_who_left_by_the_front_door_is_given_longer_and_then_missed() -> None:
    world = World().run_until(MONDAY + 10.1 * HOUR, lives)
    world.run_until(MONDAY + 25.9 * HOUR)
    assert world.said == []
    world.run_until(MONDAY + 26.2 * HOUR)
    assert world.news() == [("not_back", True)]


def test_a_door_that_is_followed_by_movement_is_a_return() -> None:
    world = World().run_until(MONDAY + 12.75 * HOUR, lives)
    world.run_until(MONDAY + 26 * HOUR)
    assert world.news() == [("quiet_too_long", True)]


def test_a_bed_sensor_that_repeats_its_state_is_no_sign_of_life() -> None:
    world = World(in_bed=True)
    world.alive = {"bed"}
    world.see("bed", "presence", False)
    world.run_until(MONDAY + 2 * HOUR)
    world.run_until(MONDAY + DAY)
    assert world.news() == [("quiet_too_long", True)]


def test_homes_that_nobody_watches_are_not_called_quiet() -> None:
    world = World()
    world.alive = {"pendant"}
    world.see("pendant", "press", "single")
    world.run_until(MONDAY + 3 * DAY)
    assert world.said == []


def test_dead_sensors_are_found_as_such_and_not_taken_for_a_quiet_person() -> None:
    world = World().run_until(MONDAY + 12 * HOUR, lives)
    world.alive.clear()
    world.run_until(MONDAY + 3 * DAY)
    assert {finding.reason for finding in world.said} == {"sensor_silent"}


def test_the_night_follows_the_local_clock_when_it_changes() -> None:
    sunday = datetime(2026, 3, 29, tzinfo=ZoneInfo(ZONE)).timestamp()
    world = World(now=sunday - DAY).run_until(sunday - HOUR, lives)
    world.run_until(sunday + 16 * HOUR)
    found = next(finding for finding in world.said if finding.reason == "quiet_too_long")
    # the night of the change has eight hours, which use 2/3 of the limit
    assert found.found_at - (sunday - HOUR) == pytest.approx((8 + 10 / 3) * HOUR, abs=60)


def test_the_care_plan_changes_limits_and_what_is_wrong_in_it_is_said() -> None:
    plan = {"inactivity_hours": 4, "hub_silent_alarm_s": "soon", "entry_doors": ["balcony"], "diet": "no salt"}
    limits, faults = limits_of(Limits(), plan, "Europe/Atlantis", {})
    assert (limits.inactivity_hours, limits.entry_doors) == (4.0, ("balcony",))
    assert (limits.hub_silent_alarm_s, limits.timezone) == (Limits().hub_silent_alarm_s, "UTC")
    assert sorted(fault.partition(":")[0] for fault in faults) == ["hub_silent_alarm_s", "timezone"]
    world = World(limits=limits_of(Limits(), {"inactivity_hours": 4}, ZONE, DEVICES)[0])
    assert [reason for reason, active in person_collapses(world).news() if active] == ["quiet_too_long"]
    assert at_hour(world.said[0]) == pytest.approx(18, abs=0.02)


def test_a_limit_that_is_raised_and_then_passed_as_well_is_another_finding() -> None:
    world = person_collapses(World())
    longer = limits_of(Limits(), {"inactivity_hours": 20}, ZONE, DEVICES)[0]
    world.engine.enrol(HOME, longer, world.now)
    world.run_until(MONDAY + 36 * HOUR)
    assert world.news() == [("quiet_too_long", True), ("quiet_too_long", False), ("quiet_too_long", True)]
    first, *_, last = world.said
    assert first.since_at == last.since_at
    assert first.key != last.key, "the desk takes no finding up again that has ended"


def test_a_home_that_is_no_longer_enrolled_ends_what_was_open() -> None:
    world = hub_dies(World())
    ended = world.engine.dismiss([HOME])
    assert {(finding.reason, finding.active) for finding in ended} == {
        ("hub_silent", False),
        ("hub_silent_long", False),
    }
    assert world.engine.due(world.now + DAY) == []


def test_many_homes_are_judged_a_few_at_a_time() -> None:
    engine = Engine(MONDAY, 0.0)
    for number in range(600):
        engine.enrol(f"flat-{number}", LIMITS, MONDAY)
        engine.recall(f"flat-{number}", MONDAY - DAY, (), MONDAY)
    found: list[Finding] = []
    for _ in range(60):
        batch = engine.due(MONDAY + 1, most=10)
        assert len({finding.home for finding in batch}) == 10
        found += batch
    assert len({finding.home for finding in found}) == 600
    assert engine.due(MONDAY + 1, most=10) == [], "each once a minute"


def test_where_all_homes_have_a_day_to_learn_at_once_none_waits_for_minutes_to_be_judged_by_habits() -> None:
    engine, now = Engine(MONDAY, 0.0), MONDAY + 2 * DAY
    homes = [f"flat-{number}" for number in range(60)]
    seen = [
        Reading("kitchen", "motion", True, MONDAY + hour * HOUR + part) for hour in range(48) for part in (0, 20, 40)
    ]
    for home in homes:
        engine.enrol(home, LIMITS, now)
        engine.recall(home, None, (), now)
        engine.take(home, seen, now)

    def learned() -> int:
        return sum(timeline is not None and timeline.habits.days > 0 for timeline in map(engine.timeline, homes))

    at_once = []
    for tenth in range(50):
        for home in homes:
            engine.hear(home, now + 60 + tenth / 10)
        before = learned()
        engine.due(now + 60 + tenth / 10)
        at_once.append(learned() - before)
    assert learned() == len(homes)
    assert max(at_once) <= LEARN_AT_ONCE, "and the loop is not held up"


@pytest.mark.parametrize("seconds", [600.0, -600.0], ids=["the loop stood still", "the clock was set back"])
def test_homes_are_judged_each_in_its_own_second_whatever_happened_to_the_clock(seconds: float) -> None:
    engine = Engine(MONDAY - DAY, 0.0)
    for number in range(60):
        engine.enrol(f"flat-{number}", LIMITS, MONDAY)
        engine.recall(f"flat-{number}", MONDAY - DAY, (), MONDAY + number)
    for second in range(130):
        engine.due(MONDAY + second)
    engine.due(MONDAY + 130 + seconds)
    said = [len(engine.due(MONDAY + 130 + seconds + second)) for second in range(1, 400)]
    assert sum(said) >= 60
    assert max(said) <= 5


# order, doubles, bounds

moments = st.integers(0, 2_000).map(lambda minutes: MONDAY + minutes * MINUTE)
readings = st.builds(
    Reading,
    st.sampled_from(["hall", "kitchen", "bed", "door"]),
    st.sampled_from(["motion", "open", "presence"]),
    st.booleans(),
    moments,
)


def distinct(given_readings: Iterable[Reading]) -> list[Reading]:
    return list({(reading.device, reading.kind, reading.measured_at): reading for reading in given_readings}.values())


@settings(max_examples=150, deadline=None)
@given(st.lists(readings, max_size=100).map(distinct), st.data())
def test_the_order_of_arrival_and_doubles_change_no_judgement(
    given_readings: list[Reading], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(given_readings))
    doubles = data.draw(st.lists(st.sampled_from(given_readings), max_size=10)) if given_readings else []
    now = MONDAY + 2_001 * MINUTE
    judged = []
    for arrivals in (sorted(given_readings, key=lambda reading: reading.measured_at), shuffled + doubles):
        engine = Engine(MONDAY, 0.0)
        engine.enrol(HOME, LIMITS, MONDAY)
        engine.recall(HOME, None, (), MONDAY)
        for reading in arrivals:
            engine.take(HOME, [reading], now)
        said = []
        for hour in range(48):
            engine.hear(HOME, now + hour * HOUR)
            said += engine.due(now + hour * HOUR + MINUTE)
        judged.append(said)
    assert judged[0] == judged[1]


def test_each_hour_in_which_a_hub_was_heard_leaves_a_mark_in_the_store() -> None:
    """Or a restart would not know of an hour that was heard for half a minute only, and learn less from its day."""
    timeline = Timeline()
    heard = [MONDAY + HOUR - 40, MONDAY + HOUR - 20, MONDAY + HOUR + 10, MONDAY + HOUR + 30, MONDAY + HOUR + 75]
    assert [timeline.hear(at) for at in heard] == [True, False, True, False, True]


def test_what_is_kept_of_a_home_is_bounded_whatever_comes() -> None:
    timeline = Timeline()
    for number in range(20_000):
        device = f"d{number % 100}"
        timeline.take([Reading(device, "open", number % 3 == 0, MONDAY + number)], MONDAY + number)
        timeline.take([Reading(f"{device}-m", "motion", True, MONDAY + number)], MONDAY + number)
    kept = [trace.newest(20_000) for trace in timeline._states["open"].values()]
    kept += [acts.newest(device, 20_000) for acts in timeline._acts.values() for device in acts.devices]
    assert len(kept) == 32
    assert max(map(len, kept)) <= TRACE_MAX


def test_a_change_of_state_is_remembered_however_often_the_state_is_repeated() -> None:
    timeline = Timeline()
    timeline.take([Reading("door", "open", True, MONDAY), Reading("door", "open", False, MONDAY + 5)], MONDAY + 5)
    for minute in range(1, 5 * TRACE_MAX):
        timeline.take([Reading("door", "open", False, MONDAY + minute * MINUTE)], MONDAY + minute * MINUTE)
    (last,) = timeline.sightings(1)
    assert last.at == MONDAY + 5
