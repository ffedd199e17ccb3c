"""Cases, their logs, the alarms and findings in them, and their due-times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from central.alarm_cases.care_plan import CarePlan, as_body
from central.alarm_cases.case import TEAM, Case, CaseEvent, EventType, Facts, State, Timer, Way
from central.alarm_cases.priority import Priority
from central.storage import settings, webhooks
from central.storage.database import insert_new, put, read_or_lock, writes
from central.storage.tables import (
    alarm_messages,
    alarms,
    case_events,
    cases,
    contacts,
    due_times,
    findings,
    homes,
    operators,
)
from central.texts import later, translator
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind
from gateway.contract.messages import Alarm


class AlarmRef(NamedTuple):
    """What names an alarm for ever."""

    hub: str
    ref: str


class KnownAlarm(NamedTuple):
    """An alarm that was taken into a case; `ways` are those by which copies of it came, divided by commas."""

    case_id: int
    received_at: float
    withdrawn_at: float | None
    ways: str


class ClosedAlarm(NamedTuple):
    """An alarm of a closed case; `who` closed it, `at` is when."""

    hub: str
    ref: str
    case_id: int
    version: int
    at: float
    who: str


class Due(NamedTuple):
    """A case on which the desk must act."""

    case_id: int
    step: str
    due_at: float


class StaleCase(Exception):
    """Somebody else changed the case between loading and saving; nothing was stored, try again."""


_COLUMNS: Final = tuple(column.name for column in fields(Case))

# Building a statement costs more than running it; those on an alarm's way are built once. SQLite plans a statement anew
# at every run when a parameter stands where it weighs a partial index or a LIKE: there the value is part of the text.
_OPEN: Final = cases.c.state != sa.literal_column(f"'{State.CLOSED.value}'")
_FIND: Final = read_or_lock(sa.select(cases).where(cases.c.id == sa.bindparam("case")))
_RECENT: Final = read_or_lock(
    sa.select(cases).where(
        cases.c.home_id == sa.bindparam("home"),
        _OPEN,
        cases.c.last_alarm_at >= sa.bindparam("since"),
    )
)
_FIND_ALARM: Final = sa.select(alarms.c.case_id, alarms.c.received_at, alarms.c.withdrawn_at, alarms.c.ways).where(
    alarms.c.hub == sa.bindparam("hub"), alarms.c.ref == sa.bindparam("ref")
)
_ALARMS_OF: Final = (
    sa.select(alarms.c.hub, alarms.c.ref)
    .where(alarms.c.case_id == sa.bindparam("case"))
    .order_by(alarms.c.received_at.desc(), alarms.c.ref)
)
_DUE: Final = (
    sa.select(due_times.c.case_id, due_times.c.step, due_times.c.due_at)
    .where(due_times.c.done_at.is_(None), due_times.c.due_at <= sa.bindparam("now"))
    .order_by(due_times.c.due_at, due_times.c.case_id)
    .limit(sa.bindparam("most"))
)
_NEXT_DUE: Final = sa.select(sa.func.min(due_times.c.due_at)).where(
    due_times.c.done_at.is_(None), due_times.c.due_at > sa.bindparam("after")
)
_OPERATOR_CALLED: Final = sa.select(operators.c.called).where(
    operators.c.id == sa.bindparam("operator"), ~operators.c.disabled
)
_CLAIM: Final = sa.update(due_times).where(
    due_times.c.case_id == sa.bindparam("case"),
    due_times.c.step == sa.bindparam("which"),
    due_times.c.due_at == sa.bindparam("since"),
    due_times.c.done_at.is_(None),
)
_FORGET_DUE: Final = sa.delete(due_times).where(
    due_times.c.case_id == sa.bindparam("case"), due_times.c.done_at.is_(None)
)
_SAVE: Final = sa.update(cases).where(cases.c.id == sa.bindparam("case"), cases.c.version == sa.bindparam("loaded"))
_ADD_CASE: Final = sa.insert(cases).returning(cases.c.id)
_ADD_EVENT: Final = sa.insert(case_events)
_ADD_ALARM: Final = sa.insert(alarms)
_ADD_DUE: Final = sa.insert(due_times)


def find(connection: sa.Connection, case_id: int) -> Case | None:
    """The case; None when there is no such case. For who may write it is locked against other writers, where the
    database locks rows."""
    row = connection.execute(_FIND[writes(connection)], {"case": case_id}).first()
    return None if row is None else _case(row)


def open_cases(connection: sa.Connection) -> list[Case]:
    """All open cases, the most urgent first, then the oldest."""
    query = sa.select(cases).where(cases.c.state != State.CLOSED.value).order_by(cases.c.priority, cases.c.opened_at)
    return [_case(row) for row in connection.execute(query)]


def closed_since(connection: sa.Connection, since_at: float) -> list[ClosedAlarm]:
    """The alarms of the cases closed since then, the longest closed first; of those that homes are told of at all."""
    query = (
        sa.select(
            alarms.c.hub,
            alarms.c.ref,
            cases.c.id,
            cases.c.version,
            cases.c.closed_at,
            sa.func.coalesce(operators.c.called, ""),
        )
        .join(alarms, alarms.c.case_id == cases.c.id)
        .outerjoin(operators, operators.c.id == cases.c.owner_id)
        .where(cases.c.closed_at >= since_at, cases.c.kind.not_in([kind.value for kind in SILENT_KINDS]))
        .order_by(cases.c.closed_at)
    )
    return [ClosedAlarm(*row) for row in connection.execute(query)]


def recent_open_cases(connection: sa.Connection, home_id: str, since_at: float) -> list[Case]:
    """The open cases of a home with an alarm since then, in no order; locked as by `find`."""
    return [_case(row) for row in connection.execute(_RECENT[writes(connection)], {"home": home_id, "since": since_at})]


def events_of(connection: sa.Connection, case_id: int) -> list[CaseEvent]:
    """A case's log, oldest first."""
    query = sa.select(case_events).where(case_events.c.case_id == case_id).order_by(case_events.c.position)
    return [
        CaseEvent(EventType(row.type), row.at, row.actor, msgspec.convert(row.body, Facts))
        for row in connection.execute(query)
    ]


