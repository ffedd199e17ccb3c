"""What residents let their contacts see: given and withdrawn at once, with the proof of every change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, get_args

import msgspec
import sqlalchemy as sa

from central.alarm_cases.rota import Share
from central.storage import push, rota
from central.storage.carer_tables import share_changes
from central.storage.tables import contacts

SHARES: Final[tuple[Share, ...]] = get_args(Share)
CHANGES_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class ShareChange:
    """One change; `given` false is a withdrawal. `by` wrote it, `said_by` told them to, "" for themselves."""

    contact_id: str
    share: str
    given: bool
    at: float
    by: str
    said_by: str = ""


def shared_with(conn: sa.Connection, contact_id: str) -> frozenset[Share]:
    """What a contact may see now."""
    return frozenset(rota.profile(conn, contact_id).consent)


def set_share(
    conn: sa.Connection, contact_id: str, share: Share, now: float, *, given: bool, resident_id: str, by: str
) -> bool:
    """Gives or withdraws one kind of data for one contact; false when it stood so already. In a write transaction."""
    held = _locked(conn, contact_id)
    if held is None or (share in held) == given:
        return False
    after = held | {share} if given else held - {share}
    return set_shares(conn, contact_id, after, now, resident_id=resident_id, by=by)


def set_shares(
    conn: sa.Connection,
    contact_id: str,
    after: Collection[Share],
    now: float,
    *,
    resident_id: str,
    by: str,
    said_by: str = "",
) -> bool:
    """Lets a contact see these kinds of data and no others, with the proof of what changed; false when nothing did.

    Who is asked to come no longer is not rung either: notifications that they began by a link end.
    """
    held = _locked(conn, contact_id)
    if held is None or held == frozenset(after):
        return False
    profile = rota.profile(conn, contact_id)
    consent = tuple(one for one in SHARES if one in after)
    rota.keep_profile(conn, contact_id, msgspec.structs.replace(profile, consent=consent), now, by)
    note_changes(conn, contact_id, held, after, now, resident_id=resident_id, by=by, said_by=said_by)
    if "alarms" in held and "alarms" not in after:
        push.end_of_contact(conn, contact_id, now, by)
    return True


def note_changes(
    conn: sa.Connection,
    contact_id: str,
    before: Collection[str],
    after: Collection[str],
    now: float,
    *,
    resident_id: str,
    by: str,
    said_by: str = "",
) -> None:
    """Writes the proof of what a contact may see from now on and could not before, and the other way round."""
    home_id = conn.execute(sa.select(contacts.c.home_id).where(contacts.c.id == contact_id)).scalar_one()
    values = {"home_id": home_id, "resident_id": resident_id, "contact_id": contact_id, "at": now}
    rows = [
        {**values, "share": share, "given": share in after, "by": by[:32], "said_by": said_by[:80]}
        for share in SHARES
        if (share in after) != (share in before)
    ]
    if rows:
        conn.execute(sa.insert(share_changes), rows)


def _locked(conn: sa.Connection, contact_id: str) -> frozenset[Share] | None:
    # the contact's row is locked first, so that two changes of one profile do not undo each other
    row = conn.execute(sa.select(contacts.c.id).where(contacts.c.id == contact_id).with_for_update()).first()
    return None if row is None else shared_with(conn, contact_id)


def changes_of(conn: sa.Connection, home_id: str) -> list[ShareChange]:
    """The latest changes in a home, newest first."""
    query = (
        sa.select(*(share_changes.c[name] for name in ShareChange.__slots__))
        .where(share_changes.c.home_id == home_id)
        .order_by(share_changes.c.id.desc())
        .limit(CHANGES_SHOWN)
    )
    return [ShareChange(**row) for row in conn.execute(query).mappings()]
