"""The open question on the outbox's disk: what nobody has answered when the power fails is an alarm when it is back."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from edge.clock import Stamp
from edge.home.question import Question
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm

log = logging.getLogger(__name__)

_NAME: Final = "question"
_decoder = msgspec.json.Decoder(Question)
_DAMAGED: Final = Question(
    "damaged",
    Alarm(
        "0",
        *(SCAIP_CODES[AlarmKind.FALL][0], 0.0, SCAIP_CODES[AlarmKind.FALL][1]),
        pri=9,
        trusted=False,
        text="the hub's disk has damaged what this alarm was",
    ),
    Stamp("", 0.0, 0.0, trusted=False),
)


class NowAsked(NamedTuple):
    """What is asked from now on; None for nothing."""

    question: Question | None


class QuestionNote:
    """In the outbox's file, in the transaction of whoever calls."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def write(self, asked: NowAsked) -> None:
        """Puts it in the place of what was asked."""
        if asked.question is None:
            self._db.execute("DELETE FROM meta WHERE name = ?", (_NAME,))
        else:
            body = msgspec.json.encode(asked.question).decode()
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NAME, body))

    def read(self) -> Question | None:
        """What was asked when it was written last. One that the disk has damaged is still known to have been asked."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
        if row is None:
            return None
        try:
            return _decoder.decode(row[0])
        except (msgspec.DecodeError, UnicodeError) as error:
            log.warning("the open question in the outbox is damaged: %s", error)
            return _DAMAGED

    def take_over(self, before: sqlite3.Connection) -> None:
        """Takes it from an unusable file, if it can be read there."""
        with suppress(sqlite3.Error):
            row = before.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
            if row is not None:
                self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_NAME, row[0]))
