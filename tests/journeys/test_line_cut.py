"""Promise: what a home measured while the line was cut arrives later, with the times at which it was measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from central.config import load
from central.telemetry.open_store import open_store
from devices.vocabulary import Reading
from edge.clock import Stamp
from edge.outbox import StampedReading
from edge.outbox_file import open_outbox
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


def an_hour_in_the_outbox(home: Flat, until_at: float) -> list[float]:
    """What the agent had stored through an hour without a line, a movement every five seconds; when each was."""
    times = [round(until_at - 3_600.0 + 5.0 * number, 3) for number in range(720)]
    outbox, faults = open_outbox(home.outbox, "hour", 100_000)
    assert not faults
    for at in times:
        outbox.keep(readings=[StampedReading(Reading("hall", "motion", True, at), Stamp("earlier", 1.0, at, True))])
    outbox.close()
    return times


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


@pytest.mark.slow
async def test_an_hour_without_a_line_is_filled_in_beside_a_press(build_town: Callable[..., Town]) -> None:
    town = build_town()
    await asyncio.to_thread(town.start, receiver=True)
    now = time.time()
    async with flat(town) as home:
        times = await asyncio.to_thread(an_hour_in_the_outbox, home, now - 60)
        await home.line.cut()
        await home.start()
        home.serial_pendant.press()
        await soon(lambda: not home.serial_pendant.waiting, "the press is on the hub's disk")
        await home.line.restore()
        await soon(lambda: len(town.cases()) == 1, "the press arrives")
        await soon(lambda: len(stored(town, now - 4_000)) == len(times), "the whole hour arrives")
        assert [at for at, _ in stored(town, now - 4_000)] == pytest.approx(times, abs=0.002)
