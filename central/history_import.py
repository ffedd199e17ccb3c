"""Brings a history into the database: `llar-central import-history`. What is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from central.alarm_cases.case import Case, CaseEvent, EventType, Facts
from central.alarm_cases.priority import Priority, priority_of_finding
from central.alarm_cases.transitions import Refused, opening, transition
from central.case_intake import DESK, HUB, facts_of_alarm, planned
from central.detection.drift import CareNote
from central.history import History, PastCase, PastKey, PastStep
from central.register import SeedError
from central.storage import (
    absences,
    agenda,
    care,
    cases,
    conditions,
    drill_plans,
    home_facts,
    homes,
    installations,
    key_register,
    past,
    rota,
    settings,
    shares,
)
from central.storage.cases import AlarmRef
from central.storage.database import Database
from central.telemetry.store import Row, TelemetryStore
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm

CASES_AT_ONCE: Final = 100
"""Cases in one transaction: an alarm waits for no more of them than that."""


@dataclass(frozen=True, slots=True)
class Brought:
    """How many were written; what was there already is not counted."""

    cases: int
    open: int
    around: int


NOTHING: Final = Brought(0, 0, 0)


def import_history(database: Database, history: History, now: float) -> Brought:
    """Writes a checked history. Cases whose alarm is known already are left alone, and so is everything else of a
    history of which any case is known.

    Args:
        now: the desk's own steps are done up to this moment.

    Raises:
        SeedError: a step that the rules refuse, or a home, person or operator that is not there.
    """
    written = still_open = 0
    ordered = sorted(history.cases, key=lambda case: case.at)
    for first in range(0, len(ordered), CASES_AT_ONCE):
        with database.begin() as connection:
            for one in ordered[first : first + CASES_AT_ONCE]:
                case = _bring(connection, one, now)
                written += case is not None
                still_open += case is not None and case.open
    around = 0
    if written or not ordered:
        try:
            with database.begin() as connection:
                around = _around(connection, history, now)
        except sa.exc.IntegrityError as error:
            raise SeedError(f"the history names somebody or something that is not there: {error.orig}") from None
    return Brought(written, still_open, around)


def _bring(connection: sa.Connection, one: PastCase, now: float) -> Case | None:
    hub = homes.hub_of(connection, one.home)
    if not hub:
        raise SeedError(f"case {one.home}/{one.ref}: there is no such home")
    name = AlarmRef(hub, one.ref)
    key = f"{one.home}:{one.detector}:{one.ref}" if one.detector else ""
    known = cases.case_of_finding(connection, key) if key else cases.find_alarm(connection, name)
    if known is not None:
        return None
    opened = CaseEvent(
        EventType.OPENED, one.at, DESK if one.detector else HUB, planned(connection, _facts(one, name, key), one.at)
    )
    case, log = lived(one, opened, now)
    case_id = past.add_case(connection, case, log)
    if key:
        cases.add_finding(connection, key, one.home, case_id, one.at - one.since_s)
    else:
        withdrawn_at = case.abandoned_at if case.standing == 0 else None
        cases.add_alarm(connection, name, case_id, one.at, one.at, withdrawn=False)
        if withdrawn_at is not None:
            cases.change_alarm(connection, name, case_id, withdrawn_at)
    for message in one.messages:
        past.add_message(connection, case_id, message, one.at)
    if one.late_reason:
        past.add_late_reason(connection, case_id, one.late_reason, one.at)
    if case.priority is Priority.TEST:
        home_facts.note_drills(connection, one.home)
    return case


def _facts(one: PastCase, name: AlarmRef, key: str) -> Facts:
    if one.detector:
        return Facts(
            home=one.home, finding=key, kind=one.kind, priority=priority_of_finding(one.kind, one.reason),
            place=one.place, device=one.device, reason=one.reason, details=one.details, event_at=one.at, standing=1,
        )  # fmt: skip
    dty, stc = SCAIP_CODES[one.kind]
    alarm = Alarm(ref=one.ref, dty=dty, stc=stc, tim=one.at, did=one.device, lte=one.place)
    return facts_of_alarm(one.home, name, alarm, one.at, one.at)


def lived(one: PastCase, opened: CaseEvent, now: float) -> tuple[Case, list[CaseEvent]]:
    """A case with its log: the steps given, and between them what time does by itself. Pure.

    Raises:
        SeedError: the rules refuse a step.
    """
    case, log = opening(0, opened).case, [opened]
    for event in (*(_event(one, step) for step in one.steps), None):
        until_at = now if event is None else event.at
        for by_itself in _due(case, until_at):
            case = by_itself[0]
            log.append(by_itself[1])
        if event is None:
            break
        decided = transition(case, event)
        if isinstance(decided, Refused):
            raise SeedError(f"case {one.home}/{one.ref}: {event.type.value} is refused: {decided.reason}")
        case = decided.case
        log.append(event)
    return case, log


def _due(case: Case, until_at: float) -> Iterator[tuple[Case, CaseEvent]]:
    """What the desk does by itself in a case up to a moment: each step at its own time."""
    while case.open:
        timer = min(case.timers, key=lambda timer: timer.due_at, default=None)
        if timer is None or timer.due_at >= until_at:
            return
        wakes = timer.step == case.wake_step and timer.due_at == case.wake_at
        kind = EventType.PROMPTED
        if wakes:
            kind = EventType.RECALLED if case.ring_at is None else EventType.ESCALATED
        event = CaseEvent(kind, timer.due_at, DESK, Facts(step=timer.step))
        decided = transition(case, event)
        if isinstance(decided, Refused):
            raise SeedError(f"the desk's own step {timer.step} is refused: {decided.reason}")
        case = decided.case
        yield case, event


def _event(one: PastCase, step: PastStep) -> CaseEvent:
    at = one.at + step.after_s
    facts = Facts(
        home=one.home if step.do is EventType.JOINED else "",
        kind=one.kind if step.do is EventType.JOINED else AlarmKind.OTHER,
        text=step.text,
        reason=step.reason,
        contact=step.contact,
        channel=step.channel,
        state=step.state,
        step=step.step,
        operator=step.operator,
        eta_minutes=step.eta_minutes,
        triage=step.triage,
        silent=step.silent,
        standing=step.standing,
        recall_at=at + step.recall_after_s if step.recall_after_s else 0.0,
        cause=step.cause.value if step.cause else "",
        action=step.action.value if step.cause else "",
        outcome=step.outcome.value,
        told=step.told,
        label=step.label.value,
        explanation=step.explanation,
    )
    return CaseEvent(step.do, at, step.by, facts)


def _around(connection: sa.Connection, history: History, now: float) -> int:
    """What stands around the cases; nothing of it that is there already."""
    for absence in history.absences:
        absences.announce(
            connection, absence.resident, from_at=absence.from_at, until_at=absence.until_at,
            reason=absence.reason, note=absence.note, now=absence.announced_at, by=absence.by,
        )  # fmt: skip
        absences.refresh(connection, absence.resident, now)
    today = datetime.fromtimestamp(now, ZoneInfo("Europe/Madrid")).date()
    for condition in history.conditions:
        said = {"text": condition.text, "source": condition.source, "since": condition.since}
        conditions.add(connection, condition.resident, said, condition.written_at, condition.by)
        conditions.refresh(connection, condition.resident, today)
    for key in history.keys:
        _key(connection, key)
    for item in history.agenda:
        agenda.add_item(
            connection, item.home, item.kind.value, item.rule, now=item.made_at, by=item.by,
            timezone=rota.timezone_of(connection, item.home), resident_id=item.resident, title=item.title,
            assigned_to=item.assigned_to, from_at=item.made_at,
        )  # fmt: skip
    for consent in history.consents:
        care.give_consent(connection, consent.resident, consent.what, consent.given_at, consent.by)
    for audit in history.audits:
        hub = homes.hub_of(connection, audit.home)
        found = cases.find_alarm(connection, AlarmRef(hub, audit.ref))
        if found is not None:
            past.add_audit(connection, found.case_id, audit)
    _of_carers(connection, history)
    for note in history.notes:
        way = "more" if note.after > note.before else "less"
        said = msgspec.to_builtins(note) | {"key": f"{note.home}:drift:{note.measure}:{way}:{note.day}"}
        care.keep_note(connection, msgspec.convert(said, CareNote), now)
    for plan in history.drill_plans:
        drill_plans.plan(connection, plan.home, plan.every_days, plan.next_at, plan.by)
    for order in history.installations:
        installations.order(connection, order.home, order.ordered_at, order.by, urgent=order.urgent)
        if order.installed_at and (made := installations.of_home(connection, order.home)) is not None:
            installations.installed(connection, made.id, order.installed_at)
    for name, value in (("on_call", history.on_call), ("team", history.team)):
        if value != type(value)() and not settings.versions(connection, name):
            settings.keep(connection, name, value, now, DESK, 0)
    parts: Sequence[Sequence[Any]] = (
        history.absences, history.conditions, history.keys, history.agenda, history.consents, history.audits,
        history.shares, history.notes, history.reach_tests, history.drill_plans,
        history.installations, history.on_call.people,
    )  # fmt: skip
    return sum(len(part) for part in parts)


def _of_carers(connection: sa.Connection, history: History) -> None:
    """What contacts may see, and whether they were reached."""
    for given in history.shares:
        shares.set_shares(
            connection, given.contact, given.shares, given.at, resident_id=given.resident, by=given.by,
            said_by=given.said_by,
        )  # fmt: skip
    for test in history.reach_tests:
        past.add_reach_test(connection, test)


def import_readings(store: TelemetryStore, history: History) -> int:
    """Writes what sensors have said, before a receiver is at work; how many. Twice is as once.

    Raises:
        central.telemetry.store.StoreUnavailable: the store cannot be used.
    """
    rows = [
        Row(series.home, series.device, series.kind, at, value)
        for series in history.readings
        for at, value in series.points
    ]
    if rows:
        store.write(sorted(rows, key=lambda row: row.at))
    return len(rows)


def _key(connection: sa.Connection, key: PastKey) -> None:
    values = {"tag": key.tag, "kept": key.kept, "place": key.place, "contact_id": key.contact}
    number = key_register.register(connection, key.home, values, key.registered_at, key.by)
    registered = key_register.find(connection, key.home, number)
    if key.out_to and registered is not None:
        key_register.move(
            connection, registered, "handed_out", key.out_at, key.by, whom=key.out_to,
            back_by_at=key.back_by_at or None, state="out", out_to=key.out_to, out_at=key.out_at,
        )  # fmt: skip
