"""Calls that the centre places for operators: asked of the phone gateway, followed by its reports, told to the case.

What the reports add up to is in `central.alarm_cases.placed_call`; the form is `docs/wire/phone-gateway.md`. Every
report is one transaction, which locks the case before the call. May be used from any thread.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from central import checklist
from central.alarm_cases.case import TEAM, Case, CaseEvent, EventType, State
from central.alarm_cases.decision import Decided, Refused
from central.alarm_cases.placed_call import OWN_RING_S, Leg, Party, PlacedCall, heard, hung_up, news
from central.case_change import CaseChange, change_of
from central.case_desk import CaseDesk, Done
from central.case_intake import DESK, decide
from central.notification.delivery import Verdict
from central.notification.outgoing import Errands
from central.notification.phone_gateway import PhoneGateway, read_number, read_telephone
from central.storage import cases, operator_settings, pages, people, placed_calls, settings
from gateway.contract.alarm_kinds import SILENT_KINDS

OF_OPERATORS: Final = "llar-dial-"
"""Begins the keys of these calls."""
WAIT_S: Final = 8.0
"""An operator waits for the gateway: after so long they dial by hand."""
_HELD: Final = frozenset({State.TAKEN, State.TALKING, State.WAITING})
_BY_OPERATOR: Final = frozenset({EventType.CALLED, EventType.RUNG})
"""What the operator did; the rest is what the gateway says of it."""

log = logging.getLogger(__name__)


class DialDesk:
    """Places calls for operators. `changed` is told the case's number when a call of it stands otherwise, also where
    the case's log says nothing of it."""

    def __init__(
        self,
        desk: CaseDesk,
        gateway: PhoneGateway,
        changed: Callable[[int], None] = lambda _case_id: None,
        errands: Errands | None = None,
    ) -> None:
        self._desk, self._gateway, self._changed = desk, gateway, changed
        self._errands = errands or Errands("dialling", WAIT_S)

    def read_telephone(self, written: str) -> str:
        """The telephone that somebody means at which they sit; "" when it is none."""
        return read_telephone(written, self._gateway.country_code)

    def dial(self, case_id: int, operator_id: str, party: Party, who: str, now: float) -> PlacedCall | Refused:
        """Asks the gateway to ring the operator and then whom they want to speak with.

        Refused: what `CaseDesk` refuses, and `no_telephone` (the operator has not said at which one they sit),
        `no_number`, `silent_call`, `calling` (one at a time; `called` is who is being called, "" a home), `gateway` (it
        has not taken the call; the operator dials by hand).
        """
        with self._desk.database.begin() as connection:
            case = cases.find(connection, case_id)
            if case is None:
                return Refused("no_such_case")
            fault = _may_not(connection, case, operator_id, who)
            if fault:
                return fault
            if live := placed_calls.live_of(connection, operator_id, now):
                return Refused("calling", called=_called(connection, case.home_id, live))
            own = operator_settings.settings_of(connection, operator_id).telephone
            number = read_number(_number(connection, case, party, who), self._gateway.country_code)
            if not own or not number:
                return Refused("no_telephone" if not own else "no_number")
            ring_s = settings.current(connection).desk.ring_limit_s
            key = OF_OPERATORS + secrets.token_hex(12)
            call = placed_calls.add(connection, case_id, operator_id, party, who, key, now)
        body = {"to": own, "ring_s": OWN_RING_S, "connect": {"to": number, "ring_s": round(ring_s)}}
        sent = self._errands.run(lambda: self._gateway.ask("calls", body, key))
        if sent.verdict is Verdict.TAKEN:
            self._changed(case_id)
            return call
        log.warning("case %d: the gateway has not placed a call: %s", case_id, sent.fault)
        self._follow(key, lambda known: replace(known, not_placed=True), now)
        with self._desk.database.read() as connection:
            known = placed_calls.find(connection, key)
        # what was reported of it says more than an answer that was lost
        return known if known is not None and known.live(now) else Refused("gateway")

    def hang_up(self, case_id: int, operator_id: str, now: float, *, mailbox: bool = False) -> PlacedCall | Refused:
        """Ends the call that an operator is on in a case; `mailbox`: what has answered is one. Refused: `no_call`, or
        `gateway_deaf` when the gateway does not end it."""
        with self._desk.database.begin() as connection:
            call = placed_calls.live_of(connection, operator_id, now)
        if call is None or call.case_id != case_id:
            return Refused("no_call")
        key = call.key
        sent = self._errands.run(lambda: self._gateway.hang_up(key))
        if sent.verdict is not Verdict.TAKEN:
            log.warning("case %d: the gateway has not ended a call: %s", case_id, sent.fault)
            return Refused("gateway_deaf")
        self._follow(key, lambda known: hung_up(known, now, mailbox=mailbox), now)
        return call

    def take(self, key: str, leg: Leg, word: str, at: float, now: float, *, talk_s: float | None = None) -> bool:
        """A report of the gateway; whether it is of a call of ours. Repeats change nothing."""
        return self._follow(key, lambda known: heard(known, leg, word, at, talk_s, now), now)

    def _follow(self, key: str, change: Callable[[PlacedCall], PlacedCall], now: float) -> bool:
        told: list[tuple[CaseChange, Done]] = []
        with self._desk.database.begin() as connection:
            case_id = placed_calls.case_of(connection, key)
            case = None if case_id is None else cases.find(connection, case_id)
            before = placed_calls.find(connection, key)
            if case is None or before is None:
                return False
            after = change(before)
            placed_calls.save(connection, after)
            if case.open:
                told = _write(connection, case, before, after, now)
        for announced, done in told:
            self._desk.tell(announced)
            checklist.go_on(self._desk, done)
        if replace(after, heard_at=before.heard_at) != before:
            self._changed(case.id)
        return True


