"""The receiver's words to the care team, on their way into the database. Each stands once, whatever its copies."""

from __future__ import annotations

import time
from typing import Final

from central.detection.drift import CareNote
from central.internal import NOTES_FILTER, ROUTINE_FILTER, decode_note, decode_routine
from central.refusals import RefusalCounter
from central.storage.care import keep_note, keep_week
from central.storage.database import Database
from devices.rejection import Rejection

SUBSCRIPTIONS: Final = (NOTES_FILTER, ROUTINE_FILTER)
_NOTES: Final = NOTES_FILTER.removesuffix("+")
_ROOTS: Final = tuple(one.removesuffix("+") for one in SUBSCRIPTIONS)


class CareIntake:
    """Takes notes on slow changes, and weeks of homes whose people agree."""

    def __init__(self, database: Database, refusals: RefusalCounter) -> None:
        self._database = database
        self._refusals = refusals

    def takes(self, topic: str) -> bool:
        """Whether a message on this topic is for here."""
        return topic.startswith(_ROOTS)

    def take(self, topic: str, payload: bytes) -> bool:
        """Stores a message, or refuses it by value; always true: it may be acknowledged.

        Raises:
            DatabaseError: nothing was stored.
        """
        now = time.time()
        said = decode_note(payload) if topic.startswith(_NOTES) else decode_routine(payload)
        if isinstance(said, Rejection):
            self._refusals.count("care", said, now)
            return True
        with self._database.begin() as connection:
            kept = keep_note(connection, said, now) if isinstance(said, CareNote) else keep_week(connection, said, now)
        if not kept:
            reason = "no_such_home" if isinstance(said, CareNote) else "no_consent"
            self._refusals.count("care", Rejection(reason, said.home), now)
        return True
