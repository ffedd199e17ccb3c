"""A week as carers tick it: seven days with four parts each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from central.alarm_cases.rota import Absence, Span
from central.storage.push import CHANNEL
from central.texts import Words, later, local, say_day

DAYS: Final = (
    later("Monday"),
    later("Tuesday"),
    later("Wednesday"),
    later("Thursday"),
    later("Friday"),
    later("Saturday"),
    later("Sunday"),
)


class Part(NamedTuple):
    """A part of a day: its name, and its minutes from midnight."""

    text: str
    spans: tuple[tuple[int, int], ...]


PARTS: Final[Mapping[str, Part]] = {
    "morning": Part(later("Morning 7–13"), ((420, 780),)),
    "afternoon": Part(later("Afternoon 13–19"), ((780, 1140),)),
    "evening": Part(later("Evening 19–23"), ((1140, 1380),)),
    "night": Part(later("Night 23–7"), ((0, 420), (1380, 1440))),
}

WAYS: Final[Mapping[str, str]] = {
    CHANNEL: later("Notification on a phone"),
    "sms": later("SMS"),
    "voice": later("Telephone call"),
    "email": later("E-mail"),
    "apprise": later("Messenger"),
}


def spans_of(cells: Iterable[str]) -> tuple[Span, ...]:
    """Spans from ticked cells such as "0-morning"; cells that are none are left out. Neighbours become one."""
    minutes: dict[int, list[tuple[int, int]]] = {}
    for cell in cells:
        day, _, part = cell.partition("-")
        if part in PARTS and day in {"0", "1", "2", "3", "4", "5", "6"}:
            minutes.setdefault(int(day), []).extend(PARTS[part].spans)
    found: list[Span] = []
    for number, spans in sorted(minutes.items()):
        for begin, end in sorted(set(spans)):
            if found and found[-1].day == number and found[-1].until_min == begin:
                found[-1] = Span(number, found[-1].from_min, end)
            else:
                found.append(Span(number, begin, end))
    return tuple(found)


def grid_of(weekly: Iterable[Span]) -> frozenset[str]:
    """The cells that spans cover as a whole."""
    spans = list(weekly)

    def covered(day: int, begin: int, end: int) -> bool:
        return any(span.day == day and span.from_min <= begin and span.until_min >= end for span in spans)

    return frozenset(
        f"{day}-{name}"
        for day in range(7)
        for name, part in PARTS.items()
        if all(covered(day, begin, end) for begin, end in part.spans)
    )


def absence_line(absence: Absence, timezone: str, words: Words) -> str:
    """An absence as its first and last day."""
    last_at = absence.until_at - 1.0
    facts = {
        "first": say_day(absence.from_at, words.language, timezone),
        "last": say_day(last_at, words.language, timezone),
    }
    if local(absence.from_at, timezone).date() == local(last_at, timezone).date():
        text = words.say(later("{first}"), **facts)
    else:
        text = words.say(later("{first} to {last}"), **facts)
    return f"{text} · {absence.reason}" if absence.reason else text
