"""Webhooks: what a partner's receiver hears, whatever it does, and where nothing is ever sent."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from central.case_desk import CaseDesk, Done
from central.refusals import RefusalCounter
from central.sealing import Sealer
from central.storage import homes, people, webhooks
from central.storage.database import Database
from central.storage.health import refusals_by_reason
from central.storage.people import Contact, Operator
from central.storage.tables import case_events
from central.webhooks import line
from central.webhooks.line import post
from central.webhooks.rules import FIRST_WAIT_S, GIVE_UP_S, WAIT_MAX_S, Topic, address_fault, headers_of, url_fault
from central.webhooks.sender import CLAIM_S, WebhookSender, owner_of
from gateway.contract import encoding
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm
from simulators.webhook_receiver import Mood, WebhookReceiver
from tests.central.conftest import NOON
from tests.central.console_setting import Clock

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
SECRET = bytes(range(32))
ALL = [topic.value for topic in Topic]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    listening = WebhookReceiver()
    yield listening
    listening.stop()


class Office:
    """A desk with two homes and a sender; time moves by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock(NOON)
        self.desk = CaseDesk(database, lambda _change: None)
        self.sealer = Sealer(bytes(32))
        self.refusals = RefusalCounter()
        self.sender = WebhookSender(database, self.sealer, self.refusals, LOOPBACK, self.clock)
        with database.begin() as conn:
            people.add_operator(conn, Operator("ana", "Ana", "-"))
            for home, municipality in (("carme", "Gràcia"), ("pere", "Sants")):
                homes.enrol_home(conn, home, address=home, district="", now=NOON)
                homes.enrol_hub(conn, f"hub-{home}", home, NOON)
                conn.execute(
                    sa.text("UPDATE homes SET municipality = :m WHERE id = :h"), {"m": municipality, "h": home}
                )

    def hook(self, url: str, events: list[str] | None = None, municipalities: tuple[str, ...] = ("*",)) -> int:
        with self.database.begin() as conn:
            hook_id = webhooks.add(
                conn,
                label="partner",
                url=url,
                events=events or ALL,
                municipalities=list(municipalities),
                secret_sealed="",
                made_by="ana",
                made_at=self.clock.now,
            )
            webhooks.change(conn, hook_id, secret_sealed=self.sealer.seal(SECRET, owner_of(hook_id)))
        return hook_id

    def alarm(self, home: str = "carme", ref: str = "A1") -> int:
        dty, stc = SCAIP_CODES[AlarmKind.HELP]
        alarm = Alarm(ref=ref, dty=dty, stc=stc, tim=self.clock.now, did="pendant")
        return int(self.desk.receive_alarm(f"hub-{home}", alarm, encoding.encode(alarm), self.clock.now).case)

    def work(self) -> float | None:
        return self.sender.work_due(self.clock.now)

    def state(self, hook_id: int) -> webhooks.Webhook:
        with self.database.read() as conn:
            found = webhooks.find(conn, hook_id)
        assert found
        return found


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    opened = Office(database)
    yield opened
    opened.sender.close()


def test_a_receiver_hears_a_case_in_order_signed_and_without_names(office: Office, receiver: WebhookReceiver) -> None:
    office.hook(receiver.url)
    case_id = office.alarm()
    office.desk.take(case_id, "ana", office.clock.now)
    office.desk.wait(case_id, "ana", office.clock.now + 600, "waits for Marta", office.clock.now)
    office.work()
    assert [one["type"] for one in receiver.taken()] == ["case.opened", "case.taken", "case.waiting"]
    assert [one["data"]["sequence"] for one in receiver.taken()] == sorted(
        one["data"]["sequence"] for one in receiver.taken()
    )
    for heard in receiver.heard:
        signed = (
            b".".join(heard.headers[name].encode() for name in ("webhook-id", "webhook-timestamp")) + b"." + heard.body
        )
        mac = b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert heard.headers["webhook-signature"] == f"v1,{mac}"
        assert heard.headers["webhook-timestamp"] == str(int(NOON))
        assert heard.headers["idempotency-key"] == heard.headers["webhook-id"] == heard.message["id"]
        assert b"Marta" not in heard.body
        assert heard.message["data"]["home_id"] == "carme"


