"""Reads along what the home's screen says, as the screen itself does: from the hub's stream of server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Final

_AGAIN_S: Final = 1.0
_SILENT_S: Final = 15.0
"""The hub speaks every few seconds; one that does not is gone."""
_LINE_BYTES_MAX: Final = 65_536


class HomeScreen:
    """What the home shows now: `scene` is "lost" while the hub does not answer."""

    def __init__(self, port: int) -> None:
        """`port`: of the hub's screen on 127.0.0.1."""
        self.scene = "lost"
        self.sentence = ""
        self.detail = ""
        self._port = port

    async def watch(self) -> None:
        """Reads until cancelled, and connects again whenever the hub has gone."""
        while True:
            with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                await self._read()
            self.scene, self.sentence, self.detail = "lost", "", ""
            await asyncio.sleep(_AGAIN_S)

    async def _read(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LINE_BYTES_MAX)
        try:
            writer.write(b"GET /events HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
            name = ""
            while line := await asyncio.wait_for(reader.readline(), _SILENT_S):
                text = line.decode().strip()
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: ") and name == "scene":
                    self._take(json.loads(text.removeprefix("data: ")))
        finally:
            writer.transport.abort()

    def _take(self, scene: dict[str, object]) -> None:
        self.scene = str(scene.get("scene", ""))
        self.sentence = str(scene.get("sentence", ""))
        self.detail = str(scene.get("detail", ""))
