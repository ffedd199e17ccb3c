"""What an operator does when nobody answers: steps in their order, each with the time after which the desk prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from central.alarm_cases.case import ASK_UNANSWERED, CaseEvent, EventType
from central.alarm_cases.case import NO_ANSWER as NO_ANSWER_AT_HOME

FINE, SOMEONE_TODAY, SOMEONE_NOW, EMERGENCY_SERVICES, NO_ANSWER = range(1, 6)
"""The answers to "what is needed?", by the key that gives them."""

RING_LIMIT_S: Final = 30.0
"""How long a contact's telephone rings before the next one is called."""
ROUNDS: Final = 2
"""All contacts are called so often before a team is sent."""


class ProtocolStep(NamedTuple):
    """A step and the seconds after which the operator is prompted to go on."""

    name: str
    limit_s: float


CALL_OUT: Final = "call_out"
CONTACTS: Final = "contacts"
HOME_ASKED_KEPT_S: Final = 600.0
"""What the home asked longer ago than this counts no more: somebody calls out anew."""
_NO_ANSWER_STEPS: Final = (
    ProtocolStep(CALL_OUT, 30.0),  # three times
    ProtocolStep("raise_volume", 10.0),
    ProtocolStep("listen", 20.0),
    ProtocolStep("ring_home", RING_LIMIT_S),
    ProtocolStep("ring_mobile", RING_LIMIT_S),
    ProtocolStep(CONTACTS, 300.0),
    ProtocolStep("response_team", 120.0),
    ProtocolStep("emergency_112", 60.0),
)
_SILENT_STEPS: Final = (
    ProtocolStep(CALL_OUT, 30.0),
    ProtocolStep("raise_volume", 10.0),
    ProtocolStep("listen", 20.0),
    ProtocolStep("ring_home", RING_LIMIT_S),
    # an open line without a sound: if in doubt, send, and call contacts meanwhile
    ProtocolStep("response_team", 60.0),
    ProtocolStep(CONTACTS, 120.0),
    ProtocolStep("emergency_112", 60.0),
)
_DURESS_STEPS: Final = (
    # whoever threatens them may hear: nobody speaks into the home, and contacts are not called in turn
    ProtocolStep("stay_silent", 10.0),
    ProtocolStep("listen", 20.0),
    ProtocolStep("emergency_112", 60.0),
)
PROTOCOLS: Final[dict[str, tuple[ProtocolStep, ...]]] = {
    "no_answer": _NO_ANSWER_STEPS,
    "silent": _SILENT_STEPS,
    "duress": _DURESS_STEPS,
}

DONE, SKIPPED, BY_SYSTEM = "done", "skipped", "by_system"
STEP_STATES: Final = frozenset({DONE, SKIPPED, BY_SYSTEM})


def first_step(protocol: str) -> ProtocolStep:
    """The step that a protocol begins with."""
    return PROTOCOLS[protocol][0]


def step_following(protocol: str, name: str) -> ProtocolStep | None:
    """The step after that one; None after the last."""
    names = [step.name for step in PROTOCOLS[protocol]]
    return next(iter(PROTOCOLS[protocol][names.index(name) + 1 :]), None)


def home_asked_at(log: Iterable[CaseEvent], now: float) -> float | None:
    """When the home itself has last asked in vain, on its screen and aloud; None when it has not, or long ago, or when
    somebody has answered since. Of a suspected fall the alarm's evidence says so."""
    at = None
    for event in log:
        times = [record.t for record in event.facts.evidence if record.vs == "unanswered" and record.t is not None]
        if event.type is EventType.ANSWERED:
            at = event.at if event.facts.state == NO_ANSWER_AT_HOME else None
        elif event.type is EventType.RECALLED and event.facts.step == ASK_UNANSWERED:
            at = event.at
        at = max(times, default=at)
    return at if at is not None and now - HOME_ASKED_KEPT_S <= at <= now else None


def calls_made(log: Iterable[CaseEvent]) -> Counter[str]:
    """How often each contact was called by telephone without reaching them, by contact's id."""
    return Counter(
        event.facts.contact for event in log if event.type is EventType.CALL_ENDED and event.facts.state != "answered"
    )


def all_were_called(log: Iterable[CaseEvent], contacts: Collection[str]) -> bool:
    """Whether every one of `contacts` was called in vain as often as the protocol asks."""
    calls = calls_made(log)
    return bool(contacts) and all(calls[contact] >= ROUNDS for contact in contacts)
