"""Whether a fall detector is right: alarms against recordings, by trial and by hour, with intervals.

An alarm is dated at the end of the block of samples that raised it. A fall is found by an alarm from half a second
before its marked start on (one second before its impact where no start is marked). Any other alarm is false: each one
in daily life, and those before a fall; alarms within `MERGED_S` of the last one counted are one. Daily life here is
played on purpose and full of blows, so that false alarms per hour compare detectors and foretell no home.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from statistics import median
from typing import Final

from simulators.recorded_falls import RECORDED_HZ, Trial

MERGED_S: Final = 5.0
_Z: Final = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


@dataclass(frozen=True)
class Share:
    """`part` of `whole`, with its 95 % interval (Wilson 1927)."""

    part: int
    whole: int

    @property
    def percent(self) -> float:
        """In percent; 0 of nothing."""
        return 100 * self.part / self.whole if self.whole else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """In percent."""
        if not self.whole:
            return 0.0, 100.0
        p, n, z = self.part / self.whole, self.whole, _Z
        middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return 100 * (middle - half) / (1 + z * z / n), 100 * (middle + half) / (1 + z * z / n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.percent:.1f} % ({low:.1f}-{high:.1f})" if self.whole else "-"


@dataclass(frozen=True)
class Rate:
    """`count` in `hours`, with its exact 95 % interval (Poisson)."""

    count: int
    hours: float

    @property
    def per_hour(self) -> float:
        """How many an hour."""
        return self.count / self.hours if self.hours else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """An hour."""
        if not self.hours:
            return 0.0, 0.0
        low = _solve(lambda mean: 1 - _at_most(self.count - 1, mean), 0.025) if self.count else 0.0
        high = _solve(lambda mean: -_at_most(self.count, mean), -0.025)
        return low / self.hours, high / self.hours

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.per_hour:.2f} ({low:.2f}-{high:.2f})"


@dataclass(frozen=True)
class Score:
    """What a detector made of the recordings.

    Attributes:
        found: falls.
        quiet_young, quiet_older: trials of daily life without an alarm.
        false: alarms in daily life.
        false_before: false alarms in trials of falls, before the fall.
        latencies_s: from impact to alarm.
        right: by activity, how many trials were right.
    """

    found: Share
    quiet_young: Share
    quiet_older: Share
    false: Rate
    false_before: int
    latencies_s: tuple[float, ...]
    right: dict[str, Share]

    @property
    def latency_s(self) -> tuple[float, float]:
        """Median, and longest."""
        return (median(self.latencies_s), max(self.latencies_s)) if self.latencies_s else (0.0, 0.0)


def score(trials: Sequence[Trial], alarms_s: Sequence[Sequence[float]]) -> Score:
    """Judges alarms, in seconds from each trial's first sample."""
    verdicts = [_verdict(trial, sorted(alarms)) for trial, alarms in zip(trials, alarms_s, strict=True)]
    judged = list(zip(trials, verdicts, strict=True))
    falls = [(trial, latency) for trial, (latency, _) in judged if trial.is_fall]
    daily = [(trial, false) for trial, (_, false) in judged if not trial.is_fall]
    right: dict[str, list[bool]] = {}
    for trial, (latency, false) in judged:
        right.setdefault(trial.activity, []).append(latency is not None if trial.is_fall else false == 0)
    return Score(
        Share(sum(latency is not None for _, latency in falls), len(falls)),
        _quiet([false for trial, false in daily if not trial.is_older]),
        _quiet([false for trial, false in daily if trial.is_older]),
        Rate(sum(false for _, false in daily), sum(trial.seconds for trial, _ in daily) / 3600),
        sum(false for trial, (_, false) in judged if trial.is_fall),
        tuple(latency for _, latency in falls if latency is not None),
        {activity: Share(sum(each), len(each)) for activity, each in sorted(right.items())},
    )


def _verdict(trial: Trial, alarms_s: Sequence[float]) -> tuple[float | None, int]:
    """Seconds from the impact to the alarm that found the fall, and how many alarms are false."""
    begins_s = float("inf")
    if trial.is_fall:
        marked = trial.fall_start >= 0
        begins_s = trial.fall_start / RECORDED_HZ - 0.5 if marked else trial.impact / RECORDED_HZ - 1.0
    latency, false, last_s = None, 0, -float("inf")
    for at_s in alarms_s:
        if at_s >= begins_s:
            latency = at_s - trial.impact / RECORDED_HZ if latency is None else latency
        elif at_s - last_s >= MERGED_S - 1e-6:
            false, last_s = false + 1, at_s
    return latency, false


def _quiet(false: Sequence[int]) -> Share:
    return Share(sum(count == 0 for count in false), len(false))


def _at_most(count: int, mean: float) -> float:
    """The chance of `count` or fewer."""
    term = total = exp(-mean)
    for k in range(1, count + 1):
        term *= mean / k
        total += term
    return total


def _solve(rising: Callable[[float], float], aim: float) -> float:
    low, high = 0.0, 700.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < aim else (low, middle)
    return low
