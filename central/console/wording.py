"""A case's log as sentences, in the language of who reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import degrees
from typing import Final

from central.alarm_cases.case import CaseEvent, EventType, Facts, Way
from central.alarm_cases.priority import SMS_UNVERIFIED
from central.case_desk import NOBODY_REACHABLE
from central.texts import Words, later, say_clock, say_duration, say_moment
from devices.vocabulary import KINDS
from gateway.contract.messages import Record

KIND_WORDS: Final[Mapping[str, str]] = {
    "help": later("Help button"),
    "fall": later("Fall"),
    "smoke": later("Smoke"),
    "gas": later("Gas"),
    "co": later("Carbon monoxide"),
    "flood": later("Water leak"),
    "inactivity": later("No movement"),
    "sensor_silent": later("Silent sensor"),
    "hub_silent": later("Silent home"),
    "battery_low": later("Low battery"),
    "mains_lost": later("No mains power"),
    "test": later("Test"),
    "other": later("Unknown alarm"),
}

_WHAT_HAPPENED: Final[Mapping[str, str]] = {
    "help": later("{name} pressed the help button."),
    "fall": later("The fall sensor of {name} reports a fall."),
    "smoke": later("The smoke alarm sounds at {name}'s home."),
    "gas": later("The gas alarm sounds at {name}'s home."),
    "co": later("The carbon monoxide alarm sounds at {name}'s home."),
    "flood": later("Water on the floor at {name}'s home."),
    "inactivity": later("No sign of movement from {name}."),
    "sensor_silent": later("A sensor at {name}'s home has fallen silent."),
    "hub_silent": later("Nothing is heard from {name}'s home any more."),
    "battery_low": later("A battery at {name}'s home is running low."),
    "mains_lost": later("{name}'s home has no mains power."),
    "test": later("A test from {name}'s home. Nothing has happened."),
    "other": later("{name}'s home sends an alarm with a code that is not known here."),
}

_REASONS: Final[Mapping[str, str]] = {
    "quiet_too_long": later("No movement for {span}, longer than this home is ever quiet. Last noticed: {room}."),
    "quiet_indoors": later(
        "Quiet indoors for {span}: usually noticed in the {usual_room} by {usual_by};"
        " last movement {last_by} in the {room}."
    ),
    "not_up_yet": later(
        "Not up yet: usually in the {usual_room} by {usual_by}; last movement {last_by} in the {room}."
    ),
    "not_home_yet": later("Not home yet: usually back by {usual_by}; last movement {last_by}, at the door."),
    "not_back": later("Went out of the door and has not been noticed for {span}."),
    "hub_silent": later("The home's unit has said nothing for {span}: no alarm can come from there."),
    "hub_silent_long": later(
        "The home's unit has said nothing for {span}. Ring the person: no alarm can come from there."
    ),
    "sensor_silent": later("The sensor {device} ({room}) has said nothing for {span}."),
}
"""What a detector found, by its reason; `central.detection.detectors` say which facts go with each."""
_UNVERIFIED: Final = later(
    "An SMS from the number of this home's unit cannot be verified. It may be a real call. It says: {text}"
)

_STEPS: Final[Mapping[str, str]] = {
    "second_burst": later("Nobody has taken it after {waited}. The tone sounds again."),
    "every_operator": later("Nobody has taken it after {waited}. Every operator is called."),
    "supervisor": later("Nobody has taken it after {waited}. The supervisor is called."),
    "first_carer": later("Nobody has taken it after {waited}. The first contact is told."),
    "home_reassured": later("Nobody has taken it after {waited}. The home hears that we are coming."),
    "exception": later("Nobody has taken it after {waited}. It must be explained why."),
    "still_ringing": later("It is still ringing after {waited}."),
}
_NOBODY_REACHABLE: Final = later("Nobody has taken it after {waited}, and no contact can be told by e-mail.")
_RECALLS: Final[Mapping[str, str]] = {
    "recall": later("The time until which it was parked is over."),
    "review": later("Nothing has been written here for long. It asks for attention again."),
    "check_call": later("The home cancelled the alarm. It still wants a friendly call."),
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
CHANNELS: Final[Mapping[str, str]] = {"email": later("e-mail"), "mail": later("e-mail")}
DELIVERY_STATES: Final[Mapping[str, str]] = {
    "queued": later("waiting to be sent"),
    "sent": later("sent"),
    "delivered": later("delivered"),
    "opened": later("read"),
    "accepted": later("accepted"),
    "declined": later("declined"),
    "failed_now": later("failed, tried again"),
    "failed": later("failed"),
}
TRIAGE: Final[tuple[str, ...]] = (
    later("Fine, or a mistake"),
    later("Somebody today"),
    later("Somebody now"),
    later("Emergency services"),
    later("No answer"),
)
"""The five answers to "what is needed?", by their key 1 to 5; kept in the log as a note in these words."""

_EVIDENCE: Final[Mapping[tuple[str, bool], str]] = {
    ("motion", True): later("movement"),
    ("motion", False): later("stillness"),
    ("open", True): later("opened"),
    ("open", False): later("closed"),
    ("presence", True): later("somebody there"),
    ("presence", False): later("empty"),
    ("smoke", True): later("smoke"),
    ("smoke", False): later("no smoke"),
    ("gas", True): later("gas"),
    ("co", True): later("carbon monoxide"),
    ("flood", True): later("water"),
    ("flood", False): later("dry"),
    ("tamper", True): later("tampered with"),
}
_EVIDENCE_WORDS: Final[Mapping[str, str]] = {
    "press": later("button pressed"),
    "fall": later("fall"),
    "suspected": later("suspected"),
    "confirmed": later("confirmed"),
    "recovered": later("got up"),
    "impact": later("impact"),
    "tilt": later("turned by"),
    "stir": later("movement after it"),
    "heartbeat": later("sign of life"),
    "boot": later("started anew"),
    "temperature": later("temperature"),
    "humidity": later("humidity"),
    "illuminance": later("light"),
    "power": later("power"),
    "heart_rate": later("heart rate"),
    "spo2": later("oxygen in blood"),
    "systolic": later("upper blood pressure"),
    "diastolic": later("lower blood pressure"),
    "weight": later("weight"),
    "body_temperature": later("body temperature"),
    "battery": later("battery"),
    "voltage": later("voltage"),
    "rssi": later("signal"),
}
_UNITS: Final[Mapping[str, str]] = {
    "Cel": "°C",
    "%RH": "%",
    "%EL": "%",
    "beat/min": "/min",
    "mm[Hg]": "mmHg",
    "m/s2": "m/s²",
}


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


_RINGS_ANEW: Final = frozenset({EventType.OPENED, EventType.RELEASED, EventType.RECALLED})


def timeline(log: list[CaseEvent], names: Names, words: Words, timezone: str) -> list[Line]:
    """A case's log, newest first."""
    ring_at = 0.0
    lines = []
    for event in log:
        if event.type in _RINGS_ANEW:
            ring_at = event.at
        sentence = _sentence(event, names, words, timezone, ring_at)
        own = event.facts.text if event.type in {EventType.NOTED, EventType.CLOSED} else ""
        if event.type in {EventType.PARKED, EventType.RELEASED}:
            own = event.facts.reason
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
    given = [event.facts.text for event in log if event.type is EventType.NOTED and event.facts.text in TRIAGE]
    return TRIAGE.index(given[-1]) + 1 if given else None


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
    return sorted(found.values(), key=lambda proof: proof.at or 0.0, reverse=True)


