"""Tests of homes' whole paths: those that are to be made again and again, and homes by when they were last proven."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from central.access_rules import Who
from central.storage.database import put
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.office_tables import drill_plans, home_facts
from central.storage.reach import homes_within
from central.storage.tables import cases, homes, residents

PAGE = 100
_TEST = 5


@dataclass(frozen=True, slots=True)
class HomeProof:
    """A home and when its path was last proven and tested, 0 for never; `every_days` 0 when no tests are planned."""

    home_id: str
    address: str
    municipality: str
    called: str
    phone: str
    proven_at: float
    tested_at: float
    every_days: int
    next_at: float | None


@dataclass(frozen=True, slots=True)
class Proofs:
    """How many homes there are within reach, and of how many the path was never, long not, or lately proven."""

    homes: int
    never: int
    long_ago: int
    lately: int


def by_proof(connection: sa.Connection, who: Who, *, before: float | None = None, limit: int = PAGE) -> list[HomeProof]:
    """Homes within reach, those never proven first, then those proven longest ago; only older than `before`."""
    facts, plans = home_facts.c, drill_plans.c
    people = sa.select(sa.func.min(residents.c.called)).where(residents.c.home_id == homes.c.id).scalar_subquery()
    query = (
        sa.select(
            homes.c.id.label("home_id"),
            homes.c.address,
            homes.c.municipality,
            homes.c.phone,
            sa.func.coalesce(people, "").label("called"),
            facts.proven_at,
            facts.tested_at,
            sa.func.coalesce(plans.every_days, 0).label("every_days"),
            plans.next_at,
        )
        .join(home_facts, facts.home_id == homes.c.id)
        .outerjoin(drill_plans, plans.home_id == homes.c.id)
        .where(~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True))
        .order_by(facts.proven_at, homes.c.id)
        .limit(limit)
    )
    if before is not None:
        query = query.where(facts.proven_at < before)
    within = homes_within(who)
    if within is not None:
        query = query.where(within)
    return [HomeProof(**row) for row in connection.execute(query).mappings()]


def proofs(connection: sa.Connection, who: Who, since_at: float) -> Proofs:
    """How many homes were proven since then, before, and never."""
    proven = home_facts.c.proven_at
    each = (proven >= 0, proven == 0, (proven > 0) & (proven < since_at), proven >= since_at)
    sums = [sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0) for condition in each]
    known = ~home_facts.c.home_id.startswith(UNKNOWN_PREFIX, autoescape=True)
    query = sa.select(*sums).select_from(home_facts).where(known)
    within = homes_within(who)
    if within is not None:
        query = query.join(homes, homes.c.id == home_facts.c.home_id).where(within)
    return Proofs(*(int(value) for value in connection.execute(query).one()))


def latest(connection: sa.Connection, who: Who, limit: int) -> list[tuple[int, str, str]]:
    """The latest tests within reach, newest first: case, home, address."""
    query = (
        sa.select(cases.c.id, cases.c.home_id, homes.c.address)
        .join(homes, homes.c.id == cases.c.home_id)
        .where(cases.c.priority == _TEST)
        .order_by(cases.c.id.desc())
        .limit(limit)
    )
    within = homes_within(who)
    if within is not None:
        query = query.where(within)
    return [(row.id, row.home_id, row.address) for row in connection.execute(query)]


def plan(connection: sa.Connection, home_id: str, every_days: int, next_at: float, by: str) -> None:
    """Wants a test every so many days, first at `next_at`; 0 days is none any more."""
    if every_days == 0:
        connection.execute(sa.delete(drill_plans).where(drill_plans.c.home_id == home_id))
        return
    put(
        connection,
        drill_plans,
        {"home_id": home_id, "every_days": every_days, "next_at": next_at, "set_by": by},
    )


def due(connection: sa.Connection, now: float, limit: int) -> list[tuple[str, int, float, str]]:
    """Planned tests whose time has come: home, days between them, when it was due, who planned it."""
    query = sa.select(drill_plans).where(drill_plans.c.next_at <= now).order_by(drill_plans.c.next_at).limit(limit)
    return [(row.home_id, row.every_days, row.next_at, row.set_by) for row in connection.execute(query)]
