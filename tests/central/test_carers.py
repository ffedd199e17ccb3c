"""Carers on their telephones: what a link shows, what an answer does, and what stays hidden without consent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.carers.day import say_morning, up_at
from central.carers.rota_words import grid_of, spans_of
from central.case_desk import Done
from central.reach_tester import ReachTester
from central.storage import audit_log, cases, deliveries, homes, reach_tests, rota
from central.storage.audit_log import Filter
from central.storage.carer_links import LIVES_S
from central.storage.homes import DeviceAtHome
from central.telemetry.store import Row
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.carers_setting import ALL, SITE, Phone, furnish_carers, link, log_in, share
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting
from tests.central.test_carer_desk import FakeChannel


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock) as opened:
        furnish_carers(opened)
        yield opened


@pytest.fixture
def phone(setting: Setting) -> TestClient:
    """A browser without an account."""
    return TestClient(setting.app(), follow_redirects=False, headers={"accept-language": "en"})


def answer(phone: TestClient, token: str, said: str, status: int = 200, **more: Any) -> Any:
    given = phone.post(f"/api/links/{token}/answers", json={"answer": said, **more}, headers=SITE)
    assert given.status_code == status, given.text
    return given.json()


def events(setting: Setting, case_id: int) -> list[str]:
    with setting.database.read() as conn:
        return [event.type.value for event in cases.events_of(conn, case_id)]


def test_a_link_that_a_mail_program_fetches_changes_nothing(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme", place="bany")
    token = link(setting, case, "marta")
    before = events(setting, case)
    for _ in range(3):
        page = phone.get(f"/c/{token}")
        assert page.status_code == 200
        phone.head(f"/c/{token}")
        phone.get(f"/c/{token}/now")
        phone.get(f"/api/links/{token}")
    assert events(setting, case) == before
    with setting.database.read() as conn:
        assert deliveries.of_contact(conn, case, "marta")[0].opened_at is None
    answer(phone, token, "opened")
    with setting.database.read() as conn:
        assert deliveries.of_contact(conn, case, "marta")[0].opened_at == NOON


def test_title_and_first_words_say_nothing_about_health(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme", AlarmKind.FALL, "bany")
    page = phone.get(f"/c/{link(setting, case, 'marta')}").text
    title = page.split("<title>")[1].split("</title>")[0]
    assert "caiguda" not in title.lower()
    assert "Carme" not in title
    assert "Pròtesi" not in page
    assert "anticoagulants" not in page


def test_who_goes_sees_how_to_get_in_and_it_is_written_down(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme", place="bany")
    token = link(setting, case, "marta")
    assert phone.get(f"/api/links/{token}").json()["entry"] is None
    view = answer(phone, token, "going", eta_minutes=5)
    assert view["stage"] == "going"
    assert "4412" in view["entry"]["notes"]
    with setting.database.read() as conn:
        log = [row.entry for row in audit_log.find(conn, Filter(homes=["carme"]), 50)]
    assert ("keys", "~marta", case) in [(entry.resource, entry.account_id, entry.case_id) for entry in log]
    assert any(entry.resource == "help" and "going" in entry.what for entry in log)


def test_of_two_who_go_the_second_is_told_the_truth(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme")
    first, second = link(setting, case, "marta"), link(setting, case, "joan")
    answer(phone, first, "going", eta_minutes=15)
    refused = answer(phone, second, "going", 409)
    assert refused["reason"] == "already_going"
    assert "Marta Puig" in refused["text"]
    view = phone.get(f"/api/links/{second}").json()
    assert (view["stage"], view["tone"], view["entry"]) == ("other_going", "calm", None)
    assert "Marta Puig" in view["note"]
    assert {"called": "Marta Puig", "says": "hi va"} in view["others"]


def test_from_going_to_well_and_the_calm_end(setting: Setting, phone: TestClient, clock: Clock) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    setting.desk.take(case, "ana", clock.now)
    setting.desk.talk(case, "ana", clock.now)
    assert "Ana" in phone.get(f"/api/links/{token}").json()["centre"]
    answer(phone, token, "going", eta_minutes=5)
    assert answer(phone, token, "here")["stage"] == "here"
    assert answer(phone, token, "advice")["stage"] == "said_help"
    assert answer(phone, token, "well")["stage"] == "said_well"
    setting.desk.take(case, "ana", clock.now)
    closing = Closing(Cause.FALL, Action.CONTACT_SENT, Outcome.HELPED_AT_HOME)
    closed = setting.desk.close(case, "ana", closing, clock.now + 5)
    assert isinstance(closed, Done), closed
    view = phone.get(f"/api/links/{token}").json()
    assert (view["stage"], view["entry"], view["phone"]) == ("over", None, "")
    assert answer(phone, token, "going", 409)["reason"] == "not_possible"


def test_cannot_and_changing_ones_mind(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    assert answer(phone, token, "cannot")["stage"] == "declined"
    assert answer(phone, token, "going", eta_minutes=30)["stage"] == "going"
    assert answer(phone, token, "cannot")["stage"] == "declined"


@pytest.mark.parametrize("token", ["no-such-token", "x" * 64, "x" * 300, "%00", "..%2f..", "Ω"])
def test_forged_links_open_nothing(setting: Setting, phone: TestClient, token: str) -> None:
    setting.alarm("carme")
    assert phone.get(f"/c/{token}").status_code in {404, 422}
    assert phone.get(f"/api/links/{token}").status_code in {404, 422}
    given = phone.post(f"/api/links/{token}/answers", json={"answer": "going"}, headers=SITE)
    assert given.status_code in {404, 422}


def test_a_link_runs_out_and_opens_only_its_own_case(setting: Setting, phone: TestClient, clock: Clock) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    assert phone.get(f"/family/case/{case}").status_code == 303, "a link is no log-in"
    clock.now += LIVES_S + 1
    assert phone.get(f"/c/{token}").status_code == 404
    answer(phone, token, "going", 404)
    assert "on_the_way" not in events(setting, case)


def test_another_site_cannot_answer_for_somebody(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    given = phone.post(f"/c/{token}", data={"answer": "going5"}, headers={"origin": "https://evil.example"})
    assert given.status_code == 403
    assert "on_the_way" not in events(setting, case)


def test_without_scripts_the_buttons_work(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    page = phone.get(f"/c/{token}").text
    assert f'action="/c/{token}"' in page
    assert phone.post(f"/c/{token}", data={"answer": "going15"}, headers=SITE).status_code == 303
    assert "4412" in phone.get(f"/c/{token}").text
    assert phone.post(f"/c/{token}", data={"answer": "rubbish"}, headers=SITE).status_code == 422


@pytest.mark.parametrize(
    ("model", "room", "kind", "where"),
    [
        ("bthome_pendant", "Penjoll", AlarmKind.HELP, "no se sap: ve d'un dispositiu que es porta a sobre"),
        ("gatt_wearable", "de la Carme", AlarmKind.FALL, "no se sap: ve d'un dispositiu que es porta a sobre"),
        ("locator", "localitzador", AlarmKind.OUTSIDE_ZONE, ""),
        ("bthome_pendant", "bany", AlarmKind.HELP, "bany"),
        ("bthome_motion", "coll de les escales", AlarmKind.HELP, "coll de les escales"),
    ],
)
def test_what_is_carried_has_no_room_and_its_press_is_no_movement(
    setting: Setting, phone: TestClient, clock: Clock, model: str, room: str, kind: AlarmKind, where: str
) -> None:
    assert setting.telemetry is not None
    with setting.database.begin() as conn:
        homes.enrol_devices(conn, "carme", [DeviceAtHome("pendant", model, room, 7200)], clock.now)
    moved = Row("carme", "hall", "motion", clock.now - 600, True)
    setting.telemetry.write([moved, Row("carme", "pendant", "press", clock.now - 5, "single")])
    view = phone.get(f"/api/links/{link(setting, setting.alarm('carme', kind, room), 'marta')}").json()
    assert view["where"] == where
    assert view["last_seen"].endswith("passadís" if where != room else room)


def test_what_is_not_shared_is_not_there(setting: Setting, phone: TestClient, clock: Clock) -> None:
    assert setting.telemetry is not None
    setting.telemetry.write([Row("carme", "hall", "motion", clock.now - 60, True)])
    case = setting.alarm("carme", place="bany")
    token = link(setting, case, "marta")
    assert "passadís" in phone.get(f"/api/links/{token}").json()["last_seen"]
    share(setting, "marta", ("alarms",))
    answer(phone, token, "going", eta_minutes=5)
    view = phone.get(f"/api/links/{token}").json()
    assert (view["last_seen"], view["entry"]) == ("", None)
    assert len(view["withheld"]) == 5
    share(setting, "marta", ())
    view = phone.get(f"/api/links/{token}").json()
    assert (view["stage"], view["others"], view["phone"], view["where"]) == ("hidden", [], "", "")
    answer(phone, token, "here", 404)


def test_alarms_about_health_keep_their_name_back_without_consent_to_readings(
    setting: Setting, phone: TestClient
) -> None:
    setting.finding("carme", AlarmKind.VITAL_SIGN, "vital_high", {})
    with setting.database.read() as conn:
        case = cases.open_cases(conn)[0].id
    token = link(setting, case, "marta")
    open_heading = phone.get(f"/api/links/{token}").json()["heading"]
    share(setting, "marta", ("alarms",))
    assert phone.get(f"/api/links/{token}").json()["heading"] != open_heading


def test_the_page_is_asked_again_without_being_sent_again(setting: Setting, phone: TestClient) -> None:
    case = setting.alarm("carme")
    token = link(setting, case, "marta")
    first = phone.get(f"/c/{token}/now")
    tag = {"if-none-match": first.headers["etag"]}
    assert phone.get(f"/c/{token}/now", headers=tag).status_code == 304
    setting.desk.take(case, "ana", NOON)
    assert phone.get(f"/c/{token}/now", headers=tag).status_code == 200


def test_a_carer_with_an_account_sees_their_own_people_and_answers(setting: Setting) -> None:
    marta = log_in(setting.app(), "marta-acc")
    assert marta.get("/").headers["location"] == "/family"
    assert "Ara no hi ha cap avís" in marta.get("/family").text
    case = setting.alarm("carme", place="bany")
    view = marta.get("/api/family").json()[0]
    assert [line["case_id"] for line in view["alarms"]] == [case]
    given = marta.send("POST", f"/api/family/cases/{case}/answers", {"answer": "going", "eta_minutes": 15})
    assert given.json()["stage"] == "going"
    assert "4412" in marta.get(f"/family/case/{case}").text
    with setting.database.read() as conn:
        found = cases.find(conn, case)
    assert found is not None
    assert found.helper_id == "marta"


def test_other_peoples_cases_and_rotas_are_not_there(setting: Setting) -> None:
    from central.storage.people import Contact, Resident
    from tests.central.console_setting import enrol

    enrol(setting, "pere", "Carrer Gran 1", "Sants", [Resident("pere", "pere", "Pere", "Pere Mas", 1940)],
          [Contact("laia", "pere", 1, "Laia")])  # fmt: skip
    other = setting.alarm("pere")
    marta = log_in(setting.app(), "marta-acc")
    assert marta.get(f"/api/family/cases/{other}").status_code == 404
    assert marta.send("POST", f"/api/family/cases/{other}/answers", {"answer": "going"}).status_code == 404
    for contact in ("laia", "joan", "nobody"):
        assert marta.get(f"/api/family/contacts/{contact}/rota").status_code == 404
        path = f"/api/family/contacts/{contact}/week"
        assert marta.send("PUT", path, {"weekly": [], "night_ok": False}).status_code == 404
    assert marta.get("/api/homes/carme/card").status_code == 403
    assert marta.get("/family/looked/pere").status_code == 404


def test_the_rota_is_ones_own_word_and_a_gap_is_said_at_once(setting: Setting, clock: Clock) -> None:
    setting.desk.channels = ("email", "sms")
    marta = log_in(setting.app(), "marta-acc")
    base = "/api/family/contacts/marta"
    grid = {"when": "week", "cells": ["0-morning", "0-afternoon", "6-night"], "night_ok": False}
    assert marta.send("PUT", f"{base}/grid", grid).status_code == 204
    held = marta.get(f"{base}/rota").json()
    assert held["weekly"][0] == {"day": 0, "from_min": 420, "until_min": 1140}
    assert held["night_ok"] is False
    assert marta.send("PUT", f"{base}/grid", {"when": "week", "cells": []}).status_code == 422
    away = {"from_at": clock.now, "until_at": clock.now + 3 * 86_400, "reason": ""}
    assert marta.send("POST", f"{base}/absences", away).status_code == 204
    assert marta.send("POST", f"{base}/absences", {**away, "until_at": clock.now - 5}).status_code == 422
    assert marta.get("/api/family").json()[0]["gaps"] == [], "Joan can come"
    share(setting, "joan", ())
    assert len(marta.get("/api/family").json()[0]["gaps"]) > 0
    assert marta.send("POST", f"{base}/absences/end", {"from_at": clock.now}).status_code == 204
    assert marta.send("PUT", f"{base}/grid", {"when": "always", "night_ok": True}).status_code == 204
    assert marta.get("/api/family").json()[0]["gaps"] == []
    assert marta.send("POST", f"{base}/mute", {"hours": 4}).status_code == 204
    assert marta.get("/api/family").json()[0]["muted"] != ""
    with setting.database.read() as conn:
        assert rota.profile(conn, "marta").consent == ALL, "what the resident decided stays"


def test_a_new_number_counts_once_its_code_has_come_back(setting: Setting, clock: Clock) -> None:
    from central.carers.parts import CarersParts

    sms = FakeChannel("sms")
    setting.desk.channels = ("email", "sms")
    marta = log_in(setting.app(carers=CarersParts("", {"sms": sms}, 30)), "marta-acc")
    base = "/api/family/contacts/marta"
    ways = marta.get(f"{base}/rota").json()["ways"]
    assert [way["channel"] for way in ways] == ["sms", "voice", "email"]
    assert marta.send("POST", f"{base}/ways/new", {"address": "not a number"}).status_code == 422
    assert marta.send("POST", f"{base}/ways/new", {"address": "+34 611 22 33 44"}).status_code == 204
    assert marta.send("POST", f"{base}/ways/new", {"address": "+34 611 22 33 44"}).status_code == 429
    assert sms.messages[-1].to == "+34611223344"
    code = "".join(filter(str.isdigit, sms.messages[-1].text))[:6]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    proof = {"address": "+34611223344", "code": wrong}
    for _ in range(5):
        assert marta.send("POST", f"{base}/ways/proof", proof).status_code == 422
    assert marta.send("POST", f"{base}/ways/proof", {**proof, "code": code}).status_code == 422, "too many guesses"
    clock.now += 400
    marta.send("POST", f"{base}/ways/new", {"address": "+34611223344"})
    code = "".join(filter(str.isdigit, sms.messages[-1].text))[:6]
    assert marta.send("POST", f"{base}/ways/proof", {**proof, "code": code}).status_code == 204
    ways = marta.get(f"{base}/rota").json()["ways"]
    assert ways[-1] == {"channel": "sms", "shown": "+34611223344", "proven": True, "works": True}
    order = [len(ways) - 1, 0]
    assert marta.send("PUT", f"{base}/ways", {"order": order}).status_code == 204
    with setting.database.read() as conn:
        assert [way.address for way in rota.ways_of(conn, "marta")] == ["+34611223344", "600 555 010"]
    assert marta.send("PUT", f"{base}/ways", {"order": []}).status_code == 422, "one way stays"
    assert marta.send("PUT", f"{base}/ways", {"order": [7]}).status_code == 422


def test_a_reachability_test_asks_for_one_tap_and_its_result_is_known(setting: Setting, clock: Clock) -> None:
    email = FakeChannel("email")
    app = setting.app()
    marta = log_in(app, "marta-acc")
    assert marta.send("POST", "/api/family/contacts/marta/test").status_code == 204
    assert marta.send("POST", "/api/family/contacts/marta/test").status_code == 409, "one at a time"
    tester = ReachTester(setting.database, {"email": email}, "https://llar.example", clock)
    tester.work(clock.now)
    message = email.messages[-1]
    assert (message.purpose, message.urgent) == ("reach_test", False)
    assert "TEST" in message.short
    path = message.link.removeprefix("https://llar.example")
    token = path.rpartition("/")[2]
    assert TestClient(app).get(path).status_code == 200
    with setting.database.read() as conn:
        test = reach_tests.latest_of(conn, "marta")
    assert test is not None
    assert test.answered_at is None, "a preview answers nothing"
    assert TestClient(app).post(f"/api/reach-tests/{token}", headers=SITE).status_code == 204
    with setting.database.read() as conn:
        test = reach_tests.latest_of(conn, "marta")
    assert test is not None
    assert test.answered_at == clock.now
    clock.now += 8 * 86_400
    assert TestClient(app).get(path).status_code == 404
    assert TestClient(app).post("/api/reach-tests/forged", headers=SITE).status_code == 404


def test_every_contact_is_tested_once_a_month_by_day(setting: Setting, clock: Clock) -> None:
    email = FakeChannel("email")
    clock.now = NOON
    for month in range(1, 5):
        for _ in range(30 * 24 // 5):
            clock.now += 5 * 3_600
            ReachTester(setting.database, {"email": email}, "https://llar.example", clock).work(clock.now)
        assert [message.to for message in email.messages] == ["marta@example.org"] * month, "Joan has no e-mail"


def test_a_morning_is_told_beside_usual_ones() -> None:
    words = translator("en")
    assert up_at([0, 600, 1_300]) == 0
    assert up_at([0, 5_000, 5_700, 6_300]) == 5_000, "a walk in the night is no morning"
    assert up_at([0, 60, 120]) is None
    assert say_morning(490, [485] * 7, "8:10", words) == "Up at 8:10, a usual morning."
    assert "later" in say_morning(620, [485] * 7, "10:20", words)
    assert say_morning(490, [485] * 2, "8:10", words) == "Up at 8:10."


def test_the_days_line_says_when_it_cannot_be_told(setting: Setting, clock: Clock) -> None:
    marta = log_in(setting.app(), "marta-acc")
    assert setting.telemetry is not None
    setting.telemetry.write([Row("carme", "hall", "motion", clock.now - 9 * 3_600, True)])
    assert "no diuen res" in marta.get("/api/family").json()[0]["day"]
    morning = [Row("carme", "kitchen", "motion", clock.now - 3 * 3_600 + step * 600, True) for step in range(5)]
    setting.telemetry.write(morning)
    assert "10:00" in marta.get("/api/family").json()[0]["day"]
    share(setting, "marta", ("alarms",))
    assert marta.get("/api/family").json()[0]["day"] == ""


def test_a_ticked_week_and_its_spans_say_the_same() -> None:
    cells = {"0-morning", "0-afternoon", "3-night", "6-evening"}
    assert grid_of(spans_of(cells)) == cells
    assert spans_of(["9-morning", "0-noon", "²-night", "rubbish"]) == ()


def test_the_app_can_be_installed_and_its_worker_may_serve_links_too(phone: TestClient) -> None:
    manifest = phone.get("/family/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    for icon in manifest.json()["icons"]:
        assert phone.get(icon["src"]).status_code == 200
    worker = phone.get("/family/sw.js")
    assert worker.headers["service-worker-allowed"] == "/"
    assert "worker-src 'self'" in worker.headers["content-security-policy"]
    assert phone.get("/family/offline").status_code == 200


def test_a_carers_telephone_stays_logged_in_and_an_operators_does_not(setting: Setting, clock: Clock) -> None:
    app = setting.app()
    phones: list[Phone] = [log_in(app, "marta-acc"), log_in(app, "ana")]
    clock.now += 20 * 86_400
    assert [phone.get("/api/me").status_code for phone in phones] == [200, 401]
