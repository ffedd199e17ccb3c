"""What stands of homes on the paper list: who lives there, whom to ring, how one gets in. Never a code of a door."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.access_rules import Who
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.office_tables import home_access
from central.storage.reach import homes_within
from central.storage.tables import contacts, homes, residents

HOMES_MAX: Final = 2_000
"""Homes on one page: more is hundreds of sheets, and no browser prints it well."""
HIDDEN: Final = "•••"
_PHONE_DIGITS: Final = 9
_DIGITS: Final = re.compile(r"\+?\d(?:[ .\-/]?\d)+#?")
_NAMED: Final = re.compile(r"(?i)\b(code|codi|código|codigo|pin|clau|clave)(\W+)(?=[A-Z#*]*\d)[0-9A-Z#*]+")


@dataclass(frozen=True, slots=True)
class PaperPerson:
    """Somebody cared for, as a stranger to the file must know them."""

    id: str
    called: str
    full_name: str
    born: int
    language: str
    lives_alone: bool
    hearing: str
    speech: str
    flags: list[str]
    away_until_at: float | None
    mobile: str


@dataclass(frozen=True, slots=True)
class PaperContact:
    """Somebody to ring, in the order agreed."""

    called: str
    relation: str
    phone: str
    language: str
    has_key: bool
    minutes_away: int


@dataclass(frozen=True, slots=True)
class PaperHome:
    """A home. `way_in` is how one gets in, a line each, without codes."""

    id: str
    address: str
    district: str
    municipality: str
    phone: str
    language: str
    way_in: list[str]
    people: list[PaperPerson]
    contacts: list[PaperContact]


def count(connection: sa.Connection, who: Who, municipality: str | None = None) -> int:
    """How many homes are within somebody's reach, in one municipality ("": nobody said which) or None for all."""
    return int(connection.execute(sa.select(sa.func.count()).where(*_chosen(who, municipality))).scalar_one())


def listed(connection: sa.Connection, who: Who, municipality: str | None = None) -> list[PaperHome]:
    """These homes, by the name of who lives there: who rings in says a name first."""
    chosen = _chosen(who, municipality)
    ids = sa.select(homes.c.id).where(*chosen)
    people: dict[str, list[PaperPerson]] = defaultdict(list)
    wanted = [residents.c[name] for name in PaperPerson.__slots__]
    query = sa.select(residents.c.home_id, *wanted).where(residents.c.home_id.in_(ids))
    for home_id, *values in connection.execute(query.order_by(residents.c.born, residents.c.id)):
        people[home_id].append(PaperPerson(*values))
    around: dict[str, list[PaperContact]] = defaultdict(list)
    wanted = [contacts.c[name] for name in PaperContact.__slots__]
    query = sa.select(contacts.c.home_id, *wanted).where(contacts.c.home_id.in_(ids))
    for home_id, *values in connection.execute(query.order_by(contacts.c.position, contacts.c.id)):
        around[home_id].append(PaperContact(*values))
    doors = {
        row.home_id: row for row in connection.execute(sa.select(home_access).where(home_access.c.home_id.in_(ids)))
    }
    found = [
        PaperHome(
            row.id, row.address, row.district, row.municipality, row.phone, row.language,
            _way_in(row, doors.get(row.id)), people[row.id], around[row.id],
        )
        for row in connection.execute(sa.select(homes).where(*chosen))
    ]  # fmt: skip
    return sorted(found, key=lambda home: (home.people[0].full_name if home.people else "", home.address, home.id))


def towns(connection: sa.Connection, who: Who) -> list[str]:
    """The municipalities of homes within reach, "" among them when nobody said it of some."""
    query = sa.select(homes.c.municipality).where(*_chosen(who, None)).distinct()
    return sorted(connection.execute(query).scalars())


def _chosen(who: Who, municipality: str | None) -> list[sa.ColumnElement[bool]]:
    conditions = [~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True)]
    if (reach := homes_within(who)) is not None:
        conditions.append(reach)
    if municipality is not None:
        conditions.append(homes.c.municipality == municipality)
    return conditions


def _way_in(home: sa.Row[Any], door: sa.Row[Any] | None) -> list[str]:
    if door is None:
        return [line for line in without_codes(home.access_notes).splitlines() if line.strip()]
    known = [code for code in (door.door_code, door.key_safe_code) if code]
    parts = "\n".join(part for part in (door.entrance, door.key_safe, door.pets, door.notes) if part)
    for code in known:
        parts = parts.replace(code, HIDDEN)
    return [line for line in without_codes(parts).splitlines() if line.strip()]


def without_codes(text: str) -> str:
    """Free text without what may be the code of a door: what is called one, and any three to eight digits that stand
    together. Telephone numbers have nine digits or more and stay; so do numbers of floors and doors."""

    def kept(found: re.Match[str]) -> str:
        digits = sum(sign.isdigit() for sign in found[0])
        return found[0] if digits >= _PHONE_DIGITS or digits < 3 else HIDDEN

    return _DIGITS.sub(kept, _NAMED.sub(rf"\1\2{HIDDEN}", text))
