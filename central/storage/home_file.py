"""A home's file as its page reads it: the home itself, its cases, the versions of its care plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage.desk_tables import care_plans
from central.storage.tables import case_events, cases, homes, hubs

_MARKS: Final = {1: "P1", 2: "P2", 3: "P3", 4: "T", 5: "TEST"}


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


def home_of(connection: sa.Connection, home_id: str) -> HomeOnFile | None:
    """The home, None when there is none of that id."""
    query = (
        sa.select(homes, sa.func.coalesce(hubs.c.id, "").label("hub"))
        .outerjoin(hubs, hubs.c.home_id == homes.c.id)
        .where(homes.c.id == home_id)
    )
    row = connection.execute(query).mappings().first()
    return HomeOnFile(**{name: row[name] for name in HomeOnFile.__slots__}) if row else None


def cases_of(connection: sa.Connection, home_id: str, limit: int) -> list[CaseLine]:
    """The latest cases of a home, open ones too, newest first."""
    query = (
        sa.select(cases, case_events.c.body)
        .outerjoin(case_events, (case_events.c.case_id == cases.c.id) & (case_events.c.position == cases.c.version))
        .where(cases.c.home_id == home_id)
        .order_by(cases.c.opened_at.desc())
        .limit(limit)
    )
    return [_line(row) for row in connection.execute(query).mappings()]


def plan_versions(connection: sa.Connection, home_id: str) -> list[PlanVersion]:
    """Every version of every care plan of a home, newest first."""
    columns = [care_plans.c[name] for name in PlanVersion._fields]
    query = sa.select(*columns).where(care_plans.c.home_id == home_id).order_by(care_plans.c.id.desc())
    return [PlanVersion(*row) for row in connection.execute(query)]


def municipalities(connection: sa.Connection) -> list[str]:
    """The municipalities that homes lie in."""
    query = sa.select(homes.c.municipality).where(homes.c.municipality != "").distinct()
    return sorted(connection.execute(query).scalars())


def _line(row: sa.RowMapping) -> CaseLine:
    closed = row["state"] == "closed"
    body = (row["body"] or {}) if closed else {}
    return CaseLine(
        row["id"],
        _MARKS[row["priority"]],
        row["kind"],
        row["place"],
        row["opened_at"],
        row["closed_at"] if closed else None,
        body.get("cause", ""),
        body.get("outcome", ""),
        body.get("label", ""),
        body.get("text", ""),
    )
