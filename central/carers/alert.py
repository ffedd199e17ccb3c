"""What a carer is shown of one alarm: what, where, when, who is on it, who else was asked, and what they can do now.

Pure. Everything that the resident has not agreed to let this contact see is left out here, so that no page can show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import Share
from central.console.finding_words import WHAT_HAPPENED
from central.notification.delivery import Delivery, DeliveryState
from central.texts import Words, later, say_clock, say_moment
from gateway.contract.alarm_kinds import SILENT_KINDS, AlarmKind

END_SHOWN_S: Final = 24 * 3_600.0
"""An alarm that is over can be looked at for so long by those who were asked to come."""
ETA_CHOICES_MIN: Final = (5, 15, 30)


class Stage(StrEnum):
    """Where this carer stands, which says what they can do next."""

    HIDDEN = "hidden"
    ASK = "ask"
    DECLINED = "declined"
    OTHER_GOING = "other_going"
    OTHER_THERE = "other_there"
    GOING = "going"
    HERE = "here"
    INSIDE = "inside"
    SAID_WELL = "said_well"
    SAID_HELP = "said_help"
    OVER = "over"


_MINE: Final = frozenset(
    {
        EventType.ON_THE_WAY,
        EventType.DECLINED,
        EventType.ARRIVED,
        EventType.INSIDE,
        EventType.ALL_WELL,
        EventType.NEEDS_HELP,
    }
)
_SAID: Final = {
    EventType.ARRIVED: Stage.HERE,
    EventType.INSIDE: Stage.INSIDE,
    EventType.ALL_WELL: Stage.SAID_WELL,
    EventType.NEEDS_HELP: Stage.SAID_HELP,
}
_HEALTH: Final = frozenset({"vital_sign", "vital_missing", "medication"})
"""Kinds that tell of somebody's health by their very name: shown with consent to readings only."""


class Seen(NamedTuple):
    """Where somebody was noticed last, and when."""

    at: float
    room: str


class Home(NamedTuple):
    """What is known of the home. `resident` is the name to be used for whom it is about."""

    resident: str
    address: str
    access_notes: str
    phone: str
    timezone: str


class Known(NamedTuple):
    """What a view is made of.

    Attributes:
        log: of the case. deliveries: of the case.
        names: contacts by id; operators: by id.
        consent: what the resident lets this contact see.
        seen: last movement, None where it is not known. carried: ids of the devices that are carried by a person.
    """

    case: Case
    log: Sequence[CaseEvent]
    deliveries: Sequence[Delivery]
    contact_id: str
    home: Home
    names: Mapping[str, str]
    operators: Mapping[str, str]
    consent: frozenset[Share]
    seen: Seen | None = None
    carried: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OtherCarer:
    """Somebody else who was asked, and what came of it."""

    called: str
    says: str


