"""The hearing watchdog through days of virtual time: what is told, what is healed, and what is left in peace."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.hearing import Hearing
from edge.hearing_note import load_note, save_note
from edge.radio_healing import RESTART_PAUSES_S, Note, RadioHealing, Step
from edge.rhythm import LEARNED_AFTER_S, Rhythm
from gateway.contract.messages import Outcome, ProblemCode

HOUR = 3600.0
DAY = 24 * HOUR
TICK = 5.0
KNOWN_WITHIN_S = 120.0
Says = Callable[[float], list[str]]
"""Moment -> who is on the air: a device's id, or "" for a stranger."""


class Home:
    """A home with a radio that may die; every tick its watchdog looks, and what it wants is done."""

    def __init__(self, devices: dict[str, float], says: Says, *, can_restart: bool = True) -> None:
        self.now = 0.0
        self.boot = "b1"
        self.dead = False
        self.cured_by: Step | None = None
        self.may_restart = can_restart
        self.steps: list[tuple[float, Step]] = []
        self._devices = devices
        self._says = says
        self._start(Note())

    def _start(self, note: Note) -> None:
        self.hearing = Hearing()
        self.hearing.expect_link("ble", self.now, RadioHealing(self.now, self.boot, note))
        for device, silence_max_s in self._devices.items():
            self.hearing.expect_device(device, "ble", silence_max_s, self.now)
        self.hearing.remember(note, self.boot, self.now)

    @property
    def radio(self) -> RadioHealing:
        radio = self.hearing.healing("ble")
        assert radio is not None
        return radio

    def live(self, for_s: float) -> None:
        """Lets time pass."""
        end = self.now + for_s
        while self.now < end:
            self.now += TICK
            for speaker in [] if self.dead else self._says(self.now):
                self.hearing.heard_link("ble", self.now)
                if speaker:
                    self.hearing.heard_device(speaker, self.now)
            self.hearing.look(self.now)
            step = self.radio.next_step(self.now, may_restart=self.may_restart)
            if step is not None:
                self._take(step)

    def _take(self, step: Step) -> None:
        self.steps.append((self.now, step))
        self.radio.took(step, self.now)
        if step is self.cured_by:
            self.dead = False
        if step is Step.RESTART:
            note = self.hearing.note(self.now, restarting=True)
            assert note is not None
            self.now += 3.0
            self._start(msgspec.json.decode(msgspec.json.encode(note), type=Note))

    def told(self, code: ProblemCode) -> list[tuple[str, Outcome | None]]:
        """Subjects and outcomes of what is told with that code."""
        return [(found.subject, found.outcome) for found in self.hearing.findings(self.now) if found.code is code]

    def times(self, step: Step) -> list[float]:
        return [at for at, taken in self.steps if taken is step]


def street(now: float) -> list[str]:
    """Neighbours' telephones, all the time."""
    return [""] if now % 10.0 < TICK else []


def flat(now: float) -> list[str]:
    """A flat in town: neighbours, and two sensors that are heard every minute."""
    return street(now) + ([] if now % 60.0 >= TICK else ["hall", "kitchen"])


def country(seed: int) -> Says:
    """Nobody for miles; one motion sensor every 5 to 40 minutes by day, nothing from ten at night to seven."""
    dice, due = random.Random(seed), [0.0]

    def says(now: float) -> list[str]:
        hour = now % DAY / HOUR
        if not 7 <= hour < 22 or now < due[0]:
            return []
        due[0] = now + dice.uniform(300.0, 2400.0)
        return ["hall"]

    return says


SENSORS = {"hall": 4 * HOUR, "kitchen": 4 * HOUR}


def test_a_dead_radio_is_known_within_two_minutes_and_healed_by_ever_stronger_steps() -> None:
    home = Home(SENSORS, flat)
    home.live(30 * HOUR)
    assert (home.steps, home.hearing.findings(home.now)) == ([], [])
    home.dead, died = True, home.now
    home.live(KNOWN_WITHIN_S)
    assert home.told(ProblemCode.BLE_DEAF) == [("ble", None)]
    assert home.told(ProblemCode.BLE_RESCANNED)
    assert home.told(ProblemCode.ADAPTER_RESET) == [("ble", Outcome.FAILED)]
    home.live(KNOWN_WITHIN_S)
    assert [step for _, step in home.steps[:2]] == [Step.RESCAN, Step.RESET]
    assert home.times(Step.RESTART)
    assert home.times(Step.RESTART)[0] - died <= 2 * KNOWN_WITHIN_S
    assert home.told(ProblemCode.BLE_DEAF), "the restarted program knows it still"


