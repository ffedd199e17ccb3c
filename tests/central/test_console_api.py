"""What the console's pages ask for and are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from central.console.health_view import HealthView
from central.internal import HubPresence, ReceiverHealth
from central.restarts import Restart
from central.storage import accounts
from central.storage.health import Refusal, add_refusals
from central.telemetry.store import Row, StoreUnavailable
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import MessageType, Record
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting
from tests.central.desk_people import form_token, log_in


class Seated:
    """An operator's requests."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client = client
        assert log_in(client, name).status_code == 303
        self.token = form_token(client)

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, path: str, status: int = 200, **body: object) -> Any:
        answer = self.client.post(path, json=body, headers=self.token)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def ana(setting: Setting) -> Iterator[Seated]:
    with TestClient(setting.app(), base_url="http://desk.test", follow_redirects=False) as client:
        yield Seated(client, "ana")


@pytest.fixture
def marc(setting: Setting, ana: Seated) -> Seated:
    return Seated(TestClient(ana.client.app, base_url="http://desk.test", follow_redirects=False), "marc")


def test_the_queue_is_ordered_by_priority_and_then_age(setting: Setting, ana: Seated, clock: Clock) -> None:
    for home in ("b", "c", "d", "e"):
        from tests.central.console_setting import enrol

        enrol(setting, home, f"Carrer {home}", "", [], [])
    technical = setting.alarm("b", AlarmKind.BATTERY_LOW, at=NOON - 500)
    young = setting.alarm("carme", AlarmKind.HELP, "bany", at=NOON - 20)
    old = setting.alarm("c", AlarmKind.FALL, at=NOON - 40)
    urgent = setting.alarm("d", AlarmKind.FLOOD, at=NOON - 300)
    withdrawn = setting.alarm("e", AlarmKind.HELP, at=NOON - 90)
    setting.alarm("e", AlarmKind.HELP, at=NOON - 80, mty=MessageType.WITHDRAWN)
    queue = ana.get("/api/queue")
    assert [card["id"] for card in queue["cards"]] == [old, young, urgent, withdrawn, technical]
    assert [card["mark"] for card in queue["cards"]] == ["P1", "P1", "P2", "P1", "T"]


def test_a_card_says_who_what_where_and_how_late(setting: Setting, ana: Seated) -> None:
    setting.alarm("carme", AlarmKind.FALL, "bany", late_s=240)
    setting.alarm("carme", AlarmKind.FALL, "bany", ref="A2")
    card = ana.get("/api/queue")["cards"][0]
    assert (card["kind"], card["place"], card["repeats"], card["state"]) == ("fall", "bany", 2, "new")
    assert card["late_s"] == pytest.approx(240)
    person = card["person"]
    assert (person["called"], person["born"], person["flags"], person["lives_alone"]) == (
        "Carme",
        1942,
        ["oxygen", "key_safe"],
        True,
    )


def test_an_alarm_of_a_stranger_has_a_card_too(setting: Setting, ana: Seated) -> None:
    setting.alarm("nobody-knows")
    card = ana.get("/api/queue")["cards"][0]
    assert card["person"] is None
    assert "hub-nobody-knows" in card["address"]
    view = ana.get(f"/api/cases/{card['id']}")
    assert "hub-nobody-knows" in view["why"][0]["sentence"]
    assert ana.get(f"/api/homes/{card['home_id']}/card")["residents"] == []


