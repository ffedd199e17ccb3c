"""Units over all homes, by what is to be done about them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from central.access_rules import Who
from central.storage import home_words
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.office_tables import home_facts
from central.storage.reach import homes_within
from central.storage.tables import claims, devices, homes, hubs

PAGE = 60


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit and where it stands; `claim_until_at` is set while a code waits for it, `claimed_at` once one was used."""

    hub: str
    home_id: str
    address: str
    municipality: str
    devices: int
    proven_at: float
    enrolled_at: float
    claim_until_at: float | None
    claimed_at: float | None
    board: str


def units(
    connection: sa.Connection,
    who: Who,
    *,
    only: Collection[str] | None = None,
    question: str = "",
    waiting: bool = False,
    unproven_before: float | None = None,
    after: str = "",
) -> list[UnitLine]:
    """Units within somebody's reach by their ids, one more than a page: of these ids, found by words, with an open
    claim, or in homes whose path was not proven since then."""
    open_claim = (claims.c.hub_id == hubs.c.id) & claims.c.redeemed_at.is_(None)
    columns = (
        hubs.c.id.label("hub"),
        hubs.c.home_id,
        homes.c.address,
        homes.c.municipality,
        _sub(sa.select(sa.func.count()).select_from(devices).where(devices.c.home_id == hubs.c.home_id), "devices"),
        sa.func.coalesce(home_facts.c.proven_at, 0.0).label("proven_at"),
        hubs.c.enrolled_at,
        _sub(sa.select(sa.func.max(claims.c.expires_at)).where(open_claim), "claim_until_at"),
        _sub(sa.select(sa.func.max(claims.c.redeemed_at)).where(claims.c.hub_id == hubs.c.id), "claimed_at"),
        _sub(sa.select(sa.func.coalesce(sa.func.max(claims.c.board), "")).where(claims.c.hub_id == hubs.c.id), "board"),
    )
    query = (
        sa.select(*columns)
        .join(homes, homes.c.id == hubs.c.home_id)
        .outerjoin(home_facts, home_facts.c.home_id == homes.c.id)
        .where(hubs.c.id > after, ~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True))
        .order_by(hubs.c.id)
        .limit(PAGE + 1)
    )
    conditions = [homes_within(who), home_words.matching(question) if question else None]
    if question:
        conditions[1] = sa.or_(hubs.c.id == question.strip(), *([conditions[1]] if conditions[1] is not None else []))
    if only is not None:
        conditions.append(hubs.c.id.in_(sorted(only)[:10_000]))
    if waiting:
        conditions.append(sa.exists().where(open_claim))
    if unproven_before is not None:
        conditions.append(home_facts.c.proven_at < unproven_before)
    query = query.where(*(one for one in conditions if one is not None))
    return [UnitLine(**row) for row in connection.execute(query).mappings()]


def _sub(query: sa.Select[Any], name: str) -> sa.Label[Any]:
    return query.scalar_subquery().label(name)
