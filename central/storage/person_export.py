"""Everything that the database holds about one person, table by table (GDPR Art. 15 and 20).

Tables are found by their columns, so that a new one is in the export without anybody thinking of it. What is left out
is named below with the reason, and a test asks that every table is the one or the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from central.storage.office_tables import agenda_calls, house_keys
from central.storage.tables import cases, contacts, deliveries, homes, hubs, metadata, operators, residents

ROWS_MAX: Final = 50_000
"""Rows of one table: decades of one person's alarms are fewer."""
SECRET: Final = frozenset(
    {"password_hash", "token_hash", "code_hash", "totp_sealed", "totp_step", "sealed", "hash", "origin", "address_key"}
)
"""Columns that open something or recognise a machine; nothing in them is about the person."""
LEFT_OUT: Final[Mapping[str, str]] = {
    "hub_secrets": "keys of machines",
    "device_keys": "keys of machines",
    "claims": "keys of machines",
    "account_contacts": "which account of a carer is which contact: said by `contacts`",
    "recovery_codes": "keys",
    "sessions": "keys; the log of who looked says when",
    "carer_links": "keys",
    "incidents": "faults of many homes at once, about nobody",
    "chores": "what the desk does again and again, about nobody",
    "refusals": "counts, about nobody",
    "purges": "counts, about nobody",
    "audit_cuts": "a number, about nobody",
    "breaches": "about what happened to many; whom it concerns is told by the service (GDPR Art. 34)",
    "alarm_messages": "the same alarms as in `alarms` and `case_events`, as the machine wrote them",
}


def export(conn: sa.Connection, resident_id: str) -> dict[str, list[dict[str, Any]]]:
    """Table -> rows about a resident or their home; rows about another person of the home are left out."""
    home_id = conn.execute(sa.select(residents.c.home_id).where(residents.c.id == resident_id)).scalar()
    if home_id is None:
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for table in metadata.sorted_tables:
        about = about_person(table, resident_id, home_id)
        if about is None or table.name in LEFT_OUT:
            continue
        wanted = [column for column in table.columns if column.name not in SECRET]
        rows = conn.execute(sa.select(*wanted).where(about).limit(ROWS_MAX)).mappings()
        found[table.name] = [dict(row) for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def about_person(table: sa.Table, resident_id: str, home_id: str) -> sa.ColumnElement[bool] | None:
    """Which rows of a table are about a person; None where its columns name nobody."""
    columns = table.c
    whole: dict[sa.Table, sa.ColumnElement[bool]] = {
        residents: residents.c.id == resident_id,
        homes: homes.c.id == home_id,
        operators: operators.c.resident_id == resident_id,
    }
    if table in whole:
        return whole[table]
    if "resident_id" in columns:
        mine = columns.resident_id == resident_id
        return mine | ((columns.resident_id == "") & (columns.home_id == home_id)) if "home_id" in columns else mine
    if "home_id" in columns:
        return columns.home_id == home_id
    for name, ids in _ids_of(resident_id, home_id).items():
        if name in columns:
            return columns[name].in_(ids)
    return None


def _ids_of(resident_id: str, home_id: str) -> dict[str, sa.Select[Any]]:
    """By which column a row belongs to something of the home, and the ids of that."""
    in_home = sa.select(cases.c.id).where(cases.c.home_id == home_id)
    return {
        "case_id": in_home,
        "contact_id": sa.select(contacts.c.id).where(contacts.c.home_id == home_id),
        "delivery_id": sa.select(deliveries.c.id).where(deliveries.c.case_id.in_(in_home)),
        "call_id": sa.select(agenda_calls.c.id).where(agenda_calls.c.home_id == home_id),
        "key_id": sa.select(house_keys.c.id).where(house_keys.c.home_id == home_id),
        "hub_id": sa.select(hubs.c.id).where(hubs.c.home_id == home_id),
        "hub": sa.select(hubs.c.id).where(hubs.c.home_id == home_id),
        "account_id": sa.select(operators.c.id).where(operators.c.resident_id == resident_id),
    }
