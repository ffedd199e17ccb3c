"""Alarms and findings into cases, within one transaction: which case, which event, which answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from central.alarm_cases.care_plan import for_log
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts, Way
from central.alarm_cases.home_question import ask_s, is_asked_about
from central.alarm_cases.joining import JOIN_WITHIN_S, event_time, joins, lateness_s
from central.alarm_cases.priority import Priority, priority_of, priority_of_finding
from central.alarm_cases.protocol import unanswered_at
from central.alarm_cases.transitions import Decided, Refused, opening, transition
from central.case_change import CaseChange, change_of, repeated
from central.detection.finding import Finding
from central.storage import cases, homes, rota
from central.storage.cases import AlarmRef
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind, kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, MessageType, Stage

HUB: Final = "hub"
DESK: Final = "desk"
"""Actors that are not persons."""
_HANDLED: Final = 0

log = logging.getLogger(__name__)


def alarm_into_case(
    connection: sa.Connection,
    hub: str,
    alarm: Alarm,
    payload: bytes,
    received_at: float,
    way: Way = Way.LINE,
    *,
    aloud: bool = False,
) -> tuple[AlarmAnswer, CaseChange | None]:
    """Stores an alarm message; its answer, and what changed (None: a copy, or a periodic test). `aloud` says whether
    the home has a voice."""
    name = AlarmRef(hub, alarm.ref)
    home = homes.find_by_hub(connection, hub)
    home_id = home.home_id if home else homes.reserve_unknown(connection, hub, received_at)
    homes.lock_home(connection, home_id)
    known = cases.find_alarm(connection, name)
    epoch = _epoch(alarm, payload)
    if alarm.mty is MessageType.TEST:
        cases.keep_message(connection, hub, alarm, epoch, payload, received_at)
        return AlarmAnswer(alarm.ref, _HANDLED, received_at), None
    change: CaseChange | None = None
    if known is None:
        cases.keep_message(connection, hub, alarm, epoch, payload, received_at)
        change = _first_word(connection, home_id, name, alarm, received_at, way, aloud)
        known = cases.KnownAlarm(change.case_id, received_at, None, way.value)
    else:
        if way.value not in known.ways.split(","):
            if alarm.mty is MessageType.FIRST:
                cases.keep_message(connection, hub, alarm, epoch, payload, received_at)
            change = _by_another_way(connection, name, known, alarm, way, received_at, aloud)
        news = alarm.mty is not MessageType.FIRST
        if news and cases.keep_message(connection, hub, alarm, epoch, payload, received_at):
            change = _later_word(connection, home_id, name, alarm, known, received_at, way, aloud) or change
    return _receipt(alarm.ref, known, change or _standing(connection, known.case_id, received_at)), change


def finding_into_case(
    connection: sa.Connection, finding: Finding, received_at: float, can_ask: Callable[[str], bool]
) -> Decided | Refused | None:
    """Stores a finding; what it did to its case, None when nothing, Refused when there is no such home.

    `can_ask` says of a hub whether somebody in its home can be asked now, before people are called.
    """
    if not homes.exists(connection, finding.home):
        return Refused("no_such_home")
    homes.lock_home(connection, finding.home)
    known = cases.case_of_finding(connection, finding.key)
    if known is None:
        if not finding.active:
            return None
        facts = planned(connection, _facts_of_finding(finding, received_at), received_at)
        facts = _asked_first(connection, facts, received_at, can_ask)
        decided = _into_case(connection, finding.home, facts, received_at)
        cases.add_finding(connection, finding.key, finding.home, decided.case.id, finding.since_at)
        return decided
    case_id, ended_at = known
    if finding.active or ended_at is not None:
        return None
    cases.end_finding(connection, finding.key, received_at)
    case = cases.find(connection, case_id)
    if case is None or not case.open:
        return None
    return decide(connection, case, CaseEvent(EventType.ENDED, received_at, DESK, Facts(finding=finding.key)))


def _asked_first(connection: sa.Connection, facts: Facts, now: float, can_ask: Callable[[str], bool]) -> Facts:
    """With the time for which the home itself is asked first; not where a matter of life is open, be it in secret."""
    if not is_asked_about(facts) or not can_ask(homes.hub_of(connection, facts.home)):
        return facts
    if any(case.priority is Priority.LIFE for case in cases.recent_open_cases(connection, facts.home, 0.0)):
        return facts
    timezone = ZoneInfo(rota.timezone_of(connection, facts.home))
    return msgspec.structs.replace(facts, ask_s=ask_s(facts.place, now, timezone))


def decide(connection: sa.Connection, case: Case, event: CaseEvent) -> Decided | Refused:
    """Lets an event happen to a case, and stores both if it may."""
    decided = transition(case, event)
    if isinstance(decided, Decided):
        cases.save(connection, case, decided.case, decided.event)
    return decided


def _standing(connection: sa.Connection, case_id: int, now: float) -> CaseChange:
    case = cases.find(connection, case_id)
    assert case is not None
    return repeated(connection, case, now)


def _epoch(alarm: Alarm, payload: bytes) -> str:
    """What tells messages of one alarm apart besides their number; senders that do not number are told by content."""
    return alarm.ep if alarm.seq else f"x{crc32(payload):08x}"


def _receipt(ref: str, known: cases.KnownAlarm, standing: CaseChange) -> AlarmAnswer:
    """The answer to an alarm, first or repeated: that it is stored, and how far help has come meanwhile.

    A home where somebody is threatened is told no more than that it is stored, so that it stops sending.
    """
    if standing.kind in SILENT_KINDS:
        return AlarmAnswer(ref, _HANDLED, known.received_at, Stage.RECEIVED, str(standing.case_id))
    at = known.received_at if standing.stage is Stage.RECEIVED else standing.at
    case = str(standing.case_id)
    return AlarmAnswer(ref, _HANDLED, at, standing.stage, case, standing.who, eta_minutes=standing.eta_minutes)


def _first_word(
    connection: sa.Connection, home_id: str, name: AlarmRef, alarm: Alarm, received_at: float, way: Way, aloud: bool
) -> CaseChange:
    """An alarm of which nothing was heard before, whatever its message type: a lost first message is no excuse."""
    event_at = event_time(alarm, received_at)
    withdrawn = alarm.mty is MessageType.WITHDRAWN
    facts = facts_of_alarm(home_id, name, alarm, event_at, received_at, way, aloud=aloud)
    facts = planned(connection, facts, received_at)
    decided = _into_case(connection, home_id, facts, received_at, withdrawn=withdrawn)
    cases.add_alarm(connection, name, decided.case.id, received_at, event_at, withdrawn, way)
    log.info("alarm %s of %s: case %d, %s", name.ref, name.hub, decided.case.id, decided.event.type)
    return change_of(connection, decided, name)


def _by_another_way(
    connection: sa.Connection,
    name: AlarmRef,
    known: cases.KnownAlarm,
    alarm: Alarm,
    way: Way,
    received_at: float,
    aloud: bool,
) -> CaseChange | None:
    """A copy of a known alarm by a way by which none came before: written into its case, while that is open.

    What came by SMS alone had no room for its evidence: the copy over the line brings it.
    """
    cases.add_way(connection, name, known, way)
    case = cases.find(connection, known.case_id)
    if case is None or not case.open:
        return None
    late_s = max(0.0, received_at - known.received_at)
    facts = Facts(
        hub=name.hub,
        ref=name.ref,
        way=way,
        late_s=late_s,
        evidence=alarm.evidence,
        aloud=aloud and bool(unanswered_at(alarm.evidence)),
        event_at=event_time(alarm, received_at),
    )
    log.info("alarm %s of %s: case %d, also by %s", name.ref, name.hub, case.id, way)
    return change_of(connection, _must(decide(connection, case, CaseEvent(EventType.COPIED, received_at, HUB, facts))))


def _later_word(
    connection: sa.Connection,
    home_id: str,
    name: AlarmRef,
    alarm: Alarm,
    known: cases.KnownAlarm,
    received_at: float,
    way: Way,
    aloud: bool,
) -> CaseChange | None:
    """An update or withdrawal. An update of an alarm whose case is closed is news: it opens or joins a case."""
    case = cases.find(connection, known.case_id)
    assert case is not None
    withdrawn = alarm.mty is MessageType.WITHDRAWN
    if withdrawn and (known.withdrawn_at is not None or not case.open):
        return None
    event_at = event_time(alarm, received_at)
    facts = facts_of_alarm(home_id, name, alarm, event_at, received_at, way, aloud=aloud)
    facts = planned(connection, facts, received_at)
    if not case.open:
        decided = _into_case(connection, home_id, facts, received_at)
    else:
        change = -1 if withdrawn else int(known.withdrawn_at is not None)
        facts = msgspec.structs.replace(facts, standing=change)
        event_type = EventType.RETRACTED if withdrawn else EventType.UPDATED
        decided = _must(decide(connection, case, CaseEvent(event_type, received_at, HUB, facts)))
    cases.change_alarm(connection, name, decided.case.id, received_at if withdrawn else None)
    log.info("alarm %s of %s: case %d, %s", name.ref, name.hub, decided.case.id, decided.event.type)
    return change_of(connection, decided)


def _into_case(
    connection: sa.Connection, home_id: str, facts: Facts, now: float, *, withdrawn: bool = False
) -> Decided:
    """Joins the open case of the home that the alarm or finding belongs to, or opens a new one."""
    actor = HUB if facts.ref else DESK
    case = joins(cases.recent_open_cases(connection, home_id, now - JOIN_WITHIN_S), facts.priority, now)
    if case is None:
        return open_case(connection, facts, now, actor)
    event_type = EventType.RETRACTED if withdrawn else EventType.JOINED
    facts = msgspec.structs.replace(facts, ask_s=0.0)
    return _must(decide(connection, case, CaseEvent(event_type, now, actor, facts)))


def planned(connection: sa.Connection, facts: Facts, now: float) -> Facts:
    """With the care plan that holds for this home and kind."""
    plan = rota.plan_of(connection, facts.home, facts.kind.value, now)
    return msgspec.structs.replace(facts, plan=for_log(plan))


def open_case(connection: sa.Connection, facts: Facts, now: float, actor: str) -> Decided:
    """Opens a new case, whatever else is open."""
    opened = opening(0, CaseEvent(EventType.OPENED, now, actor, facts))
    case_id = cases.add(connection, opened.case, opened.event)
    return opening(case_id, opened.event)


def open_drill(connection: sa.Connection, home_id: str, operator_id: str, now: float) -> Decided | Refused:
    """Opens the case of a test that an operator begins; the tests that the home sends join it."""
    if not homes.exists(connection, home_id):
        return Refused("no_such_home")
    homes.lock_home(connection, home_id)
    facts = Facts(home=home_id, kind=AlarmKind.TEST, priority=priority_of(AlarmKind.TEST), event_at=now, standing=1)
    return open_case(connection, facts, now, operator_id)


def _must(decided: Decided | Refused) -> Decided:
    """An alarm is never refused by an open case; the table's test says so."""
    assert isinstance(decided, Decided), decided
    return decided


