"""Changes to what is on record about a home and its people: each noted with who and when, and refused when stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from central.alarm_cases.rota import Profile
from central.storage import home_words, records, rota
from central.storage.database import put
from central.storage.office_tables import home_access
from central.storage.tables import contacts, deliveries, device_keys, devices, homes, residents

PROFILE_FIELDS: Final = ("weekly", "absences", "night_ok", "muted_until_at", "addresses", "consent")
_ACCESS_FIELDS: Final = ("entrance", "door_code", "key_safe", "key_safe_code", "pets", "notes")


def edit_home(
    connection: sa.Connection, home_id: str, seen: int, values: Mapping[str, Any], now: float, by: str
) -> int:
    """Changes columns of a home such as address, district, municipality, phone, language, care_plan; the new version.

    Raises:
        records.ChangedMeanwhileError: somebody else was faster.
    """
    row = connection.execute(sa.select(homes).where(homes.c.id == home_id)).mappings().one()
    fields = records.difference(dict(row), values)
    version = records.note(connection, f"home:{home_id}", home_id, seen, fields, now, by)
    if fields:
        connection.execute(sa.update(homes).where(homes.c.id == home_id).values(**values))
        home_words.refresh(connection, home_id)
    return version


def access_of(connection: sa.Connection, home_id: str) -> dict[str, str]:
    """How one gets in, in parts; what stood in one text before is among the notes."""
    row = connection.execute(sa.select(home_access).where(home_access.c.home_id == home_id)).mappings().first()
    if row is not None:
        return {name: row[name] for name in _ACCESS_FIELDS}
    notes = connection.execute(sa.select(homes.c.access_notes).where(homes.c.id == home_id)).scalar() or ""
    return dict.fromkeys(_ACCESS_FIELDS, "") | {"notes": notes}


def edit_access(
    connection: sa.Connection, home_id: str, seen: int, values: Mapping[str, str], in_words: str, now: float, by: str
) -> int:
    """Changes how one gets in. `in_words` is all of it in one text, for whoever stands at the door.

    Raises:
        records.ChangedMeanwhileError: somebody else was faster.
    """
    fields = records.difference(access_of(connection, home_id), values)
    # codes of doors are shown where they are valid, and kept nowhere else
    hidden = {name: ("***", "***") if name.endswith("_code") else pair for name, pair in fields.items()}
    version = records.note(connection, f"access:{home_id}", home_id, seen, hidden, now, by)
    put(connection, home_access, {"home_id": home_id, **values})
    connection.execute(sa.update(homes).where(homes.c.id == home_id).values(access_notes=in_words))
    return version


def edit_resident(
    connection: sa.Connection, resident_id: str, seen: int, values: Mapping[str, Any], now: float, by: str
) -> int:
    """Changes columns of a resident; the new version.

    Raises:
        records.ChangedMeanwhileError: somebody else was faster.
    """
    row = connection.execute(sa.select(residents).where(residents.c.id == resident_id)).mappings().one()
    fields = records.difference(dict(row), values)
    version = records.note(connection, f"resident:{resident_id}", row["home_id"], seen, fields, now, by)
    if fields:
        connection.execute(sa.update(residents).where(residents.c.id == resident_id).values(**values))
        home_words.refresh(connection, row["home_id"])
    return version


def edit_contact(
    connection: sa.Connection,
    contact_id: str,
    seen: int,
    values: Mapping[str, Any],
    profile: Profile | None,
    now: float,
    by: str,
) -> int:
    """Changes columns of a contact, and what they declared unless `profile` is None; the new version.

    Raises:
        records.ChangedMeanwhileError: somebody else was faster.
    """
    row = connection.execute(sa.select(contacts).where(contacts.c.id == contact_id)).mappings().one()
    fields = records.difference(dict(row), values)
    before = rota.profile(connection, contact_id)
    if profile is not None:
        fields |= records.difference(_plain(before), _plain(profile))
    version = records.note(connection, f"contact:{contact_id}", row["home_id"], seen, fields, now, by)
    if fields:
        if values:
            connection.execute(sa.update(contacts).where(contacts.c.id == contact_id).values(**values))
        if profile is not None:
            rota.keep_profile(connection, contact_id, profile, now, by)
        home_words.refresh(connection, row["home_id"])
    return version


def note_added(connection: sa.Connection, subject: str, home_id: str, what: str, now: float, by: str) -> None:
    """Writes that something is new on record, and makes it be found."""
    records.note(connection, subject, home_id, 0, {"added": ("", what)}, now, by)
    home_words.refresh(connection, home_id)


def order_contacts(connection: sa.Connection, home_id: str, ids: list[str], now: float, by: str) -> bool:
    """Puts the contacts of a home into this order; false when these are not they."""
    mine = contacts.c.home_id == home_id
    before = list(connection.execute(sa.select(contacts.c.id).where(mine).order_by(contacts.c.position)).scalars())
    if sorted(before) != sorted(ids):
        return False
    for place, contact_id in enumerate(ids, start=1):
        connection.execute(sa.update(contacts).where(contacts.c.id == contact_id).values(position=place))
    if before != ids:
        subject = f"order:{home_id}"
        seen = records.version_of(connection, subject)
        records.note(connection, subject, home_id, seen, {"order": (before, ids)}, now, by)
    return True


def remove_contact(connection: sa.Connection, home_id: str, contact_id: str, now: float, by: str) -> bool:
    """Takes a contact off the file; false when messages were sent to them, which must stay explicable."""
    told = sa.select(deliveries.c.id).where(deliveries.c.contact_id == contact_id).limit(1)
    if connection.execute(told).first() is not None:
        return False
    row = connection.execute(sa.select(contacts).where(contacts.c.id == contact_id)).mappings().one()
    subject = f"contact:{contact_id}"
    seen = records.version_of(connection, subject)
    records.note(connection, subject, home_id, seen, {"removed": (row["called"], "")}, now, by)
    rota.forget_profile(connection, contact_id)
    connection.execute(sa.delete(contacts).where(contacts.c.id == contact_id))
    home_words.refresh(connection, home_id)
    return True


def remove_device(connection: sa.Connection, home_id: str, device_id: str, now: float, by: str) -> bool:
    """Takes a device out of a home; false when it is not there."""
    mine = sa.and_(devices.c.home_id == home_id, devices.c.id == device_id)
    if connection.execute(sa.select(devices.c.id).where(mine)).first() is None:
        return False
    keys = sa.and_(device_keys.c.home_id == home_id, device_keys.c.device_id == device_id)
    connection.execute(sa.delete(device_keys).where(keys))
    connection.execute(sa.delete(devices).where(mine))
    note_device(connection, home_id, device_id, {"removed": (device_id, "")}, now, by)
    return True


def note_device(
    connection: sa.Connection,
    home_id: str,
    device_id: str,
    fields: Mapping[str, tuple[Any, Any]],
    now: float,
    by: str,
) -> None:
    """Writes that a device of a home was added, moved or removed."""
    subject = f"device:{home_id}:{device_id}"[:80]
    records.note(connection, subject, home_id, records.version_of(connection, subject), fields, now, by)


def _plain(profile: Profile) -> dict[str, Any]:
    values = msgspec.to_builtins(profile)
    standard = {"weekly": [], "absences": [], "night_ok": True, "muted_until_at": 0.0, "addresses": []}
    return {name: values.get(name, standard.get(name, ["alarms"])) for name in PROFILE_FIELDS}
