"""What the pages of quality read: calls of a span, late answers and their reasons, deliveries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from central.access_rules import Who
from central.alarm_cases.case import TEAM
from central.service_figures import EXPLAIN_OVER_S, ROUTINE, Call
from central.storage.purging import PAST_PREFIX
from central.storage.service_tables import late_reasons
from central.storage.tables import case_events, cases, deliveries, due_times, homes

LATE_SHOWN: Final = 200
"""Late answers listed at once; a service with more in one span has another problem than the list's length."""
REACHED: Final = frozenset({"delivered", "opened", "accepted", "declined", "arrived"})
NOT_REACHED: Final = frozenset({"failed", "failed_for_good", "no_receipt"})
_TAKEN: Final[sa.ColumnElement[bool]] = case_events.c.type == sa.literal_column("'taken'")
"""As a literal: only then do databases use the index of the taken ones."""
_ANSWERED: Final = _TAKEN & (case_events.c.at >= cases.c.opened_at)
"""Who took what the home then took back, before it called again, has not answered that."""
_ASKED_FIRST: Final = (cases.c.state == "new") & cases.c.ring_at.is_(None)
"""The home itself is being asked whether all is well: nobody waits for an operator yet."""


_ended = case_events.alias("ended")
_SETTLED_AT_HOME: Final = sa.case(
    (
        cases.c.abandoned_at.is_not(None),
        sa.exists().where(
            _ended.c.case_id == cases.c.id,
            _ended.c.type.in_(("answered", "ended")),
            _ended.c.at == cases.c.abandoned_at,
        ),
    ),
    else_=sa.false(),
).label("settled_at_home")
"""Whether it was the home's answer, or the end of the quiet, by which a case was taken back: only one of which nobody
was called yet is taken back so."""


class Scope(NamedTuple):
    """Which calls: opened from `since_at` until before `until_at`, of some municipalities (None: of all)."""

    since_at: float
    until_at: float
    municipalities: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """A call that waited too long. `reason` is what was found afterwards, else what the case's log says, else "";
    `by` wrote it. `open`: the case is not closed yet. `exception_at`: since when the case itself asks for a reason."""

    case_id: int
    home_id: str
    priority: int
    kind: str
    municipality: str
    opened_at: float
    answered_at: float | None
    wait_s: float
    operator: str
    reason: str
    by: str
    open: bool
    exception_at: float | None
    explained_at: float | None


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """Messages of a channel: all that were sent, those that were seen to arrive, those that failed for good, and those
    called off before they went."""

    channel: str
    messages: int
    reached: int
    failed: int
    called_off: int


@dataclass(frozen=True, slots=True)
class LateStep:
    """Steps of the desk that were done late: how many of a kind, the worst and the latest of them."""

    step: str
    count: int
    worst_s: float
    last_at: float


def scope_of(who: Who, since_at: float, until_at: float, chosen: str = "") -> Scope:
    """A span within somebody's municipalities, narrowed to one of them when it is chosen."""
    own = who.towns
    if not chosen:
        return Scope(since_at, until_at, own)
    return Scope(since_at, until_at, frozenset({chosen}) if own is None or chosen in own else frozenset())


def calls(conn: sa.Connection, scope: Scope, timezone: str = "Europe/Madrid") -> list[Call]:
    """The calls of people in a span, in the order in which they came."""
    columns = (cases.c.id, cases.c.priority, cases.c.opened_at, cases.c.abandoned_at, cases.c.arrived_at)
    wanted = within(sa.select(*columns, _SETTLED_AT_HOME), scope).where(cases.c.priority <= ROUTINE, ~_ASKED_FIRST)
    first, helped = first_answers(conn, scope), _helped(conn, scope)
    hours = _hours(timezone, scope)
    nobody: tuple[float | None, str] = (None, "")
    found = []
    for case_id, priority, opened_at, gave_up_at, last_at, settled in conn.execute(wanted.order_by(cases.c.opened_at)):
        answered_at, operator = first.get(case_id, nobody)
        sent_at, came_at, inside_at = helped.get(case_id, (None, last_at, None))
        hour, times = hours(opened_at), (opened_at, answered_at, gave_up_at, came_at)
        found.append(Call(case_id, priority, operator, *times, hour, bool(settled), sent_at, inside_at))
    return found


