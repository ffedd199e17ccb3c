"""The office around a person: files, agenda, keys, drills, devices, over HTTP and in virtual time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from central.agenda.desk import AgendaDesk
from central.console.access import hash_password
from central.storage import agenda, home_facts, homes, people, records
from central.storage.people import Operator
from devices.catalogue import CATALOGUE
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import HubState, Problem
from tests.central import desk_people
from tests.central.conftest import NOON
from tests.central.console_setting import PASSWORD, Clock, Setting, open_setting

DAY = 86_400.0
_HASH = hash_password(PASSWORD)


@pytest.fixture
def setting(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock, url=database_url, with_store=False) as opened:
        with opened.database.begin() as conn:
            for name, role in (("pia", "coordinator"), ("sol", "supervisor"), ("tec", "technician")):
                people.add_operator(conn, Operator(name, name.title(), _HASH, role, language="en"))
        yield opened


class Person(desk_people.Person):
    """Somebody who logs in again where the session has ended meanwhile."""

    def get(self, path: str) -> tuple[int, Any]:
        status, answer = super().get(path)
        if status not in {303, 401}:
            return status, answer
        self.sit_down()
        return super().get(path)

    def send(self, method: str, path: str, **body: object) -> tuple[int, Any]:
        status, answer = super().send(method, path, **body)
        if status != 401:
            return status, answer
        self.sit_down()
        return super().send(method, path, **body)


CARME = {
    "called": "Carme",
    "full_name": "Carme Puig i Soler",
    "born": 1942,
    "language": "ca",
    "lives_alone": True,
    "hearing": "aid",
    "speech": "good",
}


def test_somebody_is_found_by_the_beginning_of_a_name_an_address_or_a_number(setting: Setting, app: FastAPI) -> None:
    ana = Person(app, "ana")

    def found(question: str) -> list[str]:
        return [home["id"] for home in ana.client.get("/api/residents", params={"q": question}).json()["homes"]]

    for question in ("carm", "PUIG sol", "verdi 112", "93 555 01 42", "935550142", "+34 600 555 010", "Soler Carrer"):
        assert found(question) == ["carme"], question
    assert found("pui xavier") == []
    setting_rows = ana.client.get("/residents", params={"q": "puig"}).text
    assert "/residents/carme" in setting_rows


def test_a_search_among_many_homes_uses_an_index(setting: Setting) -> None:
    if setting.database.engine.dialect.name != "sqlite":
        pytest.skip("SQLite says in words how it searches")
    from central.storage.home_words import matching
    from central.storage.tables import homes as table

    condition = matching("puig verdi")
    assert condition is not None
    query = sa.select(table.c.id).where(condition).compile(compile_kwargs={"literal_binds": True})
    with setting.database.read() as conn:
        plan = " ".join(row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "SCAN homes" not in plan
    assert "SCAN home_words" not in plan


def test_lists_narrow_to_what_is_the_matter(setting: Setting, app: FastAPI, clock: Clock) -> None:
    ana = Person(app, "ana")

    def only(word: str) -> int:
        return len(ana.get(f"/api/residents?only={word}")[1]["homes"])

    assert (only("away"), only("unreachable"), only("unproven"), only("false_alarms")) == (0, 0, 1, 0)
    path = "/api/homes/carme/residents/carme/absences"
    assert ana.post(path, from_at=clock.now - 60, until_at=clock.now + DAY, reason="family")[0] == 200
    with setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE home_facts SET gap_hours = 3, false_alarms = 9, proven_at = 1795262300")
    assert (only("away"), only("unreachable"), only("unproven"), only("false_alarms")) == (1, 1, 0, 1)


def test_what_a_unit_says_of_itself_is_read_in_the_list_and_on_its_page(setting: Setting, app: FastAPI) -> None:
    person = Person(app, "tec")
    unheard = person.client.get("/devices?which=all").text
    assert ">nothing wrong<" not in unheard, "of a unit that was never heard nobody knows that"
    setting.states.hear("hub-carme", HubState(True, NOON, problems=[Problem("clock_untrusted", NOON)]), NOON)
    for path in ("/devices", "/devices?which=all", "/devices/hub-carme"):
        assert "does not trust its clock yet.</li>" in person.client.get(path).text.replace("<span", "</li>"), path


@pytest.mark.parametrize("name", ["ana", "pia", "sol", "tec"])
def test_every_page_opens_for_everybody_who_may_see_it(app: FastAPI, name: str) -> None:
    person = Person(app, name)
    for path in ("/residents", "/residents/carme", "/keys", "/drills", "/devices", "/devices/hub-carme"):
        assert person.get(path)[0] == 200, path
    shut = {"plan", "absences", "calls", "history", "measurements", "health", "consents"} if name == "tec" else set()
    for tab in desk_people.TABS:
        status = person.client.get(f"/residents/carme?tab={tab}").status_code
        if tab == "absences" and name == "tec":
            assert status == 200
        else:
            assert status == (404 if tab in shut else 200), tab
    for show in ("due", "mine", "overdue", "today", "week", "done"):
        assert person.get(f"/agenda?show={show}")[0] == (403 if name == "tec" else 200)


def test_the_second_of_two_editors_is_told_what_the_first_changed_and_nothing_is_lost(
    setting: Setting, app: FastAPI
) -> None:
    pia, sol = Person(app, "pia"), Person(app, "sol")
    path = "/api/homes/carme/residents/carme"
    assert pia.put(path, **(CARME | {"version": 0, "hearing": "weak"})) == (200, {"version": 1})
    status, refused = sol.put(path, **(CARME | {"version": 0, "speech": "weak"}))
    assert (status, refused["reason"], refused["who"], refused["version"]) == (409, "changed_meanwhile", "Pia", 1)
    assert refused["changes"] == [
        {"field": "hearing", "name": "Hearing", "before": "with hearing aid", "after": "weak", "value": "weak"}
    ]
    assert "Pia" in refused["text"]
    with setting.database.read() as conn:
        (carme,) = people.residents_of(conn, "carme")
    assert (carme.hearing, carme.speech) == ("weak", "good")
    assert sol.put(path, **(CARME | {"version": 1, "hearing": "weak", "speech": "weak"})) == (200, {"version": 2})
    history = sol.client.get("/residents/carme?tab=history").text
    assert history.index("Sol") < history.index("Pia")


def test_the_same_change_twice_is_one_version(app: FastAPI) -> None:
    pia = Person(app, "pia")
    body = {"address": "Carrer de Verdi 114", "district": "Gràcia", "phone": "93 555 01 42"}
    assert pia.put("/api/homes/carme", version=0, **body) == (200, {"version": 1})
    assert pia.put("/api/homes/carme", version=1, **body) == (200, {"version": 1})
    assert [home["id"] for home in pia.get("/api/residents?q=114")[1]["homes"]] == ["carme"]


def test_the_provider_of_a_home_s_line_stays_until_somebody_writes_another(app: FastAPI) -> None:
    pia = Person(app, "pia")
    body = {"address": "Carrer de Verdi 112", "provider": " Fibra  Jove "}
    assert pia.put("/api/homes/carme", version=0, **body) == (200, {"version": 1})
    assert pia.put("/api/homes/carme", version=1, address="Carrer de Verdi 114") == (200, {"version": 2})
    assert 'value="Fibra Jove"' in pia.get("/residents/carme?tab=access")[1]


def test_who_may_not_write_changes_nothing(app: FastAPI, setting: Setting) -> None:
    ana = Person(app, "ana")
    refused = [
        ana.put("/api/homes/carme/residents/carme", **(CARME | {"version": 0, "called": "X"})),
        ana.put("/api/homes/carme/access", version=0, door_code="1"),
        ana.post("/api/homes/carme/plans", version=0, first="family"),
        ana.post("/api/homes/carme/keys", tag="A1", kept="team_safe"),
        ana.post("/api/homes/carme/residents/carme/conditions", text="xx", source="yy"),
    ]
    assert {status for status, _ in refused} == {403}
    with setting.database.read() as conn:
        assert records.changes_of(conn, "carme") == []


def test_the_way_in_reaches_whoever_stands_at_the_door_and_codes_stay_out_of_the_history(
    setting: Setting, app: FastAPI
) -> None:
    pia = Person(app, "pia")
    status, _ = pia.put(
        "/api/homes/carme/access", version=0, door_code="7741", key_safe_code="0907", pets="Gos", notes="Truca fort"
    )
    assert status == 200
    card = Person(app, "ana").get("/api/homes/carme/card")[1]
    assert "7741" in card["home"]["access_notes"]
    assert "Truca fort" in card["home"]["access_notes"]
    assert "7741" not in pia.get("/residents/carme?tab=history")[1]


def test_a_condition_has_a_source_runs_out_and_stays_readable(setting: Setting, app: FastAPI, clock: Clock) -> None:
    pia, sol = Person(app, "pia"), Person(app, "sol")
    path = "/api/homes/carme/residents/carme/conditions"
    assert pia.post(path, text="Pneumònia", source="Alta de l'hospital, 20-11", valid_until="2026-11-24")[0] == 200
    ana = Person(app, "ana")

    def on_the_card() -> str:
        return str(ana.get("/api/homes/carme/card")[1]["residents"][0]["conditions"])

    assert "Pneumònia" in on_the_card()
    assert "anticoagulants" in on_the_card()
    number = next(iter(re.findall(r"conditions/(\d+)\"", sol.get("/residents/carme?tab=health")[1])))
    assert sol.put(f"{path}/{number}", version=9, text="Xx", source="yy")[0] == 409
    AgendaDesk(setting.desk).work(clock.now)
    clock.now += 3 * DAY  # its last day
    AgendaDesk(setting.desk).work(clock.now)
    ana = Person(app, "ana")
    assert "Pneumònia" in on_the_card()
    clock.now += 11.1 * 3_600  # soon after midnight
    AgendaDesk(setting.desk).work(clock.now)
    ana = Person(app, "ana")
    assert "Pneumònia" not in on_the_card()
    assert "Pneumònia" in Person(app, "pia").get("/residents/carme?tab=health")[1]
    assert pia.post(path, text="Asma", source="ella", since="2026-02-30")[0] in {401, 422}


def test_a_care_plan_keeps_every_version_and_limits_that_cannot_be_are_refused(app: FastAPI, setting: Setting) -> None:
    sol = Person(app, "sol")
    assert sol.post("/api/homes/carme/plans", version=0, kind="fall", first="family")[0] == 200
    assert sol.post("/api/homes/carme/plans", version=1, kind="fall", first="operator")[0] == 200
    assert sol.post("/api/homes/carme/plans", version=0, kind="fall", first="family")[0] == 409
    status, refused = sol.post("/api/homes/carme/plans", version=2, kind="fall", after_s={"supervisor": 1e9})
    assert status == 422
    assert refused["text"] == "The supervisor is called, seconds after ringing began: this value cannot be used."
    assert sol.post("/api/homes/carme/plans", version=0, kind="nonsense")[0] == 422
    assert sol.get("/residents/carme?tab=plan")[1].count("version 1") == 1
    assert sol.put("/api/homes/carme/limits", version=0, limits={"inactivity_hours": 6})[0] == 200
    status, refused = sol.put("/api/homes/carme/limits", version=1, limits={"inactivity_hours": 900})
    assert (status, refused["reason"]) == (422, "bad_limit")
    assert refused["text"].endswith(": this value cannot be used.")
    assert sol.put("/api/homes/carme/limits", version=1, limits={"timezone": "X"})[0] == 422
    with setting.database.read() as conn:
        (home,) = homes.list_enrolled(conn)
    assert home.care_plan == {"inactivity_hours": 6}


def test_contacts_say_when_they_can_come_and_a_gap_is_seen_at_once(app: FastAPI, setting: Setting) -> None:
    ana = Person(app, "ana")
    facts = {"called": "Marta", "relation": "daughter", "phone": "600 555 010", "email": "marta@example.org"}
    status, made = ana.put(
        "/api/homes/carme/contacts/marta",
        version=0,
        **facts,
        hours={"0": {"begin": "09:00", "end": "14:00"}, "1": {"begin": "", "end": ""}},
        night_ok=False,
    )
    assert (status, made) == (200, {"version": 1})
    begin = setting.clock() + 86_400
    holiday = ana.post("/api/homes/carme/contacts/marta/holidays", from_at=begin, until_at=begin + 86_400, reason="mar")
    assert holiday == (200, {"version": 2})
    assert "mar" in ana.get("/residents/carme?tab=contacts")[1]
    assert ana.send("DELETE", f"/api/homes/carme/contacts/marta/holidays/{int(begin)}") == (200, {"version": 3})
    bad = {"0": {"begin": "14:00", "end": "09:00"}}
    assert ana.put("/api/homes/carme/contacts/marta", version=3, **facts, hours=bad)[0] == 422
    page = ana.get("/residents/carme?tab=contacts")[1]
    assert "09:00–14:00" in page
    assert [one["id"] for one in ana.get("/api/residents?only=unreachable")[1]["homes"]] == ["carme"]
    assert ana.put("/api/homes/carme/contact-order", contacts=["joan", "marta"])[0] == 200
    assert ana.put("/api/homes/carme/contact-order", contacts=["joan"])[0] == 409
    with setting.database.read() as conn:
        assert [one.id for one in people.contacts_of(conn, "carme")] == ["joan", "marta"]


def test_an_absence_begins_ends_early_and_asks_for_a_call(setting: Setting, app: FastAPI, clock: Clock) -> None:
    ana = Person(app, "ana")
    path = "/api/homes/carme/residents/carme/absences"
    begin, end = clock.now + 3_600, clock.now + 2 * DAY
    status, made = ana.post(path, from_at=begin, until_at=end, reason="hospital")
    assert status == 200
    assert ana.post(path, from_at=begin + 60, until_at=end + 60, reason="holiday")[0] == 409
    assert ana.post(path, from_at=end, until_at=begin, reason="holiday")[0] == 422

    def away_until() -> float | None:
        with setting.database.read() as conn:
            return people.residents_of(conn, "carme")[0].away_until_at

    desk = AgendaDesk(setting.desk)
    desk.work(clock.now)
    assert away_until() is None
    clock.now = begin + 61
    desk.work(clock.now)
    assert away_until() == end
    with setting.database.read() as conn:
        (item,) = agenda.items_of(conn, "carme")
    assert item.source == f"absence:{made['id']}"
    clock.now += 3_600
    ana = Person(app, "ana")
    assert ana.post(f"{path}/{made['id']}/end")[0] == 204
    assert away_until() == clock.now
    with setting.database.read() as conn:
        assert agenda.items_of(conn, "carme") == []


def plan(person: Person, **changes: object) -> int:
    body: dict[str, object] = {"kind": "check", "resident": "carme", "starts_on": "2026-11-21", "at": "13:30"}
    status, made = person.post("/api/homes/carme/agenda", **(body | changes))
    assert status == 200, made
    return int(made["id"])


def calls_of(person: Person, show: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.get(f"/api/agenda?show={show}")[1]["calls"]
    return found


def test_a_call_is_taken_by_one_tried_again_and_at_last_becomes_a_case(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    ana, marc = Person(app, "ana"), Person(app, "marc")
    plan(ana)
    assert calls_of(ana, "due") == []
    (call,) = calls_of(ana, "today")
    clock.now = call["due_at"]
    path = f"/api/homes/carme/calls/{call['id']}"
    assert ana.post(f"{path}/take")[0] == 200
    status, refused = marc.post(f"{path}/take")
    assert (status, refused["reason"], refused["who"]) == (409, "taken", "Ana")
    for _ in range(2):
        status, after = ana.post(f"{path}/outcome", outcome="no_answer")
        assert (status, after["state"]) == (200, "due")
        assert after["due_at"] > clock.now
        clock.now = after["due_at"]
        assert ana.post(f"{path}/take")[0] == 200
    assert ana.get("/api/queue")[1]["cards"] == []
    status, after = ana.post(f"{path}/outcome", outcome="no_answer", note="Ho he provat tres vegades")
    assert (after["state"], after["outcome"]) == ("done", "unreached")
    (card,) = ana.get("/api/queue")[1]["cards"]
    assert (card["home_id"], card["kind"]) == ("carme", "check_in_missed")
    assert marc.post(f"{path}/outcome", outcome="reached")[1]["reason"] == "not_open"
    assert "Ho he provat tres vegades" in ana.get("/agenda?show=done")[1]


def test_at_night_a_call_of_tomorrow_is_told_with_its_day(app: FastAPI, clock: Clock) -> None:
    clock.now += 10 * 3_600
    ana = Person(app, "ana")
    plan(ana, starts_on="2026-11-22", at="08:00")
    assert "<b>22 de nov., 08:00</b>" in ana.get("/agenda?show=week")[1]


def test_a_call_that_must_not_be_left_out_is_nobodys_to_skip(setting: Setting, app: FastAPI, clock: Clock) -> None:
    ana, sol = Person(app, "ana"), Person(app, "sol")
    item = plan(ana, kind="suicide_risk", window_min=30)
    (call,) = calls_of(ana, "today")
    path = f"/api/homes/carme/calls/{call['id']}"
    assert ana.post(f"{path}/cancel", reason="no cal trucar")[1]["reason"] == "senior"
    assert ana.post(f"{path}/move", to_at=clock.now + DAY, reason="més tard")[1]["reason"] == "too_far"
    assert ana.post(f"/api/homes/carme/agenda/{item}/end", reason="no cal trucar")[0] == 403
    clock.now = call["late_at"] + 1
    AgendaDesk(setting.desk).work(clock.now)
    AgendaDesk(setting.desk).work(clock.now + 60)
    (card,) = ana.get("/api/queue")[1]["cards"]
    assert card["mark"] == "P1"
    assert sol.post(f"{path}/cancel", reason="Ingressada a l'hospital")[0] == 200


def test_calls_in_vain_whose_case_a_dying_process_did_not_open_are_a_case_all_the_same(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    ana = Person(app, "ana")
    plan(ana, kind="medication")
    (call,) = calls_of(ana, "today")
    clock.now = call["due_at"]
    with setting.database.begin() as conn:  # all that it stored
        last = {"state": "done", "outcome": "unreached", "done_at": clock.now, "attempts": 3}
        agenda.settle(conn, call["id"], **last)
    for _ in range(2):
        clock.now += 60
        AgendaDesk(setting.desk).work(clock.now)
    (card,) = ana.get("/api/queue")[1]["cards"]
    assert card["mark"] == "P2"


def test_a_call_is_put_off_only_with_a_reason(app: FastAPI, clock: Clock) -> None:
    ana = Person(app, "ana")
    plan(ana)
    (call,) = calls_of(ana, "today")
    path = f"/api/homes/carme/calls/{call['id']}"
    assert ana.post(f"{path}/move", to_at=clock.now + DAY, reason="x")[1]["reason"] == "reason"
    assert ana.post(f"{path}/move", to_at=clock.now - 1, reason="ara no pot")[1]["reason"] == "past"
    status, after = ana.post(f"{path}/move", to_at=clock.now + DAY, reason="ara no pot")
    assert (status, after["due_at"]) == (200, clock.now + DAY)


def test_regular_calls_come_by_themselves_and_a_long_stop_does_not_ring_the_past(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    sol = Person(app, "sol")
    assert sol.put("/api/homes/carme/regular-call", every_days=7, at="11:00")[0] == 204
    assert sol.put("/api/homes/carme/residents/carme", **(CARME | {"version": 0, "birthday": "12-24"}))[0] == 200
    desk = AgendaDesk(setting.desk)
    with setting.database.read() as conn:
        assert {item.source for item in agenda.items_of(conn, "carme")} == {"plan", "birthday:carme"}
    clock.now += 60 * DAY
    desk.work(clock.now)
    desk.work(clock.now)
    with setting.database.read() as conn:
        waiting = agenda.calls(conn, None, states=agenda.OPEN, until_at=clock.now + 40 * DAY)
    assert sorted(call.kind for call in waiting) == ["birthday", "follow_up"]


def test_a_key_goes_out_to_one_comes_back_and_its_log_cannot_be_rewritten(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    pia, ana = Person(app, "pia"), Person(app, "ana")
    status, made = pia.post("/api/homes/carme/keys", tag="k-0412", kept="team_safe", place="A-14")
    assert status == 200
    assert pia.post("/api/homes/carme/keys", tag="K-0412", kept="team_safe")[0] == 409
    path = f"/api/homes/carme/keys/{made['id']}"
    status, key = ana.post(f"{path}/out", version=1, to="Unitat mòbil 3", back_by_at=clock.now + 3_600)
    assert (status, key["state"], key["out_to"]) == (200, "out", "Unitat mòbil 3")
    assert ana.post(f"{path}/out", version=1, to="Algú altre", back_by_at=clock.now + 60)[0] == 409
    clock.now += 7_200
    assert ana.get("/api/keys")[1]["counts"] == {"all": 1, "out": 1, "overdue": 1, "lost": 0}
    assert ana.post(f"{path}/move", version=2, what="back")[1]["state"] == "in_place"
    assert "Unitat mòbil 3" in ana.get("/keys")[1]
    for statement in ("UPDATE key_moves SET whom = 'x'", "DELETE FROM key_moves"):
        with pytest.raises(sa.exc.DBAPIError), setting.database.begin() as conn:
            conn.exec_driver_sql(statement)


def test_a_drill_from_the_page_proves_the_path_and_planned_ones_begin_by_themselves(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    ana = Person(app, "ana")
    assert ana.get("/api/drills")[1]["proofs"] == {"homes": 1, "never": 1, "long_ago": 0, "lately": 0}
    status, begun = ana.post("/api/homes/carme/drills")
    assert status == 200
    assert setting.alarm("carme", AlarmKind.TEST) == begun["case"]
    assert ana.put("/api/homes/carme/drill-plan", every_days=30, next_at=clock.now + DAY)[0] == 204
    clock.now += DAY + 1
    AgendaDesk(setting.desk).work(clock.now)
    with setting.database.read() as conn:
        assert home_facts.facts_of(conn, "carme")["tested_at"] == NOON
        tests = conn.exec_driver_sql("SELECT count(*) FROM cases WHERE kind = 'test'").scalar()
    assert tests is not None
    assert tests >= 1


def test_devices_are_added_moved_and_removed_and_settings_wait_to_be_in_force(setting: Setting, app: FastAPI) -> None:
    tec = Person(app, "tec")
    path = "/api/homes/carme/devices"
    assert tec.put(f"{path}/hall-2", model=next(iter(CATALOGUE)), room="rebedor")[0] == 204
    assert tec.put(f"{path}/hall-2", model="no-such")[0] == 422
    assert tec.send("DELETE", f"{path}/bed")[0] == 204
    assert tec.send("DELETE", f"{path}/bed")[0] == 404
    with setting.database.read() as conn:
        assert {one.id for one in homes.devices_of(conn, "carme")} >= {"hall-2", "hall"}
    assert tec.post("/api/hubs/hub-carme/settings", version=0, set=["language=es"])[0] == 204
    assert tec.post("/api/hubs/hub-carme/settings", version=0, set=["language=en"])[0] == 409
    assert tec.post("/api/hubs/hub-carme/settings", version=1, set=["nonsense=1"])[0] == 422
    assert [unit["hub"] for unit in tec.get("/api/units?which=settings")[1]["units"]] == ["hub-carme"]
    assert tec.post("/api/hubs/hub-carme/claim", hours=48)[1]["reason"] == "no_claims"
