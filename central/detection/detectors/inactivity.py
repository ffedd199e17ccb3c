"""Nobody has moved or acted at home for longer than this home's habits explain.

In the first fortnight one fixed, wide limit holds; then what was learned from the home's own past, with two clocks and
three expectations: quiet indoors, not up yet, not home yet. Which one failed is said with what is usual: "usually in
the kitchen by 8:20; last movement 23:40 in the bathroom". An absence that was announced is not judged, and quiet counts
from its end. What was learned holds until strong evidence of somebody: so a stray trigger ends neither a collapse nor
an absence, and one absence is one finding; what the fixed limit found holds so once somebody seems to be away. What
`central.detection.suspicion` does not believe is no sign at all.

What it cannot do: it finds a collapse after hours, never within the hour (a pendant or a bed sensor does); a pet, a
visitor or a second person hides a collapse from it; who lies down right behind the front door is found later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from central.detection.activity import NOBODY, STEP_S
from central.detection.fixed_limit import found_at, missed, shortest_s
from central.detection.profile import Limits
from central.detection.silence import (
    SHORTEST_S,
    Broken,
    Budget,
    Expectation,
    first_broken,
    since_strong_evidence,
    start_of,
)
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "inactivity"
EVIDENCE: Final = 8
"""Sightings shown with a finding: the last walk through the home."""
NOON_S: Final = 12 * 3600
REASONS: Final = {
    Budget.QUIET_INDOORS: "quiet_indoors",
    Budget.NOT_UP: "not_up_yet",
    Budget.NOT_HOME: "not_home_yet",
}


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """Whether the home has been quiet for too long."""
    if limits.away_until_at is not None and moment.now < limits.away_until_at:
        return None if _last(timeline) is not None else []
    if timeline.habits.learned and limits.inactivity_learned:
        return _by_habit(timeline, limits, moment)
    return _by_fixed_limit(timeline, limits, moment)


def _by_fixed_limit(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    without = suspicion_of(timeline, limits, moment.now).without
    last = _last(timeline, without)
    if last is None:
        return []
    if limits.away_until_at is not None and last.at < limits.away_until_at:
        last = last._replace(at=limits.away_until_at)
    away = _away(timeline, limits, moment.now, without)
    if away is None and moment.now - last.at < shortest_s(limits):
        return []
    if not can_judge_absence(timeline, limits, moment) or not _somebody_watches(timeline, limits, moment.now):
        return None
    if away is not None:
        return [away]
    at, gone = found_at(timeline, last.at, limits)
    return [_quiet(timeline, limits, last.device, last.at, at, gone=gone)] if moment.now >= at else []


def _away(timeline: Timeline, limits: Limits, now: float, without: Mapping[str, float]) -> Situation | None:
    """What was found of an absence that goes on. Looked for when something was noticed: a stray trigger ends none."""
    known = (timeline.activity.version, timeline.habits.learned_day, limits, without)
    if timeline.expectation is None or timeline.expectation[:4] != known:
        told = None
        in_lately = _strong_lately(timeline, limits, now, without) is not None
        found = None if in_lately else missed(timeline, limits, now, without)
        if found is not None:
            told = _quiet(timeline, limits, found.after.device, found.after.at, found.found_at, gone=found.gone)
        timeline.expectation = Expectation(*known, float("inf"), None, told)
    return timeline.expectation.told


def _quiet(
    timeline: Timeline, limits: Limits, device: str, since_at: float, found_at: float, *, gone: bool
) -> Situation:
    quiet_s = round(found_at - since_at)
    facts: dict[str, str | float] = {
        "device": device,
        "room": _room(device, limits),
        "quiet_s": quiet_s,
        "limit_s": quiet_s,
    }
    return _situation(timeline, since_at, found_at, "not_back" if gone else "quiet_too_long", facts)


def _by_habit(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    without = suspicion_of(timeline, limits, moment.now).without
    known = (timeline.activity.version, timeline.habits.learned_day, limits, without)
    memory = timeline.expectation
    if memory is not None and memory[:4] == known and (memory.broken is not None or moment.now < memory.due_at):
        broken = memory.broken
    else:
        broken = _broken(timeline, limits, moment.now, known)
        memory = timeline.expectation
    if broken is None or memory is None:
        return []
    if not can_judge_absence(timeline, limits, moment) or not _somebody_watches(timeline, limits, moment.now):
        return None
    told = memory.told or _told(timeline, broken, limits)
    if told is not memory.told:
        timeline.expectation = memory._replace(told=told)
    return [told]


def _told(timeline: Timeline, broken: Broken, limits: Limits) -> Situation:
    """What is said of it: looked up once, since what is usual is asked of four months of silences."""
    reason, expected = _expected(timeline, broken, limits)
    quiet_s = round(broken.found_at - broken.since_at)
    facts: dict[str, str | float] = {
        "device": broken.after.device,
        "room": _room(broken.after.device, limits),
        "quiet_s": quiet_s,
        "limit_s": quiet_s,
        **expected,
    }
    return _situation(timeline, broken.since_at, broken.found_at, reason, facts)


def _broken(
    timeline: Timeline, limits: Limits, now: float, known: tuple[int, int, Limits, Mapping[str, float]]
) -> Broken | None:
    strong_at = _strong_lately(timeline, limits, now, known[3])
    if strong_at is not None:
        timeline.expectation = Expectation(*known, strong_at + SHORTEST_S, None)
        return None
    acts = since_strong_evidence(timeline.activity, limits, now, known[3])
    if not acts:
        return None
    broken, due_at = first_broken(acts, timeline.habits, limits, now)
    timeline.expectation = Expectation(*known, due_at, broken)
    return broken


def _strong_lately(timeline: Timeline, limits: Limits, now: float, without: Mapping[str, float]) -> float | None:
    lately = timeline.activity.acts(now - SHORTEST_S, limits.room_of, limits.entry_doors, without)
    return max((act.at for act in lately if act.strong), default=None)


def _last(timeline: Timeline, without: Mapping[str, float] = NOBODY) -> Sighting | None:
    """The last sign of activity; where nothing was seen yet, the begin of what is known. None: nobody watches."""
    watching = timeline.watching()
    if not watching:
        return None
    seen = timeline.sightings(1, without)
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


def _room(device: str, limits: Limits) -> str:
    enrolled = limits.devices.get(device)
    return enrolled.room if enrolled else ""


def _expected(timeline: Timeline, broken: Broken, limits: Limits) -> tuple[str, dict[str, str | float]]:
    """Which sentence says it, and what is usual after such a start, in the home's own clock."""
    zone = limits.zone()
    reason = REASONS[broken.budget]
    facts: dict[str, str | float] = {"last_by": _clock(broken.since_at, zone)}
    morning = timeline.habits.usual_morning()
    if broken.budget is Budget.NOT_UP and morning is not None:
        found = datetime.fromtimestamp(broken.found_at, zone)
        if morning.steps * STEP_S <= found.hour * 3600 + found.minute * 60 < NOON_S:
            hours, seconds = divmod(morning.steps * STEP_S, 3600)
            return reason, {**facts, "usual_by": f"{hours}:{seconds // 60:02d}", "usual_room": morning.room}
    usual = timeline.habits.usual(start_of(broken.after, zone))
    if usual is None:
        return "not_back" if broken.budget is Budget.NOT_HOME else "quiet_too_long", facts
    facts["usual_by"] = _clock(min(broken.since_at + usual.steps * STEP_S, broken.found_at), zone)
    facts["usual_room"] = usual.room
    # before the usual hour nobody is late in getting up: it is the night that is too quiet
    return REASONS[Budget.QUIET_INDOORS] if broken.budget is Budget.NOT_UP else reason, facts


def _clock(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%-H:%M}"


def _situation(timeline: Timeline, since_at: float, at: float, reason: str, facts: dict[str, str | float]) -> Situation:
    evidence = tuple(timeline.sightings(EVIDENCE))
    return Situation("home", AlarmKind.INACTIVITY, since_at, at, reason, facts, evidence)


DETECTOR: Final = Detector(NAME, judge, by_habit=True)
