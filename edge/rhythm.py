"""How often somebody is heard, learned from the silences between: bounded memory, forgets slowly. Pure."""

from __future__ import annotations

import math
from typing import Final

import msgspec

BURST_S: Final = 5.0
"""What is heard again within this time is one sending: sensors repeat each message for some seconds."""
LEARNED_AFTER_S: Final = 20 * 3600.0
"""Nothing is concluded before so long, which has a night in it or most of a day: nights are quieter than days."""
HALF_LIFE_S: Final = 7 * 24 * 3600.0
"""A longest silence counts half after a week without its like: people and batteries change."""


class Rhythm(msgspec.Struct):
    """The longest natural silence of a device or a radio.

    Attributes:
        last_at: when it was heard, or began to be expected; monotonic.
        longest_s: longest natural silence, as it stood at `learned_at`.
        observed_s: for how long it had been listened to at `last_at`.
        learned_at: when `longest_s` was written.
    """

    last_at: float
    longest_s: float = 0.0
    observed_s: float = 0.0
    learned_at: float = 0.0

    def heard(self, now: float, *, natural: bool = True) -> float:
        """It is heard; returns the silence that ends. One that was our own fault (not `natural`) teaches nothing."""
        gap = now - self.last_at
        self.last_at = now
        if natural:
            self.observed_s += gap
            if gap > BURST_S:
                self.longest_s = max(self.usual_s(now), gap)
                self.learned_at = now
        return gap

    def usual_s(self, now: float) -> float:
        """The longest silence that is usual."""
        return self.longest_s * math.pow(0.5, max(now - self.learned_at, 0.0) / HALF_LIFE_S)

    @property
    def learned(self) -> bool:
        """Whether it has been listened to for long enough to know what is usual."""
        return self.observed_s >= LEARNED_AFTER_S
