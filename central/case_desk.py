"""The one door to alarm cases: each command loads, decides, and stores in one transaction, then tells who listens.

The deciding is in `central.alarm_cases`; here is the order of things around it. Nothing here waits or reads a clock:
every command is told the time. Commands may be called from any thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import sqlalchemy as sa

from central import asking, checklist, family_summary, follow_up
from central.alarm_cases import escalation, protocol
from central.alarm_cases.case import TEAM, Case, CaseEvent, EventType, Facts, Way
from central.alarm_cases.closing import Closing
from central.alarm_cases.rota import ASK_AGAIN_S
from central.alarm_cases.transitions import Decided, Refused
from central.asking import NOBODY_REACHABLE
from central.case_change import CaseChange, change_of, repeated
from central.case_intake import DESK, alarm_into_case, decide, finding_into_case, open_drill
from central.detection.finding import Finding
from central.flood import group_silences
from central.storage import cases, deliveries, rota, settings
from central.storage.database import Database, DatabaseError, try_again
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind
from gateway.contract.messages import Alarm, AlarmAnswer

__all__ = ["NOBODY_ON_CALL", "NOBODY_REACHABLE", "CaseChange", "CaseDesk", "Done", "Refused"]

NOBODY_ON_CALL: Final = "nobody_on_call"
"""In the log: the supervisor's step has come, and the service has written down nobody whom it could call."""
EMAIL: Final = "email"
PHONE: Final = "phone"
"""The operator's own telephone: no message goes out."""
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
    """Commands on cases. `announce` is called after each commit, on the caller's thread, and must not block.

    `channels` are the names of the channels by which this centre can write or ring by itself; `can_ask` says of a hub
    whether somebody in its home can be asked something now, and `speaks` whether it is said aloud there.
    """

    def __init__(
        self,
        database: Database,
        announce: Callable[[CaseChange], None],
        channels: Collection[str] = (EMAIL,),
        can_ask: Callable[[str], bool] = lambda _hub: False,
        speaks: Callable[[str], bool] = lambda _hub: False,
    ) -> None:
        self.database = database
        self.channels = tuple(channels)
        self._can_ask, self._speaks = can_ask, speaks
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
        with self.database.begin() as connection:
            answer, change = alarm_into_case(connection, hub, alarm, payload, received_at, way, aloud=self._speaks(hub))
        if change is not None:
            self.tell(change)
        return answer

    def receive_finding(self, finding: Finding, received_at: float, none_heard: bool = False) -> Done | Refused | None:
        """Takes a detector's finding into a case, once for its key; None when it changes nothing. `none_heard` says
        that not one home is heard now.

        Raises:
            central.storage.database.DatabaseError: nothing was stored; the message must not be acknowledged.
        """
        with self.database.begin() as connection:
            decided = finding_into_case(connection, finding, received_at, self._can_ask)
            if not isinstance(decided, Decided):
                return decided
            changes = [change_of(connection, decided)]
            if decided.case.kind is AlarmKind.HUB_SILENT:
                changes += group_silences(connection, received_at, none_heard=none_heard)
        for change in changes:
            self.tell(change)
        return Done(decided.case, decided.event)

    def start_drill(self, home_id: str, operator_id: str, now: float) -> Done | Refused:
        """Opens a test of a home's path: the home is asked to press, and what comes joins it."""
        with self.database.begin() as connection:
            if cases.operator_called(connection, operator_id) is None:
                return Refused("no_such_operator")
            decided = open_drill(connection, home_id, operator_id, now)
            if isinstance(decided, Refused):
                return decided
            change = change_of(connection, decided)
        self.tell(change)
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

    def reopen(self, case_id: int, operator_id: str, reason: str, now: float) -> Done | Refused:
        """A closed case is opened again by a named person, for a reason, within a day; they have it in hand."""
        return self._by_person(case_id, CaseEvent(EventType.REOPENED, now, operator_id, Facts(reason=reason)))

    def hand_over(
        self, operator_id: str, reason: str, now: float, by: str = DESK, to: str = ""
    ) -> list[Done | Refused]:
        """Everything that an operator holds rings for all: their shift ends.

        Args:
            operator_id: whose cases; `by` is who says so: they themselves, a supervisor, or the desk.
            to: a colleague who is to take them: offered to them first, and named in the log; anybody may take them.
        """
        with self.database.read() as connection:
            held = [case.id for case in cases.open_cases(connection) if case.owner_id == operator_id]
        facts = Facts(reason=reason, operator=to)
        event = CaseEvent(EventType.HANDED_OVER, now, by, facts)
        return [self.happen(case_id, event, only_of=operator_id) for case_id in held]

    def console_lost(self, case_id: int, operator_id: str, since_at: float, now: float) -> Done | Refused:
        """The console at which an operator holds a case shows no sign of life since then: the case rings for all."""
        facts = Facts(operator=operator_id, event_at=since_at)
        return self.happen(case_id, CaseEvent(EventType.CONSOLE_LOST, now, DESK, facts))

    def triage(
        self, case_id: int, operator_id: str, answer: int, now: float, *, silent: bool = False
    ) -> Done | Refused:
        """The owner says what is needed, 1 to 5 (`protocol`); 5, no answer, begins the checklist, from the first step
        that was not done already."""
        facts = Facts(triage=answer, silent=silent)
        return self._by_person(case_id, CaseEvent(EventType.TRIAGED, now, operator_id, facts))

    def step(
        self, case_id: int, operator_id: str, step: str, now: float, *, skipped: bool = False, reason: str = ""
    ) -> Done | Refused:
        """The owner has done the step of the protocol that is at hand, or skips it for a reason."""
        facts = Facts(step=step, state=protocol.SKIPPED if skipped else protocol.DONE, reason=reason)
        return self._by_person(case_id, CaseEvent(EventType.STEPPED, now, operator_id, facts))

    def rang(self, case_id: int, operator_id: str, step: str, now: float) -> Done | Refused:
        """The operator rings the home, or a resident's mobile; `step` is the step of the protocol that this does."""
        return self._by_person(case_id, CaseEvent(EventType.RUNG, now, operator_id, Facts(step=step)))

    def explain(self, case_id: int, operator_id: str, explanation: str, now: float) -> Done | Refused:
        """Somebody writes why nobody took the case in time; without it the case cannot be closed."""
        facts = Facts(explanation=explanation)
        return self._by_person(case_id, CaseEvent(EventType.EXPLAINED, now, operator_id, facts))

    def on_the_way(
        self, case_id: int, operator_id: str, contact_id: str, eta_minutes: int, now: float
    ) -> Done | Refused:
        """A contact told the operator that they are going; or the response team (`TEAM`) did."""
        facts = Facts(contact=contact_id, eta_minutes=eta_minutes)
        return self._by_person(case_id, CaseEvent(EventType.ON_THE_WAY, now, operator_id, facts))

    def arrived(self, case_id: int, operator_id: str, contact_id: str, now: float) -> Done | Refused:
        """Somebody stands at the resident's side; `contact_id` may be "" for the one who was on the way."""
        return self._by_person(case_id, CaseEvent(EventType.ARRIVED, now, operator_id, Facts(contact=contact_id)))

    def inside(self, case_id: int, operator_id: str, contact_id: str, now: float) -> Done | Refused:
        """Who had arrived has got in."""
        return self._by_person(case_id, CaseEvent(EventType.INSIDE, now, operator_id, Facts(contact=contact_id)))

    def close(self, case_id: int, operator_id: str, closing: Closing, now: float) -> Done | Refused:
        """The owner closes the case, with what it was, what was done and how it ended."""
        return self._by_person(case_id, CaseEvent(EventType.CLOSED, now, operator_id, facts_of_closing(closing)))

    def notify_contact(
        self, case_id: int, operator_id: str, contact_id: str, now: float, channel: str = ""
    ) -> Done | Refused:
        """The operator asks that a contact be sent a message, by their preferred way or by `channel`."""
        facts = Facts(contact=contact_id, channel=channel, state="queued")
        return self._by_person(case_id, CaseEvent(EventType.CALLED, now, operator_id, facts))

    def call_contact(self, case_id: int, operator_id: str, contact_id: str, now: float) -> Done | Refused:
        """The operator rings a contact themselves; after the ring limit they are prompted to ring the next."""
        with self.database.read() as connection:
            limit_s = settings.current(connection).desk.ring_limit_s
        facts = Facts(contact=contact_id, channel=PHONE, limit_s=limit_s)
        return self._by_person(case_id, CaseEvent(EventType.CALLED, now, operator_id, facts))

    def call_ended(self, case_id: int, operator_id: str, contact_id: str, result: str, now: float) -> Done | Refused:
        """How that call ended: "answered", "no_answer" or "busy". When all contacts were called twice in vain, the
        protocol goes on to the next step by itself."""
        facts = Facts(contact=contact_id, channel=PHONE, state=result)
        return self._by_person(case_id, CaseEvent(EventType.CALL_ENDED, now, operator_id, facts))

    def _by_person(self, case_id: int, event: CaseEvent) -> Done | Refused:
        with self.database.begin() as connection:
            if cases.operator_called(connection, event.actor) is None:
                return Refused("no_such_operator")
            case = cases.find(connection, case_id)
            if case is None:
                return Refused("no_such_case")
            event = _with_channel(connection, case, event, self.channels)
            fault = _contact_fault(connection, case, event, self.channels)
            decided = Refused(fault) if fault else decide(connection, case, event)
            if isinstance(decided, Refused):
                return _named(connection, decided)
            self._follow(connection, decided)
            change = change_of(connection, decided)
        self.tell(change)
        done = Done(decided.case, decided.event)
        checklist.go_on(self, done)
        return done

    def _follow(self, connection: sa.Connection, decided: Decided) -> None:
        """What an operator's command means for messages, in the same transaction."""
        case, event = decided.case, decided.event
        if event.type is EventType.CALLED and event.facts.channel != PHONE:
            contact = asking.contact_in(rota.roster(connection, case.home_id, self.channels), event.facts.contact)
            assert contact is not None
            asking.ask(connection, case, contact, event.at, event.facts.channel)
        elif event.type in {EventType.ON_THE_WAY, EventType.ARRIVED}:
            asking.stand_down(connection, case, case.helper_id, event.at)
        elif event.type is EventType.CLOSED:
            asking.call_off_all(connection, case.id, event.at)
            family_summary.queue(connection, case, event.facts, self.channels, event.at)
            follow_up.write_down(connection, case, event.facts.follow_up, event.actor, event.at)

    def happen(self, case_id: int, event: CaseEvent, only_of: str = "") -> Done | Refused:
        """Lets an event happen that no operator's rights decide; `only_of`: if that operator still holds the case."""
        with self.database.begin() as connection:
            case = cases.find(connection, case_id)
            if case is None:
                return Refused("no_such_case")
            if only_of and case.owner_id != only_of:
                return Refused("not_yours", case.owner_id or "")
            decided = decide(connection, case, event)
            if isinstance(decided, Refused):
                return _named(connection, decided)
            change = change_of(connection, decided)
        self.tell(change)
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
            with self.database.read() as connection:
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
        with self.database.begin() as connection:
            case = cases.find(connection, item.case_id)
            if case is None or not cases.claim(connection, item, now):
                return
            facts = Facts(step=item.step, late_s=max(0.0, now - item.due_at))
            if item.step != case.wake_step:
                event = CaseEvent(EventType.PROMPTED, now, DESK, facts)
            elif case.ring_at is None:
                event = CaseEvent(EventType.RECALLED, now, DESK, facts)
            else:
                wanted = escalation.carers_wanted(case, item.step)
                if wanted:
                    facts = asking.ask_next(connection, case, facts, wanted, self.channels, now)
                if item.step == escalation.SUPERVISOR and not settings.current(connection).on_call.people:
                    facts = msgspec.structs.replace(facts, state=NOBODY_ON_CALL)
                event = CaseEvent(EventType.ESCALATED, now, DESK, facts)
            decided = decide(connection, case, event)
            assert isinstance(decided, Decided), decided
            change = change_of(connection, decided)
        self.tell(change)

    # what others ask

    def standing(self, now: float) -> list[CaseChange]:
        """How every open case stands, as a change that changes nothing: for those who start."""
        with self.database.read() as connection:
            return [repeated(connection, case, now) for case in cases.open_cases(connection)]

    def closed_since(self, since_at: float) -> list[cases.ClosedAlarm]:
        """The alarms of the cases closed since then, the longest closed first."""
        with self.database.read() as connection:
            return cases.closed_since(connection, since_at)

    def tell(self, change: CaseChange) -> None:
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
        follow_up=closing.follow_up.value,
        explanation=closing.explanation,
    )