def add(connection: sa.Connection, case: Case, event: CaseEvent) -> int:
    """Stores a new case with its first event; the case's number."""
    values = _values(case)
    del values["id"]
    case_id = int(connection.execute(_ADD_CASE, values).scalar_one())
    _log(connection, case_id, 1, event)
    webhooks.queue_news(connection, replace(case, id=case_id), event, 1)
    due_at = {"case_id": case_id, "step": case.wake_step, "due_at": case.wake_at}
    connection.execute(_ADD_DUE, due_at)
    return case_id


def add_whole(connection: sa.Connection, case: Case, log: Sequence[CaseEvent]) -> int:
    """Stores a case of the past with its whole log, what it waits for included; nobody is told. The case's number."""
    values = _values(case)
    del values["id"]
    case_id = int(connection.execute(_ADD_CASE, values).scalar_one())
    rows = [_row_of(case_id, position, event) for position, event in enumerate(log, start=1)]
    connection.execute(_ADD_EVENT, rows)
    for timer in case.timers:
        _wait(connection, case_id, timer)
    return case_id


def save(connection: sa.Connection, before: Case, after: Case, event: CaseEvent) -> None:
    """Stores what an event made of a case.

    Raises:
        StaleCase: the case is no longer as it was loaded.
    """
    values = _values(after)
    known = _values(before)
    changed = {name: value for name, value in values.items() if value != known[name]}
    if connection.execute(_SAVE, {**changed, "case": before.id, "loaded": before.version}).rowcount != 1:
        raise StaleCase(before.id)
    _log(connection, before.id, after.version, event)
    webhooks.queue_news(connection, after, event, after.version)
    if before.timers != after.timers:
        connection.execute(_FORGET_DUE, {"case": before.id})
        for timer in after.timers:
            _wait(connection, before.id, timer)


