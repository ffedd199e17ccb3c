"""What became of alarms and findings once their cases were closed: right, false, or not known."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from central.alarm_cases.case import EventType, State
from central.alarm_cases.verdict import Verdict, verdict
from central.storage.tables import case_events, cases, findings, homes
from gateway.contract.alarm_kinds import AlarmKind

_UNTOLD: Final = frozenset({AlarmKind.TEST})
"""Kinds that are neither right nor wrong."""
_MADRID: Final = ZoneInfo("Europe/Madrid")


class JudgedSign(NamedTuple):
    """An alarm or finding of a closed case.

    Attributes:
        detector: which detector of the centre found it; for what a home declared itself, the alarm's kind.
        finding: the finding's key, "" for an alarm.
        at: when it came into the case; since_at: when its situation began. Unix seconds.
        outcome: code of `central.alarm_cases.closing`.
    """

    home_id: str
    timezone: str
    case_id: int
    detector: str
    kind: AlarmKind
    finding: str
    since_at: float
    at: float
    closed_at: float
    outcome: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How one detector did in one home in one week, by what closed cases say. `week` is its Monday, ISO date, on the
    home's wall clock. `false_alarms`, `right` and `unknown` count alarms and findings, each once."""

    home_id: str
    week: str
    detector: str
    kind: str
    false_alarms: int
    right: int
    unknown: int


def false_alarms_by_week(conn: sa.Connection, since_at: float, until_at: float, home_id: str = "") -> list[FalseAlarms]:
    """Per home, week and detector, what came since then and whose case is closed: oldest week first. Weeks in which
    a detector said nothing have no line.

    Args:
        since_at, until_at: when the alarm came; a week that is cut by them counts in part.
        home_id: of that home alone; "" = of all.
    """
    counts: dict[tuple[str, str, str, str], Counter[Verdict]] = defaultdict(Counter)
    where = [cases.c.last_alarm_at >= since_at, cases.c.opened_at < until_at]
    for sign in _judged(conn, where, home_id):
        if since_at <= sign.at < until_at:
            key = (_monday(sign.at, sign.timezone), sign.home_id, sign.detector, sign.kind.value)
            counts[key][sign.verdict] += 1
    return [
        FalseAlarms(home, week, detector, kind, count[Verdict.FALSE], count[Verdict.TRUE], count[Verdict.UNKNOWN])
        for (week, home, detector, kind), count in sorted(counts.items())
    ]


def judged_findings(conn: sa.Connection, home_id: str, since_at: float) -> list[JudgedSign]:
    """The findings of a home in the cases closed since then, the longest closed first."""
    signs = [sign for sign in _judged(conn, [cases.c.closed_at >= since_at], home_id) if sign.finding]
    return sorted(signs, key=lambda sign: (sign.closed_at, sign.finding))


def homes_judged_since(conn: sa.Connection, since_at: float) -> list[str]:
    """The homes of which a finding's case was closed since then."""
    query = (
        sa.select(findings.c.home_id)
        .join(cases, cases.c.id == findings.c.case_id)
        .where(cases.c.closed_at >= since_at)
        .distinct()
        .order_by(findings.c.home_id)
    )
    return list(conn.execute(query).scalars())


def _judged(conn: sa.Connection, where: list[sa.ColumnElement[bool]], home_id: str) -> list[JudgedSign]:
    where = [cases.c.state == State.CLOSED.value, *where]
    if home_id:
        where.append(cases.c.home_id == home_id)
    begins = sa.select(findings.c.key, findings.c.since_at).join(cases).where(*where)
    began: dict[str, float] = {row.key: row.since_at for row in conn.execute(begins)}
    wanted = [EventType.OPENED.value, EventType.JOINED.value, EventType.RETRACTED.value, EventType.CLOSED.value]
    query = (
        sa.select(case_events.c.case_id, case_events.c.type, case_events.c.at, case_events.c.body)
        .add_columns(cases.c.home_id, cases.c.closed_at, homes.c.timezone)
        .join(cases, cases.c.id == case_events.c.case_id)
        .join(homes, homes.c.id == cases.c.home_id)
        .where(*where, case_events.c.type.in_(wanted))
        .order_by(case_events.c.case_id, case_events.c.position)
    )
    by_case: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in conn.execute(query):
        by_case[row.case_id].append(row)
    return [sign for rows in by_case.values() for sign in _signs(rows, began)]


def _signs(rows: list[sa.Row[Any]], began: dict[str, float]) -> list[JudgedSign]:
    """The signs of one case, from its log."""
    closing = rows[-1].body
    signs: dict[str, sa.Row[Any]] = {}
    for row in rows:
        name = row.body.get("finding", "") or row.body.get("ref", "")
        if row.type != EventType.CLOSED.value and name:
            signs.setdefault(name, row)
    kinds = {name: AlarmKind(row.body.get("kind", AlarmKind.OTHER.value)) for name, row in signs.items()}
    among = {kind for kind in kinds.values() if kind not in _UNTOLD}
    return [
        JudgedSign(
            home_id=row.home_id,
            timezone=row.timezone,
            case_id=row.case_id,
            detector=detector_of(row.home_id, name) if name in began else kinds[name].value,
            kind=kinds[name],
            finding=name if name in began else "",
            since_at=began.get(name, row.at),
            at=row.at,
            closed_at=row.closed_at,
            outcome=closing.get("outcome", ""),
            verdict=verdict(kinds[name], among, closing.get("cause", ""), closing.get("label", "")),
        )
        for name, row in signs.items()
        if kinds[name] not in _UNTOLD
    ]


def detector_of(home_id: str, key: str) -> str:
    """The detector named in a finding's key, `home:detector:subject:...`; a home's id may hold colons itself."""
    return key.removeprefix(f"{home_id}:").partition(":")[0]


def _monday(at: float, timezone: str) -> str:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = _MADRID
    day = datetime.fromtimestamp(at, zone).date()
    return (day - timedelta(days=day.weekday())).isoformat()