def facts_of_alarm(
    home_id: str,
    name: AlarmRef,
    alarm: Alarm,
    event_at: float,
    received_at: float,
    way: Way = Way.LINE,
    *,
    aloud: bool = False,
) -> Facts:
    """What a case's log keeps of an alarm."""
    kind = kind_of(alarm.dty, alarm.stc)
    return Facts(
        home=home_id,
        hub=name.hub,
        ref=name.ref,
        way=way,
        kind=kind,
        priority=priority_of(kind, alarm.pri),
        place=_printable(alarm.lte),
        device=_printable(alarm.did),
        text=_printable(alarm.text),
        evidence=alarm.evidence,
        aloud=aloud and bool(unanswered_at(alarm.evidence)),
        event_at=event_at,
        late_s=lateness_s(event_at, received_at),
        standing=0 if alarm.mty is MessageType.WITHDRAWN else 1,
    )


def _printable(text: str) -> str:
    """Without control characters: PostgreSQL stores no NUL, and people read none of them."""
    return "".join(letter for letter in text if letter >= " ")


def _facts_of_finding(finding: Finding, received_at: float) -> Facts:
    return Facts(
        home=finding.home,
        finding=finding.key,
        kind=finding.kind,
        priority=priority_of_finding(finding.kind, finding.reason),
        place=_printable(str(finding.facts.get("room", "")))[:64],
        device=_printable(str(finding.facts.get("device", "")))[:32],
        reason=finding.reason,
        details=finding.facts,
        evidence=finding.evidence,
        event_at=finding.found_at,
        late_s=lateness_s(finding.found_at, received_at),
        standing=1,
    )
