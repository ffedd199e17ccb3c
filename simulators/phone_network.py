"""The network between telephones: carries SMS from modems to phones, and to an SMS gateway's HTTP webhook and back."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final, NamedTuple

WEBHOOK_TIMEOUT_S: Final = 20.0
RETRIES: Final = 20
RETRY_S: Final = 0.5
"""A gateway delivers again what the centre could not take; real ones wait longer."""


class Sms(NamedTuple):
    """One that was carried."""

    sender: str
    recipient: str
    text: str


class PhoneNetwork:
    """All numbers, and who is behind them. A number that nobody has is a telephone in somebody's pocket.

    Attributes:
        carried: every SMS, in order.
        lost: numbers whose SMS vanish on the way, though the network took them.
        refusals: HTTP status codes that a webhook answered instead of 200.
    """

    def __init__(self) -> None:
        self.carried: list[Sms] = []
        self.lost: set[str] = set()
        self.refusals: list[int] = []
        self._owners: dict[str, Callable[[str, str], None]] = {}
        self._webhooks: dict[str, tuple[str, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, number: str, receive: Callable[[str, str], None]) -> None:
        """`receive` gets the sender and the text of each SMS to `number`."""
        self._owners[number] = receive

    def add_gateway(self, number: str, url: str, token: str) -> None:
        """SMS to `number` go to a webhook, as `docs/wire/sms.md` describes it; its reply goes back to the sender."""
        self._webhooks[number] = (url, token)

    def texts_to(self, number: str) -> list[str]:
        """What a telephone shows."""
        return [sms.text for sms in self.carried if sms.recipient == number]

    def carry(self, sender: str, recipient: str, text: str) -> None:
        """Takes an SMS; it arrives a moment later."""
        if recipient in self.lost:
            return
        self.carried.append(Sms(sender, recipient, text))
        if recipient in self._owners:
            asyncio.get_running_loop().call_soon(self._owners[recipient], sender, text)
        elif recipient in self._webhooks:
            task = asyncio.ensure_future(self._to_webhook(sender, recipient, text))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Forgets what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _to_webhook(self, sender: str, recipient: str, text: str) -> None:
        url, token = self._webhooks[recipient]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sms = {"from": sender, "to": recipient, "text": text, "id": f"gw-{len(self.carried)}", "received_at": when}
        for _ in range(RETRIES):
            status, body = await asyncio.to_thread(_post, url, token, json.dumps(sms).encode())
            if status == 200:
                reply = json.loads(body).get("reply", "") if body.strip() else ""
                if reply:
                    self.carry(recipient, sender, reply)
                return
            self.refusals.append(status)
            if status in (400, 401):
                return
            await asyncio.sleep(RETRY_S)


def _post(url: str, token: str, body: bytes) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - a loopback address given by a test
    try:
        with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S) as answer:  # noqa: S310 - see above
            return int(answer.status), bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except OSError:
        return 0, b""
