"""What residents let their contacts see: given and withdrawn at once, with the proof of every change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

import msgspec
import sqlalchemy as sa

from central.alarm_cases.rota import Share
from central.storage import rota
from central.storage.carer_tables import share_changes
from central.storage.tables import contacts

SHARES: Final[tuple[Share, ...]] = get_args(Share)
CHANGES_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class ShareChange:
    """One change; `given` false is a withdrawal."""

    contact_id: str
    share: str
    given: bool
    at: float
    by: str


def shared_with(conn: sa.Connection, contact_id: str) -> frozenset[Share]:
    """What a contact may see now."""
    return frozenset(rota.profile(conn, contact_id).consent)


def set_share(
    conn: sa.Connection, contact_id: str, share: Share, now: float, *, given: bool, resident_id: str, by: str
) -> bool:
    """Gives or withdraws one kind of data for one contact; false when it stood so already. In a write transaction."""
    # the contact's row is locked first, so that two changes of one profile do not undo each other
    home_id = conn.execute(sa.select(contacts.c.home_id).where(contacts.c.id == contact_id).with_for_update()).scalar()
    profile = rota.profile(conn, contact_id)
    if home_id is None or (share in profile.consent) == given:
        return False
    held = {*profile.consent, share} if given else {*profile.consent} - {share}
    consent = tuple(one for one in SHARES if one in held)
    rota.keep_profile(conn, contact_id, msgspec.structs.replace(profile, consent=consent), now, by)
    values = {"home_id": home_id, "resident_id": resident_id, "contact_id": contact_id, "share": share}
    conn.execute(sa.insert(share_changes).values(**values, given=given, at=now, by=by[:32]))
    return True


def changes_of(conn: sa.Connection, home_id: str) -> list[ShareChange]:
    """The latest changes in a home, newest first."""
    query = (
        sa.select(*(share_changes.c[name] for name in ShareChange.__slots__))
        .where(share_changes.c.home_id == home_id)
        .order_by(share_changes.c.id.desc())
        .limit(CHANGES_SHOWN)
    )
    return [ShareChange(**row) for row in conn.execute(query).mappings()]
