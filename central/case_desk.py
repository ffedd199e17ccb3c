"""The one door to alarm cases: each command loads, decides, and stores in one transaction, then tells who listens.

The deciding is in `central.alarm_cases`; here is the order of things around it. Nothing here waits or reads a clock:
every command is told the time. Commands may be called from any thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import msgspec
import sqlalchemy as sa

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts, State
from central.alarm_cases.closing import Closing
from central.alarm_cases.joining import JOIN_WITHIN_S, event_time, joins, lateness_s
from central.alarm_cases.priority import Priority, priority_of, priority_of_finding
from central.alarm_cases.transitions import Decided, Refused, opening, transition
from central.detection.finding import Finding
from central.notification.delivery import Delivery
from central.storage import cases, deliveries, homes
from central.storage.cases import AlarmRef
from central.storage.database import Database
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, MessageType, Stage

HUB: Final = "hub"
DESK: Final = "desk"
"""Actors that are not persons."""
EMAIL: Final = "email"
ALARM_PURPOSE: Final = "alarm"
NOBODY_REACHABLE: Final = "nobody_reachable"
REPEATED: Final = "repeated"
DUE_BATCH: Final = 200
"""Due-times looked up at once; the rest follow in the next round of the same call."""

_HANDLED: Final = 0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out and stored."""

    case: Case
    event: CaseEvent


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What is announced after a commit.

    Attributes:
        case_id, home_id: which case, whose.
        hub: the hub of its newest alarm, "" when only findings made it.
        refs: its alarms, newest first.
        state, priority, kind, place, ringing, version: the case as it stands now.
        owner_id: who holds it.
        stage, who, eta_minutes: how far help has come, as the home may say it.
        event_type, actor, at, step: what happened; `repeated` when nothing did (`CaseDesk.standing`).
    """

    case_id: int
    home_id: str
    hub: str
    refs: tuple[AlarmRef, ...]
    state: State
    priority: Priority
    kind: AlarmKind
    place: str
    ringing: bool
    version: int
    owner_id: str | None
    stage: Stage
    who: str
    eta_minutes: int | None
    event_type: str
    actor: str
    at: float
    step: str = ""


class CaseDesk:
    """Commands on cases. `announce` is called after each commit, on the caller's thread, and must not block."""

    def __init__(self, database: Database, announce: Callable[[CaseChange], None]) -> None:
        self._database = database
        self._announce = announce

    # what comes in

    def receive_alarm(self, hub: str, alarm: Alarm, payload: bytes, received_at: float) -> AlarmAnswer:
        """Takes an alarm message of a hub into a case; any number of copies is one alarm with one and the same receipt.

        A hub that nobody enrolled still gets a case, at a place of its own (`homes.reserve_unknown`). A periodic test
        (`PI`) is kept and answered but asks nobody for anything.

        Raises:
            central.storage.database.DatabaseError: nothing was stored; the message must not be acknowledged.
        """
        name = AlarmRef(hub, alarm.ref)
        change: CaseChange | None = None
        with self._database.begin() as connection:
            home = homes.find_by_hub(connection, hub)
            home_id = home.home_id if home else homes.reserve_unknown(connection, hub, received_at)
            homes.lock_home(connection, home_id)
            known = cases.find_alarm(connection, name)
            if alarm.mty is MessageType.TEST:
                cases.keep_message(connection, hub, alarm, _epoch(alarm, payload), payload, received_at)
                return AlarmAnswer(alarm.ref, _HANDLED, received_at)
            if known is None:
                cases.keep_message(connection, hub, alarm, _epoch(alarm, payload), payload, received_at)
                change = _first_word(connection, home_id, name, alarm, received_at)
                known = cases.KnownAlarm(change.case_id, received_at, None)
            elif alarm.mty is not MessageType.FIRST and cases.keep_message(
                connection, hub, alarm, _epoch(alarm, payload), payload, received_at
            ):
                change = _later_word(connection, home_id, name, alarm, known, received_at)
            standing = change or _repeated(connection, known.case_id, received_at)
        if change is not None:
            self._tell(change)
        return _receipt(alarm.ref, known, standing)

    def receive_finding(self, finding: Finding, received_at: float) -> Done | Refused | None:
        """Takes a detector's finding into a case, once for its key; None when it changes nothing.

        Raises:
            central.storage.database.DatabaseError: nothing was stored; the message must not be acknowledged.
        """
        with self._database.begin() as connection:
            if not homes.exists(connection, finding.home):
                return Refused("no_such_home")
            homes.lock_home(connection, finding.home)
            known = cases.case_of_finding(connection, finding.key)
            if known is None:
                if not finding.active:
                    return None
                decided = _into_case(connection, finding.home, _facts_of_finding(finding, received_at), received_at)
                cases.add_finding(connection, finding.key, finding.home, decided.case.id, finding.since_at)
            else:
                case_id, ended_at = known
                if finding.active or ended_at is not None:
                    return None
                cases.end_finding(connection, finding.key, received_at)
                event = CaseEvent(EventType.ENDED, received_at, DESK, Facts(finding=finding.key))
                case = cases.find(connection, case_id)
                ended = Refused("no_such_case") if case is None else _decide(connection, case, event)
                if isinstance(ended, Refused):
                    return None
                decided = ended
            change = _change(connection, decided)
        self._tell(change)
        return Done(decided.case, decided.event)

    # what people do

    def take(self, case_id: int, operator_id: str, now: float) -> Done | Refused:
        """The operator takes the case: the first wins, the other is told who and how much earlier."""
        return self._by_person(case_id, CaseEvent(EventType.TAKEN, now, operator_id))

    def talk(self, case_id: int, operator_id: str, now: float) -> Done | Refused:
        """The owner speaks with the resident."""
        return self._by_person(case_id, CaseEvent(EventType.SPOKEN, now, operator_id))

    def note(self, case_id: int, operator_id: str, text: str, now: float) -> Done | Refused:
        """Anybody at the desk writes something down."""
        return self._by_person(case_id, CaseEvent(EventType.NOTED, now, operator_id, Facts(text=text)))

    def wait(self, case_id: int, operator_id: str, recall_at: float, reason: str, now: float) -> Done | Refused:
        """The owner parks the case until a recall time, for a reason."""
        facts = Facts(recall_at=recall_at, reason=reason)
        return self._by_person(case_id, CaseEvent(EventType.PARKED, now, operator_id, facts))

    def release(self, case_id: int, operator_id: str, reason: str, now: float) -> Done | Refused:
        """The owner gives the case back to all; it rings again."""
        return self._by_person(case_id, CaseEvent(EventType.RELEASED, now, operator_id, Facts(reason=reason)))

    def on_the_way(
        self, case_id: int, operator_id: str, contact_id: str, eta_minutes: int, now: float
    ) -> Done | Refused:
        """A contact told the operator that they are going."""
        facts = Facts(contact=contact_id, eta_minutes=eta_minutes)
        return self._by_person(case_id, CaseEvent(EventType.ON_THE_WAY, now, operator_id, facts))

    def arrived(self, case_id: int, operator_id: str, contact_id: str, now: float) -> Done | Refused:
        """Somebody stands at the resident's side; `contact_id` may be "" for the one who was on the way."""
        return self._by_person(case_id, CaseEvent(EventType.ARRIVED, now, operator_id, Facts(contact=contact_id)))

    def close(self, case_id: int, operator_id: str, closing: Closing, now: float) -> Done | Refused:
        """The owner closes the case, with what it was, what was done and how it ended."""
        facts = Facts(
            cause=closing.cause.value,
            action=closing.action.value,
            outcome=closing.outcome.value,
            told=closing.told,
            text=closing.note,
            label=closing.label.value,
        )
        return self._by_person(case_id, CaseEvent(EventType.CLOSED, now, operator_id, facts))

    def notify_contact(self, case_id: int, operator_id: str, contact_id: str, now: float) -> Done | Refused:
        """The operator asks that a contact be sent a message about the case."""
        facts = Facts(contact=contact_id, channel=EMAIL, state="queued")
        return self._by_person(case_id, CaseEvent(EventType.CALLED, now, operator_id, facts))

    def _by_person(self, case_id: int, event: CaseEvent) -> Done | Refused:
        with self._database.begin() as connection:
            if cases.operator_called(connection, event.actor) is None:
                return Refused("no_such_operator")
            case = cases.find(connection, case_id)
            if case is None:
                return Refused("no_such_case")
            fault = _contact_fault(connection, case, event)
            decided = Refused(fault) if fault else _decide(connection, case, event)
            if isinstance(decided, Refused):
                return _named(connection, decided)
            if event.type is EventType.CALLED:
                deliveries.queue(connection, case.id, event.facts.contact, EMAIL, ALARM_PURPOSE, event.at)
            change = _change(connection, decided)
        self._tell(change)
        return Done(decided.case, decided.event)

    # what time does

    def work_due(self, now: float) -> float | None:
        """Acts once on everything that is due, the most overdue first; when the next is due, None when nothing waits.

        Several processes may do this at the same time: each due-time is claimed in the transaction that acts on it.
        """
        while True:
            with self._database.read() as connection:
                items = cases.due(connection, now, DUE_BATCH)
                next_at = cases.next_due_at(connection)
            if not items:
                return next_at
            for item in items:
                self._act(item, now)

    def _act(self, item: cases.Due, now: float) -> None:
        with self._database.begin() as connection:
            case = cases.find(connection, item.case_id)
            if case is None or not cases.claim(connection, item, now):
                return
            facts = Facts(step=item.step, late_s=max(0.0, now - item.due_at))
            if case.ring_at is None:
                event = CaseEvent(EventType.RECALLED, now, DESK, facts)
            else:
                if item.step == escalation.FIRST_CARER:
                    facts = _ask_next(connection, case, facts, now)
                event = CaseEvent(EventType.ESCALATED, now, DESK, facts)
            decided = _decide(connection, case, event)
            if isinstance(decided, Refused):
                log.error("case %d: due step %s refused: %s", item.case_id, item.step, decided.reason)
                return
            change = _change(connection, decided)
        self._tell(change)

    def record_delivery(self, delivery: Delivery, now: float) -> None:
        """Stores what became of a message to a contact, and writes it into the log of a case that is still open."""
        with self._database.begin() as connection:
            deliveries.save(connection, delivery, now)
            case = cases.find(connection, delivery.case_id)
            facts = Facts(
                contact=delivery.contact_id, channel=delivery.channel, state=delivery.state.value, text=delivery.fault
            )
            decided = (
                Refused("no_such_case")
                if case is None
                else _decide(connection, case, CaseEvent(EventType.TOLD, now, DESK, facts))
            )
            if isinstance(decided, Refused):
                return
            change = _change(connection, decided)
        self._tell(change)

    # what others ask

    def standing(self, now: float) -> list[CaseChange]:
        """How every open case stands, as a change that changes nothing: for those who start."""
        with self._database.read() as connection:
            return [_repeat(connection, case, now) for case in cases.open_cases(connection)]

    def _tell(self, change: CaseChange) -> None:
        try:
            self._announce(change)
        except Exception:  # the command is committed: a listener's fault must not look like its failure
            log.exception("case %d: a listener failed on %s", change.case_id, change.event_type)


