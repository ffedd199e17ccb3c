"""What learned inactivity promises, on a simulated person's weeks in virtual time."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.console import finding_words
from central.detection.activity import Act, Activity
from central.detection.detectors import inactivity
from central.detection.engine import Engine, Open
from central.detection.finding import Finding
from central.detection.fixed_limit import used_up_at
from central.detection.habits import Habits, Kept, Start
from central.detection.past_silences import DAY_STEPS
from central.detection.profile import DeviceAtHome, Limits
from central.detection.silence import first_broken
from central.detection.situation import Detector
from central.texts import LANGUAGES, translator
from devices.vocabulary import Reading
from simulators.home import STANDARD_SENSORS, readings_of
from simulators.person import Room, day_of, someone

HOME: Final = "flat-1"
ZONE: Final = ZoneInfo("Europe/Madrid")
FIRST: Final = date(2026, 3, 2)
HOUR, DAY = 3600.0, 86_400.0
STEP_S: Final = 300.0
LIMITS: Final = Limits(
    devices={sensor.id: DeviceAtHome(sensor.id, sensor.room.value, 12 * HOUR) for sensor in STANDARD_SENSORS},
    timezone="Europe/Madrid",
)


def at(day: int, hour: float = 0.0) -> float:
    """Unix time of a local hour, `day` days after the first."""
    midnight = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), ZONE)
    return midnight.timestamp() + hour * HOUR


@cache
def life(seed: int, days: int) -> tuple[Reading, ...]:
    """What the sensors of somebody's flat say in so many days."""
    person, dice = someone(seed), random.Random(seed)
    said = [
        reading
        for day in range(days)
        for reading in readings_of(day_of(person, FIRST + timedelta(days=day)), STANDARD_SENSORS, dice)
    ]
    return tuple(sorted(said, key=lambda reading: reading.measured_at))


