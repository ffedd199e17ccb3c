"""Time for simulated people and homes: all that will happen stands in one heap, and time jumps from one to the next.

A test moves the clock by hand and hours pass at once; a demo lets `follow` pace the same clock by the wall clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Final

_SLICE_S: Final = 0.25
"""Longest nap of `follow`: a changed speed is felt within this time."""


class VirtualClock:
    """A heap of things to do, in order of time; equal times keep the order in which they were asked for."""

    def __init__(self, start_at: float) -> None:
        """Starts at `start_at`, Unix seconds."""
        self.now = start_at
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Runs `action` when the clock reaches `when`; a time gone by means as soon as time moves."""
        heapq.heappush(self._heap, (max(when, self.now), next(self._order), action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Runs `action` `delay_s` from now."""
        self.at(self.now + delay_s, action)

    def advance_to(self, when: float) -> int:
        """Runs everything due up to and including `when`; returns how many actions that was."""
        done = 0
        while self._heap and self._heap[0][0] <= when:
            due, _, action = heapq.heappop(self._heap)
            self.now = due
            action()
            done += 1
        self.now = max(self.now, when)
        return done

    @property
    def next_at(self) -> float | None:
        """When the next thing is due, or None."""
        return self._heap[0][0] if self._heap else None


class PacedClock(VirtualClock):
    """A virtual clock that runs with the wall clock, `speed` times as fast, but never ahead of it when it lags.

    A clock that starts in the past and has `speed` 600 catches up with the present and then keeps its pace: the
    centre refuses readings from the future, so simulated time never overtakes real time.
    """

    def __init__(self, start_at: float, speed: float = 1.0) -> None:
        """Starts at `start_at`, Unix seconds; `speed` is simulated seconds per second."""
        super().__init__(start_at)
        self.speed = speed

    async def follow(self) -> None:
        """Moves the clock for ever; cancel it to stop."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(_SLICE_S)
            elapsed = time.monotonic() - last
            last += elapsed
            self.advance_to(min(self.now + elapsed * self.speed, max(time.time(), self.now)))
