"""Counts what was refused at a cost that no flood raises: memory by reason, one log line a minute, batched writes."""

from __future__ import annotations

import logging
import threading
from typing import Final

from central.storage import health
from central.storage.database import Database
from central.storage.health import Refusal
from devices.rejection import Rejection

LOG_EVERY_S: Final = 60.0
"""One log line for each kind of refusal in this time; the counts tell the rest."""
DETAIL_MAX: Final = 300

log = logging.getLogger(__name__)


class RefusalCounter:
    """Refusals since the last flush. Its keys are words of our own (`Rejection.reason`), so it stays small."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Refusal] = {}
        self._logged_at: dict[tuple[str, str], float] = {}

    def count(self, source: str, rejection: Rejection, now: float, *, sender: str = "") -> None:
        """Counts one refusal. `source` is the kind of input, such as "alarm"; `sender` a hub's id, for the log."""
        key = (source, rejection.reason)
        detail = f"{sender}: {rejection.detail}" if sender else rejection.detail
        # PostgreSQL stores no NUL, and a log line is one line
        detail = "".join(letter if letter.isprintable() else "?" for letter in detail[:DETAIL_MAX])
        with self._lock:
            before = self._waiting.get(key)
            self._waiting[key] = Refusal((before.times if before else 0) + 1, now, detail)
            quiet = now - self._logged_at.get(key, -LOG_EVERY_S) < LOG_EVERY_S
            if not quiet:
                self._logged_at[key] = now
        if not quiet:
            log.warning("refused %s (%s): %s", source, rejection.reason, detail)

    def flush(self, database: Database) -> None:
        """Writes what was counted. Raises DatabaseError; the counts are then kept for the next time."""
        with self._lock:
            counted, self._waiting = self._waiting, {}
        if not counted:
            return
        try:
            with database.begin() as connection:
                health.add_refusals(connection, counted)
        except BaseException:
            with self._lock:
                for key, old in counted.items():
                    new = self._waiting.get(key)
                    self._waiting[key] = old if new is None else new._replace(times=new.times + old.times)
            raise
