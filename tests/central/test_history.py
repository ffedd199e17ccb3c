"""A history brought in is made by the rules of the desk: logs rebuild, time did its part, and twice is once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from central import seeding
from central.agenda.rules import next_after
from central.alarm_cases.case import EventType, State
from central.alarm_cases.priority import Priority
from central.alarm_cases.transitions import rebuild
from central.carers.day import Mornings
from central.case_desk import CaseDesk
from central.console.wording import Names, why_it_fired
from central.history import History, load
from central.history_import import import_history, import_readings
from central.register import Seed, SeedError
from central.service_figures import inside_times
from central.service_settings import Team
from central.storage import (
    care,
    cases,
    drill_plans,
    drills,
    home_facts,
    installations,
    reach_tests,
    rota,
    service_quality,
    settings,
)
from central.storage.database import Database
from central.storage.service_quality import Scope
from central.storage.shares import SHARES, changes_of
from central.storage.tables import cases as case_table
from central.storage.tables import residents
from central.telemetry.embedded import EmbeddedStore
from central.texts import translator
from simulators.demo import city

from .conftest import NOON, Town

HOMES = 20


def brought(database: Database, now: float = NOON) -> History:
    """The demo's city with its past, brought in."""
    register = city.register(HOMES, {name: "una contrasenya llarga" for name, *_ in city.ACCOUNTS})
    seeding.import_homes(database, msgspec.convert(register, Seed), now)
    history = msgspec.convert(city.past(HOMES, now), History)
    import_history(database, history, now)
    return history


def numbers(database: Database) -> list[int]:
    with database.read() as conn:
        return list(conn.execute(sa.select(case_table.c.id)).scalars())


def test_who_is_on_call_comes_along_and_takes_nobodys_place_who_is_there_already(town: Town) -> None:
    def on_call() -> list[str]:
        with town.database.read() as conn:
            return [person.called for person in settings.current(conn).on_call.people]

    def of(name: str) -> History:
        people = [{"called": name, "channel": "sms", "address": "600 555 090"}]
        return msgspec.convert({"on_call": {"people": people}}, History)

    import_history(town.database, of("Núria"), NOON)
    import_history(town.database, of("Pol"), NOON + 60)
    assert on_call() == ["Núria"]


def test_the_demos_checklist_can_ring_a_mobile_and_send_the_team(database: Database) -> None:
    brought(database)
    with database.read() as conn:
        team = settings.current(conn).team
        mobiles = list(conn.execute(sa.select(residents.c.mobile)).scalars())
    assert team.called
    assert {number[:4] for number in (team.phone, *filter(None, mobiles))} == {"000 "}, "numbers that nobody has"
    assert 0 < sum(map(bool, mobiles)) < len(mobiles)
    import_history(database, History(team=Team("Another", "000 900 101")), NOON + 60)
    with database.read() as conn:
        assert settings.current(conn).team == team, "what the settings say stands"


def test_every_case_of_the_demos_past_is_what_its_log_adds_up_to(database: Database) -> None:
    history = brought(database)
    found = numbers(database)
    assert len(found) == len(history.cases) > 250
    with database.read() as conn:
        for number in found:
            assert rebuild(number, cases.events_of(conn, number)) == cases.find(conn, number)
        assert len(cases.open_cases(conn)) == 7
        assert service_quality.life_without_outcome(conn, Scope(0, NOON))[1] == 0
        entered = inside_times(service_quality.calls(conn, Scope(NOON - 40 * 86_400, NOON)))
        assert 0.8 * entered.known < entered.within_5_min < entered.known, "now and then a key has to be fetched"
        proven = {home: drills.last_proven_at(conn, home) or 0.0 for home in city.street(HOMES)}
        assert any(proven.values())
        assert {home: home_facts.facts_of(conn, home)["proven_at"] for home in proven} == proven


def test_sentences_about_the_demos_past_have_no_gaps(database: Database) -> None:
    brought(database)
    names = Names("Maria", {}, {}, {})
    with database.read() as conn:
        logs = [cases.events_of(conn, number) for number in numbers(database)]
    said = {why.sentence for log in logs for why in why_it_fired(log, names, translator("en"))}
    assert any("9 h" in sentence for sentence in said)
    assert not [sentence for sentence in said if "…" in sentence]


