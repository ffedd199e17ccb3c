"""A home's weeks in a few numbers, for those who have agreed to be told of: outings, days in, visits.

Visits are a guess from the door and from rooms that see somebody at once; they are told as that, and only where one
person lives. Nobody is told apart: what a visitor does counts as the resident's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

import msgspec

from central.detection.day_summary import Measure, Summaries
from central.detection.profile import Limits

WEEKS_TOLD: Final = 4
_WEEK: Final = 7


class RoutineWeek(msgspec.Struct, frozen=True):
    """One week of one home.

    Attributes:
        week: its Monday, ISO date.
        days: of how many days the numbers are known; the others are left out of them.
        outings: times out; days_in: days in which nobody left.
        visits: perhaps so many, a guess; None where none can be made.
    """

    home: Annotated[str, msgspec.Meta(max_length=32)]
    week: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    days: Annotated[int, msgspec.Meta(ge=1, le=7)]
    outings: Annotated[int, msgspec.Meta(ge=0)]
    days_in: Annotated[int, msgspec.Meta(ge=0, le=7)]
    visits: Annotated[int, msgspec.Meta(ge=0)] | None = None


def weeks_of(home: str, summaries: Summaries, limits: Limits) -> list[RoutineWeek]:
    """The last whole weeks that began after everybody there had agreed, oldest first; none without their consent."""
    if limits.routine_since_at is None or not summaries.last_day:
        return []
    agreed = datetime.fromtimestamp(limits.routine_since_at, limits.zone()).toordinal()
    monday = summaries.last_day + 1 - _WEEK - date.fromordinal(summaries.last_day + 1).weekday()
    mondays = [monday - _WEEK * back for back in range(WEEKS_TOLD - 1, -1, -1)]
    weeks = [_week(home, summaries, first) for first in mondays if first >= agreed]
    return [week for week in weeks if week is not None]


def _week(home: str, summaries: Summaries, monday: int) -> RoutineWeek | None:
    last = monday + _WEEK - 1
    outings = [value for value in summaries.values(Measure.OUTINGS, _WEEK, last) if value is not None]
    if not outings:
        return None
    out = zip(
        summaries.values(Measure.OUTINGS, _WEEK, last), summaries.values(Measure.HOURS_OUT, _WEEK, last), strict=True
    )
    visits = [value for value in summaries.values(Measure.VISITS, _WEEK, last) if value is not None]
    return RoutineWeek(
        home=home,
        week=date.fromordinal(monday).isoformat(),
        days=len(outings),
        outings=round(sum(outings)),
        days_in=sum(times == 0 and not hours for times, hours in out),
        visits=round(sum(visits)) if visits else None,
    )
