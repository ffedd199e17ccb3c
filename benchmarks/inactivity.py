"""Recorded homes streamed through the detection engine: false alarms, delays after a collapse, stray triggers, absence.

Everything is judged by the engine and its inactivity detector as they run in the receiver, with limits set from each
home's past alone. `LLAR_DATA` says where the recordings are; without them nothing is measured, and that is said.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator, Sequence
from math import isfinite, nan
from typing import Final, NamedTuple

import numpy as np

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.recorded_homes import ROOMS, Cuts, Flags, Recording, Times, load_all, names
from central.detection.activity import Act
from central.detection.detectors import inactivity
from central.detection.engine import Engine
from central.detection.finding import Finding
from central.detection.fixed_limit import found_at
from central.detection.profile import DeviceAtHome, Limits
from central.detection.silence import first_broken, since_strong_evidence
from central.detection.timeline import Timeline
from devices.vocabulary import Reading
from simulators.recorded_homes import folder

HOME: Final = "home"
STEP_S: Final = 300
DAY_MIN: Final = 1440.0
STRAY_PER_DAY: Final = 3.0
LONG_DAYS: Final = 45
"""Homes with so many scored days have a line of their own; the others are pooled."""
ABSENCES: Final = 8
ABSENT_S: Final = 7 * 86_400
EARLY_S: Final = 11 * 86_400
"""An absence that begins so early ends in the first fortnight, or soon after it."""
AIMS: Final = (1.0, 0.5, 2.0)
POOLED_AIMS: Final = (0.5, 1.0, 2.0, 4.0)
_HINDSIGHT: Final = re.compile(r"([\d.]+):\[([\d.]+)\]\s+([\d.]+)/\s*([\d.]+)\s+([\d.]+)/\s*([\d.]+)")
_REFERENCE: Final = re.compile(
    r"^  (\S.{22}).*past-only threshold: fa30=([\d.]+) awake ([\d.]+)/([\d.]+) asleep ([\d.]+)/([\d.]+)", re.MULTILINE
)


class Told(NamedTuple):
    """What one home's stream gave: findings in scored days, delays in minutes (0 or less: the alarm had been given
    before), the same with stray triggers, findings in each injected week of absence; `early`: of those in the first
    fortnight."""

    days: int
    findings: list[Finding]
    delays: Times
    with_stray: Times
    absences: list[int]
    early: list[int]


class Line(NamedTuple):
    """False alarms in 30 days; hours of delay: awake median and p90, asleep median and p90 (NaN of none)."""

    false_alarms: float
    awake: tuple[float, float]
    asleep: tuple[float, float]

    def cells(self) -> list[float]:
        """As one row of figures."""
        return [self.false_alarms, *self.awake, *self.asleep]


ABSENT_COLUMNS: Final = ["findings in each absent week", "the same from the first fortnight on"]
COLUMNS: Final = ["false alarms / 30 d", "awake median h", "awake p90 h", "asleep median h", "asleep p90 h"]


def run(scale: Scale) -> Outcome:
    """All recordings that are there."""
    outcome = Outcome(title="inactivity on recorded homes")
    recordings = load_all(outcome, names())
    if not recordings:
        return outcome
    for recording in recordings:
        if recording.days() >= LONG_DAYS:
            _report_long(recording, outcome, AIMS[: scale.choose(len(AIMS), 1)])
    short = [one for one in recordings if one.days() < LONG_DAYS]
    _report_short(short, outcome, POOLED_AIMS if not scale.quick else AIMS[:1])
    outcome.notes += [
        "A false alarm is a finding that opens in a scored day; goings-out count. Limits come from the past only.",
        "A collapse: nothing is seen after a random instant with the person at home; delays are capped at 24 h,",
        "with stray triggers (3 a day, Poisson, one room each) at 48 h. Of a bin the last line is played at its end.",
        "Weeks of absence are injected after real goings-out: one to three stray triggers a day and nothing else.",
    ]
    return outcome


def _report_long(recording: Recording, outcome: Outcome, aims: Sequence[float]) -> None:
    cuts = recording.cuts()
    rows: list[Row] = []
    for aim in aims:
        told = stream(recording, cuts, aim, extras=aim == 1.0)
        line = line_of(told.findings, told.days, told.delays, cuts)
        rows.append(_row(f"this, aim {aim:g}", line))
        if aim == 1.0:
            main, extra = line, told
    rows += [_compared(name, reference, main) for name, reference in _references(recording.name)]
    outcome.tables.append(
        Table(f"{recording.name}, {recording.days()} scored days", [*COLUMNS, "this is better"], rows)
    )
    stray = line_of(extra.findings, extra.days, extra.with_stray, cuts, cap=2 * DAY_MIN)
    weeks, early = (", ".join(map(str, counts)) or "-" for counts in (extra.absences, extra.early))
    outcome.tables.append(
        Table(
            f"{recording.name}: three stray triggers a day after the collapse; weeks of absence",
            [*COLUMNS[1:], *ABSENT_COLUMNS],
            [Row("this, aim 1", {**_row("", stray).cells, **dict(zip(ABSENT_COLUMNS, (weeks, early), strict=True))})],
        )
    )
    if recording.name == "hh101":
        away, early_away = (float(max(counts, default=nan)) for counts in (extra.absences, extra.early))
        targets = [
            Target("hh101 false alarms in 30 days", 1.5, main.false_alarms),
            Target("hh101 awake median, h", 3.3, main.awake[0]),
            Target("hh101 awake p90, h", 4.5, main.awake[1]),
            Target("hh101 asleep p90, h", 5.5, main.asleep[1]),
            Target("hh101 awake p90 with stray triggers, h", 6.0, stray.awake[1]),
            Target("hh101 most findings in a week of absence", 3.0, away),
            Target("hh101 most findings in one that begins in the first fortnight", 3.0, early_away),
        ]
        outcome.targets += [one for one in targets if isfinite(one.measured)]
        outcome.skipped += [f"target {one.text}: there was none" for one in targets if not isfinite(one.measured)]


def _report_short(recordings: Sequence[Recording], outcome: Outcome, aims: Sequence[float]) -> None:
    if not recordings:
        return
    rows = []
    reference = _pooled_references([recording.name for recording in recordings])
    for aim in aims:
        findings: list[Finding] = []
        delays, awake, asleep = [], [], []
        for recording in recordings:
            cuts = recording.cuts()
            told = stream(recording, cuts, aim, extras=False)
            findings += told.findings
            delays.append(told.delays)
            awake.append(cuts.awake)
            asleep.append(cuts.asleep)
        empty = np.zeros(0)
        pooled = Cuts(empty, empty.astype(np.int64), np.concatenate(awake), np.concatenate(asleep))
        days = sum(recording.days() for recording in recordings)
        line = line_of(findings, days, np.concatenate(delays), pooled)
        rows.append(_row(f"this, aim {aim:g}", line))
        rows += [_compared(f"{name}, by hindsight at {aim:g}", theirs, line) for name, theirs in reference.get(aim, ())]
    title = ", ".join(recording.name for recording in recordings)
    columns = [*COLUMNS, "this is better"]
    outcome.tables.append(Table(f"pooled: {title}, {days} scored days, a fortnight of learning", columns, rows))


def _row(subject: str, line: Line) -> Row:
    cells = zip(COLUMNS, line.cells(), strict=True)
    return Row(subject, {name: Figure([value]) if isfinite(value) else "-" for name, value in cells})


def _compared(name: str, reference: Line, ours: Line) -> Row:
    better = [
        column.removesuffix(" h")
        for column, theirs, mine in zip(COLUMNS, reference.cells(), ours.cells(), strict=True)
        if mine <= theirs
    ]
    worse = len(COLUMNS) - len(better)
    verdict = "on every cell" if not worse else ", ".join(better) or "nowhere"
    return Row(name, {**_row(name, reference).cells, "this is better": verdict})


def _references(name: str) -> list[tuple[str, Line]]:
    """The shipped baselines with thresholds from the past only."""
    path = folder().parent / "reference_dev.txt"
    if not path.is_file():
        return []
    for part in path.read_text(encoding="utf-8").split("== ")[1:]:
        if part.startswith(f"{name} "):
            found = []
            for label, *figures in _REFERENCE.findall(part):
                alarms, *hours = map(float, figures)
                found.append((label.strip(), Line(alarms, (hours[0], hours[1]), (hours[2], hours[3]))))
            return found
    return []


def _pooled_references(names: Sequence[str]) -> dict[float, list[tuple[str, Line]]]:
    """The shipped baselines on these homes together: by false alarms aimed at, with thresholds chosen by hindsight."""
    path = folder().parent / "reference_dev.txt"
    found: dict[float, list[tuple[str, Line]]] = {}
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for part in text.split("== ")[1:]:
        if not part.startswith(f"pooled {list(names)}"):
            continue
        for row in part.splitlines()[1:]:
            for aim, alarms, *hours in _HINDSIGHT.findall(row):
                awake, p90, asleep, asleep_p90 = map(float, hours)
                line = Line(float(alarms), (awake, p90), (asleep, asleep_p90))
                found.setdefault(float(aim), []).append((row[:26].strip(), line))
    return found


def line_of(findings: Sequence[Finding], days: int, delays: Times, cuts: Cuts, cap: float = DAY_MIN) -> Line:
    """Of findings in so many days, and of delays in minutes (0 or less: the alarm had been given before)."""
    live = delays > 0

    def hours(flags: Flags) -> tuple[float, float]:
        chosen = np.minimum(delays[flags & live], cap) / 60
        if not len(chosen):
            return nan, nan
        return float(np.median(chosen)), float(np.quantile(chosen, 0.9))

    return Line(len(findings) / days * 30, hours(cuts.awake), hours(cuts.asleep))


# the stream


def limits_for(aim: float) -> Limits:
    """Every room with one sensor; wall-clock times are played as UTC."""
    rooms = {room: DeviceAtHome(room, room, 7 * 86_400.0) for room in ROOMS}
    return Limits(devices=rooms, entry_doors=("door",), timezone="UTC", inactivity_false_alarms=aim)


def stream(recording: Recording, cuts: Cuts, aim: float, *, extras: bool) -> Told:
    """Plays one home through an engine of its own.

    Args:
        cuts: collapses to be imagined on the way.
        extras: also with stray triggers, and weeks of absence.
    """
    limits = limits_for(aim)
    engine = Engine(recording.begin_at, 0.0, judges=[inactivity.DETECTOR])
    engine.enrol(HOME, limits, recording.begin_at)
    engine.recall(HOME, recording.begin_at, (), recording.begin_at)
    due = _dues(recording, cuts)
    absent_from = _spread(recording, recording.tested()) if extras else set()
    early_from = _spread(recording, recording.start * recording.step_s < EARLY_S) if extras else set()
    dice, early_dice = random.Random(5), random.Random(6)
    delays = np.zeros(len(cuts.minutes))
    stray = np.zeros(len(cuts.minutes))
    findings: dict[str, Finding] = {}
    absences, early = [], []
    for now, readings in steps_of(recording):
        if readings or not in_outage(recording, now):
            engine.hear(HOME, now)
        engine.take(HOME, readings, now)
        for finding in engine.due(now):
            findings.setdefault(finding.key, finding)
        for place in due.get(now, ()):
            at = recording.begin_at + cuts.minutes[place] * 60
            delays[place], stray[place] = _imagine(engine, limits, now, at, dice if extras else None)
        if now in absent_from:
            absences.append(_absent_week(copy.deepcopy(engine), now, dice))
        if now in early_from:
            early.append(_absent_week(copy.deepcopy(engine), now, early_dice))
    scored = [finding for finding in findings.values() if is_scored(recording, finding.found_at)]
    return Told(recording.days(), scored, delays, stray, absences, early)


def steps_of(recording: Recording) -> Iterator[tuple[float, list[Reading]]]:
    """Every five minutes: its end, and what was seen in it."""
    place, events = 0, recording.events
    for step in range(len(recording.active) * recording.step_s // STEP_S):
        now = recording.begin_at + (step + 1) * STEP_S
        readings = []
        while place < len(events) and events[place][0] < now:
            readings.append(Reading(events[place][1], "motion", True, events[place][0]))
            place += 1
        yield now, readings


def _dues(recording: Recording, cuts: Cuts) -> dict[float, list[int]]:
    due: dict[float, list[int]] = {}
    for place, silence in enumerate(cuts.silence):
        end_of_bin = recording.begin_at + (int(recording.start[silence]) + 1) * recording.step_s
        due.setdefault(float(end_of_bin), []).append(place)
    return due


def in_outage(recording: Recording, now: float) -> bool:
    step = int((now - 1 - recording.begin_at) // recording.step_s)
    return bool(recording.outage[min(step, len(recording.outage) - 1)])


def is_scored(recording: Recording, at: float) -> bool:
    step = min(int((at - recording.begin_at) // recording.step_s), len(recording.outage) - 1)
    if (at - recording.begin_at) / 86_400 < recording.first_day:
        return False
    return not recording.outage[step] and not recording.holiday[step]


def _spread(recording: Recording, among: Flags) -> set[float]:
    """Ends of the bins after which nobody was in, some of these, spread over their time."""
    out = np.flatnonzero(among & recording.away & ~recording.on_holiday)
    chosen = out[np.linspace(0, len(out) - 1, ABSENCES).astype(int)] if len(out) else []
    return {recording.begin_at + (int(recording.start[place]) + 1) * recording.step_s for place in chosen}


def _imagine(engine: Engine, limits: Limits, now: float, at: float, dice: random.Random | None) -> tuple[float, float]:
    """Delays in minutes when nothing is seen after `at` any more, and with stray triggers."""
    timeline = engine.timeline(HOME)
    assert timeline is not None
    if not timeline.habits.learned:
        delay = (_by_fixed_limit(timeline, limits) - at) / 60
        return delay, delay
    acts = since_strong_evidence(timeline.activity, limits, now)
    _, due_at = first_broken(acts, timeline.habits, limits, now)
    delay = (due_at - at) / 60
    if dice is None:
        return delay, delay
    stray_at = at
    while (stray_at := stray_at + dice.expovariate(STRAY_PER_DAY / 86_400)) < due_at and stray_at < at + 2 * 86_400:
        room = dice.choice(ROOMS[1:-1])
        acts.append(Act(stray_at, stray_at, room, room, door=False, strong=False))
        _, due_at = first_broken(acts, timeline.habits, limits, stray_at)
    return delay, (due_at - at) / 60


def _by_fixed_limit(timeline: Timeline, limits: Limits) -> float:
    return found_at(timeline, timeline.sightings(1)[-1].at, limits)[0]


def _absent_week(engine: Engine, begin_at: float, dice: random.Random) -> int:
    """Findings that are opened in a week in which sensors trigger one to three times a day and nobody is in."""
    stray = sorted(
        begin_at + (day + dice.random()) * 86_400
        for day in range(ABSENT_S // 86_400)
        for _ in range(dice.randint(1, 3))
    )
    found = set()
    for step in range(ABSENT_S // STEP_S):
        now = begin_at + (step + 1) * STEP_S
        readings = [Reading(dice.choice(ROOMS[1:-1]), "motion", True, at) for at in stray if now - STEP_S <= at < now]
        engine.hear(HOME, now)
        engine.take(HOME, readings, now)
        found |= {finding.key for finding in engine.due(now) if finding.active}
    return len(found)
