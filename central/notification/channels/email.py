"""E-mail by SMTP. Says `taken` when the mail server has the message; e-mail can say no more than that."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from central.config import MailConfig, read_secret
from central.notification.channel import Message
from central.notification.delivery import STANDARD_RETRY, DeliveryState, Sent, Verdict
from central.notification.outgoing import Errands

WAIT_S: Final = 15.0
"""Longest wait for each answer of the mail server; a message has several, and three times so long in all."""
OPEN_WAIT_S: Final = 180.0
"""An e-mail whose link nobody has opened by then has not been seen: another way is tried."""
_FOR_GOOD: Final = 500


class EmailChannel:
    """Sends by one configured mail server, one connection a message.

    Raises:
        ConfigError: the password file cannot be read.
    """

    name = "email"
    receipts: frozenset[DeliveryState] = frozenset()
    retry = STANDARD_RETRY
    receipt_wait_s: float | None = OPEN_WAIT_S

    def __init__(self, config: MailConfig, errands: Errands | None = None) -> None:
        self._config = config
        self._errands = errands or Errands(self.name, wait_s=3 * WAIT_S)
        self._password = read_secret(config.password_file)

    def send(self, message: Message) -> Sent:
        """Sends one message. A repeat has the same Message-ID, by which mail programs know it again."""
        if not self._config.host:
            return Sent(Verdict.NOT_NOW, "no mail server is configured: set [mail] host")
        try:
            composed = self._compose(message)
        except ValueError as error:
            return Sent(Verdict.NEVER, f"not an address: {error}")
        return self._errands.run(lambda: self._hand_over(composed))

    def _hand_over(self, composed: EmailMessage) -> Sent:
        try:
            server = self._connect()
            try:
                server.send_message(composed)
            finally:
                # what the server says at parting no longer concerns the message
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            return _classified(code, reason)
        except smtplib.SMTPAuthenticationError as error:
            return Sent(Verdict.NOT_NOW, f"the mail server does not accept our log-in ({error.smtp_code})")
        except smtplib.SMTPResponseException as error:
            return _classified(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return Sent(Verdict.NOT_NOW, f"the mail server cannot be used: {error}")
        return Sent(Verdict.TAKEN)

    def _compose(self, given: Message) -> EmailMessage:
        message = EmailMessage()
        domain = parseaddr(self._config.sender)[1].rpartition("@")[2] or "localhost"
        message["From"] = self._config.sender
        message["To"] = given.to
        message["Subject"] = " ".join(given.subject.split())  # a name may hold a line break, a header may not
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{given.key}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Priority"] = "1" if given.urgent else "3"
        message.set_content(f"{given.text}\n\n{given.link}" if given.link else given.text)
        return message

    def _connect(self) -> smtplib.SMTP:
        config = self._config
        if config.security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(config.host, config.port, timeout=WAIT_S, context=context)
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=WAIT_S)
        try:
            if config.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if config.username:
                server.login(config.username, self._password)
        except BaseException:
            server.close()
            raise
        return server


def _classified(code: int, reason: bytes | str) -> Sent:
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return Sent(Verdict.NEVER if code >= _FOR_GOOD else Verdict.NOT_NOW, f"{code} {words}")