def _epoch(alarm: Alarm, payload: bytes) -> str:
    """What tells messages of one alarm apart besides their number; senders that do not number are told by content."""
    return alarm.ep if alarm.seq else f"x{crc32(payload):08x}"


def _receipt(ref: str, known: cases.KnownAlarm, standing: CaseChange) -> AlarmAnswer:
    """The answer to an alarm, first or repeated: that it is stored, and how far help has come meanwhile."""
    at = known.received_at if standing.stage is Stage.RECEIVED else standing.at
    case = str(standing.case_id)
    return AlarmAnswer(ref, _HANDLED, at, standing.stage, case, standing.who, eta_minutes=standing.eta_minutes)


def _first_word(
    connection: sa.Connection, home_id: str, name: AlarmRef, alarm: Alarm, received_at: float
) -> CaseChange:
    """An alarm of which nothing was heard before, whatever its message type: a lost first message is no excuse."""
    event_at = event_time(alarm, received_at)
    withdrawn = alarm.mty is MessageType.WITHDRAWN
    facts = _facts_of_alarm(home_id, name, alarm, event_at, received_at)
    decided = _into_case(connection, home_id, facts, received_at, withdrawn=withdrawn)
    cases.add_alarm(connection, name, decided.case.id, received_at, event_at, withdrawn)
    log.info("alarm %s of %s: case %d, %s", name.ref, name.hub, decided.case.id, decided.event.type)
    return _change(connection, decided, name)


