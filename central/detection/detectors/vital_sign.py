"""A measurement of the body out of the person's range, and weight that changes fast: for somebody to look at.

One value of a cuff, a thermometer or a scale is enough. What a sensor streams must stay out of range for a while: a
belt for ten minutes, an oximeter for one, or so long that the person would have measured again. What goes on is one
finding; it ends with a value within the range, or when the last one is old.

What it cannot do: tell who stood on the scale but by an impossible difference; know that a fast heart has just climbed
the stairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from central.detection.care_plan import DEFAULT_RANGES, WeightChange
from central.detection.local_times import say_clock
from central.detection.measured import BODY_KINDS, Step
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "vital_sign"
FRESH_S: Final = 6 * 3600.0
"""What is older when it arrives is history: a call about it would ask about yesterday. It also ends what is open."""
PLAUSIBLE_KG: Final = 6.0
"""Nobody gains or loses more in days: somebody else stood on the scale, or held a bag."""
EVIDENCE: Final = 6


class Rule(NamedTuple):
    """How long values must be out of range: for `lasting_s`, or uncontradicted for `wait_s`. Values further apart
    than `gap_s` are not one situation."""

    lasting_s: float = 0.0
    gap_s: float = FRESH_S
    wait_s: float = float("inf")


_RULES: Final = {"heart_rate": Rule(600.0, 900.0), "spo2": Rule(60.0, 3_600.0, 600.0)}
_MEASURED_AT_ONCE: Final = Rule()


class Level(NamedTuple):
    """A limit that may be passed: name, reason, the limit, whether values below it are meant."""

    name: str
    reason: str
    limit: float
    below: bool


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """What is out of range now."""
    found: list[Situation] = []
    for kind in BODY_KINDS:
        for device, steps in timeline.measured.of_kind(kind):
            if moment.now - steps[-1].last_at > FRESH_S:
                continue
            for level in _levels(device, kind, limits):
                found += _beyond(device, kind, steps, level, limits, moment.now)
            if kind == "weight":
                found += _weight_change(device, steps, limits.weight_change, limits)
    return found


def _levels(device: str, kind: str, limits: Limits) -> list[Level]:
    given = limits.vitals.get(f"{device}/{kind}") or limits.vitals.get(kind) or DEFAULT_RANGES.get(kind)
    if given is None:
        return []
    low, high = ("vital_urgent_low", "vital_urgent_high") if given.urgent else ("vital_far_low", "vital_far_high")
    levels = [
        ("low", "vital_low", given.low, True),
        ("high", "vital_high", given.high, False),
        ("far-low", low, given.far_low, True),
        ("far-high", high, given.far_high, False),
    ]
    return [Level(name, reason, limit, below) for name, reason, limit, below in levels if limit is not None]


def _beyond(device: str, kind: str, steps: Sequence[Step], level: Level, limits: Limits, now: float) -> list[Situation]:
    rule = _RULES.get(kind, _MEASURED_AT_ONCE)

    def out(step: Step) -> bool:
        # a step counts by its mildest value
        return step.high < level.limit if level.below else step.low > level.limit

    run = _run(steps, out, rule.gap_s)
    found_at = _found_at(run, rule, now)
    if found_at is None:
        return []
    newest = run[-1]
    facts: dict[str, str | float] = {
        "device": device,
        "room": limits.room_of(device),
        "vital": kind,
        "value": newest.low if level.below else newest.high,
        "limit": level.limit,
        "clock": say_clock(newest.last_at, limits.zone()),
    }
    evidence = tuple(
        Sighting(step.last_at, device, kind, step.low if level.below else step.high) for step in run[-EVIDENCE:]
    )
    subject = f"{device}:{kind}:{level.name}"
    since_at = run[0].first_at
    return [Situation(subject, AlarmKind.VITAL_SIGN, since_at, found_at, level.reason, facts, evidence)]


def _run(steps: Sequence[Step], out: Callable[[Step], bool], gap_s: float) -> list[Step]:
    """The last steps that are all out of range, none long after the one before."""
    run: list[Step] = []
    for step in reversed(steps):
        if not out(step) or (run and run[-1].first_at - step.last_at > gap_s):
            break
        run.append(step)
    return run[::-1]


def _found_at(run: Sequence[Step], rule: Rule, now: float) -> float | None:
    """When it was clear, as it was seen then: what came later changes nothing."""
    for place, step in enumerate(run):
        if step.last_at - run[0].first_at >= rule.lasting_s:
            return run[0].first_at + rule.lasting_s
        next_at = run[place + 1].first_at if place + 1 < len(run) else now
        if next_at - step.last_at >= rule.wait_s:
            return step.last_at + rule.wait_s
    return None


def _weight_change(device: str, steps: Sequence[Step], change: WeightChange, limits: Limits) -> list[Situation]:
    newest = steps[-1]
    before = [
        step
        for step in steps[:-1]
        if newest.first_at - step.first_at <= change.days * 86_400 and abs(step.low - newest.low) <= PLAUSIBLE_KG
    ]
    if not before:
        return []
    least, most = min(before, key=lambda step: step.low), max(before, key=lambda step: step.low)
    gain, loss = newest.low - least.low, most.low - newest.low
    found = []
    if change.gain_kg is not None and gain > change.gain_kg:
        found.append(_changed("gain", "weight_gain", device, least, newest, gain, limits))
    if change.loss_kg is not None and loss > change.loss_kg:
        found.append(_changed("loss", "weight_loss", device, most, newest, loss, limits))
    return found


def _changed(
    name: str, reason: str, device: str, before: Step, newest: Step, change: float, limits: Limits
) -> Situation:
    facts: dict[str, str | float] = {
        "device": device,
        "room": limits.room_of(device),
        "vital": "weight",
        "value": newest.low,
        "change": round(change, 2),
        "span_s": round(newest.first_at - before.first_at),
        "clock": say_clock(newest.last_at, limits.zone()),
    }
    evidence = tuple(Sighting(step.first_at, device, "weight", step.low) for step in (before, newest))
    subject = f"{device}:weight:{name}"
    return Situation(subject, AlarmKind.VITAL_SIGN, before.first_at, newest.first_at, reason, facts, evidence)


DETECTOR: Final = Detector(NAME, judge)
