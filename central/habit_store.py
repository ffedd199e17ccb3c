"""What detection has learned of each home, kept over a restart in one SQLite file.

Losing it loses no alarm: a home whose habits are not here learns them again from the telemetry store's raw readings.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from central.detection.habits import Habits, Kept
from central.detection.timeline import Sighting

logger = logging.getLogger(__name__)

_TABLE = "create table if not exists {} (home text primary key, content blob not null) without rowid"


class HabitStore:
    """Habits by home.

    Args:
        file: made when missing; one that cannot be read is put aside and begun anew.
    """

    def __init__(self, file: Path) -> None:
        self._connection = open_kept(file, "habits")
        self._waiting: dict[str, Kept] = {}

    def load(self, home: str) -> Habits | None:
        """The habits of a home; None where none are kept or they cannot be read."""
        kept = self._kept(home)
        try:
            return Habits.of(kept) if kept is not None else None
        except ValueError as error:
            logger.warning("habits of %s cannot be read and are learned anew: %s", home, error)
            return None

    def states(self, home: str) -> list[Sighting]:
        """How the doors and beds of a home were when the day began that was learned last."""
        kept = self._kept(home)
        return [Sighting(at, device, kind, float(on)) for device, kind, at, on in kept.states] if kept else []

    def _kept(self, home: str) -> Kept | None:
        try:
            row = self._connection.execute("select content from habits where home = ?", (home,)).fetchone()
            return msgspec.msgpack.decode(row[0], type=Kept) if row else None
        except (sqlite3.Error, msgspec.DecodeError) as error:
            logger.warning("habits of %s cannot be read and are learned anew: %s", home, error)
            return None

    def keep(self, learned: Mapping[str, Kept]) -> None:
        """Writes what was learned, in one transaction; what cannot be written now is written with the next."""
        self._waiting.update(learned)
        if not self._waiting:
            return
        rows = [(home, msgspec.msgpack.encode(kept)) for home, kept in self._waiting.items()]
        try:
            with self._connection:
                self._connection.executemany("insert or replace into habits values (?, ?)", rows)
        except sqlite3.Error as error:
            logger.warning("habits of %d homes cannot be kept: %s", len(rows), error)
            return
        self._waiting.clear()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def open_kept(file: Path, table: str) -> sqlite3.Connection:
    """Opens a file of the receiver's own and makes its one table, of contents by home; a file that cannot be read is
    put aside."""
    try:
        return _open(file, table)
    except sqlite3.DatabaseError as error:
        logger.warning("cannot read %s, it is begun anew: %s", file.name, error)
        file.replace(file.with_suffix(".damaged"))
        return _open(file, table)


def _open(file: Path, table: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(_TABLE.format(table))
        with closing(connection.execute(f"select sum(length(content)) from {table}")):  # noqa: S608 - our own word
            return connection
    except sqlite3.DatabaseError:
        connection.close()
        raise