def _by(actor: str) -> str:
    return {"hub": "home", "desk": "desk"}.get(actor, "person")


def _cause(facts: Facts, names: Names, words: Words) -> str:
    if facts.reason == SMS_UNVERIFIED:
        return words.say(_UNVERIFIED, **facts.details)
    sentences = [words.say(_WHAT_HAPPENED[facts.kind.value], name=names.resident)]
    if facts.reason in _REASONS:
        sentences.append(words.say(_REASONS[facts.reason], **_details(facts, names, words)))
    if facts.text:
        sentences.append(facts.text)
    return " ".join(sentences)


def _details(facts: Facts, names: Names, words: Words) -> dict[str, object]:
    """The facts of a finding as they are said: a span in words, a device's room in words."""
    given: dict[str, object] = dict(facts.details)
    for name, unit_s in (("hours", 3600.0), ("minutes", 60.0), ("quiet_s", 1.0), ("silent_s", 1.0)):
        value = facts.details.get(name)
        if isinstance(value, float | int):
            given["span"] = say_duration(value * unit_s, words.language)
    device = str(facts.details.get("device", facts.device))
    given["device"] = device
    given["room"] = facts.details.get("room") or names.rooms.get(device) or device
    return given


def _proof(record: Record, base_name: str, base_time: float, facts: Facts, names: Names, words: Words) -> Proof | None:
    """Name and time of a SenML record are resolved as RFC 8428 says; a time below 2^28 is relative to the event."""
    device, _, kind = (base_name + (record.n or "")).rpartition(":")[2].partition("/")
    if kind not in KINDS:
        return None
    at = base_time + (record.t or 0.0)
    if at < 2**28:
        at += facts.event_at
    what = _value_words(record, kind, words)
    return Proof(at or None, names.rooms.get(device) or device, what)


def _value_words(record: Record, kind: str, words: Words) -> str:
    if record.vb is not None and (kind, record.vb) in _EVIDENCE:
        return words.gettext(_EVIDENCE[kind, record.vb])
    name = words.gettext(_EVIDENCE_WORDS.get(kind, kind))
    if record.vs is not None and record.vs in _EVIDENCE_WORDS:
        return f"{name}: {words.gettext(_EVIDENCE_WORDS[record.vs])}"
    if record.v is not None and KINDS[kind].unit == "rad":
        return f"{name} {degrees(record.v):.0f}°"
    if record.v is not None and KINDS[kind].unit:
        unit = KINDS[kind].unit
        return f"{name} {record.v:g} {_UNITS.get(unit, unit)}"
    return name


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
        EventType.CALLED: lambda: say(
            later("{who} asked for {contact} to be told by e-mail."), who=who, contact=contact
        ),
        EventType.TOLD: lambda: say(
            later("Message to {contact}: {state}."),
            contact=contact,
            state=words.gettext(DELIVERY_STATES.get(facts.state, facts.state)),
        ),
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
    return makers[event.type]()


def _step(facts: Facts) -> str:
    if facts.state == NOBODY_REACHABLE:
        return _NOBODY_REACHABLE
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
