"""Input that was refused by value, counted for the health page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from central.storage.tables import refusals


class Refusal(NamedTuple):
    """Refusals of one reason from one source: how often, when last, and a technician's sentence about that one."""

    times: int
    last_at: float
    detail: str


def add_refusals(connection: sa.Connection, counted: Mapping[tuple[str, str], Refusal]) -> None:
    """Adds to the counts of (source, reason)."""
    for (source, reason), more in counted.items():
        values = {"last_at": more.last_at, "last_detail": more.detail}
        key = sa.and_(refusals.c.source == source, refusals.c.reason == reason)
        changed = sa.update(refusals).where(key).values(count=refusals.c.count + more.times, **values)
        if connection.execute(changed).rowcount == 0:
            connection.execute(sa.insert(refusals).values(source=source, reason=reason, count=more.times, **values))


def refusals_by_reason(connection: sa.Connection) -> dict[tuple[str, str], Refusal]:
    """All counts by (source, reason)."""
    columns = refusals.c
    rows = connection.execute(
        sa.select(columns.source, columns.reason, columns.count, columns.last_at, columns.last_detail)
    )
    return {(row.source, row.reason): Refusal(row[2], row.last_at, row.last_detail) for row in rows}
