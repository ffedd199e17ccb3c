"""Says to the supervisor every second that this process lives, and ends it when one of its loops stands still.

A process may be there and yet do nothing: stopped, starved, or caught in a call that never returns. The first two the
supervisor notices by the missing beats; the last is noticed here, said in the log with what every thread was doing, and
ended like a crash, which costs nothing: all that waits is in the database or unacknowledged at the broker.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

BEAT_EVERY_S: Final = 1.0
STUCK_AFTER_S: Final = 180.0
"""A loop that has been at one thing for so long stands still: far above all that the database, the broker or a store
may take before they give up by themselves (`database.POSTGRES_WAITS`, the pool's 30 s)."""
PAUSED_S: Final = 5.0
"""Whoever looks for loops that stand still each second, and comes so late, was paused with all of them."""
STOOD_STILL: Final = 4
"""Exit code of a process that ended itself because one of its loops stood still."""
LINE: Final = 0
"""The supervisor's line to this process is its standard input, a socket: beats go out on it."""
LIVES: Final = b"."
"""A beat before any loop has begun to work."""
BEGAN: Final = b"!"
"""A beat after that: the process has started."""

log = logging.getLogger(__name__)


class Pulse:
    """What the watched loops of a process are at. Each loop calls from its own thread; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s = self._counts_from_s = clock()
        self._since: dict[str, float] = {}
        self._started = False
        self._began = False

    def at_work(self) -> None:
        """This thread begins something."""
        self._began = True
        self._since[threading.current_thread().name] = self._clock()

    def goes_on(self) -> None:
        """This thread, if it is one that is watched and at work, has come on with it."""
        if threading.current_thread().name in self._since:
            self.at_work()

    def waits(self) -> None:
        """This thread has nothing to do now, for however long."""
        self._since.pop(threading.current_thread().name, None)

    def look(self) -> dict[str, float]:
        """`stuck`, asked every `BEAT_EVERY_S`. After a pause of the machine or of this process it counts anew: no loop
        could have come on in it."""
        now = self._clock()
        if now - self._looked_s > PAUSED_S:
            self._counts_from_s = now
        self._looked_s = now
        return self.stuck()

    def stuck(self) -> dict[str, float]:
        """The threads that stand still, and for how many seconds."""
        now = self._clock()
        spans = {name: now - max(since, self._counts_from_s) for name, since in self._since.copy().items()}
        return {name: span_s for name, span_s in spans.items() if span_s > STUCK_AFTER_S}

    def start(self) -> None:
        """Begins to beat, on a thread of its own."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def _run(self) -> None:
        while not (stuck := self.look()):
            with contextlib.suppress(OSError):  # a supervisor that is gone is noticed elsewhere
                os.write(LINE, BEGAN if self._began else LIVES)
            time.sleep(BEAT_EVERY_S)
        for name, span_s in stuck.items():
            log.critical("%s has stood still for %.0f s; this process ends, to be started again", name, span_s)
        faulthandler.dump_traceback(all_threads=True)
        os._exit(STOOD_STILL)


PULSE: Final = Pulse()
"""That of this process."""
