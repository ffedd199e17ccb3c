"""A radio that hears nobody is a technician's case in the queue: once, and over when it hears again."""

from __future__ import annotations

import pytest

from central.alarm_cases.case import CaseEvent
from central.alarm_cases.priority import Priority
from central.console.wording import Names, why_it_fired
from central.hub_states import HubStates
from central.radio_watch import DEAF_S, LOOK_S, RadioWatch
from central.storage import cases
from central.texts import LANGUAGES, translator
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import HubState, Problem, ProblemCode

from .conftest import NOON as T
from .conftest import Town, alarm_of


class Unit:
    """The unit of home 1, what it says of its radio, and the centre's watch over it."""

    def __init__(self, town: Town) -> None:
        self.town, self.now = town, T
        self.states = HubStates()
        self.watch = RadioWatch(town.desk, self.states)

    def say(self, *codes: ProblemCode, hub: str = "hub-1", online: bool = True, clock_wrong_s: float = 0.0) -> None:
        at = self.now + clock_wrong_s
        problems = [Problem(code, at, "ble") for code in codes]
        self.states.hear(hub, HubState(online, at, trusted=not clock_wrong_s, problems=problems), self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.watch.work(self.now)

    def restart(self) -> None:
        self.states = HubStates()
        self.watch = RadioWatch(self.town.desk, self.states)

    def log(self) -> list[CaseEvent]:
        with self.town.database.read() as connection:
            assert [case.home_id for case in cases.open_cases(connection)] in ([], ["home-1"])
            return cases.events_of(connection, 1)


@pytest.fixture
def unit(town: Town) -> Unit:
    return Unit(town)


@pytest.mark.parametrize("code", [ProblemCode.BLE_DEAF, ProblemCode.BLE_MISSING])
@pytest.mark.parametrize("clock_wrong_s", [0.0, -3e8])
def test_a_radio_that_stays_deaf_is_one_technical_case(unit: Unit, code: ProblemCode, clock_wrong_s: float) -> None:
    unit.say(code, clock_wrong_s=clock_wrong_s)
    unit.passes(DEAF_S - LOOK_S)
    assert unit.log() == []
    for _ in range(5):
        unit.passes(LOOK_S)
    (opened,) = unit.log()
    assert (opened.facts.kind, opened.facts.priority) == (AlarmKind.RADIO_DEAF, Priority.TECHNICAL)
    for language in LANGUAGES:
        (why,) = why_it_fired([opened], Names("Maria", {}, {}, {}), translator(language))
        assert "30 min" in why.sentence


def test_it_is_over_when_the_radio_hears_and_another_time_is_another(unit: Unit) -> None:
    unit.say(ProblemCode.BLE_DEAF)
    unit.passes(DEAF_S)
    unit.say(ProblemCode.BLE_DEAF, online=False)
    unit.passes(LOOK_S)
    assert [event.type for event in unit.log()] == ["opened"], "who is away has not said that it hears"
    unit.say(ProblemCode.BLE_RESCANNED)
    unit.passes(LOOK_S)
    assert [event.type for event in unit.log()] == ["opened", "ended"]
    unit.say(ProblemCode.BLE_DEAF)
    unit.passes(DEAF_S)
    with unit.town.database.read() as connection:
        assert [case.repeats for case in cases.open_cases(connection)] in ([2], [1, 1])


def test_a_restart_of_the_centre_neither_forgets_nor_repeats_it(unit: Unit) -> None:
    unit.say(ProblemCode.BLE_DEAF)
    unit.passes(DEAF_S)
    unit.restart()
    unit.passes(LOOK_S)
    unit.say(ProblemCode.BLE_DEAF)
    unit.passes(DEAF_S)
    assert [event.type for event in unit.log()] == ["opened"]
    unit.restart()
    unit.say()
    unit.passes(LOOK_S)
    assert [event.type for event in unit.log()] == ["opened", "ended"]


def test_a_unit_that_nobody_enrolled_and_one_that_is_healed_in_time_are_no_case(unit: Unit) -> None:
    unit.town.receive(alarm_of(AlarmKind.HELP, "S1"), T, hub="hub-strange")
    for hub in ("hub-strange", "hub-unheard-of", "hub-1"):
        unit.say(ProblemCode.BLE_DEAF, hub=hub)
    unit.passes(DEAF_S - LOOK_S)
    unit.say(ProblemCode.BLE_QUIET)
    unit.passes(2 * LOOK_S)
    with unit.town.database.read() as connection:
        assert cases.open_findings(connection, "") == {}
