"""Tests of a home's path and what they proved."""

from __future__ import annotations

from itertools import groupby
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa

from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.alarm_cases.drills import Drill, drill_of
from central.alarm_cases.drills import devices_proven as proven_by
from central.alarm_cases.priority import Priority
from central.storage.cases import events_of
from central.storage.tables import alarms, case_events, cases

LATEST: Final = 20
"""Tests of a home that are looked through for one that proved the path."""

CASES_LATEST: Final = 100
"""Cases of a home in whose alarms it is looked for when each device was last proven: years, in most homes."""


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


def devices_proven(connection: sa.Connection, home_id: str) -> dict[str, float]:
    """Device -> when an alarm of it last reached a person who answered, by the latest cases with alarms of the home."""
    latest = (
        sa.select(cases.c.id)
        .where(cases.c.home_id == home_id, sa.exists().where(alarms.c.case_id == cases.c.id))
        .order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        .limit(CASES_LATEST)
    )
    told = (EventType.OPENED, EventType.JOINED, EventType.TAKEN, EventType.CLOSED)
    query = (
        sa.select(cases.c.id, cases.c.priority, case_events.c.at, case_events.c.type, case_events.c.body)
        .join(case_events, case_events.c.case_id == cases.c.id)
        .where(cases.c.id.in_(latest.subquery().select()), case_events.c.type.in_([one.value for one in told]))
        .order_by(cases.c.opened_at, cases.c.id, case_events.c.position)
    )
    found: dict[str, float] = {}
    for (_, priority), rows in groupby(connection.execute(query), key=lambda row: (row.id, row.priority)):
        log = [CaseEvent(EventType(row.type), row.at, "", msgspec.convert(row.body, Facts)) for row in rows]
        found |= proven_by(log, Priority(priority))
    return found


def last_proven_at(connection: sa.Connection, home_id: str) -> float | None:
    """When a home's path was last proven, from its press to a person who answered; None when never."""
    proven = (line.drill.proven_at for line in drills_of(connection, home_id))
    return max((at for at in proven if at is not None), default=None)