def _later_word(
    connection: sa.Connection,
    home_id: str,
    name: AlarmRef,
    alarm: Alarm,
    known: cases.KnownAlarm,
    received_at: float,
) -> CaseChange | None:
    """An update or withdrawal. An update of an alarm whose case is closed is news: it opens or joins a case."""
    case = cases.find(connection, known.case_id)
    assert case is not None
    withdrawn = alarm.mty is MessageType.WITHDRAWN
    if withdrawn and (known.withdrawn_at is not None or not case.open):
        return None
    event_at = event_time(alarm, received_at)
    facts = _facts_of_alarm(home_id, name, alarm, event_at, received_at)
    if not case.open:
        decided = _into_case(connection, home_id, facts, received_at)
    else:
        change = -1 if withdrawn else int(known.withdrawn_at is not None)
        facts = msgspec.structs.replace(facts, standing=change)
        event_type = EventType.RETRACTED if withdrawn else EventType.UPDATED
        decided = _must(_decide(connection, case, CaseEvent(event_type, received_at, HUB, facts)))
    cases.change_alarm(connection, name, decided.case.id, received_at if withdrawn else None)
    log.info("alarm %s of %s: case %d, %s", name.ref, name.hub, decided.case.id, decided.event.type)
    return _change(connection, decided)


