"""What a pseudonymised export is made of: households, and the ids of those who have objected."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from central.storage.carer_tables import rights_requests
from central.storage.homes import UNKNOWN_PREFIX
from central.storage.tables import homes, residents


class Lives(NamedTuple):
    """Somebody in a home, with what of them and of it may leave the centre once it is coarse enough."""

    home_id: str
    district: str
    municipality: str
    born: int
    sex: str


def residents_for_research(conn: sa.Connection) -> list[Lives]:
    """Everybody cared for, by home, the eldest first; without the homes of who has objected to such use, or asked that
    their data be restricted, and was not refused (GDPR Art. 18 and 21)."""
    against = rights_requests.c.kind.in_(("object", "restrict")) & (rights_requests.c.state != "refused")
    without = sa.select(residents.c.home_id).join(rights_requests, rights_requests.c.resident_id == residents.c.id)
    query = (
        sa.select(residents.c.home_id, homes.c.district, homes.c.municipality, residents.c.born, residents.c.sex)
        .join(homes, homes.c.id == residents.c.home_id)
        .where(~homes.c.id.startswith(UNKNOWN_PREFIX, autoescape=True), homes.c.id.not_in(without.where(against)))
        .order_by(residents.c.home_id, residents.c.born, residents.c.id)
    )
    return [Lives(*row) for row in conn.execute(query)]
