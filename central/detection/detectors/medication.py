"""A dose of medicine that a dispenser gave or the care plan names, and that nobody has taken.

With doses in the care plan each has its window: found when the window is over, or when the dispenser says "missed"; it
ends when the dose is taken late, or when the next one's window begins. Without a plan the dispenser's own words count.
A home in which no dispenser ever spoke has none yet.

What it cannot do: know that a pill that was taken out was swallowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from central.detection.care_plan import Dose
from central.detection.local_times import latest, say_clock
from central.detection.measured import DOSE_KIND, DUE, MISSED, TAKEN
from central.detection.profile import Limits
from central.detection.situation import Detector, Moment, Situation, can_judge_absence
from central.detection.timeline import Sighting, Timeline
from gateway.contract.alarm_kinds import AlarmKind

NAME: Final = "medication"
HOLDS_S: Final = 12 * 3600.0
"""So long a dose is asked for: later the next one counts, and two at once would be wrong."""
WINDOW_S: Final = 3_600.0
"""Without a plan: how long a dose may lie in the dispenser."""
EVIDENCE: Final = 6

Words = Sequence[tuple[float, float]]


class _Window(NamedTuple):
    """A dose of one day: when it is due, from when and until when it counts as taken in time, and as taken at all."""

    at: float
    from_at: float
    by_at: float
    until_at: float


def judge(timeline: Timeline, limits: Limits, moment: Moment) -> list[Situation] | None:
    """The doses that are not taken."""
    doses = timeline.measured.doses
    if not doses:
        return []
    found = []
    planned = limits.doses
    for device in sorted(doses):
        words = doses[device].words()
        own = [dose for dose in planned if dose.device in {"", device}]
        if own:
            found += _by_plan(device, words, own, limits, moment.now)
        elif not planned:
            found += _by_dispenser(device, words, limits, moment.now)
    if found and not can_judge_absence(timeline, limits, moment):
        return None
    return found


def _by_plan(device: str, words: Words, planned: Sequence[Dose], limits: Limits, now: float) -> list[Situation]:
    found = []
    windows = [(dose, _window(dose, limits, now)) for dose in planned]
    for dose, window in windows:
        if window is None or window.from_at < limits.hub_enrolled_at:
            continue
        if limits.away_until_at is not None and window.at < limits.away_until_at:
            continue
        begins = [other.from_at for _, other in windows if other is not None and other.at > window.at]
        until_at = min([window.until_at, *begins])
        said = [(at, word) for at, word in words if window.from_at <= at <= until_at]
        missed = [at for at, word in said if word == MISSED]
        found_at = min([window.by_at, *missed])
        if any(word == TAKEN for _, word in said) or not found_at <= now < until_at:
            continue
        found.append(_situation(device, dose.at, window.at, found_at, words, limits))
    return found


def _window(dose: Dose, limits: Limits, now: float) -> _Window | None:
    """The newest one that has begun: it begins before the dose's time."""
    early_s = 60 * dose.early_minutes
    at = latest(dose.at, dose.days, now + early_s, limits.zone())
    return None if at is None else _Window(at, at - early_s, at + 60 * dose.late_minutes, at + HOLDS_S)


def _situation(device: str, due: str, at: float, found_at: float, words: Words, limits: Limits) -> Situation:
    facts: dict[str, str | float] = {
        "device": device,
        "room": limits.room_of(device),
        "due": due,
        "clock": say_clock(found_at, limits.zone()),
    }
    evidence = _evidence(device, words, found_at)
    return Situation(f"{device}:{due}", AlarmKind.MEDICATION, at, found_at, "dose_not_taken", facts, evidence)


def _by_dispenser(device: str, words: Words, limits: Limits, now: float) -> list[Situation]:
    last = words[-1]
    taken = [at for at, word in words if word == TAKEN]
    begun = [(at, word) for at, word in words if word == DUE and (not taken or at > taken[-1])]
    missed = [(at, word) for at, word in words if word == MISSED and (not taken or at > taken[-1])]
    if last[1] == TAKEN or not (begun or missed):
        return []
    due_at = _begin_of_newest([at for at, _ in begun or missed])
    told = [at for at, _ in missed if at >= due_at]
    found_at = min([due_at + WINDOW_S, *told]) if begun else due_at
    if not found_at <= now < due_at + HOLDS_S:
        return []
    by_word = bool(told) and told[0] == found_at
    facts: dict[str, str | float] = {"device": device, "room": limits.room_of(device)}
    facts["clock"] = say_clock(found_at if by_word else due_at, limits.zone())
    if not by_word:
        facts["span_s"] = WINDOW_S
    reason = "dose_missed" if by_word else "dose_waiting"
    evidence = _evidence(device, words, found_at)
    return [Situation(device, AlarmKind.MEDICATION, due_at, found_at, reason, facts, evidence)]


def _begin_of_newest(ats: Sequence[float]) -> float:
    """When the newest dose was given first: dispensers remind of it again and again."""
    begin = ats[-1]
    for at in reversed(ats):
        if begin - at > WINDOW_S:
            break
        begin = at
    return begin


def _evidence(device: str, words: Words, until_at: float) -> tuple[Sighting, ...]:
    said = [Sighting(at, device, DOSE_KIND, word) for at, word in words if at <= until_at]
    return tuple(said[-EVIDENCE:])


DETECTOR: Final = Detector(NAME, judge)
