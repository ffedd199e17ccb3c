"""A case's log as sentences, in the language of who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from central.agenda.kind_words import AGENDA_KINDS
from central.alarm_cases.case import ASK_UNANSWERED, ASK_UNHEARD, CaseEvent, EventType, Facts, Way
from central.alarm_cases.priority import CALL_UNANSWERED, CONTACTS_UNREACHABLE, RISK_CALL_UNANSWERED, SMS_UNVERIFIED
from central.case_desk import NOBODY_ON_CALL, NOBODY_REACHABLE
from central.console import desk_words
from central.console.evidence_words import POSITION_PARTS, positions, value_words
from central.console.finding_words import KIND_WORDS, REASONS, WHAT_HAPPENED, details
from central.texts import Words, later, say_clock, say_duration, say_moment
from devices.vocabulary import KINDS
from gateway.contract.messages import Record

_UNVERIFIED: Final = later(
    "An SMS from the number of this home's unit cannot be verified. It may be a real call. It says: {text}"
)

_STEPS: Final[Mapping[str, str]] = {
    "second_burst": later("Nobody has taken it after {waited}. The tone sounds again."),
    "every_operator": later("Nobody has taken it after {waited}. Every operator is called."),
    "supervisor": later("Nobody has taken it after {waited}. Whoever is on call is called."),
    "first_carer": later("Nobody has taken it after {waited}. The first contact is told."),
    "every_carer": later("Nobody has taken it after {waited}. All contacts are told."),
    "home_reassured": later(
        'Nobody has taken it after {waited}. The home is asked to say: "We have not forgotten you."'
    ),
    "exception": later("Nobody has taken it after {waited}. It must be explained why."),
    "still_ringing": later("It is still ringing after {waited}."),
}
_NOBODY_REACHABLE: Final = later("Nobody has taken it after {waited}, and no contact can be told by a message.")
_NOBODY_ON_CALL: Final = later("Nobody has taken it after {waited}, and nobody is on call. It stands on the wallboard.")
_RECALLS: Final[Mapping[str, str]] = {
    "recall": later("The time until which it was parked is over."),
    "review": later("Nothing has been written here for long. It asks for attention again."),
    "check_call": later("The home cancelled the alarm. It still wants a friendly call."),
    ASK_UNHEARD: later("The home did not say in time that it asks."),
    ASK_UNANSWERED: later("Nobody answered at home in time."),
}

CAUSES: Final[Mapping[str, str]] = {
    "help_needed": later("Needed help"),
    "fall": later("Fell"),
    "unwell": later("Unwell"),
    "fire_gas_water": later("Fire, gas or water"),
    "lonely": later("Anxious or lonely"),
    "mistake": later("Mistake"),
    "test": later("Test"),
    "sensor_false": later("Sensor was wrong"),
    "equipment": later("Equipment fault"),
    "visitor": later("Visitor"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "talked": later("Talked"),
    "contact_sent": later("Contact sent"),
    "team_sent": later("Team sent"),
    "ambulance": later("Ambulance"),
    "fire": later("Fire brigade"),
    "police": later("Police"),
    "clinician": later("Doctor or nurse"),
    "technician": later("Technician"),
    "none": later("Nothing"),
}
OUTCOMES: Final[Mapping[str, str]] = {
    "resolved_by_talk": later("Resolved by talking"),
    "helped_at_home": later("Helped at home"),
    "hospital": later("To hospital"),
    "refused": later("Refused help"),
    "not_at_home": later("Not at home"),
    "died": later("Died"),
    "unknown": later("Not known"),
}
CHANNELS: Final[Mapping[str, str]] = {
    "email": later("e-mail"),
    "mail": later("e-mail"),
    "sms": later("SMS"),
    "voice": later("voice call"),
    "push": later("app"),
    "apprise": later("messenger"),
    "phone": later("telephone"),
}
DELIVERY_STATES: Final[Mapping[str, str]] = {
    "queued": later("waiting to be sent"),
    "sent": later("sent"),
    "delivered": later("delivered"),
    "opened": later("read"),
    "accepted": later("accepted"),
    "declined": later("declined"),
    "failed_now": later("failed, tried again"),
    "failed": later("failed"),
    "failed_for_good": later("failed"),
    "cancelled": later("called off"),
    "arrived": later("is there"),
    "no_receipt": later("no sign that it arrived"),
}
CALLS_MISSED: Final[Mapping[str, str]] = {
    "no_answer": desk_words.CALL_RESULTS["no_answer"],
    "busy": desk_words.CALL_RESULTS["busy"],
    **{word: desk_words.CALL_RESULTS[word] for word in ("rejected", "machine", "unreachable")},
}
"""What a telephone did that rang in vain, as its gateway reports it (`central.phone_desk.Told`)."""
_MISSED: Final[Mapping[str, str]] = {
    "no_answer": later("{contact} did not answer the telephone."),
    "busy": later("{contact}: the telephone was engaged."),
    "rejected": later("{contact} turned the call down."),
    "machine": later("{contact} did not answer: a voice mailbox did."),
    "unreachable": later("{contact}: the telephone is off or out of reach."),
}
TRIAGE: Final[tuple[str, ...]] = (
    later("Fine, or a mistake"),
    later("Somebody today"),
    later("Somebody now"),
    later("Emergency services"),
    later("No answer"),
)
"""The five answers to "what is needed?", by their key 1 to 5; kept in the log as a note in these words."""


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called: operators, contacts of the home, rooms by device; and how the resident is called."""

    resident: str
    operators: Mapping[str, str]
    contacts: Mapping[str, str]
    rooms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline. `by` is "person", "home" or "desk"; `words` are somebody's own."""

    at: float
    by: str
    type: str
    sentence: str
    words: str


