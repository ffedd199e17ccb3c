"""Homes as a list: found by words, narrowed by what is the matter, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from central.access_rules import Who
from central.storage import home_words
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.office_tables import home_facts
from central.storage.reach import homes_within
from central.storage.tables import homes, hubs, residents

PAGE: Final = 50
UNPROVEN_S: Final = 30 * 86_400.0
MANY_FALSE_ALARMS: Final = 4
"""False alarms in 30 days that are worth a look: one a week."""
FILTERS: Final = ("away", "unreachable", "unproven", "false_alarms")


@dataclass(frozen=True, slots=True)
class PersonInList:
    """A resident as a list names them."""

    id: str
    called: str
    full_name: str
    born: int
    flags: list[str]
    away_until_at: float | None


@dataclass(frozen=True, slots=True)
class HomeInList:
    """A home as a list shows it; `proven_at` is 0 when its path was never proven."""

    id: str
    address: str
    district: str
    municipality: str
    phone: str
    hub: str
    proven_at: float
    gap_hours: float
    false_alarms: int
    people: list[PersonInList] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of homes; `following` is where the next one begins, "" after the last."""

    homes: list[HomeInList]
    following: str


def find(
    connection: sa.Connection,
    who: Who,
    now: float,
    *,
    question: str = "",
    municipality: str = "",
    only: Iterable[str] = (),
    after: str = "",
) -> Page:
    """The homes within somebody's reach that match, in the order of their addresses.

    Args:
        question: beginnings of words of names or addresses, or of a telephone number.
        only: words of `FILTERS`; all of them must fit.
        after: `following` of the page before.
    """
    facts = home_facts.c
    query = (
        sa.select(
            homes.c.id,
            homes.c.address,
            homes.c.district,
            homes.c.municipality,
            homes.c.phone,
            sa.func.coalesce(hubs.c.id, "").label("hub"),
            *(sa.func.coalesce(column, 0).label(column.name) for column in (facts.proven_at, facts.gap_hours)),
            sa.func.coalesce(facts.false_alarms, 0).label("false_alarms"),
        )
        .select_from(homes)
        .outerjoin(hubs, hubs.c.home_id == homes.c.id)
        .outerjoin(home_facts, facts.home_id == homes.c.id)
        .where(~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True))
        .order_by(homes.c.address, homes.c.id)
        .limit(PAGE + 1)
    )
    conditions = [homes_within(who), home_words.matching(question), *(_narrowed(word, now) for word in only)]
    query = query.where(*(condition for condition in conditions if condition is not None))
    if municipality:
        query = query.where(homes.c.municipality == municipality)
    if after:
        query = query.where(sa.tuple_(homes.c.address, homes.c.id) > _mark(connection, after))
    rows = connection.execute(query).mappings().all()
    found = [HomeInList(**row) for row in rows[:PAGE]]
    _add_people(connection, found)
    return Page(found, found[-1].id if len(rows) > PAGE else "")


def _mark(connection: sa.Connection, home_id: str) -> sa.Tuple:
    address = connection.execute(sa.select(homes.c.address).where(homes.c.id == home_id)).scalar() or ""
    return sa.tuple_(sa.literal(address), sa.literal(home_id))


def _narrowed(word: str, now: float) -> sa.ColumnElement[bool] | None:
    facts = home_facts.c
    if word == "away":
        return homes.c.id.in_(sa.select(residents.c.home_id).where(residents.c.away_until_at > now))
    if word == "unreachable":
        return homes.c.id.in_(sa.select(facts.home_id).where(facts.gap_hours > 0))
    if word == "unproven":
        return homes.c.id.in_(sa.select(facts.home_id).where(facts.proven_at < now - UNPROVEN_S))
    if word == "false_alarms":
        return homes.c.id.in_(sa.select(facts.home_id).where(facts.false_alarms >= MANY_FALSE_ALARMS))
    return None


def _add_people(connection: sa.Connection, found: list[HomeInList]) -> None:
    by_id = {home.id: home for home in found}
    query = (
        sa.select(residents)
        .where(residents.c.home_id.in_(by_id))
        .order_by(residents.c.home_id, residents.c.born, residents.c.id)
    )
    for row in connection.execute(query):
        person = PersonInList(row.id, row.called, row.full_name, row.born, list(row.flags), row.away_until_at)
        by_id[row.home_id].people.append(person)
