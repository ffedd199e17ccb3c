"""What calls of the agenda are called, and how they are shown in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from babel.dates import get_day_names

from central.agenda.kind_words import AGENDA_KINDS
from central.agenda.rules import RETRIES, STRICT, Kind, Rule
from central.storage.agenda import Call, Item
from central.texts import Words, later, say_clock, say_date, say_day_of_year, say_moment

KINDS: Final = AGENDA_KINDS
REPEATS: Final[Mapping[str, str]] = {
    "once": later("Once"),
    "days": later("Every so many days"),
    "weekly": later("On days of the week"),
    "monthly": later("Every month"),
    "yearly": later("Every year"),
}
OUTCOMES: Final[Mapping[str, str]] = {
    "reached": later("reached"),
    "no_answer": later("no answer"),
    "not_needed": later("called off"),
    "unreached": later("not reached"),
    "taken": later("taken"),
    "released": later("given back"),
    "moved": later("put off"),
    "cancelled": later("called off"),
}
STEPS: Final[Mapping[str, str]] = {
    "every_operator": later("Every operator is called, seconds after ringing began"),
    "supervisor": later("The supervisor is called, seconds after ringing began"),
    "first_carer": later("The first contact is told, seconds after ringing began"),
    "every_carer": later("All contacts are told, seconds after ringing began"),
    "home_reassured": later('The home is asked to say: "We have not forgotten you.", seconds after ringing began'),
}


def weekdays(words: Words) -> dict[int, str]:
    """The days of the week, from Monday."""
    return dict(sorted(get_day_names("wide", locale=words.language).items()))


def say_rule(rule: Rule, words: Words) -> str:
    """When a rule wants its calls."""
    if rule.repeat == "once":
        return words.say(later("Once, on {day} at {time}"), day=say_date(rule.starts_on, words.language), time=rule.at)
    if rule.repeat == "days":
        return words.say(later("Every {count} days at {time}"), count=rule.every, time=rule.at)
    if rule.repeat == "weekly":
        names = get_day_names("abbreviated", locale=words.language)
        days = ", ".join(str(names[day]) for day in sorted(rule.weekdays))
        return words.say(later("{days} at {time}"), days=days, time=rule.at)
    if rule.repeat == "monthly":
        return words.say(later("Every month on day {day} at {time}"), day=int(rule.starts_on[8:]), time=rule.at)
    return words.say(
        later("Every year on {day} at {time}"), day=say_day_of_year(rule.starts_on, words.language), time=rule.at
    )


def say_until(rule: Rule, words: Words) -> str:
    """Until when a rule holds, "" for without end."""
    if not rule.until_on:
        return ""
    return words.say(later("until {day}"), day=say_date(rule.until_on, words.language))


def item_line(one: Item, words: Words) -> dict[str, Any]:
    """What asks for calls, in a line."""
    return {
        "id": one.id,
        "kind": words.gettext(KINDS[one.kind]),
        "strict": Kind(one.kind) in STRICT,
        "title": one.title,
        "note": one.rule.note,
        "when": say_rule(one.rule, words),
        "until": say_until(one.rule, words),
        "source": one.source,
        "made_by": one.made_by,
        "made_at": one.made_at,
        "next_at": one.next_at,
    }


def line(one: Call, now: float, words: Words) -> dict[str, Any]:
    """A call, in a line."""
    open_ = one.state in {"due", "taken"}
    return {
        "call": one,
        "kind": words.gettext(KINDS[one.kind]),
        "strict": Kind(one.kind) in STRICT,
        "due": say_moment(one.due_at, now, words.language, shift_s=0.0),
        "until": say_clock(one.late_at, words.language),
        "is_due": open_ and one.due_at <= now,
        "late": open_ and one.late_at <= now,
        "late_s": max(0.0, now - one.late_at),
        "tries_left": len(RETRIES[Kind(one.kind)].after_s) + 1 - one.attempts,
        "outcome": words.gettext(OUTCOMES.get(one.outcome, one.outcome)) if one.outcome else "",
    }
