"""Rows to the telemetry store, by way of the disk while it is down, in the order in which they came."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from central.telemetry.spool import Spool, SpoolFull
from central.telemetry.store import Row, StoreUnavailable, TelemetryStore

logger = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 30.0
"""A store that is down is tried so often at most; each try may block the receiver for the store's time-out."""


class Feed:
    """Takes batches and sees to it that they reach the store. `now` is a monotonic clock's seconds."""

    def __init__(self, store: TelemetryStore, spool: Spool) -> None:
        self._store = store
        self._spool = spool
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._fault = ""
        self._full = ""

    @property
    def status(self) -> str:
        """ "ok", or what is wrong in a few words."""
        return "; ".join(filter(None, (self._fault, self._full))) or "ok"

    @property
    def spooled(self) -> int:
        """Rows waiting on disk."""
        return self._spool.rows

    def put(self, rows: Sequence[Row], now: float) -> bool:
        """Makes a batch durable, in the store or on disk.

        Returns:
            False when neither can take it now: the caller keeps it, acknowledges nothing and tries again.
        """
        if not rows:
            return True
        if not self._spool.rows and self._try_store(rows, now):
            return True
        try:
            self._spool.append(rows)
        except SpoolFull as full:
            self._note(self._fault, str(full))
            return False
        return True

    def drain(self, now: float) -> bool:
        """Moves the oldest waiting batch into the store if it is time to try; True when another may follow at once."""
        if not self._spool.rows:
            return False
        try:
            rows = self._spool.first()
            if rows is None or not self._try_store(rows, now):
                return False
            self._spool.done()
        except OSError as error:
            self._note(self._fault, f"the spool cannot be used: {error}")
            return False
        return self._spool.rows > 0

    def _try_store(self, rows: Sequence[Row], now: float) -> bool:
        if now < self._retry_at:
            return False
        try:
            self._store.write(rows)
        except StoreUnavailable as error:
            self._retry_at = now + self._retry_s
            self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)
            self._note(str(error), self._full)
            return False
        self._retry_s = RETRY_FIRST_S
        self._note("", "")
        return True

    def _note(self, fault: str, full: str) -> None:
        if (fault, full) != (self._fault, self._full):
            self._fault, self._full = fault, full
            logger.warning("telemetry store: %s (%d readings wait on disk)", self.status, self._spool.rows)
