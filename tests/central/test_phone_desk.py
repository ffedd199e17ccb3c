"""Telephones answer: reports late, twice, forged; keys and texts; and the whole way from a press to "Marc is going"."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.rota import Address, Profile, availability
from central.carer_desk import CarerDesk
from central.case_desk import CaseDesk
from central.config import AppriseConfig, CentralConfig, ConsoleConfig, MailConfig, PhoneConfig, PushConfig
from central.console.app import ConsoleParts, create_app
from central.console.health_view import HealthView
from central.console.live import Live
from central.delivery_desk import NO_RECEIPT, DeliveryDesk
from central.entrances.phone import PhoneEntrance
from central.notification.channel import Channel
from central.notification.channels.sms import SmsChannel
from central.notification.channels.voice import VoiceChannel
from central.notification.channels.webpush import Subscription, WebPushChannel, open_vapid
from central.notification.delivery import Delivery, DeliveryState
from central.notification.open_channels import ALL, open_channels
from central.notification.phone_gateway import PhoneGateway
from central.notification.sender import Sender
from central.phone_desk import PhoneDesk, read_answer
from central.push_desk import PushDesk, forgetting
from central.refusals import RefusalCounter
from central.sealing import Sealer
from central.storage import accounts, carer_links, cases, deliveries, push, rota
from central.storage.tables import account_contacts, contacts, homes
from central.storage.tables import cases as case_table
from gateway.contract.alarm_kinds import AlarmKind
from simulators.phone_company import Does, Person, PhoneCompany
from simulators.push_service import PushService
from simulators.web_server import Answer, Asked, WebServer

from .conftest import NOON as T
from .conftest import Town, alarm_of

pytestmark = pytest.mark.slow

MARC, POL, HOME = "+34600000001", "+34600000002", "+34930000009"
TOKEN, KEY = "a word", "a key"
Wait = Callable[[Callable[[], bool]], None]


class PhoneOffice:
    """The town's desk with push, SMS and calls, and a phone company that reports to it over HTTP. Marc has all three
    ways, Pol SMS and calls. Times are virtual, but for signatures."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.now = town, T
        self.pushes = PushService()
        self.door = WebServer(self._reported)
        self.company = PhoneCompany(TOKEN, f"{self.door.url}/phone/report", KEY)
        (folder / "token").write_text(TOKEN)
        config = PhoneConfig(self.company.url, str(folder / "token"), country_code="+34")
        gateway = PhoneGateway(config)
        push_config = PushConfig("mailto:it@example.org", (self.pushes.server.url,))
        vapid = open_vapid(folder, Sealer())
        channels: list[Channel] = [
            WebPushChannel(push_config, vapid, forgetting(town.database)),
            SmsChannel(gateway),
            VoiceChannel(gateway),
        ]
        self.channels = {channel.name: channel for channel in channels}
        self.desk = town.desk = CaseDesk(town.database, town.changes.append, tuple(self.channels))
        self.messages, self.carers = DeliveryDesk(self.desk), CarerDesk(self.desk)
        self.phone = PhoneDesk(town.database, self.messages, self.carers, config)
        self.config, self.key = config, vapid
        self.push = PushDesk(town.database, self.messages, push_config, vapid)
        self.refusals = RefusalCounter()
        self.entrance = PhoneEntrance(self.phone, self.refusals, KEY)
        with town.database.begin() as connection:
            for name, number in (("marc", MARC), ("pol", POL)):
                ways = (Address("sms", number), Address("voice", number))
                rota.keep_profile(connection, name, Profile(addresses=ways), T, name)
            connection.execute(sa.update(contacts).where(contacts.c.id == "marc").values(minutes_away=12))
            connection.execute(sa.update(homes).where(homes.c.id == "home-1").values(phone=HOME))

    def close(self) -> None:
        self.company.stop()
        self.pushes.stop()
        self.door.stop()

    def _reported(self, asked: Asked) -> Answer:
        if not self.entrance.admits(asked.headers.get("llar-signature", ""), asked.body, time.time()):
            return Answer(401)
        answer = self.entrance.report(asked.body, self.now)
        return Answer(answer.status_code, bytes(answer.body))

    def app(self) -> FastAPI:
        parts = ConsoleParts(
            desk=self.desk,
            database=self.town.database,
            telemetry=None,
            live=Live(),
            health=HealthView,
            config=ConsoleConfig(cookie_secure=False),
            phone=self.entrance,
            push=self.push,
        )
        return create_app(parts, clock=lambda: self.now)

    def press(self) -> None:
        self.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)

    def run_to(self, at: float) -> None:
        self.now = at
        self.desk.work_due(at)
        link = "https://llar.example.org"
        Sender(self.town.database, self.messages, self.channels, clock=lambda: at, address=link).work_due(at)

    def deliveries(self, contact: str = "marc") -> dict[str, Delivery]:
        with self.town.database.read() as connection:
            return {it.channel: it for it in deliveries.of_contact(connection, 1, contact)}

    @property
    def helper(self) -> str:
        with self.town.database.read() as connection:
            return str(connection.execute(sa.select(case_table.c.helper_id)).scalar())

    @property
    def log(self) -> list[CaseEvent]:
        with self.town.database.read() as connection:
            return cases.events_of(connection, 1)

    def answers(self, wait_until: Wait, count: int) -> None:
        """Waits until so many reports were answered."""
        wait_until(lambda: len(self.company.answers) >= count)