@dataclass(frozen=True, slots=True)
class Why:
    """One cause: when it happened at home (the latest time), a sentence, how often it came."""

    at: float
    sentence: str
    times: int


@dataclass(frozen=True, slots=True)
class Proof:
    """One reading that led to an alarm: when, where, what."""

    at: float | None
    where: str
    what: str


_CALLED: Final = later("{who} asked for {contact} to be told.")
_CALLED_BY_EMAIL: Final = later("{who} asked for {contact} to be told by e-mail.")
_CALLED_BY_PHONE: Final = later("{who} is ringing {contact}.")
_CALL_UNANSWERED: Final = later("A call of the agenda was tried in vain as often as it may be: {call}.")
_RISK_CALL: Final = later("A follow-up call that must not be left out was not made in time, or nobody answered.")
_CONTACTS_UNREACHABLE: Final = later(
    "There are times in the coming week, {span} together, in which none of the contacts could be reached."
)
_RINGS_ANEW: Final = frozenset(
    {EventType.OPENED, EventType.ANSWERED, EventType.RELEASED, EventType.RECALLED, EventType.HANDED_OVER}
)


def timeline(log: list[CaseEvent], names: Names, words: Words, timezone: str) -> list[Line]:
    """A case's log, newest first."""
    ring_at = 0.0
    lines = []
    for event in log:
        if event.type in _RINGS_ANEW:
            ring_at = event.at
        elif event.type is EventType.CONSOLE_LOST:
            ring_at = event.facts.event_at
        sentence = _sentence(event, names, words, timezone, ring_at)
        own = event.facts.text if event.type in {EventType.NOTED, EventType.CLOSED} else ""
        if event.type in {EventType.PARKED, EventType.RELEASED}:
            own = event.facts.reason
        own = own or desk_words.own_words(event)
        if own in TRIAGE:
            own = words.gettext(own)
        lines.append(Line(event.at, _by(event.actor), event.type.value, sentence, own))
    return lines[::-1]


