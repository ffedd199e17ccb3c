"""Tests of a home's path and what they proved."""

from __future__ import annotations

from typing import Final, NamedTuple

import sqlalchemy as sa

from central.alarm_cases.drills import Drill, drill_of
from central.alarm_cases.priority import Priority
from central.storage.cases import events_of
from central.storage.tables import cases

LATEST: Final = 20
"""Tests of a home that are looked through for one that proved the path."""


class DrillLine(NamedTuple):
    """One test of a home, and what it proved."""

    case_id: int
    opened_at: float
    drill: Drill


def drills_of(connection: sa.Connection, home_id: str, limit: int = LATEST) -> list[DrillLine]:
    """The latest tests of a home, newest first."""
    query = (
        sa.select(cases.c.id, cases.c.opened_at)
        .where(cases.c.home_id == home_id, cases.c.priority == int(Priority.TEST))
        .order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        .limit(limit)
    )
    lines = []
    for row in connection.execute(query).all():
        drill = drill_of(events_of(connection, row.id), Priority.TEST)
        assert drill is not None
        lines.append(DrillLine(row.id, row.opened_at, drill))
    return lines


def last_proven_at(connection: sa.Connection, home_id: str) -> float | None:
    """When a home's path was last proven, from its press to a person who answered; None when never."""
    proven = (line.drill.proven_at for line in drills_of(connection, home_id))
    return max((at for at in proven if at is not None), default=None)
