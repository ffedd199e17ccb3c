"""Collapses in simulated homes: is what the inactivity detector costs and finds there like in the recorded homes?

A simulated home is played exactly as `benchmarks.inactivity` plays a recorded one: movement and door alone, limits from
the home's own past, nothing seen any more after random instants at which the person truly is at home. So the figures
can be laid beside those.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

from benchmarks.figures import Figure, Outcome, Row, Scale, Table
from benchmarks.inactivity import COLUMNS, Line, line_of, stream
from benchmarks.recorded_homes import Cuts, Recording, recording_of
from benchmarks.simulated_homes import FIRST_DAY, rows_of
from central.detection.finding import Finding
from simulators.household import Household, household
from simulators.recorded_homes import Label
from simulators.recording import simulated
from simulators.truth import What

HOMES: Final = 20
DAYS: Final = 120
FIRST_SCORED: Final = 30
CUTS: Final = 150
AIM: Final = 1.0


def run(scale: Scale) -> Outcome:
    """People alone, home by home and together; then couples, and people with a pet."""
    outcome = Outcome(title="inactivity on simulated homes")
    homes, days = scale.choose(HOMES, 2), scale.choose(DAYS, 18)
    first_day, cuts = scale.choose(FIRST_SCORED, 16), scale.choose(CUTS, 15)
    alone = [household(seed, couple=False, pet=False) for seed in range(1, homes + 1)]
    told = [_played(home, days, first_day, cuts) for home in alone]
    rows = [_row(home.name, [one]) for home, one in zip(alone, told, strict=True)]
    caption = f"{homes} people alone, {days - first_day} scored days each, aim {AIM:g}"
    outcome.tables.append(Table(caption, COLUMNS, rows))
    groups = [_row("alone", told)]
    some = range(homes + 1, homes + 1 + max(homes // 4, 1))
    for name, couple, pet in (("couples", True, False), ("with a pet", False, True)):
        group = [household(seed, couple=couple, pet=pet) for seed in some]
        groups.append(_row(f"{name} ({len(group)})", [_played(home, days, first_day, cuts) for home in group]))
    outcome.tables.append(Table("together", COLUMNS, groups))
    outcome.notes += [
        "False alarms, delays and instants are defined as in the benchmark `inactivity`: lay the figures side by side.",
        f"{cuts} collapses awake and {cuts} asleep in each home; delays are capped at 24 h.",
        "In a couple or with a pet only the log is cut, as if the other had gone too: who stays hides a collapse.",
    ]
    return outcome


class _Told:
    """What one home gave."""

    def __init__(self, recording: Recording, cuts: Cuts, findings: list[Finding], delays: np.ndarray) -> None:
        self.days = recording.days()
        self.cuts = cuts
        self.findings = findings
        self.delays = delays


def _played(home: Household, days: int, first_day: int, count: int) -> _Told:
    recording = as_recorded(home, days, first_day)
    cuts = recording.cuts(count)
    told = stream(recording, cuts, AIM, extras=False)
    return _Told(recording, cuts, told.findings, told.delays)


def as_recorded(home: Household, days: int, first_day: int) -> Recording:
    """A simulated home as the scorer of recorded homes takes it."""
    lived = simulated(home, FIRST_DAY, days)
    offset = datetime.combine(FIRST_DAY, datetime.min.time(), UTC).timestamp() - lived.begin_at
    labels = [
        Label(_wall(truth.begin_at + offset), _wall(truth.end_at + offset), "away")
        for truth in lived.truth
        if truth.what is What.AWAY
    ]
    return recording_of(home.name, list(rows_of(lived)), labels, lived.begin_at + offset, 300, first_day)


def _wall(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def _row(subject: str, told: list[_Told]) -> Row:
    empty = np.zeros(0)
    cuts = Cuts(
        empty,
        empty.astype(np.int64),
        np.concatenate([one.cuts.awake for one in told]),
        np.concatenate([one.cuts.asleep for one in told]),
    )
    findings = [finding for one in told for finding in one.findings]
    delays = np.concatenate([one.delays for one in told])
    line: Line = line_of(findings, sum(one.days for one in told), delays, cuts)
    return Row(subject, {name: Figure([value]) for name, value in zip(COLUMNS, line.cells(), strict=True)})
