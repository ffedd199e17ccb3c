"""When residents are away, and until when they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from central.storage.office_tables import absences
from central.storage.tables import residents

SHOWN_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Absence:
    """A time away; `ended_at` when they were back before its end, or it was called off."""

    id: int
    resident_id: str
    from_at: float
    until_at: float
    reason: str
    note: str
    announced_by: str
    announced_at: float
    ended_at: float | None
    ended_by: str


def of_resident(connection: sa.Connection, resident_id: str) -> list[Absence]:
    """The latest absences of somebody, those to come first."""
    query = (
        sa.select(absences)
        .where(absences.c.resident_id == resident_id)
        .order_by(absences.c.from_at.desc(), absences.c.id.desc())
        .limit(SHOWN_MAX)
    )
    return [Absence(**row) for row in connection.execute(query).mappings()]


def find(connection: sa.Connection, resident_id: str, absence_id: int) -> Absence | None:
    """One absence of somebody."""
    mine = sa.and_(absences.c.id == absence_id, absences.c.resident_id == resident_id)
    row = connection.execute(sa.select(absences).where(mine)).mappings().first()
    return Absence(**row) if row else None


def overlapping(connection: sa.Connection, resident_id: str, from_at: float, until_at: float) -> Absence | None:
    """An absence that stands and shares time with this one."""
    query = sa.select(absences).where(
        absences.c.resident_id == resident_id,
        absences.c.ended_at.is_(None),
        absences.c.from_at < until_at,
        absences.c.until_at > from_at,
    )
    row = connection.execute(query.limit(1)).mappings().first()
    return Absence(**row) if row else None


def announce(
    connection: sa.Connection,
    resident_id: str,
    *,
    from_at: float,
    until_at: float,
    reason: str,
    note: str,
    now: float,
    by: str,
) -> int:
    """Writes an absence; its number."""
    values = {"resident_id": resident_id, "from_at": from_at, "until_at": until_at, "reason": reason, "note": note}
    made = sa.insert(absences).values(**values, announced_at=now, announced_by=by).returning(absences.c.id)
    number = int(connection.execute(made).scalar_one())
    refresh(connection, resident_id, now)
    return number


def end(connection: sa.Connection, absence: Absence, now: float, by: str) -> bool:
    """Ends an absence before its time; false when somebody else had done so."""
    open_ = sa.and_(absences.c.id == absence.id, absences.c.ended_at.is_(None))
    done = connection.execute(sa.update(absences).where(open_).values(ended_at=now, ended_by=by)).rowcount == 1
    refresh(connection, absence.resident_id, now)
    return done


def refresh(connection: sa.Connection, resident_id: str, now: float) -> None:
    """Writes until when somebody is away now; nothing while no absence of theirs was ever written here."""
    known = of_resident(connection, resident_id)
    if not known:
        return
    begun = [one for one in known if one.from_at <= now and (one.ended_at is None or one.ended_at > one.from_at)]
    # when they have come back, it stays written when that was: detection counts from there
    ends = [one.until_at if one.ended_at is None else min(one.until_at, one.ended_at) for one in begun]
    until_at = max(ends, default=None)
    connection.execute(sa.update(residents).where(residents.c.id == resident_id).values(away_until_at=until_at))


def begin_due(connection: sa.Connection, since_at: float, now: float) -> None:
    """Writes those absences that have begun since then."""
    query = sa.select(absences.c.resident_id).where(
        absences.c.from_at > since_at, absences.c.from_at <= now, absences.c.ended_at.is_(None)
    )
    for resident_id in connection.execute(query.distinct()).scalars().all():
        refresh(connection, resident_id, now)
