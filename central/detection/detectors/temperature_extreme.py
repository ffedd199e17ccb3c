"""A room that is too cold or too hot for hours, or that becomes hot fast.

A fridge door or an oven is over in less: each ten minutes count by their mildest value, and all of them must be beyond
the limit for hours on end. It ends one degree within the limit. What becomes much hotter within half an hour, to
more than any room has in summer, is told at once: it may be a fire that no smoke detector sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from central.detection.care_plan import Climate
from central.detection.measured import Step
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "temperature_extreme"
HYSTERESIS_C: Final = 1.0
"""A room at its limit goes up and down by as much with each turn of the heating."""
GAP_S: Final = 3_600.0
"""A climate sensor speaks every few minutes; what it did not say for so long is not known."""
RISE_WITHIN_S: Final = 1_800.0
FIRE_FROM_C: Final = 45.0
"""Hotter than a room in the sun, and than the air above a cooker; heat detectors answer from 54 °C (EN 54-5, A1)."""
FIRE_ENDS_C: Final = 40.0
EVIDENCE: Final = 8


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The rooms that are too cold, too hot, or becoming hot."""
    found: list[Situation] = []
    blind = False
    series = timeline.measured.series.get("temperature")
    if series is None or _is_ordinary(series.bounds(), limits.climate):
        return found
    for device in sorted(series.devices):
        if device in limits.climate.ignore or _is_ordinary(series.bounds_of(device), limits.climate):
            continue
        steps = series.steps(device)
        situations = _of_room(device, steps, limits)
        if situations and moment.now - steps[-1].last_at > GAP_S:
            blind = True
        else:
            found += situations
    if blind and not can_judge_absence(timeline, limits, moment):
        return None
    return found


def _is_ordinary(bounds: tuple[float, float], plan: Climate) -> bool:
    """Whether no value within is beyond any limit: so it is in nearly all rooms nearly always."""
    low, high = bounds
    too_cold = plan.cold_c is not None and low < plan.cold_c
    too_hot = plan.hot_c is not None and high > plan.hot_c
    return not too_cold and not too_hot and not high >= FIRE_FROM_C


def _of_room(device: str, steps: Sequence[Step], limits: Limits) -> list[Situation]:
    plan = limits.climate
    found = []
    if plan.cold_c is not None:
        run = _run([(step.high < plan.cold_c, step.high < plan.cold_c + HYSTERESIS_C, step) for step in steps])
        if _lasts(run, limits):
            found.append(_room(device, "cold", "too_cold", run, plan.cold_c, limits))
    if plan.hot_c is not None:
        run = _run([(step.low > plan.hot_c, step.low > plan.hot_c - HYSTERESIS_C, step) for step in steps])
        if _lasts(run, limits):
            found.append(_room(device, "hot", "too_hot", run, plan.hot_c, limits))
    if plan.rise_c is not None:
        found += _rise(device, steps, plan.rise_c, limits)
    return found


def _run(steps: Sequence[tuple[bool, bool, Step]]) -> list[Step]:
    """The steps since one began it, as long as each goes on with it; none after a gap."""
    run: list[Step] = []
    for begins, goes_on, step in steps:
        if run and step.first_at - run[-1].last_at > GAP_S:
            run = []
        if begins or (run and goes_on):
            run.append(step)
        else:
            run = []
    return run


def _lasts(run: Sequence[Step], limits: Limits) -> bool:
    return bool(run) and run[-1].last_at - run[0].first_at >= limits.climate.hours * 3600


def _room(device: str, name: str, reason: str, run: Sequence[Step], limit_c: float, limits: Limits) -> Situation:
    within_s = limits.climate.hours * 3600
    seen = [step for step in run if step.first_at <= run[0].first_at + within_s]
    mildest = max(step.high for step in seen) if name == "cold" else min(step.low for step in seen)
    facts: dict[str, str | float] = {
        "device": device,
        "room": limits.room_of(device),
        "vital": "temperature",
        "value": mildest,
        "limit": limit_c,
        "span_s": within_s,
    }
    since_at = run[0].first_at
    return _situation(f"{device}:{name}", device, since_at, since_at + within_s, reason, facts, run)


def _rise(device: str, steps: Sequence[Step], rise_c: float, limits: Limits) -> list[Situation]:
    begun: tuple[Step, Step] | None = None
    for place, step in enumerate(steps):
        if begun is not None and step.high >= FIRE_ENDS_C:
            continue
        begun = None
        before = [old for old in steps[: place + 1] if step.last_at - old.first_at <= RISE_WITHIN_S]
        lowest = min(before, key=lambda old: old.low)
        if step.high >= FIRE_FROM_C and step.high - lowest.low >= rise_c:
            begun = lowest, step
    if begun is None:
        return []
    lowest, step = begun
    facts: dict[str, str | float] = {
        "device": device,
        "room": limits.room_of(device),
        "vital": "temperature",
        "value": step.high,
        "change": round(step.high - lowest.low, 1),
        "span_s": RISE_WITHIN_S,
    }
    run = [old for old in steps if lowest.first_at <= old.first_at]
    return [_situation(f"{device}:rise", device, lowest.first_at, step.first_at, "heating_up", facts, run)]


def _situation(
    subject: str,
    device: str,
    since_at: float,
    found_at: float,
    reason: str,
    facts: dict[str, str | float],
    run: Sequence[Step],
) -> Situation:
    evidence = tuple(Sighting(step.last_at, device, "temperature", step.high) for step in run[-EVIDENCE:])
    return Situation(subject, AlarmKind.TEMPERATURE_EXTREME, since_at, found_at, reason, facts, evidence)


DETECTOR: Final = Detector(NAME, judge)
