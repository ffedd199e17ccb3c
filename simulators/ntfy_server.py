"""An ntfy-like server on loopback: keeps what is published to each topic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from simulators.web_server import Answer, Asked, WebServer

PRIORITIES: Final = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5}


@dataclass(frozen=True)
class Published:
    """One message as its readers see it; `priority` 1 to 5, 3 for none given."""

    topic: str
    title: str
    message: str
    priority: int


class NtfyServer:
    """The server. `forbidden` are topics that nobody may publish to."""

    def __init__(self, port: int = 0) -> None:
        self.published: list[Published] = []
        self.forbidden: set[str] = set()
        self.server = WebServer(self._respond, port)

    def stop(self) -> None:
        """Ends."""
        self.server.stop()

    def _respond(self, asked: Asked) -> Answer:
        try:
            body: dict[str, Any] = json.loads(asked.body)
        except ValueError:
            return Answer(400, b'{"code": 40024, "error": "invalid request: body must be message text"}')
        topic = str(body.get("topic") or asked.path.strip("/"))
        if topic in self.forbidden:
            return Answer(404, b'{"code": 40401, "error": "page not found"}')
        priority = PRIORITIES.get(asked.headers.get("x-priority", "default"), 3)
        self.published.append(Published(topic, str(body.get("title", "")), str(body.get("message", "")), priority))
        return Answer(200, json.dumps({"id": f"n{len(self.published)}", "topic": topic}).encode())
