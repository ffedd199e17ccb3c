"""What is known of somebody's health that changes what to do: each with its source and how long it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from central.storage.office_tables import conditions
from central.storage.tables import residents

ADOPTED: Final = "register"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `since` and `valid_until` are ISO dates, "" for not said."""

    id: int
    resident_id: str
    text: str
    source: str
    since: str
    valid_until: str
    written_by: str
    written_at: float
    ended_at: float | None
    ended_by: str

    def holds(self, today: str) -> bool:
        """Whether it is to be reckoned with on this day."""
        return self.ended_at is None and (not self.valid_until or self.valid_until >= today)


def of_resident(connection: sa.Connection, resident_id: str) -> list[Condition]:
    """All conditions of somebody, the newest first, those that have ended too."""
    query = sa.select(conditions).where(conditions.c.resident_id == resident_id).order_by(conditions.c.id.desc())
    return [Condition(**row) for row in connection.execute(query).mappings()]


def find(connection: sa.Connection, resident_id: str, condition_id: int) -> Condition | None:
    """One condition of somebody."""
    row = connection.execute(
        sa.select(conditions).where(conditions.c.id == condition_id, conditions.c.resident_id == resident_id)
    )
    found = row.mappings().first()
    return Condition(**found) if found else None


def adopt(connection: sa.Connection, resident_id: str, now: float) -> None:
    """Makes a condition of a text that stood in the register, so that it is not lost when others are written."""
    text = connection.execute(sa.select(residents.c.conditions).where(residents.c.id == resident_id)).scalar() or ""
    if text and not of_resident(connection, resident_id):
        add(connection, resident_id, {"text": text[:500]}, now, ADOPTED)


def add(connection: sa.Connection, resident_id: str, values: dict[str, Any], now: float, by: str) -> int:
    """Writes a condition; its number."""
    row = {"resident_id": resident_id, **values, "written_by": by, "written_at": now}
    made = connection.execute(sa.insert(conditions).values(row).returning(conditions.c.id))
    return int(made.scalar_one())


def change(connection: sa.Connection, condition_id: int, **values: Any) -> None:
    """Sets columns of a condition."""
    connection.execute(sa.update(conditions).where(conditions.c.id == condition_id).values(**values))


def refresh(connection: sa.Connection, resident_id: str, today: date) -> None:
    """Writes the text that operators read at an alarm anew, of what holds today."""
    holding = [one.text for one in reversed(of_resident(connection, resident_id)) if one.holds(today.isoformat())]
    text = "\n".join(holding)
    connection.execute(sa.update(residents).where(residents.c.id == resident_id).values(conditions=text))


def refresh_expired(connection: sa.Connection, today: date) -> None:
    """Takes out of these texts what ran out yesterday or the week before."""
    query = sa.select(conditions.c.resident_id).where(
        conditions.c.valid_until != "",
        conditions.c.valid_until < today.isoformat(),
        conditions.c.valid_until >= date.fromordinal(today.toordinal() - 7).isoformat(),
    )
    for resident_id in connection.execute(query.distinct()).scalars().all():
        refresh(connection, resident_id, today)