def _write(
    connection: sa.Connection, case: Case, before: PlacedCall, after: PlacedCall, now: float
) -> list[tuple[CaseChange, Done]]:
    """Writes the news of a call into its case's log. Where the case is no more theirs who placed it, that is only what
    came of one that rings by the log: whoever has it now would be told that it still does."""
    told = []
    ring_limit_s = settings.current(connection).desk.ring_limit_s
    theirs = case.owner_id == after.operator_id
    for event_type, facts in news(before, after, ring_limit_s):
        if not theirs and not (event_type is EventType.CALL_ENDED and _rings_by(connection, after)):
            continue
        actor = after.operator_id if event_type in _BY_OPERATOR else DESK
        decided = decide(connection, case, CaseEvent(event_type, now, actor, facts))
        if isinstance(decided, Decided):
            case = decided.case
            told.append((change_of(connection, decided), Done(decided.case, decided.event)))
    return told


def _rings_by(connection: sa.Connection, call: PlacedCall) -> bool:
    """Whether the log's last word of calls to contacts is that this one rings."""
    log = cases.events_of(connection, call.case_id)
    calls = [event for event in log if event.type in {EventType.CALLED, EventType.CALL_ENDED}]
    rings = calls[-1] if calls and calls[-1].type is EventType.CALLED else None
    this = (call.operator_id, call.who, "phone")
    return rings is not None and (rings.actor, rings.facts.contact, rings.facts.channel) == this


def _may_not(connection: sa.Connection, case: Case, operator_id: str, who: str) -> Refused | None:
    if case.owner_id != operator_id:
        holder = case.owner_id or ""
        return Refused("not_yours", holder, called=cases.operator_called(connection, holder) or holder)
    if case.state not in _HELD:
        return Refused("not_possible", operator_id)
    # whoever threatens them may be there, or be the one who picks up
    return Refused("silent_call") if case.kind in SILENT_KINDS and who != TEAM else None


def _called(connection: sa.Connection, home_id: str, call: PlacedCall) -> str:
    """What somebody is called who is rung; "" for a home."""
    if call.party is Party.HOME:
        return ""
    if call.party is Party.MOBILE:
        return people.resident_called(connection, call.who)
    if call.who == TEAM:
        return cases.contact_called(connection, home_id, TEAM) or ""
    contact = people.contact(connection, call.who)
    return contact.called if contact else ""


def _number(connection: sa.Connection, case: Case, party: Party, who: str) -> str:
    """The number of somebody who belongs to the case's home, as it is on file; "" for none."""
    if party is Party.HOME:
        home = pages.home_line(connection, case.home_id)
        return home.phone if home else ""
    if party is Party.MOBILE:
        living_there = people.residents_of(connection, case.home_id)
        return next((one.mobile for one in living_there if one.id == who), "")
    if who == TEAM:
        return settings.current(connection).team.phone
    contact = people.contact(connection, who)
    return contact.phone if contact and contact.home_id == case.home_id else ""
