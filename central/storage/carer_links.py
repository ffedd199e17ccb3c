"""Links in messages to carers: by them somebody without an account opens and answers one case, for a limited time."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final, NamedTuple

import sqlalchemy as sa

from central.storage.desk_tables import carer_links
from central.storage.tables import cases, contacts, deliveries

LIVES_S: Final = 24 * 3_600.0
"""A link in an old message must open nothing: whoever finds the telephone later is not the carer."""
TOKEN_BYTES: Final = 16
BY_LINK: Final = "~"
"""Begins the name, wherever it is written who did something, of a contact who came by a link and has no account; no
account's id begins so."""
TOKEN_LENGTH_MAX: Final = 64


class LinkedCase(NamedTuple):
    """What a link stands for."""

    delivery_id: int
    case_id: int
    home_id: str
    contact_id: str
    called: str
    language: str
    expires_at: float


def make(connection: sa.Connection, delivery_id: int, now: float) -> str:
    """A new token for a delivery. Only its fingerprint is kept, so that every attempt makes its own."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    connection.execute(sa.delete(carer_links).where(carer_links.c.expires_at < now))
    connection.execute(
        sa.insert(carer_links).values(
            token_hash=_fingerprint(token), delivery_id=delivery_id, made_at=now, expires_at=now + LIVES_S
        )
    )
    return token


def find(connection: sa.Connection, token: str, now: float) -> LinkedCase | None:
    """What a token stands for; None for one that is unknown or has run out."""
    if not 0 < len(token) <= TOKEN_LENGTH_MAX:
        return None
    query = (
        sa.select(
            deliveries.c.id,
            deliveries.c.case_id,
            cases.c.home_id,
            contacts.c.id,
            contacts.c.called,
            contacts.c.language,
            carer_links.c.expires_at,
        )
        .join(deliveries, deliveries.c.id == carer_links.c.delivery_id)
        .join(cases, cases.c.id == deliveries.c.case_id)
        .join(contacts, sa.and_(contacts.c.id == deliveries.c.contact_id, contacts.c.home_id == cases.c.home_id))
        .where(carer_links.c.token_hash == _fingerprint(token), carer_links.c.expires_at > now)
    )
    row = connection.execute(query).first()
    return None if row is None else LinkedCase(*row)


def _fingerprint(token: str) -> str:
    return sha256(token.encode()).hexdigest()
