"""Who is asked first, who is never asked, and when nobody could be reached."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from central import reach_watch
from central.alarm_cases.care_plan import STANDARD, CarePlan, PlanRow, plan_for, read_plan
from central.alarm_cases.case import EventType
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import (
    Absence,
    Address,
    Asked,
    Gap,
    Profile,
    RotaContact,
    Span,
    availability,
    contact_order,
    next_contacts,
    read_profile,
    unreachable_hours,
)
from central.pulse import STUCK_AFTER_S, Pulse
from central.reach_watch import ReachWatch
from central.storage import cases, homes, rota
from central.storage.tables import contacts

from .conftest import NOON, Town

MONDAY_NOON = 1_795_431_600.0
"""Monday 23 November 2026, 12:00 in Madrid."""
HOUR = 3_600.0
MAIL = (Address("email", "x@example.org"),)


def contact(name: str, **changes: object) -> RotaContact:
    given = RotaContact(name, 0, name.title(), 10, has_key=False, ways=MAIL)
    return given._replace(**changes)  # type: ignore[arg-type]


def names(contacts: list[RotaContact], now: float = MONDAY_NOON, **asked: Asked) -> list[str]:
    return [ranked.contact.id for ranked in contact_order(contacts, now, asked)]


def test_available_then_near_then_with_a_key_then_well_reached_then_as_agreed() -> None:
    away = contact("away", minutes_away=1, profile=Profile(absences=(Absence(0, MONDAY_NOON + 1),)))
    far, key = contact("far", minutes_away=30), contact("key", minutes_away=9, has_key=True)
    poor, last = contact("poor", minutes_away=5), contact("last", minutes_away=5, position=9)
    order = names([away, far, poor, last, key], poor=Asked(missed=3, reached=1))
    assert order == ["key", "last", "poor", "far", "away"]


def test_the_residents_own_order_when_that_was_agreed() -> None:
    near, first = contact("near", minutes_away=2, position=2), contact("first", minutes_away=40, position=1)
    assert names([near, first]) == ["near", "first"]
    agreed = contact_order([near, first], MONDAY_NOON, {}, agreed=True)
    assert [ranked.contact.id for ranked in agreed] == ["first", "near"]


@pytest.mark.parametrize(
    ("profile", "now", "why_not"),
    [
        (Profile(), MONDAY_NOON, ""),
        (Profile(weekly=(Span(0, 9 * 60, 13 * 60),)), MONDAY_NOON, ""),
        (Profile(weekly=(Span(0, 9 * 60, 12 * 60),)), MONDAY_NOON, "off_hours"),
        (Profile(weekly=(Span(1, 0, 1440),)), MONDAY_NOON, "off_hours"),
        (Profile(night_ok=False), MONDAY_NOON + 11 * HOUR, "night"),
        (Profile(night_ok=False), MONDAY_NOON + 10.9 * HOUR, ""),
        (Profile(muted_until_at=MONDAY_NOON + 1), MONDAY_NOON, "muted"),
        (Profile(consent=()), MONDAY_NOON, "unreachable"),
    ],
)
def test_what_was_declared_holds_in_the_homes_own_time(profile: Profile, now: float, why_not: str) -> None:
    assert availability(contact("marc", profile=profile), now, "Europe/Madrid").why_not == why_not


def asked_next(contacts: list[RotaContact], wanted: int, now: float, life: bool = True, **asked: Asked) -> list[str]:
    order = contact_order(contacts, now, asked)
    return [chosen.id for chosen in next_contacts(order, wanted, now, life=life)]


def test_everybody_once_then_everybody_twice_then_people_must_act() -> None:
    two = [contact("a", minutes_away=1), contact("b", minutes_away=2)]
    now = MONDAY_NOON
    assert asked_next(two, 1, now) == ["a"]
    assert asked_next(two, 1, now, a=Asked(1, now)) == ["b"]
    assert asked_next(two, -1, now, a=Asked(1, now - 500)) == ["b"], "all that are left, nobody again"
    assert asked_next(two, 1, now, a=Asked(1, now - 60), b=Asked(1, now - 30)) == []
    assert asked_next(two, 1, now, a=Asked(1, now - 120), b=Asked(1, now - 30)) == ["a"]
    assert asked_next(two, 1, now, a=Asked(2, now - 900), b=Asked(2, now - 900)) == []


def test_who_declined_or_cannot_be_reached_is_not_asked_again() -> None:
    two = [contact("a"), contact("b")]
    asked = {"a": Asked(1, 0.0, declined=True), "b": Asked(1, 0.0, hopeless=True)}
    assert asked_next(two, 2, MONDAY_NOON, **asked) == []


def test_sleepers_are_woken_for_a_life_only_and_those_who_are_away_never() -> None:
    night = MONDAY_NOON + 13 * HOUR
    sleeps = contact("sleeps", profile=Profile(night_ok=False))
    away = contact("away", profile=Profile(absences=(Absence(0, night + HOUR),)))
    muted = contact("muted", profile=Profile(muted_until_at=night + HOUR))
    assert asked_next([sleeps, away, muted], -1, night, life=False) == []
    assert asked_next([sleeps, away, muted], -1, night) == ["sleeps"]


def test_the_hours_in_which_nobody_could_be_reached_are_found() -> None:
    weekdays = tuple(Span(day, 0, 1440) for day in range(5))
    works = contact("works", profile=Profile(weekly=weekdays))
    (gap,) = unreachable_hours([works], MONDAY_NOON)
    saturday = MONDAY_NOON + 4.5 * 24 * HOUR
    assert gap == Gap(saturday, saturday + 48 * HOUR)
    assert unreachable_hours([works, contact("always")], MONDAY_NOON) == []
    (whole,) = unreachable_hours([], MONDAY_NOON)
    assert whole == Gap(MONDAY_NOON, MONDAY_NOON + 169 * HOUR)


def test_a_profile_from_outside_is_checked() -> None:
    assert read_profile({"weekly": [{"day": 0, "from_min": 60, "until_min": 120}]}) == Profile(
        weekly=(Span(0, 60, 120),)
    )
    for wrong in (
        {"weekly": [{"day": 7, "from_min": 0, "until_min": 1}]},
        {"weekly": [{"day": 0, "from_min": 90, "until_min": 60}]},
        {"absences": [{"from_at": 2.0, "until_at": 1.0}]},
        {"addresses": [{"channel": "", "address": "x"}]},
        {"surprise": 1},
        [],
    ):
        assert isinstance(read_profile(wrong), str)


def test_a_plan_moves_steps_within_bounds_only() -> None:
    assert read_plan({"first": "family", "after_s": {"first_carer": 20}}) == CarePlan(
        first="family", after_s={"first_carer": 20}
    )
    for wrong in ({"after_s": {"exception": 900}}, {"after_s": {"supervisor": 9_000}}, {"first": "nobody"}, {"x": 1}):
        assert isinstance(read_plan(wrong), str)


def test_the_plan_for_the_kind_and_the_person_comes_first_and_none_before_its_time() -> None:
    home, person = CarePlan(carers="parallel"), CarePlan(first="family")
    rows = [
        PlanRow("", "", 1, 0.0, home),
        PlanRow("", "", 2, 100.0, CarePlan(carers="in_turn")),
        PlanRow("maria", "fall", 1, 50.0, person),
    ]
    assert plan_for([], "help", 10.0) == STANDARD
    assert plan_for(rows, "help", 10.0).carers == "parallel"
    assert (plan_for(rows, "help", 200.0).carers, plan_for(rows, "help", 200.0).version) == ("in_turn", 2)
    assert plan_for(rows, "fall", 60.0).first == "family"


def test_looking_through_many_homes_on_a_slow_database_is_no_standing_still(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0

    def slowly(*_: object) -> None:
        nonlocal now_s
        now_s += 15.0

    watched = Pulse(lambda: now_s)
    monkeypatch.setattr(reach_watch, "PULSE", watched)
    with town.database.begin() as connection:
        for number in range(20):
            homes.enrol_home(connection, f"home-{number + 2}", address="x", now=0.0)
    due_at = ReachWatch(town.desk).work(NOON)
    sa.event.listen(sa.Engine, "before_cursor_execute", slowly)
    try:
        watched.at_work()
        ReachWatch(town.desk).work(due_at)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", slowly)
    assert now_s > 2 * STUCK_AFTER_S
    assert watched.stuck() == {}


def test_a_home_that_nobody_could_come_to_is_a_technicians_case_until_it_is_mended(town: Town) -> None:
    watch = ReachWatch(town.desk)
    with town.database.begin() as connection:
        homes.enrol_home(connection, "home-2", address="x", now=0.0)
        connection.execute(
            sa.insert(contacts).values(id="eva", home_id="home-2", position=1, called="Eva", email="e@x")
        )
    due_at = watch.work(NOON)
    assert due_at == NOON + 86_400
    away = Profile(absences=(Absence(NOON + 3 * 86_400, NOON + 4 * 86_400),))
    with town.database.begin() as connection:
        rota.keep_profile(connection, "eva", away, NOON, "eva")
    for at in (due_at, due_at, due_at + 86_400):
        watch.work(at)
    with town.database.read() as connection:
        (case,) = cases.open_cases(connection)
    assert (case.home_id, case.priority, case.repeats) == ("home-2", Priority.TECHNICAL, 1)
    with town.database.begin() as connection:
        rota.keep_profile(connection, "eva", Profile(), NOON, "eva")
    assert watch.look("home-2", NOON + 3 * 86_400) == []
    with town.database.read() as connection:
        assert cases.events_of(connection, case.id)[-1].type is EventType.ENDED
