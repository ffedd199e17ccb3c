"""Keys of people's homes: where each belongs, where it is, and every way that it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.access_rules import Who
from central.storage.office_tables import house_keys, key_moves
from central.storage.reach import homes_within
from central.storage.tables import contacts, homes

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class HouseKey:
    """A key; `state` is "in_place", "out", "lost" or "retired"; overdue when it is out past `back_by_at`."""

    id: int
    home_id: str
    tag: str
    opens: str
    kept: str
    place: str
    contact_id: str
    state: str
    out_to: str
    out_at: float | None
    back_by_at: float | None
    version: int
    address: str
    holder: str


@dataclass(frozen=True, slots=True)
class KeyMove:
    """One line of a key's log."""

    key_id: int
    position: int
    at: float
    by: str
    what: str
    whom: str
    place: str
    back_by_at: float | None
    note: str


def register(connection: sa.Connection, home_id: str, values: dict[str, Any], now: float, by: str) -> int:
    """Writes a key; its number. Raises IntegrityError when the tag is on another key."""
    made = sa.insert(house_keys).values(home_id=home_id, state="in_place", **values).returning(house_keys.c.id)
    key_id = int(connection.execute(made).scalar_one())
    place = f"{values['kept']} {values.get('place', '')}".strip()
    _log(connection, key_id, now, by, "registered", place=place, whom=values.get("contact_id", ""))
    return key_id


def move(
    connection: sa.Connection,
    key: HouseKey,
    what: str,
    now: float,
    by: str,
    *,
    whom: str = "",
    back_by_at: float | None = None,
    note: str = "",
    **values: Any,
) -> bool:
    """Changes where a key is, and writes it down; false when somebody else moved it since it was read."""
    mine = sa.and_(house_keys.c.id == key.id, house_keys.c.version == key.version)
    change = sa.update(house_keys).where(mine).values(**values, back_by_at=back_by_at, version=key.version + 1)
    if connection.execute(change).rowcount == 0:
        return False
    place = f"{values.get('kept', '')} {values.get('place', '')}".strip()
    _log(connection, key.id, now, by, what, whom=whom, place=place, back_by_at=back_by_at, note=note)
    return True


def find(connection: sa.Connection, home_id: str, key_id: int) -> HouseKey | None:
    """One key of a home."""
    query = _keys().where(house_keys.c.id == key_id, house_keys.c.home_id == home_id)
    row = connection.execute(query).mappings().first()
    return HouseKey(**row) if row else None


def of_home(connection: sa.Connection, home_id: str) -> list[HouseKey]:
    """The keys of a home, those that are out of use last."""
    query = _keys().where(house_keys.c.home_id == home_id).order_by(house_keys.c.state == "retired", house_keys.c.tag)
    return [HouseKey(**row) for row in connection.execute(query).mappings()]


def listed(
    connection: sa.Connection, who: Who, now: float, *, which: str = "", question: str = "", after: str = ""
) -> list[HouseKey]:
    """Keys within somebody's reach, by their tags: all in use, or those that are "out", "overdue" or "lost"."""
    query = _keys().where(house_keys.c.tag > after).order_by(house_keys.c.tag).limit(PAGE + 1)
    columns = house_keys.c
    conditions = {
        "": columns.state != "retired",
        "out": columns.state == "out",
        "overdue": (columns.state == "out") & (columns.back_by_at < now),
        "lost": columns.state == "lost",
    }
    query = query.where(conditions.get(which, columns.state != "retired"))
    if question:
        query = query.where(columns.tag.startswith(question.upper(), autoescape=True))
    within = homes_within(who)
    if within is not None:
        query = query.where(within)
    return [HouseKey(**row) for row in connection.execute(query).mappings()]


def counts(connection: sa.Connection, who: Who, now: float) -> dict[str, int]:
    """How many keys within somebody's reach are in use, out, overdue and lost."""
    state, back = house_keys.c.state, house_keys.c.back_by_at
    each = {
        "all": state != "retired",
        "out": state == "out",
        "overdue": (state == "out") & (back < now),
        "lost": state == "lost",
    }
    sums = [
        sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(name)
        for name, condition in each.items()
    ]
    query = sa.select(*sums).select_from(house_keys)
    within = homes_within(who)
    if within is not None:
        query = query.join(homes, homes.c.id == house_keys.c.home_id).where(within)
    return {name: int(value) for name, value in connection.execute(query).mappings().one().items()}


def log_of(connection: sa.Connection, key_ids: list[int]) -> dict[int, list[KeyMove]]:
    """Key -> its log, newest first."""
    query = sa.select(key_moves).where(key_moves.c.key_id.in_(key_ids)).order_by(key_moves.c.position.desc())
    found: dict[int, list[KeyMove]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["key_id"], []).append(KeyMove(**row))
    return found


def _keys() -> sa.Select[Any]:
    return (
        sa.select(*house_keys.c, homes.c.address, sa.func.coalesce(contacts.c.called, "").label("holder"))
        .join(homes, homes.c.id == house_keys.c.home_id)
        .outerjoin(contacts, contacts.c.id == house_keys.c.contact_id)
    )


def _log(connection: sa.Connection, key_id: int, now: float, by: str, what: str, **values: Any) -> None:
    mine = key_moves.c.key_id == key_id
    last = connection.execute(sa.select(sa.func.max(key_moves.c.position)).where(mine)).scalar() or 0
    row = {"key_id": key_id, "position": last + 1, "at": now, "by": by, "what": what}
    connection.execute(sa.insert(key_moves).values(**row, **values))
