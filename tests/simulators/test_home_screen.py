"""Promise: who reads along what a home's screen says stops when told to, in whatever instant."""

from __future__ import annotations

import asyncio

import pytest

from simulators.demo.home_screen import LANGUAGES, HomeScreen

LINE = b'event: scene\ndata: {"scene": "rest"}\n'


@pytest.mark.parametrize("turns", range(6))
async def test_reading_along_ends_when_told_as_a_line_comes_in(turns: int) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def a_home(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
        writer.write(LINE)

    async with await asyncio.start_server(a_home, "127.0.0.1", 0) as server:
        screen = HomeScreen(server.sockets[0].getsockname()[1])
        watching = asyncio.create_task(screen.watch())
        async with asyncio.timeout(20):
            while screen.scene != "rest" or len(writers) < len(LANGUAGES):
                await asyncio.sleep(0)
            for writer in writers:
                writer.write(LINE)
            for _ in range(turns):
                await asyncio.sleep(0)
            watching.cancel()
            await asyncio.wait([watching])
        assert watching.cancelled()
        for writer in writers:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