def why_it_fired(log: list[CaseEvent], names: Names, words: Words) -> list[Why]:
    """What happened and which expectation failed, newest first, each sentence once with how often it was said."""
    said: dict[str, Why] = {}
    for event in log:
        if event.type in {EventType.OPENED, EventType.JOINED, EventType.UPDATED}:
            sentence = _cause(event.facts, names, words)
            times = said[sentence].times if sentence in said else 0
            said[sentence] = Why(event.facts.event_at or event.at, sentence, times + 1)
    return sorted(said.values(), key=lambda why: why.at, reverse=True)


def latest_triage(log: list[CaseEvent]) -> int | None:
    """The last answer to what is needed, 1 to 5; None when nobody gave one."""
    given = [
        event.facts.triage or TRIAGE.index(event.facts.text) + 1
        for event in log
        if event.type is EventType.TRIAGED or (event.type is EventType.NOTED and event.facts.text in TRIAGE)
    ]
    return given[-1] if given else None


def proofs(log: list[CaseEvent], names: Names, words: Words) -> list[Proof]:
    """The readings that the alarms and findings of a case carry, newest first, each once."""
    found: dict[tuple[float | None, str, str], Proof] = {}
    for event in log:
        base_name, base_time = "", 0.0
        for record in event.facts.evidence:
            base_name, base_time = record.bn or base_name, record.bt or base_time
            proof = _proof(record, base_name, base_time, event.facts, names, words)
            if proof is not None:
                found[proof.at, proof.where, proof.what] = proof
        for at, device, what in positions(event.facts, words):
            found[at, device, what] = Proof(at, names.rooms.get(device) or device, what)
    return sorted(found.values(), key=lambda proof: proof.at or 0.0, reverse=True)


def _by(actor: str) -> str:
    return {"hub": "home", "desk": "desk"}.get(actor, "person")


def _cause(facts: Facts, names: Names, words: Words) -> str:
    if facts.reason == CONTACTS_UNREACHABLE:
        span = say_duration(float(facts.details.get("hours", 0.0)) * 3600.0, words.language)
        return words.say(_CONTACTS_UNREACHABLE, span=span)
    if facts.reason == RISK_CALL_UNANSWERED:
        return words.gettext(_RISK_CALL)
    if facts.reason == CALL_UNANSWERED:
        kind = AGENDA_KINDS.get(str(facts.details.get("call", "")), "")
        return words.say(_CALL_UNANSWERED, call=words.gettext(kind) if kind else "…")
    if facts.reason == SMS_UNVERIFIED:
        return words.say(_UNVERIFIED, **facts.details)
    sentences = [words.say(WHAT_HAPPENED[facts.kind.value], name=names.resident)]
    if facts.reason in REASONS:
        sentences.append(words.say(REASONS[facts.reason], **details(facts, names.rooms, words)))
    if facts.text:
        sentences.append(facts.text)
    return " ".join(sentences)


def _proof(record: Record, base_name: str, base_time: float, facts: Facts, names: Names, words: Words) -> Proof | None:
    """Name and time of a SenML record are resolved as RFC 8428 says; a time below 2^28 is relative to the event."""
    device, _, kind = (base_name + (record.n or "")).rpartition(":")[2].partition("/")
    if kind not in KINDS or kind in POSITION_PARTS:
        return None
    at = base_time + (record.t or 0.0)
    if at < 2**28:
        at += facts.event_at
    what = value_words(record, kind, words)
    return Proof(at or None, names.rooms.get(device) or device, what)


