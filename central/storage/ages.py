"""How old people are: to the day where their birthday is known, else about so old."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from central.storage.office_tables import agenda_items
from central.storage.tables import homes, residents


class Age(NamedTuple):
    """`about`: only the year of birth is known; who has not had their birthday yet is a year younger."""

    years: int
    about: bool


_BIRTHDAY: Final = (
    sa.select(sa.func.max(agenda_items.c.body["starts_on"].as_string()))
    .where(
        agenda_items.c.home_id == residents.c.home_id,
        agenda_items.c.source == sa.literal("birthday:") + residents.c.id,
        agenda_items.c.ended_at.is_(None),
    )
    .scalar_subquery()
)
_BORN: Final = (
    sa.select(residents.c.id, residents.c.born, homes.c.timezone, _BIRTHDAY.label("birthday"))
    .join(homes, homes.c.id == residents.c.home_id)
    .where(residents.c.home_id.in_(sa.bindparam("homes", expanding=True)))
)


def age_on(born: int, birthday: str, day: date) -> Age:
    """The age on a day of somebody born in a year; `birthday` is "MM-DD", "" where nobody said."""
    years = day.year - born
    if birthday and day.isoformat()[5:] < birthday:
        years -= 1
    return Age(years, not birthday)


def ages_of(conn: sa.Connection, home_ids: Collection[str], now: float) -> dict[str, Age]:
    """Resident's id -> age, of all who live in these homes."""
    return {
        row.id: age_on(row.born, (row.birthday or "")[5:], datetime.fromtimestamp(now, ZoneInfo(row.timezone)).date())
        for row in conn.execute(_BORN, {"homes": sorted(home_ids)})
    }
