"""Opens the outbox's file: makes it, checks it, moves a damaged one aside and rescues the calls that wait in it."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import Final

from edge.outbox import Outbox
from edge.outbox_wal import commits, lost_commits
from edge.sms_ledger import CREATE_SMS

log = logging.getLogger(__name__)

FILE_NAME: Final = "outbox.sqlite"
LOCK_NAME: Final = "agent.lock"
LOCK_WAIT_S: Final = 3.0
"""An agent that is just being stopped may take this long to let go."""
LOCK_LOOK_S: Final = 0.05
MEMORY_READINGS_MAX: Final = 20_000
"""Readings kept where there is no disk: half a day of a home, in a few megabytes."""
MEMORY_PACKS_FROM: Final = 1 << 30
"""Packs of an outbox in memory are numbered from here, so that no receipt for one is taken for one on disk."""
ROOM_NEEDED_BYTES: Final = 1 << 18
"""A disk with less room than this fails again within minutes."""
TRIAL_NAME: Final = "room.trial"
BUSY_WAIT_S: Final = 5.0
"""Somebody else who writes in the file for longer than this has taken it from us."""

_VERSION: Final = 2
_CREATE: Final = """
BEGIN IMMEDIATE;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alarm (
  seq INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, boot TEXT NOT NULL, monotonic REAL NOT NULL, wall REAL NOT NULL,
  trusted INTEGER NOT NULL, body BLOB NOT NULL, received INTEGER NOT NULL DEFAULT 0, answer BLOB);
CREATE TABLE reading (
  id INTEGER PRIMARY KEY AUTOINCREMENT, boot TEXT NOT NULL, monotonic REAL NOT NULL, trusted INTEGER NOT NULL,
  pack INTEGER, body BLOB NOT NULL);
CREATE INDEX reading_by_pack ON reading (pack, id);
CREATE TABLE mark (device TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('alarm', 0), ('pack', 0), ('pruned', 0);
"""
_ADDED_BY_2: Final = CREATE_SMS + "PRAGMA user_version = 2;"


class AlreadyRunningError(Exception):
    """Another agent works in the same folder; says where."""


def lock_folder(folder: Path, wait_s: float = LOCK_WAIT_S) -> AbstractContextManager[object]:
    """Keeps a second agent out: two would send each other's alarms and count the same presses twice.

    A folder that cannot be locked at all, on a broken disk, does not keep the hub from calling for help.

    Returns:
        The lock; it is let go at the end of its `with` block.

    Raises:
        AlreadyRunningError: it is locked for longer than `wait_s`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_NAME).open("ab")
    except OSError as error:
        log.warning("%s cannot be locked: %s", folder, error)
        return nullcontext()
    try:
        _await_lock(lock.fileno(), folder, wait_s)
    except BaseException:
        lock.close()
        raise
    return lock