@dataclass
class Flat:
    """A home, its store, and the receiver's engine; what is kept over a restart is what the receiver keeps."""

    limits: Limits = LIMITS
    now: float = at(0)
    said: dict[str, Finding] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    stored: list[Reading] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    habits: bytes = b""
    judges: tuple[Detector, ...] = (inactivity.DETECTOR,)

    def __post_init__(self) -> None:
        self.engine = Engine(self.now, 0.0, judges=self.judges)
        self.engine.enrol(HOME, self.limits, self.now)
        self.engine.recall(HOME, self.now, (), self.now)

    def live(
        self,
        readings: Sequence[Reading],
        until: float,
        *,
        deaf: bool = False,
    ) -> Flat:
        """Time passes; the hub beats, unless it is `deaf`, and sends what was measured."""
        coming = [one for one in readings if self.now <= one.measured_at < until]
        by_step = {step: list(ones) for step, ones in groupby(coming, key=lambda one: one.measured_at // STEP_S)}
        while self.now < until:
            arrived = by_step.get(self.now // STEP_S, [])
            self.now += STEP_S
            if not deaf:
                self.stored += arrived
                self.beats.append(self.now)
                self.engine.hear(HOME, self.now)
                self.engine.take(HOME, arrived, self.now)
            self._judge()
        return self

    def _judge(self) -> None:
        for finding in self.engine.due(self.now):
            if finding.active:
                self.said[finding.key] = finding
            else:
                self.ended.append(finding.key)
        for kept in self.engine.learned().values():
            self.habits = msgspec.msgpack.encode(kept)

    def down(self, until: float, readings: Sequence[Reading]) -> None:
        """Killed, and started again later; what waited at the broker arrives before the store is asked."""
        waiting = [one for one in readings if self.now <= one.measured_at < until]
        self.beats += [self.now + beat * STEP_S for beat in range(1, int((until - self.now) / STEP_S) + 1)]
        self.now = until
        self.restart(first=waiting)
        self.stored += waiting

    def restart(self, *, habits_lost: bool = False, opens_lost: bool = False, first: Sequence[Reading] = ()) -> None:
        opens = msgspec.json.decode(msgspec.json.encode(self.engine.opens()), type=list[Open])
        kept = Habits.of(msgspec.msgpack.decode(self.habits, type=Kept)) if self.habits and not habits_lost else None
        since = self.now - 30 * DAY
        if kept is not None:
            since = datetime.combine(date.fromordinal(kept.learned_day), datetime.min.time(), ZONE).timestamp()
        rows = [one for one in self.stored if one.measured_at >= since]
        self.engine = Engine(self.now, 0.0, judges=self.judges)
        self.engine.enrol(HOME, self.limits, self.now)
        self.engine.reopen([] if opens_lost else opens)
        heard = [beat for beat in self.beats if beat >= since]
        self.engine.take(HOME, first, self.now)
        self.engine.recall(HOME, self.now, rows, self.now, heard=heard, habits=kept)

    @property
    def known(self) -> Habits:
        timeline = self.engine.timeline(HOME)
        assert timeline is not None
        return timeline.habits

    def inactive(self) -> list[Finding]:
        return [finding for finding in self.said.values() if ":inactivity:" in finding.key]


def stray(begin: float, days: float, per_day: int = 3) -> list[Reading]:
    """One trigger of one sensor at a time, in a home in which nobody moves."""
    dice = random.Random(7)
    rooms = ("living-motion", "bathroom-motion", "hall-motion")
    times = sorted(begin + dice.uniform(0, days) * DAY for _ in range(int(days * per_day)))
    return [Reading(dice.choice(rooms), "motion", True, time) for time in times]


def alive(begin: float, days: float) -> list[Reading]:
    """Signs of life of the sensors of an empty flat."""
    return [
        Reading(sensor.id, "battery", 90.0, begin + hour * HOUR)
        for hour in range(int(days * 24))
        for sensor in STANDARD_SENSORS
    ]


def ordered(*parts: Sequence[Reading]) -> list[Reading]:
    return sorted((one for part in parts for one in part), key=lambda one: one.measured_at)


@cache
def _lived(days: int) -> Flat:
    before = max((one for one in (19, 30) if one < days), default=0)
    return (after(before) if before else Flat()).live(life(1, 90), at(days))


def after(days: int) -> Flat:
    """The flat of person 1 after so many ordinary days, which many tests begin with and none needs to live again."""
    return copy.deepcopy(_lived(days))


def after_five_weeks() -> Flat:
    return after(36)


def test_a_fortnight_has_a_wide_limit_and_then_a_collapse_by_day_is_found_hours_sooner() -> None:
    found = {}
    for day in (5, 40):
        collapse = at(day, 15)
        seen = [one for one in life(1, 41) if one.measured_at < collapse]
        flat = Flat() if day < 36 else after_five_weeks()
        flat.live(ordered(seen, alive(collapse, 1.2)), collapse + DAY)
        last = [one for one in flat.inactive() if one.found_at > collapse]
        assert len(last) == 1
        found[day] = last[0].found_at - collapse
    assert found[5] > 9 * HOUR
    assert found[40] < 6 * HOUR


@pytest.mark.parametrize("people", [(1,), pytest.param((1, 2, 3), marks=pytest.mark.long)])
def test_an_ordinary_quarter_gives_about_as_many_false_alarms_as_wished(people: Sequence[int]) -> None:
    """76 learned days each, one false alarm wished in 30 days."""
    begun = {seed: after_five_weeks() if seed == 1 else Flat() for seed in people}
    counts = [len(flat.live(life(seed, 90), at(90)).inactive()) for seed, flat in begun.items()]
    assert sum(counts) <= 2 * len(people) * 76 / 30, counts


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_finding_says_which_expectation_failed(language: str) -> None:
    collapse = at(40, 2)
    seen = [one for one in life(1, 41) if one.measured_at < collapse]
    flat = after_five_weeks().live(ordered(seen, alive(collapse, 1.2)), collapse + DAY)
    (found,) = [one for one in flat.inactive() if one.found_at > collapse]
    assert found.reason in {"not_up_yet", "quiet_indoors"}
    words = translator(language)
    sentence = words.say(finding_words.REASONS[found.reason], **found.facts, span="7 h")
    assert "…" not in sentence
    assert str(found.facts["usual_by"]) in sentence
    assert str(found.facts["usual_room"]) in sentence


# away, and stray triggers


def leaves(day: int) -> tuple[float, list[Reading]]:
    """The life up to an ordinary going-out on that day or later, and when the door fell shut."""
    readings = life(1, 60)
    shut = next(
        stay.begin_at + 8.0
        for offset in range(day, 60)
        for stay in day_of(someone(1), FIRST + timedelta(days=offset))
        if stay.room is Room.OUT
    )
    return shut, [one for one in readings if one.measured_at <= shut]


def test_one_absence_is_one_finding_and_stray_triggers_do_not_end_it() -> None:
    shut, seen = leaves(40)
    flat = after_five_weeks().live(ordered(seen, alive(shut, 7), stray(shut + 3 * HOUR, 7)), shut + 7 * DAY)
    away = [one for one in flat.inactive() if one.found_at > shut]
    assert len(away) == 1
    assert away[0].key not in flat.ended
    assert away[0].reason in {"not_home_yet", "quiet_indoors"}


def test_coming_home_ends_the_absence() -> None:
    shut, seen = leaves(40)
    back = shut + 3 * DAY
    home = [Reading("front-door", "open", True, back), Reading("front-door", "open", False, back + 5)]
    rooms = ("hall", "kitchen", "living")
    home += [Reading(f"{room}-motion", "motion", True, back + 20 * place) for place, room in enumerate(rooms, 1)]
    flat = after_five_weeks().live(ordered(seen, alive(shut, 4), stray(shut + 3 * HOUR, 3), home), back + HOUR)
    (away,) = [one for one in flat.inactive() if one.found_at > shut]
    assert flat.ended.count(away.key) == 1


def test_the_door_alone_makes_nobody_away() -> None:
    """Whoever falls right behind the door is missed within hours all the same, and no later than the fixed limit."""
    shut, seen = leaves(40)
    flat = after_five_weeks().live(ordered(seen, alive(shut, 2)), shut + DAY)
    (found,) = [one for one in flat.inactive() if one.found_at > shut]
    assert found.found_at - shut < LIMITS.inactivity_away_hours * HOUR


def test_stray_triggers_do_not_hide_a_collapse() -> None:
    collapse = at(40, 11)
    seen = [one for one in life(1, 41) if one.measured_at < collapse]
    every_two_hours = [Reading("living-motion", "motion", True, collapse + n * 2 * HOUR) for n in range(1, 12)]
    flat = after_five_weeks().live(ordered(seen, alive(collapse, 1.2), every_two_hours), collapse + DAY)
    (found,) = [one for one in flat.inactive() if one.found_at > collapse]
    assert found.found_at - collapse < 12 * HOUR


# the first fortnight


def went_out_on_day_six(days: float = 3, **changes: object) -> tuple[float, Flat]:
    """An absence of so many days, in a home that knows six."""
    shut = at(6, 15)
    going = [Reading("hall-motion", "motion", True, shut - 20)]
    going += [Reading("front-door", "open", is_open, shut - 8 * is_open) for is_open in (True, False)]
    seen = [one for one in life(1, 20) if one.measured_at < shut - 300]
    flat = Flat(limits=msgspec.structs.replace(LIMITS, **changes))
    return shut, flat.live(ordered(seen, going, alive(shut, 7), stray(shut + 3 * HOUR, 7)), shut + days * DAY)


@pytest.mark.parametrize(("doors", "most"), [(LIMITS.entry_doors, 1), ((), 2)], ids=["door", "no door"])
def test_in_the_first_fortnight_too_stray_triggers_do_not_end_an_absence(doors: tuple[str, ...], most: int) -> None:
    shut, flat = went_out_on_day_six(7, entry_doors=doors)
    away = [one for one in flat.inactive() if one.found_at > shut]
    assert 1 <= len(away) <= most
    assert away[-1].key not in flat.ended


def test_a_restart_in_an_absence_in_the_first_fortnight_finds_the_same() -> None:
    shut, flat = went_out_on_day_six()
    (away,) = [one for one in flat.inactive() if one.found_at > shut]
    flat.restart(opens_lost=True)
    flat.said.clear()
    flat.live(ordered(alive(shut, 7), stray(shut + 3 * HOUR, 7)), flat.now + DAY)
    assert [one.key for one in flat.inactive()] == [away.key]


@pytest.mark.parametrize("signs", [("front-door",), ("hall-motion", "kitchen-motion"), ("living-motion",) * 12])
def test_in_the_first_fortnight_a_collapse_after_coming_home_is_found_as_soon_as_any(signs: tuple[str, ...]) -> None:
    """Noticed by the door alone, in two rooms at once, or as one sensor's sign in every half hour."""
    _, flat = went_out_on_day_six()
    back = flat.now
    apart_s = 1800.0 if len(signs) > 2 else 60.0
    home = [
        Reading(device, "open" if device == "front-door" else "motion", True, back + place * apart_s)
        for place, device in enumerate(signs, 1)
    ]
    before = set(flat.said)
    flat.live(ordered(home, alive(back, 1)), back + 0.9 * DAY)
    (collapse,) = [one for key, one in flat.said.items() if key not in before]
    assert collapse.since_at == home[-1].measured_at
    assert collapse.found_at - collapse.since_at <= LIMITS.inactivity_away_hours * HOUR


def test_in_the_first_fortnight_hours_in_which_the_hub_was_away_are_no_absence() -> None:
    shut, flat = went_out_on_day_six(0.1)
    back = flat.live((), flat.now + 20 * HOUR, deaf=True).now
    flat.live(ordered(alive(back, 0.4), [Reading("hall-motion", "motion", True, back + 60)]), back + 9 * HOUR)
    assert [one for one in flat.inactive() if one.found_at > shut] == []


def test_in_the_first_fortnight_a_collapse_after_a_quiet_day_and_a_stray_trigger_is_found_as_soon_as_any() -> None:
    quiet, sign = at(6, 9), at(6, 21)
    seen = [one for one in life(1, 20) if one.measured_at < quiet]
    late = [Reading("living-motion", "motion", True, sign)]
    flat = Flat().live(ordered(seen, late, alive(quiet, 2)), at(7, 12))
    first, second = [one for one in flat.inactive() if one.found_at > quiet]
    assert first.key in flat.ended
    assert second.since_at == sign
    assert second.found_at == used_up_at(sign, LIMITS)


# learning


def ordinary(habits: Habits) -> tuple[bytes, ...]:
    kept = habits.kept()
    return kept.begun_days, kept.begun_steps, kept.lengths, kept.places


def test_nothing_is_learned_from_an_absence() -> None:
    shut, seen = leaves(40)
    back = shut + 7 * DAY
    later = [one for one in life(1, 60) if one.measured_at > back]
    flat = after_five_weeks().live(ordered(seen, alive(shut, 7), stray(shut + 3 * HOUR, 7), later), back + 2 * DAY)
    begun = {day - FIRST.toordinal() % 65_536 for day in memoryview(flat.known.kept().begun_days).cast("H")}
    first_day_out = int((shut - at(0)) // DAY) + 1
    assert begun.isdisjoint(range(first_day_out, first_day_out + 6))
    assert flat.known.learned_day >= FIRST.toordinal() + first_day_out + 6


def test_nothing_is_learned_from_an_outage() -> None:
    begin, end = at(30, 9), at(31, 19)
    flat = after(30).live(life(1, 60), begin)
    flat.live(life(1, 60), end, deaf=True).live(life(1, 60), at(34))
    lengths = memoryview(flat.known.kept().lengths).cast("H")
    assert max(lengths) < 30 * 12


def test_nothing_is_learned_from_times_that_were_not_ordinary() -> None:
    fall = (at(30, 6), at(31, 6))
    plain, marked = (
        Flat(limits=msgspec.structs.replace(LIMITS, unusual=unusual)).live(life(1, 60), at(34))
        for unusual in ((), (fall,))
    )
    assert len(marked.known.kept().lengths) < len(plain.known.kept().lengths)


def test_limits_that_are_not_to_be_learned_stay_as_they_are_written() -> None:
    limits = msgspec.structs.replace(LIMITS, inactivity_learned=False)
    collapse = at(40, 15)
    seen = [one for one in life(1, 41) if one.measured_at < collapse]
    flat = Flat(limits=limits).live(ordered(seen, alive(collapse, 1.2)), collapse + DAY)
    (found,) = [one for one in flat.inactive() if one.found_at > collapse]
    assert found.reason == "quiet_too_long"


# restarts


@cache
def undisturbed() -> tuple[frozenset[str], tuple[str, ...]]:
    flat = after_five_weeks().live(month(), at(47))
    return frozenset(flat.said), tuple(flat.ended)


@cache
def month() -> tuple[Reading, ...]:
    """Forty ordinary days over a change of clocks, a collapse, help, and an absence with stray triggers."""
    collapse, shut = at(38, 15), at(42, 12)
    days = [one for one in life(1, 47) if not collapse < one.measured_at < at(39, 4) and one.measured_at < shut]
    return tuple(ordered(days, alive(collapse, 0.6), alive(shut, 5), stray(shut, 5)))


@settings(max_examples=3, deadline=None)
@given(st.lists(st.floats(36, 46.9), min_size=3, max_size=8).map(sorted))
def test_restarts_at_any_instant_change_no_finding(days: list[float]) -> None:
    flat = after_five_weeks()
    for day in days:
        flat.live(month(), at(0) + round(day * DAY / STEP_S) * STEP_S)
        flat.restart()
    flat.live(month(), at(47))
    assert (frozenset(flat.said), tuple(flat.ended)) == undisturbed()


def minutely(device: str, begin: float, hours: float) -> list[Reading]:
    return [Reading(device, "motion", True, begin + 60 * minute) for minute in range(int(hours * 60))]


STUCK: Final = [*minutely("living-motion", at(19, 20), 2.5), *minutely("kitchen-motion", at(20, 3.6), 5)]
"""An evening in front of the television, and a sensor that comes under suspicion soon after the day has closed."""


@pytest.mark.parametrize("extra", [[], STUCK], ids=["ordinary", "a sensor is stuck"])
def test_a_day_teaches_the_same_when_the_receiver_was_down_as_it_closed(extra: list[Reading]) -> None:
    lived = ordered([one for one in life(1, 22) if not extra or not at(19, 19) < one.measured_at < at(20, 8)], extra)
    flat = after(19).live(lived, at(20, 5.5))
    killed = copy.deepcopy(flat)
    flat.live(lived, at(20, 11))
    killed.down(at(20, 10), lived)
    killed.live(lived, at(20, 11))
    assert flat.known.learned_day == FIRST.toordinal() + 19
    assert killed.known.kept() == flat.known.kept()


def test_a_day_is_not_learned_from_the_half_of_it_that_a_hub_had_sent_at_a_restart() -> None:
    cut, back = at(20, 1), at(20, 9)
    flat = after(19).live(life(1, 22), at(19, 21)).live((), cut, deaf=True).live((), back, deaf=True)
    held = [one for one in life(1, 22) if at(19, 21) <= one.measured_at < back]
    flat.stored += held[len(held) // 2 :]
    flat.engine.hear(HOME, back)
    flat.engine.take(HOME, held[len(held) // 2 :], back)
    killed = copy.deepcopy(flat)
    killed.restart()
    for one in (flat, killed):
        one.stored += held[: len(held) // 2]
        one.engine.take(HOME, held, back + 60)
        one.live(life(1, 22), at(20, 10))
    assert flat.known.learned_day == FIRST.toordinal() + 19
    assert killed.known.kept() == flat.known.kept()


def test_habits_that_were_lost_are_learned_again_from_the_store() -> None:
    flat = after(19).live(month(), at(25, 13))
    before = flat.known.kept()
    flat.restart(habits_lost=True)
    flat.live(month(), at(25, 14))
    assert flat.known.kept() == before


def test_a_store_that_cannot_tell_the_past_ends_no_finding_that_was_open() -> None:
    collapse = at(40, 15)
    seen = [one for one in life(1, 41) if one.measured_at < collapse]
    flat = after_five_weeks().live(ordered(seen, alive(collapse, 1.2)), collapse + 7 * HOUR)
    opens, habits = flat.engine.opens(), flat.known
    assert opens
    flat.engine = Engine(flat.now, 0.0, judges=[inactivity.DETECTOR])
    flat.engine.enrol(HOME, flat.limits, flat.now)
    flat.engine.reopen(opens)
    flat.engine.recall_nothing(HOME, flat.now, habits)
    flat.live(alive(collapse, 1.2), flat.now + HOUR)
    keys = [open_.finding.key for open_ in opens]
    assert [one.key for one in flat.inactive() if one.found_at > collapse] == keys
    assert not set(keys) & set(flat.ended)


def test_habits_come_back_from_where_they_are_kept_as_they_were() -> None:
    habits = after_five_weeks().live(life(1, 60), at(40)).known
    again = Habits.of(msgspec.msgpack.decode(msgspec.msgpack.encode(habits.kept()), type=Kept))
    for step in range(0, DAY_STEPS, 50):
        start = Start(FIRST.toordinal() + 40, step, "kitchen", door=False)
        assert again.scores(start) == habits.scores(start)
        assert again.usual(start) == habits.usual(start)
    assert again.kept() == habits.kept()


# rules for whatever comes


@cache
def learned_habits() -> Habits:
    return Flat().live(life(1, 60), at(40)).known


weak_signs = st.lists(st.floats(60, 3 * DAY), max_size=20).map(sorted)


@settings(max_examples=30, deadline=None)
@given(weak_signs, st.booleans(), st.integers(0, 23))
def test_whatever_stray_triggers_come_somebody_is_missed_within_a_day(
    signs: list[float], door: bool, hour: int
) -> None:
    begin = at(40, hour)
    acts = [Act(begin, begin, "front-door" if door else "hall-motion", "hall", door, True)]
    acts += [Act(begin + s, begin + s, "living-motion", "living", False, False) for s in signs]
    broken, due_at = first_broken(acts, learned_habits(), LIMITS, begin + 4 * DAY)
    assert broken is not None
    assert HOUR <= broken.found_at - begin <= DAY
    assert due_at == broken.found_at
    more = [*acts, Act(begin + 4 * DAY, begin + 4 * DAY, "living-motion", "living", False, False)]
    assert first_broken(more, learned_habits(), LIMITS, begin + 5 * DAY)[0] == broken


@settings(max_examples=60, deadline=None)
@given(st.integers(0, DAY_STEPS - 1), st.sampled_from(["kitchen", "hall", "attic"]), st.booleans())
def test_a_silence_never_becomes_less_unusual(step: int, room: str, door: bool) -> None:
    scores = learned_habits().scores(Start(FIRST.toordinal() + 40, step, room, door))
    assert scores == sorted(scores)
    assert len(scores) == DAY_STEPS + 1


def test_activity_is_bounded_whatever_comes() -> None:
    activity = Activity()
    for number in range(20_000):
        activity.move(f"d{number % 90}", at(0) + number * 61)
        activity.change("door", at(0) + number * 61, happened=True)
    assert len(activity._steps) <= 1_200
    assert len(activity._changes) <= 1_024
    assert len(activity.devices) <= 32
