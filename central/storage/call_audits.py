"""Audits of calls: which are drawn by lot for whom in a month, and what going through them has shown."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from central.service_figures import ROUTINE
from central.storage.service_quality import Scope, within
from central.storage.service_tables import call_audits
from central.storage.tables import cases

AUDITS_PER_OPERATOR: Final = 2
"""Calls of each operator gone through every month; one of them an emergency, from end to end."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A call drawn by lot; `result` is "" until somebody has gone through it."""

    id: int
    case_id: int
    operator_id: str
    month: str
    emergency: bool
    opened_at: float
    kind: str
    drawn_at: float
    result: str
    remarks: str
    audited_at: float | None
    audited_by: str


def audits_of_month(conn: sa.Connection, month: str) -> list[Audit]:
    """The calls drawn for a month, by operator."""
    query = (
        sa.select(call_audits, cases.c.opened_at, cases.c.kind)
        .join(cases, cases.c.id == call_audits.c.case_id)
        .where(call_audits.c.month == month)
        .order_by(call_audits.c.operator_id, call_audits.c.emergency.desc(), call_audits.c.id)
    )
    return [Audit(**{name: row[name] for name in Audit.__slots__}) for row in conn.execute(query).mappings()]


def draw_audits(
    conn: sa.Connection, month: str, scope: Scope, now: float, by: str, dice: random.Random
) -> list[tuple[str, int]]:
    """Draws by lot what is still missing of a month: for every operator who closed calls in it so many as are asked,
    one of them an emergency where there was any. Returns (operator, case) of what was drawn now."""
    query = within(sa.select(cases.c.id, cases.c.owner_id, cases.c.priority), scope).where(
        cases.c.state == "closed",
        cases.c.priority <= ROUTINE,
        cases.c.spoken_at.is_not(None),
        cases.c.owner_id.is_not(None),
    )
    theirs: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for row in conn.execute(query.order_by(cases.c.id)):
        theirs[row.owner_id].append((row.id, row.priority == 1))
    drawn: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for audit in audits_of_month(conn, month):
        drawn[audit.operator_id].append((audit.case_id, audit.emergency))
    made = []
    for operator, case_id, emergency in _lots(theirs, drawn, dice):
        values: dict[str, Any] = {"case_id": case_id, "operator_id": operator, "month": month, "emergency": emergency}
        conn.execute(sa.insert(call_audits).values(values | {"drawn_at": now, "drawn_by": by}))
        made.append((operator, case_id))
    return made


def _lots(
    theirs: dict[str, list[tuple[int, bool]]], drawn: dict[str, list[tuple[int, bool]]], dice: random.Random
) -> Iterator[tuple[str, int, bool]]:
    for operator, all_theirs in sorted(theirs.items()):
        have = drawn.get(operator, [])
        left = [one for one in all_theirs if one[0] not in {case_id for case_id, _ in have}]
        missing = AUDITS_PER_OPERATOR - len(have)
        emergencies = [one for one in left if one[1]]
        if missing > 0 and emergencies and not any(emergency for _, emergency in have):
            first = dice.choice(emergencies)
            left.remove(first)
            missing -= 1
            yield operator, *first
        for one in dice.sample(left, min(max(0, missing), len(left))):
            yield operator, *one


def audit(conn: sa.Connection, audit_id: int) -> Audit | None:
    """One drawn call."""
    query = (
        sa.select(call_audits, cases.c.opened_at, cases.c.kind)
        .join(cases, cases.c.id == call_audits.c.case_id)
        .where(call_audits.c.id == audit_id)
    )
    row = conn.execute(query).mappings().first()
    return None if row is None else Audit(**{name: row[name] for name in Audit.__slots__})


def keep_audit(conn: sa.Connection, audit_id: int, result: str, remarks: str, now: float, by: str) -> None:
    """Writes what going through a call has shown."""
    values = {"result": result, "remarks": remarks, "audited_at": now, "audited_by": by}
    conn.execute(sa.update(call_audits).where(call_audits.c.id == audit_id).values(values))
