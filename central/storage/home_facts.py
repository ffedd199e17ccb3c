"""What lists of homes are filtered by, worked out beforehand: proofs of the path, gaps in the rota, false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from central.alarm_cases.rota import Gap
from central.storage import drills
from central.storage.database import insert_new
from central.storage.office_tables import home_facts
from central.storage.quality import false_alarms_by_week
from central.storage.tables import homes

FALSE_ALARM_S: Final = 30 * 86_400.0


def note_drills(connection: sa.Connection, home_id: str) -> None:
    """Writes when a home was last tested, and when its path was last proven."""
    lines = drills.drills_of(connection, home_id)
    proven = max((line.drill.proven_at or 0.0 for line in lines), default=0.0)
    _keep(connection, home_id, tested_at=lines[0].opened_at if lines else 0.0, proven_at=proven)


def note_gaps(connection: sa.Connection, home_id: str, gaps: Sequence[Gap]) -> None:
    """Writes how many hours of the coming week nobody of a home can be reached in."""
    _keep(connection, home_id, gap_hours=sum(gap.until_at - gap.from_at for gap in gaps) / 3_600.0)


def note_false_alarms(connection: sa.Connection, now: float) -> None:
    """Counts the false alarms of the last days of every home anew."""
    counts: Counter[str] = Counter()
    for line in false_alarms_by_week(connection, now - FALSE_ALARM_S, now):
        counts[line.home_id] += line.false_alarms
    others = sa.and_(home_facts.c.false_alarms > 0, ~home_facts.c.home_id.in_(sorted(counts)))
    connection.execute(sa.update(home_facts).where(others).values(false_alarms=0))
    for home_id, count in counts.items():
        _keep(connection, home_id, false_alarms=count)


def fill(connection: sa.Connection, limit: int = 500) -> int:
    """Gives a row to some homes that have none yet; how many."""
    missing = sa.select(homes.c.id).where(~sa.exists().where(home_facts.c.home_id == homes.c.id)).limit(limit)
    ids = list(connection.execute(missing).scalars())
    for home_id in ids:
        insert_new(connection, home_facts, {"home_id": home_id})
        note_drills(connection, home_id)
    return len(ids)


def facts_of(connection: sa.Connection, home_id: str) -> dict[str, Any]:
    """What is known of a home; zeroes where nothing was worked out yet."""
    row = connection.execute(sa.select(home_facts).where(home_facts.c.home_id == home_id)).mappings().first()
    return dict(row) if row else {"proven_at": 0.0, "tested_at": 0.0, "gap_hours": 0.0, "false_alarms": 0}


def _keep(connection: sa.Connection, home_id: str, **values: float) -> None:
    insert_new(connection, home_facts, {"home_id": home_id})
    connection.execute(sa.update(home_facts).where(home_facts.c.home_id == home_id).values(**values))
