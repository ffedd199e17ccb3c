"""Browsers of carers that take notifications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import sqlalchemy as sa

from central.storage import records
from central.storage.database import put
from central.storage.desk_tables import push_subscriptions as table
from central.storage.tables import account_contacts, contacts, operators

CHANNEL: Final = "push"
BROWSERS_MAX: Final = 10
"""Of one person; the oldest goes when another comes."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A browser that takes notifications: of a contact who came by a link (`account_id` ""), or of an account."""

    id: str
    contact_id: str
    account_id: str
    browser: str
    made_at: float


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
    values = {"id": fingerprint(endpoint), "account_id": account_id, "contact_id": contact_id, "address": address}
    put(connection, table, values | {"browser": browser[:80], "made_at": now})
    mine = table.c.account_id == account_id if account_id else table.c.contact_id == contact_id
    newest = sa.select(table.c.id).where(mine).order_by(table.c.made_at.desc(), table.c.id).limit(BROWSERS_MAX)
    connection.execute(sa.delete(table).where(mine, table.c.id.not_in(newest)))


def forget(connection: sa.Connection, endpoint: str, *, account_id: str | None = None) -> bool:
    """Forgets a browser, whosever it is or only of an account; whether it was there."""
    statement = sa.delete(table).where(table.c.id == fingerprint(endpoint))
    if account_id is not None:
        statement = statement.where(table.c.account_id == account_id)
    return connection.execute(statement).rowcount > 0


def listed(connection: sa.Connection, contact_ids: Sequence[str]) -> list[Subscribed]:
    """The browsers by which contacts are told, their own and those of their accounts, the newest first."""
    none = sa.literal("")
    own = sa.select(table.c.id, table.c.contact_id, none.label("account_id"), table.c.browser, table.c.made_at)
    by_account = (
        sa.select(table.c.id, account_contacts.c.contact_id, table.c.account_id, table.c.browser, table.c.made_at)
        .join(account_contacts, account_contacts.c.account_id == table.c.account_id)
        .join(operators, operators.c.id == table.c.account_id)
        .where(account_contacts.c.contact_id.in_(contact_ids), sa.not_(operators.c.disabled))
    )
    every = sa.union_all(own.where(table.c.contact_id.in_(contact_ids)), by_account)
    found = [Subscribed(**row) for row in connection.execute(every).mappings()]
    return sorted(found, key=lambda one: (-one.made_at, one.id))


def of_account(connection: sa.Connection, account_id: str) -> list[Subscribed]:
    """The browsers of an account, the newest first."""
    mine = sa.select(table).where(table.c.account_id == account_id).order_by(table.c.made_at.desc(), table.c.id)
    return [Subscribed(row.id, "", account_id, row.browser, row.made_at) for row in connection.execute(mine)]


def end_of_account(connection: sa.Connection, account_id: str, subscription_id: str = "") -> int:
    """Ends the notifications of an account on all its browsers, or on one; on how many they ended."""
    statement = sa.delete(table).where(table.c.account_id == account_id)
    if subscription_id:
        statement = statement.where(table.c.id == subscription_id)
    return connection.execute(statement).rowcount


def end_of_contact(
    connection: sa.Connection, contact_id: str, now: float, by: str, subscription_id: str = ""
) -> list[str]:
    """Ends what a contact began by links, on all browsers or on one, and writes it into the home's file; on which."""
    mine = table.c.contact_id == contact_id
    if subscription_id:
        mine &= table.c.id == subscription_id
    ended = list(connection.execute(sa.delete(table).where(mine).returning(table.c.browser)).scalars())
    if ended:
        _note(connection, contact_id, ended, [], now, by)
    return ended


def note_begun(connection: sa.Connection, contact_id: str, browser: str, now: float, by: str) -> None:
    """Writes into the home's file that a contact who came by a link takes notifications on a browser."""
    _note(connection, contact_id, [], [browser], now, by)


def _note(
    connection: sa.Connection, contact_id: str, before: Sequence[str], after: Sequence[str], now: float, by: str
) -> None:
    """`before` and `after` are browsers. A subject of its own: nobody who edits the contact is told to look again."""
    query = sa.select(contacts.c.home_id, contacts.c.called).where(contacts.c.id == contact_id)
    home_id, called = connection.execute(query).one()
    subject = f"notifications:{contact_id}"
    seen = records.version_of(connection, subject)
    change = tuple(f"{called}: {', '.join(one)}".rstrip(": ") if one else "" for one in (before, after))
    records.note(connection, subject, home_id, seen, {"notifications": (change[0], change[1])}, now, by)


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


def fingerprint(endpoint: str) -> str:
    """By which a browser is known; its address itself opens it."""
    return sha256(endpoint.encode()).hexdigest()
