"""Incidents, the silent homes that may belong to one, the people behind them, and chores of the desk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from central.alarm_cases.incidents import BROKER, EVERYWHERE, WITHIN_S, AtRisk, OpenIncident, Silence, risk
from central.alarm_cases.priority import Priority
from central.storage.database import insert_new
from central.storage.desk_tables import chores, incidents
from central.storage.tables import cases, homes, residents
from gateway.contract.alarm_kinds import AlarmKind


class IncidentHome(NamedTuple):
    """A home in an incident, with the risk of who lives there."""

    case_id: int
    home_id: str
    address: str
    called: str
    opened_at: float
    state: str
    risk: int


class Incident(NamedTuple):
    """Many silent homes with one cause; those with the people most at risk first."""

    id: int
    cause: str
    opened_at: float
    last_at: float
    homes: list[IncidentHome]


def ungrouped_silences(connection: sa.Connection, now: float, *, none_heard: bool) -> list[Silence]:
    """Open cases of homes that fell silent lately and are under no incident. `none_heard`: not one home is."""
    # either explains all silent homes: which is named first decides what a new incident is called
    widest = (BROKER, EVERYWHERE) if none_heard else (EVERYWHERE, BROKER)
    query = (
        sa.select(cases.c.id, cases.c.home_id, cases.c.opened_at, cases.c.priority, homes.c.district, homes.c.provider)
        .join(homes, homes.c.id == cases.c.home_id)
        .where(
            cases.c.kind == AlarmKind.HUB_SILENT.value,
            cases.c.state != "closed",
            cases.c.incident_id.is_(None),
            cases.c.opened_at >= now - WITHIN_S,
        )
    )
    return [
        Silence(
            row.id, row.home_id, row.opened_at, Priority(row.priority), (*_causes(row.district, row.provider), *widest)
        )
        for row in connection.execute(query)
    ]


def _causes(district: str, provider: str) -> tuple[str, ...]:
    """What a silent home may share with others, the narrowest first; a provider is one however people write it."""
    named = (("area", district), ("provider", provider.casefold()))
    return tuple(f"{sort}:{name}"[:120] for sort, name in named if name)


def going_on(connection: sa.Connection) -> list[OpenIncident]:
    """The incidents that have open cases."""
    has_open = sa.exists().where(cases.c.incident_id == incidents.c.id, cases.c.state != "closed")
    query = sa.select(incidents.c.id, incidents.c.cause, incidents.c.last_at).where(has_open)
    return [OpenIncident(*row) for row in connection.execute(query)]


def add(connection: sa.Connection, cause: str, now: float) -> int:
    """Begins an incident; its number."""
    values = {"cause": cause, "kind": AlarmKind.HUB_SILENT.value, "opened_at": now, "last_at": now}
    return int(connection.execute(sa.insert(incidents).values(values).returning(incidents.c.id)).scalar_one())


def touch(connection: sa.Connection, incident_id: int, now: float) -> None:
    """Writes that another home fell silent from the same cause."""
    connection.execute(sa.update(incidents).where(incidents.c.id == incident_id).values(last_at=now))


def open_incidents(connection: sa.Connection, now: float) -> list[Incident]:
    """For pages: every incident with open cases, the homes with the people most at risk first."""
    found = []
    for going in going_on(connection):
        row = connection.execute(sa.select(incidents).where(incidents.c.id == going.id)).one()
        found.append(Incident(row.id, row.cause, row.opened_at, row.last_at, _homes(connection, going.id, now)))
    return found


def _homes(connection: sa.Connection, incident_id: int, now: float) -> list[IncidentHome]:
    query = (
        sa.select(cases.c.id, cases.c.home_id, homes.c.address, cases.c.opened_at, cases.c.state)
        .join(homes, homes.c.id == cases.c.home_id)
        .where(cases.c.incident_id == incident_id, cases.c.state != "closed")
    )
    rows = connection.execute(query).all()
    behind: dict[str, list[tuple[int, str]]] = {}
    year = datetime.fromtimestamp(now, UTC).year
    for person in connection.execute(
        sa.select(residents).where(residents.c.home_id.in_({row.home_id for row in rows}))
    ):
        poor = person.hearing != "good" or person.speech != "good"
        at_risk = AtRisk(year - person.born, person.flags, person.lives_alone, poor)
        behind.setdefault(person.home_id, []).append((risk(at_risk), person.called))
    lines = []
    for row in rows:
        worst, called = max(behind.get(row.home_id, [(0, "")]))
        lines.append(IncidentHome(row.id, row.home_id, row.address, called, row.opened_at, row.state, worst))
    return sorted(lines, key=lambda line: (-line.risk, line.opened_at, line.case_id))


def chore_due(connection: sa.Connection, name: str, now: float, first_at: float) -> float:
    """When a chore is due; one that is new is due at `first_at`."""
    due_at = connection.execute(sa.select(chores.c.due_at).where(chores.c.name == name)).scalar()
    if due_at is None:
        insert_new(connection, chores, {"name": name, "due_at": first_at})
        return first_at
    return float(due_at)


def claim_chore(connection: sa.Connection, name: str, due_at: float, next_at: float) -> bool:
    """Takes a chore that is due; false when another process was first."""
    statement = sa.update(chores).where(chores.c.name == name, chores.c.due_at == due_at).values(due_at=next_at)
    return connection.execute(statement).rowcount == 1
