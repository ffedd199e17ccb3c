"""How the values of an export are said to a person: days, spans, codes, people, and what is kept as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from central.agenda.rules import read_rule
from central.alarm_cases.rota import Profile, read_profile
from central.carers.looked import REASONS
from central.carers.rights_words import SHARED
from central.carers.rota_words import WAYS, absence_line
from central.console.hub_words import PROBLEMS
from central.console.pages import agenda_words, change_words, file_words
from central.console.pages.file_lines import say_minutes
from central.console.wording import Names
from central.storage.carer_links import BY_LINK
from central.texts import LANGUAGES, Words, later, local, say_clock, say_date, say_duration, say_month, say_number
from gateway.contract.messages import ProblemCode


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what ids are called there: accounts, contacts, rooms by device, and the resident."""

    words: Words
    timezone: str
    names: Names


Say = Callable[[Any, Reader], str]
"""A value as it is said, "" for nothing worth saying."""

_NO_PERSONS: Final[Mapping[str, str]] = {
    "desk": later("the centre, by itself"),
    "hub": later("the unit at home"),
    "carer": later("one of your people"),
    "register": later("the register of the service"),
}
_PLAN_CODES: Final[Mapping[str, Mapping[str, str]]] = {
    "first": file_words.FIRST,
    "carers": file_words.CARERS,
    "order": file_words.ORDERS,
    "language": LANGUAGES,
}
_LARGE_LIMITS: Final[Mapping[str, str]] = {
    "vitals": later("Measurements"),
    "measurements": later("Measurements"),
    "weight_change": later("Body weight"),
    "climate": later("Room temperature"),
    "doses": later("Medication"),
    "locator": later("Outside the safe zone"),
}
"""Limits that are tables of their own."""
_NIGHT_OK: Final[Mapping[bool, str]] = {True: later("May be woken at night"), False: later("Not to be woken at night")}


def plain(value: Any, reader: Reader) -> str:
    """Words as they stand; a number without needless decimals; yes or no."""
    if isinstance(value, bool):
        return reader.words.gettext(later("yes") if value else later("no"))
    if isinstance(value, float):
        return say_number(value, reader.words.language, 0 if value.is_integer() else 1)
    return "" if value is None else str(value)


def moment(value: Any, reader: Reader) -> str:
    """A day with its time; what is 0 has not been."""
    if not value:
        return ""
    day = say_date(local(value, reader.timezone).date(), reader.words.language)
    return f"{day}, {say_clock(value, reader.words.language, reader.timezone)}"


def day(value: Any, reader: Reader) -> str:
    """A day or month, given as "2026-11-09" or "2026-11"."""
    try:
        return (say_month if len(str(value)) == len("2026-11") else say_date)(str(value), reader.words.language)
    except ValueError:
        return str(value)


def span_s(value: Any, reader: Reader) -> str:
    """Seconds as a span; less than one is none."""
    return say_duration(value, reader.words.language) if value and value >= 1 else ""


def hours(value: Any, reader: Reader) -> str:
    """Hours as a span."""
    return span_s(value * 3_600, reader)


def minutes(value: Any, reader: Reader) -> str:
    """Minutes as a span."""
    return span_s(value * 60, reader)


def number(value: Any, reader: Reader) -> str:
    """How many; none is not worth saying."""
    return plain(value, reader) if value else ""


def alarm(value: Any, reader: Reader) -> str:
    """An alarm by its number."""
    return reader.words.say(later("alarm {number}"), number=value) if value else ""


def language(value: Any, _reader: Reader) -> str:
    """A language, by its own name; of several, each."""
    return ", ".join(LANGUAGES.get(one, one) for one in _several(value))


def codes(table: Mapping[Any, str]) -> Say:
    """Codes by what they are called; several (a list, or with commas) one after the other."""

    def say(value: Any, reader: Reader) -> str:
        if value == 0 and value not in table:
            return ""
        if isinstance(value, str) and "," in value and value not in table:
            value = value.split(",")
        return ", ".join(reader.words.gettext(table[one]) if one in table else str(one) for one in _several(value))

    return say


def fault(value: Any, reader: Reader) -> str:
    """What a unit reports to be wrong, without the name of what it is about."""
    return reader.words.say(PROBLEMS.get(value, PROBLEMS[ProblemCode.OTHER]).says, what="…")


def subject(table: Mapping[str, str]) -> Say:
    """What is named as "code:id", by the code alone."""
    return lambda value, reader: codes(table)(str(value).partition(":")[0], reader)


def first_code(table: Mapping[str, str]) -> Say:
    """A code with what somebody wrote behind it: "team_safe slot 4"."""

    def say(value: Any, reader: Reader) -> str:
        code, _, written = str(value or "").partition(" ")
        return " ".join(filter(None, (codes(table)(code, reader) if code else "", written)))

    return say


