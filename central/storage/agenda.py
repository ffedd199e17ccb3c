"""Calls that are to be made: what asks for them, each call, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from central.access_rules import Who
from central.agenda.rules import Rule, next_after
from central.storage.database import insert_new
from central.storage.office_tables import agenda_calls, agenda_events, agenda_items
from central.storage.reach import homes_within
from central.storage.tables import homes, residents

LIST_MAX: Final = 200
"""Calls on one page."""
OPEN: Final = ("due", "taken")


@dataclass(frozen=True, slots=True)
class Item:
    """What asks for calls. `next_at` is the next one that has no row yet, None when there is none."""

    id: int
    home_id: str
    resident_id: str
    kind: str
    title: str
    rule: Rule
    assigned_to: str
    source: str
    made_by: str
    made_at: float
    ended_at: float | None
    next_at: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with whom it is to and what for. Overdue from `late_at`."""

    id: int
    item_id: int
    home_id: str
    planned_at: float
    due_at: float
    late_at: float
    state: str
    attempts: int
    owner_id: str
    taken_at: float | None
    done_at: float | None
    done_by: str
    outcome: str
    note: str
    version: int
    kind: str
    title: str
    rule: Rule
    assigned_to: str
    source: str
    resident_id: str
    called: str
    address: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class CallEvent:
    """What happened to a call."""

    call_id: int
    position: int
    at: float
    by: str
    what: str
    note: str
    moved_to_at: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls wait: due now, of these overdue, and still to come today."""

    due: int
    overdue: int
    later: int


def add_item(
    connection: sa.Connection,
    home_id: str,
    kind: str,
    rule: Rule,
    *,
    now: float,
    by: str,
    timezone: str,
    resident_id: str = "",
    title: str = "",
    assigned_to: str = "",
    source: str = "",
    from_at: float | None = None,
) -> int:
    """Writes that calls are wanted, from now on or from `from_at`; the item's number."""
    next_at = next_after(rule, now - 1 if from_at is None else from_at, timezone)
    values = {"home_id": home_id, "resident_id": resident_id, "kind": kind, "title": title, "assigned_to": assigned_to}
    values |= {"source": source, "made_by": by, "body": msgspec.to_builtins(rule)}
    made = sa.insert(agenda_items).values(**values, made_at=now, next_at=next_at).returning(agenda_items.c.id)
    return int(connection.execute(made).scalar_one())


def change_item(connection: sa.Connection, item_id: int, **values: Any) -> None:
    """Sets columns of an item."""
    connection.execute(sa.update(agenda_items).where(agenda_items.c.id == item_id).values(**values))


def end_item(connection: sa.Connection, item_id: int, now: float, by: str) -> None:
    """Nothing more is asked for; calls that nobody has begun are called off."""
    change_item(connection, item_id, ended_at=now, ended_by=by, next_at=None)
    open_ = sa.and_(agenda_calls.c.item_id == item_id, agenda_calls.c.state.in_(OPEN))
    for call_id in connection.execute(sa.select(agenda_calls.c.id).where(open_)).scalars().all():
        settle(connection, call_id, state="cancelled", done_at=now, done_by=by)
        add_event(connection, call_id, now, by, "cancelled")


def items_of(connection: sa.Connection, home_id: str) -> list[Item]:
    """What asks for calls to a home, without what has ended."""
    query = sa.select(agenda_items).where(agenda_items.c.home_id == home_id, agenda_items.c.ended_at.is_(None))
    return [_item(row) for row in connection.execute(query.order_by(agenda_items.c.id))]


def item(connection: sa.Connection, home_id: str, item_id: int) -> Item | None:
    """One of them."""
    query = sa.select(agenda_items).where(agenda_items.c.id == item_id, agenda_items.c.home_id == home_id)
    row = connection.execute(query).first()
    return _item(row) if row else None


def item_from(connection: sa.Connection, home_id: str, source: str) -> Item | None:
    """The standing item that something other than a person asked for."""
    return next((one for one in items_of(connection, home_id) if one.source == source), None)


def items_due(connection: sa.Connection, until_at: float, limit: int) -> list[Item]:
    """Items whose next call comes before then and has no row yet."""
    query = sa.select(agenda_items).where(agenda_items.c.next_at <= until_at, agenda_items.c.ended_at.is_(None))
    return [_item(row) for row in connection.execute(query.order_by(agenda_items.c.next_at).limit(limit))]


def add_call(connection: sa.Connection, one: Item, due_at: float) -> bool:
    """Makes the row of a call, once for its time."""
    values = {"item_id": one.id, "home_id": one.home_id, "planned_at": due_at, "due_at": due_at, "state": "due"}
    return insert_new(connection, agenda_calls, values | {"late_at": due_at + one.rule.window_min * 60.0})


