"""What became of alarms and findings once their cases were closed: right, false, or not known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import sqlalchemy as sa

from central.alarm_cases.case import EventType, State
from central.alarm_cases.verdict import Verdict, verdict
from central.storage.tables import case_events, cases, findings, homes
from gateway.contract.alarm_kinds import AlarmKind

_UNTOLD: Final = frozenset({AlarmKind.TEST})
"""Kinds that are neither right nor wrong."""
_MADRID: Final = ZoneInfo("Europe/Madrid")
_SLOT_S: Final = 900
"""Days begin on a quarter of an hour everywhere: wall clocks differ from UTC by whole ones."""
CASES_AT_ONCE: Final = 500
"""Cases whose logs are read at a time: by number, since a database left to itself would walk through all logs."""


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


class _Said(msgspec.Struct, frozen=True):
    """What is read of an event's facts; the rest of them is passed over."""

    finding: str = ""
    ref: str = ""
    kind: str = AlarmKind.OTHER.value
    cause: str = ""
    label: str = ""
    outcome: str = ""


class _Of(NamedTuple):
    """The case of signs."""

    case_id: int
    home_id: str
    timezone: str
    closed_at: float


_read: Final = msgspec.json.Decoder(_Said).decode
_Event = tuple[int, str, float, str]
"""Case, type, when, and facts as text: the columns of `_EVENTS`."""
_EVENTS: Final = (
    sa.select(case_events.c.case_id, case_events.c.type, case_events.c.at, sa.cast(case_events.c.body, sa.Text))
    .where(
        case_events.c.case_id.in_(sa.bindparam("ids", expanding=True)),
        case_events.c.type.in_(
            [EventType.OPENED.value, EventType.JOINED.value, EventType.RETRACTED.value, EventType.CLOSED.value]
        ),
    )
    .order_by(case_events.c.case_id, case_events.c.position)
)
_verdict: Final = cache(verdict)


def _judged(conn: sa.Connection, where: list[sa.ColumnElement[bool]], home_id: str) -> Iterator[JudgedSign]:
    where = [cases.c.state == State.CLOSED.value, *where]
    if home_id:
        where.append(cases.c.home_id == home_id)
    begins = sa.select(findings.c.key, findings.c.since_at).join(cases).where(*where)
    began: dict[str, float] = {row.key: row.since_at for row in conn.execute(begins)}
    columns = (cases.c.id, cases.c.home_id, homes.c.timezone, cases.c.closed_at)
    found = sa.select(*columns).join(homes, homes.c.id == cases.c.home_id).where(*where).order_by(cases.c.id)
    judged = {row[0]: _Of(*row) for row in conn.execute(found)}
    for begin in range(0, len(judged), CASES_AT_ONCE):
        ids = list(islice(judged, begin, begin + CASES_AT_ONCE))
        rows = conn.execute(_EVENTS, {"ids": ids}).all()
        for case_id, events in groupby(rows, key=itemgetter(0)):
            yield from _signs(judged[case_id], list(events), began)


def _signs(case: _Of, events: list[_Event], began: dict[str, float]) -> Iterator[JudgedSign]:
    """The signs of one case, from its log."""
    closing = _read(events[-1][3])
    signs: dict[str, tuple[AlarmKind, float]] = {}
    for _, kind, at, body in events:
        if kind == EventType.CLOSED.value:
            continue
        said = _read(body)
        if name := said.finding or said.ref:
            signs.setdefault(name, (AlarmKind(said.kind), at))
    among = frozenset(kind for kind, _ in signs.values() if kind not in _UNTOLD)
    for name, (kind_of_it, at) in signs.items():
        if kind_of_it in _UNTOLD:
            continue
        yield JudgedSign(
            home_id=case.home_id,
            timezone=case.timezone,
            case_id=case.case_id,
            detector=detector_of(case.home_id, name) if name in began else kind_of_it.value,
            kind=kind_of_it,
            finding=name if name in began else "",
            since_at=began.get(name, at),
            at=at,
            closed_at=case.closed_at,
            outcome=closing.outcome,
            verdict=_verdict(kind_of_it, among, closing.cause, closing.label),
        )


def detector_of(home_id: str, key: str) -> str:
    """The detector named in a finding's key, `home:detector:subject:...`; a home's id may hold colons itself."""
    return key.removeprefix(f"{home_id}:").partition(":")[0]


def _monday(at: float, timezone: str) -> str:
    return _monday_of(int(at // _SLOT_S), timezone)


@lru_cache(maxsize=10_000)
def _monday_of(slot: int, timezone: str) -> str:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = _MADRID
    day = datetime.fromtimestamp(slot * _SLOT_S, zone).date()
    return (day - timedelta(days=day.weekday())).isoformat()
