"""Invitations of contacts to make an account of their own: single use, for a week."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

import sqlalchemy as sa

from central.storage.carer_tables import carer_invitations as table
from central.storage.tables import account_contacts, contacts, operators

LIVES_S: Final = 7 * 86_400.0
"""A week: an invitation that nobody has followed by then was not wanted, or has gone astray."""
TOKEN_LENGTH_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Invitation:
    """One that was made; `sent_by` is the channel, "" for one that was handed over. It opens nothing once used."""

    made_at: float
    made_by: str
    expires_at: float
    sent_by: str
    used_at: float | None
    account_id: str


class Invited(NamedTuple):
    """Whom a link invites."""

    contact_id: str
    home_id: str
    called: str
    language: str
    expires_at: float


def make(conn: sa.Connection, contact_id: str, made_by: str, now: float) -> str:
    """A new token; only its fingerprint is kept. What was made for this contact before opens nothing any more."""
    withdraw(conn, contact_id, now)
    token = secrets.token_urlsafe(24)
    values = {"contact_id": contact_id, "made_at": now, "made_by": made_by, "expires_at": now + LIVES_S}
    conn.execute(sa.insert(table).values(token_hash=_fingerprint(token), **values))
    return token


def note_sent(conn: sa.Connection, token: str, channel: str) -> None:
    """Writes by which channel one went out."""
    conn.execute(sa.update(table).where(table.c.token_hash == _fingerprint(token)).values(sent_by=channel))


def withdraw(conn: sa.Connection, contact_id: str, now: float) -> bool:
    """Takes back what a contact could still use; whether there was any."""
    open_ones = sa.and_(table.c.contact_id == contact_id, table.c.used_at.is_(None), table.c.expires_at > now)
    return conn.execute(sa.update(table).where(open_ones).values(expires_at=now)).rowcount > 0


def find(conn: sa.Connection, token: str, now: float) -> Invited | None:
    """Whom a token invites; None for one that is unknown, used, taken back or has run out, or whose contact has come by
    an account in another way."""
    if not 0 < len(token) <= TOKEN_LENGTH_MAX:
        return None
    query = (
        sa.select(contacts.c.id, contacts.c.home_id, contacts.c.called, contacts.c.language, table.c.expires_at)
        .join(contacts, contacts.c.id == table.c.contact_id)
        .where(table.c.token_hash == _fingerprint(token), table.c.used_at.is_(None), table.c.expires_at > now)
    )
    row = conn.execute(query).first()
    return None if row is None or account_of(conn, row.id) else Invited(*row)


def use(conn: sa.Connection, token: str, account_id: str, now: float) -> bool:
    """Uses a token up; false when somebody else was faster, or it has run out. In the transaction that adds the
    account."""
    fit = sa.and_(table.c.token_hash == _fingerprint(token), table.c.used_at.is_(None), table.c.expires_at > now)
    return conn.execute(sa.update(table).where(fit).values(used_at=now, account_id=account_id)).rowcount == 1


def latest_of(conn: sa.Connection, contact_id: str) -> Invitation | None:
    """The newest invitation of a contact."""
    query = sa.select(*(table.c[name] for name in Invitation.__slots__)).where(table.c.contact_id == contact_id)
    row = conn.execute(query.order_by(table.c.made_at.desc()).limit(1)).mappings().first()
    return None if row is None else Invitation(**row)


def made_since(conn: sa.Connection, contact_id: str, since_at: float) -> int:
    """How many were made for a contact since then."""
    mine = sa.and_(table.c.contact_id == contact_id, table.c.made_at > since_at)
    return conn.execute(sa.select(sa.func.count()).select_from(table).where(mine)).scalar_one()


def account_of(conn: sa.Connection, contact_id: str) -> str:
    """The log-in name of the account by which a contact comes in; "" when they have none."""
    query = (
        sa.select(operators.c.id)
        .join(account_contacts, account_contacts.c.account_id == operators.c.id)
        .where(account_contacts.c.contact_id == contact_id, sa.not_(operators.c.disabled))
        .order_by(operators.c.id)
    )
    found: str | None = conn.execute(query.limit(1)).scalar()
    return found or ""


def _fingerprint(token: str) -> str:
    return sha256(token.encode()).hexdigest()
