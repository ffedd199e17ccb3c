"""What carers' pages read of homes and their open alarms."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from central.alarm_cases.priority import Priority
from central.storage.tables import cases, homes, residents
from gateway.contract.alarm_kinds import SILENT_KINDS

FOR_FAMILIES: Final = (Priority.LIFE, Priority.URGENT, Priority.ROUTINE, Priority.TEST)
"""Technical faults are the centre's to mend: a family that reads of each would soon read none."""
LISTED_MAX: Final = 20


def open_alarms(conn: sa.Connection, home_id: str) -> list[int]:
    """The open cases of a home that concern its family, the most urgent first. Those of somebody who is threatened
    are not among them: it may be by family."""
    query = (
        sa.select(cases.c.id)
        .where(
            cases.c.home_id == home_id,
            cases.c.state != "closed",
            cases.c.priority.in_([int(p) for p in FOR_FAMILIES]),
            cases.c.kind.not_in([kind.value for kind in SILENT_KINDS]),
        )
        .order_by(cases.c.priority, cases.c.opened_at)
        .limit(LISTED_MAX)
    )
    return list(conn.execute(query).scalars())


def phone_of(conn: sa.Connection, home_id: str) -> str:
    """The telephone of a home; "" for none."""
    return conn.execute(sa.select(homes.c.phone).where(homes.c.id == home_id)).scalar() or ""


def away_until(conn: sa.Connection, home_id: str) -> float:
    """Until when all who live there have said that they are away; 0 when somebody has not."""
    times = conn.execute(sa.select(residents.c.away_until_at).where(residents.c.home_id == home_id)).scalars().all()
    return min((at or 0.0 for at in times), default=0.0)