@pytest.fixture
def office(town: Town, tmp_path: Path) -> Iterator[PhoneOffice]:
    made = PhoneOffice(town, tmp_path)
    yield made
    made.close()


def ring_marc(office: PhoneOffice) -> None:
    """Marc is asked by a call only."""
    with office.town.database.begin() as connection:
        profile = Profile(addresses=(Address("voice", MARC), Address("sms", MARC)))
        rota.keep_profile(connection, "marc", profile, T, "marc")
    office.press()
    office.run_to(T + 60)


def test_from_a_press_to_marc_is_going(office: PhoneOffice, wait_until: Wait) -> None:
    browser = office.pushes.subscribe()
    with office.town.database.begin() as connection:
        push.keep(connection, browser.endpoint, json.dumps(browser.subscription()), T, contact_id="marc")
    office.company.people = {
        MARC: Person(Does.PICKS_UP, presses="1", sms_comes=False),
        POL: Person(Does.NO_ANSWER),
    }
    office.press()
    office.run_to(T + 60)
    assert [shown.payload["body"] for shown in browser.shown] == ["Maria, 13:00: please open. Case 1"]
    assert office.company.texts == []
    office.run_to(T + 80)
    wait_until(lambda: [it.to for it in office.company.texts] == [MARC])
    office.run_to(T + 95)
    wait_until(lambda: POL in {it.to for it in office.company.texts})
    office.run_to(T + 110)
    wait_until(lambda: office.helper == "marc")
    (call,) = [it for it in office.company.calls if it.to == MARC]
    wait_until(lambda: call.over)
    assert "Maria" in call.heard[0]
    assert "telling everybody" in call.heard[1]
    assert office.deliveries()["voice"].state is DeliveryState.ACCEPTED
    going = next(event for event in office.log if event.type is EventType.ON_THE_WAY)
    assert (going.facts.contact, going.facts.channel, going.facts.eta_minutes) == ("marc", "voice", 12)
    office.run_to(T + 112)
    wait_until(lambda: any("Marc is going" in it.text for it in office.company.texts if it.to == POL))
    office.run_to(T + 900)
    assert [it.to for it in office.company.calls] == [MARC], "the others are left in peace"


def test_a_way_of_notifications_tells_that_it_came(office: PhoneOffice) -> None:
    browser = office.pushes.subscribe()
    with TestClient(office.app(), base_url="http://desk.test") as client:
        assert client.get("/api/push/key").json() == {"key": office.push.public_key}
        office.press()
        office.run_to(T + 60)
        with office.town.database.begin() as connection:
            (sms,) = deliveries.of_contact(connection, 1, "marc")
            token = carer_links.make(connection, sms.id, T + 60)
        body = browser.subscription() | {"token": token}
        assert client.post("/push/subscriptions", json=body | {"token": "wrong"}).status_code == 404
        foreign = {**body, "endpoint": "https://127.0.0.1/x"}
        assert client.post("/push/subscriptions", json=foreign).status_code == 422
        assert client.post("/push/subscriptions", json=body).status_code == 204
        office.run_to(T + 200)
        (shown,) = browser.shown
        assert office.deliveries()["push"].state is DeliveryState.SENT
        link = shown.payload["url"].rpartition("/")[2]
        for _ in range(2):
            assert client.post("/push/received", json={"token": link}).status_code == 204
        assert office.deliveries()["push"].state is DeliveryState.DELIVERED
        assert client.post("/push/received", json={"token": "x"}).status_code == 404
        end = {"endpoint": browser.endpoint, "token": token}
        assert client.post("/push/subscriptions/end", json=end | {"token": "wrong"}).status_code == 204
        with office.town.database.read() as connection:
            assert push.of_contacts(connection, ["marc"])
        assert client.post("/push/subscriptions/end", json=end).status_code == 204
        with office.town.database.read() as connection:
            assert not push.of_contacts(connection, ["marc"])


