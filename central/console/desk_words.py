"""Sentences for what the desk, its protocol and carers did in a case, beside those of `wording`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from central.alarm_cases.case import (
    FINE,
    HELP,
    LOST,
    NO_ANSWER,
    NOT_ASKED,
    NOT_SAID,
    RING_LIMIT,
    SAID,
    SHOWN,
    STEP_TIMER,
    CaseEvent,
    EventType,
    Facts,
)
from central.alarm_cases.incidents import BROKER
from central.alarm_cases.priority import Priority
from central.texts import Words, later, say_duration

NEEDED: Final[Mapping[int, str]] = {
    1: later("Fine, or a mistake"),
    2: later("Somebody today"),
    3: later("Somebody now"),
    4: later("Emergency services"),
    5: later("No answer"),
}
"""The answers to "what is needed?", by their key."""
PRIORITIES: Final[Mapping[int, str]] = {
    Priority.LIFE: later("Life"),
    Priority.URGENT: later("Urgent"),
    Priority.ROUTINE: later("Routine"),
    Priority.TECHNICAL: later("Technical"),
    Priority.TEST: later("Test"),
}
PROTOCOL_STEPS: Final[Mapping[str, str]] = {
    "call_out": later("Call out three times"),
    "raise_volume": later("Raise the volume"),
    "stay_silent": later("Stay silent: do not speak into the home, do not ring it"),
    "listen": later("Listen"),
    "ring_home": later("Ring the home"),
    "ring_mobile": later("Ring the mobile"),
    "contacts": later("Call the contacts"),
    "response_team": later("Send the response team"),
    "emergency_112": later("Call 112"),
}
CALL_RESULTS: Final[Mapping[str, str]] = {
    "answered": later("answered"),
    "no_answer": later("does not answer"),
    "busy": later("engaged"),
    "rejected": later("call turned down"),
    "machine": later("voice mailbox"),
    "unreachable": later("off or out of reach"),
    "failed": later("the call cannot be made"),
    "hung_up": later("given up before an answer"),
}
_STEPPED: Final[Mapping[str, str]] = {
    "done": later("{who}: {step}."),
    "skipped": later("{who} skipped: {step}. {why}"),
    "by_system": later("Done by the system: {step}."),
}
_NOBODY_HEARD: Final = later("Not one home was heard: probably our own message broker or line. Look at Health first.")
_RUNG: Final[Mapping[str, str]] = {
    "ring_home": later("{who} rings the home."),
    "ring_mobile": later("{who} rings the mobile."),
}
_TALKED: Final[Mapping[str, str]] = {
    "": later("The call to {contact} ended after {span}."),
    "ring_home": later("The call to the home ended after {span}."),
    "ring_mobile": later("The call to the mobile ended after {span}."),
}
_PHONES: Final[Mapping[str, str]] = {"ring_home": later("Telephone at home"), "ring_mobile": later("Mobile telephone")}
_NEEDS: Final[Mapping[str, str]] = {
    "ambulance": later("{contact} asks for an ambulance."),
    "advice": later("{contact} needs advice."),
}
_ASKED: Final = {
    True: later('The home asks "Are you all right?", for up to {span}.'),
    False: later(
        'The home shows the question "Are you all right?" for up to {span}; that it says it aloud is not known.'
    ),
}
_ANSWERED: Final[Mapping[str, str]] = {
    FINE: later("Answered at home: I am fine."),
    HELP: later("Answered at home: I need help."),
    NO_ANSWER: later("Nobody answered at home."),
    NOT_ASKED: later("The home could ask nobody."),
    LOST: later("The unit went silent while the home was asked: no answer can come."),
}
_COMFORTED: Final[Mapping[str, str]] = {
    SAID: later('Said aloud at home: "We have not forgotten you."'),
    SHOWN: later('Shown on the screen at home, and not said aloud: "We have not forgotten you."'),
    NOT_SAID: later("The home could not say it."),
}


def sentence(event: CaseEvent, who: str, contact: str, others: str, operator: str, words: Words) -> str:
    """What happened, in one sentence.

    Args:
        who, contact: what the actor and the contact of the facts are called.
        others: what the contacts who were asked or told besides are called, "" for none.
        operator: what the colleague is called to whom a case is handed, "" for none.
    """
    facts, say = event.facts, words.say
    makers: dict[EventType, Callable[[], str]] = {
        EventType.ASKED: lambda: say(_ASKED[facts.aloud], span=say_duration(facts.ask_s, words.language)),
        EventType.ANSWERED: lambda: say(_ANSWERED.get(facts.state, _ANSWERED[NO_ANSWER])),
        EventType.COMFORTED: lambda: say(_COMFORTED.get(facts.state, _COMFORTED[NOT_SAID])),
        EventType.ABANDONED: lambda: say(later("The home hung up before anybody had answered.")),
        EventType.TRIAGED: lambda: say(later("{who} noted:"), who=who),
        EventType.STEPPED: lambda: say(
            _STEPPED.get(facts.state, _STEPPED["done"]), who=who, step=_step(facts.step, words), why=facts.reason
        ),
        EventType.EXPLAINED: lambda: say(later("{who} explained why nobody took it in time:"), who=who),
        EventType.HANDED_OVER: lambda: _handed_over(operator, words),
        EventType.CONSOLE_LOST: lambda: say(
            later("The console of {operator} was lost. The case goes back to everybody."), operator=operator
        ),
        EventType.CALL_ENDED: lambda: say(
            later("{contact}: {result}."),
            contact=contact,
            result=words.gettext(CALL_RESULTS.get(facts.state, facts.state)),
        ),
        EventType.PHONED: lambda: _phoned(facts, contact, words),
        EventType.RUNG: lambda: say(_RUNG.get(facts.step, _RUNG["ring_home"]), who=who),
        EventType.INSIDE: lambda: say(later("{contact} is inside."), contact=contact),
        EventType.DECLINED: lambda: _declined(contact, others, words),
        EventType.ALL_WELL: lambda: say(later("{contact} says that all is well."), contact=contact),
        EventType.NEEDS_HELP: lambda: say(_NEEDS.get(facts.state, _NEEDS["advice"]), contact=contact),
        EventType.GROUPED: lambda: _grouped(facts, words),
        EventType.PROMPTED: lambda: _prompted(facts, words),
        EventType.REOPENED: lambda: say(later("{who} opened the case again:"), who=who),
    }
    return makers[event.type]() if event.type in makers else event.type.value


def _grouped(facts: Facts, words: Words) -> str:
    said = words.say(later("Part of incident {number}."), number=facts.incident)
    return f"{said} {words.gettext(_NOBODY_HEARD)}" if facts.reason == BROKER else said


def own_words(event: CaseEvent) -> str:
    """What somebody wrote themselves in such an event, "" for nothing."""
    facts = event.facts
    if event.type in {EventType.HANDED_OVER, EventType.REOPENED}:
        return facts.reason
    if event.type is EventType.TRIAGED:
        return NEEDED.get(facts.triage, "")
    if event.type in {EventType.ALL_WELL, EventType.NEEDS_HELP}:
        return facts.text
    return facts.explanation if event.type is EventType.EXPLAINED else ""


def _phoned(facts: Facts, contact: str, words: Words) -> str:
    """What came of a call that the centre placed, and for how long they talked."""
    if facts.state == "ended":
        span = f"{int(facts.talk_s) // 60}:{int(facts.talk_s) % 60:02d}"
        return words.say(_TALKED.get(facts.step, _TALKED[""]), contact=contact, span=span)
    whose = words.gettext(_PHONES.get(facts.step, _PHONES["ring_home"]))
    return f"{whose}: {words.gettext(CALL_RESULTS.get(facts.state, facts.state))}."


def _step(name: str, words: Words) -> str:
    return words.gettext(PROTOCOL_STEPS.get(name, name))


def _handed_over(operator: str, words: Words) -> str:
    if operator:
        return words.say(later("The case goes over to {operator}:"), operator=operator)
    return words.say(later("The case goes back to everybody:"))


def _declined(contact: str, others: str, words: Words) -> str:
    if others:
        return words.say(later("{contact} cannot come. {others} is asked."), contact=contact, others=others)
    return words.say(later("{contact} cannot come."), contact=contact)


def _prompted(facts: Facts, words: Words) -> str:
    if facts.step == RING_LIMIT:
        return words.say(later("It has rung long enough. Call the next contact."))
    step = _step(facts.step.removeprefix(STEP_TIMER), words)
    return words.say(later("Time is up for: {step}. Go on to the next step."), step=step)
