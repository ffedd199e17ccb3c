"""Where things are, for the question who may touch them: the home behind a case, a resident, a contact or a hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from central.access_rules import RINGS_FOR_ALL_S, Place, Role, Who
from central.alarm_cases.case import TEAM
from central.storage.tables import cases, contacts, homes, hubs, residents

NUMBER_MAX: Final = 2**31 - 1
"""Largest number that the tables hold; a larger one names nothing."""

_HOMES_OF: Final[dict[str, sa.Select[Any]]] = {
    "home_id": sa.select(homes.c.id).where(homes.c.id == sa.bindparam("id")),
    "case_id": sa.select(cases.c.home_id).where(cases.c.id == sa.bindparam("id")),
    "resident_id": sa.select(residents.c.home_id).where(residents.c.id == sa.bindparam("id")),
    "contact_id": sa.select(contacts.c.home_id).where(contacts.c.id == sa.bindparam("id")),
    "hub_id": sa.select(hubs.c.home_id).where(hubs.c.id == sa.bindparam("id")),
}
_MUNICIPALITY: Final = sa.select(homes.c.municipality).where(homes.c.id == sa.bindparam("id"))
NAMES: Final = tuple(_HOMES_OF)
"""By what names a route's path may point at something of a home."""


def place_of(conn: sa.Connection, ids: Mapping[str, str | int], who: Who, now: float) -> tuple[Place | None, str]:
    """The place that a path's ids point at, None when they point at none; and the name of the first that points wrong.

    One points wrong when it names nothing, or something of another home than those before it.
    """
    home_id, missing, read = "", "", {}
    for name in (name for name in NAMES if name in ids):
        if home_id and ids[name] == TEAM:
            continue  # in a case of that home, where a contact could stand
        found = _home_of(conn, name, ids[name])
        if found is None or (home_id and found != home_id):
            missing = name
            break
        home_id, read[name] = found, ids[name]
    if not home_id:
        return None, missing
    municipality = municipality_of(conn, home_id)
    resident_id, case_id = str(read.get("resident_id", "")), int(read.get("case_id", 0))
    return Place(home_id, municipality, resident_id, case_id, _calling(conn, home_id, who, now)), missing


def _home_of(conn: sa.Connection, name: str, value: str | int) -> str | None:
    unstorable = "\x00" in value if isinstance(value, str) else not 0 < value <= NUMBER_MAX
    if unstorable:
        return None
    found: str | None = conn.execute(_HOMES_OF[name], {"id": value}).scalar_one_or_none()
    return found


def homes_of_resident(conn: sa.Connection, resident_id: str) -> frozenset[str]:
    """The home where a resident lives."""
    return frozenset(conn.execute(sa.select(residents.c.home_id).where(residents.c.id == resident_id)).scalars())


def within(who: Who, now: float) -> sa.ColumnElement[bool] | None:
    """A condition on rows of `cases` joined with `homes`: within somebody's reach; None when everything is.

    The same rule as `central.access_rules.in_reach`, for lists.
    """
    if who.role in {Role.CARER, Role.RESIDENT}:
        return homes.c.id.in_(sorted(who.homes))
    if who.towns is None:
        return None
    return homes.c.municipality.in_(sorted(who.towns)) | calls_for(who, now)


def calls_for(who: Who, now: float) -> sa.ColumnElement[bool]:
    """A condition on rows of `cases`: held by somebody, or has rung in vain until it rings for everybody."""
    rung = sa.or_(
        *(
            (cases.c.priority == priority) & (cases.c.ring_at <= now - wait + 1e-3)
            for priority, wait in RINGS_FOR_ALL_S.items()
        )
    )
    return (cases.c.state != "closed") & ((cases.c.owner_id == who.account_id) | rung)


def homes_within(who: Who) -> sa.ColumnElement[bool] | None:
    """A condition on rows of `homes`: within somebody's reach; None when all are."""
    if who.role in {Role.CARER, Role.RESIDENT}:
        return homes.c.id.in_(sorted(who.homes))
    return None if who.towns is None else homes.c.municipality.in_(sorted(who.towns))


def municipalities(conn: sa.Connection, who: Who) -> list[str]:
    """The municipalities that homes lie in, as written there, as far as they are within somebody's reach."""
    known = conn.execute(sa.select(homes.c.municipality).where(homes.c.municipality != "").distinct()).scalars()
    return sorted(name for name in known if who.towns is None or name in who.towns)


def municipality_of(conn: sa.Connection, home_id: str) -> str:
    """Where a home lies; "" when nobody said so."""
    found: Any = conn.execute(_MUNICIPALITY, {"id": home_id}).scalar_one_or_none()
    return str(found or "")


def _calling(conn: sa.Connection, home_id: str, who: Who, now: float) -> int:
    query = sa.select(cases.c.id).where(cases.c.home_id == home_id, calls_for(who, now)).order_by(cases.c.id).limit(1)
    return conn.execute(query).scalar_one_or_none() or 0
