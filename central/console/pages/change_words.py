"""Changes to what is on record, as people read them: codes, times and people by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from central.alarm_cases.rota import Absence, Address, Span
from central.carers.rota_words import WAYS, absence_line
from central.console.pages import agenda_words, file_words
from central.storage.carer_links import BY_LINK
from central.storage.push import CHANNEL
from central.storage.records import Change
from central.texts import LANGUAGES, Words, local, say_clock, say_date


class Telling(NamedTuple):
    """To whom it is told, on the clock of which home, and what ids of contacts are called there."""

    words: Words
    timezone: str = "Europe/Madrid"
    people: Mapping[str, str] = {}


def lines(changes: Iterable[Change], to: Telling, subjects: Mapping[str, str]) -> list[dict[str, Any]]:
    """Changes as a page lists them; who came by the link of a message is called by their name.

    Args:
        subjects: what the code before the colon of a subject is called, in the reader's language.
    """
    return [
        {
            "at": one.at,
            "by": to.people.get(one.by.removeprefix(BY_LINK), one.by) if one.by.startswith(BY_LINK) else one.by,
            "subject": subjects.get(one.subject.partition(":")[0], one.subject),
            "fields": [
                (file_words.field_name(name, to.words), said(name, old, to), said(name, new, to))
                for name, (old, new) in one.fields.items()
            ],
        }
        for one in changes
    ]


def said(field: str, value: Any, to: Telling) -> str:
    """A value of a field, "" for nothing."""
    if value in (None, "", [], {}) or (field == "muted_until_at" and not value):
        return ""
    try:
        return _SAY[field](value, to) if field in _SAY else file_words.shown(value, to.words)
    except (msgspec.ValidationError, ValueError, TypeError, AttributeError):  # written in an older form
        return file_words.shown(value, to.words)


def _codes(table: Mapping[str, str]) -> Callable[[Any, Telling], str]:
    def say(value: Any, to: Telling) -> str:
        several = value if isinstance(value, list) else [value]
        return ", ".join(to.words.gettext(table[one]) if one in table else str(one) for one in several)

    return say


def _order(value: Any, to: Telling) -> str:
    """Of a care plan, or of the contacts themselves."""
    if isinstance(value, list):
        return ", ".join(to.people.get(one, one) for one in value)
    return _codes(file_words.ORDERS)(value, to)


def _weekly(value: Any, to: Telling) -> str:
    days = agenda_words.weekdays(to.words)
    spans = msgspec.convert(value, list[Span])
    return ", ".join(f"{days[one.day]} {_clock(one.from_min)}–{_clock(one.until_min)}" for one in spans)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _absences(value: Any, to: Telling) -> str:
    return "; ".join(absence_line(one, to.timezone, to.words) for one in msgspec.convert(value, list[Absence]))


def _moment(value: Any, to: Telling) -> str:
    day = say_date(local(value, to.timezone).date(), to.words.language)
    return f"{day}, {say_clock(value, to.words.language, to.timezone)}"


def _addresses(value: Any, to: Telling) -> str:
    ways = msgspec.convert(value, list[Address])
    name = to.words.gettext
    return ", ".join(
        name(WAYS[CHANNEL]) if one.channel == CHANNEL else f"{name(WAYS.get(one.channel, one.channel))} {one.address}"
        for one in ways
    )


def _steps(value: Any, to: Telling) -> str:
    steps = agenda_words.STEPS
    return ", ".join(f"{to.words.gettext(steps.get(name, name))}: {after_s:g}" for name, after_s in value.items())


def _day(value: Any, to: Telling) -> str:
    return say_date(value, to.words.language)


_SAY: Final[Mapping[str, Callable[[Any, Telling], str]]] = {
    "first": _codes(file_words.FIRST),
    "carers": _codes(file_words.CARERS),
    "order": _order,
    "after_s": _steps,
    "language": _codes(LANGUAGES),
    "hearing": _codes(file_words.SENSES),
    "speech": _codes(file_words.SENSES),
    "flags": _codes(file_words.FLAGS),
    "relation": _codes(file_words.RELATIONS),
    "consent": _codes(file_words.SHARES),
    "weekly": _weekly,
    "absences": _absences,
    "muted_until_at": _moment,
    "addresses": _addresses,
    "ended": _moment,
    "since": _day,
    "valid_until": _day,
}
