"""A case as the console shows it: its log in words, and what an operator needs for the next step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from fastapi import Request
from pydantic import TypeAdapter
from sqlalchemy import Connection

from central import asking, family_summary
from central.alarm_cases import protocol
from central.alarm_cases.case import STEP_TIMER, TEAM, Case, CaseEvent, EventType
from central.alarm_cases.escalation import PARKED_MAX_S
from central.alarm_cases.priority import Priority
from central.alarm_cases.rules import REOPEN_WITHIN_S
from central.alarm_cases.transitions import Refused
from central.case_desk import CaseDesk, Done
from central.console import wording
from central.console.access import Seat
from central.console.call_view import CallNow, calls_of
from central.console.desk_words import PROTOCOL_STEPS
from central.console.greeting import STAY_SILENT, Greeting, greeting
from central.console.problem import Problem
from central.console.wording import Line, Names, Proof, Why
from central.storage import cases as case_store
from central.storage import pages, rota, settings
from central.storage.pages import Card, DeliveryLine
from central.texts import Words, later, say_number, translator
from gateway.contract.alarm_kinds import SILENT_KINDS

BY_HAND: Final = "voice"
"""An operator reaches by telephone whom the centre may not be able to ring by itself."""


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step of the checklist. `state` is "done", "skipped", "by_system", "now", or "" for one to come."""

    name: str
    text: str
    state: str
    at: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """What is done when nobody answers. `due_at` ends the time of the step at hand; None once it has been prompted."""

    name: str
    steps: list[StepLine]
    began_at: float | None
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """A telephone call of the operator to a contact; `result` is "" while it rings."""

    at: float
    result: str


@dataclass(frozen=True, slots=True)
class ContactNow:
    """How a contact stands in this case, in the order in which they are asked.

    Attributes:
        why_not: "", or why they cannot be asked now: `unreachable`, `muted`, `away`, `off_hours`, `night`.
        ways: channels by which the centre can write or ring by itself.
        state: what they said: "going", "arrived", "inside", "declined", "all_well", "ambulance", "advice", or "".
    """

    id: str
    why_not: str
    ways: list[str]
    asks: int
    calls: list[Call]
    state: str


