"""The fixed limit of quiet, by the hour: it holds while a home's habits are not known yet.

The limit is used up by the hour: an hour of quiet by day uses 1/`inactivity_hours` of it, an hour at night
1/`inactivity_night_hours`. So a silence that begins at bedtime is found in the morning, not in the middle of the
night. After a front door that nothing followed the person may be out: then only `inactivity_away_hours` counts.

Who went out and was missed is *away*, and so is who was missed twice with hardly a sign between: that holds until the
entry door speaks again, or there is strong evidence of somebody, or more signs than sensors give by themselves. So an
absence is one finding, or two. Who was missed once indoors is not away: there the next sign ends the finding, and a
collapse after it is found as soon as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from central.detection.activity import NOBODY, Act, Activity
from central.detection.profile import Limits
from central.detection.traces import TRACE_MAX

if TYPE_CHECKING:
    from central.detection.timeline import Timeline

LEAVING_S: Final = 120.0
"""The sensor in the hall still sees somebody who leaves: movement so soon after the door is no return."""
STRAY_PER_DAY: Final = 4.0
"""Signs that sensors give by themselves in an empty home."""
OUT_S: Final = 3_600.0
"""After the door, an hour without a sign: the home was empty."""
_LOOK_BACK: Final = 8
_TO_THE_MS: Final = 0.001


class Missed(NamedTuple):
    """Somebody who is away: the last sign before the silence that was too long, when that was so, and whether that sign
    was a going-out."""

    after: Act
    found_at: float
    gone: bool


def shortest_s(limits: Limits) -> float:
    """No silence shorter than this is too long."""
    return 3600 * min(limits.inactivity_hours, limits.inactivity_night_hours, limits.inactivity_away_hours)


def found_at(timeline: Timeline, last_at: float, limits: Limits, *, newest: bool = True) -> tuple[float, bool]:
    """When the silence after a sign is too long, and whether somebody seems to have gone out.

    Args:
        newest: whether no other sign came after it.
    """
    seen = [one for one in timeline.sightings(_LOOK_BACK if newest else TRACE_MAX) if one.at <= last_at + _TO_THE_MS]
    doors = [one.at for one in seen[-_LOOK_BACK:] if one.device in limits.entry_doors]
    gone = bool(doors) and last_at - doors[-1] <= LEAVING_S
    return last_at + limits.inactivity_away_hours * 3600 if gone else used_up_at(last_at, limits), gone


def missed(timeline: Timeline, limits: Limits, now: float, without: Mapping[str, float] = NOBODY) -> Missed | None:
    """Who is away: was missed, and has not come home since.

    Args:
        without: sensors that are not believed.
    """
    acts, went = _since_anybody_was_in(timeline.activity, limits, now, without)
    to_find = 1 if went else 2
    found: Missed | None = None
    missed_at: float | None = None
    strays = 0
    for before, after in pairwise(acts):
        if to_find and after.first_at - before.at >= shortest_s(limits):
            due_at, gone = found_at(timeline, before.at, limits, newest=False)
            if due_at <= after.first_at and timeline.activity.heard_throughout(before.at, due_at):
                missed_at, to_find = missed_at or due_at, to_find - 1
                found = None if to_find else Missed(before, due_at, gone)
        if missed_at is not None:
            strays += 1
            if strays > STRAY_PER_DAY * (1 + (after.at - missed_at) / 86_400):
                return None
    return found


def _since_anybody_was_in(
    activity: Activity, limits: Limits, now: float, without: Mapping[str, float]
) -> tuple[list[Act], bool]:
    """The last strong evidence, sign of an entry door, or end of an announced absence, and the weak signs since then;
    and whether nobody was in from then on. Nothing is learned, and so forgotten, of an absence before its end."""
    acts = activity.acts(0.0, limits.room_of, limits.entry_doors, without)
    acts = acts[max((place for place, act in enumerate(acts) if act.strong or act.door), default=0) :]
    back_at = limits.away_until_at
    if back_at is not None and acts and acts[0].at < back_at <= now:
        earlier = [act for act in acts if act.at < back_at]
        return [earlier[-1]._replace(first_at=back_at, at=back_at), *acts[len(earlier) :]], True
    went = bool(acts) and acts[0].door and (len(acts) < 2 or acts[1].first_at - acts[0].at >= OUT_S)
    return acts, went


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
