"""Who changed what on record, and the version that an editor must have seen: nobody overwrites another unseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage.homes import lock_home
from central.storage.office_tables import record_changes

SHOWN_MAX: Final = 200
"""Changes of a file shown on one page."""


class Change(NamedTuple):
    """One change: `fields` is the field's name -> (before, after). `by` is an account's id, or "register", "desk"."""

    subject: str
    version: int
    at: float
    by: str
    fields: dict[str, tuple[Any, Any]]


class ChangedMeanwhileError(Exception):
    """Somebody else has changed it since the editor looked: `changes` says what, oldest first; nothing was stored."""

    def __init__(self, version: int, changes: list[Change]) -> None:
        super().__init__("changed meanwhile")
        self.version = version
        self.changes = changes


def version_of(connection: sa.Connection, subject: str) -> int:
    """The newest version of what is on record; 0 for what was never changed here."""
    query = sa.select(sa.func.max(record_changes.c.version)).where(record_changes.c.subject == subject)
    return connection.execute(query).scalar() or 0


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields that change, each with what it was and what it becomes."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def note(
    connection: sa.Connection,
    subject: str,
    home_id: str,
    seen: int,
    fields: Mapping[str, tuple[Any, Any]],
    now: float,
    by: str,
) -> int:
    """Writes that something on record changes; its version afterwards, the same as before when nothing does.

    Raises:
        ChangedMeanwhileError: the editor had seen an older version than `seen` says is there.
    """
    lock_home(connection, home_id)
    version = version_of(connection, subject)
    if version != seen:
        raise ChangedMeanwhileError(version, changes_since(connection, subject, seen))
    if not fields:
        return version
    values = {"subject": subject, "version": version + 1, "home_id": home_id, "at": now, "by": by[:40]}
    connection.execute(sa.insert(record_changes).values(**values, changes={k: list(v) for k, v in fields.items()}))
    return version + 1


def changes_since(connection: sa.Connection, subject: str, version: int) -> list[Change]:
    """What was changed after a version, oldest first."""
    query = (
        sa.select(record_changes)
        .where(record_changes.c.subject == subject, record_changes.c.version > version)
        .order_by(record_changes.c.version)
    )
    return [_change(row) for row in connection.execute(query)]


def changes_of(connection: sa.Connection, home_id: str, limit: int = SHOWN_MAX) -> list[Change]:
    """The latest changes to all that is on record of a home, newest first."""
    query = (
        sa.select(record_changes)
        .where(record_changes.c.home_id == home_id)
        .order_by(record_changes.c.at.desc(), record_changes.c.subject, record_changes.c.version.desc())
        .limit(limit)
    )
    return [_change(row) for row in connection.execute(query)]


def _change(row: sa.Row[Any]) -> Change:
    fields = {name: (pair[0], pair[1]) for name, pair in row.changes.items()}
    return Change(row.subject, row.version, row.at, row.by, fields)
