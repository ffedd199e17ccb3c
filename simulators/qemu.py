"""Two lines to a machine that QEMU emulates: its monitor (QMP), and its pins and memory (qtest)."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Final, Self

_ANSWER_WAIT_S: Final = 20.0


class _Line:
    """A line-by-line conversation; one order at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, end: socket.socket) -> Self:
        """Over our end of a pair of sockets."""
        line = cls(*await asyncio.open_connection(sock=end))
        await line._greet()
        return line

    async def _greet(self) -> None:
        """What has to be said first, if anything."""

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()

    async def _say(self, text: str) -> None:
        self._writer.write(f"{text}\n".encode())
        await self._writer.drain()

    async def _hear(self) -> str:
        async with asyncio.timeout(_ANSWER_WAIT_S):
            line = await self._reader.readline()
        if not line:
            raise ConnectionError("the emulator has ended")
        return line.decode().strip()


class Monitor(_Line):
    """QMP: starts and stops the machine."""

    async def _greet(self) -> None:
        await self._hear()
        await self.order("qmp_capabilities")

    async def order(self, command: str, **arguments: Any) -> Any:
        """Its answer. Raises ConnectionError when the command is refused."""
        async with self._turn:
            await self._say(json.dumps({"execute": command, "arguments": arguments}))
            while True:
                answer = json.loads(await self._hear())
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise ConnectionError(f"{command}: {answer['error']}")


class MachineLine(_Line):
    """qtest: sets pins, reads and writes memory, beside the running processor."""

    async def order(self, command: str) -> str:
        """Its answer, from `OK` on. Raises ConnectionError when the command is refused."""
        async with self._turn:
            await self._say(command)
            while True:
                answer = await self._hear()
                if answer.startswith("OK"):
                    return answer
                if not answer.startswith("IRQ"):
                    raise ConnectionError(f"{command}: {answer}")
