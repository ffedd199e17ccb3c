"""Signs of life of operators' consoles, kept so that whichever process is there can tell that one is lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from central.storage.database import put_all
from central.storage.desk_tables import consoles


def keep(connection: sa.Connection, seen: Mapping[str, float]) -> None:
    """Writes when consoles were last there, by operator."""
    put_all(connection, consoles, [{"operator_id": name, "seen_at": at} for name, at in sorted(seen.items())])


def seen(connection: sa.Connection, operators: Collection[str]) -> dict[str, float]:
    """When the consoles of these operators were last there; those who never had one are left out."""
    rows = connection.execute(
        sa.select(consoles.c.operator_id, consoles.c.seen_at).where(consoles.c.operator_id.in_(operators))
    )
    return {row.operator_id: row.seen_at for row in rows}


def lose(connection: sa.Connection, operator_id: str, case_id: int) -> None:
    """Notes that a case went back to everybody, to tell its operator when they are there again."""
    known = _lost(connection, operator_id)
    this = sa.update(consoles).where(consoles.c.operator_id == operator_id)
    connection.execute(this.values(lost_cases=sorted({*known, case_id})))


def take_lost(connection: sa.Connection, operator_id: str) -> list[int]:
    """The cases that were so lost, each given once."""
    known = _lost(connection, operator_id)
    if known:
        this = sa.update(consoles).where(consoles.c.operator_id == operator_id)
        connection.execute(this.values(lost_cases=[]))
    return known


def _lost(connection: sa.Connection, operator_id: str) -> list[int]:
    query = sa.select(consoles.c.lost_cases).where(consoles.c.operator_id == operator_id)
    return list(connection.execute(query.with_for_update()).scalar() or [])
