"""Fall detection on recordings: each subject by models that have not seen it, through the code that runs in a home."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.fall_scoring import Score, Share, score
from benchmarks.fall_training import MADE_FROM, fit, gather
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from devices.wearable.fall import FallDetector
from devices.wearable.fall_model import FallModel, load_model
from devices.wearable.resampling import Samples
from devices.wearable.site import Site
from simulators.movement import fall, feel, sit_down, walk
from simulators.recorded_falls import ABSENT, RECORDED_HZ, Trial, load_trials, other_files, recordings_files
from simulators.recorded_homes import BadRecording

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
        cells: list[Figure | str] = [
            *(str(found.found), str(found.quiet_young), str(found.quiet_older), str(found.false)),
            *(str(found.false_before), *(f"{at:.2f}" if found.latencies_s else "-" for at in found.latency_s)),
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
        trials = _recorded(site, outcome)
        if trials:
            _shipped(site, trials, outcome)
            _site(site, trials, scale, outcome)
    outcome.skipped += [f"{path.name}: its name does not say where it was worn" for path in other_files()]
    outcome.notes += [
        "Shares and rates with their 95 % intervals.",
        "Falls and daily life are played, and full of blows: detectors can be compared, no home can be foretold.",
        "25 Hz: every second sample. Seconds: from the impact to the end of the block that raised the alarm.",
    ]
    return outcome


def _recorded(site: Site, outcome: Outcome) -> list[Trial]:
    """All trials that are there; what cannot be read, and what must be known of the rest, is said."""
    files = recordings_files(site)
    if not files:
        outcome.skipped.append(f"{site}: {ABSENT}")
    trials = []
    for path in files:
        try:
            trials += load_trials(path)
        except BadRecording as fault:
            outcome.skipped.append(f"{site}: {fault}")
    if without := _without_gyroscope(trials):
        outcome.notes.append(f"{site}: not in the rows with a gyroscope, having none: {', '.join(sorted(without))}.")
    for rate in sorted({trial.recorded_hz for trial in trials} - {RECORDED_HZ}):
        outcome.notes.append(f"{site}: what was recorded at {rate:g} Hz was brought to {RECORDED_HZ} Hz.")
    if trials and not any(trial.is_fall and trial.is_older for trial in trials):
        outcome.notes.append(f"{site}: no older person falls in these recordings.")
    return trials


def _shipped(site: Site, trials: list[Trial], outcome: Outcome) -> None:
    """The weights that come with Llar, on subjects that they were not made from."""
    unseen = [trial for trial in trials if trial.subject not in MADE_FROM[site]]
    subjects = {trial.subject for trial in unseen}
    if not unseen:
        outcome.notes.append(f"{site}: the shipped weights were made from all of these subjects, and are not scored.")
        return
    blind = _without_gyroscope(unseen)
    runs = []
    for each in _runs():
        felt = [trial for trial in unseen if not (each.gyroscope and trial.subject in blind)]
        if felt:
            each.stream(felt, site, load_model(site, gyroscope=each.gyroscope))
            runs.append(each)
    caption = f"{site}, the weights that are shipped; {len(subjects)} subjects new by name, {len(unseen)} trials"
    outcome.tables.append(Table(caption, _COLUMNS, [each.row(score(each.trials, each.alarms_s)) for each in runs]))


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


def _runs() -> list[_Run]:
    return [_Run(rate, gyroscope) for rate in (50.0, 25.0) for gyroscope in (True, False)]


def _site(site: Site, trials: list[Trial], scale: Scale, outcome: Outcome) -> None:
    subjects = sorted({trial.subject for trial in trials})
    if scale.quick:
        subjects = subjects[:: max(len(subjects) // 3, 1)][:3]
        trials = [trial for trial in trials if trial.subject in subjects]
    runs, alone = _runs(), set()
    examples, blind = gather(trials, site), _without_gyroscope(trials)
    for subject in subjects:
        own = [trial for trial in trials if trial.subject == subject]
        for gyroscope in (False,) if subject in blind else (True, False):
            others = examples.without({subject, *blind} if gyroscope else {subject})
            if not 0 < others.is_fall.sum() < len(others.is_fall):
                alone.add(subject)
                continue
            model = fit(others, site, gyroscope=gyroscope)
            for each in runs:
                if each.gyroscope == gyroscope:
                    each.stream(own, site, model)
    if alone:
        reason = "without them there is nobody else's fall, or nobody else's daily life"
        outcome.skipped.append(f"{site}: {', '.join(sorted(alone))} cannot be left out: {reason}")
    _report(site, [each for each in runs if each.trials], len(subjects), outcome)


def _without_gyroscope(trials: list[Trial]) -> set[str]:
    return {trial.subject for trial in trials} - {trial.subject for trial in trials if trial.has_gyroscope}


def _report(site: Site, runs: list[_Run], subjects: int, outcome: Outcome) -> None:
    if not runs:
        return
    scores = [score(each.trials, each.alarms_s) for each in runs]
    rows = [each.row(found) for each, found in zip(runs, scores, strict=True)]
    trials = max(len(each.trials) for each in runs)
    outcome.tables.append(Table(f"{site}, {subjects} subjects, {trials} trials", _COLUMNS, rows))
    outcome.tables.append(_by_activity(site, [each.name for each in runs], scores))
    if len({len(each.trials) for each in runs}) == 1 and len(runs) == len(_runs()):
        outcome.targets += _targets(site, scores)
    else:
        outcome.skipped.append(f"{site}: targets: not everybody could be judged in all four ways")
    cost = float(np.mean([each.cpu_s / each.signal_s for each in runs]))
    outcome.targets.append(
        Target(f"{site}: percent of a core of a Pi, {PI_SLOWER:g} times slower", 2.0, 100 * cost * PI_SLOWER)
    )


def _by_activity(site: Site, names: list[str], scores: list[Score]) -> Table:
    """Which falls are missed, and what is taken for one."""
    rows = []
    for activity in sorted({activity for found in scores for activity in found.right}):
        shares = [(name, found.right.get(activity, Share(0, 0))) for name, found in zip(names, scores, strict=True)]
        if any(share.part < share.whole for _, share in shares):
            rows.append(
                Row(activity, {name: f"{share.part}/{share.whole}" if share.whole else "-" for name, share in shares})
            )
    return Table(f"{site}: trials that were judged right (F falls, D daily life)", names, rows)


def _targets(site: Site, scores: list[Score]) -> list[Target]:
    first = scores[0]
    if site is Site.WRIST:
        aims = [("found", 98.0, "found"), ("young quiet", 97.0, "quiet_young"), ("older quiet", 98.0, "quiet_older")]
    else:
        aims = [("found", 98.5, "found")]
    aims = [aim for aim in aims if getattr(first, aim[2]).whole]
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
