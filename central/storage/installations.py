"""Orders to install a unit in a home."""

from __future__ import annotations

import sqlalchemy as sa

from central.install_figures import Order
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.tables import homes, hubs
from central.storage.unit_tables import installations

_OPEN = installations.c.installed_at.is_(None) & installations.c.called_off_at.is_(None)


def order(conn: sa.Connection, home_id: str, now: float, by: str, *, urgent: bool) -> bool:
    """Orders an installation; False where one waits already: it keeps its date, and may only become urgent."""
    waits = _OPEN & (installations.c.home_id == home_id)
    if conn.execute(sa.select(installations.c.id).where(waits)).first() is not None:
        if urgent:
            conn.execute(sa.update(installations).where(waits).values(urgent=True))
        return False
    values = {"home_id": home_id, "urgent": urgent, "ordered_at": now, "ordered_by": by}
    conn.execute(sa.insert(installations).values(values))
    return True


def call_off(conn: sa.Connection, home_id: str, now: float, by: str) -> bool:
    """Calls off what waits to be installed in a home; False where nothing does."""
    waits = _OPEN & (installations.c.home_id == home_id)
    done = conn.execute(sa.update(installations).where(waits).values(called_off_at=now, called_off_by=by))
    return done.rowcount > 0


def waiting(conn: sa.Connection, within: sa.ColumnElement[bool] | None = None) -> list[Order]:
    """The orders that are not done, the oldest first; of `within`, a condition on homes."""
    return _orders(conn, _OPEN, within)


def ordered(
    conn: sa.Connection, since_at: float, until_at: float, within: sa.ColumnElement[bool] | None = None
) -> list[Order]:
    """The orders of a span that were not called off, the oldest first."""
    span = (installations.c.ordered_at >= since_at) & (installations.c.ordered_at < until_at)
    return _orders(conn, span & installations.c.called_off_at.is_(None), within)


def of_home(conn: sa.Connection, home_id: str) -> Order | None:
    """A home's newest order that was not called off."""
    mine = (installations.c.home_id == home_id) & installations.c.called_off_at.is_(None)
    return next(reversed(_orders(conn, mine, None)), None)


def installed(conn: sa.Connection, order_id: int, at: float) -> None:
    """Writes that the home's unit was heard."""
    conn.execute(sa.update(installations).where(installations.c.id == order_id, _OPEN).values(installed_at=at))


def _orders(
    conn: sa.Connection, condition: sa.ColumnElement[bool], within: sa.ColumnElement[bool] | None
) -> list[Order]:
    query = (
        sa.select(
            installations.c.id,
            installations.c.home_id,
            homes.c.address,
            homes.c.municipality,
            sa.func.coalesce(hubs.c.id, "").label("hub"),
            installations.c.urgent,
            installations.c.ordered_at,
            installations.c.installed_at,
        )
        .join(homes, homes.c.id == installations.c.home_id)
        .outerjoin(hubs, hubs.c.home_id == homes.c.id)
        .where(condition, ~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True))
        .order_by(installations.c.ordered_at, installations.c.id)
    )
    rows = conn.execute(query if within is None else query.where(within)).mappings()
    return [Order(**row) for row in rows]
