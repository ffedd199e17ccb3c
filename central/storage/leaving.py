"""Deletes all that is on record of a person, and of their home when nobody else lives there.

Rows are found as `person_export` finds them: what an export shows goes, and a new table goes without anybody thinking
of it. The audit log stays for its own term.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from central.alarm_cases.placed_call import Party
from central.storage import home_words
from central.storage.desk_tables import placed_calls
from central.storage.office_tables import (
    agenda_calls,
    agenda_events,
    agenda_items,
    conditions,
    house_keys,
    record_changes,
)
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
    if not alone:
        _forget_among_others(conn, resident_id, home_id)
    first = [table for table in reversed(metadata.sorted_tables) if table not in _LAST and table is not audit_log]
    for table in (*first, *_LAST):
        about = about_person(table, resident_id, home_id) if alone else _about_one(table, resident_id)
        if about is not None:
            conn.execute(sa.delete(table).where(about))
    conn.execute(sa.delete(operators).where(operators.c.id.in_(ended)))
    home_words.refresh(conn, home_id)


def _about_one(table: sa.Table, resident_id: str) -> sa.ColumnElement[bool] | None:
    if table is residents:
        return residents.c.id == resident_id
    return table.c.resident_id == resident_id if "resident_id" in table.c else None


def _forget_among_others(conn: sa.Connection, resident_id: str, home_id: str) -> None:
    """What names one person of a home and has no column for them: their calls, those to their mobile, and changes to
    their file."""
    items = sa.select(agenda_items.c.id).where(agenda_items.c.resident_id == resident_id)
    calls = sa.select(agenda_calls.c.id).where(agenda_calls.c.item_id.in_(items))
    conn.execute(sa.delete(agenda_events).where(agenda_events.c.call_id.in_(calls)))
    conn.execute(sa.delete(agenda_calls).where(agenda_calls.c.item_id.in_(items)))
    to_them = placed_calls.c.who == resident_id
    conn.execute(sa.delete(placed_calls).where(placed_calls.c.party == Party.MOBILE.value, to_them))
    numbers = conn.execute(sa.select(conditions.c.id).where(conditions.c.resident_id == resident_id)).scalars()
    subjects = [f"resident:{resident_id}", *(f"condition:{number}" for number in numbers)]
    subject = record_changes.c.subject
    plans = subject.startswith(f"plan:{home_id}:", autoescape=True) & subject.endswith(
        f":{resident_id}", autoescape=True
    )
    conn.execute(sa.delete(record_changes).where(record_changes.c.home_id == home_id, subject.in_(subjects) | plans))


def _carers_of(conn: sa.Connection, home_id: str) -> list[str]:
    """The accounts of carers who are contacts of this home alone."""
    mine = sa.select(contacts.c.id).where(contacts.c.home_id == home_id)
    here = sa.select(account_contacts.c.account_id).where(account_contacts.c.contact_id.in_(mine))
    elsewhere = sa.select(account_contacts.c.account_id).where(account_contacts.c.contact_id.not_in(mine))
    only = sa.select(operators.c.id).where(
        operators.c.id.in_(here), operators.c.id.not_in(elsewhere), operators.c.role == "carer"
    )
    return list(conn.execute(only).scalars())