def due(connection: sa.Connection, now: float, limit: int) -> list[Due]:
    """What is due, the most overdue first."""
    return [Due(*row) for row in connection.execute(_DUE, {"now": now, "most": limit})]


def next_due_at(connection: sa.Connection, after: float) -> float | None:
    """When the desk must act next, after that moment; None when nothing is due then."""
    return connection.execute(_NEXT_DUE, {"after": after}).scalar()


def newest_at(connection: sa.Connection) -> float:
    """When something last happened in any open case, by the clock of then; 0 for no open case."""
    query = sa.select(sa.func.max(case_events.c.at)).join(cases, cases.c.id == case_events.c.case_id).where(_OPEN)
    return connection.execute(query).scalar() or 0.0


def claim(connection: sa.Connection, item: Due, now: float) -> bool:
    """Marks a due-time as acted on; false when another process was first or the case has moved on."""
    this = {"case": item.case_id, "which": item.step, "since": item.due_at}
    acted = {"done_at": now, "late_s": max(0.0, now - item.due_at)}
    return connection.execute(_CLAIM, {**this, **acted}).rowcount == 1


def find_alarm(connection: sa.Connection, name: AlarmRef) -> KnownAlarm | None:
    """The alarm of that name, if it was ever received."""
    row = connection.execute(_FIND_ALARM, name._asdict()).first()
    return None if row is None else KnownAlarm(*row)


def add_alarm(
    connection: sa.Connection,
    name: AlarmRef,
    case_id: int,
    received_at: float,
    event_at: float,
    withdrawn: bool,
    way: Way = Way.LINE,
) -> None:
    """Writes that an alarm belongs to a case, and by which way it came first."""
    times = {"received_at": received_at, "event_at": event_at, "withdrawn_at": received_at if withdrawn else None}
    connection.execute(_ADD_ALARM, {**name._asdict(), "case_id": case_id, "ways": way.value, **times})


def add_way(connection: sa.Connection, name: AlarmRef, known: KnownAlarm, way: Way) -> None:
    """Writes that a copy of an alarm came by another way too."""
    this = sa.and_(alarms.c.hub == name.hub, alarms.c.ref == name.ref)
    connection.execute(sa.update(alarms).where(this).values(ways=f"{known.ways},{way.value}"))


def change_alarm(connection: sa.Connection, name: AlarmRef, case_id: int, withdrawn_at: float | None) -> None:
    """Moves an alarm to a case, and says whether it stands."""
    connection.execute(
        sa.update(alarms)
        .where(alarms.c.hub == name.hub, alarms.c.ref == name.ref)
        .values(case_id=case_id, withdrawn_at=withdrawn_at)
    )


def alarms_of(connection: sa.Connection, case_id: int) -> list[AlarmRef]:
    """The alarms in a case, newest first."""
    return [AlarmRef(*row) for row in connection.execute(_ALARMS_OF, {"case": case_id})]


def keep_message(
    connection: sa.Connection, hub: str, alarm: Alarm, epoch: str, payload: bytes, received_at: float
) -> bool:
    """Keeps an alarm message as it came; false when the same message (by numbering) is there already."""
    return insert_new(
        connection,
        alarm_messages,
        {
            "hub": hub,
            "ref": alarm.ref,
            "mty": alarm.mty.value,
            "sequence": alarm.seq,
            "epoch": epoch,
            "received_at": received_at,
            "body": payload.decode("utf-8", "replace"),
        },
    )


def add_finding(connection: sa.Connection, key: str, home_id: str, case_id: int, since_at: float) -> None:
    """Writes that a finding was taken into a case."""
    connection.execute(
        sa.insert(findings).values(key=key, home_id=home_id, case_id=case_id, since_at=since_at, ended_at=None)
    )


