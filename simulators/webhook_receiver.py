"""A partner's receiver of webhooks on loopback: it keeps what it hears, and can behave badly in every way we know."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

KEPT_MAX: Final = 10_000
BODY_BYTES_MAX: Final = 100_000


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
    """Listens on 127.0.0.1 from `start` to `stop`. `mood` may change at any time; `of_event` overrules it by event."""

    def __init__(self, *, retry_after_s: int = 30) -> None:
        self.mood = Mood.OK
        self.of_event: dict[str, Mood] = {}
        self.heard: list[Heard] = []
        self.retry_after_s = retry_after_s
        self.stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhook receiver", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/llar"

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and lets go of whoever waits."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def taken(self) -> list[dict[str, Any]]:
        """The messages in the order in which they came, repeats left out, as a receiver does by their ids."""
        found = {one.message["id"]: one.message for one in self.heard}
        return list(found.values())


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("content-length", "0")), BODY_BYTES_MAX))
            heard = Heard(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if len(receiver.heard) < KEPT_MAX:
                receiver.heard.append(heard)
            mood = receiver.of_event.get(heard.message["type"], receiver.mood)
            with suppress(OSError):  # whoever asked has given up
                self._answer(mood)

        def _answer(self, mood: Mood) -> None:
            if mood is Mood.HANGS_UP:
                self.close_connection = True
                return
            if mood is Mood.SLOW:
                receiver.stopping.wait(60.0)
                return
            if mood is Mood.DRIPS:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not receiver.stopping.wait(0.05):
                    self.wfile.write(b"x: y\r\n")
                return
            self.send_response(_STATUS[mood])
            if mood is Mood.REDIRECT:
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
            if mood is Mood.BUSY:
                self.send_header("retry-after", str(receiver.retry_after_s))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    return Handler