def calls(
    connection: sa.Connection,
    who: Who | None,
    *,
    states: Iterable[str],
    from_at: float = 0.0,
    until_at: float,
    home_id: str = "",
    kind: str = "",
    outcome: str = "",
    newest_first: bool = False,
    limit: int = LIST_MAX,
) -> list[Call]:
    """Calls that are due in a time, in that order, within somebody's reach (None: anybody's)."""
    at = agenda_calls.c.due_at
    query = _calls().where(agenda_calls.c.state.in_(list(states)), at >= from_at, at < until_at)
    within = homes_within(who) if who else None
    if within is not None:
        query = query.where(within)
    if home_id:
        query = query.where(agenda_calls.c.home_id == home_id)
    if kind:
        query = query.where(agenda_items.c.kind == kind)
    if outcome:
        query = query.where(agenda_calls.c.outcome == outcome)
    order = (at.desc(), agenda_calls.c.id.desc()) if newest_first else (at, agenda_calls.c.id)
    return [_call(row) for row in connection.execute(query.order_by(*order).limit(limit)).mappings()]


def call(connection: sa.Connection, home_id: str, call_id: int) -> Call | None:
    """One call."""
    query = _calls().where(agenda_calls.c.id == call_id, agenda_calls.c.home_id == home_id)
    row = connection.execute(query).mappings().first()
    return _call(row) if row else None


def load(connection: sa.Connection, who: Who | None, now: float, until_at: float) -> Load:
    """How many calls wait within somebody's reach."""
    columns = agenda_calls.c

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    query = sa.select(count(columns.due_at <= now), count(columns.late_at <= now), count(columns.due_at > now)).where(
        columns.state.in_(OPEN), columns.due_at < until_at
    )
    within = homes_within(who) if who else None
    if within is not None:
        query = query.join_from(agenda_calls, homes, homes.c.id == columns.home_id).where(within)
    return Load(*(int(value) for value in connection.execute(query).one()))


def settle(connection: sa.Connection, call_id: int, seen: int | None = None, **values: Any) -> bool:
    """Sets columns of a call; false when it is not any more at the version that was `seen`."""
    mine = agenda_calls.c.id == call_id
    where = mine if seen is None else sa.and_(mine, agenda_calls.c.version == seen)
    change = sa.update(agenda_calls).where(where).values(**values, version=agenda_calls.c.version + 1)
    return connection.execute(change).rowcount == 1


def add_event(
    connection: sa.Connection,
    call_id: int,
    now: float,
    by: str,
    what: str,
    note: str = "",
    moved_to_at: float | None = None,
) -> None:
    """Writes what happened to a call."""
    mine = agenda_events.c.call_id == call_id
    last = connection.execute(sa.select(sa.func.max(agenda_events.c.position)).where(mine)).scalar() or 0
    values = {"call_id": call_id, "position": last + 1, "at": now, "by": by, "what": what, "note": note}
    connection.execute(sa.insert(agenda_events).values(**values, moved_to_at=moved_to_at))


def events_of(connection: sa.Connection, call_ids: Iterable[int]) -> dict[int, list[CallEvent]]:
    """Call -> what happened to it, oldest first."""
    query = sa.select(agenda_events).where(agenda_events.c.call_id.in_(list(call_ids)))
    found: dict[int, list[CallEvent]] = {}
    for row in connection.execute(query.order_by(agenda_events.c.call_id, agenda_events.c.position)).mappings():
        found.setdefault(row["call_id"], []).append(CallEvent(**row))
    return found


def _calls() -> sa.Select[Any]:
    items = agenda_items.c
    return (
        sa.select(
            *agenda_calls.c,
            items.kind,
            items.title,
            items.body,
            items.assigned_to,
            items.source,
            items.resident_id,
            sa.func.coalesce(residents.c.called, "").label("called"),
            homes.c.address,
            homes.c.phone,
            sa.func.coalesce(residents.c.language, homes.c.language).label("language"),
        )
        .join(agenda_items, items.id == agenda_calls.c.item_id)
        .join(homes, homes.c.id == agenda_calls.c.home_id)
        .outerjoin(residents, residents.c.id == items.resident_id)
    )


def _call(row: sa.RowMapping) -> Call:
    values = {name: row[name] for name in Call.__slots__ if name != "rule"}
    return Call(**values, rule=msgspec.convert(row["body"], Rule))


def _item(row: sa.Row[Any]) -> Item:
    values = {name: getattr(row, name) for name in Item.__slots__ if name != "rule"}
    return Item(**values, rule=msgspec.convert(row.body, Rule))
