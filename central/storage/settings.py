"""What the service has settled for itself: every version for ever, the newest holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from central.service_settings import TYPES, ServiceSettings, Setting, as_body
from central.storage.service_tables import service_settings

INSTALLED: Final = "desk"
"""Who has set what was set when the service was installed."""

# built once: this stands on an alarm's way
_OTHERS: Final = service_settings.alias()
_LATEST: Final = sa.select(sa.func.max(_OTHERS.c.version)).where(_OTHERS.c.name == service_settings.c.name)
_NEWEST: Final = sa.select(service_settings.c.name, service_settings.c.body).where(
    service_settings.c.version == _LATEST.scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Version:
    """A setting as it was settled once."""

    name: str
    version: int
    body: dict[str, Any]
    set_at: float
    set_by: str


class StaleSetting(Exception):
    """Somebody else has set it meanwhile; nothing was stored."""

    def __init__(self, standing: Version) -> None:
        super().__init__(f"{standing.name} stands at version {standing.version}")
        self.standing = standing


def current(conn: sa.Connection) -> ServiceSettings:
    """What holds now."""
    bodies = {row.name: row.body for row in conn.execute(_NEWEST)}
    return msgspec.convert({name: body for name, body in bodies.items() if name in TYPES}, ServiceSettings)


def versions(conn: sa.Connection, name: str) -> list[Version]:
    """Every version of a setting, the newest first."""
    query = sa.select(service_settings).where(service_settings.c.name == name)
    rows = conn.execute(query.order_by(service_settings.c.version.desc())).mappings()
    return [Version(**{column: row[column] for column in Version.__slots__}) for row in rows]


def keep(
    conn: sa.Connection,
    name: str,
    setting: Setting,
    now: float,
    by: str,
    seen_version: int,
) -> int:
    """Writes a new version over the one that its writer has seen; its number.

    Raises:
        StaleSetting: another one was written since.
    """
    standing = next(iter(versions(conn, name)), None)
    latest = standing.version if standing else 0
    if standing is not None and latest != seen_version:
        raise StaleSetting(standing)
    values = {"name": name, "version": latest + 1, "body": as_body(setting), "set_at": now, "set_by": by}
    conn.execute(sa.insert(service_settings).values(values))
    return latest + 1
