"""A mail server on loopback that keeps what it gets, for the demo's mailbox and for tests of the e-mail channel."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT_MAX: Final = 500
"""Mails kept; the oldest go first. A demo never needs more."""
MAIL_BYTES_MAX: Final = 1_000_000


class Fault(StrEnum):
    """How the server behaves."""

    NONE = "none"
    REFUSE_FOR_NOW = "refuse_for_now"
    REFUSE_FOR_GOOD = "refuse_for_good"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as received. `number` counts from 1; `at` is Unix seconds."""

    number: int
    at: float
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str


class MailSink:
    """Takes mail on 127.0.0.1 and keeps the newest `KEPT_MAX`, newest last."""

    def __init__(self, *, port: int = 0, slow_s: float = 20.0) -> None:
        """`port` 0 takes a free one at `start`; `slow_s` is how long a slow server ponders over a mail."""
        self.port = port
        self.fault = Fault.NONE
        self.mails: deque[Mail] = deque(maxlen=KEPT_MAX)
        self.arrived = asyncio.Event()
        """Set whenever a mail has come; whoever waits clears it first."""
        self._count = 0
        self._slow_s = slow_s
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, data_size_limit=MAIL_BYTES_MAX, enable_SMTPUTF8=True, hostname="localhost", loop=loop),
            "127.0.0.1",
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stops listening; what was kept stays."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook: takes or refuses one mail, and says which in SMTP's words."""
        match self.fault:
            case Fault.REFUSE_FOR_NOW:
                return "451 4.3.2 Not now, try again later"
            case Fault.REFUSE_FOR_GOOD:
                return "550 5.1.1 No such mailbox"
            case Fault.SLOW:
                await asyncio.sleep(self._slow_s)
            case Fault.NONE:
                pass
        content = envelope.content
        self._keep(content if isinstance(content, bytes) else (content or "").encode(), envelope)
        return "250 2.0.0 Kept"

    def _keep(self, content: bytes, envelope: Envelope) -> None:
        self._count += 1
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain", "html"))
        self.mails.append(
            Mail(
                self._count,
                time.time(),
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                str(message.get("subject", "")),
                body.get_content() if body is not None else "",
            )
        )
        self.arrived.set()
