"""A home's file as its page reads it: the home itself, its cases, the versions of its care plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from central.alarm_cases.priority import MARKS
from central.storage.desk_tables import care_plans
from central.storage.tables import case_events, cases, homes, hubs

_Home = TypeVar("_Home")


@dataclass(frozen=True, slots=True)
class HomeOnFile:
    """A home's own facts; `hub` is "" when none stands there."""

    id: str
    address: str
    district: str
    municipality: str
    timezone: str
    language: str
    access_notes: str
    phone: str
    provider: str
    care_plan: dict[str, Any]
    hub: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a line; codes as in `central.alarm_cases.closing`, "" while it is open."""

    id: int
    mark: str
    kind: str
    place: str
    opened_at: float
    closed_at: float | None
    cause: str
    outcome: str
    label: str
    note: str


class PlanVersion(NamedTuple):
    """A version of a care plan: from when it holds, and who wrote it when."""

    kind: str
    resident_id: str
    version: int
    from_at: float
    made_at: float
    made_by: str


def home_as(connection: sa.Connection, home_id: str, kind: type[_Home]) -> _Home | None:
    """A home as a class with slots of these names tells it; None when there is none of that id."""
    query = (
        sa.select(homes, sa.func.coalesce(hubs.c.id, "").label("hub"))
        .outerjoin(hubs, hubs.c.home_id == homes.c.id)
        .where(homes.c.id == home_id)
    )
    row = connection.execute(query).mappings().first()
    return kind(**{name: row[name] for name in kind.__slots__}) if row else None  # type: ignore[attr-defined]


def home_of(connection: sa.Connection, home_id: str) -> HomeOnFile | None:
    """The home, None when there is none of that id."""
    return home_as(connection, home_id, HomeOnFile)


def latest(
    connection: sa.Connection, home_id: str, limit: int, *only: sa.ColumnElement[bool]
) -> Sequence[sa.RowMapping]:
    """The latest cases of a home, newest first, each with the `body` of its last event: of a closed one, how it ended,
    also where it was opened again and closed twice."""
    query = (
        sa.select(cases, case_events.c.body)
        .outerjoin(case_events, (case_events.c.case_id == cases.c.id) & (case_events.c.position == cases.c.version))
        .where(cases.c.home_id == home_id, *only)
        .order_by(cases.c.opened_at.desc())
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def cases_of(connection: sa.Connection, home_id: str, limit: int) -> list[CaseLine]:
    """The latest cases of a home, open ones too, newest first."""
    return [_line(row) for row in latest(connection, home_id, limit)]


def plan_versions(connection: sa.Connection, home_id: str) -> list[PlanVersion]:
    """Every version of every care plan of a home, newest first."""
    columns = [care_plans.c[name] for name in PlanVersion._fields]
    query = sa.select(*columns).where(care_plans.c.home_id == home_id).order_by(care_plans.c.id.desc())
    return [PlanVersion(*row) for row in connection.execute(query)]


def _line(row: sa.RowMapping) -> CaseLine:
    closed = row["state"] == "closed"
    body = (row["body"] or {}) if closed else {}
    return CaseLine(
        row["id"],
        MARKS[row["priority"]],
        row["kind"],
        row["place"],
        row["opened_at"],
        row["closed_at"] if closed else None,
        body.get("cause", ""),
        body.get("outcome", ""),
        body.get("label", ""),
        body.get("text", ""),
    )
