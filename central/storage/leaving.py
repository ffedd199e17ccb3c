"""Deletes all that is on record of a person, and of their home when nobody else lives there.

Rows are found as `person_export` finds them: what an export shows goes, and a new table goes without anybody thinking
of it. The audit log stays for its own term.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from central.storage.office_tables import agenda_calls, agenda_items, house_keys
from central.storage.person_export import about_person
from central.storage.tables import (
    account_contacts,
    audit_log,
    cases,
    contacts,
    deliveries,
    homes,
    hubs,
    metadata,
    operators,
    residents,
    sessions,
)

_LAST: Final = (deliveries, cases, agenda_calls, agenda_items, house_keys, hubs, contacts, residents, operators, homes)
"""By these the rows of others are found: they go last, in this order, each after what points to it."""


def delete_file(conn: sa.Connection, resident_id: str) -> None:
    """In a write transaction. Of a home where others still live only what names this person goes."""
    home_id = conn.execute(sa.select(residents.c.home_id).where(residents.c.id == resident_id)).scalar_one()
    others = sa.select(residents.c.id).where(residents.c.home_id == home_id, residents.c.id != resident_id)
    alone = conn.execute(others).first() is None
    accounts = sa.select(operators.c.id).where(operators.c.resident_id == resident_id)
    ended = list(conn.execute(accounts).scalars())
    if alone:
        ended += _carers_of(conn, home_id)
    conn.execute(sa.delete(sessions).where(sessions.c.operator_id.in_(ended)))
    first = [table for table in reversed(metadata.sorted_tables) if table not in _LAST and table is not audit_log]
    for table in (*first, *_LAST):
        about = about_person(table, resident_id, home_id) if alone else _about_one(table, resident_id)
        if about is not None:
            conn.execute(sa.delete(table).where(about))
    conn.execute(sa.delete(operators).where(operators.c.id.in_(ended)))


def _about_one(table: sa.Table, resident_id: str) -> sa.ColumnElement[bool] | None:
    if table is residents:
        return residents.c.id == resident_id
    return table.c.resident_id == resident_id if "resident_id" in table.c else None


def _carers_of(conn: sa.Connection, home_id: str) -> list[str]:
    """The accounts of carers who are contacts of this home alone."""
    mine = sa.select(contacts.c.id).where(contacts.c.home_id == home_id)
    here = sa.select(account_contacts.c.account_id).where(account_contacts.c.contact_id.in_(mine))
    elsewhere = sa.select(account_contacts.c.account_id).where(account_contacts.c.contact_id.not_in(mine))
    only = sa.select(operators.c.id).where(
        operators.c.id.in_(here), operators.c.id.not_in(elsewhere), operators.c.role == "carer"
    )
    return list(conn.execute(only).scalars())
