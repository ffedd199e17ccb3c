"""The desk's clock, which is never set back: no alarm waits an hour longer because the machine's was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

TOLD_S: Final = 2.0
"""Up to so much a clock that is kept right is adjusted now and then: this one stands still meanwhile."""

log = logging.getLogger(__name__)


class SteadyClock:
    """Tells the time in Unix seconds. When the machine's clock is set back it counts on from where it was: what the
    desk has written down has times of that count, and is due by them. From any thread.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._at, self._since = wall(), monotonic()
        self._ahead_s = 0.0

    def now(self) -> float:
        """The time, at least as late as whatever was told before."""
        with self._lock:
            wall, since = self._wall(), self._monotonic()
            counted = self._at + (since - self._since)
            ahead_s = counted - wall
            if ahead_s > TOLD_S >= self._ahead_s:
                log.error("the machine's clock was set back by %.0f s; the desk counts on from before", ahead_s)
            self._at = counted if ahead_s > TOLD_S else max(self._at, wall)
            self._since, self._ahead_s = since, ahead_s
            return self._at

    def ahead_s(self) -> float:
        """How far it is ahead of the machine's clock; 0 for what is not worth telling."""
        self.now()
        return self._ahead_s if self._ahead_s > TOLD_S else 0.0

    def not_before(self, at: float) -> None:
        """Counts on from `at`, if that is later: cases were written by a clock that has been set back since."""
        with self._lock:
            self._at = max(self._at, at)

    def follow(self) -> None:
        """Tells the machine's time again: nothing waits any more."""
        if self.ahead_s():
            log.warning("nothing waits: the desk goes by the machine's clock again")
            with self._lock:
                self._at, self._since, self._ahead_s = self._wall(), self._monotonic(), 0.0
