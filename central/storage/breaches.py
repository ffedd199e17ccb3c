"""The register of breaches of personal data, and whose files were read meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.storage.privacy_tables import breaches
from central.storage.tables import audit_log, homes, residents

AUTHORITY_WITHIN_S: Final = 72 * 3_600.0
"""Within this time the authority is told, unless there is no risk to anybody (GDPR Art. 33(1))."""
AFFECTED_MAX: Final = 2_000
"""Persons in one answer; of more than that all are told by other means (GDPR Art. 34(3)(c))."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A breach as it stands; `version` counts its changes."""

    id: int
    version: int
    detected_at: float
    what: str
    data: str
    people: str
    measures: str
    no_risk: str
    authority_at: float | None
    people_at: float | None
    closed_at: float | None
    noted_at: float
    noted_by: str
    changed_at: float
    changed_by: str

    @property
    def due_at(self) -> float:
        """Until when the authority must be told."""
        return self.detected_at + AUTHORITY_WITHIN_S

    def clock(self, now: float) -> str:
        """Where the 72 hours stand: "told", "told_late", "not_needed", "running" or "overdue"."""
        if self.authority_at is not None:
            return "told" if self.authority_at <= self.due_at else "told_late"
        if self.no_risk:
            return "not_needed"
        return "running" if now <= self.due_at else "overdue"


@dataclass(frozen=True, slots=True)
class Affected:
    """A person whose file was opened: how often and when, by how many accounts."""

    resident_id: str
    person: str
    home_id: str
    reads: int
    accounts: int
    first_at: float
    last_at: float


def add(conn: sa.Connection, values: dict[str, Any], now: float, by: str) -> int:
    """A new entry of the register; its number."""
    noted = {"noted_at": now, "noted_by": by, "changed_at": now, "changed_by": by}
    return int(conn.execute(sa.insert(breaches).values(**values, **noted).returning(breaches.c.id)).scalar_one())


def change(conn: sa.Connection, breach_id: int, version: int, values: dict[str, Any], now: float, by: str) -> bool:
    """Writes over the version that its writer has seen; false when there is another one, or no such entry."""
    seen = sa.and_(breaches.c.id == breach_id, breaches.c.version == version)
    values = {**values, "version": version + 1, "changed_at": now, "changed_by": by}
    return conn.execute(sa.update(breaches).where(seen).values(**values)).rowcount == 1


def find(conn: sa.Connection, breach_id: int) -> Breach | None:
    """An entry by its number."""
    row = conn.execute(sa.select(breaches).where(breaches.c.id == breach_id)).mappings().first()
    return None if row is None else Breach(**row)


def listed(conn: sa.Connection) -> list[Breach]:
    """The whole register: what is not closed first, then the newest first."""
    query = sa.select(breaches).order_by(breaches.c.closed_at.is_not(None), breaches.c.detected_at.desc())
    return [Breach(**row) for row in conn.execute(query).mappings()]


def affected(
    conn: sa.Connection,
    *,
    account_id: str = "",
    since_at: float,
    until_at: float,
    within: sa.ColumnElement[bool] | None = None,
) -> list[Affected]:
    """Who may be affected, by the audit log: everybody whose file, or whose home's, was opened in a span, by an account
    ("" for any). Of a home all residents, where the log names none of them. Most opened first."""
    about = audit_log.c.resident_id == ""
    seen = residents.c.id == audit_log.c.resident_id
    whose = (about & (residents.c.home_id == audit_log.c.home_id)) | seen
    query = (
        sa.select(
            residents.c.id.label("resident_id"),
            residents.c.full_name.label("person"),
            residents.c.home_id,
            sa.func.count().label("reads"),
            sa.func.count(audit_log.c.account_id.distinct()).label("accounts"),
            sa.func.min(audit_log.c.at).label("first_at"),
            sa.func.max(audit_log.c.at).label("last_at"),
        )
        .join_from(audit_log, residents, whose)
        .join(homes, homes.c.id == residents.c.home_id)
        .where(audit_log.c.at >= since_at, audit_log.c.at < until_at, audit_log.c.outcome != "refused")
        .group_by(residents.c.id, residents.c.full_name, residents.c.home_id)
        .order_by(sa.func.count().desc(), residents.c.id)
        .limit(AFFECTED_MAX)
    )
    if account_id:
        query = query.where(audit_log.c.account_id == account_id)
    if within is not None:
        query = query.where(within)
    return [Affected(**row) for row in conn.execute(query).mappings()]
