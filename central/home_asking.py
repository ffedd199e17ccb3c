"""Has a home that has been quiet for long asked whether all is well, and takes what is answered there; and whether a
word of comfort was heard.

The case stands in the database from the first moment, with the time until which the home is asked (`case_intake`). So
whatever dies, people are called by then: a command that is lost here costs the asking, and never the call.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Final

from central.alarm_cases.case import (
    ANSWERS,
    LOST,
    NOT_ASKED,
    NOT_SAID,
    SAID,
    SHOWN,
    Case,
    CaseEvent,
    EventType,
    Facts,
    State,
)
from central.alarm_cases.escalation import HOME_REASSURED
from central.alarm_cases.home_question import ASK_S
from central.alarm_cases.rules import ASK_HEARD_S
from central.alarm_cases.transitions import Refused
from central.case_change import CaseChange, change_of
from central.case_desk import CaseDesk
from central.case_intake import DESK, HUB, decide
from central.hub_states import HubStates
from central.refusals import RefusalCounter
from central.storage import cases, homes
from devices.rejection import Rejection
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.encoding import decode
from gateway.contract.messages import Command, CommandOutcome
from gateway.contract.topics import Address

REASSURE_S: Final = 60.0
"""How long a home may still say that nobody is forgotten after it was asked to."""
TRAVELS_S: Final = 5.0
"""The home stops asking so much earlier: an answer given in time is here in time."""
_ASKED: Final = re.compile(r"check-in-([0-9]{1,15})")
_COMFORT: Final = re.compile(r"reassure-([0-9]{1,15})-[0-9]{1,9}")
_HEARD_AS: Final = {("done", "said"): SAID, ("done", "shown"): SHOWN, ("done", ""): ""}
"""Outcome and answer of "reassure" -> what became of it; "" of a hub that does not know. All others: not said."""

log = logging.getLogger(__name__)


class HomeAsking:
    """Between the desk and the homes. `send` takes a command for a hub, and sends it until it expires; `states` is
    what hubs said last."""

    def __init__(
        self,
        desk: CaseDesk,
        refusals: RefusalCounter,
        send: Callable[[str, Command], None],
        clock: Callable[[], float],
        states: HubStates,
    ) -> None:
        self._desk = desk
        self._refusals = refusals
        self._send = send
        self._clock = clock
        self._states = states

    def on_change(self, change: CaseChange) -> None:
        """Begins to ask, or ends it where somebody was seen about. A listener of the desk."""
        begins = change.event_type == EventType.OPENED and change.state is State.NEW and not change.ringing
        ends = change.event_type == EventType.ENDED and change.kind is AlarmKind.INACTIVITY
        if not (begins or ends):
            return
        with self._desk.database.read() as connection:
            opened, *since = cases.events_of(connection, change.case_id)
            hub = homes.hub_of(connection, change.home_id)
        name, ask_s = f"check-in-{change.case_id}", opened.facts.ask_s
        if begins and ask_s:
            self._send(hub, Command(name, "check_in", change.at + ASK_HEARD_S, wait_s=ask_s - TRAVELS_S))
        elif ends and change.at < opened.at + ask_s and not _is_answered(since):
            self._send(hub, Command(f"{name}-over", "check_in_over", opened.at + ask_s, name))

    def take(self, address: Address, payload: bytes) -> bool:
        """Takes what a hub says of a command; always true: it may be acknowledged.

        Raises:
            DatabaseError: nothing was stored.
        """
        now = self._clock()
        outcome = decode(CommandOutcome, payload)
        if isinstance(outcome, Rejection):
            self._refusals.count("outcome", outcome, now, sender=address.hub)
            return True
        comforts = _COMFORT.fullmatch(outcome.id)
        asked = comforts or _ASKED.fullmatch(outcome.id)
        if asked is None:
            return True
        with self._desk.database.begin() as connection:
            case = cases.find(connection, int(asked[1]))
            if case is None or homes.hub_of(connection, case.home_id) != address.hub or address.tail != outcome.id:
                self._refusals.count("outcome", Rejection("not_asked", outcome.id), now, sender=address.hub)
                return True
            events = cases.events_of(connection, case.id)
            aloud = self._states.speaks(address.hub)
            event = _comforted(case, events, outcome, now) if comforts else _said(case, events, outcome, now, aloud)
            decided = decide(connection, case, event) if event is not None else None
            if decided is None or isinstance(decided, Refused):
                return True
            change = change_of(connection, decided)
        log.info("case %d: the home says %s %s", case.id, outcome.outcome, outcome.answer)
        self._desk.tell(change)
        return True

    def hub_lost(self, hub: str) -> bool:
        """The broker says that a hub is gone. Where its home was being asked no answer can come: people are called.

        Always true: the message may be acknowledged.

        Raises:
            DatabaseError: nothing was stored.
        """
        heard = self._states.of(hub)
        if heard is not None and heard.state.online:
            return True  # it has come back meanwhile, and asks on
        with self._desk.database.read() as connection:
            home = homes.find_by_hub(connection, hub)
            since_at = self._clock() - ASK_S
            found = cases.recent_open_cases(connection, home.home_id, since_at) if home is not None else []
        asked = [case for case in found if case.asked_first]
        for case in asked:
            log.info("case %d: the unit is gone while its home is asked", case.id)
            self._desk.happen(case.id, CaseEvent(EventType.ANSWERED, self._clock(), DESK, Facts(state=LOST)))
        return True


def comfort(change: CaseChange) -> Command:
    """What a home is told that is to comfort whoever waits."""
    return Command(f"reassure-{change.case_id}-{change.version}", "reassure", change.at + REASSURE_S)


def _comforted(case: Case, events: Sequence[CaseEvent], outcome: CommandOutcome, now: float) -> CaseEvent | None:
    """Whether the word of comfort was heard; None where that is known already, or nobody knows."""
    state = _HEARD_AS.get((outcome.outcome, outcome.answer), NOT_SAID)
    asked = [event.type for event in events if event.type is EventType.COMFORTED or _comforts(event)]
    if not case.open or not state or not asked or asked[-1] is EventType.COMFORTED:
        return None
    return CaseEvent(EventType.COMFORTED, now, HUB, Facts(state=state))


def _comforts(event: CaseEvent) -> bool:
    return event.type is EventType.ESCALATED and event.facts.step == HOME_REASSURED


def _said(
    case: Case, events: Sequence[CaseEvent], outcome: CommandOutcome, now: float, aloud: bool
) -> CaseEvent | None:
    """What a hub's word means for the case; None for one that is known, or changes nothing any more."""
    if not case.open or _is_answered(events):
        return None
    if outcome.outcome == "asking":
        if any(event.type is EventType.ASKED for event in events):
            return None
        return CaseEvent(EventType.ASKED, now, HUB, Facts(ask_s=events[0].facts.ask_s, aloud=aloud))
    answer = outcome.answer if outcome.outcome == "done" else NOT_ASKED
    return CaseEvent(EventType.ANSWERED, now, HUB, Facts(state=answer)) if answer in ANSWERS else None


def _is_answered(events: Sequence[CaseEvent]) -> bool:
    return any(event.type is EventType.ANSWERED for event in events)
