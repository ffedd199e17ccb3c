"""How somebody has been living lately, beside the case: slow changes, weeks by consent, and what was a false alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from babel.dates import format_date
from fastapi import APIRouter, Depends, Request

from central.console.access import Seat
from central.console.finding_words import KIND_WORDS
from central.console.problem import Problem
from central.console.rights import allowed
from central.storage import care, homes
from central.storage.care import Change, Week
from central.storage.quality import FalseAlarms, false_alarms_by_week
from central.texts import Words, later, say_number, translator

router = APIRouter(prefix="/api/homes", tags=["homes"])

FALSE_ALARM_WEEKS: Final = 4
WEEK_S: Final = 7 * 86_400.0
TelemetryReader = Annotated[Seat, Depends(allowed("telemetry", "read"))]

CHANGES: Final[Mapping[str, str]] = {
    "active": later("Up and about: {before} → {after} hours a day, for {weeks} weeks."),
    "night_quiet": later("Quiet from 21:00 to 9:00: {before} → {after} hours a night, for {weeks} weeks."),
    "night_bathroom": later("Night bathroom visits: {before} → {after} a night, for {weeks} weeks."),
    "hours_out": later("Out of the house: {before} → {after} hours a day, for {weeks} weeks."),
    "outings": later("Outings: {before} → {after} a day, for {weeks} weeks."),
}
"""A slow change, by `central.detection.day_summary.NAMES`."""
_WEEK: Final = later(
    "Outings {outings} · days in {days_in} of {days} · calls from home {from_home}, to home {to_home} · helpers came"
    " {came} · in company {contacts} times"
)
_WEEK_WITH_VISITS: Final = later(
    "Outings {outings} · days in {days_in} of {days} · visits {visits} (a guess) · calls from home {from_home}, to home"
    " {to_home} · helpers came {came} · in company {contacts} times"
)
_COUNTS: Final = later("{kind}: {false} false, {right} right, {unknown} not said")


@dataclass(frozen=True, slots=True)
class Dated:
    """A sentence and the day that it is of, as a person reads it."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class CareView:
    """Slow changes, newest first; weeks, None without the consent of all who live there; false alarms of the last
    `weeks_counted` weeks with a line for each kind that called."""

    changes: list[Dated]
    weeks: list[Dated] | None
    false_alarms: int
    by_kind: list[str]
    weeks_counted: int


@router.get("/{home_id}/care")
def show(request: Request, seat: TelemetryReader, home_id: str) -> CareView:
    """How somebody has been living lately."""
    now: float = request.app.state.clock()
    words = translator(seat.operator.language)
    with request.app.state.parts.database.read() as conn:
        if not homes.exists(conn, home_id):
            raise Problem(404, "no_such_home", later("There is no such home."))
        changes = care.changes_of(conn, home_id, now)
        weeks = care.weeks_shown(conn, home_id)
        judged: list[FalseAlarms] = []
        if seat.may("case", "read"):
            judged = false_alarms_by_week(conn, now - FALSE_ALARM_WEEKS * WEEK_S, now, home_id)
    return CareView(
        changes=[Dated(_day(one.day, words), say_change(one, words)) for one in changes],
        weeks=None if weeks is None else [Dated(_day(one.week, words), say_week(one, words)) for one in weeks],
        false_alarms=sum(line.false_alarms for line in judged),
        by_kind=say_false_alarms(judged, words),
        weeks_counted=FALSE_ALARM_WEEKS,
    )


def say_change(change: Change, words: Words) -> str:
    """A slow change in one sentence, with its numbers."""
    before, after = (say_number(value, words.language, 1) for value in (change.before, change.after))
    return words.say(CHANGES.get(change.measure, change.measure), before=before, after=after, weeks=change.weeks)


def say_week(week: Week, words: Words) -> str:
    """A week in numbers."""
    return words.say(
        _WEEK if week.visits is None else _WEEK_WITH_VISITS,
        outings=week.outings,
        days_in=week.days_in,
        days=week.days,
        visits=week.visits,
        from_home=week.calls_from_home,
        to_home=week.calls_to_home,
        came=week.helpers_came,
        contacts=week.contacts,
    )


def say_false_alarms(judged: list[FalseAlarms], words: Words) -> list[str]:
    """A line for each kind of alarm, the one with the most false alarms first."""
    counts: dict[str, Counter[str]] = {}
    for line in judged:
        count = counts.setdefault(line.kind, Counter())
        count.update(false=line.false_alarms, right=line.right, unknown=line.unknown)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1]["false"], entry[0]))
    return [
        words.say(_COUNTS, kind=words.gettext(KIND_WORDS.get(kind, kind)), **{name: count[name] for name in _NAMES})
        for kind, count in ordered
    ]


_NAMES: Final = ("false", "right", "unknown")


def _day(day: str, words: Words) -> str:
    return format_date(date.fromisoformat(day), "d MMM", locale=words.language)
