"""Homes, hubs and devices: enrolment, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from central.storage import home_words, hub_settings
from central.storage.care_tables import consents
from central.storage.claims import void
from central.storage.database import insert_new, put, put_all
from central.storage.office_tables import home_facts
from central.storage.tables import claims, devices, homes, hub_secrets, hubs, residents
from central.storage.tables import hub_settings as hub_settings_table
from gateway.contract.topics import shard_of, valid_hub_id

UNKNOWN_PREFIX: Final = "unknown-"
"""Begins the id of the place that is reserved for a hub that raised an alarm before anybody enrolled it."""

ROUTINE: Final = "routine"
"""The consent to be told of one's weeks: outings, visits, calls."""


class DeviceAtHome(NamedTuple):
    """An enrolled device as the centre knows it. `silence_max_s`: longest time between signs of life.

    `address` and `place_code` are as in a hub's enrolment file; an empty address means that only the hub knows.
    """

    id: str
    model: str
    room: str
    silence_max_s: float
    address: str = ""
    place_code: int = 0


class EnrolledHome(NamedTuple):
    """A home with its hub and devices. `care_plan` holds limits that differ from the defaults.

    `hub_enrolled_at` is when the hub came to the home; `away_until_at` until when all of its residents have said that
    they are away; `routine_since_at` since when all of its `residents` agree that their weeks are told.
    """

    home_id: str
    hub_id: str
    shard: str
    timezone: str
    language: str
    care_plan: dict[str, Any]
    devices: list[DeviceAtHome]
    hub_enrolled_at: float = 0.0
    away_until_at: float | None = None
    routine_since_at: float | None = None
    residents: int = 0


class HomeOfHub(NamedTuple):
    """Where a hub stands."""

    home_id: str
    language: str


class HomeAndHub(NamedTuple):
    """Which hub stands in which home."""

    home_id: str
    hub_id: str


_FIND_BY_HUB: Final = (
    sa.select(homes.c.id, homes.c.language)
    .join(hubs, hubs.c.home_id == homes.c.id)
    .where(hubs.c.id == sa.bindparam("hub"))
)
_HUB_OF: Final = sa.select(hubs.c.id).where(hubs.c.home_id == sa.bindparam("home"))


def enrol_home(
    connection: sa.Connection,
    home_id: str,
    *,
    address: str,
    now: float,
    district: str = "",
    municipality: str = "",
    timezone: str = "Europe/Madrid",
    language: str = "ca",
    access_notes: str = "",
    phone: str = "",
    provider: str = "",
    care_plan: dict[str, Any] | None = None,
) -> None:
    """Writes or replaces a home.

    Raises:
        ValueError: the id is empty, longer than 32, or reserved.
    """
    if not 0 < len(home_id) <= 32 or home_id.startswith(UNKNOWN_PREFIX):
        raise ValueError(f"not a home id: {home_id!r}")
    put(
        connection,
        homes,
        {
            "id": home_id,
            "address": address,
            "district": district,
            "municipality": municipality,
            "timezone": timezone,
            "language": language,
            "access_notes": access_notes,
            "phone": phone,
            "provider": " ".join(provider.split()),
            "care_plan": care_plan or {},
            "enrolled_at": now,
        },
    )
    insert_new(connection, home_facts, {"home_id": home_id})
    home_words.refresh(connection, home_id)


def enrol_hub(connection: sa.Connection, hub_id: str, home_id: str, now: float) -> None:
    """Puts a hub into a home. A hub that was a stranger until now leaves its reserved place; its cases stay there.

    One that comes from another home leaves that home's settings behind, and codes that were printed there are void.

    Raises:
        ValueError: not a hub id.
    """
    if not valid_hub_id(hub_id):
        raise ValueError(f"not a hub id: {hub_id!r}")
    former = sa.select(hubs.c.id).where(hubs.c.home_id == home_id, hubs.c.id != hub_id)
    for table in (claims, hub_secrets, hub_settings_table):
        connection.execute(sa.delete(table).where(table.c.hub_id.in_(former)))
    home_before = connection.execute(sa.select(hubs.c.home_id).where(hubs.c.id == hub_id)).scalar()
    if home_before not in {None, home_id}:
        void(connection, hub_id)
        hub_settings.forget_home(connection, hub_id, now)
    connection.execute(sa.delete(hubs).where(hubs.c.home_id == home_id, hubs.c.id != hub_id))
    put(connection, hubs, {"id": hub_id, "home_id": home_id, "shard": shard_of(hub_id), "enrolled_at": now})


def enrol_devices(connection: sa.Connection, home_id: str, given: Sequence[DeviceAtHome], now: float) -> None:
    """Writes or replaces devices of a home; others that it has stay. Where one is heard stays when it is not given."""
    known: list[dict[str, Any]] = [{"home_id": home_id, **device._asdict(), "enrolled_at": now} for device in given]
    put_all(connection, devices, [values for values in known if values["address"]])
    unheard = [values for values in known if not values["address"]]
    for values in unheard:
        del values["address"], values["place_code"]
    put_all(connection, devices, unheard)


def devices_of(connection: sa.Connection, home_id: str) -> list[DeviceAtHome]:
    """The enrolled devices of a home, by id."""
    rows = connection.execute(sa.select(devices).where(devices.c.home_id == home_id).order_by(devices.c.id))
    return [DeviceAtHome(row.id, row.model, row.room, row.silence_max_s, row.address, row.place_code) for row in rows]


def hub_of_phone(connection: sa.Connection, phone: str) -> HomeAndHub | None:
    """The hub whose own number this is; None when nobody's. Sender numbers are forged easily: a hint, no proof."""
    query = sa.select(hubs.c.home_id, hubs.c.id).where(hubs.c.phone == phone, hubs.c.phone != "").order_by(hubs.c.id)
    row = connection.execute(query).first()
    return None if row is None else HomeAndHub(*row)


