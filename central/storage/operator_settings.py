"""How each operator works at the console: their own keys, and the languages that they speak with residents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from central.storage.database import insert_new, put
from central.storage.desk_tables import operator_settings
from central.storage.tables import operators

# built once: this stands between an alarm and the consoles
_SPOKEN: Final = (
    sa.select(operators.c.id, operators.c.language, operator_settings.c.speaks)
    .outerjoin(operator_settings, operator_settings.c.account_id == operators.c.id)
    .where(operators.c.id.in_(sa.bindparam("accounts", expanding=True)))
)


class OperatorSettings(NamedTuple):
    """`keys` holds what differs from the usual keys, action -> key; `speaks` language codes, empty when not said;
    `telephone` that at which they sit, "" for none."""

    keys: Mapping[str, str]
    speaks: tuple[str, ...]
    telephone: str = ""


def settings_of(connection: sa.Connection, account_id: str) -> OperatorSettings:
    """An account's settings; empty ones when it has set nothing."""
    row = connection.execute(
        sa.select(operator_settings.c["keys"], operator_settings.c.speaks, operator_settings.c.telephone).where(
            operator_settings.c.account_id == account_id
        )
    ).first()
    return OperatorSettings({}, ()) if row is None else OperatorSettings(dict(row[0]), tuple(row[1]), row[2])


def keep_settings(connection: sa.Connection, account_id: str, settings: OperatorSettings, now: float) -> None:
    """Writes an account's keys and languages in place of those before."""
    values = {"keys": dict(settings.keys), "speaks": list(settings.speaks), "changed_at": now}
    put(connection, operator_settings, {"account_id": account_id, **values})


def keep_telephone(connection: sa.Connection, account_id: str, telephone: str, now: float) -> None:
    """Writes at which telephone an account sits, "" for none."""
    values = {"telephone": telephone, "changed_at": now}
    fresh = {"account_id": account_id, "keys": {}, "speaks": [], **values}
    if not insert_new(connection, operator_settings, fresh):
        mine = operator_settings.c.account_id == account_id
        connection.execute(sa.update(operator_settings).where(mine).values(values))


def spoken_by(connection: sa.Connection, account_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The languages of each of these accounts: those that they said, else the one in which they read the console."""
    rows = connection.execute(_SPOKEN, {"accounts": list(account_ids)})
    return {row.id: tuple(row.speaks or ()) or (row.language,) for row in rows}