@pytest.mark.parametrize("cure", list(Step))
def test_the_step_that_helped_is_told_and_no_stronger_one_follows(cure: Step) -> None:
    home = Home(SENSORS, flat)
    home.live(30 * HOUR)
    home.dead, home.cured_by = True, cure
    home.live(HOUR)
    code = {
        Step.RESCAN: ProblemCode.BLE_RESCANNED,
        Step.RESET: ProblemCode.ADAPTER_RESET,
        Step.RESTART: ProblemCode.AGENT_RESTARTED,
    }[cure]
    assert home.told(code) == [("ble", Outcome.HELPED)]
    assert home.steps[-1][1] is cure
    assert not home.told(ProblemCode.BLE_DEAF)
    home.live(DAY)
    assert not home.told(code), "after a day it is history"


def test_a_radio_that_is_dead_for_good_is_not_tormented() -> None:
    home = Home(SENSORS, flat)
    home.live(2 * DAY)
    home.dead = True
    home.live(7 * DAY)
    restarts = home.times(Step.RESTART)
    assert 2 <= len(restarts) <= 5
    assert all(later - earlier >= RESTART_PAUSES_S[1] for earlier, later in itertools.pairwise(restarts))
    assert restarts[-1] - restarts[-2] >= RESTART_PAUSES_S[-2]
    assert len(home.times(Step.RESET)) < 80
    assert home.told(ProblemCode.BLE_DEAF)


@pytest.mark.parametrize("seed", range(3))
def test_a_quiet_house_in_the_country_is_left_in_peace_at_night(seed: int) -> None:
    home = Home({"hall": DAY}, country(seed))
    home.live(2 * DAY)
    assert len(home.times(Step.RESTART)) <= 2, "what is usual there is not known before a night has passed"
    restarts = len(home.times(Step.RESTART))
    home.live(10 * DAY)
    assert len(home.times(Step.RESTART)) == restarts
    assert len(home.times(Step.RESET)) < 12 * 8
    home.live(4 * HOUR)
    home.dead = True
    home.live(KNOWN_WITHIN_S)
    assert home.told(ProblemCode.BLE_DEAF) + home.told(ProblemCode.BLE_QUIET), "a silence is known there as well"
    home.live(3 * HOUR)
    assert home.told(ProblemCode.BLE_DEAF), "one that is not usual at all is told as deafness"


def test_one_silent_device_is_told_and_the_radio_is_left_alone() -> None:
    def says(now: float) -> list[str]:
        return [speaker for speaker in flat(now) if speaker != "kitchen" or now < 30 * HOUR]

    home = Home(SENSORS, says)
    home.live(30 * HOUR + 4 * HOUR)
    assert home.told(ProblemCode.DEVICE_SILENT) == [("kitchen", None)]
    assert home.steps == []
    assert home.hearing.heard(home.now)["kitchen"] > 3 * HOUR


def test_a_device_that_is_heard_every_minute_is_missed_long_before_its_models_limit() -> None:
    def says(now: float) -> list[str]:
        return [speaker for speaker in flat(now) if speaker != "kitchen" or now < 30 * HOUR]

    home = Home(SENSORS, says)
    home.live(30 * HOUR + 1200)
    assert home.told(ProblemCode.DEVICE_SILENT) == [("kitchen", None)]
    fresh = Home(SENSORS, lambda now: [s for s in flat(now) if s != "kitchen" or now < HOUR])
    fresh.live(3 * HOUR)
    assert not fresh.told(ProblemCode.DEVICE_SILENT), "nothing is concluded on the first day"
    fresh.live(3 * HOUR)
    assert fresh.told(ProblemCode.DEVICE_SILENT), "but the model's limit holds from the start"


def test_a_radio_that_hears_strangers_but_none_of_ours_is_healed_too() -> None:
    deaf_to_ours = [False]

    def says(now: float) -> list[str]:
        return street(now) if deaf_to_ours[0] else flat(now)

    home = Home(SENSORS, says)
    home.live(30 * HOUR)
    deaf_to_ours[0] = True
    home.live(HOUR)
    assert home.told(ProblemCode.BLE_DEAF) == [("ble", None)]
    assert not home.told(ProblemCode.DEVICE_SILENT), "the radio is at fault, not two batteries at once"
    assert home.times(Step.RESET)
    deaf_to_ours[0] = False
    home.live(120)
    assert not home.told(ProblemCode.BLE_DEAF)


def test_devices_are_not_blamed_for_the_time_in_which_the_radio_was_deaf() -> None:
    home = Home(SENSORS, flat, can_restart=False)
    home.live(30 * HOUR)
    home.dead = True
    home.live(5 * HOUR)
    assert not home.told(ProblemCode.DEVICE_SILENT)
    home.dead, home.cured_by = False, None
    home.live(30)
    assert not home.told(ProblemCode.DEVICE_SILENT)
    assert not home.told(ProblemCode.BLE_DEAF)


