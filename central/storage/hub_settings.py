"""What hubs should go by, what the broker keeps for them, and what they say is in force."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from central.storage.database import put
from central.storage.tables import hub_settings
from gateway.contract.settings import HubSettings


class Desired(NamedTuple):
    """Settings of a hub. `published_version` is confirmed by the broker, `in_force` is what the hub said last."""

    hub_id: str
    settings: HubSettings
    set_at: float
    published_version: int
    published_at: float | None
    in_force: int


def desired_of(connection: sa.Connection, hub_id: str) -> Desired | None:
    """What a hub should go by; None when nothing was ever set for it."""
    row = connection.execute(sa.select(hub_settings).where(hub_settings.c.hub_id == hub_id)).first()
    return None if row is None else _desired(row)


def next_version(before: Desired | None) -> int:
    """A version higher than any that the hub may have, also after the centre's database was set back."""
    return 1 if before is None else max(before.settings.version, before.in_force) + 1


def not_in_force(connection: sa.Connection) -> list[Desired]:
    """Of the hubs that do not say that they go by what they should, or whose broker may not have it yet."""
    columns = hub_settings.c
    behind = sa.or_(columns.in_force != columns.version, columns.published_version < columns.version)
    return [_desired(row) for row in connection.execute(sa.select(hub_settings).where(behind).order_by(columns.hub_id))]


def keep(connection: sa.Connection, hub_id: str, settings: HubSettings, now: float) -> None:
    """Writes what a hub should go by; the desk publishes it when it next looks."""
    values = {"version": settings.version, "body": msgspec.to_builtins(settings), "set_at": now}
    put(connection, hub_settings, {"hub_id": hub_id, **values})


def forget_home(connection: sa.Connection, hub_id: str, now: float) -> None:
    """Nothing is set for the hub any more, as a version of its own, so that the hub lets go of what it has."""
    if before := desired_of(connection, hub_id):
        keep(connection, hub_id, HubSettings(next_version(before)), now)


def mark_published(connection: sa.Connection, hub_id: str, version: int, now: float) -> None:
    """Writes that the broker keeps this version for the hub."""
    this = hub_settings.c.hub_id == hub_id
    connection.execute(sa.update(hub_settings).where(this).values(published_version=version, published_at=now))


def mark_in_force(connection: sa.Connection, hub_id: str, version: int) -> None:
    """Writes which version the hub says is in force."""
    connection.execute(sa.update(hub_settings).where(hub_settings.c.hub_id == hub_id).values(in_force=version))


def _desired(row: sa.Row[tuple[object, ...]]) -> Desired:
    settings = msgspec.convert(row.body, HubSettings)
    return Desired(row.hub_id, settings, row.set_at, row.published_version, row.published_at, row.in_force)
