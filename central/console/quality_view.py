"""The page of quality as values: spans, tables in words, and the geometry of its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from central.access_rules import Role
from central.alarm_cases import escalation
from central.alarm_cases.case import ASK_UNANSWERED, ASK_UNHEARD, RING_LIMIT, STEP_TIMER
from central.console.access import Seat
from central.console.desk_words import PROTOCOL_STEPS
from central.service_figures import Answers
from central.texts import Words, later, say_number

SPAN_DAYS_MAX: Final = 400
"""A year and a month; more is a report of its own."""
FALSE_DAYS_MAX: Final = 35
"""False alarms are read from the logs of their cases: five weeks at most at once."""
MONTHS_OFFERED: Final = 24
"""A report is compared with that of a year before; an older one is asked for by its address."""
PERIODS: Final = {"today": 1, "week": 7, "month": 30, "quarter": 90}
"""Periods that one asks for most: their last days, today included."""
CURVE_WIDTH, CURVE_HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BASE = 46, 12, 12, 186
_CURVE_FROM_SHARE: Final = 0.5
_SECONDS_SHOWN: Final = 240.0
_OPERATORS_SEEN_BY: Final = frozenset({Role.SUPERVISOR, Role.COORDINATOR})
"""Who leads people sees their figures; auditors and programs see those of the service."""
_STEPS: Final[Mapping[str, str]] = {
    escalation.SECOND_BURST: later("The alarm sounds again"),
    escalation.EVERY_OPERATOR: later("Every operator is asked"),
    escalation.SUPERVISOR: later("The supervisor is asked"),
    escalation.FIRST_CARER: later("The first contact is told"),
    escalation.EVERY_CARER: later("All contacts are told"),
    escalation.HOME_REASSURED: later('The home is asked to say: "We have not forgotten you."'),
    escalation.EXCEPTION: later("Asking why nobody took the call"),
    escalation.STILL_RINGING: later("Ringing goes on"),
    escalation.REVIEW: later("Reminder of a case in which nothing happens"),
    escalation.RECALL: later("A parked case comes back"),
    escalation.CHECK_CALL: later("Check call after a cancelled alarm"),
    ASK_UNHEARD: later("People are called: the home does not say that it asks"),
    ASK_UNANSWERED: later("People are called: nobody answered at home"),
    RING_LIMIT: later("It has rung long enough"),
}
"""What the desk does by itself when it is due."""


class Period(NamedTuple):
    """Days on the centre's wall clock, both included, and the same as Unix seconds (the end not included)."""

    first: date
    last: date
    since_at: float
    until_at: float

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Line:
    """A mark across a picture: where it stands and what it says."""

    at: float
    text: str
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of calls answered within so many seconds, as a path; shares below half are cut off."""

    path: str
    area: str
    columns: list[Line]
    rows: list[Line]


@dataclass(frozen=True, slots=True)
class HourBar:
    """An hour of the day: its calls as a bar, and how well they were answered."""

    hour: int
    x: float
    y: float
    height: float
    calls: int
    answers: Answers


def period_of(since: str, until: str, now: float, timezone: str, preset: str = "") -> Period:
    """The days asked for; the last thirty where nothing sensible was. A span is cut to `SPAN_DAYS_MAX`."""
    zone = ZoneInfo(timezone)
    today = datetime.fromtimestamp(now, zone).date()
    first, last = _day(since), _day(until)
    if preset in PERIODS or first is None:
        last = today
        first = today - timedelta(days=PERIODS.get(preset, 30) - 1)
    last = min(max(last or today, first), first + timedelta(days=SPAN_DAYS_MAX))
    return _period(first, last, zone)


def months_to_choose(latest: str, chosen: str) -> list[str]:
    """Months to choose from as "2026-11": the last two years of them, the latest first, and the one that is chosen."""
    year, number = (int(part) for part in latest.split("-"))
    count = year * 12 + number - 1
    months = [f"{(count - back) // 12}-{(count - back) % 12 + 1:02d}" for back in range(MONTHS_OFFERED)]
    return months if chosen in months else [chosen, *months]


def narrowed(period: Period, days: int, timezone: str) -> Period:
    """Its last days, at most so many."""
    first = max(period.first, period.last - timedelta(days=days - 1))
    return _period(first, period.last, ZoneInfo(timezone))


def _period(first: date, last: date, zone: ZoneInfo) -> Period:
    begin_at = datetime.combine(first, time(), zone).timestamp()
    end_at = datetime.combine(last + timedelta(days=1), time(), zone).timestamp()
    return Period(first, last, begin_at, end_at)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def sees_operators(seat: Seat) -> bool:
    """Whether somebody may see the figures of single operators."""
    return seat.who.role in _OPERATORS_SEEN_BY


def say_step(step: str, words: Words) -> str:
    """What the desk does at a step, or the step of the checklist of which it says that its time is up."""
    if step.startswith(STEP_TIMER):
        name = step.removeprefix(STEP_TIMER)
        return words.say(later("Checklist: {step}"), step=words.gettext(PROTOCOL_STEPS.get(name, name)))
    return words.gettext(_STEPS.get(step, step))


def curve_of(answers: Answers, words: Words, targets_s: Sequence[float]) -> Curve | None:
    """The picture of how quickly calls were answered; None when none was counted."""
    if not answers.curve:
        return None
    points = [(_x(seconds), _y(share)) for seconds, share in answers.curve if seconds <= _SECONDS_SHOWN]
    line = "".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))
    area = f"{line}L{points[-1][0]:.1f} {_BASE}L{points[0][0]:.1f} {_BASE}Z"
    seconds = sorted({0, 120, 240, *(int(target) for target in targets_s)})
    columns = [Line(_x(second), f"{second} s", second in {int(t) for t in targets_s}) for second in seconds]
    rows = [Line(_y(share), say_share(share, words.language, 0)) for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    return Curve(line, area, columns, rows)


def _x(seconds: float) -> float:
    return _LEFT + min(seconds, _SECONDS_SHOWN) / _SECONDS_SHOWN * (CURVE_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    above = (max(share, _CURVE_FROM_SHARE) - _CURVE_FROM_SHARE) / (1 - _CURVE_FROM_SHARE)
    return _BASE - above * (_BASE - _TOP)


def hour_bars(hours: Sequence[Answers], height: float = 110.0) -> list[HourBar]:
    """The hours of a day side by side in a picture 24 * 26 wide."""
    most = max((answers.calls for answers in hours), default=0) or 1
    return [
        HourBar(hour, hour * 26 + 3, height - answers.calls / most * (height - 14),
                answers.calls / most * (height - 14), answers.calls, answers)
        for hour, answers in enumerate(hours)
    ]  # fmt: skip


def say_share(share: float | None, language: str, digits: int = 1) -> str:
    """A share as people read it: "97,5 %"; a dash for none. Rounded down: a target is not met by rounding."""
    if share is None:
        return "–"
    scale = 10**digits
    floored = int(share * 100 * scale + 1e-9) / scale
    return f"{say_number(floored, language, digits)} %"


def say_seconds(seconds: float | None, language: str) -> str:
    """A wait: "12,4 s", "3 min 05 s"; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{say_number(seconds, language, 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
