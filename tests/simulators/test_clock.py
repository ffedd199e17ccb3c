"""Virtual time: hours pass at once, in order, and simulated time never overtakes real time."""

from __future__ import annotations

import asyncio
import time

from simulators.clock import PacedClock, VirtualClock


def test_things_happen_in_order_of_time_and_then_of_asking() -> None:
    clock = VirtualClock(1000.0)
    seen: list[tuple[str, float]] = []
    clock.after(7200, lambda: seen.append(("late", clock.now)))
    clock.after(60, lambda: seen.append(("first", clock.now)))
    clock.after(60, lambda: seen.append(("second", clock.now)))
    assert clock.advance_to(1000.0 + 3600) == 2
    assert clock.now == 4600.0
    assert clock.next_at == 8200.0
    clock.advance_to(9000.0)
    assert seen == [("first", 1060.0), ("second", 1060.0), ("late", 8200.0)]
    assert clock.next_at is None


def test_what_an_action_asks_for_within_the_step_happens_in_the_same_step() -> None:
    clock = VirtualClock(0.0)
    seen: list[float] = []

    def tick() -> None:
        seen.append(clock.now)
        clock.after(10, tick)

    tick()
    clock.advance_to(35)
    assert seen == [0, 10, 20, 30]


async def test_a_fast_clock_catches_up_with_the_present_and_never_passes_it() -> None:
    clock = PacedClock(time.time() - 86_400, speed=1_000_000)
    reached: list[float] = []
    clock.after(86_399, lambda: reached.append(clock.now))
    following = asyncio.create_task(clock.follow())
    async with asyncio.timeout(20):
        while not reached:
            await asyncio.sleep(0.02)
    following.cancel()
    assert clock.now <= time.time()