@dataclass(frozen=True, slots=True)
class Entry:
    """How to get in; given to who goes, and written into the audit log."""

    address: str
    notes: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alarm for one carer, in their language.

    Attributes:
        version: rises with every change of the case.
        stage: where they stand (`Stage`). test: nobody needs help. tone: "alarm", "calm" or "test".
        heading, where, since, centre: sentences; `where` "" when nothing is known.
        note: what matters to this carer now.
        others: who else was asked. last_seen: "" without consent.
        phone: to call the home, "" for none.
        entry: only for who goes or is there.
        withheld: what this page does not show, and why.
    """

    case_id: int
    version: int
    stage: str
    test: bool
    tone: str
    heading: str
    where: str
    since: str
    centre: str
    note: str
    others: list[OtherCarer]
    last_seen: str
    phone: str
    entry: Entry | None
    withheld: list[str]


def stage_of(case: Case, log: Iterable[CaseEvent], contact_id: str) -> Stage:
    """Where a carer stands in a case."""
    if not case.open:
        return Stage.OVER
    mine = [event.type for event in log if event.type in _MINE and event.facts.contact == contact_id]
    latest = mine[-1] if mine else None
    if latest in _SAID:
        return _SAID[latest]
    if case.arrived_at is not None:
        return Stage.OTHER_THERE
    if case.helper_id == contact_id:
        return Stage.GOING
    if case.helper_id:
        return Stage.OTHER_GOING
    return Stage.DECLINED if latest is EventType.DECLINED else Stage.ASK


def view_of(known: Known, words: Words, now: float) -> AlertView:
    """What this carer is shown now."""
    case = known.case
    shared = "alarms" in known.consent and case.kind not in SILENT_KINDS
    stage = stage_of(case, known.log, known.contact_id) if shared else Stage.HIDDEN
    test = case.priority is Priority.TEST
    if stage is Stage.HIDDEN:
        return _hidden(case, test, words)
    there = {Stage.HERE, Stage.INSIDE, Stage.SAID_WELL, Stage.SAID_HELP}
    may_enter = stage in {Stage.GOING, *there} and "access_notes" in known.consent
    calm = stage not in {Stage.ASK, Stage.GOING, Stage.HERE, Stage.INSIDE, Stage.SAID_HELP}
    return AlertView(
        case_id=case.id,
        version=case.version,
        stage=stage.value,
        test=test,
        tone="test" if test else "calm" if calm else "alarm",
        heading=_begun(_heading(known, words)),
        where=_where(known, words),
        since=say_moment(case.opened_at, now, words.language, known.home.timezone),
        centre=_begun(_centre(known, words)),
        note=_begun(_note(stage, known, words)),
        others=_others(known, words) if stage is not Stage.OVER else [],
        last_seen=_last_seen(known, words, now) if stage is not Stage.OVER else "",
        phone=known.home.phone if stage is not Stage.OVER else "",
        entry=Entry(known.home.address, known.home.access_notes) if may_enter else None,
        withheld=withheld(known.consent, words),
    )


def _begun(sentence: str) -> str:
    """A sentence with a capital at its begin, also where a name such as "the home" stands there."""
    return sentence[:1].upper() + sentence[1:]


_WITHHELD: Final[Mapping[Share, str]] = {
    "daily_line": later("How the day began: {name} has not agreed to share it with you."),
    "location": later("The room of the last movement: {name} has not agreed to share it with you."),
    "readings": later("Measurements and slow changes: {name} has not agreed to share them with you."),
    "history": later(
        "Earlier alarms, how they ended, and who opened the file: {name} has not agreed to share them with you."
    ),
    "access_notes": later(
        "Door codes and keys: {name} has not agreed to share them with you. The centre has them: ask there."
    ),
}


def withheld(consent: Collection[Share], words: Words, name: str = "") -> list[str]:
    """What somebody is not shown, and why."""
    called = name or words.gettext(later("the person"))
    return [words.say(text, name=called) for share, text in _WITHHELD.items() if share not in consent]


def _hidden(case: Case, test: bool, words: Words) -> AlertView:
    text = later("This alarm is not shared with you any more. If you are worried, call the centre.")
    return AlertView(
        case_id=case.id,
        version=case.version,
        stage=Stage.HIDDEN.value,
        test=test,
        tone="calm",
        heading=words.gettext(text),
        where="",
        since="",
        centre="",
        note="",
        others=[],
        last_seen="",
        phone="",
        entry=None,
        withheld=[],
    )


def _heading(known: Known, words: Words) -> str:
    kind = known.case.kind.value
    if kind in _HEALTH and "readings" not in known.consent:
        return words.say(later("There is an alert from {name}'s home."), name=known.home.resident)
    return words.say(WHAT_HAPPENED.get(kind, WHAT_HAPPENED["other"]), name=known.home.resident)


def _where(known: Known, words: Words) -> str:
    """Where it happened, as far as what raised the alarm has a place of its own."""
    case = known.case
    said_by = [event.facts.device for event in known.log if event.facts.place and event.facts.place == case.place]
    if not said_by or said_by[-1] not in known.carried:
        return case.place
    if case.kind not in {AlarmKind.HELP, AlarmKind.FALL}:
        return ""
    return words.gettext(later("not known: it comes from a device that is carried along"))


def _centre(known: Known, words: Words) -> str:
    """Whether an operator is on it."""
    case = known.case
    who = known.operators.get(case.owner_id or "", "")
    facts = {"who": who, "name": known.home.resident}
    if case.state is State.CLOSED:
        at = say_clock(case.closed_at or case.opened_at, words.language, known.home.timezone)
        return words.say(later("The centre ended this alarm at {time}."), time=at)
    if case.state is State.WITHDRAWN:
        return words.say(later("{name} took the alarm back. The centre will call to be sure."), **facts)
    if case.asked_first:
        return words.gettext(later("It has been quiet there. The home is asking whether all is well."))
    if case.owner_id is None or case.ring_at is not None:
        return words.gettext(later("The centre has the alarm; nobody there has answered it yet."))
    if case.state is State.TALKING:
        return words.say(later("{who} of the centre is speaking with {name}."), **facts)
    return words.say(later("{who} of the centre is looking after it."), **facts)


_NOTES: Final[Mapping[Stage, str]] = {
    Stage.ASK: later("Can you go?"),
    Stage.DECLINED: later("You said that you cannot go. Others are being asked."),
    Stage.OTHER_GOING: later("{helper} is already going. You may rest."),
    Stage.OTHER_THERE: later("{helper} is there. You may rest."),
    Stage.GOING: later("You are going. The centre and {name} know it."),
    Stage.HERE: later("You are there. How is {name}?"),
    Stage.INSIDE: later("You are inside. How is {name}?"),
    Stage.SAID_WELL: later("Thank you. The centre knows that all is well and will end the alarm."),
    Stage.SAID_HELP: later("The centre knows. It will call you or send help. Stay with {name}."),
    Stage.OVER: later("It is over. Thank you for being there."),
}
_NOBODY: Final = later("Somebody")


def _note(stage: Stage, known: Known, words: Words) -> str:
    helper = known.names.get(known.case.helper_id, "") or words.gettext(_NOBODY)
    note = words.say(_NOTES[stage], name=known.home.resident, helper=helper)
    if stage in {Stage.OTHER_GOING, Stage.GOING} and known.case.eta_at is not None:
        at = say_clock(known.case.eta_at, words.language, known.home.timezone)
        note += " " + words.say(later("Expected at {time}."), time=at)
    if stage is Stage.OVER and "history" in known.consent:
        note = _end(known, words) or note
    return note


_ENDS: Final[Mapping[str, str]] = {
    "resolved_by_talk": later("It is over: it was settled by talking."),
    "helped_at_home": later("It is over: {name} was helped at home."),
    "hospital": later("It is over: {name} was taken to hospital. The centre can tell you more."),
}


def _end(known: Known, words: Words) -> str:
    outcomes = [event.facts.outcome for event in known.log if event.type is EventType.CLOSED]
    text = _ENDS.get(outcomes[-1] if outcomes else "")
    return words.say(text, name=known.home.resident) if text else ""


_STATES: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.QUEUED: later("is being asked"),
    DeliveryState.FAILED_NOW: later("is being asked"),
    DeliveryState.SENT: later("was asked"),
    DeliveryState.DELIVERED: later("has the message"),
    DeliveryState.OPENED: later("has read it"),
    DeliveryState.FAILED_FOR_GOOD: later("cannot be reached"),
    DeliveryState.DECLINED: later("cannot go"),
    DeliveryState.ACCEPTED: later("is going"),
    DeliveryState.ARRIVED: later("is there"),
}
_ANSWERED: Final[Mapping[EventType, DeliveryState]] = {
    EventType.ON_THE_WAY: DeliveryState.ACCEPTED,
    EventType.DECLINED: DeliveryState.DECLINED,
    EventType.ARRIVED: DeliveryState.ARRIVED,
    EventType.INSIDE: DeliveryState.ARRIVED,
    EventType.ALL_WELL: DeliveryState.ARRIVED,
    EventType.NEEDS_HELP: DeliveryState.ARRIVED,
}


def _others(known: Known, words: Words) -> list[OtherCarer]:
    """Everybody else who was asked or has answered, in the order in which it began."""
    states: dict[str, DeliveryState] = {}
    for delivery in known.deliveries:
        if delivery.purpose == "alarm" and delivery.state is not DeliveryState.CANCELLED:
            before = states.get(delivery.contact_id, DeliveryState.FAILED_FOR_GOOD)
            states[delivery.contact_id] = max(before, delivery.state, key=_PROGRESS.index)
    for event in known.log:
        if event.type in _ANSWERED and event.facts.contact:
            states[event.facts.contact] = _ANSWERED[event.type]
    return [
        OtherCarer(known.names[contact_id], words.gettext(_STATES[state]))
        for contact_id, state in states.items()
        if contact_id != known.contact_id and contact_id in known.names
    ]


_PROGRESS: Final = (
    DeliveryState.FAILED_FOR_GOOD,
    *(state for state in _STATES if state is not DeliveryState.FAILED_FOR_GOOD),
)


def _last_seen(known: Known, words: Words, now: float) -> str:
    if known.seen is None or "location" not in known.consent:
        return ""
    at = say_moment(known.seen.at, now, words.language, known.home.timezone)
    if not known.seen.room:
        return words.say(later("Last movement: {time}"), time=at)
    return words.say(later("Last movement: {time}, {room}"), time=at, room=known.seen.room)