@pytest.mark.parametrize("how", [Does.NO_ANSWER, Does.BUSY, Does.REJECTS, Does.MAILBOX, Does.UNREACHABLE])
def test_a_call_that_nobody_took_is_the_next_way_at_once_and_nobodys_yes(
    office: PhoneOffice, wait_until: Wait, how: Does
) -> None:
    office.company.people[MARC] = Person(how, after_s=0.3)
    ring_marc(office)
    wait_until(lambda: "sms" in office.deliveries())
    assert office.deliveries()["voice"].state is DeliveryState.SENT, "it rang, but nobody was reached"
    missed = next(event for event in office.log if event.facts.state == NO_RECEIPT)
    assert (missed.facts.channel, missed.facts.reason, missed.facts.text) == ("voice", "sms", how.value)
    assert office.helper == ""


def test_two_is_cannot_and_the_next_is_asked(office: PhoneOffice, wait_until: Wait) -> None:
    office.company.people[MARC] = Person(Does.PICKS_UP, presses="2")
    ring_marc(office)
    wait_until(lambda: office.deliveries()["voice"].state is DeliveryState.DECLINED)
    assert "sms" in office.deliveries("pol")
    wait_until(lambda: office.company.calls[0].over)
    assert "asking somebody else" in office.company.calls[0].heard[-1]


def test_three_connects_with_the_home_and_nine_says_it_again(office: PhoneOffice, wait_until: Wait) -> None:
    office.company.people[MARC] = Person(Does.PICKS_UP, presses="93")
    ring_marc(office)
    wait_until(lambda: bool(office.company.calls and office.company.calls[0].over))
    call = office.company.calls[0]
    assert call.connected_with == HOME
    assert call.heard[1] == call.heard[0]
    assert office.deliveries()["voice"].state is DeliveryState.OPENED
    assert office.helper == ""


def test_one_who_presses_after_another_went_hears_who(office: PhoneOffice, wait_until: Wait) -> None:
    office.company.people[MARC] = Person()
    ring_marc(office)
    wait_until(lambda: office.company.call_of(MARC) is not None)
    office.carers.accepted(1, "pol", 5, T + 61)
    office.company.press(MARC, "1")
    call = office.company.calls[0]
    wait_until(lambda: call.over)
    assert "Pol is going already" in call.heard[-1]
    assert office.helper == "pol"


def test_reports_twice_late_and_after_the_answer_change_nothing(office: PhoneOffice, wait_until: Wait) -> None:
    office.company.people[MARC] = Person(Does.PICKS_UP, presses="1")
    ring_marc(office)
    wait_until(lambda: bool(office.company.calls and office.company.calls[0].over))
    before = len(office.log)
    for body in list(office.company.reports):
        office.company.send(body)
    key = office.company.calls[0].key
    office.company.report("late-1", key, "machine", at=T)
    office.company.report("late-2", key, "failed", at=T)
    office.company.report("late-3", key, "ringing", at=T)
    assert office.company.answers[-1] == 200
    assert office.deliveries()["voice"].state is DeliveryState.ACCEPTED
    assert [event.type for event in office.log[before:]] == []


def test_a_late_key_counts_the_minutes_that_have_passed(office: PhoneOffice, wait_until: Wait) -> None:
    office.company.people[MARC] = Person(Does.NO_ANSWER)
    ring_marc(office)
    wait_until(lambda: bool(office.company.calls and office.company.calls[0].over))
    office.now = T + 60 + 300
    office.company.report("k1", office.company.calls[0].key, "digit", digit="1", at=T + 60)
    going = next(event for event in office.log if event.type is EventType.ON_THE_WAY)
    assert going.facts.eta_minutes == 7