def case_of_finding(connection: sa.Connection, key: str) -> tuple[int, float | None] | None:
    """The case a finding was taken into and when it ended; None when it was never received."""
    row = connection.execute(sa.select(findings.c.case_id, findings.c.ended_at).where(findings.c.key == key)).first()
    return None if row is None else (row[0], row[1])


def open_finding(connection: sa.Connection, home_id: str, prefix: str) -> str:
    """The key of a home's finding that begins so and has not ended; "" for none."""
    query = sa.select(findings.c.key).where(
        findings.c.home_id == home_id, findings.c.ended_at.is_(None), findings.c.key.startswith(prefix, autoescape=True)
    )
    return connection.execute(query.order_by(findings.c.since_at.desc())).scalar() or ""


def open_findings(connection: sa.Connection, prefix: str) -> dict[str, str]:
    """Home -> the key of its finding that begins so and has not ended."""
    query = sa.select(findings.c.home_id, findings.c.key).where(
        findings.c.ended_at.is_(None), findings.c.key.startswith(prefix, autoescape=True)
    )
    return {row.home_id: row.key for row in connection.execute(query)}


def end_finding(connection: sa.Connection, key: str, now: float) -> None:
    """Writes that the situation has ended by itself."""
    connection.execute(sa.update(findings).where(findings.c.key == key).values(ended_at=now))


def operator_called(connection: sa.Connection, operator_id: str) -> str | None:
    """The operator's name to be used; None when there is no such operator, or they may not work any more."""
    return connection.execute(_OPERATOR_CALLED, {"operator": operator_id}).scalar()


def contact_called(connection: sa.Connection, home_id: str, contact_id: str) -> str | None:
    """The name of a contact of that home, or of the response team; None when there is no such contact there."""
    if contact_id == TEAM:
        return settings.current(connection).team.called or _team_called(connection, home_id)
    query = sa.select(contacts.c.called).where(contacts.c.id == contact_id, contacts.c.home_id == home_id)
    return connection.execute(query).scalar()


def _team_called(connection: sa.Connection, home_id: str) -> str:
    """What the response team is called, in the home's language, where the service has given it no name."""
    language = connection.execute(sa.select(homes.c.language).where(homes.c.id == home_id)).scalar()
    return translator(language or "").gettext(THE_TEAM)


THE_TEAM: Final = later("The response team")


def _log(connection: sa.Connection, case_id: int, position: int, event: CaseEvent) -> None:
    connection.execute(_ADD_EVENT, _row_of(case_id, position, event))


def _row_of(case_id: int, position: int, event: CaseEvent) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "position": position,
        "at": event.at,
        "type": event.type.value,
        "actor": event.actor,
        "body": msgspec.to_builtins(event.facts),
    }


def _wait(connection: sa.Connection, case_id: int, timer: Timer) -> None:
    values = {"due_at": timer.due_at, "done_at": None, "late_s": None}
    put(connection, due_times, {"case_id": case_id, "step": timer.step, **values})


def _values(case: Case) -> dict[str, Any]:
    values = {name: getattr(case, name) for name in _COLUMNS}
    plan = as_body(case.plan)
    return values | {"state": case.state.value, "priority": int(case.priority), "kind": case.kind.value, "plan": plan}


def _case(row: sa.Row[Any]) -> Case:
    return case_in(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def case_in(row: sa.RowMapping) -> Case:
    """The case in a row that holds the columns of `cases`, perhaps among others."""
    values = {name: row[name] for name in _COLUMNS}
    values["state"] = State(values["state"])
    values["priority"] = Priority(values["priority"])
    values["kind"] = AlarmKind(values["kind"])
    values["plan"] = msgspec.convert(values["plan"], CarePlan)
    return Case(**values)
