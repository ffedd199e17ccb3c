"""What the console's own routes promise: keys, languages, handing over, the checklist, calls, offers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from central.alarm_cases.rota import Profile
from central.carer_desk import CarerDesk
from central.config import PhoneConfig
from central.console import key_map
from central.console.live import READY_KEPT_S, Client, Live
from central.console.offers import HANDED_S, OFFER_S, TOLD_WITHIN_S, AtDesk, Handed, Offers, offered_to
from central.delivery_desk import DeliveryDesk
from central.notification.delivery import DeliveryState, came_to
from central.notification.phone_gateway import make_reference
from central.phone_desk import PhoneDesk, Report, Told
from central.storage import deliveries, rota
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Record
from tests.central.conftest import NOON
from tests.central.console_setting import PASSWORD, Clock, Setting, open_setting


@pytest.fixture
def setting(tmp_path: Path, clock: Clock) -> Iterator[Setting]:
    with open_setting(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(setting: Setting) -> Iterator[TestClient]:
    with TestClient(setting.app(), base_url="http://testserver") as opened:
        page = opened.get("/login").text
        form = page.split('name="form" value="')[1].split('"')[0]
        opened.post("/login", data={"name": "ana", "password": PASSWORD, "form": form})
        token = opened.get("/").text.split('"form_token": "')[1].split('"')[0]
        opened.headers["x-form-token"] = token
        yield opened


def post(client: TestClient, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
    answer = client.post(path, json=body or {})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_own_keys_are_kept_and_the_usual_ones_come_back(client: TestClient) -> None:
    assert client.get("/api/me/desk").json()["keys"]["take"] == "F2"
    kept = client.put("/api/me/desk", json={"keys": {"take": "F9", "to-note": "M"}, "speaks": ["ca", "ar", "ca"]})
    assert (kept.json()["keys"]["take"], kept.json()["keys"]["to-note"]) == ("F9", "m")
    assert kept.json()["speaks"] == ["ca", "ar"]
    assert client.put("/api/me/desk", json={}).json()["keys"] == dict(key_map.USUAL)


@pytest.mark.parametrize(
    "keys",
    [
        {"take": "F4"},  # the emergency card's
        {"take": "Ctrl+w"},  # closes the browser's tab
        {"close": "c"},  # nothing destructive on one key
        {"park": "Escape"},
        {"fly": "f"},
    ],
)
def test_keys_that_would_harm_are_refused_and_nothing_changes(client: TestClient, keys: dict[str, str]) -> None:
    answer = client.put("/api/me/desk", json={"keys": keys})
    assert (answer.status_code, answer.json()["reason"]) == (422, "bad_keys")
    assert answer.json()["text"]
    assert client.get("/api/me/desk").json()["keys"] == dict(key_map.USUAL)


def test_every_usual_key_stands_alone_and_has_a_name() -> None:
    assert key_map.fault_of({}) is None
    assert set(key_map.ACTIONS) == set(key_map.USUAL)


def test_handing_over_needs_a_reason_and_a_colleague_who_works_cases(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    assert post(client, "/api/me/hand-over", {"to": "marc"}, 422)["reason"] == "no_reason"
    refused = post(client, "/api/me/hand-over", {"to": "nobody", "reason": "Acabo"}, 422)
    assert refused["reason"] == "no_such_operator"
    assert client.get(f"/api/cases/{case}").json()["card"]["owner_id"] == "ana"
    assert post(client, "/api/me/hand-over", {"to": "marc", "reason": "Acabo"}) == {"cases": 1}
    card = client.get(f"/api/cases/{case}").json()["card"]
    assert (card["owner_id"], card["ring_at"]) == ("", NOON)


def test_a_call_has_its_limit_and_the_prompt_after_it(client: TestClient, setting: Setting, clock: Clock) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    view = post(client, f"/api/cases/{case}/contacts/joan/call")
    assert (view["ringing_contact"], view["ring_limit_at"]) == ("joan", NOON + 30)
    clock.now += 30
    setting.desk.work_due(clock.now)
    view = client.get(f"/api/cases/{case}").json()
    assert (view["ringing_contact"], view["ring_limit_at"], view["prompt"]) == ("joan", None, "ring_limit")
    view = post(client, f"/api/cases/{case}/contacts/joan/call-ended", {"result": "busy"})
    joan = next(one for one in view["contacts"] if one["id"] == "joan")
    assert (view["ringing_contact"], [call["result"] for call in joan["calls"]]) == ("", ["busy"])


def test_before_closing_a_case_names_those_who_will_be_told_how_it_ended(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    assert post(client, f"/api/cases/{case}/take")["summary_to"] == []
    with setting.database.begin() as conn:
        rota.keep_profile(conn, "marta", Profile(consent=("alarms", "history")), NOON, "carme")
    assert client.get(f"/api/cases/{case}").json()["summary_to"] == ["Marta Puig"]
    closing = {"cause": "mistake", "action": "talked", "outcome": "resolved_by_talk", "note": "Tot bé"}
    after = post(client, f"/api/cases/{case}/close", closing)
    assert after["summary_to"] == []
    (line,) = after["deliveries"]
    assert (line["contact_id"], line["channel"], line["purpose"], line["state"]) == (
        "marta", "email", "summary", "queued",
    )  # fmt: skip


def test_a_contact_who_cannot_come_is_said_so(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    view = post(client, f"/api/cases/{case}/contacts/joan/cannot")
    assert {one["id"]: one["state"] for one in view["contacts"]}["joan"] == "declined"
    post(client, f"/api/cases/{case}/contacts/nobody/cannot", status=404)


def test_a_step_out_of_turn_and_a_skip_without_a_reason_are_refused(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    view = post(client, f"/api/cases/{case}/triage", {"choice": 5})
    assert [step["state"] for step in view["checklist"]["steps"]][:2] == ["now", ""]
    assert view["checklist"]["due_at"] == NOON + 30
    assert post(client, f"/api/cases/{case}/step", {"step": "listen"}, 409)["reason"] == "bad_step"
    skip = {"step": "call_out", "skipped": True}
    assert post(client, f"/api/cases/{case}/step", skip, 422)["reason"] == "no_reason"
    view = post(client, f"/api/cases/{case}/step", {**skip, "reason": "Sense veu"})
    assert [step["state"] for step in view["checklist"]["steps"]][:2] == ["skipped", "now"]


@pytest.mark.parametrize(("ago_s", "ticked"), [(0, True), (1_200, False)])
def test_who_did_not_answer_the_home_is_not_called_out_to_anew(
    client: TestClient, setting: Setting, ago_s: float, ticked: bool
) -> None:
    asked_at = NOON - ago_s
    said = [Record(n="belt/fall", vs="suspected", t=asked_at - 25), Record(n="belt/fall", vs="unanswered", t=asked_at)]
    case = setting.alarm("carme", AlarmKind.FALL, "bany", evidence=said)
    post(client, f"/api/cases/{case}/take")
    post(client, f"/api/cases/{case}/triage", {"choice": 5})
    first, second = client.get(f"/api/cases/{case}").json()["checklist"]["steps"][:2]
    if ticked:
        done = {
            "state": "by_system",
            "at": asked_at,
            "reason": "La unitat de casa ho ha preguntat i ningú no ha contestat.",
        }
        assert (first["name"], {name: first[name] for name in done}, second["state"]) == ("call_out", done, "now")
    else:
        assert (first["state"], first["at"]) == ("now", None)


def test_the_emergency_card_has_what_an_ambulance_asks(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme", AlarmKind.FALL, "bany")
    card = client.get(f"/api/cases/{case}/emergency-card").json()
    assert card["address"] == "Carrer de Verdi 112, 3r 2a"
    assert "codi 4412" in card["way_in"]
    assert card["home_phone"] == "93 555 01 42"
    person = card["people"][0]
    assert (person["full_name"], person["age"], person["language"]) == ("Carme Puig i Soler", 84, "ca")
    assert "anticoagulants" in person["conditions"]
    assert card["what"]


def test_the_card_tells_when_the_path_was_never_proven_and_when_nobody_can_be_reached(client: TestClient) -> None:
    card = client.get("/api/homes/carme/card").json()
    assert card["proven_at"] is None
    assert card["gaps"] == []


def test_a_case_is_offered_to_who_is_idle_longest_among_those_who_speak_the_language() -> None:
    at_desk = [
        AtDesk("ana", "ready", 100.0),
        AtDesk("marc", "ready", 50.0),
        AtDesk("pau", "break", 1.0),
        AtDesk("eva", "ready", 2.0),
    ]
    spoken = {"ana": ("ca",), "marc": ("ca", "es"), "eva": ("ca",)}
    assert offered_to(at_desk, {"eva"}, spoken, "ca") == "marc"
    assert offered_to(at_desk, {"eva", "marc"}, spoken, "ca") == "ana"
    assert offered_to(at_desk, set(), spoken, "es") == "marc"
    assert offered_to(at_desk, set(), spoken, "ur") == "eva"
    assert offered_to(at_desk, set(), spoken, "ca", owner="pau") == "pau"
    assert offered_to([], set(), {}, "ca") == ""


def test_an_offer_stands_for_seconds_and_ends_when_the_case_is_taken() -> None:
    offers = Offers()
    offers.give(7, "ana", NOON)
    assert offers.give(7, "marc", NOON + 1).operator == "ana"
    assert list(offers.standing(NOON + OFFER_S - 0.1)) == [7]
    assert offers.standing(NOON + OFFER_S) == {}
    offers.give(8, "ana", NOON)
    offers.end(8)
    assert 8 not in offers.standing(NOON)


def test_a_case_handed_over_is_its_colleagues_first_and_the_giver_is_told_once_when_it_is_not_taken() -> None:
    offers, from_ana = Offers(), Handed("ana", "Ana", "Acabo el torn")
    offers.give(7, "eva", NOON)
    offers.hand(7, "marc", from_ana, NOON)
    assert offers.give(7, "eva", NOON + HANDED_S - 1).operator == "marc", "another alarm of the case changes nothing"
    assert offers.untaken("ana", NOON + HANDED_S - 0.1) == {}
    assert offers.standing(NOON + HANDED_S) == {}
    assert offers.untaken("pau", NOON + HANDED_S) == {}
    assert offers.untaken("ana", NOON + HANDED_S)[7].operator == "marc"
    assert offers.untaken("ana", NOON + HANDED_S) == {}


def test_nobody_is_told_of_what_was_taken_given_anew_or_long_ago() -> None:
    offers, from_ana = Offers(), Handed("ana", "Ana", "Acabo el torn")
    for case_id in (7, 8, 9):
        offers.hand(case_id, "marc", from_ana, NOON)
    offers.end(7)
    offers.give(8, "eva", NOON + HANDED_S)
    offers.end(8)
    assert set(offers.untaken("ana", NOON + HANDED_S)) == {9}
    offers.hand(7, "marc", from_ana, NOON)
    offers.give(8, "eva", NOON + HANDED_S)
    offers.hand(7, "eva", from_ana, NOON + HANDED_S + 1)
    assert offers.untaken("ana", NOON + HANDED_S + 1) == {}
    assert offers.untaken("ana", NOON + 2 * HANDED_S + 1 + TOLD_WITHIN_S) == {}


def at_console(setting: Setting, *operators: str, state: str = "ready") -> None:
    clients = [Client(at, f"s-{name}", name, state, 0.0, setting.clock()) for at, name in enumerate(operators)]
    setting.live._clients = {client.number: client for client in clients}


@pytest.mark.parametrize(("state", "alone"), [("ready", True), ("wrap_up", True), ("busy", False), ("break", False)])
def test_the_colleague_named_is_offered_the_case_with_the_reason_and_anybody_may_take_it(
    client: TestClient, setting: Setting, state: str, alone: bool
) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    at_console(setting, "ana", "marc", state=state)
    post(client, "/api/me/hand-over", {"to": "marc", "reason": "Acabo"})
    queue = client.get("/api/queue").json()
    handed = {"giver": "ana", "called": "Ana", "reason": "Acabo", "alone": alone}
    assert queue["offers"] == {str(case): {"operator": "marc", "until_at": NOON + HANDED_S, "handed": handed}}
    post(client, f"/api/cases/{case}/take")
    assert client.get("/api/queue").json()["offers"] == {}
    assert setting.live.offers.untaken("ana", NOON + HANDED_S) == {}


def test_a_case_handed_to_nobody_by_name_is_offered_as_any_other(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    at_console(setting, "marc")
    post(client, "/api/me/hand-over", {"reason": "Acabo"})
    offer = client.get("/api/queue").json()["offers"][str(case)]
    assert offer == {"operator": "marc", "until_at": NOON + OFFER_S, "handed": None}


def test_a_case_handed_over_just_before_a_restart_rings_for_all(client: TestClient, setting: Setting) -> None:
    case = setting.alarm("carme")
    post(client, f"/api/cases/{case}/take")
    at_console(setting, "ana", "marc")
    post(client, "/api/me/hand-over", {"to": "marc", "reason": "Acabo"})
    anew = TestClient(replace(setting, live=Live()).app(), base_url="http://testserver", cookies=client.cookies)
    queue = anew.get("/api/queue").json()
    assert [(card["id"], card["ring_at"], card["owner_id"]) for card in queue["cards"]] == [(case, NOON, "")]
    assert queue["offers"] == {}


def test_who_does_not_answer_signs_of_life_is_not_ready() -> None:
    live = Live()
    silent = Client(1, "s1", "ana", "ready", answered_at=time.monotonic() - READY_KEPT_S - 0.1)
    live._clients = {1: silent, 2: Client(2, "s2", "marc", "wrap_up", answered_at=time.monotonic())}
    assert {one.operator: one.state for one in live.at_desk()} == {"ana": "not_ready", "marc": "wrap_up"}
    assert live.ready_operators() == 0


@pytest.mark.parametrize(
    ("told", "said", "chip"),
    [
        (Told.NO_ANSWER, "Joan Ferrer no ha contestat al telèfon.", "no contesta"),
        (Told.BUSY, "Joan Ferrer: el telèfon comunicava.", "comunica"),
        (Told.REJECTED, "Joan Ferrer ha rebutjat la trucada.", "trucada rebutjada"),
        (Told.MACHINE, "Joan Ferrer no ha contestat: ha saltat la bústia de veu.", "bústia de veu"),
        (Told.UNREACHABLE, "Joan Ferrer: el telèfon està apagat o sense cobertura.", "apagat o sense cobertura"),
    ],
)
def test_a_telephone_that_rang_in_vain_is_said_with_what_happened(
    client: TestClient, setting: Setting, told: Told, said: str, chip: str
) -> None:
    case = setting.alarm("carme")
    with setting.database.begin() as conn:
        deliveries.queue(conn, case, "joan", "voice", deliveries.ALARM, NOON)
        (call,) = deliveries.of_case(conn, case)
        deliveries.save(conn, replace(came_to(call, DeliveryState.SENT, NOON), receipt_due_at=NOON + 75), NOON)
    phone = PhoneDesk(setting.database, DeliveryDesk(setting.desk), CarerDesk(setting.desk), PhoneConfig())
    report = Report("r1", make_reference(f"llar-{case}-{call.id}", "+34600000001"), told, NOON + 20, detail="Q.850 19")
    phone.take(report, NOON + 20)
    view = client.get(f"/api/cases/{case}").json()
    assert view["timeline"][0]["sentence"] == said
    (line,) = view["deliveries"]
    assert (line["state"], line["fault"]) == (told.value, "Q.850 19")
    words = client.get("/").text.split('"delivery_states": ')[1]
    states = json.JSONDecoder().raw_decode(words)[0]
    assert translator("ca").gettext(states[line["state"]]) == chip
