"""A line that can be cut, frozen and slowed: a TCP proxy between a hub and its broker."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

_CHUNK_BYTES: Final = 65_536
_QUEUE_CHUNKS: Final = 64


class Line:
    """Forwards TCP connections to a target until told otherwise.

    Attributes:
        port: where to connect to, on 127.0.0.1.
        delay_s: each byte arrives this much later.
    """

    def __init__(self, target_port: int, *, port: int = 0) -> None:
        """`port` 0 takes a free one at the first `restore` and keeps it."""
        self.port = port
        self.delay_s = 0.0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> str:
        """ "open", "frozen" or "cut"."""
        if self._server is None:
            return "cut"
        return "open" if self._flowing.is_set() else "frozen"

    async def restore(self) -> None:
        """Opens the line; what a frozen line held flows on."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._call, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Drops every connection and refuses new ones."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def freeze(self) -> None:
        """Connections stay and new ones are taken, but nothing comes through: a network that looks alive and is not."""
        self._flowing.clear()

    async def _call(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        far_out: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self._target_port)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(near_in, far_out))
                both.create_task(self._pump(far_in, near_out))
        except* (OSError, _Ended):
            pass
        except* asyncio.CancelledError:
            pass
        finally:
            self._calls.discard(task)
            for out in (near_out, far_out):
                if out is not None:
                    out.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE_CHUNKS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(chunks, sink))
            loop = asyncio.get_running_loop()
            while data := await source.read(_CHUNK_BYTES):
                await chunks.put((loop.time() + self.delay_s, data))
            await chunks.put((loop.time() + self.delay_s, b""))

    async def _deliver(self, chunks: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await chunks.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            await self._flowing.wait()
            if not data:
                raise _Ended
            sink.write(data)
            with contextlib.suppress(ConnectionError):
                await sink.drain()


class _Ended(Exception):
    """One side has hung up: the other is hung up too."""