def _with_channel(connection: sa.Connection, case: Case, event: CaseEvent, channels: Collection[str]) -> CaseEvent:
    """A request for a message, with the way by which it goes."""
    if event.type is not EventType.CALLED or event.facts.channel:
        return event
    contact = asking.contact_in(rota.roster(connection, case.home_id, channels), event.facts.contact)
    way = contact.ways[0].channel if contact and contact.ways else ""
    return replace(event, facts=msgspec.structs.replace(event.facts, channel=way))


def _contact_fault(connection: sa.Connection, case: Case, event: CaseEvent, channels: Collection[str]) -> str:
    """Why the contact named in an operator's command will not do; "" when they will, or none is named."""
    contact_id, channel = event.facts.contact, event.facts.channel
    if not contact_id:
        needed = {EventType.CALLED, EventType.CALL_ENDED, EventType.ON_THE_WAY, EventType.DECLINED}
        return "no_such_contact" if event.type in needed else ""
    if contact_id == TEAM:
        return "unreachable" if event.type is EventType.CALLED and channel != PHONE else ""
    found = asking.contact_in(rota.roster(connection, case.home_id, channels), contact_id)
    if found is None:
        return "no_such_contact"
    if event.type is not EventType.CALLED or channel == PHONE:
        return ""
    if case.kind in SILENT_KINDS:
        return "silent_case"
    if channel not in {way.channel for way in found.ways}:
        return "unreachable"
    asked = deliveries.asked(connection, case.id, case.home_id, event.at).get(contact_id)
    waits = asked is not None and asked.asks > 0 and event.at - asked.last_at < ASK_AGAIN_S
    return "already_asked" if waits and not (asked and asked.hopeless) else ""


def _named(connection: sa.Connection, refused: Refused) -> Refused:
    called = cases.operator_called(connection, refused.who) if refused.who else None
    return Refused(refused.reason, refused.who, refused.before_s, called or refused.who)
