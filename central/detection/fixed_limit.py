"""The fixed limit of quiet, by the hour: it holds while a home's habits are not known yet.

The limit is used up by the hour: an hour of quiet by day uses 1/`inactivity_hours` of it, an hour at night
1/`inactivity_night_hours`. So a silence that begins at bedtime is found in the morning, not in the middle of the
night. After a front door that nothing followed the person may be out: then only `inactivity_away_hours` counts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from central.detection.profile import Limits

if TYPE_CHECKING:
    from central.detection.timeline import Sighting, Timeline

LEAVING_S: Final = 120.0
"""The sensor in the hall still sees somebody who leaves: movement so soon after the door is no return."""
_LOOK_BACK: Final = 8


def shortest_s(limits: Limits) -> float:
    """No silence shorter than this is too long."""
    return 3600 * min(limits.inactivity_hours, limits.inactivity_night_hours, limits.inactivity_away_hours)


def found_at(timeline: Timeline, last: Sighting, limits: Limits) -> tuple[float, bool]:
    """When the silence after `last` is too long, and whether somebody seems to have gone out."""
    gone = _seems_gone(timeline, last, limits)
    return last.at + limits.inactivity_away_hours * 3600 if gone else used_up_at(last.at, limits), gone


def _seems_gone(timeline: Timeline, last: Sighting, limits: Limits) -> bool:
    doors = [seen.at for seen in timeline.sightings(_LOOK_BACK) if seen.device in limits.entry_doors]
    return bool(doors) and last.at - doors[-1] <= LEAVING_S


def used_up_at(since_at: float, limits: Limits) -> float:
    """When a silence that began at `since_at` has used up the limit."""
    at, left = since_at, 1.0
    while True:
        night, until = _part_of_day(at, limits)
        limit_s = 3600 * (limits.inactivity_night_hours if night else limits.inactivity_hours)
        used = (until - at) / limit_s
        if used >= left:
            return at + left * limit_s
        at, left = until, left - used


def _part_of_day(at: float, limits: Limits) -> tuple[bool, float]:
    """Whether it is night in the home at `at`, and when that ends."""
    zone = limits.zone()
    today = datetime.fromtimestamp(at, zone).date()
    begin, end = time.fromisoformat(limits.night_from), time.fromisoformat(limits.night_to)
    borders = sorted(
        (datetime.combine(day, clock, zone).astimezone(UTC).timestamp(), night)
        for day in _around(today)
        for clock, night in ((begin, True), (end, False))
    )
    was_night = False
    for border, night in borders:
        if border > at:
            return was_night, border
        was_night = night
    raise AssertionError("a border lies in every day")


def _around(today: date) -> tuple[date, date, date]:
    return today - timedelta(days=1), today, today + timedelta(days=1)
