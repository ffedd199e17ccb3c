"""What units report to be wrong with themselves, from when the centre heard of it until they said no more of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from central.storage.unit_tables import hub_faults


class Reported(NamedTuple):
    """One thing of one unit: a problem's code, and what it is about."""

    code: str
    subject: str


def keep(
    conn: sa.Connection, hub: str, home_id: str, reported: Collection[Reported], at: float, *, whole: bool
) -> None:
    """Begins what is new of a unit and ends what it says no more of.

    Without `whole` the unit had no room to say all: what it does not name may go on.
    """
    known = going_on(conn, [hub]).get(hub, set())
    row = {"home_id": home_id, "hub": hub, "began_at": at}
    for one in sorted(set(reported) - known):
        conn.execute(sa.insert(hub_faults).values(row | one._asdict()))
    for one in known - set(reported) if whole else ():
        mine = (hub_faults.c.hub == hub, hub_faults.c.code == one.code, hub_faults.c.subject == one.subject)
        conn.execute(sa.update(hub_faults).where(*mine, hub_faults.c.ended_at.is_(None)).values(ended_at=at))


def going_on(conn: sa.Connection, hubs: Collection[str]) -> dict[str, set[Reported]]:
    """Unit -> what is wrong with it as far as was written."""
    found: dict[str, set[Reported]] = defaultdict(set)
    query = sa.select(hub_faults).where(hub_faults.c.ended_at.is_(None), hub_faults.c.hub.in_(hubs))
    for row in conn.execute(query):
        found[row.hub].add(Reported(row.code, row.subject))
    return found
