"""All that the database holds about a municipality's homes, table by table, for whoever runs the service next.

Tables are found by their columns, as `person_export` finds them, so that a new one is handed over without anybody
thinking of it. What is left out is named below with the reason, and a test asks that every table is the one or the
other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from central.storage.desk_tables import incidents
from central.storage.office_tables import agenda_calls, house_keys
from central.storage.person_export import SECRET
from central.storage.tables import (
    account_contacts,
    cases,
    contacts,
    deliveries,
    homes,
    hubs,
    metadata,
    operators,
    residents,
)

LEFT_OUT: Final[Mapping[str, str]] = {
    "hub_secrets": "keys of machines: whoever runs the service next gives each hub a new name and password (claim)",
    "device_keys": "keys of machines: hubs have those of their devices in their own enrolment file",
    "claims": "keys of machines",
    "recovery_codes": "keys: accounts are opened anew",
    "sessions": "keys: accounts are opened anew",
    "carer_links": "keys",
    "carer_invitations": "keys: who has no account yet is invited anew",
    "push_subscriptions": "browsers take notifications of this centre only",
    "home_words": "words for searching, made of the other tables",
    "operator_settings": "how this service's staff work at their console",
    "consoles": "whether this service's consoles are there now",
    "call_audits": "how well this service's staff have answered",
    "api_keys": "keys of this centre's neighbours",
    "webhooks": "this centre's neighbours",
    "webhook_deliveries": "what was sent to this centre's neighbours; the same as the logs of cases",
    "chores": "what this desk does again and again, about nobody",
    "refusals": "counts, about nobody",
    "service_settings": "what this service has settled for itself, about nobody",
    "purges": "what this centre has deleted, about nobody that is left",
    "audit_cuts": "where this centre's audit log was cut off, about nobody",
    "breaches": "this service's own register for its authority",
}


def homes_of(connection: sa.Connection, municipality: str) -> list[str]:
    """The ids of the homes that are handed over."""
    return list(connection.execute(_homes(municipality).order_by(homes.c.id)).scalars())


def handed_over(municipality: str) -> dict[str, tuple[list[sa.Column[Any]], sa.Select[Any]]]:
    """Table -> its columns and the query for its rows, in the order of their keys; parents stand before children."""
    found = {}
    for table in metadata.sorted_tables:
        about = None if table.name in LEFT_OUT else about_homes(table, municipality)
        if about is not None:
            columns = [column for column in table.columns if column.name not in SECRET]
            keys = [column for column in table.primary_key if column.name not in SECRET]
            found[table.name] = (columns, sa.select(*columns).where(about).order_by(*keys))
    return found


def rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a query, a few at a time."""
    for row in connection.execution_options(yield_per=1_000).execute(query).mappings():
        yield dict(row)


def about_homes(table: sa.Table, municipality: str) -> sa.ColumnElement[bool] | None:
    """Which rows of a table belong to a municipality's homes; None where its columns name nothing of a home."""
    of = _ids_of(municipality)
    whole = {homes: "home_id", residents: "resident_id", operators: "account_id"}
    if table in whole:
        return table.c.id.in_(of[whole[table]])
    if table is incidents:
        return table.c.id.in_(sa.select(cases.c.incident_id).where(cases.c.home_id.in_(of["home_id"])))
    return next((table.c[name].in_(ids) for name, ids in of.items() if name in table.c), None)


def _homes(municipality: str) -> sa.Select[Any]:
    return sa.select(homes.c.id).where(homes.c.municipality == municipality)


def _ids_of(municipality: str) -> dict[str, sa.Select[Any]]:
    """By which column a row belongs to something of these homes, and the ids of that; the surest column first."""
    own = _homes(municipality)
    people = sa.select(residents.c.id).where(residents.c.home_id.in_(own))
    around = sa.select(contacts.c.id).where(contacts.c.home_id.in_(own))
    in_home = sa.select(cases.c.id).where(cases.c.home_id.in_(own))
    carers = sa.select(account_contacts.c.account_id).where(account_contacts.c.contact_id.in_(around))
    accounts = sa.select(operators.c.id).where(operators.c.resident_id.in_(people) | operators.c.id.in_(carers))
    return {
        "home_id": own,
        "resident_id": people,
        "contact_id": around,
        "case_id": in_home,
        "delivery_id": sa.select(deliveries.c.id).where(deliveries.c.case_id.in_(in_home)),
        "call_id": sa.select(agenda_calls.c.id).where(agenda_calls.c.home_id.in_(own)),
        "key_id": sa.select(house_keys.c.id).where(house_keys.c.home_id.in_(own)),
        "hub_id": sa.select(hubs.c.id).where(hubs.c.home_id.in_(own)),
        "hub": sa.select(hubs.c.id).where(hubs.c.home_id.in_(own)),
        "account_id": accounts,
    }
