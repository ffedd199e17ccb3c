"""Carers get the e-mail: once in the ordinary case, at least once in any, in their language, without health detail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from central.alarm_cases.closing import Cause, Closing, Outcome
from central.alarm_cases.priority import Priority
from central.config import MailConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channel import Message
from central.notification.channels.email import EmailChannel
from central.notification.delivery import Delivery, DeliveryState, Verdict
from central.notification.message_text import Occasion, write
from central.notification.sender import CLAIM_S, Sender
from central.storage import cases, deliveries
from central.storage.tables import contacts, homes, residents
from gateway.contract.alarm_kinds import AlarmKind
from gateway.free_ports import free_port

from .conftest import NOON as T
from .conftest import Town, alarm_of

pytestmark = pytest.mark.slow


class MailServer:
    """A mail server that keeps what it takes; `answer` is what it says to a recipient."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 kept"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.controller.stop()


def channel_to(port: int, **changes: str) -> EmailChannel:
    return EmailChannel(MailConfig(host="127.0.0.1", port=port, sender="centre@example.org", **changes))  # type: ignore[arg-type]


def sender_of(town: Town, port: int, now: float) -> Sender:
    return Sender(town.database, DeliveryDesk(town.desk), {"email": channel_to(port)}, clock=lambda: now)


def letter(to: str = "marc@example.org") -> Message:
    return Message(to, "k", "s", "t", "short", "", "en", urgent=True, purpose="alarm", case_id=1, resident="Maria")


def delivery_of(town: Town) -> Delivery:
    with town.database.read() as connection:
        (delivery,) = deliveries.of_case(connection, 1)
    return delivery