def test_the_program_is_not_ended_while_it_may_not_be() -> None:
    home = Home(SENSORS, flat, can_restart=False)
    home.live(30 * HOUR)
    home.dead = True
    home.live(DAY)
    assert not home.times(Step.RESTART)
    home.may_restart = True
    home.live(TICK)
    assert home.times(Step.RESTART)


def test_a_radio_that_is_said_to_need_a_reset_gets_one_at_once_but_not_again_and_again() -> None:
    home = Home(SENSORS, flat)
    home.live(HOUR)
    for _ in range(6):
        home.radio.ask_reset()
        home.live(30)
    assert 2 <= len(home.times(Step.RESET)) <= 4
    assert home.times(Step.RESET)[0] <= HOUR + TICK
    assert not home.times(Step.RESTART)


def test_a_power_cut_forgets_neither_what_was_learned_nor_that_restarts_do_not_help() -> None:
    home = Home(SENSORS, flat)
    home.live(30 * HOUR)
    home.dead = True
    home.live(9 * HOUR)
    note = home.hearing.note(home.now)
    assert note is not None
    assert note.restarts_in_vain >= 2
    assert note.observed_s > LEARNED_AFTER_S
    # another boot: its monotonic clock begins anew, and says nothing about the last restart
    home.boot, home.now = "b2", 0.0
    home._start(note)
    home.steps.clear()
    home.live(RESTART_PAUSES_S[2] - HOUR)
    assert not home.times(Step.RESTART)


def test_the_note_outlives_the_program_and_a_damaged_one_is_as_good_as_none(tmp_path: Path) -> None:
    note = Note(longest_s=30.0, observed_s=9.0, restarts_in_vain=2, boot="b1", restarted_at=7.0, silent_since=5.0)
    assert load_note(tmp_path) == Note()
    assert save_note(tmp_path, note)
    assert load_note(tmp_path) == note
    (tmp_path / "hearing.json").write_bytes(b"\xff{")
    assert load_note(tmp_path) == Note()
    assert not save_note(tmp_path / "nowhere", note)


events = st.lists(
    st.tuples(st.floats(0.5, 5 * HOUR), st.sampled_from(["stranger", "hall", "kitchen", "nothing"])), max_size=60
)


@settings(deadline=None, max_examples=40)
@given(events, st.booleans())
def test_whatever_is_heard_a_long_silence_is_told_and_restarts_stay_rare(
    history: list[tuple[float, str]], learned: bool
) -> None:
    note = Note(longest_s=40.0, observed_s=2 * DAY) if learned else Note()
    home = Home(SENSORS, lambda _now: [])
    home._start(note)
    heard_at = 0.0
    for wait_s, who in history:
        home.live(min(wait_s, 2 * HOUR))
        if who != "nothing":
            home.hearing.heard_link("ble", home.now)
            heard_at = home.now
            if who != "stranger":
                home.hearing.heard_device(who, home.now)
        silent = home.now - heard_at > KNOWN_WITHIN_S
        told = home.told(ProblemCode.BLE_DEAF) + home.told(ProblemCode.BLE_QUIET)
        assert told or not silent
        assert len(home.told(ProblemCode.BLE_DEAF)) <= 1
    restarts = home.times(Step.RESTART)
    assert all(later - earlier >= RESTART_PAUSES_S[0] for earlier, later in itertools.pairwise(restarts))


@given(st.lists(st.floats(0.1, 10 * HOUR), max_size=200))
def test_what_is_usual_is_never_less_than_the_last_silence_and_never_more_than_the_longest(gaps: list[float]) -> None:
    rhythm, now = Rhythm(0.0), 0.0
    for gap in gaps:
        now += gap
        rhythm.heard(now)
        assert rhythm.usual_s(now) <= max(gaps) + 1e-6
        if gap > 5.0:
            assert rhythm.usual_s(now) >= gap - 1e-6
    assert rhythm.observed_s == pytest.approx(now)


@pytest.mark.parametrize(("limit_s", "words"), [(300.0, "5 min"), (900.0, "15 min"), (4 * HOUR, "4 h")])
def test_a_device_that_is_missed_is_told_in_a_technicians_words(limit_s: float, words: str) -> None:
    hearing = Hearing()
    hearing.expect_device("cord", "button", limit_s, 0.0)
    assert [one.sentence for one in hearing.findings(limit_s + 1)] == [f"cord: not heard for more than {words}"]
