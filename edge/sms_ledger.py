"""Every SMS that the hub has tried to send, on disk in the outbox: what a person was told is not told again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from edge.clock import Stamp

ATTEMPTS_KEPT: Final = 1_000
"""Attempts that stay for the technician: weeks of an outage, and a bound on the file."""

CREATE_SMS: Final = """
CREATE TABLE sms (
  id INTEGER PRIMARY KEY AUTOINCREMENT, ref TEXT NOT NULL, dty INTEGER NOT NULL, stc INTEGER NOT NULL,
  recipient TEXT NOT NULL, state TEXT NOT NULL,
  boot TEXT NOT NULL, monotonic REAL NOT NULL, wall REAL NOT NULL, trusted INTEGER NOT NULL, network_id INTEGER);
"""


class SmsState(StrEnum):
    """What is known of one SMS. Only `ANSWERED` says that somebody knows of the call.

    `SENDING`: in the modem's hands. `TAKEN`: the network took it, no more. `DELIVERED`: the telephone has it, read
    or not. `ANSWERED`: the centre has the call. `UNDELIVERED`: the network took it and gave it up. `UNSURE`: the modem
    or the hub stopped over it, it may have been sent. `FAILED_FOR_NOW`: the network did not take it, and it is tried
    again. `FAILED`: the network never will, at this number.
    """

    SENDING = "sending"
    TAKEN = "taken"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    UNDELIVERED = "undelivered"
    UNSURE = "unsure"
    FAILED_FOR_NOW = "failed_for_now"
    FAILED = "failed"


_STATES: Final = frozenset(state.value for state in SmsState)


class SmsAttempt(NamedTuple):
    """One attempt.

    Attributes:
        ref, kind: of the alarm; `kind` is its (dty, stc).
        recipient: a telephone number.
        network_id: the network's number of it, by which its report is known.
    """

    id: int
    ref: str
    kind: tuple[int, int]
    recipient: str
    state: SmsState
    stamp: Stamp
    network_id: int | None = None


class SmsLedger:
    """The table. Used on the outbox's thread only; each method is one transaction.

    Raises:
        sqlite3.Error: from every method; nothing of it was stored.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def begin(self, ref: str, kind: tuple[int, int], recipient: str, stamp: Stamp) -> SmsAttempt:
        """An attempt starts; stored before the modem gets it."""
        cursor = self._db.execute(
            "INSERT INTO sms (ref, dty, stc, recipient, state, boot, monotonic, wall, trusted) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (ref, *kind, recipient, SmsState.SENDING.value, *stamp),
        )
        number = int(cursor.lastrowid or 0)
        self._db.execute("DELETE FROM sms WHERE id <= ?", (number - ATTEMPTS_KEPT,))
        return SmsAttempt(number, ref, kind, recipient, SmsState.SENDING, stamp)

    def settle(self, ref: str, recipient: str, state: SmsState, network_id: int | None = None) -> None:
        """What became of the newest attempt about an alarm to a number.

        Not by the attempt's id: the outbox may have moved between disk and memory since.
        """
        newest = "SELECT max(id) FROM sms WHERE ref = ? AND recipient = ?"
        query = f"UPDATE sms SET state = ?, network_id = ifnull(?, network_id) WHERE id = ({newest})"  # noqa: S608 - ours
        self._db.execute(query, (state.value, network_id, ref, recipient))

    def answered(self, ref: str) -> None:
        """The centre has the call: its SMS are answered."""
        query = "UPDATE sms SET state = ? WHERE ref = ? AND state IN (?, ?)"
        taken = (SmsState.TAKEN.value, SmsState.DELIVERED.value)
        self._db.execute(query, (SmsState.ANSWERED.value, ref, *taken))

    def attempts(self) -> list[SmsAttempt]:
        """All that are kept, oldest first."""
        columns = "id, ref, dty, stc, recipient, state, boot, monotonic, wall, trusted, network_id"
        rows = self._db.execute(f"SELECT {columns} FROM sms ORDER BY id")  # noqa: S608 - ours
        return [
            SmsAttempt(
                number, ref, (dty, stc), recipient, SmsState(state), Stamp(boot, mono, wall, bool(trusted)), network_id
            )
            for number, ref, dty, stc, recipient, state, boot, mono, wall, trusted, network_id in rows
            if state in _STATES
        ]

    def take_over(self, before: sqlite3.Connection) -> None:
        """Takes the attempts of a file that is given up; one that is here already is not taken twice."""
        columns = "ref, dty, stc, recipient, state, boot, monotonic, wall, trusted, network_id"
        rows = before.execute(f"SELECT {columns} FROM sms ORDER BY id")  # noqa: S608 - ours
        for row in rows:
            same = "SELECT 1 FROM sms WHERE ref = ? AND recipient = ? AND boot = ? AND monotonic = ?"
            self._db.execute(
                f"INSERT INTO sms ({columns}) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS ({same})",
                (*row, row[0], row[3], row[5], row[6]),
            )


def least_ages_s(stamps: Sequence[Stamp], now: Stamp) -> list[float]:
    """How long ago each moment was at least; exactly, where a clock can tell.

    A hub without a battery wakes in the past: were all of an earlier boot then taken for a moment ago, old SMS would
    fill the hour's limit and keep a new call waiting. What is sure also without the time of day: moments of one boot
    keep their distance, and those of an earlier boot are older than the later boot's whole uptime.

    Args:
        stamps: in the order in which they happened.
        now: this moment.
    """
    ages: list[float] = []
    later, age = now, 0.0
    for stamp in reversed(stamps):
        age += max(later.monotonic - stamp.monotonic if later.boot == stamp.boot else later.monotonic, 0.0)
        if stamp.trusted and now.trusted:
            age = max(age, now.wall - stamp.wall)
        ages.append(age)
        later = stamp
    return ages[::-1]
