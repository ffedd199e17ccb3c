"""The mail sink keeps what it is sent, and refuses or dawdles when told to."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest

from simulators.smtp_sink import Fault, MailSink


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    sink = MailSink(slow_s=0.2)
    await sink.start()
    yield sink
    await sink.stop()


async def send(sink: MailSink, subject: str = "Maria ha premut el botó") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "desk@example.org", "marc@example.org", subject
    mail.set_content("Anna ja hi parla. Sortiu només si us truca.")

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=60) as server:
            server.send_message(mail)

    await asyncio.to_thread(deliver)


async def test_a_mail_is_kept_with_its_accents(sink: MailSink) -> None:
    await send(sink)
    (mail,) = sink.mails
    assert (mail.number, mail.recipients, mail.subject) == (1, ("marc@example.org",), "Maria ha premut el botó")
    assert "només" in mail.text


@pytest.mark.parametrize(("fault", "code"), [(Fault.REFUSE_FOR_NOW, 451), (Fault.REFUSE_FOR_GOOD, 550)])
async def test_refusals_carry_the_right_code_and_keep_nothing(sink: MailSink, fault: Fault, code: int) -> None:
    sink.fault = fault
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await send(sink)
    assert refused.value.smtp_code == code
    assert not sink.mails
    sink.fault = Fault.NONE
    await send(sink)
    assert len(sink.mails) == 1


async def test_a_slow_server_takes_the_mail_in_the_end(sink: MailSink) -> None:
    sink.fault = Fault.SLOW
    await send(sink)
    assert len(sink.mails) == 1
