"""The SQLite files of the embedded store: their tables, and how they are opened, written and deleted."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

WAL_PAGES_MAX: Final = 8_000
"""Pages of 4 KiB written ahead before they are moved into the file (32 MB): a page written often is moved once."""
CACHE_KIB: Final = 32_768
"""Page cache of a day file: holds the pages that 10,000 homes are writing to."""
BUSY_WAIT_S: Final = 5.0

SERIES_TABLE: Final = """
create table if not exists series (
    id integer primary key, home text not null, device text not null, kind text not null, unique (home, device, kind)
)"""
DAY_TABLE: Final = """
create table if not exists readings (
    series integer not null, at integer not null, value real not null, primary key (series, at)
) without rowid"""
STEPS_TABLE: Final = """
create table if not exists steps (
    series integer not null, at integer not null, count integer not null,
    mean real not null, lowest real not null, highest real not null, primary key (series, at)
) without rowid"""


def open_file(path: Path, table: str) -> sqlite3.Connection:
    """Opens a file for writing, with `table` in it. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute(f"pragma wal_autocheckpoint = {WAL_PAGES_MAX}")
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        connection.execute(table)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_steps(path: Path) -> sqlite3.Connection:
    """Opens a condensed day. Written seldom, so without a log beside it."""
    connection = sqlite3.connect(path, timeout=BUSY_WAIT_S, isolation_level=None)
    connection.execute("pragma synchronous = full")
    connection.execute(STEPS_TABLE)
    return connection


def open_day(path: Path) -> sqlite3.Connection:
    """Opens a day for writing. A file that is no longer a database is put aside as `.bad`, so that writing goes on."""
    try:
        return open_file(path, DAY_TABLE)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        put_aside(path)
        return open_file(path, DAY_TABLE)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is no longer a sound database: trying again will not help."""
    code = getattr(error, "sqlite_errorcode", 0)
    # the low byte is the kind, what is above it the details
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def put_aside(path: Path) -> None:
    """Renames a damaged file to `.bad`."""
    aside = path.with_name(path.name + ".bad")
    logger.error("%s is damaged: put aside as %s, a new file is begun", path.name, aside.name)
    path.replace(aside)
    delete_file(path)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits at the end of the block; rolls back on any exception."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("rollback")
        raise


def delete_file(path: Path) -> None:
    """Deletes a database and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