def _into_case(
    connection: sa.Connection, home_id: str, facts: Facts, now: float, *, withdrawn: bool = False
) -> Decided:
    """Joins the open case of the home that the alarm or finding belongs to, or opens a new one."""
    actor = HUB if facts.ref else DESK
    case = joins(cases.recent_open_cases(connection, home_id, now - JOIN_WITHIN_S), facts.priority, now)
    if case is None:
        opened = opening(0, CaseEvent(EventType.OPENED, now, actor, facts))
        case_id = cases.add(connection, opened.case, opened.event)
        return opening(case_id, opened.event)
    event_type = EventType.RETRACTED if withdrawn else EventType.JOINED
    return _must(_decide(connection, case, CaseEvent(event_type, now, actor, facts)))


def _decide(connection: sa.Connection, case: Case, event: CaseEvent) -> Decided | Refused:
    decided = transition(case, event)
    if isinstance(decided, Decided):
        cases.save(connection, case, decided.case, decided.event)
    return decided


def _must(decided: Decided | Refused) -> Decided:
    """An alarm is never refused by an open case; the table's test says so."""
    assert isinstance(decided, Decided), decided
    return decided


def _facts_of_alarm(home_id: str, name: AlarmRef, alarm: Alarm, event_at: float, received_at: float) -> Facts:
    kind = kind_of(alarm.dty, alarm.stc)
    return Facts(
        home=home_id,
        hub=name.hub,
        ref=name.ref,
        kind=kind,
        priority=priority_of(kind, alarm.pri),
        place=_printable(alarm.lte),
        device=_printable(alarm.did),
        text=_printable(alarm.text),
        evidence=alarm.evidence,
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
        place=str(finding.facts.get("room", ""))[:64],
        device=str(finding.facts.get("device", ""))[:32],
        reason=finding.reason,
        details=finding.facts,
        evidence=finding.evidence,
        event_at=finding.found_at,
        late_s=lateness_s(finding.found_at, received_at),
        standing=1,
    )