def test_a_case_from_alarm_to_closing_reads_as_sentences(setting: Setting, ana: Seated, clock: Clock) -> None:
    evidence = [
        Record(bn="urn:dev:hub:hub-carme:", bt=NOON, n="bath/motion", vb=True, t=-60.0),
        Record(n="pendant/press", vs="long", t=0.0),
    ]
    case = setting.alarm("carme", AlarmKind.HELP, "bany", evidence=evidence)
    clock.now += 12
    ana.do(f"/api/cases/{case}/take")
    ana.do(f"/api/cases/{case}/talk")
    ana.do(f"/api/cases/{case}/triage", choice=3)
    ana.do(f"/api/cases/{case}/note", text="Ha relliscat.")
    ana.do(f"/api/cases/{case}/contacts/marta/notify")
    ana.do(f"/api/cases/{case}/contacts/marta/on-the-way", eta_minutes=12)
    view = ana.do(f"/api/cases/{case}/contacts/marta/arrived")
    assert view["why"] == [{"at": NOON, "sentence": "Carme ha premut el botó d'ajuda.", "times": 1}]
    assert [(proof["where"], proof["what"], proof["at"]) for proof in view["proofs"]] == [
        ("pendant", "botó premut", NOON),
        ("bany", "moviment", NOON - 60),
    ]
    assert view["triage"] == 3
    assert view["deliveries"][0]["state"] == "queued"
    assert [line["sentence"] for line in reversed(view["timeline"])] == [
        "Alarma rebuda: Botó d'ajuda, bany.",
        "Ana ha agafat el cas.",
        "Ana parla amb Carme.",
        "Ana ha anotat:",
        "Ana ha anotat:",
        "Ana ha demanat avisar Marta Puig per correu.",
        "Marta Puig ve de camí; arribada prevista a les 13:12.",
        "Marta Puig ha arribat.",
    ]
    assert [line["words"] for line in reversed(view["timeline"])][3:5] == ["Algú ara", "Ha relliscat."]
    closed = ana.do(f"/api/cases/{case}/close", cause="fall", action="contact_sent", outcome="helped_at_home")
    assert closed["card"]["state"] == "closed"
    assert closed["timeline"][0]["sentence"] == "Ana ha tancat el cas: Ha caigut · Hi va un contacte · Ajuda a casa."
    assert ana.get("/api/queue")["cards"] == []
    past = ana.get("/api/homes/carme/card")["last_cases"]
    assert [(one["kind"], one["cause"], one["outcome"]) for one in past] == [("help", "fall", "helped_at_home")]


def test_the_same_case_reads_in_the_language_of_who_asks(setting: Setting, ana: Seated, marc: Seated) -> None:
    case = setting.alarm("carme", AlarmKind.SMOKE, "cuina")
    ana.do(f"/api/cases/{case}/take")
    ana.do(f"/api/cases/{case}/triage", choice=5)
    view = marc.get(f"/api/cases/{case}")
    assert view["why"][0]["sentence"] == "The smoke alarm sounds at Carme's home."
    assert view["timeline"][0]["words"] == "No answer"


def test_a_finding_says_which_expectation_failed(setting: Setting, ana: Seated) -> None:
    facts: dict[str, str | float] = {"hours": 9.5, "device": "bed", "room": "dormitori"}
    setting.finding("carme", AlarmKind.INACTIVITY, "quiet_too_long", facts)
    card = ana.get("/api/queue")["cards"][0]
    assert card["mark"] == "P2"
    sentence = ana.get(f"/api/cases/{card['id']}")["why"][0]["sentence"]
    assert sentence == (
        "Cap senyal de moviment de Carme. Cap moviment des de fa 10 hores: és el límit d'aquesta casa a aquesta hora. "
        "Última activitat: dormitori."
    )


def test_who_comes_second_is_told_who_was_first_and_by_how_much(
    setting: Setting, ana: Seated, marc: Seated, clock: Clock
) -> None:
    case = setting.alarm("carme")
    ana.do(f"/api/cases/{case}/take")
    clock.now += 0.2
    refused = marc.do(f"/api/cases/{case}/take", 409)
    assert refused == {"reason": "taken", "text": "Taken by Ana, 0.2 s before you.", "who": "Ana"}


def test_what_may_not_be_done_is_refused_with_a_sentence(setting: Setting, ana: Seated, marc: Seated) -> None:
    case = setting.alarm("carme")
    path = f"/api/cases/{case}"
    assert ana.do(f"{path}/talk", 409)["reason"] == "not_possible"
    ana.do(f"{path}/take")
    assert marc.do(f"{path}/talk", 409)["text"] == "Ana has this case. Take it first."
    assert ana.do(f"{path}/close", 422, cause="mistake")["reason"] == "no_outcome"
    unspoken = ana.do(f"{path}/close", 422, cause="mistake", outcome="resolved_by_talk")
    assert unspoken["text"].startswith("Ningú ha parlat amb la persona")
    assert ana.do(f"{path}/wait", 422, minutes=10, reason=" ")["reason"] == "no_reason"
    assert ana.do(f"{path}/wait", 422, minutes=600, reason="x")["reason"] == "bad_recall"
    assert ana.do(f"{path}/contacts/joan/notify", 409)["reason"] == "unreachable"
    assert ana.do(f"{path}/contacts/nobody/notify", 404)["reason"] == "no_such_contact"
    assert ana.do("/api/cases/99/take", 404)["reason"] == "no_such_case"