@dataclass(frozen=True, slots=True)
class TeamNow:
    """The service's response team, and how it stands in this case: as of a contact. `phone` is "" where the service has
    not written it down."""

    called: str
    phone: str
    calls: list[Call]
    state: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as its page shows it. Sentences are in the language of who asks.

    Attributes:
        triage: the last answer to what is needed, 1 to 5.
        parked_max_s: bounds a recall.
        calls: those that the centre placed: the latest to each who was called, the newest first.
        ringing_contact, ring_limit_at: who is being rung, and when their telephone has rung long enough.
        prompt: "ring_limit" or the step of the checklist whose time is up, as long as nothing was done since.
        plan_text: what was agreed with the person for this kind of alarm.
        speech: whether the operator can speak with the home from here.
        summary_to: the names of those who are told how it ended when the case is closed.
        reopen_until_at: until when a closed case may be opened again.
    """

    now: float
    card: Card
    why: list[Why]
    proofs: list[Proof]
    triage: int | None
    timeline: list[Line]
    deliveries: list[DeliveryLine]
    parked_max_s: float
    checklist: Checklist | None
    contacts: list[ContactNow]
    team: TeamNow
    calls: list[CallNow]
    ringing_contact: str
    ring_limit_at: float | None
    prompt: str
    plan_text: str
    greeting: Greeting
    speech: bool
    silence: str
    summary_to: list[str]
    reopen_until_at: float | None


# every route that answers with it would have pydantic find out anew what is in it, a tenth of the desk's start
CaseView.__pydantic_core_schema__ = TypeAdapter(CaseView).core_schema  # type: ignore[attr-defined]

_WHY_NOT: Final[dict[str, tuple[int, str]]] = {
    "taken": (409, later("Taken by {who}, {before} s before you.")),
    "already_yours": (409, later("You already have this case.")),
    "not_yours": (409, later("{who} has this case. Take it first.")),
    "ringing": (409, later("Something new has come in this case. Take it (F2) before going on.")),
    "not_possible": (409, later("This cannot be done with the case as it stands now.")),
    "no_outcome": (422, later("Say how it ended: a matter of life needs an outcome.")),
    "no_speech": (422, later("Nobody has spoken with the resident or arrived. Write down why it may be closed.")),
    "no_explanation": (422, later("Nobody took this case in time. Write down why before you close it.")),
    "no_exception": (409, later("This case was taken in time: there is nothing to explain.")),
    "bad_triage": (422, later("Say what is needed with a number from 1 to 5.")),
    "bad_step": (409, later("This is not the step at hand.")),
    "too_late": (409, later("This case was closed too long ago to be opened again.")),
    "not_there": (409, later("Say first that they have arrived.")),
    "already_going": (409, later("{who} is going already.")),
    "bad_recall": (422, later("This case cannot be parked for so long.")),
    "no_reason": (422, later("Write down what is waited for.")),
    "no_such_case": (404, later("There is no such case.")),
    "no_such_contact": (404, later("There is no such contact.")),
    "no_such_operator": (403, later("This name may not work here any more.")),
    "already_asked": (409, later("This contact has already been told.")),
    "silent_case": (409, later("Somebody may be threatened by people close to them: the centre writes to nobody.")),
    "unreachable": (409, later("There is no way to write to this contact.")),
}


def answer(request: Request, seat: Seat, result: Done | Refused, case_id: int, *, reason: str = "") -> CaseView:
    """The case after a command, or its refusal in words. `reason` is said instead where a reason is missing."""
    if isinstance(result, Done):
        return view(request, seat, case_id)
    status, text = _WHY_NOT.get(result.reason, _WHY_NOT["not_possible"])
    if result.reason == "not_yours" and not result.who:
        text = later("Nobody has this case. Take it first.")
    if result.reason == "no_reason" and reason:
        text = reason
    words = translator(seat.operator.language)
    before = say_number(result.before_s, words.language, 1 if result.before_s < 10 else 0)
    raise Problem(
        status, result.reason, words.say(text, who=result.called or result.who, before=before), result.called or None
    )


def view(request: Request, seat: Seat, case_id: int) -> CaseView:
    """The case as it stands.

    Raises:
        Problem: 404 when there is none.
    """
    now: float = request.app.state.clock()
    desk: CaseDesk = request.app.state.parts.desk
    with request.app.state.parts.database.read() as conn:
        card, case = pages.card(conn, case_id, now), case_store.find(conn, case_id)
        if card is None or case is None:
            raise Problem(404, "no_such_case", _WHY_NOT["no_such_case"][1])
        log = case_store.events_of(conn, case_id)
        names = _names(conn, card)
        sent = pages.deliveries_of(conn, case_id)
        home = pages.home_line(conn, card.home_id)
        team_phone = settings.current(conn).team.phone
        plan = rota.plan_of(conn, card.home_id, case.kind.value, now)
        standings = _standings(case, log)
        contacts = _contacts(conn, desk, case, standings, now) if seat.may("contacts", "read") else []
        told = family_summary.recipients(conn, case, desk.channels, now) if contacts and case.open else []
        placed = calls_of(conn, case_id, names.operators, now)
    words = translator(seat.operator.language)
    timezone = home.timezone if home else "Europe/Madrid"
    spoken_to = plan.language or (card.person.language if card.person else seat.operator.language)
    return CaseView(
        now=now,
        card=card,
        why=wording.why_it_fired(log, names, words),
        proofs=wording.proofs(log, names, words),
        triage=case.triage or wording.latest_triage(log),
        timeline=wording.timeline(log, names, words, timezone),
        deliveries=[_with_missed_call(line) for line in sent],
        parked_max_s=PARKED_MAX_S[Priority(card.priority)],
        checklist=_checklist(case, log, names, words),
        contacts=contacts,
        team=TeamNow(names.contacts[TEAM], team_phone, *standings.get(TEAM, _Standing([], ""))),
        calls=placed,
        ringing_contact=_rung(log) if case.ring_limit_at or _prompt(log) == "ring_limit" else "",
        ring_limit_at=case.ring_limit_at,
        prompt=_prompt(log),
        plan_text=plan.protocol_text if seat.may("care_plan", "read") else "",
        greeting=greeting(card, seat.operator.called, translator(spoken_to), now, timezone),
        speech=False,
        silence=words.gettext(STAY_SILENT) if card.kind in SILENT_KINDS else "",
        summary_to=[one.called for one in told],
        reopen_until_at=case.closed_at + REOPEN_WITHIN_S if case.closed_at is not None else None,
    )


def _names(conn: Connection, card: Card) -> Names:
    return Names(
        resident=card.person.called if card.person else card.address,
        operators=pages.operator_names(conn),
        contacts=pages.contact_names(conn, card.home_id),
        rooms=pages.room_names(conn, card.home_id),
    )


def _with_missed_call(line: DeliveryLine) -> DeliveryLine:
    """A call that went out and that nobody took says so in place of "sent"."""
    missed, more = wording.missed_call(line.channel, line.fault)
    return replace(line, state=missed if missed and line.state == "sent" else line.state, fault=more)


def _checklist(case: Case, log: list[CaseEvent], names: Names, words: Words) -> Checklist | None:
    if not case.protocol:
        return None
    begun = next((event.at for event in reversed(log) if event.type is EventType.TRIAGED), 0.0)
    done = {event.facts.step: event for event in log if event.type is EventType.STEPPED and event.at >= begun}
    lines = []
    for step in protocol.PROTOCOLS[case.protocol]:
        event = done.get(step.name)
        state = "now" if step.name == case.protocol_step else event.facts.state if event else ""
        text = words.gettext(PROTOCOL_STEPS[step.name])
        lines.append(StepLine(step.name, text, state, *_as_done(event, names, words)))
    at_hand = max([begun, *(event.at for event in done.values())])
    return Checklist(case.protocol, lines, at_hand if case.protocol_step else None, case.step_due_at)


def _as_done(event: CaseEvent | None, names: Names, words: Words) -> tuple[float | None, str]:
    """When a step of the checklist was done, and what is to be said of it."""
    if event is None:
        return None, ""
    facts = event.facts
    reason = facts.reason
    if facts.state == protocol.BY_SYSTEM and facts.contact:
        reason = words.say(_GOES, contact=names.contacts.get(facts.contact, facts.contact))
    elif facts.state == protocol.BY_SYSTEM and facts.step in _ALREADY:
        reason = words.gettext(_ALREADY[facts.step])
    return facts.event_at or event.at, reason


_GOES: Final = later("{contact} is going, or there already.")
_ALREADY: Final = {
    protocol.CALL_OUT: later("The home asked, and nobody answered."),
    protocol.CONTACTS: later("All were called, and nobody can come."),
}
"""Why the system has ticked a step where nobody goes."""


class _Standing(NamedTuple):
    """What an operator's calls to somebody came to, and what they said."""

    calls: list[Call]
    state: str


