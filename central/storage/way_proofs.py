"""Codes that were sent to new addresses of carers, and the addresses that are proven by them."""

from __future__ import annotations

import sqlalchemy as sa

from central.storage.carer_tables import way_proofs
from central.storage.database import put


def begin(
    conn: sa.Connection, contact_id: str, channel: str, address: str, code_hash: str, now: float, expires_at: float
) -> None:
    """A code is on its way; one that was sent there before is good no more."""
    values = {"contact_id": contact_id, "channel": channel, "address": address, "code_hash": code_hash}
    put(conn, way_proofs, values | {"made_at": now, "expires_at": expires_at, "tries": 0})


def sent_since(conn: sa.Connection, contact_id: str, since_at: float) -> int:
    """To how many addresses codes were sent lately."""
    query = sa.select(sa.func.count()).where(way_proofs.c.contact_id == contact_id, way_proofs.c.made_at >= since_at)
    return conn.execute(query).scalar() or 0


def made_at(conn: sa.Connection, contact_id: str, channel: str, address: str) -> float:
    """When a code was sent there last; 0 for never."""
    return conn.execute(sa.select(way_proofs.c.made_at).where(_one(contact_id, channel, address))).scalar() or 0.0


def code_of(conn: sa.Connection, contact_id: str, channel: str, address: str, now: float, tries_max: int) -> str | None:
    """The fingerprint of the code that is awaited; counts the try. None when none is, or it was tried too often."""
    where = _one(contact_id, channel, address)
    tried = conn.execute(
        sa.update(way_proofs)
        .where(where, way_proofs.c.expires_at > now, way_proofs.c.tries < tries_max)
        .values(tries=way_proofs.c.tries + 1)
        .returning(way_proofs.c.code_hash)
    ).scalar()
    return tried or None


def keep(conn: sa.Connection, contact_id: str, channel: str, address: str, now: float) -> None:
    """The address is proven; its code is used up."""
    conn.execute(
        sa.update(way_proofs)
        .where(_one(contact_id, channel, address))
        .values(proven_at=now, code_hash="", expires_at=0.0)
    )


def proven(conn: sa.Connection, contact_id: str) -> set[str]:
    """The addresses that are proven."""
    query = sa.select(way_proofs.c.address).where(
        way_proofs.c.contact_id == contact_id, way_proofs.c.proven_at.is_not(None)
    )
    return set(conn.execute(query).scalars())


def _one(contact_id: str, channel: str, address: str) -> sa.ColumnElement[bool]:
    mine = sa.and_(way_proofs.c.contact_id == contact_id, way_proofs.c.channel == channel)
    return sa.and_(mine, way_proofs.c.address == address)
