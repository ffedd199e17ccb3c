"""A thread that works due-times from the database: soon after it is woken, else when the next is due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from central.pulse import Pulse

GATHER_S: Final = 0.05
"""Pause after being woken: the alarm that woke us goes out to people first, and what comes with it is worked together.
Nothing here is due sooner than seconds."""
LOOK_EVERY_S: Final = 15.0
"""Looks at least so often: another process may have written a due-time."""
RETRY_S: Final = 2.0
"""Pause after a failure, such as the database being away."""

log = logging.getLogger(__name__)


class DueLoop:
    """Calls `work(now)`, which acts on all that is due and says when the next is (None: nothing waits).

    With a `pulse` the process ends when `work` does not come back and tells of no progress either.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[float], float | None],
        pulse: Pulse | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._pulse = pulse
        self._work = work
        self._clock = clock
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins; the overdue is worked first."""
        self._thread.start()

    def wake(self) -> None:
        """Says that something new may be due. From any thread."""
        self._woken.set()

    def stop(self) -> None:
        """Ends after the work at hand."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            if self._pulse is not None:
                self._pulse.at_work()
            wait_s = self._once()
            if self._pulse is not None:
                self._pulse.waits()
            if self._woken.wait(wait_s):
                time.sleep(GATHER_S)

    def _once(self) -> float:
        try:
            next_at = self._work(self._clock())
        except Exception:
            log.exception("%s: will try again", self._name)
            return RETRY_S
        return LOOK_EVERY_S if next_at is None else min(max(next_at - self._clock(), 0.0), LOOK_EVERY_S)
