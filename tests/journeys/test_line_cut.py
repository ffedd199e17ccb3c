"""Promise: what a home measured while the line was cut arrives later, with the times at which it was measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from central.config import load
from central.telemetry.open_store import open_store
from simulators.bthome_bytes import ObjectId
from tests.journeys.flat import Flat, flat, soon
from tests.journeys.town import Town


def stored(town: Town, since_at: float) -> list[tuple[float, float]]:
    """Motion in the hall of the first home, as (time, value)."""
    store = open_store(load(town.config).telemetry, town.folder / "data", read_only=True)
    assert store is not None
    try:
        points = store.points("home-1", "hall", "motion", since_at, time.time() + 60)
        return [(point.at, point.value) for point in points]
    finally:
        store.close()


async def move(home: Flat, times: int) -> list[float]:
    """So many movements in the hall, one a second; when each was sent."""
    sent = []
    for number in range(times):
        sent.append(time.time())
        await home.motion.say((ObjectId.MOTION, (number + 1) % 2), for_s=0.5)
        await asyncio.sleep(1.0)
    return sent


@pytest.mark.slow
async def test_readings_of_an_outage_are_filled_in(build_town: Callable[..., Town]) -> None:
    town = build_town()
    await asyncio.to_thread(town.start, receiver=True)
    began = time.time() - 1
    async with flat(town) as home:
        await home.start()
        before = await move(home, 1)
        await soon(lambda: len(stored(town, began)) == 1, "the line works")
        await home.line.cut()
        during = await move(home, 5)
        assert len(stored(town, began)) == 1, "the line is cut"
        home.agent.kill()
        await home.start()
        await home.line.restore()
        await soon(lambda: len(stored(town, began)) == 6, "all six have arrived")
        sent = before + during
        for at, (found, _value) in zip(sent, stored(town, began), strict=True):
            assert abs(found - at) < 2.0, "with the time of measuring, not of arriving"
        assert [value for _, value in stored(town, began)] == [1.0, 1.0, 0.0, 1.0, 0.0, 1.0]
