"""Nobody has moved or acted at home for longer than the home's limit. One fixed, honest limit; nothing is learned.

The limit is used up by the hour: an hour of quiet by day uses 1/`inactivity_hours` of it, an hour at night
1/`inactivity_night_hours`. So a silence that begins at bedtime is found in the morning, not in the middle of the
night. After a front door that nothing followed the person may be out: then only `inactivity_away_hours` counts.
An absence that was announced is not judged, and quiet counts from its end.

What it cannot do: it finds a collapse after hours, never within the hour (a pendant or a bed sensor does); it does
not know this person's habits; a pet, a visitor or a second person hides a collapse from it; a person who lies down
right behind the front door is taken for away.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "inactivity"
LEAVING_S: Final = 120.0
"""The sensor in the hall still sees somebody who leaves: movement so soon after the door is no return."""
EVIDENCE: Final = 8
"""Sightings shown with a finding: the last walk through the home."""


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """Whether the home has been quiet for too long."""
    last = _last(timeline)
    if last is None:
        return []
    if limits.away_until_at is not None and last.at < limits.away_until_at:
        last = last._replace(at=limits.away_until_at)
    if limits.away_until_at is not None and moment.now < limits.away_until_at:
        return None
    shortest_h = min(limits.inactivity_hours, limits.inactivity_night_hours, limits.inactivity_away_hours)
    if moment.now - last.at < shortest_h * 3600:
        return []
    if not can_judge_absence(timeline, limits, moment) or not _somebody_watches(timeline, limits, moment.now):
        return None
    gone = _seems_gone(timeline, last, limits)
    found_at = last.at + limits.inactivity_away_hours * 3600 if gone else _used_up_at(last.at, limits)
    if moment.now < found_at:
        return []
    quiet_s = round(found_at - last.at)
    facts: dict[str, str | float] = {
        "device": last.device,
        "room": _room(last.device, limits),
        "quiet_s": quiet_s,
        "limit_s": quiet_s,
    }
    reason = "not_back" if gone else "quiet_too_long"
    evidence = tuple(timeline.sightings(EVIDENCE))
    return [Situation("home", AlarmKind.INACTIVITY, last.at, found_at, reason, facts, evidence)]


def _last(timeline: Timeline) -> Sighting | None:
    """The last sign of activity; where nothing was seen yet, the begin of what is known. None: nobody watches."""
    watching = timeline.watching()
    if not watching:
        return None
    seen = timeline.sightings(1)
    if seen:
        return seen[-1]
    known_at = timeline.first_known_at()
    return None if known_at is None else Sighting(known_at, watching[0], "", 0.0)


def _somebody_watches(timeline: Timeline, limits: Limits, now: float) -> bool:
    """Whether a sensor that sees daily life is alive: dead sensors look like a quiet home, and are found as such."""
    for device in timeline.watching():
        enrolled = limits.devices.get(device)
        limit_s = enrolled.silence_max_s + limits.sensor_grace_s if enrolled else limits.inactivity_hours * 3600
        if now - timeline.device_heard_at.get(device, 0.0) < limit_s:
            return True
    return False


def _seems_gone(timeline: Timeline, last: Sighting, limits: Limits) -> bool:
    doors = [seen.at for seen in timeline.sightings(EVIDENCE) if seen.device in limits.entry_doors]
    return bool(doors) and last.at - doors[-1] <= LEAVING_S


def _room(device: str, limits: Limits) -> str:
    enrolled = limits.devices.get(device)
    return enrolled.room if enrolled else ""


def _used_up_at(since_at: float, limits: Limits) -> float:
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


DETECTOR: Final = Detector(NAME, judge)
