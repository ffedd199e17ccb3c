"""Floods of silent homes are one incident, with those most at risk first; a matter of life is never in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.alarm_cases.incidents import HOMES_MIN, AtRisk, OpenIncident, Silence, groupings, risk
from central.alarm_cases.priority import Priority
from central.console.wording import Names, timeline
from central.detection.finding import Finding
from central.storage import cases, homes, incidents
from central.storage.cases import find
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON as T
from .conftest import Town, alarm_of


def silence(number: int, at: float = T, area: str = "area:a", priority: Priority = Priority.TECHNICAL) -> Silence:
    return Silence(number, f"home-{number}", at, priority, (area, "centre"))


def test_few_silent_homes_are_a_coincidence() -> None:
    assert groupings([silence(number) for number in range(HOMES_MIN - 1)], [], T) == []
    spread = [silence(number, T + 200 * number) for number in range(HOMES_MIN)]
    assert groupings(spread, [], T) == []


def test_one_area_is_named_before_the_whole_and_two_areas_are_two() -> None:
    near = [silence(number) for number in range(5)]
    (one,) = groupings(near, [], T)
    assert (one.cause, one.case_ids, one.incident) == ("area:a", (0, 1, 2, 3, 4), None)
    both = near + [silence(number, area="area:b") for number in range(5, 10)]
    (all_,) = groupings(both, [], T)
    assert (all_.cause, len(all_.case_ids)) == ("centre", 10)


def test_later_homes_join_what_is_going_on_and_not_what_is_long_over() -> None:
    (joined,) = groupings([silence(9, T + 60)], [OpenIncident(3, "area:a", T)], T + 60)
    assert (joined.incident, joined.case_ids) == (3, (9,))
    assert groupings([silence(9, T + 9_000)], [OpenIncident(3, "area:a", T)], T + 9_000) == []


@given(
    st.lists(
        st.builds(
            silence,
            st.integers(0, 40),
            st.floats(T, T + 900),
            st.sampled_from(["area:a", "area:b"]),
            st.sampled_from(Priority),
        ),
        unique_by=lambda it: it.case_id,
    )
)
def test_no_case_is_in_two_incidents_and_no_life_in_any(silences: list[Silence]) -> None:
    grouped = [case_id for grouping in groupings(silences, [], T + 900) for case_id in grouping.case_ids]
    assert len(grouped) == len(set(grouped))
    lives = {it.case_id for it in silences if it.priority is Priority.LIFE}
    assert not lives & set(grouped)


def test_who_depends_on_oxygen_and_lives_alone_is_rung_first() -> None:
    oxygen = AtRisk(70, ("oxygen",), lives_alone=True)
    old, young = AtRisk(90, ("dog",), lives_alone=False), AtRisk(70, (), lives_alone=False)
    assert risk(oxygen) > risk(old) > risk(young) >= risk(None)


def test_a_flood_is_one_incident_whose_cases_live_on(town: Town) -> None:
    with town.database.begin() as connection:
        for number in range(3, 9):
            homes.enrol_home(connection, f"home-{number}", address="x", now=0.0, district="Gràcia")
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    for number in range(3, 9):
        key, home = f"silent-{number}", f"home-{number}"
        found = Finding(key, home, AlarmKind.HUB_SILENT, T, T + number, "hub_silent")
        town.desk.receive_finding(found, T + number)
    with town.database.read() as connection:
        (incident,) = incidents.open_incidents(connection, T + 60)
        open_ = cases.open_cases(connection)
    assert len(incident.homes) == 6
    assert [case.incident_id for case in open_ if case.priority is Priority.LIFE] == [None]
    assert all(case.wake_at is not None for case in open_)
    town.desk.receive_finding(Finding("grave", "home-3", AlarmKind.SMOKE, T, T + 70, "x"), T + 70)
    with town.database.read() as connection:
        graver = find(connection, next(line.case_id for line in incident.homes if line.home_id == "home-3"))
    assert graver is not None
    assert (graver.priority, graver.incident_id) == (Priority.LIFE, None)


def test_one_provider_s_outage_is_named_and_homes_of_others_stay_apart(town: Town) -> None:
    """Across districts, however the provider's name was typed; a home of another provider is no part of it."""
    typed = ["Orange", "orange", "ORANGE ", "Orange", "orange", "Movistar"]
    with town.database.begin() as connection:
        for number, provider in enumerate(typed, start=3):
            where = {"district": f"d{number}", "provider": provider}
            homes.enrol_home(connection, f"home-{number}", address="x", now=0.0, **where)
    for number in range(3, 9):
        key, home = f"silent-{number}", f"home-{number}"
        found = Finding(key, home, AlarmKind.HUB_SILENT, T, T + number, "hub_silent")
        town.desk.receive_finding(found, T + number)
    with town.database.read() as connection:
        (incident,) = incidents.open_incidents(connection, T + 60)
    assert incident.cause == "provider:orange"
    assert {line.home_id for line in incident.homes} == {f"home-{number}" for number in range(3, 8)}


@pytest.mark.parametrize(("none_heard", "cause"), [(True, "broker"), (False, "centre")])
def test_over_areas_and_providers_it_is_our_own_broker_only_while_not_one_home_is_heard(
    town: Town, none_heard: bool, cause: str
) -> None:
    with town.database.begin() as connection:
        for number in range(3, 10):
            where = {"district": f"d{number}", "provider": f"p{number}"}
            homes.enrol_home(connection, f"home-{number}", address="x", now=0.0, **where)
    for number in range(3, 10):
        found = Finding(f"silent-{number}", f"home-{number}", AlarmKind.HUB_SILENT, T, T + number, "hub_silent")
        # the last one comes when some are heard again: it still fell silent with them
        town.desk.receive_finding(found, T + number, none_heard=none_heard and number < 9)
    with town.database.read() as connection:
        (incident,) = incidents.open_incidents(connection, T + 60)
        log = cases.events_of(connection, incident.homes[0].case_id)
    assert (incident.cause, len(incident.homes)) == (cause, 7)
    names = Names("Maria", {}, {}, {})
    said = [line.sentence for line in timeline(log, names, translator("en"), "Europe/Madrid")]
    assert any("Look at Health first" in one for one in said) is none_heard


def test_one_area_is_named_before_our_own_broker(town: Town) -> None:
    with town.database.begin() as connection:
        for number in range(3, 8):
            homes.enrol_home(connection, f"home-{number}", address="x", now=0.0, district="Gràcia")
    for number in range(3, 8):
        found = Finding(f"silent-{number}", f"home-{number}", AlarmKind.HUB_SILENT, T, T + number, "hub_silent")
        town.desk.receive_finding(found, T + number, none_heard=True)
    with town.database.read() as connection:
        assert [one.cause for one in incidents.open_incidents(connection, T + 60)] == ["area:Gràcia"]
