"""Legal holds, who left the service, and what each purge did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage.database import put
from central.storage.desk_tables import chores
from central.storage.privacy_tables import departures, legal_holds, purges
from central.storage.tables import homes, residents

HOLDS_SHOWN: Final = 200
PURGES_SHOWN: Final = 30
"""A month of nights."""


class Held(NamedTuple):
    """What no purge touches: all of these homes, and these cases."""

    homes: frozenset[str] = frozenset()
    cases: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: on all of a person and their home, or on one case (`case_id` not 0). `person` is their name."""

    id: int
    home_id: str
    resident_id: str
    case_id: int
    reason: str
    placed_at: float
    placed_by: str
    until_at: float | None
    lifted_at: float | None
    lifted_by: str
    person: str = ""

    def holds(self, now: float) -> bool:
        """Whether it still does."""
        return self.lifted_at is None and (self.until_at is None or self.until_at > now)


class Person(NamedTuple):
    """Somebody on record."""

    id: str
    full_name: str
    address: str


@dataclass(frozen=True, slots=True)
class Departure:
    """Who left the service, and when."""

    resident_id: str
    home_id: str
    left_at: float
    noted_by: str
    person: str


@dataclass(frozen=True, slots=True)
class Purge:
    """What one purge did: class -> {"before_at", "purged", "held"}."""

    id: int
    at: float
    done_at: float | None
    body: dict[str, dict[str, float]]


def place(
    conn: sa.Connection,
    *,
    home_id: str,
    resident_id: str = "",
    case_id: int = 0,
    reason: str,
    until_at: float | None,
    now: float,
    by: str,
) -> int:
    """A new legal hold; its number."""
    values = {"home_id": home_id, "resident_id": resident_id, "case_id": case_id, "reason": reason}
    values |= {"until_at": until_at, "placed_at": now, "placed_by": by}
    return int(conn.execute(sa.insert(legal_holds).values(values).returning(legal_holds.c.id)).scalar_one())


def lift(conn: sa.Connection, hold_id: int, now: float, by: str) -> bool:
    """Ends a hold; false when it was lifted before."""
    standing = sa.and_(legal_holds.c.id == hold_id, legal_holds.c.lifted_at.is_(None))
    return conn.execute(sa.update(legal_holds).where(standing).values(lifted_at=now, lifted_by=by)).rowcount == 1


def find(conn: sa.Connection, hold_id: int) -> Hold | None:
    """A hold by its number."""
    return next(iter(_holds(conn, legal_holds.c.id == hold_id)), None)


def listed(conn: sa.Connection, within: sa.ColumnElement[bool] | None) -> list[Hold]:
    """The holds on homes within a reach (None: on all), the newest first."""
    return _holds(conn, sa.true() if within is None else legal_holds.c.home_id.in_(sa.select(homes.c.id).where(within)))


def held(conn: sa.Connection, now: float) -> Held:
    """What is held now."""
    standing = legal_holds.c.lifted_at.is_(None) & (legal_holds.c.until_at.is_(None) | (legal_holds.c.until_at > now))
    rows = conn.execute(sa.select(legal_holds.c.home_id, legal_holds.c.case_id).where(standing)).all()
    return Held(
        frozenset(row.home_id for row in rows if not row.case_id), frozenset(row.case_id for row in rows if row.case_id)
    )


def note_departure(conn: sa.Connection, resident_id: str, home_id: str, left_at: float, now: float, by: str) -> None:
    """Writes that somebody has left the service, or another day than before."""
    values = {"resident_id": resident_id, "home_id": home_id, "left_at": left_at, "noted_at": now, "noted_by": by}
    put(conn, departures, values)


def take_back_departure(conn: sa.Connection, resident_id: str) -> bool:
    """They are still, or again, in the service; false when nothing else was said."""
    return conn.execute(sa.delete(departures).where(departures.c.resident_id == resident_id)).rowcount == 1


def departed(conn: sa.Connection, within: sa.ColumnElement[bool] | None) -> list[Departure]:
    """Who has left and whose file is still here, of the homes within a reach; who left first stands first."""
    query = (
        sa.select(
            departures.c.resident_id,
            departures.c.home_id,
            departures.c.left_at,
            departures.c.noted_by,
            residents.c.full_name.label("person"),
        )
        .join(residents, residents.c.id == departures.c.resident_id)
        .join(homes, homes.c.id == departures.c.home_id)
        .order_by(departures.c.left_at, departures.c.resident_id)
    )
    if within is not None:
        query = query.where(within)
    return [Departure(**row) for row in conn.execute(query.limit(HOLDS_SHOWN)).mappings()]


def people_at(
    conn: sa.Connection, about: sa.ColumnElement[bool], within: sa.ColumnElement[bool] | None, limit: int
) -> list[Person]:
    """Who lives in the homes that a condition means, within a reach."""
    query = sa.select(residents.c.id, residents.c.full_name, homes.c.address).join(homes).where(about)
    if within is not None:
        query = query.where(within)
    return [Person(*row) for row in conn.execute(query.order_by(residents.c.full_name, residents.c.id).limit(limit))]


def next_purge_at(conn: sa.Connection, chore: str) -> float | None:
    """When the next purge is due; None while none has been asked for."""
    return conn.execute(sa.select(chores.c.due_at).where(chores.c.name == chore)).scalar()


def begin_purge(conn: sa.Connection, now: float) -> int:
    """The report of a purge begins; its number."""
    return int(conn.execute(sa.insert(purges).values(at=now, body={}).returning(purges.c.id)).scalar_one())


def report(conn: sa.Connection, purge_id: int, body: dict[str, Any], done_at: float | None = None) -> None:
    """Writes what a purge did so far."""
    conn.execute(sa.update(purges).where(purges.c.id == purge_id).values(body=body, done_at=done_at))


def purges_done(conn: sa.Connection, limit: int = PURGES_SHOWN) -> list[Purge]:
    """The latest purges, the newest first."""
    rows: Iterable[sa.RowMapping] = conn.execute(sa.select(purges).order_by(purges.c.id.desc()).limit(limit)).mappings()
    return [Purge(**row) for row in rows]


def _holds(conn: sa.Connection, where: sa.ColumnElement[bool]) -> list[Hold]:
    query = (
        sa.select(*legal_holds.c, sa.func.coalesce(residents.c.full_name, "").label("person"))
        .outerjoin(residents, residents.c.id == legal_holds.c.resident_id)
        .where(where)
        .order_by(legal_holds.c.lifted_at.is_not(None), legal_holds.c.id.desc())
        .limit(HOLDS_SHOWN)
    )
    return [Hold(**row) for row in conn.execute(query).mappings()]
