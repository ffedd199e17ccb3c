"""Reads along what the home's screen says, as the screen itself does: from the hub's stream of server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Final

LANGUAGES: Final = ("ca", "es", "en")
_AGAIN_S: Final = 1.0
_SILENT_S: Final = 15.0
"""The hub speaks every few seconds; one that does not is gone."""
_LINE_BYTES_MAX: Final = 65_536


class HomeScreen:
    """What the home shows now: `scene` is "lost" while the hub does not answer; `words` by language.

    `question` names what it asks, "" for nothing.
    """

    def __init__(self, port: int) -> None:
        """`port`: of the hub's screen on 127.0.0.1."""
        self.scene = "lost"
        self.words: dict[str, str] = {}
        self.question = ""
        self._port = port
        self._told: dict[str, tuple[str, str]] = {}

    async def watch(self) -> None:
        """Reads until cancelled."""
        async with asyncio.TaskGroup() as group:
            for language in LANGUAGES:
                group.create_task(self._keep_reading(language))

    async def answer(self, answer: str) -> None:
        """Presses the button of that answer ("fine", the green one, "help" or "mistake"), if it is there."""
        own = f"127.0.0.1:{self._port}"
        body = json.dumps({"question": self.question, "answer": answer})
        head = f"POST /answer HTTP/1.0\r\nHost: {own}\r\nOrigin: http://{own}\r\nContent-Type: application/json\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            async with asyncio.timeout(_SILENT_S):
                await reader.read()
        finally:
            writer.transport.abort()

    async def _keep_reading(self, language: str) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                await self._read(language)
            self._told.pop(language, None)
            self.scene, self.words = "lost", {}
            await asyncio.sleep(_AGAIN_S)

    async def _read(self, language: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LINE_BYTES_MAX)
        try:
            writer.write(f"GET /events?lang={language} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            name = ""
            while True:
                async with asyncio.timeout(_SILENT_S):
                    line = await reader.readline()
                if not line:
                    return
                text = line.decode().strip()
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: ") and name == "scene":
                    self._take(language, json.loads(text.removeprefix("data: ")))
        finally:
            writer.transport.abort()

    def _take(self, language: str, scene: dict[str, object]) -> None:
        self.question = str(scene.get("question", ""))
        words = f"{scene.get('sentence', '')} {scene.get('detail', '')}".strip()
        self._told[language] = (str(scene.get("scene", "")), words)
        if len(self._told) == len(LANGUAGES) and len({name for name, _ in self._told.values()}) == 1:
            self.scene = self._told[language][0]
            self.words = {each: words for each, (_, words) in self._told.items()}