def _ask_next(connection: sa.Connection, case: Case, facts: Facts, now: float) -> Facts:
    """Queues a message to the next contact; says in the log when there is nobody to ask."""
    contact = escalation.next_contact(
        deliveries.roster(connection, case.home_id), deliveries.asked(connection, case.id)
    )
    if contact is None:
        log.warning("case %d: nobody can be reached by message", case.id)
        return msgspec.structs.replace(facts, state=NOBODY_REACHABLE)
    deliveries.queue(connection, case.id, contact.contact_id, EMAIL, ALARM_PURPOSE, now)
    return msgspec.structs.replace(facts, contact=contact.contact_id, channel=EMAIL, state="queued")


def _contact_fault(connection: sa.Connection, case: Case, event: CaseEvent) -> str:
    """Why the contact named in an operator's command will not do; "" when they will, or none is named."""
    contact_id = event.facts.contact
    if not contact_id:
        return "no_such_contact" if event.type in {EventType.CALLED, EventType.ON_THE_WAY} else ""
    found = next((c for c in deliveries.roster(connection, case.home_id) if c.contact_id == contact_id), None)
    if found is None:
        return "no_such_contact"
    if event.type is not EventType.CALLED:
        return ""
    if not found.email:
        return "unreachable"
    return "already_asked" if contact_id in deliveries.asked(connection, case.id) else ""


def _named(connection: sa.Connection, refused: Refused) -> Refused:
    called = cases.operator_called(connection, refused.who) if refused.who else None
    return Refused(refused.reason, refused.who, refused.before_s, called or refused.who)


def _repeated(connection: sa.Connection, case_id: int, now: float) -> CaseChange:
    case = cases.find(connection, case_id)
    assert case is not None
    return _repeat(connection, case, now)


def _repeat(connection: sa.Connection, case: Case, now: float) -> CaseChange:
    return _change(connection, Decided(case, CaseEvent(EventType.NOTED, now, DESK)), event_type=REPEATED)


def _change(
    connection: sa.Connection, decided: Decided, only: AlarmRef | None = None, event_type: str = ""
) -> CaseChange:
    """What to announce. `only` spares the look-up when a new case has just this alarm."""
    case, event = decided.case, decided.event
    fresh = only is not None and case.version == 1
    refs = (only,) if fresh and only else tuple(cases.alarms_of(connection, case.id))
    who, eta_minutes = _helper(connection, case, event.at)
    return CaseChange(
        case_id=case.id,
        home_id=case.home_id,
        hub=refs[0].hub if refs else "",
        refs=refs,
        state=case.state,
        priority=case.priority,
        kind=case.kind,
        place=case.place,
        ringing=case.ring_at is not None,
        version=case.version,
        owner_id=case.owner_id,
        stage=case.stage,
        who=who,
        eta_minutes=eta_minutes,
        event_type=event_type or event.type.value,
        actor=event.actor,
        at=event.at,
        step=event.facts.step,
    )


def _helper(connection: sa.Connection, case: Case, now: float) -> tuple[str, int | None]:
    """The name of the person who helps at this stage, and in how many minutes they come."""
    if case.stage in {Stage.ON_THE_WAY, Stage.ARRIVED} and case.helper_id:
        who = cases.contact_called(connection, case.home_id, case.helper_id) or ""
        coming = case.stage is Stage.ON_THE_WAY and case.eta_at is not None
        return who[:64], max(0, round(((case.eta_at or now) - now) / 60)) if coming else None
    if case.owner_id is None:
        return "", None
    return (cases.operator_called(connection, case.owner_id) or "")[:64], None
