"""How old somebody is: to the day where their birthday is known, and "about" where only the year is."""

from __future__ import annotations

from datetime import date

import pytest
from fastapi import FastAPI

from central.storage.ages import age_on
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting


@pytest.mark.parametrize(
    ("birthday", "day", "age"),
    [
        ("11-22", date(2026, 11, 21), (83, False)),
        ("11-22", date(2026, 11, 22), (84, False)),
        ("02-29", date(2026, 2, 28), (83, False)),
        ("02-29", date(2026, 3, 1), (84, False)),
        ("", date(2026, 1, 1), (84, True)),
    ],
)
def test_who_has_not_had_their_birthday_is_a_year_younger(birthday: str, day: date, age: tuple[int, bool]) -> None:
    assert age_on(1942, birthday, day) == age


def test_the_queue_the_file_and_the_card_for_112_say_the_same_age(setting: Setting, app: FastAPI, clock: Clock) -> None:
    case = setting.alarm("carme", AlarmKind.HELP)
    supervisor = Person(app, "x-supervisor")

    def ages() -> set[tuple[int, bool]]:
        queued = supervisor.get("/api/queue")[1]["cards"][0]["person"]
        read_out = supervisor.get(f"/api/cases/{case}/emergency-card")[1]["people"][0]
        (on_file,) = supervisor.get("/api/homes/carme/card")[1]["ages"].values()
        return {(queued["age"], queued["age_about"]), (read_out["age"], read_out["age_about"]), tuple(on_file)}

    assert ages() == {(84, True)}
    person = supervisor.get("/api/homes/carme/card")[1]["residents"][0]
    facts = {name: person[name] for name in ("called", "full_name", "born", "language", "lives_alone")}
    path = f"/api/homes/carme/residents/{person['id']}"
    assert supervisor.put(path, version=0, birthday="12-24", **facts)[0] == 200
    assert ages() == {(83, False)}  # it is November


def test_a_birthday_is_a_day_that_comes_at_least_in_leap_years(setting: Setting, app: FastAPI) -> None:
    supervisor = Person(app, "x-supervisor")
    person = supervisor.get("/api/homes/carme/card")[1]["residents"][0]
    facts = {name: person[name] for name in ("called", "full_name", "born", "language", "lives_alone")}
    days = ("02-30", "02-31", "04-31", "06-31", "09-31", "11-31", "00-10", "10-00", "02-29", "04-30", "12-31")
    path = f"/api/homes/carme/residents/{person['id']}"
    taken = [day for day in days if supervisor.put(path, version=0, birthday=day, **facts)[0] != 422]
    assert taken == ["02-29", "04-30", "12-31"]
