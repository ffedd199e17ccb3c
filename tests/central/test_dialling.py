"""Calls that the centre places for an operator: what reports add up to, what the case says of it, what it ticks."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from central.alarm_cases.case import EventType
from central.alarm_cases.placed_call import SILENT_S, CallState, Leg, Party, PlacedCall, heard, hung_up, news
from central.carer_desk import CarerDesk
from central.config import PhoneConfig
from central.delivery_desk import DeliveryDesk
from central.dial_desk import DialDesk
from central.entrances.phone import HEADER, PhoneEntrance, sign
from central.notification.phone_gateway import PhoneGateway, read_telephone
from central.phone_desk import PhoneDesk
from central.storage import audit_log
from central.storage.audit_log import Filter
from central.storage.tables import residents
from gateway.contract.alarm_kinds import AlarmKind
from simulators import phone_company
from simulators.phone_company import Does, PhoneCompany
from simulators.web_server import Answer, Asked, WebFault, WebServer
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting, wait_until
from tests.central.desk_people import Person

KEY = "a key"
MARTA, JOAN, HOME, CARME = "+34600555010", "+34600555011", "+34935550142", "+34600555099"
Report = tuple[Leg, str, float]
OWN, OTHER = Leg.OWN, Leg.OTHER


def call_to(party: Party = Party.CONTACT, who: str = "marta") -> PlacedCall:
    return PlacedCall(1, "llar-dial-1", 7, "ana", party, who, NOON, NOON)


def told(call: PlacedCall, *reports: Report) -> PlacedCall:
    for leg, word, at in reports:
        call = heard(call, leg, word, at, None, NOON + 200)
    return call


def words(call: PlacedCall, *reports: Report) -> list[tuple[str, str]]:
    """What the log says after each report, as (event, state)."""
    said = []
    for leg, word, at in reports:
        after = heard(call, leg, word, at, None, at)
        said += [(event.value, facts.state) for event, facts in news(call, after, 30.0)]
        call = after
    return said


TALKED: list[Report] = [
    (OWN, "ringing", NOON + 1), (OWN, "answered", NOON + 4), (OTHER, "ringing", NOON + 6),
    (OTHER, "answered", NOON + 15), (OTHER, "ended", NOON + 95),
]  # fmt: skip


def test_reports_may_come_in_any_order_and_twice() -> None:
    for order in itertools.permutations(TALKED):
        call = told(call_to(), *order, order[0])
        assert (call.reported, call.talk_s) == (CallState.ENDED, 80.0)


@pytest.mark.parametrize(
    ("leg", "word", "state"),
    [
        (OTHER, "busy", CallState.BUSY),
        (OTHER, "no_answer", CallState.NO_ANSWER),
        (OTHER, "rejected", CallState.REJECTED),
        (OTHER, "machine", CallState.MACHINE),
        (OTHER, "unreachable", CallState.UNREACHABLE),
        (OTHER, "failed", CallState.FAILED),
        (OTHER, "ended", CallState.HUNG_UP),
        (OWN, "no_answer", CallState.OWN_MISSED),
    ],
)
def test_a_call_that_reached_nobody_stays_so_whatever_follows_it(leg: Leg, word: str, state: CallState) -> None:
    reports = [(OWN, "ringing", NOON + 1), (leg, word, NOON + 20), (OWN, "ended", NOON + 21)]
    if leg is OTHER:
        reports += [(OWN, "answered", NOON + 3), (OTHER, "ringing", NOON + 5)]
    for order in itertools.permutations(reports):
        assert told(call_to(), *order).reported is state


def test_the_log_says_that_somebody_was_rung_only_when_they_were() -> None:
    assert words(call_to(), *TALKED) == [("called", ""), ("call_ended", "answered"), ("phoned", "ended")]
    engaged: list[Report] = [(OWN, "answered", NOON + 4), (OTHER, "busy", NOON + 5), (OWN, "ended", NOON + 6)]
    assert words(call_to(), *engaged) == [("called", ""), ("call_ended", "busy")]
    assert words(call_to(Party.HOME, ""), *engaged) == [("rung", ""), ("phoned", "busy")]
    missed: list[Report] = [(OWN, "ringing", NOON + 1), (OWN, "no_answer", NOON + 26)]
    assert words(call_to(), *missed) == []
    no_such_number: list[Report] = [(OWN, "answered", NOON + 4), (OTHER, "failed", NOON + 5)]
    assert words(call_to(), *no_such_number) == [("called", ""), ("call_ended", "failed")]
    assert words(call_to(Party.HOME, ""), *no_such_number) == [("phoned", "failed")], "nothing rang at home"


def test_what_answered_may_have_been_a_mailbox_and_only_the_operator_hears_it() -> None:
    talking = told(call_to(), *TALKED[:4])
    after = hung_up(talking, NOON + 20, mailbox=True)
    assert after.reported is CallState.MACHINE
    assert [(event, facts.state) for event, facts in news(talking, after, 30.0)] == [(EventType.CALL_ENDED, "machine")]


def test_a_call_of_which_nothing_is_heard_is_not_known() -> None:
    call = call_to()
    assert call.state(NOON + SILENT_S - 1) is CallState.DIALLING
    assert call.state(NOON + SILENT_S) is CallState.UNKNOWN
    talking = heard(call, OTHER, "answered", NOON + 15, None, NOON + 15)
    assert talking.state(NOON + 900) is CallState.TALKING, "people talk for longer than telephones ring"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("201", "201"),
        ("93 555 01 42", HOME),
        ("+34 600 555 010", MARTA),
        ("112", ""),
        ("0", ""),
        ("ana", ""),
        ("0034", ""),
    ],
)
def test_at_which_telephone_one_may_sit(written: str, read: str) -> None:
    assert read_telephone(written, "+34") == read


class Exchange:
    """Ana at her console and telephone 201, with a case of Carme in hand; a gateway that keeps what it is asked, and
    whose reports a test makes."""

    def __init__(self, setting: Setting, clock: Clock, folder: Path) -> None:
        self.setting, self.clock, self.folder = setting, clock, folder
        self.asked: list[Asked] = []
        self.answer: Answer | WebFault = Answer(202, b'{"id": "pc-1"}')
        self.meanwhile: Callable[[str], None] = lambda _key: None
        self.gateway = WebServer(self._take)
        self.news: list[int] = []
        self.start()
        self.case = setting.alarm("carme")
        self.post("take")

    def _take(self, asked: Asked) -> Answer | WebFault:
        self.asked.append(asked)
        self.meanwhile(self.key)
        return self.answer

    def start(self) -> None:
        """The desk begins, also anew."""
        (self.folder / "token").write_text("a word")
        config = PhoneConfig(self.gateway.url, str(self.folder / "token"))
        desk = self.setting.desk
        self.calls = calls = DialDesk(desk, PhoneGateway(config), self.news.append)
        phone = PhoneDesk(self.setting.database, DeliveryDesk(desk), CarerDesk(desk), config, calls=calls)
        entrance = PhoneEntrance(phone, self.setting.refusals, KEY)
        self.app = self.setting.app(calls=calls, phone=entrance)
        self.ana = Person(self.app, "ana")
        self.ana.put("/api/me/telephone", telephone="201")

    def post(self, path: str, status: int = 200, who: Person | None = None, **body: object) -> Any:
        answer = (who or self.ana).post(f"/api/cases/{self.case}/{path}", **body)
        assert answer[0] == status, answer
        return answer[1]

    @property
    def key(self) -> str:
        """Of the call that the gateway was asked for last."""
        return str(json.loads([one for one in self.asked if one.method == "POST"][-1].body)["key"])

    def reports(self, *reports: tuple[Leg, str], key: str = "", status: int = 200, **more: object) -> None:
        for leg, state in reports:
            body = {"id": f"{leg}-{state}", "key": key or self.key, "leg": leg, "state": state, "at": self.clock.now}
            sealed = json.dumps(body | more).encode()
            at_s = int(self.clock.now)
            seal = {HEADER: f"t={at_s},v1={sign(KEY.encode(), at_s, sealed)}"}
            assert self.ana.client.post("/phone/report", content=sealed, headers=seal).status_code == status

    def picks_up(self) -> None:
        self.reports((OWN, "ringing"), (OWN, "answered"))

    @property
    def view(self) -> Any:
        return self.ana.get(f"/api/cases/{self.case}")[1]

    @property
    def state(self) -> str:
        return str(self.view["calls"][0]["state"])

    @property
    def log(self) -> list[str]:
        return [line["sentence"] for line in self.view["timeline"]]

    @property
    def steps(self) -> dict[str, str]:
        return {step["name"]: step["state"] for step in self.view["checklist"]["steps"]}


@pytest.fixture
def exchange(tmp_path: Path, clock: Clock) -> Iterator[Exchange]:
    with open_setting(tmp_path, clock) as setting:
        with setting.database.begin() as conn:
            conn.execute(update(residents).where(residents.c.id == "carme").values(mobile="600 555 099"))
        made = Exchange(setting, clock, tmp_path)
        yield made
        made.gateway.stop()


def test_own_telephone_is_kept_and_wrong_ones_are_refused_in_words(exchange: Exchange) -> None:
    ana = exchange.ana
    assert ana.put("/api/me/telephone", telephone="93 555 01 43")[1] == {"telephone": "+34935550143"}
    assert ana.put("/api/me/desk", keys={}, speaks=["ca"])[1]["telephone"] == "+34935550143"
    status, said = ana.put("/api/me/telephone", telephone="112")
    assert (status, said["reason"]) == (422, "bad_telephone")
    assert "emergències" in said["text"]
    ana.sit_down()
    assert ana.get("/api/me/desk")[1]["telephone"] == "+34935550143"
    assert ana.put("/api/me/telephone", telephone="")[1] == {"telephone": ""}
    assert exchange.post("contacts/marta/dial", 409)["reason"] == "no_telephone"
    assert exchange.asked == []


def test_the_gateway_rings_the_operator_first_and_then_the_other(exchange: Exchange) -> None:
    exchange.post("contacts/marta/dial")
    (asked,) = exchange.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("POST", "/calls", "Bearer a word")
    connect = {"to": MARTA, "ring_s": 30}
    assert json.loads(asked.body) == {"key": exchange.key, "to": "201", "ring_s": 25, "connect": connect}
    assert asked.headers["idempotency-key"] == exchange.key


def test_the_case_shows_and_says_how_the_call_goes_without_being_told(exchange: Exchange) -> None:
    exchange.post("contacts/marta/dial")
    assert (exchange.state, exchange.log[0]) == ("dialling", "Ana ha agafat el cas.")
    exchange.reports((OWN, "ringing"))
    assert exchange.state == "own_rings"
    exchange.reports((OWN, "answered"))
    assert (exchange.state, exchange.log[0]) == ("connecting", "Ana ha agafat el cas.")
    exchange.reports((OTHER, "ringing"))
    assert (exchange.state, exchange.log[0]) == ("ringing", "Ana truca a Marta Puig.")
    assert exchange.view["ringing_contact"] == "marta"
    exchange.clock.now += 9
    exchange.reports((OTHER, "answered"))
    (call,) = exchange.view["calls"]
    assert (call["state"], call["live"], call["since_at"], call["who"]) == ("talking", True, NOON + 9, "marta")
    assert (exchange.log[0], exchange.view["ringing_contact"]) == ("Marta Puig: ha contestat.", "")
    exchange.clock.now += 80
    exchange.reports((OTHER, "ended"), (OWN, "ended"))
    (call,) = exchange.view["calls"]
    assert (call["state"], call["live"], call["talk_s"]) == ("ended", False, 80)
    assert exchange.log[0] == "La trucada a Marta Puig ha acabat al cap de 1:20."
    assert len(exchange.news) == 6, "open consoles hear of each change"


def test_calls_of_the_home_and_the_mobile_tick_their_steps_when_they_ring(exchange: Exchange) -> None:
    exchange.post("triage", choice=5)
    for step in ("call_out", "raise_volume", "listen"):
        exchange.post("step", step=step)
    exchange.post("dial-home")
    exchange.picks_up()
    assert exchange.steps["ring_home"] == "now"
    exchange.reports((OTHER, "ringing"))
    assert exchange.steps["ring_home"] == "by_system"
    exchange.reports((OTHER, "no_answer"), (OWN, "ended"))
    assert "Telèfon de casa: no contesta." in exchange.log
    exchange.post("residents/carme/dial")
    assert json.loads(exchange.asked[-1].body)["connect"]["to"] == CARME
    exchange.picks_up()
    exchange.reports((OTHER, "busy"))
    assert exchange.steps["ring_mobile"] == "by_system"


@pytest.mark.parametrize(("mailbox", "state"), [(False, "now"), (True, "by_system")])
def test_a_home_that_answered_its_telephone_is_rung_anew_when_nobody_answers_later(
    exchange: Exchange, mailbox: bool, state: str
) -> None:
    exchange.post("dial-home")
    exchange.picks_up()
    exchange.reports((OTHER, "ringing"), (OTHER, "answered"))
    exchange.post("hang-up", mailbox=mailbox)
    exchange.clock.now += 60
    exchange.post("triage", choice=5)
    for step in ("call_out", "raise_volume", "listen"):
        exchange.post("step", step=step)
    assert exchange.steps["ring_home"] == state


def test_contacts_called_in_vain_twice_end_the_calling_but_not_where_nobody_was_rung(exchange: Exchange) -> None:
    exchange.post("triage", choice=5)
    for step in ("call_out", "raise_volume", "listen", "ring_home", "ring_mobile"):
        exchange.post("step", step=step)
    for contact, how in (("marta", "busy"), ("joan", "machine"), ("marta", "rejected")):
        exchange.post(f"contacts/{contact}/dial")
        exchange.picks_up()
        exchange.reports((OTHER, how))
    exchange.post("contacts/joan/dial")
    exchange.reports((OWN, "no_answer"))
    assert (exchange.state, exchange.steps["contacts"]) == ("own_missed", "now")
    exchange.post("contacts/joan/dial")
    exchange.picks_up()
    exchange.reports((OTHER, "no_answer"))
    assert exchange.steps["contacts"] == "by_system"


def test_only_who_holds_the_case_dials_one_call_at_a_time(exchange: Exchange) -> None:
    marc = Person(exchange.app, "marc")
    marc.put("/api/me/telephone", telephone="202")
    assert exchange.post("contacts/marta/dial", 409, marc)["reason"] == "not_yours"
    exchange.post("contacts/marta/dial")
    refused = exchange.post("contacts/joan/dial", 409)
    assert (refused["reason"], refused["who"]) == ("calling", "Marta Puig")
    assert exchange.post("hang-up", 409, marc)["reason"] == "no_call"
    exchange.clock.now += SILENT_S
    assert exchange.state == "unknown"
    exchange.post("contacts/joan/dial")


def test_hanging_up_ends_it_at_the_gateway_and_the_next_may_be_called_at_once(exchange: Exchange) -> None:
    exchange.post("contacts/marta/dial")
    exchange.picks_up()
    exchange.reports((OTHER, "ringing"))
    key = exchange.key
    exchange.answer = WebFault.BUSY
    assert exchange.post("hang-up", 503)["reason"] == "gateway_deaf"
    assert exchange.state == "ringing"
    exchange.answer = Answer(204)
    exchange.post("hang-up")
    assert (exchange.asked[-1].method, exchange.asked[-1].path) == ("DELETE", f"/calls/{key}")
    assert (exchange.state, exchange.view["ringing_contact"]) == ("hung_up", "")
    exchange.reports((OTHER, "ended"))
    assert exchange.log[0] == "Marta Puig: s'ha penjat abans que contestés ningú."
    exchange.answer = Answer(202)
    exchange.post("contacts/joan/dial")
    exchange.picks_up()
    exchange.reports((OTHER, "answered"))
    exchange.post("hang-up", mailbox=True)
    assert (exchange.state, exchange.log[0]) == ("machine", "Joan Ferrer: bústia de veu.")


def test_reports_find_their_case_after_the_desk_was_started_anew_and_strangers_find_none(exchange: Exchange) -> None:
    exchange.post("contacts/marta/dial")
    exchange.start()
    exchange.picks_up()
    exchange.reports((OTHER, "busy"))
    assert (exchange.state, exchange.log[0]) == ("busy", "Marta Puig: comunica.")
    exchange.reports((OTHER, "busy"), key="llar-dial-of-nobody", status=404)


@pytest.mark.parametrize("rings", [True, False])
@pytest.mark.parametrize("how", ["closed", "handed over", "taken over"])
def test_into_a_case_that_is_somebody_else_s_by_then_it_is_only_written_what_came_of_a_call_that_rang(
    exchange: Exchange, how: str, rings: bool
) -> None:
    exchange.post("contacts/marta/dial")
    exchange.picks_up()
    if rings:
        exchange.reports((OTHER, "ringing"))
    if how == "closed":
        exchange.post("talk")
        exchange.post("close", cause="mistake", outcome="resolved_by_talk")
    else:
        exchange.ana.post("/api/me/hand-over", reason="plego")
    if how == "taken over":
        exchange.post("take", who=Person(exchange.app, "marc"))
    before = exchange.log
    exchange.reports((OTHER, "answered"), (OTHER, "ended"))
    told = ["Marta Puig: ha contestat."] if rings and how != "closed" else []
    assert exchange.log == told + before
    assert exchange.state == "ended", "whoever has it sees how the call ended"
    exchange.clock.now += 300
    exchange.setting.desk.work_due(exchange.clock.now)
    assert (exchange.view["ringing_contact"], exchange.view["prompt"]) == ("", ""), "nobody is told that it rings on"


def test_the_end_of_a_colleague_s_call_does_not_end_one_s_own(exchange: Exchange) -> None:
    exchange.post("contacts/marta/dial")
    exchange.picks_up()
    exchange.reports((OTHER, "ringing"))
    exchange.ana.post("/api/me/hand-over", reason="plego")
    marc = Person(exchange.app, "marc")
    exchange.post("take", who=marc)
    exchange.post("contacts/joan/call", who=marc)
    exchange.reports((OTHER, "no_answer"))
    assert exchange.view["ringing_contact"] == "joan"


def test_where_the_gateway_does_not_take_it_one_dials_by_hand(exchange: Exchange) -> None:
    for fault in (WebFault.BUSY, WebFault.REFUSES, WebFault.HANGS_UP):
        exchange.answer = fault
        assert exchange.post("contacts/marta/dial", 503)["reason"] == "gateway"
        assert exchange.state == "not_placed"
    exchange.post("contacts/marta/call")
    assert exchange.view["ringing_contact"] == "marta"


def test_a_call_of_which_a_telephone_rings_was_taken_though_the_answer_is_lost(exchange: Exchange) -> None:
    exchange.answer = WebFault.HANGS_UP
    known: list[bool] = []
    exchange.meanwhile = lambda key: known.append(exchange.calls.take(key, OWN, "ringing", NOON, NOON))
    assert exchange.post("contacts/marta/dial")["calls"][0]["state"] == "own_rings"
    assert known == [True]


def test_somebody_who_is_threatened_is_not_betrayed_by_a_call(exchange: Exchange) -> None:
    exchange.setting.alarm("carme", AlarmKind.DURESS, ref="A2")
    exchange.post("take")
    for path in ("dial-home", "residents/carme/dial", "contacts/marta/dial"):
        assert exchange.post(path, 409)["reason"] == "silent_call"
    assert exchange.asked == []


def test_whose_number_was_dialled_stands_in_the_audit_log_and_no_number_does(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    exchange.answer = WebFault.BUSY
    exchange.post("contacts/marta/dial", 503)
    with exchange.setting.database.read() as conn:
        rows = [row.entry for row in audit_log.find(conn, Filter(), 50)]
    path = f"POST /api/cases/{exchange.case}/contacts/marta/dial"
    assert {(one.resource, one.action) for one in rows if one.what == path} == {("case", "work"), ("contacts", "read")}
    assert "600" not in "".join([*(one.what for one in rows), caplog.text.replace("1600", "")])


def test_without_a_gateway_there_is_nothing_to_dial_with(tmp_path: Path, clock: Clock) -> None:
    with open_setting(tmp_path, clock) as setting:
        ana = Person(setting.app(), "ana")
        case = setting.alarm("carme")
        ana.post(f"/api/cases/{case}/take")
        status, said = ana.post(f"/api/cases/{case}/contacts/marta/dial")
        assert (status, said["reason"]) == (409, "no_gateway")


@pytest.mark.slow
def test_the_whole_way_with_a_phone_company(tmp_path: Path) -> None:
    """Real time: two telephones that ring, are picked up and put down."""
    with open_setting(tmp_path) as setting:
        company = PhoneCompany("a word", report_key=KEY)
        (tmp_path / "token").write_text("a word")
        config = PhoneConfig(company.url, str(tmp_path / "token"))
        desk = setting.desk
        calls = DialDesk(desk, PhoneGateway(config))
        phone = PhoneDesk(setting.database, DeliveryDesk(desk), CarerDesk(desk), config, calls=calls)
        entrance = PhoneEntrance(phone, setting.refusals, KEY)
        door = WebServer(_door(entrance))
        company.report_url = f"{door.url}/phone/report"
        company.people = {
            "201": phone_company.Person(Does.PICKS_UP),
            MARTA: phone_company.Person(Does.BUSY),
            JOAN: phone_company.Person(),
        }
        try:
            ana = Person(setting.app(calls=calls), "ana")
            ana.put("/api/me/telephone", telephone="201")
            case = setting.alarm("carme")
            ana.post(f"/api/cases/{case}/take")

            def state() -> str:
                return str(ana.get(f"/api/cases/{case}")[1]["calls"][0]["state"])

            ana.post(f"/api/cases/{case}/contacts/marta/dial")
            wait_until(lambda: state() == "busy")
            ana.post(f"/api/cases/{case}/contacts/joan/dial")
            wait_until(lambda: state() == "ringing")
            company.pick_up(JOAN)
            wait_until(lambda: state() == "talking")
            company.reject(JOAN)
            wait_until(lambda: state() == "ended")
            wait_until(lambda: company.call_of("201") is None)
            ana.post(f"/api/cases/{case}/contacts/joan/dial")
            wait_until(lambda: state() == "ringing")
            assert ana.post(f"/api/cases/{case}/hang-up")[0] == 200
            assert state() == "hung_up"
            wait_until(lambda: company.call_of(JOAN) is None and company.call_of("201") is None)
        finally:
            company.stop()
            door.stop()


def _door(entrance: PhoneEntrance) -> Callable[[Asked], Answer]:
    def reported(asked: Asked) -> Answer:
        if not entrance.admits(asked.headers.get(HEADER, ""), asked.body, time.time()):
            return Answer(401)
        answer = entrance.report(asked.body, time.time())
        return Answer(answer.status_code, bytes(answer.body))

    return reported