def _helped(conn: sa.Connection, scope: Scope) -> dict[int, tuple[float | None, float | None, float | None]]:
    """Case -> when it was first decided to send, when somebody first was there, and then inside; of the cases in which
    somebody came. Who says that all is well is inside."""
    query = (
        sa.select(case_events.c.case_id, case_events.c.type, case_events.c.at, case_events.c.body)
        .join(cases, cases.c.id == case_events.c.case_id)
        .where(cases.c.arrived_at.is_not(None))
        .where(cases.c.opened_at >= scope.since_at, cases.c.opened_at < scope.until_at)
        .where(case_events.c.type.in_(("on_the_way", "called", "arrived", "needs_help", "inside", "all_well")))
        .order_by(case_events.c.case_id, case_events.c.position)
    )
    found: dict[int, tuple[float | None, float | None, float | None]] = {}
    for case_id, kind, at, body in conn.execute(query):
        sent_at, came_at, inside_at = found.get(case_id, (None, None, None))
        if came_at is None and (kind == "on_the_way" or (kind == "called" and body.get("contact") == TEAM)):
            sent_at = at if sent_at is None else sent_at
        elif kind in {"arrived", "needs_help"}:
            came_at = at if came_at is None else came_at
        elif kind in {"inside", "all_well"} and came_at is not None and inside_at is None:
            inside_at = at
        found[case_id] = sent_at, came_at, inside_at
    return {case_id: times for case_id, times in found.items() if times[1] is not None}


def first_answers(conn: sa.Connection, scope: Scope) -> dict[int, tuple[float | None, str]]:
    """Case -> when it was first taken and by whom, of the cases opened in a span."""
    query = (
        sa.select(case_events.c.case_id, case_events.c.at, case_events.c.actor)
        .join(cases, cases.c.id == case_events.c.case_id)
        .where(_ANSWERED, cases.c.opened_at >= scope.since_at, cases.c.opened_at < scope.until_at)
        .order_by(case_events.c.case_id, case_events.c.position)
    )
    first: dict[int, tuple[float | None, str]] = {}
    for case_id, at, actor in conn.execute(query):
        first.setdefault(case_id, (at, actor))
    return first


