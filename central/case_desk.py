"""The one door to alarm cases: each command loads, decides, and stores in one transaction, then tells who listens.

The deciding is in `central.alarm_cases`; here is the order of things around it. Nothing here waits or reads a clock:
every command is told the time. Commands may be called from any thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import sqlalchemy as sa

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts, State, Way
from central.alarm_cases.closing import Closing
from central.alarm_cases.priority import Priority
from central.alarm_cases.transitions import Decided, Refused
from central.case_change import CaseChange, change_of, repeated
from central.case_intake import DESK, alarm_into_case, decide, finding_into_case
from central.detection.finding import Finding
from central.notification.delivery import Delivery, DeliveryState
from central.storage import cases, deliveries
from central.storage.database import Database, DatabaseError, try_again
from gateway.contract.messages import Alarm, AlarmAnswer

__all__ = ["NOBODY_REACHABLE", "CaseChange", "CaseDesk", "Done", "Refused"]

EMAIL: Final = "email"
ALARM_PURPOSE: Final = "alarm"
NOBODY_REACHABLE: Final = "nobody_reachable"
DUE_BATCH: Final = 200
"""Due-times looked up at once; the rest follow in the next round of the same call."""
STUCK_RETRY_S: Final = 30.0
"""A due-time that met a fault of ours is tried again after this."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The command was carried out and stored."""

    case: Case
    event: CaseEvent


class CaseDesk:
    """Commands on cases. `announce` is called after each commit, on the caller's thread, and must not block."""

    def __init__(self, database: Database, announce: Callable[[CaseChange], None]) -> None:
        self._database = database
        self._announce = announce

    # what comes in

    def receive_alarm(
        self, hub: str, alarm: Alarm, payload: bytes, received_at: float, way: Way = Way.LINE
    ) -> AlarmAnswer:
        """Takes an alarm message of a hub into a case; any number of copies is one alarm with one and the same receipt.

        A hub that nobody enrolled still gets a case, at a place of its own (`homes.reserve_unknown`). A periodic test
        (`PI`) is kept and answered but asks nobody for anything.

        Raises:
            central.storage.database.DatabaseError: nothing was stored; the message must not be acknowledged.
        """
        with self._database.begin() as connection:
            answer, change = alarm_into_case(connection, hub, alarm, payload, received_at, way)
        if change is not None:
            self._tell(change)
        return answer

    def receive_finding(self, finding: Finding, received_at: float) -> Done | Refused | None:
        """Takes a detector's finding into a case, once for its key; None when it changes nothing.

        Raises:
            central.storage.database.DatabaseError: nothing was stored; the message must not be acknowledged.
        """
        with self._database.begin() as connection:
            decided = finding_into_case(connection, finding, received_at)
            if not isinstance(decided, Decided):
                return decided
            change = change_of(connection, decided)
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
        return self._by_person(case_id, CaseEvent(EventType.CLOSED, now, operator_id, facts_of_closing(closing)))

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
            decided = Refused(fault) if fault else decide(connection, case, event)
            if isinstance(decided, Refused):
                return _named(connection, decided)
            if event.type is EventType.CALLED:
                deliveries.queue(connection, case.id, event.facts.contact, EMAIL, ALARM_PURPOSE, event.at)
            change = change_of(connection, decided)
        self._tell(change)
        return Done(decided.case, decided.event)

    # what time does

    def work_due(self, now: float) -> float | None:
        """Acts once on everything that is due, the most overdue first; when the next is due, None when nothing waits.

        Several processes may do this at the same time: each due-time is claimed in the transaction that acts on it.
        A case that cannot be acted on, by a fault of ours, does not hold up the others; it stays due.

        Raises:
            central.storage.database.DatabaseError: the database is away; what was not done stays due.
        """
        stuck: set[cases.Due] = set()
        while True:
            with self._database.read() as connection:
                items = [item for item in cases.due(connection, now, DUE_BATCH + len(stuck)) if item not in stuck]
                next_at = cases.next_due_at(connection, now)
            if not items:
                retry_at = now + STUCK_RETRY_S if stuck else None
                return min((at for at in (next_at, retry_at) if at is not None), default=None)
            for item in items:
                try:
                    self._act(item, now)
                except Exception as error:
                    if isinstance(error, DatabaseError) and try_again(error):
                        raise
                    log.exception("case %d: due step %s cannot be done", item.case_id, item.step)
                    stuck.add(item)

    def _act(self, item: cases.Due, now: float) -> None:
        with self._database.begin() as connection:
            case = cases.find(connection, item.case_id)
            if case is None or not cases.claim(connection, item, now):
                return
            facts = Facts(step=item.step, late_s=max(0.0, now - item.due_at))
            if case.ring_at is None:
                event = CaseEvent(EventType.RECALLED, now, DESK, facts)
            else:
                if item.step == escalation.FIRST_CARER or _failed_to_tell(connection, case, item.step):
                    facts = _ask_next(connection, case, facts, now)
                event = CaseEvent(EventType.ESCALATED, now, DESK, facts)
            decided = decide(connection, case, event)
            assert isinstance(decided, Decided), decided
            change = change_of(connection, decided)
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
                else decide(connection, case, CaseEvent(EventType.TOLD, now, DESK, facts))
            )
            if isinstance(decided, Refused):
                return
            change = change_of(connection, decided)
        self._tell(change)

    # what others ask

    def standing(self, now: float) -> list[CaseChange]:
        """How every open case stands, as a change that changes nothing: for those who start."""
        with self._database.read() as connection:
            return [repeated(connection, case, now) for case in cases.open_cases(connection)]

    def closed_since(self, since_at: float) -> list[cases.ClosedAlarm]:
        """The alarms of the cases closed since then, the longest closed first."""
        with self._database.read() as connection:
            return cases.closed_since(connection, since_at)

    def _tell(self, change: CaseChange) -> None:
        try:
            self._announce(change)
        except Exception:  # the command is committed: a listener's fault must not look like its failure
            log.exception("case %d: a listener failed on %s", change.case_id, change.event_type)


def facts_of_closing(closing: Closing) -> Facts:
    """What a case's log keeps of an operator's closing words."""
    return Facts(
        cause=closing.cause.value,
        action=closing.action.value,
        outcome=closing.outcome.value,
        told=closing.told,
        text=closing.note,
        label=closing.label.value,
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


def _failed_to_tell(connection: sa.Connection, case: Case, step: str) -> bool:
    """Whether carers should know by now of a matter of life, and every message to one has failed for good."""
    later_steps = {escalation.HOME_REASSURED, escalation.EXCEPTION, escalation.STILL_RINGING}
    if case.priority is not Priority.LIFE or case.state is State.WITHDRAWN or step not in later_steps:
        return False
    states = {delivery.state for delivery in deliveries.of_case(connection, case.id)}
    return states == {DeliveryState.FAILED}


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
