"""E-mail by SMTP. Says `taken` when the mail server has the message; e-mail can say no more than that."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Final

from central.config import MailConfig, read_secret
from central.notification.delivery import Sent

WAIT_S: Final = 15.0
"""Longest wait for each answer of the mail server: the sender's thread serves everybody in turn."""
_FOR_GOOD: Final = 500


class EmailChannel:
    """Sends by one configured mail server, one connection a message.

    Raises:
        ConfigError: the password file cannot be read.
    """

    name = "email"

    def __init__(self, config: MailConfig) -> None:
        self._config = config
        self._password = read_secret(config.password_file)

    def send(self, to: str, subject: str, text: str, key: str) -> tuple[Sent, str]:
        """Sends one message.

        Args:
            to: the address.
            subject, text: what is said.
            key: names the message for ever; a repeat has the same Message-ID, by which mail programs know it again.

        Returns:
            What became of it, and the fault in a few words ("" for none).
        """
        if not self._config.host:
            return Sent.NOT_NOW, "no mail server is configured: set [mail] host"
        try:
            message = self._compose(to, subject, text, key)
        except ValueError as error:
            return Sent.NEVER, f"not an address: {error}"
        try:
            server = self._connect()
            try:
                server.send_message(message)
            finally:
                # what the server says at parting no longer concerns the message
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            return _classified(code, reason)
        except smtplib.SMTPAuthenticationError as error:
            return Sent.NOT_NOW, f"the mail server does not accept our log-in ({error.smtp_code})"
        except smtplib.SMTPResponseException as error:
            return _classified(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return Sent.NOT_NOW, f"the mail server cannot be used: {error}"
        return Sent.TAKEN, ""

    def _compose(self, to: str, subject: str, text: str, key: str) -> EmailMessage:
        message = EmailMessage()
        domain = parseaddr(self._config.sender)[1].rpartition("@")[2] or "localhost"
        message["From"] = self._config.sender
        message["To"] = to
        message["Subject"] = " ".join(subject.split())  # a name may hold a line break, a header may not
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{key}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Priority"] = "1"
        message.set_content(text)
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


def _classified(code: int, reason: bytes | str) -> tuple[Sent, str]:
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return Sent.NEVER if code >= _FOR_GOOD else Sent.NOT_NOW, f"{code} {words}"