def _await_lock(file: int, folder: Path, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise AlreadyRunningError(
                    f"another agent already works in {folder}: stop it, or give this one a folder of its own"
                ) from None
            time.sleep(LOCK_LOOK_S)
        except OSError as error:
            log.warning("%s cannot be locked: %s", folder, error)
            return
        else:
            return


def open_outbox(folder: Path, new_epoch: str, readings_max: int) -> tuple[Outbox, list[str]]:
    """Opens the outbox, and never fails: a hub with a broken disk must still call for help.

    Args:
        folder: made when it is not there.
        new_epoch: names the run of numbers if the file has to be made anew; 1 to 8 lower-case letters and digits.
        readings_max: readings kept while there is no line; the oldest go first.

    Returns:
        The outbox, and a sentence for each thing that is wrong: a damaged file that was moved aside, or a disk that
        cannot be written, in which case the outbox lives in memory and is not `durable`.
    """
    path = unusable = folder / FILE_NAME
    faults: list[str] = []
    for _ in range(2):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            before = commits(path.with_name(FILE_NAME + "-wal"))
            db, frames = _connect(str(path), new_epoch)
            outbox = Outbox(db, readings_max, durable=True)
            if lost := lost_commits(before, frames):
                outbox.begin_epoch(new_epoch)
                faults.append(f"outbox: the last {lost} commits in {path} were damaged and are lost")
                return outbox, faults
            return (_rescued(outbox, unusable) if faults else outbox), faults
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and not _is_damage(error):
                faults.append(f"outbox: cannot write {path}: {error}; alarms are kept in memory only")
                break
            faults.append(f"outbox: {path} was damaged ({error}) and moved aside; a new one was begun")
            aside = _move_aside(path)
            unusable = aside or path
            if aside is None:
                faults.append(f"outbox: {path} cannot be moved; alarms are kept in memory only")
                break
        except OSError as error:
            faults.append(f"outbox: cannot use {folder}: {error.strerror}; alarms are kept in memory only")
            break
    return _rescued(memory_outbox(new_epoch, readings_max), unusable), faults


def _rescued(outbox: Outbox, unusable: Path) -> Outbox:
    if not unusable.exists():
        return outbox
    # a disk that takes nothing at all lets SQLite read only what it is told will not change
    for how in ("mode=ro", "immutable=1"):
        try:
            with closing(sqlite3.connect(f"{unusable.absolute().as_uri()}?{how}", uri=True)) as before:
                outbox.take_over(before)
                break
        except sqlite3.Error as error:
            log.warning("not all that waits in %s could be read: %s", unusable, error)
    return outbox


def memory_outbox(new_epoch: str, readings_max: int) -> Outbox:
    """An outbox that does not outlive the process, for when there is no disk to be had."""
    box = Outbox(_connect(":memory:", new_epoch)[0], min(readings_max, MEMORY_READINGS_MAX), durable=False)
    box.number_packs_from(MEMORY_PACKS_FROM)
    return box


def has_room(folder: Path) -> bool:
    """Whether the disk takes and keeps `ROOM_NEEDED_BYTES` now."""
    trial = folder / TRIAL_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with trial.open("wb") as file:
            file.write(bytes(ROOM_NEEDED_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    finally:
        with suppress(OSError):
            trial.unlink()
    return True


def return_to_disk(folder: Path, memory: Outbox, new_epoch: str, readings_max: int) -> Outbox | None:
    """The outbox on disk again, with all that `memory` holds; None when the disk still does not take it."""
    if not has_room(folder):
        return None
    box, _ = open_outbox(folder, new_epoch, readings_max)
    try:
        if box.durable:
            box.adopt(memory)
            return box
    except sqlite3.Error as error:
        log.warning("the disk still does not take the outbox: %s", error)
    box.close()
    return None


def devices_heard(folder: Path) -> frozenset[str]:
    """The devices that this hub has ever heard, read beside a running agent; empty when there is no outbox to read."""
    try:
        with closing(sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)) as db:
            return frozenset(row[0] for row in db.execute("SELECT device FROM mark"))
    except sqlite3.Error:
        return frozenset()


def _connect(path: str, new_epoch: str) -> tuple[sqlite3.Connection, int]:
    """The open file, and how many frames of its log were taken; -1 when it had none."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_WAIT_S)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        frames = int(db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
        _check_or_create(db, new_epoch)
        db.execute("BEGIN IMMEDIATE")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db, frames


def _check_or_create(db: sqlite3.Connection, new_epoch: str) -> None:
    verdict = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict.splitlines()[0])
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        db.executescript(_CREATE + _ADDED_BY_2)
        db.execute("INSERT INTO meta VALUES ('epoch', ?)", (new_epoch,))
        db.execute("COMMIT")
    elif version == 1:
        db.executescript("BEGIN IMMEDIATE;" + _ADDED_BY_2 + "COMMIT;")
    elif version != _VERSION:
        raise sqlite3.DatabaseError(f"format {version} is not known here")
    if db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone() is None:
        raise sqlite3.DatabaseError("it has no epoch")


def _is_damage(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, 1}


def _move_aside(path: Path) -> Path | None:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
        path.rename(aside)
    except OSError:
        log.exception("cannot move %s aside", path)
        return None
    return aside
