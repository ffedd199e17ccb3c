"""Who carries a locator is outside the safe zone, in a vehicle, or no longer located.

One position proves nothing: several must be outside by more than they may err, and it takes two inside to end it;
those that are near the border decide nothing. A vehicle is a speed that nobody walks, for minutes, said by the locator
or reckoned from its positions. Nothing is judged of a person for whom the care plan names no locator.

What it cannot do: tell the carrier from the locator, and know where it is under ground.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from central.detection.care_plan import Locator, Zone
from central.detection.geometry import direction, distance_m, middle, outside_m
from central.detection.local_times import holds, say_clock, say_day_and_clock
from central.detection.measured import Fix
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "location"
OUT_FIXES: Final = 3
IN_FIXES: Final = 2
OUT_FOR_S: Final = 60.0
"""Positions of one minute share one error."""
MARGIN_M: Final = 25.0
"""Outside by less than this decides nothing, however exact a position calls itself: the other pavement."""
ACCURACY_UNKNOWN_M: Final = 50.0
ACCURACY_MAX_M: Final = 500.0
"""A position by the mobile network alone; such ones are shown and not judged."""
FRESH_S: Final = 6 * 3600.0
"""What is older says nothing of now; that there is nothing newer is a finding of its own."""
FAST_FIXES: Final = 3
FAST_FOR_S: Final = 120.0
STOPS_S: Final = 300.0
"""A red light, a bus stop: within one ride."""
RIDE_OVER_S: Final = 600.0
RECKONED_S: Final = (20.0, 600.0)
"""Between two positions so far apart in time a speed is reckoned where the locator says none."""
KMH_PER_M_S: Final = 3.6
EVIDENCE: Final = 5


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """What holds of each locator."""
    plan = limits.locator
    if plan is None or not timeline.measured.fixes:
        return []
    found: list[Situation] = []
    for device in sorted(timeline.measured.fixes):
        fixes = timeline.measured.fixes[device].complete()
        if not fixes:
            continue
        silent = _silent(device, fixes, plan, limits, moment.now)
        if silent and not _hears(device, timeline, limits, moment):
            return None
        found += silent
        if moment.now - fixes[-1].at <= FRESH_S:
            exact = [fix for fix in fixes if not fix.accuracy_m > ACCURACY_MAX_M]
            found += _outside(device, exact, plan, limits)
            found += _in_vehicle(device, exact, plan, limits, moment.now)
    return found


def _hears(device: str, timeline: Timeline, limits: Limits, moment: Moment) -> bool:
    """Whether its silence is its own. A locator that is the only device of its home is its own hub."""
    if limits.devices.keys() <= {device}:
        return moment.now >= moment.hearing_from_at
    return can_judge_absence(timeline, limits, moment)


# outside the zone


def _outside(device: str, fixes: Sequence[Fix], plan: Locator, limits: Limits) -> list[Situation]:
    out: list[Fix] = []
    inside, found_at = 0, 0.0
    last: Fix | None = None
    for fix in fixes:
        zones = _zones(plan, fix.at, limits)
        beyond_m = min([outside_m((fix.latitude, fix.longitude), zone) for zone in zones], default=-math.inf)
        if not zones or (last is not None and fix.at - last.at > FRESH_S):
            out, found_at = [], 0.0
        last = fix
        if beyond_m > _error_m(fix) + MARGIN_M:
            inside = 0
            out.append(fix)
            if not found_at and len(out) >= OUT_FIXES and fix.at - out[0].at >= OUT_FOR_S:
                found_at = fix.at
        elif beyond_m <= 0:
            inside += 1
            if inside >= IN_FIXES or not found_at:
                out, found_at = [], 0.0
    if not found_at:
        return []
    newest = fixes[-1]
    facts = {"device": device, **_place(newest, plan, limits), "clock": say_clock(newest.at, limits.zone())}
    evidence = _evidence(device, fixes)
    subject = f"{device}:zone"
    return [Situation(subject, AlarmKind.OUTSIDE_ZONE, out[0].at, found_at, "outside_zone", facts, evidence)]


def _zones(plan: Locator, at: float, limits: Limits) -> list[Zone]:
    zone = limits.zone()
    return [each for each in plan.zones if holds(each.since, each.until, each.days, at, zone)]


def _error_m(fix: Fix) -> float:
    return ACCURACY_UNKNOWN_M if math.isnan(fix.accuracy_m) else fix.accuracy_m


# in a vehicle


def _in_vehicle(device: str, fixes: Sequence[Fix], plan: Locator, limits: Limits, now: float) -> list[Situation]:
    if plan.vehicle_kmh is None:
        return []
    fast = _last_ride(fixes, plan.vehicle_kmh / KMH_PER_M_S)
    if not fast or now - fast[-1][0].at > RIDE_OVER_S:
        return []
    since_at = fast[0][0].at
    proven = [
        fix.at for place, (fix, _) in enumerate(fast) if place + 1 >= FAST_FIXES and fix.at - since_at >= FAST_FOR_S
    ]
    if not proven:
        return []
    newest = fixes[-1]
    place = _place(newest, plan, limits)
    facts: dict[str, str | float] = {
        "device": device,
        "vital": "speed",
        "value": round(max(speed for fix, speed in fast if fix.at <= proven[0]), 1),
        "span_s": round(proven[0] - since_at),
        "clock": say_clock(newest.at, limits.zone()),
        **place,
    }
    reason = "in_vehicle" if "zone" in place else "in_vehicle_somewhere"
    evidence = _evidence(device, fixes)
    return [Situation(f"{device}:vehicle", AlarmKind.IN_VEHICLE, since_at, proven[0], reason, facts, evidence)]


def _last_ride(fixes: Sequence[Fix], limit_m_s: float) -> list[tuple[Fix, float]]:
    """The fast positions of the last ride, with their speeds.

    A speed that a locator says is measured by itself: stops are allowed. One that is reckoned from positions may be an
    error of one of them: then all must be fast, and each further away from where the ride began.
    """
    fast: list[tuple[Fix, float]] = []
    origin = fixes[0] if fixes else None
    for before, fix in pairwise([None, *fixes]):
        assert fix is not None
        assert origin is not None
        speed, said = _speed_m_s(before, fix), not math.isnan(fix.speed_m_s)
        if speed > limit_m_s and (said or not fast or _way_m(origin, fix) > _way_m(origin, fast[-1][0])):
            if fast and fix.at - fast[-1][0].at > STOPS_S:
                fast = []
            if not fast:
                origin = before or fix
            fast.append((fix, speed))
        elif not said:
            fast = []
    return fast


def _way_m(one: Fix, other: Fix) -> float:
    return distance_m((one.latitude, one.longitude), (other.latitude, other.longitude))


def _speed_m_s(before: Fix | None, fix: Fix) -> float:
    """As the locator says it, else at least that of the way between two positions, less what they may err; else 0."""
    if not math.isnan(fix.speed_m_s):
        return fix.speed_m_s
    if before is None or not RECKONED_S[0] <= fix.at - before.at <= RECKONED_S[1]:
        return 0.0
    return max(_way_m(before, fix) - _error_m(before) - _error_m(fix), 0.0) / (fix.at - before.at)


# silent


def _silent(device: str, fixes: Sequence[Fix], plan: Locator, limits: Limits, now: float) -> list[Situation]:
    if plan.silent_minutes is None:
        return []
    last, limit_s = fixes[-1], 60 * plan.silent_minutes
    away = limits.away_until_at is not None and now < limits.away_until_at
    if now - last.at < limit_s or away:
        return []
    place = _place(last, plan, limits)
    clock = say_day_and_clock(last.at, limits.zone())
    facts: dict[str, str | float] = {"device": device, "silent_s": limit_s, "clock": clock, **place}
    reason = "locator_silent" if "zone" in place else "locator_silent_somewhere"
    evidence = _evidence(device, fixes)
    found_at = last.at + limit_s
    return [Situation(f"{device}:silent", AlarmKind.LOCATOR_SILENT, last.at, found_at, reason, facts, evidence)]


# how a place is said


def _place(fix: Fix, plan: Locator, limits: Limits) -> dict[str, str | float]:
    """A position in numbers, and where it lies from the nearest zone; those that hold then come first."""
    here = fix.latitude, fix.longitude
    facts: dict[str, str | float] = {"position": f"{fix.latitude:.5f}, {fix.longitude:.5f}"}
    zones = _zones(plan, fix.at, limits) or plan.zones
    if not zones:
        return facts
    nearest = min(zones, key=lambda zone: outside_m(here, zone))
    center = middle(nearest)
    facts["zone"] = nearest.name
    facts["distance_m"] = round(distance_m(here, center))
    facts["direction"] = direction(here, center)
    facts["zone_latitude"], facts["zone_longitude"] = center
    return facts


def _evidence(device: str, fixes: Sequence[Fix]) -> tuple[Sighting, ...]:
    found = []
    for fix in fixes[-EVIDENCE:]:
        parts = {
            "latitude": fix.latitude,
            "longitude": fix.longitude,
            "position_accuracy": fix.accuracy_m,
            "speed": fix.speed_m_s,
        }
        found += [Sighting(fix.at, device, kind, value) for kind, value in parts.items() if not math.isnan(value)]
    return tuple(found)


DETECTOR: Final = Detector(NAME, judge)