def test_the_circle_around_the_demos_residents_has_lived(database: Database, tmp_path: Path) -> None:
    history = brought(database)
    week = msgspec.convert(city.measured(HOMES, NOON), History)
    store = EmbeddedStore(tmp_path / "telemetry")
    counts = {import_readings(store, week) for _ in range(2)}
    with database.read() as conn:
        assert set(rota.profile(conn, "montse-ferrer").consent) == set(SHARES)
        assert {one.said_by for one in changes_of(conn, city.FLAT)} == {"Maria"}
        assert care.changes_of(conn, city.FLAT, NOON)
        tests = [reach_tests.latest_of(conn, one.contact) for one in history.reach_tests]
        plans = drill_plans.due(conn, NOON + 40 * 86_400, 100)
        ordered, waiting = installations.ordered(conn, 0.0, NOON), installations.waiting(conn)
    assert [one.home_id for one in waiting] == [city.QUIET]
    assert len(ordered) == len(history.installations) > 4
    answered = sum(test is not None and test.answered_at is not None for test in tests)
    assert 0.6 * len(tests) < answered < len(tests)
    assert all(test is not None and test.queued_at < NOON for test in tests)
    assert len(plans) > HOMES // 2
    words = translator("ca")
    (told,) = counts
    assert told > 20_000
    for home in (city.FLAT, *city.street(3)):
        said = Mornings(store).line(home, "Europe/Madrid", NOON, words)
        assert any(usual in said for usual in ("com sempre", "de costum")), said
    assert len(store.points(city.FLAT, "living-climate", "temperature", NOON - 7 * 86_400, NOON)) > 100
    store.close()


def test_brought_in_twice_it_is_there_once(database: Database) -> None:
    history = brought(database)
    before = numbers(database)
    again = import_history(database, history, NOON + 60)
    assert (again.cases, again.around) == (0, 0)
    assert numbers(database) == before


def test_the_same_moment_gives_the_same_city_and_all_of_it_is_past() -> None:
    past = city.past(HOMES, NOON)
    assert past == city.past(HOMES, NOON)
    assert all(case["at"] < NOON for case in past["cases"])


@pytest.mark.parametrize("hour", range(24))
def test_whenever_the_demo_begins_nothing_in_its_agenda_is_hours_late(hour: int) -> None:
    now = NOON + (hour - 13) * 3_600 + 300  # its noon in UTC is one o'clock here
    agenda = msgspec.convert(city.past(HOMES, now), History).agenda
    due = [next_after(item.rule, item.made_at, "Europe/Madrid") or now for item in agenda]
    assert len(due) == 12
    assert min(due) > now - 4 * 3_600


def story(*steps: dict[str, Any], **case: Any) -> History:
    given = {"home": "home-1", "ref": "H1", "kind": "help", "at": NOON, "steps": steps, **case}
    return msgspec.convert({"cases": [given]}, History)


CLOSED = {"do": "closed", "by": "ana", "cause": "mistake", "action": "talked", "outcome": "resolved_by_talk"}


def test_what_the_desk_would_have_done_in_between_is_in_the_log_at_its_own_time(town: Town) -> None:
    why = "Tres alarmes alhora."
    import_history(
        town.database,
        story(
            {"after_s": 190, "do": "taken", "by": "ana"},
            {"after_s": 193, "do": "spoken", "by": "ana"},
            {**CLOSED, "after_s": 250, "explanation": why},
        ),
        NOON + 3_600,
    )
    with town.database.read() as conn:
        log = cases.events_of(conn, 1)
        (late,) = service_quality.late_answers(conn, Scope(NOON, NOON + 3_600), NOON + 3_600)
    asked = [(event.facts.step, event.at - NOON) for event in log if event.type is EventType.ESCALATED]
    assert asked[:4] == [("second_burst", 10), ("every_operator", 20), ("supervisor", 30), ("first_carer", 60)]
    assert asked[-1] == ("exception", 180)
    assert (late.wait_s, late.reason) == (190, why)
    assert town.changes == []  # nobody was told of what is long over


def test_an_open_case_goes_on_where_its_history_ends(town: Town) -> None:
    import_history(town.database, story(kind="flood"), NOON + 30)
    with town.database.read() as conn:
        found = cases.find(conn, 1)
    assert found is not None
    assert (found.state, found.priority, found.wake_at) == (State.NEW, Priority.URGENT, NOON + 60)
    CaseDesk(town.database, town.changes.append).work_due(NOON + 61)
    assert [change.event_type for change in town.changes] == ["escalated"]


@pytest.mark.parametrize(
    "steps",
    [
        ({"after_s": 5, "do": "taken", "by": "ana"}, {**CLOSED, "after_s": 9, "outcome": ""}),
        ({"after_s": 5, "do": "taken", "by": "ana"}, {**CLOSED, "after_s": 9, "by": "joan"}),
        ({**CLOSED, "after_s": 9},),
    ],
)
def test_what_the_rules_refuse_is_refused_and_nothing_is_written(town: Town, steps: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(SeedError, match="home-1/H1"):
        import_history(town.database, story(*steps), NOON + 60)
    assert numbers(town.database) == []


def test_a_file_that_cannot_be_is_refused_with_all_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    late_first = [{"after_s": 9, "do": "taken", "by": "ana"}, {"after_s": 5, "do": "closed", "by": "ana"}]
    case = {"home": "h", "ref": "A", "kind": "help", "at": 1.0, "steps": late_first}
    path.write_bytes(msgspec.json.encode({"cases": [case, case]}))
    with pytest.raises(SeedError) as refused:
        load(path)
    for word in ("twice", "not in order", "without a cause"):
        assert word in str(refused.value)
