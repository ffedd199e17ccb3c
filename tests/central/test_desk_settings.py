"""Numbers of daily work: set on the page, held by the desk at once; the file gives them at the first start only."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from fastapi import FastAPI

from central.alarm_cases.care_plan import CarePlan, read_plan
from central.alarm_cases.incidents import HOMES_MIN
from central.alarm_cases.protocol import BUILT_IN_S, STEP_S_BOUNDS
from central.alarm_cases.transitions import rebuild
from central.config import CarersConfig, CentralConfig, ConsoleConfig, DatabaseConfig, PhoneConfig
from central.console.pages import file_shown
from central.console.pages.settings_page import NUMBERS
from central.preparing import prepare
from central.reach_tester import ReachTester
from central.service_settings import Desk, read_setting
from central.storage import cases, homes, incidents, people, settings
from central.storage.database import Database
from central.storage.people import Operator
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.conftest import NOON
from tests.central.console_setting import _HASH, Clock, Setting, open_setting
from tests.central.desk_people import Person
from tests.central.test_carer_desk import FakeChannel

PATH = "/api/settings/desk"


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, with_store=False) as opened:
        with opened.database.begin() as conn:
            for name, role in (("pia", "coordinator"), ("sol", "supervisor"), ("aud", "auditor")):
                people.add_operator(conn, Operator(name, name.title(), _HASH, role, language="en"))
        yield opened


@pytest.fixture
def app(setting: Setting) -> FastAPI:
    return setting.app()


def keep(app: FastAPI, who: str = "pia", **changes: Any) -> tuple[int, Any]:
    person = Person(app, who)
    standing = person.get(PATH)[1]
    return person.put(PATH, version=standing["version"], value=standing["value"] | changes)


def test_a_supervisor_sets_them_within_bounds_and_each_change_is_a_version(app: FastAPI) -> None:
    assert keep(app, "sol", flood_homes=8)[0] == 200
    assert keep(app, wrap_up_s=30)[1]["version"] == 2
    for wrong in ({"flood_homes": 1}, {"ring_limit_s": 5}, {"wrap_up_s": -1}, {"reach_test_days": 400}, {"volume": 3}):
        assert keep(app, **wrong)[0] == 422, wrong
    assert Person(app, "ana").put(PATH, version=2, value={})[0] == 403
    assert Person(app, "pia").get(PATH)[1]["value"]["flood_homes"] == 8


def test_the_form_offers_what_is_taken_and_no_more() -> None:
    assert NUMBERS.keys() | {"call_back", "step_s"} == set(Desk.__struct_fields__)
    for name, (_, (least, most), _) in NUMBERS.items():
        taken = {value: isinstance(read_setting("desk", {name: value}), Desk) for value in (least, most)}
        assert all(taken.values()), name
        assert not any(isinstance(read_setting("desk", {name: value}), Desk) for value in (least - 1, most + 1)), name


def test_each_step_of_the_checklist_has_a_time_within_reasonable_bounds() -> None:
    assert STEP_S_BOUNDS.keys() == BUILT_IN_S.keys() - {"stay_silent"}
    for step, (least, most) in STEP_S_BOUNDS.items():
        assert least <= BUILT_IN_S[step] <= most
        for seconds, taken in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
            assert isinstance(read_setting("desk", {"step_s": {step: seconds}}), Desk) is taken, (step, seconds)
    assert not isinstance(read_setting("desk", {"step_s": {"stay_silent": 10}}), Desk)
    assert not isinstance(read_plan({"step_s": {"listen": 15}}), CarePlan), "no person's plan sets them"


def test_the_checklist_goes_by_the_times_that_the_service_has_set_when_a_case_opens(
    setting: Setting, app: FastAPI
) -> None:
    assert keep(app, "sol", step_s={"call_out": 75, "silent_contacts": 200})[0] == 200
    case_id = setting.alarm("carme")
    assert keep(app, "sol", step_s={})[0] == 200
    ana = Person(app, "ana")
    assert ana.post(f"/api/cases/{case_id}/take")[0] == 200
    status, view = ana.post(f"/api/cases/{case_id}/triage", choice=5)
    assert (status, view["checklist"]["due_at"]) == (200, NOON + 75)
    status, view = ana.post(f"/api/cases/{case_id}/step", step="call_out")
    assert (status, view["checklist"]["due_at"]) == (200, NOON + BUILT_IN_S["raise_volume"])
    with setting.database.read() as conn:
        log = cases.events_of(conn, case_id)
        assert rebuild(case_id, log) == cases.find(conn, case_id), "the log says how long it was then"


def test_as_many_silent_homes_as_the_service_says_are_one_incident(setting: Setting, app: FastAPI) -> None:
    assert HOMES_MIN > 3
    assert keep(app, flood_homes=3)[0] == 200
    with setting.database.begin() as conn:
        for number in range(3):
            homes.enrol_home(conn, f"home-{number}", address="x", now=NOON, district="Gràcia")
    for number in range(3):
        setting.finding(f"home-{number}", AlarmKind.HUB_SILENT, "hub_silent", {}, NOON + number)
    with setting.database.read() as conn:
        (incident,) = incidents.open_incidents(conn, NOON + 60)
    assert len(incident.homes) == 3


def test_a_contact_s_telephone_rings_as_long_as_the_service_says_also_in_the_log(
    setting: Setting, app: FastAPI
) -> None:
    assert keep(app, ring_limit_s=45)[0] == 200
    case_id = setting.alarm("carme")
    ana = Person(app, "ana")
    assert ana.post(f"/api/cases/{case_id}/take")[0] == 200
    status, view = ana.post(f"/api/cases/{case_id}/contacts/marta/call")
    assert (status, view["ring_limit_at"]) == (200, NOON + 45)
    assert keep(app, ring_limit_s=90)[0] == 200
    with setting.database.read() as conn:
        log = cases.events_of(conn, case_id)
        assert rebuild(case_id, log) == cases.find(conn, case_id), "the log says how long it was then"


def test_the_console_and_the_emergency_card_go_by_them(setting: Setting, app: FastAPI) -> None:
    assert keep(app, wrap_up_s=25, call_back="+34 930 000 000")[0] == 200
    ana = Person(app, "ana")
    assert ana.get("/api/queue")[1]["wrap_up_s"] == 25
    case_id = setting.alarm("carme")
    assert ana.get(f"/api/cases/{case_id}/emergency-card")[1]["call_back"] == "+34 930 000 000"
    for path in ("/c/over", "/c/test/over", "/c/invite/over"):
        status, page = ana.get(path)
        assert status == 404
        assert 'href="tel:+34930000000"' in page, "who is worried at a dead link can ring the centre"


def test_open_consoles_go_by_another_wrap_up_time_at_once(app: FastAPI) -> None:
    live = app.state.parts.live
    before = live.published
    assert keep(app, wrap_up_s=25)[0] == 200
    assert live.published == before + 1
    assert keep(app, wrap_up_s=9_999)[0] == 422
    assert live.published == before + 1


def test_who_is_late_is_told_that_the_installation_has_set_it_meanwhile(setting: Setting, app: FastAPI) -> None:
    with setting.database.begin() as conn:
        settings.keep(conn, "desk", settings.current(conn).desk, NOON, settings.INSTALLED, 0)
    status, refusal = Person(app, "pia").put(PATH, version=0, value={})
    assert (status, refusal["text"].split(" has changed")[0]) == (409, "The installation")


def test_contacts_are_tested_each_month_where_nobody_says_otherwise_and_never_where_the_page_says_so(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    email = FakeChannel("email")

    def month() -> int:
        for _ in range(30 * 24 // 5):
            clock.now += 5 * 3_600
            ReachTester(setting.database, {"email": email}, "https://llar.example", clock).work(clock.now)
        return len(email.messages)

    assert month() == 1
    assert keep(app, reach_test_days=0)[0] == 200
    assert month() == 1


# what stands in the file


def test_the_file_gives_the_first_version_and_shadows_nothing_that_was_set_since(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'central.sqlite3'}"
    config = CentralConfig(
        tmp_path,
        DatabaseConfig(url),
        console=ConsoleConfig(call_back="+34 930 000 000"),
        carers=CarersConfig(reach_test_days=0),
    )
    prepare(config)
    database = Database.open(url)
    with database.begin() as conn:
        given = settings.current(conn).desk
        assert (given.call_back, given.reach_test_days) == ("+34 930 000 000", 0)
        settings.keep(conn, "desk", msgspec.structs.replace(given, reach_test_days=14), NOON, "pia", 1)
    prepare(config)
    with database.read() as conn:
        assert settings.current(conn).desk.reach_test_days == 14
        assert [one.set_by for one in settings.versions(conn, "desk")] == ["pia", settings.INSTALLED]
    database.close()


def test_what_was_set_at_installation_is_said_in_words(setting: Setting, app: FastAPI) -> None:
    with setting.database.begin() as conn:
        settings.keep(conn, "desk", settings.current(conn).desk, NOON, settings.INSTALLED, 0)
    page = Person(app, "pia").client.get("/settings").text
    assert "version 1, set at installation" in page
    assert "by desk" not in page


NOT_SHOWN = {
    "data_folder": "where the machine keeps its own",
    "broker": "how the two processes reach the broker: the health page says whether they do",
    "telemetry": "how the store is reached; how long it keeps stands on the page of retention",
    "carers.reach_test_days": "set on the page",
    "console.call_back": "set on the page",
    "console.port": "stands beside the host",
    "mail": "how the server is reached",
    "push.services": "which makers of browsers there are",
    "apprise.servers": "to which servers addresses may point",
    "claims": "how new units reach the broker",
    "phone.token_file": "a secret",
    "phone.report_key_file": "a secret",
}


def test_everything_in_the_file_that_decides_something_is_shown_in_words_and_no_secret(tmp_path: Path) -> None:
    config = CentralConfig(tmp_path, console=ConsoleConfig(port=8400))
    for language in ("ca", "es", "en"):
        lines = [line for part in file_shown.shown(config, translator(language)) for line in part.lines]
        assert all(line.name and line.value for line in lines)
    keys = {line.key for line in lines}
    for name, kind in get_type_hints(CentralConfig).items():
        names = getattr(kind, "__struct_fields__", ())
        fields = {f"{name}.{field}" for field in names} or {name}
        missing = {key for key in fields - keys if key not in NOT_SHOWN and name not in NOT_SHOWN}
        assert not missing
    for line in lines:
        assert not line.key.endswith(("password_file", "username")), line


def test_the_page_shows_the_file_to_who_may_read_settings(tmp_path: Path, app: FastAPI) -> None:
    phone = PhoneConfig("https://llar:hunter2@phone.example/v1")
    config = CentralConfig(tmp_path, DatabaseConfig("postgresql://llar:hunter2@db/llar"), phone=phone)
    app.state.parts = dataclasses.replace(app.state.parts, whole_config=config)
    page = Person(app, "aud").client.get("/settings").text
    assert "detection.inactivity_hours" in page
    assert "PostgreSQL" in page
    assert "phone.example" in page
    assert "hunter2" not in page
