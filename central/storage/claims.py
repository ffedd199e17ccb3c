"""Claims: codes by which new hubs get their name. A code is known here only by its fingerprint."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from central.storage.tables import claims


class Claim(NamedTuple):
    """A code that was printed. `redeemed_by` is the fingerprint of the key of the hub that redeemed it first."""

    code_hash: str
    hub_id: str
    made_at: float
    expires_at: float
    redeemed_at: float | None
    redeemed_by: str


def add(connection: sa.Connection, code_hash: str, hub_id: str, made_at: float, expires_at: float) -> None:
    """Writes a new claim for a hub; earlier ones are worth nothing from now on, also to the hub that redeemed one."""
    void(connection, hub_id)
    values = {"code_hash": code_hash, "hub_id": hub_id, "made_at": made_at, "expires_at": expires_at}
    connection.execute(sa.insert(claims).values(values))


def void(connection: sa.Connection, hub_id: str) -> None:
    """Makes a hub's claims worthless. Those that were redeemed stay, as nobody's, for the board that did it."""
    connection.execute(sa.delete(claims).where(claims.c.hub_id == hub_id, claims.c.redeemed_at.is_(None)))
    connection.execute(sa.update(claims).where(claims.c.hub_id == hub_id).values(redeemed_by=""))


def find(connection: sa.Connection, code_hash: str) -> Claim | None:
    """The claim of a code, None when there is none."""
    columns = [claims.c[name] for name in Claim._fields]
    row = connection.execute(sa.select(*columns).where(claims.c.code_hash == code_hash)).first()
    return None if row is None else Claim(*row)


def redeem(connection: sa.Connection, code_hash: str, redeemed_by: str, board: str, now: float) -> bool:
    """Gives a claim to the hub with this key; false when another was first."""
    free = sa.and_(claims.c.code_hash == code_hash, claims.c.redeemed_at.is_(None))
    changed = sa.update(claims).where(free).values(redeemed_at=now, redeemed_by=redeemed_by, board=board)
    return connection.execute(changed).rowcount == 1