def test_a_receiver_hears_that_the_resident_was_rung_and_that_somebody_is_inside(
    office: Office, receiver: WebhookReceiver
) -> None:
    with office.database.begin() as conn:
        people.add_contact(conn, Contact("marta", "carme", 1, "Marta", "filla", "", ""))
    office.hook(receiver.url, [Topic.RUNG, Topic.INSIDE])
    case_id = office.alarm()
    office.desk.take(case_id, "ana", office.clock.now)
    for step in ("ring_home", "ring_mobile"):
        office.desk.rang(case_id, "ana", step, office.clock.now)
    office.desk.arrived(case_id, "ana", "marta", office.clock.now)
    office.desk.inside(case_id, "ana", "marta", office.clock.now)
    office.work()
    heard = [(one["type"], one["data"].get("telephone"), one["data"].get("contact_id")) for one in receiver.taken()]
    assert heard == [("home.rung", "home", None), ("home.rung", "mobile", None), ("help.inside", None, "marta")]


def test_signatures_are_those_of_standard_webhooks() -> None:
    """The example of the format's own libraries."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = headers_of(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_hears_only_what_and_where_it_asked_for(office: Office, receiver: WebhookReceiver) -> None:
    office.hook(receiver.url, [Topic.TAKEN], ("Sants",))
    for home in ("carme", "pere"):
        office.desk.take(office.alarm(home), "ana", office.clock.now)
    office.work()
    assert [(one["type"], one["data"]["home_id"]) for one in receiver.taken()] == [("case.taken", "pere")]


def test_what_is_not_taken_is_sent_again_in_order_with_growing_pauses(
    office: Office, receiver: WebhookReceiver
) -> None:
    hook_id = office.hook(receiver.url)
    receiver.mood = Mood.BROKEN
    case_id = office.alarm()
    office.desk.take(case_id, "ana", office.clock.now)
    pauses = []
    for _ in range(12):
        next_at = office.work()
        assert next_at is not None
        pauses.append(next_at - office.clock.now)
        office.clock.now = next_at
    assert pauses == sorted(pauses)
    assert pauses[0] == 5.0
    assert pauses[-1] == WAIT_MAX_S
    assert {one.message["type"] for one in receiver.heard} == {"case.opened"}, "the later waits for the earlier"
    assert len({one.headers["webhook-id"] for one in receiver.heard}) == 1
    assert len({one.body for one in receiver.heard}) == 1
    receiver.mood = Mood.OK
    office.work()
    assert [one["type"] for one in receiver.taken()] == ["case.opened", "case.taken"]
    assert (office.state(hook_id).failures, office.state(hook_id).failing_since_at) == (0, None)
    assert office.work() is None


def test_a_refused_event_holds_up_its_own_case_only(office: Office, receiver: WebhookReceiver) -> None:
    office.hook(receiver.url)
    receiver.of_event = {"case.taken": Mood.REFUSES}
    first = office.alarm("carme")
    office.desk.take(first, "ana", office.clock.now)
    office.desk.release(first, "ana", "", office.clock.now)
    second = office.alarm("pere", "B1")
    assert office.work() == office.clock.now + FIRST_WAIT_S, "what waits behind it does not keep the sender busy"
    assert {(one["type"], one["data"]["case_id"]) for one in receiver.taken()} == {
        ("case.opened", first),
        ("case.taken", first),
        ("case.opened", second),
    }
    assert "case.ringing" not in {one["type"] for one in receiver.taken()}
    office.clock.now += GIVE_UP_S + 1
    receiver.of_event = {}
    office.work()
    assert "case.ringing" in {one["type"] for one in receiver.taken()}


def test_a_receiver_that_asks_for_time_gets_it(office: Office, receiver: WebhookReceiver) -> None:
    office.hook(receiver.url)
    receiver.mood, receiver.retry_after_s = Mood.BUSY, 120
    office.alarm()
    assert office.work() == office.clock.now + 120


def test_a_redirect_is_not_followed(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    receiver.mood = Mood.REDIRECT
    office.alarm()
    office.work()
    with office.database.read() as conn:
        told = webhooks.log_of(conn, hook_id, 1)[0]
    assert (told.state, told.status) == ("waiting", 302)


@pytest.mark.parametrize("mood", [Mood.SLOW, Mood.DRIPS, Mood.HANGS_UP])
def test_a_receiver_that_never_finishes_is_given_up(
    office: Office, receiver: WebhookReceiver, mood: Mood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "WAIT_S", 0.3)
    hook_id = office.hook(receiver.url)
    receiver.mood = mood
    office.alarm()
    office.work()
    with office.database.read() as conn:
        told = webhooks.log_of(conn, hook_id, 1)[0]
    assert (told.state, told.status, told.attempts) == ("waiting", 0, 1)


def test_a_receiver_that_is_gone_is_stopped_and_counted(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    receiver.mood = Mood.GONE
    office.alarm()
    assert office.work() is None
    assert (office.state(hook_id).enabled, "410" in office.state(hook_id).stopped_why) == (False, True)
    office.refusals.flush(office.database)
    with office.database.read() as conn:
        assert ("webhook", "stopped") in refusals_by_reason(conn)
    office.alarm("pere", "B1")
    office.work()
    assert len(receiver.heard) == 1


def test_a_receiver_that_fails_for_days_is_stopped(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    receiver.mood = Mood.BROKEN
    office.alarm()
    while (next_at := office.work()) is not None:
        office.clock.now = max(next_at, office.clock.now + WAIT_MAX_S)
    assert GIVE_UP_S < office.clock.now - NOON < GIVE_UP_S + 2 * WAIT_MAX_S
    assert not office.state(hook_id).enabled


def test_a_process_that_dies_while_sending_sends_again_later(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    office.alarm()
    with office.database.begin() as conn:
        head = webhooks.heads(conn, hook_id, NOON, 1)[0]
        assert webhooks.claim(conn, head, NOON + CLAIM_S)
    assert office.work() == NOON + CLAIM_S
    assert not receiver.heard
    office.clock.now += CLAIM_S
    office.work()
    assert len(receiver.heard) == 1


def test_an_event_that_is_not_stored_is_not_told(office: Office, receiver: WebhookReceiver) -> None:
    office.hook(receiver.url)
    case_id = office.alarm()
    assert not isinstance(office.desk.take(case_id, "nobody", office.clock.now), Done)
    office.work()
    assert [one["type"] for one in receiver.taken()] == ["case.opened"]


def test_every_event_that_a_receiver_asked_for_is_queued_with_it(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    case_id = office.alarm()
    office.desk.take(case_id, "ana", office.clock.now)
    with office.database.read() as conn:
        positions = set(
            conn.execute(sa.select(case_events.c.position).where(case_events.c.case_id == case_id)).scalars()
        )
        queued = {one.position for one in webhooks.log_of(conn, hook_id, 100)}
    assert queued <= positions
    assert len(queued) == 2


def test_one_receiver_that_does_not_work_does_not_keep_another_from_hearing(
    office: Office, receiver: WebhookReceiver
) -> None:
    office.hook("http://127.0.0.1:1/nobody")
    office.hook(receiver.url)
    office.alarm()
    office.work()
    assert [one["type"] for one in receiver.taken()] == ["case.opened"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "fe80::1%eth0",
        "fc00::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
        "not an address",
    ],
)
def test_nothing_is_sent_into_networks_of_our_own(address: str) -> None:
    assert address_fault(address, tls=True, networks=[])


def test_only_the_public_internet_by_tls_and_what_is_named_is_served() -> None:
    named = [ipaddress.ip_network("10.1.0.0/16")]
    assert not address_fault("93.184.215.14", tls=True, networks=[])
    assert not address_fault("2606:2800:21f:cb07:6820:80da:af6b:8b2c", tls=True, networks=[])
    assert address_fault("93.184.215.14", tls=False, networks=named)
    assert not address_fault("10.1.200.3", tls=False, networks=named)
    assert address_fault("10.2.0.1", tls=True, networks=named)


@pytest.mark.parametrize("url", ["http://localhost:1/", "https://localhost/", "http://127.1/", "http://[::1]:1/"])
def test_a_name_that_leads_home_is_judged_by_where_it_leads(url: str) -> None:
    answer = post(url, {}, b"{}", [])
    assert answer.status == 0
    assert "public Internet" in answer.fault or "resolved" in answer.fault


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://a.example/",
        "https://",
        "https://user:pw@a.example/",
        "https://a.example/#x",
        "https://a b/",
        "https://a.example:99999/",
        "file:///etc/passwd",
        "https://a.example/\r\nx: y",
        "https://ä.example/",
    ],
)
def test_what_is_no_address_of_a_receiver(url: str) -> None:
    assert url_fault(url)


def test_the_log_forgets_after_a_month(office: Office, receiver: WebhookReceiver) -> None:
    hook_id = office.hook(receiver.url)
    office.alarm()
    office.work()
    office.clock.now += 31 * 86_400
    office.work()
    with office.database.read() as conn:
        assert webhooks.log_of(conn, hook_id, 10) == []