def asked(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.work_due(T + 60)


def test_nobody_takes_a_press_so_the_first_reachable_carer_is_written_to_once(town: Town, mail: MailServer) -> None:
    asked(town)
    for seconds in (60, 61, 200):
        sender_of(town, mail.port, T + seconds).work_due(T + seconds)
    (message,) = mail.messages
    assert message["To"] == "marc@example.org"
    assert "Maria" in message["Subject"]
    assert delivery_of(town).state is DeliveryState.SENT
    with town.database.read() as connection:
        told = cases.events_of(connection, 1)[-1]
    assert (told.type, told.facts.contact, told.facts.state) == ("told", "marc", "sent")


def test_an_operator_asks_for_the_next_carer(town: Town, mail: MailServer) -> None:
    asked(town)
    town.desk.take(1, "ana", T + 61)
    town.desk.notify_contact(1, "ana", "pol", T + 62)
    assert sender_of(town, mail.port, T + 63).work_due(T + 63) is None
    assert [message["To"] for message in mail.messages] == ["marc@example.org", "pol@example.org"]
    assert "already looking after it" in mail.messages[1].get_content()
    assert "asks you to get in touch" in mail.messages[1].get_content()


def test_a_case_that_rings_again_is_not_said_to_be_looked_after(town: Town, mail: MailServer) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", T + 5)
    town.desk.work_due(T + 305)
    town.desk.work_due(T + 365)
    sender_of(town, mail.port, T + 365).work_due(T + 365)
    (message,) = mail.messages
    assert "looking after it" not in message.get_content()
    assert "trying to reach them" in message.get_content()


def test_when_the_first_carer_cannot_be_told_the_next_one_is(town: Town, mail: MailServer) -> None:
    asked(town)
    mail.answer = "550 no such user"
    sender_of(town, mail.port, T + 61).work_due(T + 61)
    mail.answer = "250 OK"
    for seconds in (90, 120, 180):
        town.desk.work_due(T + seconds)
        sender_of(town, mail.port, T + seconds).work_due(T + seconds)
    assert [message["To"] for message in mail.messages] == ["pol@example.org"]
    with town.database.read() as connection:
        asked_at = {
            event.facts.contact: event.facts.step for event in cases.events_of(connection, 1) if event.facts.step
        }
    assert (asked_at["marc"], asked_at["pol"]) == ("first_carer", "every_carer")


def test_a_line_break_in_a_name_does_not_cost_the_carer_the_message(town: Town, mail: MailServer) -> None:
    asked(town)
    with town.database.begin() as connection:
        connection.execute(sa.update(residents).values(called="Maria\nBcc: all@example.org"))
    sender_of(town, mail.port, T + 61).work_due(T + 61)
    (message,) = mail.messages
    assert message["To"] == "marc@example.org"
    assert message["Bcc"] is None
    assert "Maria Bcc: all@example.org" in message["Subject"]


def test_a_message_that_cannot_be_written_is_not_tried_for_ever_nor_holds_up_the_next(
    town: Town, mail: MailServer
) -> None:
    with town.database.begin() as connection:
        connection.execute(sa.update(contacts).where(contacts.c.id == "marc").values(language="xx"))
        connection.execute(sa.update(homes).where(homes.c.id == "home-1").values(timezone="Mars/Olympus"))
    asked(town)
    next_at: float | None = T + 61
    attempts = 0
    while next_at is not None and attempts < 50:
        next_at = sender_of(town, mail.port, next_at).work_due(next_at)
        attempts += 1
    assert delivery_of(town).state is DeliveryState.FAILED_FOR_GOOD


def test_a_server_that_parts_rudely_has_still_taken_the_message(
    mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rude(server: SMTP, _argument: str) -> None:
        await server.push("421 shutting down")
        server.transport.close()

    monkeypatch.setattr(SMTP, "smtp_QUIT", rude)
    assert channel_to(mail.port).send(letter()).verdict is Verdict.TAKEN
    assert len(mail.messages) == 1


def test_refused_for_now_is_tried_again_and_gets_through(town: Town, mail: MailServer) -> None:
    asked(town)
    mail.answer = "451 try later"
    next_at = sender_of(town, mail.port, T + 60).work_due(T + 60)
    assert next_at is not None
    assert delivery_of(town).state is DeliveryState.FAILED_NOW
    mail.answer = "250 OK"
    sender_of(town, mail.port, next_at).work_due(next_at)
    assert delivery_of(town).state is DeliveryState.SENT
    assert len(mail.messages) == 1


def test_refused_for_good_is_shown_and_not_tried_again(town: Town, mail: MailServer) -> None:
    asked(town)
    mail.answer = "550 no such user"
    assert sender_of(town, mail.port, T + 60).work_due(T + 60) is None
    delivery = delivery_of(town)
    assert (delivery.state, delivery.fault) == (DeliveryState.FAILED_FOR_GOOD, "550 no such user")


def test_a_process_that_dies_after_sending_repeats_the_message_under_the_same_name(
    town: Town, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(town)

    def die(*_args: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(DeliveryDesk, "record", die)
        with pytest.raises(SystemExit):
            sender_of(town, mail.port, T + 60).work_due(T + 60)
    sender_of(town, mail.port, T + 61).work_due(T + 61)
    assert len(mail.messages) == 1
    sender_of(town, mail.port, T + 61 + CLAIM_S).work_due(T + 61 + CLAIM_S)
    assert len(mail.messages) == 2
    assert mail.messages[0]["Message-ID"] == mail.messages[1]["Message-ID"]
    assert delivery_of(town).state is DeliveryState.SENT


def test_a_closed_case_sends_nobody_out(town: Town, mail: MailServer) -> None:
    asked(town)
    town.desk.take(1, "ana", T + 61)
    town.desk.close(1, "ana", Closing(Cause.MISTAKE, outcome=Outcome.RESOLVED_BY_TALK, note="fine"), T + 62)
    sender_of(town, mail.port, T + 63).work_due(T + 63)
    assert mail.messages == []
    assert delivery_of(town).state is DeliveryState.CANCELLED


def test_an_address_that_is_none_fails_for_good(town: Town, mail: MailServer) -> None:
    asked(town)
    with town.database.begin() as connection:
        connection.execute(sa.update(contacts).values(email="marc@example.org\nBcc: all@example.org"))
    sender_of(town, mail.port, T + 63).work_due(T + 63)
    assert delivery_of(town).state is DeliveryState.FAILED_FOR_GOOD
    assert mail.messages == []


def test_a_server_that_is_away_or_none_at_all_is_for_now() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        sent = channel_to(unused.getsockname()[1]).send(letter())
    assert sent.verdict is Verdict.NOT_NOW
    assert "cannot be used" in sent.fault
    assert EmailChannel(MailConfig()).send(letter()).verdict is Verdict.NOT_NOW


def test_starttls_that_the_server_does_not_offer_sends_nothing_in_the_clear(mail: MailServer) -> None:
    assert channel_to(mail.port, security="starttls").send(letter()).verdict is Verdict.NOT_NOW
    assert mail.messages == []


@pytest.mark.parametrize("language", ["ca", "es", "en"])
@pytest.mark.parametrize("kind", list(AlarmKind))
def test_a_message_says_who_and_when_in_the_carers_language_and_nothing_about_health(
    language: str, kind: AlarmKind
) -> None:
    occasion = Occasion(7, "Maria", kind, Priority.LIFE, T, "Europe/Madrid", answered=False, operator_asks=False)
    subject, text = write(occasion, "Marc", language)
    assert "Maria" in subject
    assert "13:00" in subject
    assert "Marc" in text
    assert "…" not in text
    for word in ("fall", "caiguda", "caída", "heart", "smoke", "fum", "humo"):
        assert word not in (subject + text).lower()
    assert write(occasion, "Marc", "en") != write(occasion, "Marc", language) or language == "en"
    test_subject, _ = write(
        Occasion(7, "Maria", kind, Priority.TEST, T, "Europe/Madrid", answered=False, operator_asks=False),
        "M",
        language,
    )
    assert test_subject.startswith("TEST")
