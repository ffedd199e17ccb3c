"""When calls of the agenda are due, how often they are tried, and what may be done with them. Pure.

Kinds are those of Spanish practice: medication (stay on the line until it is taken), special (waking, an appointment),
follow-up, courtesy, birthday, alert (heat wave, isolation), absence and return home, check call, and the follow-up of
somebody at risk of suicide, which nobody may skip silently.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec


class Kind(StrEnum):
    """What a call is for."""

    MEDICATION = "medication"
    SPECIAL = "special"
    FOLLOW_UP = "follow_up"
    COURTESY = "courtesy"
    BIRTHDAY = "birthday"
    ALERT = "alert"
    ABSENCE = "absence"
    CHECK = "check"
    SUICIDE_RISK = "suicide_risk"


class Outcome(StrEnum):
    """How a call ended."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    NOT_NEEDED = "not_needed"
    UNREACHED = "unreached"


class Rule(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a call is to be made, on the home's own clock.

    Attributes:
        repeat: once on the day `starts_on`; every so many days; on days of the week; on a day of the month or year.
        every: days between two calls, for "days".
        weekdays: 0 is Monday, for "weekly".
        at: local time from which it is due. window_min: minutes after which it is overdue.
        starts_on, until_on: first and last day, ISO; "" is for ever.
        note: what to say or ask.
    """

    starts_on: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)")]
    repeat: Literal["once", "days", "weekly", "monthly", "yearly"] = "once"
    every: Annotated[int, msgspec.Meta(ge=1, le=365)] = 1
    weekdays: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=6)], ...], msgspec.Meta(max_length=7)] = ()
    at: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)")] = "10:00"
    window_min: Annotated[int, msgspec.Meta(ge=5, le=1_440)] = 60
    until_on: Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?$(?!\n)")] = ""
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Retry(NamedTuple):
    """After how many seconds a call that nobody answered is tried again: one for each further try."""

    after_s: tuple[float, ...]
    opens_case: bool


_GENTLE: Final = Retry((4 * 3_600.0, 20 * 3_600.0), opens_case=False)
_SOON: Final = Retry((900.0, 3_600.0), opens_case=True)
_AT_ONCE: Final = Retry((300.0, 600.0, 900.0), opens_case=True)
RETRIES: Final[dict[Kind, Retry]] = {
    Kind.MEDICATION: Retry((600.0, 1_200.0), opens_case=True),
    Kind.SPECIAL: Retry((300.0, 600.0), opens_case=False),
    Kind.FOLLOW_UP: _GENTLE,
    Kind.COURTESY: _GENTLE,
    Kind.BIRTHDAY: Retry((3 * 3_600.0,), opens_case=False),
    Kind.ALERT: _SOON,
    Kind.ABSENCE: _SOON,
    Kind.CHECK: _SOON,
    Kind.SUICIDE_RISK: _AT_ONCE,
}
"""What happens when nobody answers. `opens_case`: after the last try it becomes a case, and people look."""
STRICT: Final = frozenset({Kind.SUICIDE_RISK})
"""Calls that only a supervisor or coordinator may call off, and that nobody may put off for long."""
STRICT_MOVE_MAX_S: Final = 4 * 3_600.0
MOVE_MAX_S: Final = 14 * 86_400.0
REASON_LEAST: Final = 5
"""Letters of a reason, at least: "x" explains nothing."""
_LOOK_DAYS: Final = 800


def read_rule(body: object) -> Rule | str:
    """A rule from untrusted data, or in one sentence what is wrong with it."""
    try:
        rule = msgspec.convert(body, Rule)
        starts = date.fromisoformat(rule.starts_on)
        until = date.fromisoformat(rule.until_on) if rule.until_on else None
    except (msgspec.ValidationError, ValueError) as error:
        return str(error)
    if until is not None and until < starts:
        return "the last day comes before the first"
    if rule.repeat == "weekly" and not rule.weekdays:
        return "a weekly call needs a day of the week"
    return rule


def next_after(rule: Rule, after_at: float, timezone: str) -> float | None:
    """The first time after `after_at` at which the rule wants a call; None when there is none."""
    zone = _zone(timezone)
    starts = date.fromisoformat(rule.starts_on)
    until = date.fromisoformat(rule.until_on) if rule.until_on else None
    hour, minute = (int(part) for part in rule.at.split(":"))
    try:
        day = max(starts, datetime.fromtimestamp(after_at, zone).date())
    except (OverflowError, ValueError, OSError):
        return None
    for _ in range(_LOOK_DAYS):
        if until is not None and day > until:
            return None
        if _wanted(rule, day, starts):
            at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
            if at > after_at:
                return at
        if rule.repeat == "once" and day > starts:
            return None
        day += timedelta(days=1)
    return None


def _wanted(rule: Rule, day: date, starts: date) -> bool:
    if rule.repeat == "once":
        return day == starts
    if rule.repeat == "days":
        return (day - starts).days % rule.every == 0
    if rule.repeat == "weekly":
        return day.weekday() in rule.weekdays
    last = (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
    same_day = day.day == min(starts.day, last)
    return same_day if rule.repeat == "monthly" else same_day and day.month == starts.month


def again_at(kind: Kind, tries: int, now: float) -> float | None:
    """When a call that nobody answered is tried again, after so many tries; None when that was the last."""
    waits = RETRIES[kind].after_s
    return now + waits[tries - 1] if 0 < tries <= len(waits) else None


def may_move(kind: Kind, due_at: float, to_at: float, now: float, reason: str, *, senior: bool) -> str:
    """Why a call may not be put off until `to_at`; "" when it may: `reason`, `past`, `too_far`."""
    if len(reason.strip()) < REASON_LEAST:
        return "reason"
    if to_at <= now:
        return "past"
    if to_at > now + MOVE_MAX_S or (kind in STRICT and not senior and to_at > max(due_at, now) + STRICT_MOVE_MAX_S):
        return "too_far"
    return ""


def may_call_off(kind: Kind, reason: str, *, senior: bool) -> str:
    """Why a call may not be called off; "" when it may: `reason`, `senior`."""
    if kind in STRICT and not senior:
        return "senior"
    return "" if len(reason.strip()) >= REASON_LEAST else "reason"


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("Europe/Madrid")