def test_forged_old_foreign_and_broken_reports_are_refused_and_change_nothing(
    office: PhoneOffice, wait_until: Wait
) -> None:
    office.company.people[MARC] = Person(Does.NO_ANSWER)
    ring_marc(office)
    wait_until(lambda: bool(office.company.calls and office.company.calls[0].over))
    key = office.company.calls[0].key
    yes = json.dumps({"id": "f1", "key": key, "state": "digit", "digit": "1", "at": T}).encode()
    tries = [
        (office.company.send, {"body": yes, "key": b"another key"}, 401),
        (office.company.send, {"body": yes, "signed_at": time.time() - 3_600}, 401),
        (office.company.send, {"body": b"[" * 3_000}, 400),
        (office.company.send, {"body": yes.replace(b"digit", b"dance", 1)}, 400),
        (office.company.send, {"body": yes.replace(key.encode(), b"llar-1-999.00000000")}, 404),
        (office.company.send, {"body": yes.replace(key.encode(), b"1 or 1=1")}, 404),
    ]
    for send, given, status in tries:
        send(**given)  # type: ignore[arg-type]
        assert office.company.answers[-1] == status
    assert office.helper == ""
    with TestClient(office.app(), base_url="http://desk.test") as client:
        assert client.post("/phone/report", content=yes).status_code == 401
        assert client.post("/phone/report", content=b"x" * 100_000).status_code == 400
    assert office.helper == ""


@pytest.mark.parametrize(
    ("text", "says", "helper"),
    [
        ("VAIG 15", "telling everybody", "marc"),
        ("2", "asking somebody else", ""),
        ("who is this?", "Answer 1 if you are going", ""),
    ],
)
def test_an_sms_answers_for_who_was_asked_by_sms(
    office: PhoneOffice, wait_until: Wait, text: str, says: str, helper: str
) -> None:
    office.press()
    assert office.phone.answer_sms(MARC, text, T + 30) is None, "nobody has asked yet"
    office.run_to(T + 60)
    assert office.phone.answer_sms("+34699999999", text, T + 70) is None
    reply = office.phone.answer_sms("600 000 001", text, T + 70)
    assert reply is not None
    assert says in reply
    assert office.helper == helper


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1", ("going", None)),
        ("1 15", ("going", 15)),
        ("Sí, vaig en 10 min", ("going", 10)),
        ("SI", ("going", None)),
        ("voy", ("going", None)),
        ("Yes going, 5", ("going", 5)),
        ("si puedo, 20", ("going", 20)),
        ("2", ("cannot", None)),
        ("No puc", ("cannot", None)),
        ("no vaig", ("cannot", None)),
        ("I can't", ("cannot", None)),
        ("I am not going", ("", None)),
        ("Ja he arribat", ("here", None)),
        ("Hi, who is this?", ("", None)),
        ("estoy fuera", ("", None)),
        ("", ("", None)),
        ("1" * 5_000, ("", None)),
        ("1 no", ("cannot", None)),
    ],
)
def test_answers_as_people_write_them(text: str, answer: tuple[str, int | None]) -> None:
    assert read_answer(text) == answer


def test_a_sender_works_its_own_channel_and_one_works_what_is_left(office: PhoneOffice) -> None:
    office.press()
    office.desk.work_due(T + 60)

    def sender(only: str = "", but: tuple[str, ...] = ()) -> Sender:
        return Sender(office.town.database, office.messages, office.channels, clock=lambda: T + 60, only=only, but=but)

    assert sender("push").work_due(T + 60) is None
    assert sender(but=("push", "sms", "voice")).work_due(T + 60) is None
    assert office.deliveries()["sms"].state is DeliveryState.QUEUED
    sender("sms").work_due(T + 60)
    assert office.deliveries()["sms"].state is not DeliveryState.QUEUED
    with office.town.database.begin() as connection:
        deliveries.queue(connection, 1, "pol", "pigeon", deliveries.ALARM, T + 60)
    sender(but=("push", "sms", "voice")).work_due(T + 61)
    assert office.deliveries("pol")["pigeon"].state is DeliveryState.FAILED_FOR_GOOD


