"""What carers do about a case themselves, from a page, a link in a message, or the keys of their telephone.

Every command is one transaction, announced after its commit, like those of `CaseDesk`. A command of somebody who is no
contact of the home is refused, and so is one about a closed case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
import sqlalchemy as sa

from central import asking, checklist
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts
from central.alarm_cases.decision import Refused
from central.case_change import CaseChange, change_of
from central.case_desk import CaseDesk, Done
from central.case_intake import decide
from central.notification.delivery import REACHED, Delivery, DeliveryState, answered, called_off, came_to
from central.storage import carer_links, cases, deliveries
from central.storage.carer_links import LinkedCase

CARER: Final = "carer"
"""The actor of what a carer does; who it was is in the facts."""
ETA_MINUTES_MAX: Final = 24 * 60
NEEDS: Final = frozenset({"ambulance", "advice"})


class _Answer(NamedTuple):
    type: EventType
    state: DeliveryState
    facts: Facts


class CarerDesk:
    """Commands of carers, by case and contact. `CarerDesk.linked` turns the token of a message into both."""

    def __init__(self, desk: CaseDesk) -> None:
        self._desk = desk

    def linked(self, token: str, now: float) -> LinkedCase | None:
        """Whose link that is and of which case; None for one that is unknown or has run out. Changes nothing: mail
        programs open links by themselves, so that `opened` is told by a page that a person sees."""
        with self._desk.database.read() as connection:
            return carer_links.find(connection, token, now)

    def opened(self, case_id: int, contact_id: str, now: float, delivery_id: int = 0) -> Done | Refused:
        """The carer has the message before their eyes. Said twice it changes nothing more."""
        with self._desk.database.begin() as connection:
            case = cases.find(connection, case_id)
            fault = _fault(connection, case, contact_id)
            if fault or case is None:
                return Refused(fault)
            known = _theirs(connection, case_id, contact_id, delivery_id)
            facts = Facts(contact=contact_id, state=DeliveryState.OPENED.value)
            event = CaseEvent(EventType.TOLD, now, CARER, facts)
            if known is None or known.opened_at is not None:
                return Done(case, event)
            _settle(connection, case_id, contact_id, known, now)
            deliveries.save(connection, came_to(known, DeliveryState.OPENED, now), now)
            event = CaseEvent(EventType.TOLD, now, CARER, msgspec.structs.replace(facts, channel=known.channel))
            decided = decide(connection, case, event)
            if isinstance(decided, Refused):
                return decided
            change = change_of(connection, decided)
        self._desk.tell(change)
        return Done(decided.case, decided.event)

    def accepted(
        self,
        case_id: int,
        contact_id: str,
        eta_minutes: int,
        now: float,
        delivery_id: int = 0,
        *,
        send_way_in: bool = False,
    ) -> Done | Refused:
        """ "I am going": others who were asked are told so and are left in peace.

        With `send_way_in` a link to the way in follows, for who answered a call and has no page before their eyes.
        Refused with `already_going` when somebody else goes already; `called` is their name.
        """
        eta = min(max(eta_minutes, 0), ETA_MINUTES_MAX)
        answer = _Answer(EventType.ON_THE_WAY, DeliveryState.ACCEPTED, Facts(eta_minutes=eta))

        def follow(connection: sa.Connection, case: Case, facts: Facts) -> Facts:
            told = asking.stand_down(connection, case, contact_id, now)
            if send_way_in and facts.channel:
                asking.send_way_in(connection, case, contact_id, facts.channel, now)
            return msgspec.structs.replace(facts, contacts=tuple(told))

        return self._answer(case_id, contact_id, answer, now, delivery_id, follow)

    def declined(self, case_id: int, contact_id: str, now: float, delivery_id: int = 0) -> Done | Refused:
        """ "I cannot": the next contact is asked at once, unless somebody else is going."""
        answer = _Answer(EventType.DECLINED, DeliveryState.DECLINED, Facts())

        def follow(connection: sa.Connection, case: Case, facts: Facts) -> Facts:
            if case.arrived_at is not None or case.helper_id not in {"", contact_id}:
                return facts
            return asking.ask_next(connection, case, facts, 1, self._desk.channels, now)

        return self._answer(case_id, contact_id, answer, now, delivery_id, follow)

    def arrived(self, case_id: int, contact_id: str, now: float, delivery_id: int = 0) -> Done | Refused:
        """ "I am here"."""
        answer = _Answer(EventType.ARRIVED, DeliveryState.ARRIVED, Facts())

        def follow(connection: sa.Connection, case: Case, facts: Facts) -> Facts:
            asking.stand_down(connection, case, contact_id, now)
            return facts

        return self._answer(case_id, contact_id, answer, now, delivery_id, follow)

    def inside(self, case_id: int, contact_id: str, now: float) -> Done | Refused:
        """Who had arrived has got in."""
        answer = _Answer(EventType.INSIDE, DeliveryState.ARRIVED, Facts())
        return self._answer(case_id, contact_id, answer, now, 0, None)

    def all_well(self, case_id: int, contact_id: str, now: float, text: str = "") -> Done | Refused:
        """Somebody at the resident's side says that all is well. An operator closes the case."""
        answer = _Answer(EventType.ALL_WELL, DeliveryState.ARRIVED, Facts(text=text))
        return self._answer(case_id, contact_id, answer, now, 0, None)

    def needs_help(self, case_id: int, contact_id: str, what: str, now: float, text: str = "") -> Done | Refused:
        """Somebody at the resident's side asks for an "ambulance" or for "advice": it rings at the desk."""
        facts = Facts(state=what if what in NEEDS else "advice", text=text)
        answer = _Answer(EventType.NEEDS_HELP, DeliveryState.ARRIVED, facts)
        return self._answer(case_id, contact_id, answer, now, 0, None)

    def _answer(
        self,
        case_id: int,
        contact_id: str,
        answer: _Answer,
        now: float,
        delivery_id: int,
        follow: Callable[[sa.Connection, Case, Facts], Facts] | None,
    ) -> Done | Refused:
        with self._desk.database.begin() as connection:
            case = cases.find(connection, case_id)
            fault = _fault(connection, case, contact_id)
            if fault or case is None:
                return Refused(fault)
            going = case.helper_id not in {"", contact_id} and case.arrived_at is None
            if answer.type is EventType.ON_THE_WAY and going:
                called = cases.contact_called(connection, case.home_id, case.helper_id)
                return Refused("already_going", case.helper_id, called=called or "")
            known = _theirs(connection, case_id, contact_id, delivery_id)
            channel = ""
            if known is not None:
                channel = known.channel
                _settle(connection, case_id, contact_id, known, now)
                deliveries.save(connection, answered(known, answer.state, now), now)
            state = answer.facts.state or answer.state.value
            facts = msgspec.structs.replace(answer.facts, contact=contact_id, channel=channel, state=state)
            if follow is not None:
                facts = follow(connection, case, facts)
            decided = decide(connection, case, CaseEvent(answer.type, now, CARER, facts))
            if isinstance(decided, Refused):
                return decided
            change: CaseChange = change_of(connection, decided)
        self._desk.tell(change)
        done = Done(decided.case, decided.event)
        checklist.go_on(self._desk, done)
        return done


def _fault(connection: sa.Connection, case: Case | None, contact_id: str) -> str:
    if case is None:
        return "no_such_case"
    if cases.contact_called(connection, case.home_id, contact_id) is None:
        return "no_such_contact"
    return "" if case.open else "not_possible"


def _theirs(connection: sa.Connection, case_id: int, contact_id: str, delivery_id: int) -> Delivery | None:
    """The message that a carer answers: the one named, else the latest that asked them."""
    mine = deliveries.of_contact(connection, case_id, contact_id)
    named = next((it for it in mine if it.id == delivery_id), None)
    return named or (mine[-1] if mine else None)


def _settle(connection: sa.Connection, case_id: int, contact_id: str, known: Delivery, now: float) -> None:
    """Who has answered by one way need not be reached by another."""
    for other in deliveries.of_contact(connection, case_id, contact_id):
        if other.id != known.id and other.state not in REACHED and (other.due_at or other.receipt_due_at):
            deliveries.save(connection, called_off(other), now)