def test_bodies_out_of_bounds_are_refused_by_value(setting: Setting, ana: Seated) -> None:
    case = setting.alarm("carme")
    for path, body in (
        ("note", {"text": "x" * 2001}),
        ("note", {}),
        ("triage", {"choice": 6}),
        ("wait", {"minutes": -1, "reason": "x"}),
        ("close", {"cause": "boredom"}),
        ("contacts/marta/on-the-way", {"eta_minutes": 100_000}),
    ):
        answer = ana.client.post(f"/api/cases/{case}/{path}", json=body, headers=ana.token)
        assert (path, answer.status_code, answer.json()["reason"]) == (path, 422, "bad_content")
    assert ana.client.get("/api/cases/nine").status_code == 422
    assert ana.client.get("/api/nothing").json()["reason"] == "not_found"
    read = ana.client.get("/nothing", headers={"accept": "text/html"})
    assert (read.status_code, read.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in read.text


def test_a_parked_case_shows_its_recall_and_a_released_one_rings(setting: Setting, ana: Seated, clock: Clock) -> None:
    case = setting.alarm("carme", AlarmKind.FLOOD)
    ana.do(f"/api/cases/{case}/take")
    parked = ana.do(f"/api/cases/{case}/wait", minutes=20, reason="El lampista hi va.")["card"]
    assert (parked["state"], parked["ring_at"], parked["wake_at"]) == ("waiting", None, clock.now + 1200)
    released = ana.do(f"/api/cases/{case}/release", reason="")["card"]
    assert (released["state"], released["owner"]) == ("new", "")
    assert released["ring_at"] == clock.now


def test_todays_share_answered_in_time_counts_the_overdue(setting: Setting, ana: Seated, clock: Clock) -> None:
    quick = setting.alarm("carme", AlarmKind.HELP, at=NOON - 100)
    setting.desk.take(quick, "ana", NOON - 70)
    assert ana.get("/api/queue")["answers"] == {
        "since_at": NOON - 13 * 3600,
        "counted": 1,
        "within_50_s": 1,
        "within_60_s": 1,
        "within_180_s": 1,
        "aims": {"50": 95.0, "60": 97.5, "180": 99.0},
    }
    setting.alarm("stranger", AlarmKind.HELP, at=NOON - 61)
    setting.alarm("stranger-2", AlarmKind.HELP, at=NOON - 59)
    setting.alarm("stranger-3", AlarmKind.BATTERY_LOW, at=NOON - 600)
    answers = ana.get("/api/queue")["answers"]
    assert (answers["counted"], answers["within_60_s"], answers["within_180_s"]) == (2, 1, 2)


def test_the_resident_card_has_contacts_in_order_and_the_way_in(setting: Setting, ana: Seated) -> None:
    card = ana.get("/api/homes/carme/card")
    assert [contact["called"] for contact in card["contacts"]] == ["Marta Puig", "Joan Ferrer"]
    assert card["home"]["access_notes"].startswith("Porta de baix")
    assert card["home"]["hub"] == "hub-carme"
    assert ana.client.get("/api/homes/nowhere/card").status_code == 404


def test_rooms_and_charts_come_from_the_telemetry_store(setting: Setting, ana: Seated) -> None:
    assert setting.telemetry is not None
    rows = [Row("carme", "bed", "temperature", NOON - 7200 + step * 300, 20.0 + step / 10) for step in range(20)]
    rows += [
        Row("carme", "bath", "motion", NOON - 600, True),
        Row("carme", "bath", "motion", NOON - 500, False),
        Row("carme", "door", "open", NOON - 400, False),
        Row("carme", "kitchen", "motion", NOON - 4000, True),
        Row("carme", "bath", "systolic", NOON - 3000, 131.0),
        Row("carme", "bath", "diastolic", NOON - 3000, 75.0),
    ]
    setting.telemetry.write(rows)
    rooms = ana.get("/api/homes/carme/rooms")
    assert [(event["room"], NOON - event["at"]) for event in rooms["events"]] == [("bany", 600.0), ("entrada", 400.0)]
    charts = ana.get("/api/homes/carme/charts")
    assert [(series["kind"], series["room"], series["last"]) for series in charts["series"]] == [
        ("systolic", "bany", 131.0),
        ("diastolic", "bany", 75.0),
        ("temperature", "dormitori", 21.9),
    ]
    assert [len(series["points"]) for series in charts["series"]] == [1, 1, 7]


class _Down:
    """A store that is out of reach; it stands in for a server that cannot be stopped inside one process."""

    def __getattr__(self, _name: str) -> Any:
        def refuse(*_arguments: object) -> None:
            raise StoreUnavailable("out of reach")

        return refuse


@pytest.mark.parametrize(("store", "says"), [(None, "none"), (_Down(), "down")])
def test_a_missing_store_is_said_and_never_fails_the_card(tmp_path: Path, store: Any, says: str) -> None:
    with open_setting(tmp_path, Clock(NOON), with_store=False) as setting:
        setting.telemetry = store
        with TestClient(setting.app(), base_url="http://desk.test", follow_redirects=False) as client:
            ana = Seated(client, "ana")
            assert ana.get("/api/homes/carme/rooms")["unavailable"] == says
            assert ana.get("/api/homes/carme/charts")["unavailable"] == says
            assert ana.get("/api/homes/carme/card")["home"]["id"] == "carme"


def test_health_names_every_fault_and_what_to_do(setting: Setting, ana: Seated) -> None:
    receiver = ReceiverHealth(
        NOON,
        messages=10,
        refused={"bad_json": 3},
        store="connection refused",
        spooled=5000,
        spool_cap=1_000_000,
        hubs_silent=1,
        silent=[HubPresence("carme", "hub-carme", False, NOON - 400, waiting=12)],
    )
    again = (Restart("desk", NOON - 90_000, "ended", -9), Restart("receiver", NOON - 120, "stuck", -9))
    setting.health = HealthView(False, "10.0.0.9:8883: refused", receiver, commit_p99_ms=900.0, restarts=again)
    with setting.database.begin() as conn:
        add_refusals(conn, {("alarm", "bad_content"): Refusal(7, NOON - 60, "hub-x: no ref")})
    health = ana.get("/api/health")
    assert [sign["state"] for sign in health["signs"]] == [
        "bad", "bad", "warn", "ok", "bad", "warn", "bad", "warn", "warn", "ok"
    ]  # fmt: skip
    assert all(sign["advice"] for sign in health["signs"] if sign["state"] != "ok")
    assert [(one["source"], one["reason"], one["count"]) for one in health["refused"]] == [
        ("alarm", "bad_content", 7),
        ("receiver", "bad_json", 3),
    ]
    assert [(one["from_words"], one["why"]) for one in health["refused"]] == [
        ("Alarmes", "falta un valor o és incorrecte"),
        ("Mesures", "no es pot llegir"),
    ]
    assert [sign["detail"] for sign in health["signs"] if sign["detail"]] == [
        "10.0.0.9:8883: refused",
        "connection refused",
    ]
    assert health["signs"][7]["says"] == (
        "S'havia quedat aturat i s'ha tornat a engegar: receptor de mesures, fa 2 minuts."
    )
    assert health["silent"][0]["address"] == "Carrer de Verdi 112, 3r 2a"
    link = ana.get("/api/queue")["link"]
    assert (link["broker"], link["receiver"], link["ready_operators"]) == ("down", "store", 0)


def test_a_receiver_that_fell_silent_or_never_spoke_is_a_fault(setting: Setting, ana: Seated) -> None:
    setting.health = HealthView(True, "", ReceiverHealth(NOON - 60))
    assert ana.get("/api/health")["signs"][3]["says"] == "No se'n sap res des de fa 60 segons."
    setting.health = HealthView(True, "")
    assert ana.get("/api/health")["signs"][3]["state"] == "bad"


def test_a_clock_that_was_set_back_is_said_and_makes_no_receiver_silent(setting: Setting, ana: Seated) -> None:
    setting.health = HealthView(True, "", ReceiverHealth(NOON - 3_600), ahead_s=3_600)
    receiver, clock = (ana.get("/api/health")["signs"][place] for place in (3, -2))
    assert receiver["state"] == "ok"
    assert "s'ha endarrerit 60 minuts" in clock["says"]


def test_the_interface_is_described(ana: Seated) -> None:
    described = ana.get("/api/openapi.json")
    assert "/api/cases/{case_id}/take" in described["paths"]
    assert described["paths"]["/api/cases/{case_id}/take"]["post"]["responses"]["409"]


def test_language_is_kept_with_the_operator(ana: Seated) -> None:
    ana.do("/api/me/language", 204, language="es")
    assert 'lang="es"' in ana.client.get("/").text
    assert ana.do("/api/me/language", 422, language="tlh")["reason"] == "unknown_language"


def test_what_the_database_cannot_hold_is_no_fault_of_it(setting: Setting, ana: Seated) -> None:
    with setting.database.begin() as connection:
        accounts.change(connection, "ana", role="coordinator")
    answer = ana.client.delete("/api/homes/carme/devices/a%00b", headers=ana.token)
    assert answer.status_code in {404, 422}, answer.text