def person(value: Any, reader: Reader) -> str:
    """Whoever an id of an account or contact stands for; words as they stand ("ana: the daughter" is both)."""
    account, colon, said_by = str(value or "").partition(": ")
    names, plainly = reader.names, _NO_PERSONS.get(account)
    linked = account.removeprefix(BY_LINK)
    called = names.operators.get(account) or names.contacts.get(linked) or (plainly and reader.words.gettext(plainly))
    return f"{said_by} ({called or account})" if colon else called or account


def because(value: Any, reader: Reader) -> str:
    """Why somebody looked, as the log has it."""
    case = str(value).removeprefix("case ")
    if case == value:
        return reader.words.gettext(REASONS.get(case, case))
    return reader.words.say(later("Because of alarm number {case}."), case=case)


def limits(value: Any, reader: Reader) -> str:
    """What differs from the limits that hold for everybody."""
    words, said = reader.words, []
    for name, one in dict(value or {}).items():
        if name in file_words.LIMITS:
            said.append(f"{file_words.field_name(name, words)}: {file_words.shown(one, words)}")
        else:
            about = words.gettext(_LARGE_LIMITS.get(name, later("Something else")))
            said.append(words.say(later("{about}: agreed for you; the particulars are in the file"), about=about))
    return _lines(dict.fromkeys(said))


def plan(value: Any, reader: Reader) -> str:
    """What a care plan asks for beside what holds for everybody."""
    words, said = reader.words, []
    for name, one in dict(value or {}).items():
        if name == "after_s":
            steps = agenda_words.STEPS
            said += [f"{words.gettext(steps.get(step, step))}: {after_s:g}" for step, after_s in one.items()]
        elif name != "version":
            text = codes(_PLAN_CODES[name])(one, reader) if name in _PLAN_CODES else str(one)
            label = words.gettext(later("Spoken to in")) if name == "language" else file_words.field_name(name, words)
            said.append(f"{label}: {text}")
    return _lines(said) or words.gettext(later("as for everybody"))


def profile(value: Any, reader: Reader) -> str:
    """When and how a contact can be asked, and what they may see."""
    found = read_profile(value)
    if not isinstance(found, Profile):
        return ""
    words, zone = reader.words, reader.timezone
    said = [(words.gettext(WAYS.get(way.channel, way.channel)), way.address) for way in found.addresses]
    weekdays = agenda_words.weekdays(words)
    said += [(weekdays[one.day], f"{say_minutes(one.from_min)}–{say_minutes(one.until_min)}") for one in found.weekly]
    said += [(words.gettext(later("Holiday")), absence_line(one, zone, words)) for one in found.absences]
    if found.muted_until_at:
        said.append((words.gettext(later("Not to be told until")), moment(found.muted_until_at, reader)))
    seen = ", ".join(words.gettext(SHARED[share].name) for share in found.consent)
    said.append((words.gettext(later("May see")), seen or words.gettext(later("nothing"))))
    if found.calls_them:
        said.append((words.gettext(later("What they call you")), found.calls_them))
    return _lines([*(f"{name}: {text}" for name, text in said), words.gettext(_NIGHT_OK[found.night_ok])])


def rule(value: Any, reader: Reader) -> str:
    """When calls are to be made, and what for."""
    found = read_rule(value)
    if isinstance(found, str):
        return ""
    until = agenda_words.say_until(found, reader.words)
    return _lines([agenda_words.say_rule(found, reader.words), until, found.note])


def changes(value: Any, reader: Reader) -> str:
    """Which fields of a file were changed, from what to what."""
    to = change_words.Telling(reader.words, reader.timezone, reader.names.contacts)
    return _lines(
        f"{file_words.field_name(name, reader.words)}: {change_words.said(name, old, to) or '–'} → "
        f"{change_words.said(name, new, to) or '–'}"
        for name, (old, new) in dict(value or {}).items()
    )


def unit_settings(value: Any, reader: Reader) -> str:
    """What a hub should go by, as far as it is about people and rooms."""
    words = reader.words
    said = [(later("Language"), language(value.get("language"), reader))]
    said.append((later("Number of the centre"), str(value.get("centre_number") or "")))
    people = value.get("contacts") or ()
    said += [(later("Is told by SMS"), f"{one.get('name', '')} {one.get('number', '')}") for one in people]
    said += [(later("Room"), str(one.get("room") or "")) for one in dict(value.get("devices") or {}).values()]
    return _lines(f"{words.gettext(name)}: {text}" for name, text in said if text)


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _lines(said: Iterable[str]) -> str:
    return "\n".join(one for one in said if one)