def _standings(case: Case, log: list[CaseEvent]) -> dict[str, _Standing]:
    """By contact's id, of those who were called or have said something."""
    calls: dict[str, list[Call]] = {}
    said: dict[str, str] = {}
    for event in log:
        contact = event.facts.contact
        if event.type is EventType.CALLED and event.facts.channel == "phone":
            calls.setdefault(contact, []).append(Call(event.at, ""))
        elif event.type is EventType.CALL_ENDED and calls.get(contact):
            calls[contact][-1] = Call(calls[contact][-1].at, event.facts.state)
        elif event.type in _SAID:
            said[contact or case.helper_id] = _SAID[event.type] or event.facts.state or "advice"
    return {who: _Standing(calls.get(who, []), said.get(who, "")) for who in {*calls, *said}}


def _contacts(
    conn: Connection, desk: CaseDesk, case: Case, standings: dict[str, _Standing], now: float
) -> list[ContactNow]:
    return [
        ContactNow(
            id=one.contact.id,
            why_not=one.availability.why_not,
            ways=[way.channel for way in one.contact.ways if way.channel in desk.channels],
            asks=one.asked.asks,
            calls=standings[one.contact.id].calls if one.contact.id in standings else [],
            state=standings[one.contact.id].state if one.contact.id in standings else "",
        )
        for one in asking.ranked(conn, case, {*desk.channels, BY_HAND}, now)
    ]


_SAID: Final = {
    EventType.ON_THE_WAY: "going",
    EventType.ARRIVED: "arrived",
    EventType.INSIDE: "inside",
    EventType.DECLINED: "declined",
    EventType.ALL_WELL: "all_well",
    EventType.NEEDS_HELP: "",
}
"""What a contact's word makes of them; what they ask for stands in the event."""


def _rung(log: list[CaseEvent]) -> str:
    last = next((event for event in reversed(log) if event.type in {EventType.CALLED, EventType.CALL_ENDED}), None)
    ringing = last is not None and last.type is EventType.CALLED and last.facts.channel == "phone"
    return last.facts.contact if ringing and last else ""


_NO_DOING: Final = frozenset({EventType.TOLD, EventType.COPIED, EventType.NOTED, EventType.GROUPED, EventType.ENDED})


def _prompt(log: list[CaseEvent]) -> str:
    last = next((event for event in reversed(log) if event.type not in _NO_DOING), None)
    return last.facts.step.removeprefix(STEP_TIMER) if last is not None and last.type is EventType.PROMPTED else ""
