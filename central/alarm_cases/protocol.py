"""What an operator does when nobody answers: steps in their order, each with the time after which the desk prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from central.alarm_cases.case import ASK_UNANSWERED, TEAM, CaseEvent, EventType
from central.alarm_cases.case import NO_ANSWER as NO_ANSWER_AT_HOME
from gateway.contract.messages import Record

FINE, SOMEONE_TODAY, SOMEONE_NOW, EMERGENCY_SERVICES, NO_ANSWER = range(1, 6)
"""The answers to "what is needed?", by the key that gives them."""

RING_LIMIT_S: Final = 30.0
"""How long a contact's telephone rings before the next one is called."""
ROUNDS: Final = 2
"""All contacts are called so often before a team is sent."""


class ProtocolStep(NamedTuple):
    """A step, the seconds after which the operator is prompted to go on, and the name by which a service sets them."""

    name: str
    limit_s: float
    set_as: str


class Before(NamedTuple):
    """That a step was done before it was at hand: when, and by whom who goes or is there ("" for nobody)."""

    at: float
    contact: str = ""


CALL_OUT, RING_HOME, RING_MOBILE = "call_out", "ring_home", "ring_mobile"
CONTACTS, RESPONSE_TEAM = "contacts", "response_team"
RINGS: Final = {"home": RING_HOME, "mobile": RING_MOBILE}
"""What an operator rings -> the step that this does."""
ASKED_KEPT_S: Final = 600.0
"""What the home asked, or rang, longer ago than this counts no more: it is done anew."""
CALLS_KEPT_S: Final = 1_800.0
"""Calls to contacts count for so long; so do an arrival, and who goes after the time at which they should be there."""
_CALL_OUT, _RAISE, _LISTEN, _RING_HOME, _RING_MOBILE, _EMERGENCY = (
    ProtocolStep(name, limit_s, name)
    for name, limit_s in (
        (CALL_OUT, 30.0),  # three times
        ("raise_volume", 10.0),
        ("listen", 20.0),
        (RING_HOME, RING_LIMIT_S),
        (RING_MOBILE, RING_LIMIT_S),
        ("emergency_112", 60.0),
    )
)
_NO_ANSWER_STEPS: Final = (
    _CALL_OUT,
    _RAISE,
    _LISTEN,
    _RING_HOME,
    _RING_MOBILE,
    ProtocolStep(CONTACTS, 300.0, CONTACTS),
    ProtocolStep(RESPONSE_TEAM, 120.0, RESPONSE_TEAM),
    _EMERGENCY,
)
_SILENT_STEPS: Final = (
    _CALL_OUT,
    _RAISE,
    _LISTEN,
    _RING_HOME,
    # an open line without a sound: if in doubt, send, and call contacts meanwhile
    ProtocolStep(RESPONSE_TEAM, 60.0, "silent_response_team"),
    ProtocolStep(CONTACTS, 120.0, "silent_contacts"),
    _EMERGENCY,
)
_DURESS_STEPS: Final = (
    # whoever threatens them may hear: nobody speaks into the home, and contacts are not called in turn
    ProtocolStep("stay_silent", 10.0, "stay_silent"),
    _LISTEN,
    _EMERGENCY,
)
PROTOCOLS: Final[dict[str, tuple[ProtocolStep, ...]]] = {
    "no_answer": _NO_ANSWER_STEPS,
    "silent": _SILENT_STEPS,
    "duress": _DURESS_STEPS,
}

STEP_S_BOUNDS: Final[dict[str, tuple[float, float]]] = {
    # less cannot be done well; with more somebody lies there unheard
    CALL_OUT: (10.0, 120.0),
    "raise_volume": (5.0, 60.0),
    "listen": (10.0, 120.0),
    # as for a contact's telephone: three rings at least, and not until a network hangs up
    RING_HOME: (15.0, 120.0),
    RING_MOBILE: (15.0, 120.0),
    # two rounds of calls need a minute; after a quarter of an hour a team would long be there
    CONTACTS: (60.0, 900.0),
    RESPONSE_TEAM: (30.0, 600.0),
    "silent_response_team": (15.0, 300.0),
    "silent_contacts": (30.0, 600.0),
    # an emergency call is made at once
    "emergency_112": (15.0, 180.0),
}
"""How far a service may move the times of steps, in seconds. To stay silent is a warning, and no time is set for it."""
BUILT_IN_S: Final = {step.set_as: step.limit_s for steps in PROTOCOLS.values() for step in steps}

DONE, SKIPPED, BY_SYSTEM = "done", "skipped", "by_system"
STEP_STATES: Final = frozenset({DONE, SKIPPED, BY_SYSTEM})


def first_step(protocol: str) -> ProtocolStep:
    """The step that a protocol begins with."""
    return PROTOCOLS[protocol][0]


def step_following(protocol: str, name: str) -> str:
    """The step after that one; "" after the last."""
    names = [step.name for step in PROTOCOLS[protocol]]
    return next(iter(names[names.index(name) + 1 :]), "")


