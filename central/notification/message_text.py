"""What a carer is told: short, in their language, and nothing about health, since it shows on a locked phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from central.alarm_cases.priority import Priority
from central.alarm_cases.summary import Ending
from central.texts import Words, later, say_clock, translator
from gateway.contract.alarm_kinds import AlarmKind

NO_ENDING: Final = Ending("", well=False)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a message is about.

    Attributes:
        case_id: the number to name on the phone.
        resident: the name to be used; "" when the home has no resident on file.
        kind, priority: of the case.
        at: when it began, Unix seconds; timezone: of the home.
        answered: whether somebody at the centre has it in hand.
        operator_asks: whether a person at the centre asked for this message (else the desk did by itself).
        purpose: "alarm", "stand_down" when somebody else is going, "way_in" for who goes and answered by a call, or
            "summary" when it is over.
        going: what the one who is going is called; ending: what is said of the end.
    """

    case_id: int
    resident: str
    kind: AlarmKind
    priority: Priority
    at: float
    timezone: str
    answered: bool
    operator_asks: bool
    purpose: str = "alarm"
    going: str = ""
    ending: Ending = NO_ENDING


def write_short(occasion: Occasion, language: str) -> str:
    """One line for a lock screen or an SMS: whose home, when, which case; nothing about health."""
    words = translator(language)
    clock = say_clock(occasion.at, language, occasion.timezone)
    facts = {"name": _name(occasion, words), "clock": clock, "case": occasion.case_id}
    if occasion.purpose == "stand_down":
        line = words.say(later("{who} is going to {name}. You need not do anything."), who=occasion.going, **facts)
    elif occasion.purpose == "way_in":
        text = later("You are going to {name}. Open this for what you need, and to tell us that you are there.")
        line = words.say(text, **facts)
    elif occasion.purpose == "summary":
        return " ".join(words.say(sentence, who=occasion.ending.spoke, **facts) for sentence in _how_it_ended(occasion))
    else:
        line = words.say(later("{name}, {clock}: please open. Case {case}"), **facts)
    return f"TEST · {line}" if occasion.priority is Priority.TEST else line


def write(occasion: Occasion, contact: str, language: str) -> tuple[str, str]:
    """Subject and text for a contact called `contact`, in `language`."""
    words = translator(language)
    if occasion.purpose in {"stand_down", "way_in"}:
        return _only_told(occasion, contact, language)
    if occasion.purpose == "summary":
        why = words.say(later("You get this because {name} lets you know how alarms end."), name=_name(occasion, words))
        return _only_told(occasion, contact, language, why)
    clock = say_clock(occasion.at, language, occasion.timezone)
    facts = {"name": _name(occasion, words), "clock": clock, "contact": contact}
    if occasion.kind is AlarmKind.HELP:
        subject = words.say(later("{name} has asked for help, {clock}"), **facts)
    else:
        subject = words.say(later("Alert from the home of {name}, {clock}"), **facts)
    answered = (
        later("Somebody at the centre is already looking after it.")
        if occasion.answered
        else later("The centre has the call and is trying to reach them.")
    )
    ask = (
        later("The centre asks you to get in touch.")
        if occasion.operator_asks
        else later("If you can go or telephone, please do so now.")
    )
    lines = [
        words.say(later("Hello {contact},"), **facts),
        "",
        f"{subject}.",
        words.gettext(answered),
        words.gettext(ask),
        "",
        words.say(later("Case number: {case}"), case=occasion.case_id),
    ]
    if occasion.priority is Priority.TEST:
        test = words.gettext(later("This is a test. Nobody needs help."))
        return f"TEST · {subject}", "\n".join([test, "", *lines])
    return subject, "\n".join(lines)


def _only_told(occasion: Occasion, contact: str, language: str, why: str = "") -> tuple[str, str]:
    """To those who need not do anything: that somebody else goes, or that it is over."""
    words = translator(language)
    line = write_short(occasion, language)
    case = words.say(later("Case number: {case}"), case=occasion.case_id)
    lines = [words.say(later("Hello {contact},"), contact=contact), "", line, "", *filter(None, [why]), case]
    return line, "\n".join(lines)


def _how_it_ended(occasion: Occasion) -> tuple[str, str]:
    """What happened, and how it ended, in two sentences. Only what is well is said; the rest is told by a person."""
    happened = later("{clock}: there was an alert from the home of {name}.")
    if occasion.kind is AlarmKind.HELP:
        happened = later("{clock}: {name} called the centre.")
    if not occasion.ending.well:
        return happened, later("The centre has looked after it and can tell you more.")
    if occasion.ending.spoke:
        return happened, later("{who} of the centre spoke with {name}; all is well.")
    return happened, later("The centre has looked after it; all is well.")


def _name(occasion: Occasion, words: Words) -> str:
    return occasion.resident or words.gettext(later("the home"))
