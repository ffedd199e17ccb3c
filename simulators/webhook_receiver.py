"""A partner's receiver of webhooks on loopback: it keeps what it hears, and can behave badly in every way we know."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from simulators.web_server import Answer, Asked, WebFault, WebServer

KEPT_MAX: Final = 10_000


class Mood(StrEnum):
    """How the receiver answers."""

    OK = "ok"
    BROKEN = "broken"
    BUSY = "busy"
    GONE = "gone"
    REDIRECT = "redirect"
    REFUSES = "refuses"
    SLOW = "slow"
    DRIPS = "drips"
    HANGS_UP = "hangs_up"


_STATUS: Final = {Mood.OK: 204, Mood.BROKEN: 500, Mood.BUSY: 429, Mood.GONE: 410, Mood.REDIRECT: 302, Mood.REFUSES: 400}
_FAULT: Final = {
    Mood.SLOW: WebFault.HANGS,
    Mood.DRIPS: WebFault.DRIPS_HEADERS,
    Mood.HANGS_UP: WebFault.HANGS_UP,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came. Names of headers are in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class WebhookReceiver:
    """Listens on 127.0.0.1 until `stop`. `mood` may change at any time; `of_event` overrules it by event."""

    def __init__(self, *, retry_after_s: int = 30) -> None:
        self.mood = Mood.OK
        self.of_event: dict[str, Mood] = {}
        self.heard: list[Heard] = []
        self.retry_after_s = retry_after_s
        self._server = WebServer(self._respond)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self._server.url}/llar"

    def stop(self) -> None:
        """Stops listening and lets go of whoever waits."""
        self._server.stop()

    def taken(self) -> list[dict[str, Any]]:
        """The messages in the order in which they came, repeats left out, as a receiver does by their ids."""
        found = {one.message["id"]: one.message for one in self.heard}
        return list(found.values())

    def _respond(self, asked: Asked) -> Answer | WebFault:
        heard = Heard(asked.path, asked.headers, asked.body)
        if len(self.heard) < KEPT_MAX:
            self.heard.append(heard)
        mood = self.of_event.get(heard.message["type"], self.mood)
        if mood in _FAULT:
            return _FAULT[mood]
        headers = {
            Mood.REDIRECT: {"location": "http://127.0.0.1:1/elsewhere"},
            Mood.BUSY: {"retry-after": str(self.retry_after_s)},
        }
        return Answer(_STATUS[mood], headers=headers.get(mood, {}))
