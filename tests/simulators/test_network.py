"""The line between hub and broker can be cut, frozen, slowed and restored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.network import Line

DEADLINE_S = 60


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_bytes_pass_until_the_line_is_cut_and_again_after_it_is_restored(echo: int) -> None:
    line = Line(echo)
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(2):
            await line.restore()
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            writer.write(b"alarm")
            assert await reader.readexactly(5) == b"alarm"
            await line.cut()
            assert line.state == "cut"
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            with pytest.raises(OSError):  # noqa: PT011
                await asyncio.open_connection("127.0.0.1", line.port)
            writer.close()


async def test_a_frozen_line_keeps_everything_back_and_loses_nothing(echo: int) -> None:
    line = Line(echo)
    async with asyncio.timeout(DEADLINE_S):
        await line.restore()
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        line.freeze()
        assert line.state == "frozen"
        writer.write(b"two")
        waiting = asyncio.create_task(reader.readexactly(3))
        line.delay_s = 0.05
        assert not waiting.done()
        await line.restore()
        assert await waiting == b"two"
        writer.close()
        await line.cut()


async def test_when_one_side_hangs_up_so_does_the_other(echo: int) -> None:
    line = Line(echo)
    async with asyncio.timeout(DEADLINE_S):
        await line.restore()
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write_eof()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        await line.cut()
