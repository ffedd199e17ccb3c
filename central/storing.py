"""Commands that must be stored, however long the database is away: what they store is acknowledged only then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from central.pulse import PULSE
from central.storage.cases import StaleCase
from central.storage.database import Database, DatabaseError, try_again

RETRY_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between attempts while the database fails; the last repeats."""
RACES_MAX: Final = 3
"""How often a command is tried again that another writer may have come before; then it is a fault of ours."""

log = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")


class Storing:
    """Tries until `stopping` is set. `fault` is why the database takes nothing now, "" when it does."""

    def __init__(self, database: Database, stopping: threading.Event) -> None:
        self._database, self._stopping = database, stopping
        self.fault = ""

    def until_stored(self, command: Callable[[], Outcome]) -> Outcome | None:
        """Carries out a command, again and again while the database is away; None when it is to stop first.

        Raises:
            DatabaseError, StaleCase: it can never be stored, so far as one can see.
        """
        pauses = iter(RETRY_S)
        pause_s = 0.0
        races = 0
        while not self._stopping.is_set():
            try:
                outcome = command()
            except (DatabaseError, StaleCase) as error:
                if isinstance(error, DatabaseError) and try_again(error):
                    pause_s = next(pauses, pause_s)
                    self._fails(error, pause_s)
                elif races < RACES_MAX:
                    races += 1
                else:
                    raise
                continue
            self.fault = ""
            return outcome
        return None

    def _fails(self, error: DatabaseError, pause_s: float) -> None:
        self.fault = self._database.in_words(error)[:200]
        log.error("the database takes no alarm, trying again in %s s: %s", pause_s, self.fault)
        self._stopping.wait(pause_s)
        PULSE.goes_on()
