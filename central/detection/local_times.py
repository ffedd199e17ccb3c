"""Times of day in a home's own clock: when something was due last, whether a schedule holds, how a time is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from central.detection.care_plan import WEEKDAYS, Weekday

WEEK_DAYS: Final = 7


def latest(clock: str, days: Sequence[Weekday], now: float, zone: ZoneInfo) -> float | None:
    """When it was `clock` for the last time on one of these days; None when no day is named."""
    today = datetime.fromtimestamp(now, zone).date()
    for back in range(WEEK_DAYS + 1):
        day = today - timedelta(days=back)
        at = datetime.combine(day, time.fromisoformat(clock), zone).timestamp()
        if at <= now and WEEKDAYS[day.weekday()] in days:
            return at
    return None


def same_day(clock: str, at: float, zone: ZoneInfo) -> float:
    """When it is `clock` on the local day of `at`."""
    return datetime.combine(datetime.fromtimestamp(at, zone).date(), time.fromisoformat(clock), zone).timestamp()


def holds(since: str, until: str, days: Sequence[Weekday], at: float, zone: ZoneInfo) -> bool:
    """Whether a schedule holds at a time. `until` before `since` is the next morning; the same means the whole day."""
    local = datetime.fromtimestamp(at, zone)
    clock, today = f"{local:%H:%M}", WEEKDAYS[local.weekday()]
    if since < until:
        return today in days and since <= clock < until
    yesterday = WEEKDAYS[local.weekday() - 1]
    return (today in days and clock >= since) or (yesterday in days and since != until and clock < until)


def say_clock(at: float, zone: ZoneInfo) -> str:
    """The time of day: "8:05"."""
    return f"{datetime.fromtimestamp(at, zone):%-H:%M}"


def say_day_and_clock(at: float, zone: ZoneInfo) -> str:
    """Day, month and time of day, in no language: "22/11 8:05"."""
    return f"{datetime.fromtimestamp(at, zone):%-d/%-m %-H:%M}"