def _sentence(event: CaseEvent, names: Names, words: Words, timezone: str, ring_at: float) -> str:
    facts = event.facts
    who = names.operators.get(event.actor, event.actor)
    contact = names.contacts.get(facts.contact, facts.contact)
    language = words.language
    kind = words.gettext(KIND_WORDS[facts.kind.value])
    where = f"{kind}, {facts.place}" if facts.place else kind
    say = words.say
    makers: dict[EventType, Callable[[], str]] = {
        EventType.OPENED: lambda: say(later("Alarm received: {what}."), what=where) + _late(facts, words),
        EventType.JOINED: lambda: say(later("Another alarm: {what}."), what=where) + _late(facts, words),
        EventType.UPDATED: lambda: say(later("News of the alarm: {what}."), what=where) + _late(facts, words),
        EventType.RETRACTED: lambda: say(later("The home cancelled the alarm.")),
        EventType.COPIED: lambda: _copied(facts, words),
        EventType.ENDED: lambda: say(later("The situation has ended by itself.")),
        EventType.TAKEN: lambda: say(later("{who} took the case."), who=who),
        EventType.SPOKEN: lambda: say(later("{who} is speaking with {name}."), who=who, name=names.resident),
        EventType.NOTED: lambda: say(later("{who} noted:"), who=who),
        EventType.PARKED: lambda: say(
            later("{who} parked the case until {time}:"),
            who=who,
            time=say_moment(facts.recall_at, event.at, language, timezone),
        ),
        EventType.RELEASED: lambda: say(later("{who} handed the case back:"), who=who),
        EventType.CALLED: lambda: say(_called(facts), who=who, contact=contact),
        EventType.TOLD: lambda: _told(facts, contact or facts.operator, words),
        EventType.ON_THE_WAY: lambda: say(
            later("{contact} is on the way, expected at {time}."),
            contact=contact,
            time=say_clock(event.at + 60 * facts.eta_minutes, language, timezone),
        ),
        EventType.ARRIVED: lambda: say(later("{contact} has arrived."), contact=contact),
        EventType.ESCALATED: lambda: say(_step(facts), waited=say_duration(event.at - ring_at, language)),
        EventType.RECALLED: lambda: say(_RECALLS.get(facts.step, _RECALLS["review"])),
        EventType.CLOSED: lambda: _closing(facts, who, words),
    }
    if event.type in makers:
        return makers[event.type]()
    others = ", ".join(names.contacts.get(other, other) for other in facts.contacts)
    operator = names.operators.get(facts.operator, facts.operator)
    return desk_words.sentence(event, who, contact, others, operator, words)


def missed_call(channel: str, fault: str) -> tuple[str, str]:
    """What a telephone did that rang in vain, "" for none that did, and what its gateway says besides."""
    code, _, more = fault.partition(": ")
    return (code, more) if channel == "voice" and code in CALLS_MISSED else ("", fault)


def _told(facts: Facts, contact: str, words: Words) -> str:
    missed, _ = missed_call(facts.channel, facts.text)
    if missed:
        return words.say(_MISSED[missed], contact=contact)
    state = words.gettext(DELIVERY_STATES.get(facts.state, facts.state))
    return words.say(later("Message to {contact}: {state}."), contact=contact, state=state)


def _called(facts: Facts) -> str:
    return {"phone": _CALLED_BY_PHONE, "email": _CALLED_BY_EMAIL}.get(facts.channel, _CALLED)


def _step(facts: Facts) -> str:
    if facts.state == NOBODY_REACHABLE:
        return _NOBODY_REACHABLE
    if facts.state == NOBODY_ON_CALL:
        return _NOBODY_ON_CALL
    return _STEPS.get(facts.step, _STEPS["still_ringing"])


def _late(facts: Facts, words: Words) -> str:
    by_sms = " " + words.gettext(later("It came by SMS.")) if facts.way is Way.SMS else ""
    if facts.late_s < 1:
        return by_sms
    return by_sms + " " + words.say(later("It came {late} late."), late=say_duration(facts.late_s, words.language))


def _copied(facts: Facts, words: Words) -> str:
    span = say_duration(facts.late_s, words.language)
    if facts.way is Way.SMS:
        return words.say(later("The same alarm came by SMS too, {span} later."), span=span)
    return words.say(later("The same alarm came over the line too, {span} later."), span=span)


def _closing(facts: Facts, who: str, words: Words) -> str:
    parts = [CAUSES.get(facts.cause, ""), ACTIONS.get(facts.action, ""), OUTCOMES.get(facts.outcome, "")]
    codes = " · ".join(words.gettext(part) for part in parts if part)
    return words.say(later("{who} closed the case: {codes}."), who=who, codes=codes)