def test_who_can_only_be_reached_by_a_way_that_is_not_set_up_is_not_reachable(office: PhoneOffice) -> None:
    assert open_channels(CentralConfig(Path())) == {}
    with office.town.database.read() as connection:
        for channels, why_not in (((), "unreachable"), (("email",), "unreachable"), (("voice",), "")):
            (marc,) = [it for it in rota.roster(connection, "home-1", channels) if it.id == "marc"]
            assert availability(marc, T, "Europe/Madrid").why_not == why_not
    every = CentralConfig(
        Path(),
        mail=MailConfig(host="127.0.0.1"),
        phone=office.config,
        push=PushConfig("mailto:it@example.org"),
        apprise=AppriseConfig(("tgram",)),
    )
    assert tuple(open_channels(every, office.key)) == ALL


def test_an_accounts_browser_is_a_way_to_all_whose_contact_it_is(office: PhoneOffice) -> None:
    browser = office.pushes.subscribe()
    subscription = msgspec.convert(browser.subscription(), Subscription)
    with office.town.database.begin() as connection:
        connection.execute(sa.insert(account_contacts).values(account_id="joan", contact_id="marc"))
    assert office.push.subscribe(subscription, T, account_id="joan") == ""
    with office.town.database.read() as connection:
        (marc,) = [it for it in rota.roster(connection, "home-1", tuple(office.channels)) if it.id == "marc"]
    assert [way.channel for way in marc.ways] == ["push", "sms", "voice"]
    assert not office.push.unsubscribe(browser.endpoint, account_id="ana"), "not hers"
    assert office.push.unsubscribe(browser.endpoint, account_id="joan")
    for number in range(push.BROWSERS_MAX + 2):
        more = msgspec.convert(office.pushes.subscribe().subscription(), Subscription)
        office.push.subscribe(more, T + number, account_id="joan")
    with office.town.database.read() as connection:
        assert len(push.of_contacts(connection, ["marc"])["marc"]) == push.BROWSERS_MAX


def test_an_account_that_is_disabled_is_told_of_no_alarm(office: PhoneOffice) -> None:
    browser = office.pushes.subscribe()
    subscription = msgspec.convert(browser.subscription(), Subscription)
    with office.town.database.begin() as connection:
        connection.execute(sa.insert(account_contacts).values(account_id="joan", contact_id="marc"))
    office.push.subscribe(subscription, T, account_id="joan")
    for disabled, ways in ((True, ["sms", "voice"]), (False, ["push", "sms", "voice"])):
        with office.town.database.begin() as connection:
            accounts.change(connection, "joan", disabled=disabled)
            roster = rota.roster(connection, "home-1", tuple(office.channels))
        assert [way.channel for it in roster if it.id == "marc" for way in it.ways] == ways


def test_a_browser_that_left_is_no_way_any_more(office: PhoneOffice) -> None:
    browser = office.pushes.subscribe()
    with office.town.database.begin() as connection:
        push.keep(connection, browser.endpoint, json.dumps(browser.subscription()), T, contact_id="marc")
    browser.gone = True
    office.press()
    office.run_to(T + 60)
    assert office.deliveries()["push"].state is DeliveryState.FAILED_FOR_GOOD
    assert "sms" in office.deliveries(), "the next way at once"
    with office.town.database.read() as connection:
        assert push.of_contacts(connection, ["marc"]) == {}


def test_a_gateway_that_is_away_does_not_hold_up_the_next_way(office: PhoneOffice) -> None:
    browser = office.pushes.subscribe()
    with office.town.database.begin() as connection:
        push.keep(connection, browser.endpoint, json.dumps(browser.subscription()), T, contact_id="marc")
        ways = (Address("voice", MARC), Address("push", "here"))
        rota.keep_profile(connection, "marc", Profile(addresses=ways), T, "marc")
    office.company.stop()
    office.press()
    office.run_to(T + 60)
    assert office.deliveries()["voice"].state is DeliveryState.FAILED_NOW
    assert browser.shown == []
    office.run_to(T + 140)
    assert len(browser.shown) == 1
    assert office.deliveries()["voice"].due_at is not None, "the call is still tried"
