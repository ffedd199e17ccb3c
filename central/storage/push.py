"""Browsers of carers that take notifications."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import sqlalchemy as sa

from central.storage.database import put
from central.storage.desk_tables import push_subscriptions as table
from central.storage.tables import account_contacts, operators

CHANNEL: Final = "push"
BROWSERS_MAX: Final = 10
"""Of one person; the oldest goes when another comes."""


def keep(
    connection: sa.Connection,
    endpoint: str,
    address: str,
    now: float,
    *,
    account_id: str | None = None,
    contact_id: str | None = None,
    browser: str = "",
) -> None:
    """Keeps the subscription of an account or of a contact. A browser has one: it is taken over from whose it was."""
    values = {"id": _id(endpoint), "account_id": account_id, "contact_id": contact_id, "address": address}
    put(connection, table, values | {"browser": browser[:80], "made_at": now})
    mine = table.c.account_id == account_id if account_id else table.c.contact_id == contact_id
    newest = sa.select(table.c.id).where(mine).order_by(table.c.made_at.desc(), table.c.id).limit(BROWSERS_MAX)
    connection.execute(sa.delete(table).where(mine, table.c.id.not_in(newest)))


def forget(
    connection: sa.Connection, endpoint: str, *, account_id: str | None = None, contact_id: str | None = None
) -> bool:
    """Forgets a browser, whosever it is or only of one of them; whether it was there."""
    statement = sa.delete(table).where(table.c.id == _id(endpoint))
    if account_id is not None:
        statement = statement.where(table.c.account_id == account_id)
    if contact_id is not None:
        statement = statement.where(table.c.contact_id == contact_id)
    return connection.execute(statement).rowcount > 0


def of_contacts(connection: sa.Connection, contact_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The addresses of contacts' browsers, by contact, the newest first; none of an account that is disabled."""
    own = sa.select(table.c.contact_id, table.c.address, table.c.made_at).where(table.c.contact_id.in_(contact_ids))
    by_account = (
        sa.select(account_contacts.c.contact_id, table.c.address, table.c.made_at)
        .join(table, table.c.account_id == account_contacts.c.account_id)
        .join(operators, operators.c.id == account_contacts.c.account_id)
        .where(account_contacts.c.contact_id.in_(contact_ids), sa.not_(operators.c.disabled))
    )
    found: dict[str, list[tuple[float, str]]] = {}
    for contact_id, address, made_at in connection.execute(sa.union(own, by_account)):
        found.setdefault(contact_id, []).append((-made_at, address))
    return {contact_id: tuple(address for _, address in sorted(rows)) for contact_id, rows in found.items()}


def _id(endpoint: str) -> str:
    return sha256(endpoint.encode()).hexdigest()
