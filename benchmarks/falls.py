"""Fall detection on recordings: each subject by models that have not seen it, through the code that runs in a home."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.fall_scoring import Score, score
from benchmarks.fall_training import fit, gather
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from devices.wearable.fall import FallDetector
from devices.wearable.fall_model import FallModel
from devices.wearable.resampling import Samples
from devices.wearable.site import Site
from simulators.movement import fall, feel, sit_down, walk
from simulators.recorded_falls import ABSENT, RECORDED_HZ, Trial, load_trials, recordings_file

BLOCK: Final = 5
"""Samples are given to the detector by so many."""
PI_SLOWER: Final = 6.0
"""A core of a Raspberry Pi 4 is taken to be so much slower than this one: an estimate, not measured."""
_NAMES: Final = {True: "gyroscope", False: "accelerometer only"}
_COLUMNS: Final = [
    "found",
    "young quiet",
    "older quiet",
    "false/h",
    "before falls",
    "median s",
    "longest s",
    "CPU ms/s",
]


@dataclass
class _Run:
    """Alarms of one way of sensing, in the order of the trials; and what they cost."""

    rate_hz: float
    gyroscope: bool
    trials: list[Trial] = field(default_factory=list)
    alarms_s: list[list[float]] = field(default_factory=list)
    cpu_s: float = 0.0
    signal_s: float = 0.0

    def stream(self, trials: Sequence[Trial], site: Site, model: FallModel) -> None:
        """Feeds the trials of one subject."""
        detector = FallDetector(site, self.rate_hz, gyroscope=self.gyroscope, model=model)
        started = time.process_time()
        self.alarms_s += [stream(detector, trial, self.rate_hz) for trial in trials]
        self.cpu_s += time.process_time() - started
        self.signal_s += sum(trial.seconds for trial in trials)
        self.trials += trials

    @property
    def name(self) -> str:
        """As in the table."""
        return f"{_NAMES[self.gyroscope]}, {self.rate_hz:g} Hz"

    def row(self, found: Score) -> Row:
        """A line of the table."""
        middle, longest = found.latency_s
        cells: list[Figure | str] = [
            *(str(found.found), str(found.quiet_young), str(found.quiet_older), str(found.false)),
            *(str(found.false_before), f"{middle:.2f}", f"{longest:.2f}"),
            Figure([1000 * self.cpu_s / self.signal_s]),
        ]
        return Row(self.name, dict(zip(_COLUMNS, cells, strict=True)))


def stream(detector: FallDetector, trial: Trial, rate_hz: float) -> list[float]:
    """When the detector raises an alarm in a trial, in seconds from its start: each at the end of its block."""
    detector.reset()
    signal = trial.signal if rate_hz == RECORDED_HZ else trial.signal[:: round(RECORDED_HZ / rate_hz)]
    alarms = []
    for at in range(0, len(signal), BLOCK):
        block = signal[at : at + BLOCK]
        alarms += [(at + len(block)) / rate_hz] * len(detector.push(block))
    return alarms


def run(scale: Scale) -> Outcome:
    """Leave one subject out, at the wrist and the waist; `quick` takes three subjects of each."""
    outcome = Outcome(title="falls, each subject unseen by the models", tables=[_cost(scale)])
    for site in Site:
        recordings = recordings_file(site)
        if recordings is None:
            outcome.skipped.append(f"{site}: {ABSENT}")
            continue
        _site(site, load_trials(recordings), scale, outcome)
    outcome.notes = [
        "Shares and rates with their 95 % intervals.",
        "Falls and daily life are played, and full of blows: detectors can be compared, no home can be foretold.",
        "No older person falls in these recordings.",
        "25 Hz: every second sample. Seconds: from the impact to the end of the block that raised the alarm.",
    ]
    return outcome


def _cost(scale: Scale) -> Table:
    """What the shipped models cost on made movement, with and without recordings."""
    acts = [*walk(40), *sit_down(10, hard=True), *walk(4), *fall(6)]
    signals = {rate: np.array(feel(acts, rate, 1)) for rate in (25.0, 50.0, 100.0)}
    rows = []
    for site in Site:
        for gyroscope in (True, False):
            costs = {rate: _cost_of(site, rate, gyroscope, signal, scale) for rate, signal in signals.items()}
            rows.append(
                Row(f"{site}, {_NAMES[gyroscope]}", {f"CPU ms/s, {rate:g} Hz": cost for rate, cost in costs.items()})
            )
    return Table("made movement", [f"CPU ms/s, {rate:g} Hz" for rate in signals], rows)


def _cost_of(site: Site, rate_hz: float, gyroscope: bool, signal: Samples, scale: Scale) -> Figure:
    detector = FallDetector(site, rate_hz, gyroscope=gyroscope)
    seconds = len(signal) / rate_hz
    values = []
    for _ in range(scale.rounds):
        started = time.process_time()
        for at in range(0, len(signal), BLOCK):
            detector.push(signal[at : at + BLOCK])
        values.append(1000 * (time.process_time() - started) / seconds)
    return Figure(values)


def _site(site: Site, trials: list[Trial], scale: Scale, outcome: Outcome) -> None:
    subjects = sorted({trial.subject for trial in trials})
    if scale.quick:
        subjects = subjects[:: len(subjects) // 3][:3]
        trials = [trial for trial in trials if trial.subject in subjects]
    runs = [_Run(rate, gyroscope) for rate in (50.0, 25.0) for gyroscope in (True, False)]
    examples = gather(trials, site)
    for subject in subjects:
        others, own = examples.without(subject), [trial for trial in trials if trial.subject == subject]
        models = {gyroscope: fit(others, site, gyroscope=gyroscope) for gyroscope in (True, False)}
        for each in runs:
            each.stream(own, site, models[each.gyroscope])
    scores = [score(each.trials, each.alarms_s) for each in runs]
    rows = [each.row(found) for each, found in zip(runs, scores, strict=True)]
    outcome.tables.append(Table(f"{site}, {len(subjects)} subjects, {len(trials)} trials", _COLUMNS, rows))
    outcome.tables.append(_by_activity(site, [each.name for each in runs], scores))
    outcome.targets += _targets(site, scores)
    cost = float(np.mean([each.cpu_s / each.signal_s for each in runs]))
    outcome.targets.append(
        Target(f"{site}: percent of a core of a Pi, {PI_SLOWER:g} times slower", 2.0, 100 * cost * PI_SLOWER)
    )


def _by_activity(site: Site, names: list[str], scores: list[Score]) -> Table:
    """Which falls are missed, and what is taken for one."""
    rows = [
        Row(activity, {name: f"{found.right[activity].part}/{found.right[activity].whole}" for name, found in pairs})
        for activity in scores[0].right
        if (pairs := list(zip(names, scores, strict=True)))
        and any(found.right[activity].part < found.right[activity].whole for found in scores)
    ]
    return Table(f"{site}: trials that were judged right (F falls, D daily life)", names, rows)


def _targets(site: Site, scores: list[Score]) -> list[Target]:
    first = scores[0]
    if site is Site.WRIST:
        aims = [("found", 98.0, "found"), ("young quiet", 97.0, "quiet_young"), ("older quiet", 98.0, "quiet_older")]
    else:
        aims = [("found", 98.5, "found")]
    targets = [
        Target(f"{site}: % {name}", aim, getattr(first, what).percent, at_least=True) for name, aim, what in aims
    ]
    for name, _, what in aims:
        worst = min(getattr(other, what).percent for other in scores[1:])
        text = f"{site}: points of {name} lost at worst, accelerometer only or 25 Hz"
        targets.append(Target(text, 1.5, getattr(first, what).percent - worst))
    longest_s = max(each.latency_s[1] for each in scores)
    targets.append(Target(f"{site}: seconds from the impact to the decision, at most", 2.5, longest_s))
    if site is Site.WAIST:
        targets.append(Target("waist: false alarms an hour", 0.4, first.false.per_hour))
    return targets