def phone_of(connection: sa.Connection, hub_id: str) -> str:
    """The number of a hub's own SIM, "" when it is not known."""
    return connection.execute(sa.select(hubs.c.phone).where(hubs.c.id == hub_id)).scalar() or ""


def keep_phone(connection: sa.Connection, hub_id: str, phone: str) -> None:
    """Writes the number of a hub's own SIM, if it is another than before."""
    known = hubs.c.id == hub_id
    connection.execute(sa.update(hubs).where(known, hubs.c.phone != phone).values(phone=phone))


def find_by_hub(connection: sa.Connection, hub_id: str) -> HomeOfHub | None:
    """The home of a hub, or None when nobody enrolled it."""
    row = connection.execute(_FIND_BY_HUB, {"hub": hub_id}).first()
    return None if row is None else HomeOfHub(*row)


def reserve_unknown(connection: sa.Connection, hub_id: str, now: float) -> str:
    """A place for a hub that nobody enrolled, so that its alarm has a case and a person sees it; the place's id.

    The broker vouches that the hub is one of ours (it has credentials); only the registry does not know where it is.
    """
    home_id = UNKNOWN_PREFIX + sha256(hub_id.encode()).hexdigest()[:16]
    insert_new(connection, homes, {"id": home_id, "address": f"? ({hub_id})", "care_plan": {}, "enrolled_at": now})
    insert_new(connection, hubs, {"id": hub_id, "home_id": home_id, "shard": shard_of(hub_id), "enrolled_at": now})
    return home_id


def is_unknown(home_id: str) -> bool:
    """Whether this is the reserved place of a hub that nobody enrolled."""
    return home_id.startswith(UNKNOWN_PREFIX)


def exists(connection: sa.Connection, home_id: str) -> bool:
    """Whether there is such a home."""
    return connection.execute(sa.select(homes.c.id).where(homes.c.id == home_id)).first() is not None


def lock_home(connection: sa.Connection, home_id: str) -> None:
    """Makes other transactions about this home wait until this one ends; on SQLite all writers do so anyway."""
    if connection.dialect.name != "sqlite":
        # a plain FOR UPDATE holds up, and may be held up by, whoever only writes a row that names the home
        connection.execute(sa.select(homes.c.id).where(homes.c.id == home_id).with_for_update(key_share=True))


def hub_of(connection: sa.Connection, home_id: str) -> str:
    """The home's hub, or "" when it has none."""
    return connection.execute(_HUB_OF, {"home": home_id}).scalar() or ""


def list_hubs(connection: sa.Connection) -> list[str]:
    """All enrolled hubs, in order: the broker's users."""
    rows = connection.execute(
        sa.select(hubs.c.id).where(~hubs.c.home_id.startswith(UNKNOWN_PREFIX, autoescape=True)).order_by(hubs.c.id)
    )
    return list(rows.scalars())


def list_enrolled(connection: sa.Connection) -> list[EnrolledHome]:
    """Every home that has a hub, with its devices; reserved places of strangers are left out."""
    by_home: dict[str, list[DeviceAtHome]] = {}
    for row in connection.execute(sa.select(devices).order_by(devices.c.home_id, devices.c.id)):
        device = DeviceAtHome(row.id, row.model, row.room, row.silence_max_s, place_code=row.place_code)
        by_home.setdefault(row.home_id, []).append(device)
    # somebody of whom no absence is known may be at home
    away = sa.select(residents.c.home_id, sa.func.min(sa.func.coalesce(residents.c.away_until_at, 0.0)))
    away_until = {home_id: until or None for home_id, until in connection.execute(away.group_by(residents.c.home_id))}
    agreed = _routine_agreed(connection)
    query = (
        sa.select(homes, hubs.c.id.label("hub_id"), hubs.c.shard, hubs.c.enrolled_at.label("hub_enrolled_at"))
        .join(hubs, hubs.c.home_id == homes.c.id)
        .where(~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True))
        .order_by(homes.c.id)
    )
    return [
        EnrolledHome(
            row.id,
            row.hub_id,
            row.shard,
            row.timezone,
            row.language,
            row.care_plan,
            by_home.get(row.id, []),
            row.hub_enrolled_at,
            away_until.get(row.id),
            *agreed.get(row.id, (None, 0)),
        )
        for row in connection.execute(query)
    ]


def routine_since(connection: sa.Connection, home_id: str) -> float | None:
    """Since when all who live in a home agree that their weeks are told; None = they do not, or nobody is known."""
    return _routine_agreed(connection, home_id).get(home_id, (None, 0))[0]


def _routine_agreed(connection: sa.Connection, home_id: str = "") -> dict[str, tuple[float | None, int]]:
    """Home -> since when all agree that their weeks are told, and how many they are."""
    holding = (
        sa.select(consents.c.resident_id, sa.func.max(consents.c.given_at).label("given_at"))
        .where(consents.c.what == ROUTINE, consents.c.withdrawn_at.is_(None))
        .group_by(consents.c.resident_id)
        .subquery()
    )
    query = (
        sa.select(
            residents.c.home_id,
            sa.func.count().label("living"),
            sa.func.count(holding.c.given_at).label("agreeing"),
            sa.func.max(holding.c.given_at).label("since_at"),
        )
        .outerjoin(holding, holding.c.resident_id == residents.c.id)
        .group_by(residents.c.home_id)
    )
    if home_id:
        query = query.where(residents.c.home_id == home_id)
    return {
        row.home_id: (row.since_at if row.agreeing == row.living else None, row.living)
        for row in connection.execute(query)
    }
