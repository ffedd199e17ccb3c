"""Calls that the centre placed for operators, and what was reported of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from central.alarm_cases.placed_call import TALK_SILENT_S, Party, PlacedCall
from central.storage.desk_tables import placed_calls
from central.storage.tables import operators

_NAMES: Final = tuple(field.name for field in fields(PlacedCall))
_OVER: Final = (placed_calls.c.ended_at.is_not(None), placed_calls.c.result != "", placed_calls.c.own_result != "")


def add(
    connection: sa.Connection, case_id: int, operator_id: str, party: Party, who: str, key: str, now: float
) -> PlacedCall:
    """A call that is about to be placed, in a write transaction."""
    values = {"case_id": case_id, "operator_id": operator_id, "party": party.value, "who": who, "key": key}
    times = {"placed_at": now, "heard_at": now}
    number: int = connection.execute(
        sa.insert(placed_calls).values(values | times).returning(placed_calls.c.id)
    ).scalar_one()
    return PlacedCall(number, key, case_id, operator_id, party, who, now, now)


def save(connection: sa.Connection, call: PlacedCall) -> None:
    """Keeps what is known of a call now."""
    values = {name: getattr(call, name) for name in _NAMES}
    connection.execute(sa.update(placed_calls).where(placed_calls.c.id == call.id).values(values))


def case_of(connection: sa.Connection, key: str) -> int | None:
    """In which case a call was placed."""
    query = sa.select(placed_calls.c.case_id).where(placed_calls.c.key == key)
    return connection.execute(query).scalar_one_or_none()


def find(connection: sa.Connection, key: str) -> PlacedCall | None:
    """A call by its key. Who changes it has locked its case before (`cases.find`)."""
    row = connection.execute(sa.select(placed_calls).where(placed_calls.c.key == key)).mappings().first()
    return None if row is None else _call(row)


def of_case(connection: sa.Connection, case_id: int) -> list[PlacedCall]:
    """All calls that were placed in a case, the oldest first."""
    query = sa.select(placed_calls).where(placed_calls.c.case_id == case_id).order_by(placed_calls.c.id)
    return [_call(row) for row in connection.execute(query).mappings()]


def live_of(connection: sa.Connection, operator_id: str, now: float) -> PlacedCall | None:
    """The call that an operator is on, in whichever case; in a write transaction nobody else begins one meanwhile."""
    theirs = sa.select(operators.c.id).where(operators.c.id == operator_id)
    connection.execute(theirs.with_for_update(key_share=True))
    query = (
        sa.select(placed_calls)
        .where(placed_calls.c.operator_id == operator_id, placed_calls.c.heard_at > now - TALK_SILENT_S)
        .where(*(~over for over in _OVER))
        .order_by(placed_calls.c.id.desc())
    )
    calls = (_call(row) for row in connection.execute(query).mappings())
    return next((call for call in calls if call.live(now)), None)


def _call(row: Any) -> PlacedCall:
    return PlacedCall(**{name: row[name] for name in _NAMES} | {"party": Party(row["party"])})
