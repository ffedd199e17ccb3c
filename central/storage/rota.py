"""Contacts as the rota sees them, what they declared, and the care plans that say who is asked first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa

from central.alarm_cases.care_plan import CarePlan, PlanRow, as_body, plan_for
from central.alarm_cases.rota import Address, Profile, RotaContact
from central.service_settings import plan_within
from central.storage import push, settings
from central.storage.database import put
from central.storage.desk_tables import care_plans, contact_profiles
from central.storage.tables import contacts, homes

REGISTER_WAYS: Final = (("sms", "phone"), ("voice", "phone"), ("email", "email"))
"""Channel and column of `contacts`, for somebody who declared no addresses: in this order."""

# built once: this stands on an alarm's way
_PLANS: Final = (
    sa.select(
        care_plans.c.resident_id, care_plans.c.kind, care_plans.c.version, care_plans.c.from_at, care_plans.c.body
    )
    .where(care_plans.c.home_id == sa.bindparam("home"))
    .order_by(care_plans.c.id)
)


class Addressee(NamedTuple):
    """Whom a message goes to, with every address of theirs for a channel."""

    called: str
    language: str
    addresses: tuple[str, ...]


def roster(connection: sa.Connection, home_id: str, channels: Collection[str]) -> list[RotaContact]:
    """The contacts of a home in the order agreed, with the ways to them that this centre has."""
    query = (
        sa.select(contacts, contact_profiles.c.body)
        .outerjoin(contact_profiles, contact_profiles.c.contact_id == contacts.c.id)
        .where(contacts.c.home_id == home_id)
        .order_by(contacts.c.position, contacts.c.id)
    )
    rows = connection.execute(query).mappings().all()
    subscribed = push.of_contacts(connection, [row["id"] for row in rows])
    return [_contact(row, channels, subscribed.get(row["id"], ())) for row in rows]


def profile(connection: sa.Connection, contact_id: str) -> Profile:
    """What a contact declared; the profile of somebody who declared nothing when there is none."""
    body = connection.execute(
        sa.select(contact_profiles.c.body).where(contact_profiles.c.contact_id == contact_id)
    ).scalar()
    return Profile() if body is None else msgspec.convert(body, Profile)


def keep_profile(connection: sa.Connection, contact_id: str, declared: Profile, now: float, by: str) -> None:
    """Writes what a contact declared, in place of what they declared before."""
    body = msgspec.to_builtins(declared)
    put(
        connection,
        contact_profiles,
        {"contact_id": contact_id, "body": body, "changed_at": now, "changed_by": by[:80]},
    )


def addressee(connection: sa.Connection, contact_id: str, channel: str) -> Addressee | None:
    """Where a channel finds a contact; None when they are no longer on file."""
    query = (
        sa.select(contacts, contact_profiles.c.body)
        .outerjoin(contact_profiles, contact_profiles.c.contact_id == contacts.c.id)
        .where(contacts.c.id == contact_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    subscribed = push.of_contacts(connection, [contact_id]).get(contact_id, ())
    addresses = tuple(way.address for way in _declared(row, subscribed)[1] if way.channel == channel)
    return Addressee(row["called"], row["language"], addresses)


def ways_of(connection: sa.Connection, contact_id: str) -> tuple[Address, ...]:
    """The ways to a contact, the preferred first; browsers that take notifications are one way together."""
    found = _all_ways(connection, contact_id)
    browsers = [way for way in found if way.channel == push.CHANNEL]
    return tuple(way for way in found if way.channel != push.CHANNEL or way == browsers[0])


def _all_ways(connection: sa.Connection, contact_id: str) -> tuple[Address, ...]:
    """Every address of a contact, in the order in which they are tried."""
    query = (
        sa.select(contacts, contact_profiles.c.body)
        .outerjoin(contact_profiles, contact_profiles.c.contact_id == contacts.c.id)
        .where(contacts.c.id == contact_id)
    )
    row = connection.execute(query).mappings().first()
    subscribed = push.of_contacts(connection, [contact_id]).get(contact_id, ())
    return () if row is None else _declared(row, subscribed)[1]


def _contact(row: sa.RowMapping, channels: Collection[str], subscribed: Sequence[str]) -> RotaContact:
    declared, ways = _declared(row, subscribed)
    first: dict[str, Address] = {}
    for way in ways:
        if way.channel in channels:
            first.setdefault(way.channel, way)
    return RotaContact(
        id=row["id"],
        position=row["position"],
        called=row["called"],
        minutes_away=row["minutes_away"],
        has_key=row["has_key"],
        ways=tuple(first.values()),
        profile=declared,
    )


def _declared(row: sa.RowMapping, subscribed: Sequence[str]) -> tuple[Profile, tuple[Address, ...]]:
    """What a contact declared, and all their ways. Browsers that take notifications come first, or where an address of
    the channel "push" stands, whatever it says."""
    declared = Profile() if row["body"] is None else msgspec.convert(row["body"], Profile)
    ways = declared.addresses
    if not any(way.channel != push.CHANNEL for way in ways):
        ways += tuple(Address(channel, row[column]) for channel, column in REGISTER_WAYS if row[column])
    browsers = tuple(Address(push.CHANNEL, address) for address in subscribed)
    place = next((at for at, way in enumerate(ways) if way.channel == push.CHANNEL), 0)
    others = tuple(way for way in ways if way.channel != push.CHANNEL)
    return declared, (*others[:place], *browsers, *others[place:])


def plans_of(connection: sa.Connection, home_id: str) -> list[PlanRow]:
    """Every version of every plan of a home, the oldest first."""
    return [
        PlanRow(row.resident_id, row.kind, row.version, row.from_at, msgspec.convert(row.body, CarePlan))
        for row in connection.execute(_PLANS, {"home": home_id})
    ]


def plan_of(connection: sa.Connection, home_id: str, kind: str, now: float) -> CarePlan:
    """The plan that holds now for a kind of alarm in a home; where it says nothing, what the service has settled."""
    return plan_within(plan_for(plans_of(connection, home_id), kind, now), settings.current(connection), kind)


def add_plan(
    connection: sa.Connection,
    home_id: str,
    plan: CarePlan,
    *,
    now: float,
    by: str,
    kind: str = "",
    resident_id: str = "",
    from_at: float | None = None,
) -> int:
    """Writes a new version of a plan, which holds from `from_at` (now, when not said); its version."""
    same = sa.and_(care_plans.c.home_id == home_id, care_plans.c.resident_id == resident_id, care_plans.c.kind == kind)
    latest = connection.execute(sa.select(sa.func.max(care_plans.c.version)).where(same)).scalar() or 0
    version = latest + 1
    connection.execute(
        sa.insert(care_plans).values(
            home_id=home_id,
            resident_id=resident_id,
            kind=kind,
            version=version,
            body=as_body(msgspec.structs.replace(plan, version=version)),
            from_at=now if from_at is None else from_at,
            made_at=now,
            made_by=by[:80],
        )
    )
    return version


def timezone_of(connection: sa.Connection, home_id: str) -> str:
    """The time zone of a home."""
    return connection.execute(sa.select(homes.c.timezone).where(homes.c.id == home_id)).scalar() or "Europe/Madrid"


def forget_profile(connection: sa.Connection, contact_id: str) -> None:
    """Takes away what a contact declared, before they leave the file."""
    connection.execute(sa.delete(contact_profiles).where(contact_profiles.c.contact_id == contact_id))
