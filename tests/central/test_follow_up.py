"""The call that a closing promises stands in the agenda, whatever becomes of the console that closed the case."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from central.agenda.desk import AgendaDesk
from central.texts import local
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

ENDED = {"cause": "lonely", "action": "talked", "outcome": "resolved_by_talk"}


def in_hand(setting: Setting, person: Person, clock: Clock) -> int:
    case = setting.alarm("carme", AlarmKind.HELP)
    clock.now += 5
    assert person.post(f"/api/cases/{case}/take")[0] == 200
    assert person.post(f"/api/cases/{case}/talk")[0] == 200
    return case


@pytest.mark.parametrize(("wanted", "after_s"), [("today", 7_200), ("tomorrow", 86_400), ("week", 604_800)])
def test_a_closing_that_wants_a_call_puts_it_into_the_agenda(
    setting: Setting, app: FastAPI, clock: Clock, wanted: str, after_s: int
) -> None:
    ana = Person(app, "x-operator")
    case = in_hand(setting, ana, clock)
    closed_at = clock.now
    assert ana.post(f"/api/cases/{case}/close", follow_up=wanted, **ENDED)[0] == 200
    clock.now += after_s + 1
    clock.now += 86_400 if wanted != "today" else 60
    AgendaDesk(setting.desk).work(clock.now)
    ana.sit_down()
    (call,) = [one for one in ana.get("/api/agenda?show=due")[1]["calls"] if one["kind"] == "follow_up"]
    assert str(case) in call["title"]
    assert (call["home_id"], call["called"]) == ("carme", "Carme")
    due, wished = (local(at, "Europe/Madrid") for at in (call["due_at"], closed_at + after_s))
    assert due.date() == wished.date()
    assert f"{due:%H:%M}" == (f"{wished:%H:%M}" if wanted == "today" else "10:00")


@pytest.mark.parametrize(
    ("closed", "due"), [("2027-03-27T23:30", "2027-03-28T10:00"), ("2027-10-31T00:30", "2027-11-01T10:00")]
)
def test_tomorrow_is_the_next_day_also_where_the_clocks_change(
    setting: Setting, app: FastAPI, clock: Clock, closed: str, due: str
) -> None:
    clock.now = datetime.fromisoformat(closed).replace(tzinfo=ZoneInfo("Europe/Madrid")).timestamp()
    ana = Person(app, "x-operator")
    assert ana.post(f"/api/cases/{in_hand(setting, ana, clock)}/close", follow_up="tomorrow", **ENDED)[0] == 200
    clock.now += 2 * 86_400
    AgendaDesk(setting.desk).work(clock.now)
    ana.sit_down()
    (call,) = [one for one in ana.get("/api/agenda?show=due")[1]["calls"] if one["kind"] == "follow_up"]
    assert f"{local(call['due_at'], 'Europe/Madrid'):%Y-%m-%dT%H:%M}" == due


def test_a_call_still_today_wakes_nobody(setting: Setting, app: FastAPI, clock: Clock) -> None:
    clock.now += 9 * 3_600  # ten in the evening
    ana = Person(app, "x-operator")
    case = in_hand(setting, ana, clock)
    assert ana.post(f"/api/cases/{case}/close", follow_up="today", **ENDED)[0] == 200
    clock.now += 10 * 3_600
    AgendaDesk(setting.desk).work(clock.now)
    ana.sit_down()
    (call,) = [one for one in ana.get("/api/agenda?show=due")[1]["calls"] if one["kind"] == "follow_up"]
    assert f"{local(call['due_at'], 'Europe/Madrid'):%H:%M}" == "08:00"


def test_a_closing_that_is_refused_promises_nothing(setting: Setting, app: FastAPI, clock: Clock) -> None:
    ana = Person(app, "x-operator")
    case = in_hand(setting, ana, clock)
    assert ana.post(f"/api/cases/{case}/close", cause="lonely", follow_up="today")[0] == 422  # without an outcome
    assert ana.post(f"/api/cases/{case}/close", follow_up="some day", **ENDED)[0] == 422
    assert ana.post(f"/api/cases/{case}/close", **ENDED)[0] == 200
    clock.now += 7_300
    AgendaDesk(setting.desk).work(clock.now)
    ana.sit_down()
    assert not [one for one in ana.get("/api/agenda?show=due")[1]["calls"] if one["kind"] == "follow_up"]