def _hours(timezone: str, scope: Scope) -> Any:
    """Unix seconds -> hour of the wall clock; quick, since clocks change on whole hours."""
    zone = ZoneInfo(timezone)
    known: dict[int, int] = {}

    def hour(at: float) -> int:
        slot = int(at // 3600)
        if slot not in known:
            known[slot] = datetime.fromtimestamp(slot * 3600, zone).hour
        return known[slot]

    return hour


def within(query: Any, scope: Scope) -> Any:
    """A query of cases, narrowed to those of a scope."""
    query = query.where(cases.c.opened_at >= scope.since_at, cases.c.opened_at < scope.until_at)
    if scope.municipalities is None:
        return query
    own = sa.select(homes.c.id).where(homes.c.municipality.in_(sorted(scope.municipalities)))
    return query.where(cases.c.home_id.in_(own))


# late answers and their reasons


def late_answers(conn: sa.Connection, scope: Scope, now: float) -> list[LateAnswer]:
    """The calls that waited longer than anybody should, the newest first; at most `LATE_SHOWN`."""
    answered = (
        sa.select(sa.func.min(case_events.c.at))
        .where(case_events.c.case_id == cases.c.id, _ANSWERED)
        .scalar_subquery()
        .label("answered_at")
    )
    columns = (cases.c.id, cases.c.home_id, cases.c.priority, cases.c.kind, cases.c.state, cases.c.opened_at)
    more = (cases.c.exception_at, cases.c.explained_at, homes.c.municipality)
    query = within(sa.select(*columns, *more, answered).join(homes, homes.c.id == cases.c.home_id), scope)
    wait = sa.func.coalesce(answered, sa.literal(now)) - cases.c.opened_at
    gave_up = cases.c.abandoned_at.is_not(None) & (cases.c.abandoned_at < sa.func.coalesce(answered, now))
    query = query.where(cases.c.priority <= ROUTINE, ~_ASKED_FIRST, wait > EXPLAIN_OVER_S + 1e-6, ~gave_up)
    rows = conn.execute(query.order_by(cases.c.opened_at.desc()).limit(LATE_SHOWN)).all()
    ids = [row.id for row in rows]
    reasons, takers = _reasons(conn, ids), _takers(conn, ids)
    return [
        LateAnswer(
            case_id=row.id,
            home_id=row.home_id,
            priority=row.priority,
            kind=row.kind,
            municipality=row.municipality,
            opened_at=row.opened_at,
            answered_at=row.answered_at,
            wait_s=(now if row.answered_at is None else row.answered_at) - row.opened_at,
            operator=takers.get(row.id, ""),
            reason=reasons.get(row.id, ("", ""))[0],
            by=reasons.get(row.id, ("", ""))[1],
            open=row.state != "closed",
            exception_at=row.exception_at,
            explained_at=row.explained_at,
        )
        for row in rows
    ]


def _takers(conn: sa.Connection, ids: list[int]) -> dict[int, str]:
    query = sa.select(case_events.c.case_id, case_events.c.actor).join(cases, cases.c.id == case_events.c.case_id)
    query = query.where(case_events.c.case_id.in_(ids), _ANSWERED)
    takers: dict[int, str] = {}
    for case_id, actor in conn.execute(query.order_by(case_events.c.case_id, case_events.c.position)):
        takers.setdefault(case_id, actor)
    return takers


def _reasons(conn: sa.Connection, ids: list[int]) -> dict[int, tuple[str, str]]:
    """Case -> reason and who wrote it: what the log says, and over it what was found afterwards."""
    reasons: dict[int, tuple[str, str]] = {}
    said = (
        sa.select(case_events.c.case_id, case_events.c.actor, case_events.c.body)
        .where(case_events.c.case_id.in_(ids), case_events.c.type.in_(("explained", "closed")))
        .order_by(case_events.c.case_id, case_events.c.position)
    )
    for case_id, actor, body in conn.execute(said):
        if text := body.get("explanation", ""):
            reasons[case_id] = (text, actor)
    found = sa.select(late_reasons).where(late_reasons.c.case_id.in_(ids)).order_by(late_reasons.c.id)
    for row in conn.execute(found):
        reasons[row.case_id] = (row.reason, row.written_by)
    return reasons


def add_late_reason(conn: sa.Connection, case_id: int, reason: str, now: float, by: str) -> None:
    """Writes why a call waited, beside the log of its case."""
    values = {"case_id": case_id, "reason": reason, "written_at": now, "written_by": by}
    conn.execute(sa.insert(late_reasons).values(values))


def open_exceptions(conn: sa.Connection, scope: Scope | None = None) -> list[int]:
    """Open cases that ask for a reason and have none, the oldest first."""
    query = sa.select(cases.c.id).where(
        cases.c.exception_at.is_not(None), cases.c.explained_at.is_(None), cases.c.state != "closed"
    )
    if scope is not None and scope.municipalities is not None:
        own = sa.select(homes.c.id).where(homes.c.municipality.in_(sorted(scope.municipalities)))
        query = query.where(cases.c.home_id.in_(own))
    return list(conn.execute(query.order_by(cases.c.opened_at)).scalars())


# messages, deadlines, outcomes


def channel_figures(conn: sa.Connection, scope: Scope) -> list[ChannelFigures]:
    """What became of the messages queued in a span, by channel."""
    query = sa.select(deliveries.c.channel, deliveries.c.state, sa.func.count()).where(
        deliveries.c.queued_at >= scope.since_at, deliveries.c.queued_at < scope.until_at
    )
    if scope.municipalities is not None:
        own = sa.select(homes.c.id).where(homes.c.municipality.in_(sorted(scope.municipalities)))
        query = query.join(cases, cases.c.id == deliveries.c.case_id).where(cases.c.home_id.in_(own))
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for channel, state, count in conn.execute(query.group_by(deliveries.c.channel, deliveries.c.state)):
        counted[channel][state] = count
    return [
        ChannelFigures(
            channel,
            sum(states.values()),
            sum(states.get(state, 0) for state in REACHED),
            sum(states.get(state, 0) for state in NOT_REACHED),
            states.get("cancelled", 0),
        )
        for channel, states in sorted(counted.items())
    ]


def late_steps(conn: sa.Connection, scope: Scope) -> list[LateStep]:
    """Due-times worked late in a span: by more than a second."""
    late = due_times.c.late_s > sa.literal_column("1")
    query = (
        sa.select(due_times.c.step, sa.func.count(), sa.func.max(due_times.c.late_s), sa.func.max(due_times.c.done_at))
        .where(late, due_times.c.done_at >= scope.since_at, due_times.c.done_at < scope.until_at)
        .group_by(due_times.c.step)
        .order_by(due_times.c.step)
    )
    return [LateStep(*row) for row in conn.execute(query)]


def life_without_outcome(conn: sa.Connection, scope: Scope) -> tuple[int, int]:
    """Closed matters of life, and how many of them lack an outcome: the second is 0 unless a rule was broken."""
    outcome = sa.func.coalesce(case_events.c.body["outcome"].as_string(), "")
    counted = sa.select(sa.func.count(), sa.func.count().filter(outcome == ""))
    query = within(counted, scope)
    query = query.join_from(
        cases, case_events, (case_events.c.case_id == cases.c.id) & (case_events.c.position == cases.c.version)
    ).where(cases.c.priority == 1, cases.c.state == "closed")
    closed, without = conn.execute(query).one()
    return int(closed), int(without)


# the whole, for a table elsewhere


def exported(conn: sa.Connection, scope: Scope) -> Iterator[dict[str, Any]]:
    """Every case of a span as a row without anybody's name or address; the oldest first."""
    first, helped = first_answers(conn, scope), _helped(conn, scope)
    columns: tuple[sa.Column[Any], ...] = (
        cases.c.id, cases.c.home_id, homes.c.municipality, cases.c.priority, cases.c.kind, cases.c.opened_at,
        cases.c.abandoned_at, cases.c.spoken_at, cases.c.arrived_at, cases.c.closed_at, cases.c.late_s, cases.c.repeats,
    )  # fmt: skip
    closing = (case_events.c.case_id == cases.c.id) & (case_events.c.position == cases.c.version)
    query = within(sa.select(*columns, _SETTLED_AT_HOME, cases.c.state, case_events.c.body), scope)
    query = query.join_from(cases, homes, homes.c.id == cases.c.home_id).outerjoin(case_events, closing)
    for row in conn.execute(query.order_by(cases.c.opened_at)).mappings():
        answered_at, operator = first.get(row["id"], (None, ""))
        body = (row["body"] or {}) if row["state"] == "closed" else {}
        line: dict[str, Any] = {column.name: row[column.name] for column in columns}
        line["settled_at_home"] = int(row["settled_at_home"])
        line |= {name: body.get(name, "") for name in ("cause", "action", "outcome", "label")}
        sent_at, came_at, inside_at = helped.get(row["id"], (None, row["arrived_at"], None))
        line |= {"sent_at": sent_at, "arrived_at": came_at, "inside_at": inside_at}
        yield line | {"answered_at": answered_at, "operator": operator}


def month_scope(month: str, municipalities: frozenset[str] | None, timezone: str = "Europe/Madrid") -> Scope | None:
    """The span of "YYYY-MM" on the wall clock; None for what is no month."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    zone = ZoneInfo(timezone)
    after = (first.year + first.month // 12, first.month % 12 + 1)
    since_at = datetime(first.year, first.month, 1, tzinfo=zone).timestamp()
    return Scope(since_at, datetime(*after, 1, tzinfo=zone).timestamp(), municipalities)


def kinds_and_outcomes(conn: sa.Connection, scope: Scope) -> Counter[tuple[str, str, str]]:
    """How many calls of people there were by (kind, cause, outcome); the last two are "" while one is open."""
    cause, outcome = (sa.func.coalesce(case_events.c.body[name].as_string(), "") for name in ("cause", "outcome"))
    closing = (case_events.c.case_id == cases.c.id) & (case_events.c.position == cases.c.version)
    query = within(sa.select(cases.c.kind, cause, outcome, sa.func.count()), scope).where(cases.c.priority <= ROUTINE)
    query = query.join_from(cases, case_events, closing).group_by(cases.c.kind, cause, outcome)
    return Counter({(kind, why, end): count for kind, why, end, count in conn.execute(query)})


def homes_in(conn: sa.Connection, scope: Scope) -> frozenset[str] | None:
    """The homes of a scope's municipalities; None for all."""
    if scope.municipalities is None:
        return None
    query = sa.select(homes.c.id).where(homes.c.municipality.in_(sorted(scope.municipalities)))
    return frozenset(conn.execute(query).scalars())


def count_homes(conn: sa.Connection, scope: Scope) -> int:
    """How many homes lie in a scope's municipalities; those where only anonymised cases lie are none."""
    query = sa.select(sa.func.count()).where(~homes.c.id.startswith(PAST_PREFIX, autoescape=True))
    if scope.municipalities is not None:
        query = query.where(homes.c.municipality.in_(sorted(scope.municipalities)))
    return int(conn.execute(query).scalar_one())
