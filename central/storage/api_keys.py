"""Keys of programs: sessions of the kind "key", with what they are for and what they open."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from central.storage.api_tables import api_keys
from central.storage.tables import sessions


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A program's key. `id` is the beginning of its hash; `scopes` None: nobody said what; it only reads."""

    id: str
    account_id: str
    label: str
    scopes: tuple[str, ...] | None
    made_by: str
    made_at: float
    seen_at: float
    expires_at: float


def add(conn: sa.Connection, token_hash: str, label: str, scopes: list[str], made_by: str) -> None:
    """Writes what a key, whose session has begun, is for and opens."""
    values = {"token_hash": token_hash, "label": label, "scopes": scopes, "made_by": made_by}
    conn.execute(sa.insert(api_keys).values(values))


def everything(conn: sa.Connection, now: float) -> list[ApiKey]:
    """The keys of all programs that have not run out by then, the newest first."""
    query = (
        sa.select(sessions, api_keys.c.label, api_keys.c.scopes, api_keys.c.made_by)
        .outerjoin(api_keys, api_keys.c.token_hash == sessions.c.token_hash)
        .where(sessions.c.kind == "key", sessions.c.expires_at >= now)
        .order_by(sessions.c.started_at.desc(), sessions.c.token_hash)
    )
    return [_key(row) for row in conn.execute(query)]


def of_account(conn: sa.Connection, account_id: str, now: float) -> list[ApiKey]:
    """The keys of one program that have not run out."""
    return [key for key in everything(conn, now) if key.account_id == account_id]


def _key(row: sa.Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.token_hash[:16],
        row.operator_id,
        row.label or "",
        None if row.scopes is None else tuple(row.scopes),
        row.made_by or "",
        row.started_at,
        row.seen_at,
        row.expires_at,
    )
