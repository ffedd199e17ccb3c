"""The network between telephones: carries SMS from modems to phones, and to an SMS gateway's HTTP webhook and back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from simulators.web_post import post

RETRIES: Final = 20
RETRY_S: Final = 0.5
"""A gateway delivers again what the centre could not take; real ones wait longer."""


class SmsProgress(StrEnum):
    """How far an SMS has come: refused by the network, taken by it, on the phone, answered by whom it was for."""

    REFUSED = "refused"
    TAKEN = "taken"
    DELIVERED = "delivered"
    ANSWERED = "answered"


@dataclass(slots=True)
class Sms:
    """One SMS. `at` is when the network got it, Unix seconds."""

    sender: str
    recipient: str
    text: str
    progress: SmsProgress = SmsProgress.TAKEN
    at: float = field(default_factory=time.time)


class PhoneNetwork:
    """All numbers, and who is behind them. A number that nobody has is a telephone in somebody's pocket.

    Attributes:
        carried: every SMS, in order.
        refused: those that the network did not take from a modem.
        lost: numbers whose SMS vanish on the way, though the network took them.
        shut: numbers whose gateway is down; the network keeps their SMS meanwhile.
        travel_s: how long an SMS is under way.
        refusals: HTTP status codes that a webhook answered instead of 200.
    """

    def __init__(self, *, travel_s: float = 0.0) -> None:
        self.carried: list[Sms] = []
        self.refused: list[Sms] = []
        self.lost: set[str] = set()
        self.shut: set[str] = set()
        self.travel_s = travel_s
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
        sms = Sms(sender, recipient, text)
        self.carried.append(sms)
        self._begin(self._deliver(sms))

    def refuse(self, sender: str, recipient: str, text: str) -> None:
        """Remembers an SMS that was not taken."""
        self.refused.append(Sms(sender, recipient, text, SmsProgress.REFUSED))

    async def close(self) -> None:
        """Forgets what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, sms: Sms) -> None:
        await asyncio.sleep(self.travel_s)
        if sms.recipient in self._webhooks:
            await self._to_webhook(sms)
            return
        if sms.recipient in self._owners:
            self._owners[sms.recipient](sms.sender, sms.text)
        sms.progress = SmsProgress.DELIVERED

    async def _to_webhook(self, sms: Sms) -> None:
        while sms.recipient in self.shut:  # noqa: ASYNC110 - a network tries again now and then
            await asyncio.sleep(RETRY_S)
        url, token = self._webhooks[sms.recipient]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        told = {"from": sms.sender, "to": sms.recipient, "text": sms.text, "received_at": when}
        told["id"] = f"gw-{len(self.carried)}"
        proof = {"Authorization": f"Bearer {token}"}
        for _ in range(RETRIES):
            status, body = await asyncio.to_thread(post, url, json.dumps(told).encode(), proof)
            if status == 200:
                reply = json.loads(body).get("reply", "") if body.strip() else ""
                sms.progress = SmsProgress.ANSWERED if reply else SmsProgress.DELIVERED
                if reply:
                    self.carry(sms.recipient, sms.sender, reply)
                return
            self.refusals.append(status)
            if status in (400, 401):
                return
            await asyncio.sleep(RETRY_S)