def limit_s(protocol: str, name: str, set_s: Mapping[str, float]) -> float:
    """How long a step may take, as the service has set it or else as built in."""
    step = next(step for step in PROTOCOLS[protocol] if step.name == name)
    return set_s.get(step.set_as, step.limit_s)


def for_nobody(protocol: str, name: str) -> bool:
    """Whether a step is for when no contact comes: it follows upon calling them."""
    names = [step.name for step in PROTOCOLS[protocol]]
    return CONTACTS in names and names.index(name) > names.index(CONTACTS)


TICKING: Final = frozenset(
    {
        EventType.TRIAGED,
        EventType.STEPPED,
        EventType.RUNG,
        EventType.CALL_ENDED,
        EventType.ON_THE_WAY,
        EventType.DECLINED,
        EventType.ARRIVED,
        EventType.ALL_WELL,
        EventType.NEEDS_HELP,
    }
)
"""After these the step at hand may have been done already."""
_PICKED_UP: Final = frozenset({"answered", "machine"})
"""By somebody, or by what then proved to be a mailbox."""
_THERE: Final = frozenset({EventType.ARRIVED, EventType.ALL_WELL, EventType.NEEDS_HELP})


def done_before(step: str, log: Sequence[CaseEvent], contacts: Collection[str], now: float) -> Before | None:
    """That a step was done already, by the home, an operator or who goes; None when it is still to be done.

    What happened before the case was opened again counts no more. `contacts` are those whose telephone is known.
    """
    opened = [index for index, event in enumerate(log) if event.type is EventType.REOPENED]
    log = log[opened[-1] :] if opened else log
    if step == CALL_OUT:
        at = home_asked_at(log, now)
        return None if at is None else Before(at)
    if step in RINGS.values():
        return _rung_before(step, log, now)
    there = _helpers(log, now)
    if step == RESPONSE_TEAM:
        return there.get(TEAM)
    if step == CONTACTS:
        return next((one for who, one in there.items() if who != TEAM), None) or _all_called(log, contacts, now)
    return None


def _rung_before(step: str, log: Iterable[CaseEvent], now: float) -> Before | None:
    at = None
    for event in log:
        if event.type is EventType.RUNG and event.facts.step == step:
            at = event.at
        elif event.type is EventType.SPOKEN:
            at = None
        elif event.type is EventType.PHONED and event.facts.step == step and event.facts.state in _PICKED_UP:
            at = event.at if event.facts.state == "machine" else None
    return Before(at) if at is not None and now - at <= ASKED_KEPT_S else None


def _helpers(log: Iterable[CaseEvent], now: float) -> dict[str, Before]:
    """Who goes or is there, and since when they have said so; an arrival without a name is of who was on the way."""
    found: dict[str, tuple[Before, float]] = {}
    latest = ""
    for event in log:
        who = event.facts.contact or latest
        since = found[who][0] if who in found else Before(event.at, who)
        if event.type is EventType.ON_THE_WAY:
            latest, found[who] = who, (since, event.at + 60.0 * event.facts.eta_minutes + CALLS_KEPT_S)
        elif event.type in _THERE:
            found[who] = since, event.at + CALLS_KEPT_S
        elif event.type is EventType.DECLINED:
            found.pop(who, None)
    return {who: since for who, (since, until) in found.items() if now <= until}


def home_asked_at(log: Iterable[CaseEvent], now: float) -> float | None:
    """When the home itself has last asked in vain, aloud; None when it has not, or has only shown the question, or long
    ago, or when somebody has answered since. Of a suspected fall the alarm's evidence says so."""
    at, aloud = None, False
    for event in log:
        if event.type is EventType.ASKED:
            aloud = event.facts.aloud
        elif event.type is EventType.ANSWERED:
            at = event.at if aloud and event.facts.state == NO_ANSWER_AT_HOME else None
        elif event.type is EventType.RECALLED and event.facts.step == ASK_UNANSWERED and aloud:
            at = event.at
        elif event.facts.aloud:
            at = max(unanswered_at(event.facts.evidence), default=at)
    return at if at is not None and now - ASKED_KEPT_S <= at <= now else None


def unanswered_at(evidence: Iterable[Record]) -> list[float]:
    """When nobody answered the home after a fall, as an alarm says."""
    return [record.t for record in evidence if record.vs == "unanswered" and record.t is not None]


def _all_called(log: Sequence[CaseEvent], contacts: Collection[str], now: float) -> Before | None:
    """That every contact was called in vain as often as the protocol asks, or said that they cannot come."""
    late = [event for event in log if event.at >= now - CALLS_KEPT_S]
    ended = [event for event in late if event.type is EventType.CALL_ENDED and event.facts.state != "answered"]
    calls = Counter(event.facts.contact for event in ended)
    cannot = {event.facts.contact for event in late if event.type is EventType.DECLINED}
    wanted = {*contacts, *calls} - cannot
    if not (calls or cannot) or any(calls[contact] < ROUNDS for contact in wanted - {TEAM}):
        return None
    return Before(max(event.at for event in late if event.type in {EventType.CALL_ENDED, EventType.DECLINED}))
