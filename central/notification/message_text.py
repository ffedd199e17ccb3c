"""What a carer is told: short, in their language, and nothing about health, since it shows on a locked phone."""

from __future__ import annotations

from dataclasses import dataclass

from central.alarm_cases.priority import Priority
from central.texts import later, say_clock, translator
from gateway.contract.alarm_kinds import AlarmKind


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
        purpose: "alarm", or "stand_down" when somebody else is going; going: what they are called.
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


def write_short(occasion: Occasion, language: str) -> str:
    """One line for a lock screen or an SMS: whose home, when, which case; nothing about health."""
    words = translator(language)
    clock = say_clock(occasion.at, language, occasion.timezone)
    facts = {"name": occasion.resident or words.gettext(later("the home")), "clock": clock, "case": occasion.case_id}
    if occasion.purpose == "stand_down":
        line = words.say(later("{who} is going to {name}. You need not do anything."), who=occasion.going, **facts)
    else:
        line = words.say(later("{name}, {clock}: please open. Case {case}"), **facts)
    return f"TEST · {line}" if occasion.priority is Priority.TEST else line


def write(occasion: Occasion, contact: str, language: str) -> tuple[str, str]:
    """Subject and text for a contact called `contact`, in `language`."""
    words = translator(language)
    if occasion.purpose == "stand_down":
        return _somebody_goes(occasion, contact, language)
    clock = say_clock(occasion.at, language, occasion.timezone)
    facts = {"name": occasion.resident or words.gettext(later("the home")), "clock": clock, "contact": contact}
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


def _somebody_goes(occasion: Occasion, contact: str, language: str) -> tuple[str, str]:
    """To those who were asked too: they can go back to what they were doing."""
    words = translator(language)
    line = write_short(occasion, language)
    case = words.say(later("Case number: {case}"), case=occasion.case_id)
    return line, "\n".join([words.say(later("Hello {contact},"), contact=contact), "", line, "", case])
