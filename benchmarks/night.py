"""Recorded homes streamed through the detectors of presence: what they call for nothing, and what they find.

Nobody is known to have gone out at night, wandered or collapsed in the recordings, so whatever is found there counts as
a call for nothing. What should be found is imagined: at random nights and visits the home's engine is copied, and lives
on with an exit, a walk, a collapse in the bathroom, or a collapse beside a sensor that is stuck.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final, NamedTuple

from benchmarks.figures import Outcome, Row, Scale, Table
from benchmarks.inactivity import HOME, STEP_S, in_outage, is_scored, limits_for, steps_of
from benchmarks.recorded_homes import Recording, load_all, names
from central.detection.detectors import (
    bathroom_stay,
    bed_left,
    inactivity,
    night_door,
    night_wandering,
    sensor_over_eager,
)
from central.detection.engine import Engine
from central.detection.finding import Finding
from devices.vocabulary import Reading

JUDGES: Final = (
    bathroom_stay.DETECTOR,
    bed_left.DETECTOR,
    inactivity.DETECTOR,
    night_door.DETECTOR,
    night_wandering.DETECTOR,
    sensor_over_eager.DETECTOR,
)
REASONS: Final = ("night_exit", "night_wandering", "bathroom_stay", "sensor_over_eager")
FORTNIGHT: Final = 14
FINE_S: Final = 300
IMAGINED: Final = 24
TRIES_EACH: Final = 50
HOURS: Final = 12
MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0


class Imagined(NamedTuple):
    """Something that is to be found: its name, the reason that says so, what the sensors then say."""

    name: str
    reason: str
    says: Callable[[float], list[Reading]]


class Told(NamedTuple):
    """What one home gave: nights heard, nights with a sign of the door from 0 to 5, findings, delays in minutes of what
    was imagined (None = not found)."""

    nights: int
    door_nights: int
    findings: list[Finding]
    delays: dict[str, list[float | None]]


def run(scale: Scale) -> Outcome:
    """All recordings with fine data that are there."""
    outcome = Outcome(title="night and presence on recorded homes")
    there = load_all(outcome, names())
    recordings = [one for one in there if one.step_s <= FINE_S]
    outcome.skipped += [f"{one.name}: its rows stand for too long" for one in there if one.step_s > FINE_S]
    if not recordings:
        return outcome
    told = {one.name: stream(one, scale.choose(IMAGINED, 8)) for one in recordings}
    begins = {one.name: one.begin_at for one in recordings}
    outcome.tables.append(_calls(told, begins))
    outcome.tables.append(_found(told))
    outcome.notes += [
        "Calls for nothing in 30 nights, those of the first fortnight as a number before them; limits from the past.",
        "Imagined after the first fortnight: found of how many, median delay in minutes after the last sign.",
        "The stuck sensor fires every minute from an hour before the collapse on; found by inactivity within 24 h.",
    ]
    return outcome


def _calls(told: dict[str, Told], begins: dict[str, float]) -> Table:
    rows = []
    for name, one in told.items():
        cells = {"nights": str(one.nights), "door 0-5 h": str(one.door_nights)}
        for reason in REASONS:
            days = [(found.found_at - begins[name]) / 86_400 for found in one.findings if found.reason == reason]
            early = sum(day < FORTNIGHT for day in days)
            rate = (len(days) - early) / max(one.nights - FORTNIGHT, 1) * 30
            cells[reason] = f"{early}, then {rate:.2f}"
        rows.append(Row(name, dict(cells)))
    return Table("calls for nothing", ["nights", "door 0-5 h", *REASONS], rows)


def _found(told: dict[str, Told]) -> Table:
    columns = [imagined.name for imagined in IMAGININGS]
    rows = []
    for name, one in told.items():
        cells = {}
        for column in columns:
            delays = one.delays.get(column, [])
            found = [delay for delay in delays if delay is not None]
            cells[column] = f"{len(found)} of {len(delays)}" + (f", {median(found):.0f} min" if found else "")
        rows.append(Row(name, dict(cells)))
    return Table("imagined, and found", columns, rows)


# the stream


def stream(recording: Recording, imagined: int) -> Told:
    """Plays one home through an engine of its own, and imagines on the way."""
    engine = Engine(recording.begin_at, 0.0, judges=JUDGES)
    engine.enrol(HOME, limits_for(1.0), recording.begin_at)
    engine.recall(HOME, recording.begin_at, (), recording.begin_at)
    dice = random.Random(3)
    findings: dict[str, Finding] = {}
    delays: dict[str, list[float | None]] = {}
    doors: Counter[int] = Counter()
    nights = len(recording.active) * recording.step_s // 86_400
    chosen = _instants(recording, nights, imagined, dice)
    for now, readings in steps_of(recording):
        if readings or not in_outage(recording, now):
            engine.hear(HOME, now)
        engine.take(HOME, readings, now)
        for reading in readings:
            if reading.device == "door" and reading.measured_at % 86_400 < 5 * HOUR_S:
                doors[int(reading.measured_at // 86_400)] += 1
        for finding in engine.due(now):
            if finding.active:
                findings.setdefault(finding.key, finding)
        for one in chosen.get(now, ()):
            delays.setdefault(one.name, []).append(_imagine(copy.deepcopy(engine), now, one))
    return Told(nights, len(doors), list(findings.values()), delays)


def _instants(recording: Recording, nights: int, count: int, dice: random.Random) -> dict[float, list[Imagined]]:
    """When each is imagined: at night, or by day, after the first fortnight, while the home was heard."""
    chosen: dict[float, list[Imagined]] = {}
    for imagined in IMAGININGS:
        hours = (9.0, 20.0) if imagined in BY_DAY else (1.5, 4.0)
        left = count
        for _ in range(count * TRIES_EACH):
            if not left:
                break
            day = dice.randrange(FORTNIGHT + 1, max(nights - 1, FORTNIGHT + 2))
            at = recording.begin_at + (day * 86_400 + dice.uniform(*hours) * HOUR_S) // STEP_S * STEP_S
            left -= 1
            if is_scored(recording, at) or recording.first_day > FORTNIGHT:
                chosen.setdefault(at, []).append(imagined)
    return chosen


def _imagine(engine: Engine, begin_at: float, imagined: Imagined) -> float | None:
    """Minutes from the last sign that somebody gave until it is found."""
    readings = imagined.says(begin_at)
    by_step: dict[int, list[Reading]] = {}
    for reading in readings:
        by_step.setdefault(int((reading.measured_at - begin_at) // STEP_S), []).append(reading)
    last = max(reading.measured_at for reading in readings if reading.device != STUCK)
    for step in range(2 * HOURS * int(HOUR_S) // STEP_S):
        now = begin_at + (step + 1) * STEP_S
        engine.hear(HOME, now)
        engine.take(HOME, by_step.get(step, []), now)
        for finding in engine.due(now):
            if finding.active and finding.reason in imagined.reason.split() and finding.found_at > begin_at:
                return (finding.found_at - last) / MINUTE_S
    return None


STUCK: Final = "living"


def _moves(begin_at: float, rooms: Sequence[str], every_s: float) -> list[Reading]:
    return [Reading(room, "motion", True, begin_at + 1 + place * every_s) for place, room in enumerate(rooms)]


def _goes_out(begin_at: float) -> list[Reading]:
    return _moves(begin_at, ("bedroom", "bedroom", "hall", "door"), 45.0)


def _walks(begin_at: float) -> list[Reading]:
    return _moves(begin_at, ("bedroom", "kitchen", "living", "bathroom", "living") * 12, 120.0)


def _collapses_in_bathroom(begin_at: float) -> list[Reading]:
    return _moves(begin_at, ("bedroom", "bathroom", "bathroom", "bathroom"), 90.0)


def _collapses_beside_a_stuck_sensor(begin_at: float) -> list[Reading]:
    stuck = [Reading(STUCK, "motion", True, begin_at + minute * MINUTE_S) for minute in range(2 * HOURS * 60)]
    lives = _moves(begin_at, ("kitchen", "bedroom", "bathroom", "kitchen") * 3, 300.0)
    return sorted([*stuck, *lives], key=lambda reading: reading.measured_at)


IMAGININGS: Final = (
    Imagined("out at night", "night_exit", _goes_out),
    Imagined("two hours of wandering", "night_wandering", _walks),
    Imagined("collapse in the bathroom, by day", "bathroom_stay", _collapses_in_bathroom),
    Imagined("the same at night", "bathroom_stay", _collapses_in_bathroom),
    Imagined(
        "collapse beside a stuck sensor",
        " ".join((*inactivity.REASONS.values(), "quiet_too_long", "not_back")),
        _collapses_beside_a_stuck_sensor,
    ),
)
BY_DAY: Final = (IMAGININGS[2], IMAGININGS[4])
