"""How quickly homes get their unit: from the order until it is first heard, in working days."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI

from central.install_figures import Order, due_at, figures, waiting
from central.storage import homes
from central.unit_watch import UnitWatch
from gateway.contract.messages import HubState
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

MADRID = "Europe/Madrid"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(MADRID)).timestamp()


def order(ordered: str, installed: str = "", *, urgent: bool = True, number: int = 1) -> Order:
    installed_at = at(installed) if installed else None
    return Order(number, "carme", "Verdi 3", "Gràcia", "", urgent, at(ordered), installed_at)


@pytest.mark.parametrize(
    ("ordered", "days", "end"),
    [
        ("2026-11-16 09:00", 2, "2026-11-19 00:00"),  # Monday: Tuesday, Wednesday
        ("2026-11-20 23:59", 2, "2026-11-25 00:00"),  # Friday: Monday, Tuesday
        ("2026-11-21 10:00", 2, "2026-11-25 00:00"),  # Saturday too
        ("2026-11-20 09:00", 5, "2026-11-28 00:00"),
        ("2026-10-23 09:00", 2, "2026-10-28 00:00"),  # clocks are put back on Sunday
    ],
)
def test_the_day_of_the_order_and_weekends_are_no_working_days(ordered: str, days: int, end: str) -> None:
    assert due_at(at(ordered), days, MADRID) == at(end)


def test_shares_count_what_is_done_and_what_waits_too_long() -> None:
    known = [
        order("2026-11-16 09:00", "2026-11-18 23:59"),
        order("2026-11-16 09:00", "2026-11-19 00:00"),  # a moment too late for two days
        order("2026-11-16 09:00"),
        order("2026-11-20 09:00"),
    ]
    soon, later = figures(known, at("2026-11-23 12:00"), MADRID), figures(known, at("2026-11-24 12:00"), MADRID)
    assert (soon.orders, soon.waiting, soon.counted_2, soon.within_2) == (4, 2, 3, 1)
    assert (soon.counted_5, soon.within_5, soon.share(5)) == (2, 2, 1.0)
    assert later.share(5) == pytest.approx(2 / 3)
    assert figures([], 0.0, MADRID).share(2) is None


def test_what_is_due_first_stands_first() -> None:
    usual, urgent = order("2026-11-16 09:00", urgent=False, number=1), order("2026-11-17 09:00", number=2)
    first, second = waiting(
        [usual, urgent, order("2026-11-16 09:00", "2026-11-16 10:00")], at("2026-11-20 01:00"), MADRID
    )
    assert (first.order.id, first.overdue_s) == (2, 3_600.0)
    assert (second.order.id, second.due_at) == (1, at("2026-11-24 00:00"))


def test_a_home_made_with_an_order_waits_until_its_unit_is_heard(setting: Setting, app: FastAPI, clock: Clock) -> None:
    supervisor, technician = Person(app, "x-supervisor"), Person(app, "x-technician")
    new = {"id": "nora", "address": "Verdi 3", "municipality": "Gràcia", "installation": "urgent"}
    assert supervisor.post("/api/homes", **new)[0] == 200
    (waits,) = technician.get("/api/installations")[1]["orders"]
    assert (waits["order"]["home_id"], waits["order"]["urgent"], waits["order"]["ordered_at"]) == (
        "nora",
        True,
        clock.now,
    )
    assert "Verdi 3" in technician.get("/repairs")[1]
    with setting.database.begin() as conn:
        homes.enrol_hub(conn, "hub-nora", "nora", clock.now)
    watch = UnitWatch(setting.database, setting.states)
    setting.states.hear("hub-nora", HubState(False), clock.now + 10)
    setting.states.hear("hub-carme", HubState(True), clock.now + 10)
    watch.work(clock.now + 20)
    assert len(technician.get("/api/installations")[1]["orders"]) == 1
    clock.now += 600
    setting.states.hear("hub-nora", HubState(True), clock.now)
    for _ in range(2):
        watch.work(clock.now + 5)
    assert technician.get("/api/installations")[1]["orders"] == []
    assert technician.post("/api/homes/nora/installation", urgent=True)[1]["reason"] == "installed"
    status, page = supervisor.get("/quality?show=installs&period=month")
    assert status == 200
    assert "100,0 %" in page


def test_an_order_keeps_its_date_may_become_urgent_and_is_called_off(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    technician, began_at = Person(app, "x-technician"), clock.now
    path = "/api/homes/carme/installation"
    for urgent in (False, True, False):
        assert technician.post(path, urgent=urgent)[0] == 204
        clock.now += 60
    (waits,) = technician.get("/api/installations")[1]["orders"]
    assert (waits["order"]["urgent"], waits["order"]["ordered_at"]) == (True, began_at)
    assert technician.post("/api/homes/pere/installation", urgent=True)[0] == 404  # in another municipality
    assert Person(app, "x-auditor").post(path, urgent=True)[0] == 403
    assert technician.send("DELETE", path)[0] == 204
    assert technician.send("DELETE", path)[0] == 404
    assert technician.get("/api/installations")[1]["orders"] == []
    assert "100,0 %" not in Person(app, "x-supervisor").get("/quality?show=installs&period=month")[1]
