"""How the weights of the fall models are made from recordings: everything but the command line.

Each recording is seen as several sensors would have felt it: at 50 Hz, at 25 Hz from its even and its odd samples, at
33 and 40 Hz, and by somebody who moves 8 % faster or slower. Each window is seen again a little turned (and at the
wrist with axes the other way round, as on the other arm), with another gain, and a moment earlier or later. All this
follows fixed seeds: the same recordings give the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.wearable.fall import blows, within_scale
from devices.wearable.fall_features import AFTER, BEFORE, WINDOW, Numbers, features
from devices.wearable.fall_model import STEPS, FallModel, normalised
from devices.wearable.resampling import MODEL_HZ, Resampler, Samples
from devices.wearable.site import Site
from simulators.recorded_falls import RECORDED_HZ, Trial

COPIES: Final = {Site.WRIST: 2, Site.WAIST: 0}
"""Changed copies of each window, besides the window itself: the wrist's recordings are few."""
SMOOTHED: Final = frozenset({Site.WRIST})
"""Where a model without a gyroscope looks at smoothed acceleration. The waist needs none of it."""
GAMMA: Final = {Site.WRIST: {True: 0.006, False: 0.018}, Site.WAIST: {True: 0.006, False: 0.009}}
"""Of the kernel, with a gyroscope and without."""
PENALTY: Final = 3.0
THRESHOLD: Final = {Site.WRIST: 0.49, Site.WAIST: 0.6}
"""The waist tells falls so well that there is room for fewer false alarms."""
QUANTILES: Final = 101
TURN_DEG: Final = 15.0
GAIN: Final = 0.04
SHIFT: Final = 2
"""Samples by which the blow may lie off the middle."""

_WRIST: Final = "U01 U02 U03 U04 U05 U06 U08 U12 U14 U21 U22 U24 U25 U27 U28"
_WAIST_YOUNG: Final = "SA01 SA02 SA03 SA05 SA06 SA07 SA10 SA12 SA13 SA16 SA17 SA18 SA20 SA21 SA22"
_WAIST_OLDER: Final = "SE01 SE02 SE03 SE07 SE09 SE10 SE11 SE12 SE13"
MADE_FROM: Final = {
    Site.WRIST: frozenset(_WRIST.split()),
    Site.WAIST: frozenset(f"{_WAIST_YOUNG} {_WAIST_OLDER}".split()),
}
"""Subjects in the recordings that the shipped weights were made from, by their names there."""

_MARGIN: Final = RECORDED_HZ // 2
"""A blow so near the marked fall belongs to it."""


@dataclass(frozen=True)
class Examples:
    """Windows as numbers: `numbers` (n, features) with a gyroscope, `plain` without, `is_fall` (n), `subjects` (n)."""

    numbers: Numbers
    plain: Numbers
    is_fall: NDArray[np.bool_]
    subjects: NDArray[np.str_]

    def without(self, subjects: Collection[str]) -> Examples:
        """Those of all the others."""
        keep = ~np.isin(self.subjects, list(subjects))
        return Examples(self.numbers[keep], self.plain[keep], self.is_fall[keep], self.subjects[keep])


def at_rate(signal: Samples, rate_hz: float, first: float = 0.0) -> Samples:
    """What a sensor of another rate would have given: points on straight lines between the samples.

    Args:
        signal: at `RECORDED_HZ`.
        rate_hz: of the other sensor.
        first: where its first sample lies, in samples of the signal.
    """
    at = np.arange(first, len(signal) - 1 + 1e-9, RECORDED_HZ / rate_hz)
    low = np.floor(at).astype(np.int64)
    way = (at - low)[:, None]
    points: Samples = signal[low] * (1 - way) + signal[np.minimum(low + 1, len(signal) - 1)] * way
    return points


@dataclass(frozen=True)
class _View:
    """One way of feeling a recording: `feel` gives the rows that a detector of `rate_hz` takes for them."""

    feel: Callable[[Samples], Samples]
    rate_hz: float
    speed: float = 1.0
    first: float = 0.0


_VIEWS: Final = (
    _View(lambda signal: signal, 50.0),
    _View(lambda signal: signal[::2], 25.0),
    _View(lambda signal: signal[1::2], 25.0, first=1.0),
    _View(lambda signal: signal, 46.0, speed=0.92),
    _View(lambda signal: signal, 54.0, speed=1.08),
    _View(lambda signal: at_rate(signal, 33.0), 33.0),
    _View(lambda signal: at_rate(signal, 40.0, 0.6), 40.0, first=0.6),
)


def gather(trials: Sequence[Trial], site: Site) -> Examples:
    """The examples of all recordings, with those of changed copies."""
    found: list[tuple[Numbers, Numbers, bool, str]] = []
    for number, view in enumerate(_VIEWS):
        chance = np.random.default_rng((number, len(site)))
        for trial in trials:
            for window, is_fall in _windows(trial, view):
                seen = [window, *(_changed(window, site, chance) for _ in range(COPIES[site]))]
                found += [
                    (features(one), features(one[:, :3], smoothed=site in SMOOTHED), is_fall, trial.subject)
                    for one in seen
                ]
    return Examples(
        np.asarray([numbers for numbers, _, _, _ in found]),
        np.asarray([plain for _, plain, _, _ in found]),
        np.asarray([is_fall for _, _, is_fall, _ in found], np.bool_),
        np.asarray([subject for _, _, _, subject in found], np.str_),
    )


def fit(examples: Examples, site: Site, *, gyroscope: bool) -> FallModel:
    """A model for these examples. Needs scikit-learn.

    Args:
        examples: of all subjects that it may learn from.
        site: where the sensor is worn.
        gyroscope: whether the model may look at one.
    """
    from sklearn.svm import SVC

    numbers = examples.numbers if gyroscope else examples.plain
    knots = np.quantile(numbers, np.linspace(0, 1, QUANTILES), axis=0).astype(np.float32)
    points = np.round(normalised(numbers, knots) * STEPS)
    machine = SVC(C=PENALTY, gamma=GAMMA[site][gyroscope] / STEPS**2, class_weight="balanced", cache_size=400)
    machine.fit(points, examples.is_fall)
    return FallModel(
        knots,
        points[machine.support_].astype(np.int8),
        machine.dual_coef_[0].astype(np.float32),
        float(machine.intercept_[0]),
        GAMMA[site][gyroscope],
        THRESHOLD[site],
        smoothed=site in SMOOTHED and not gyroscope,
    )


def _windows(trial: Trial, view: _View) -> list[tuple[Samples, bool]]:
    """Each with whether it is the fall; what is moved after a fall is neither, and left out."""
    resampler = Resampler(view.rate_hz)
    rows = resampler.push(view.feel(within_scale(trial.signal.astype(np.float64))))
    rows = np.concatenate((np.repeat(rows[:1], WINDOW - 1, axis=0), rows))
    start = trial.fall_start if trial.fall_start >= 0 else trial.impact
    end = trial.fall_end if trial.fall_end >= 0 else trial.impact
    found = []
    for blow in blows(rows):
        at = (blow - WINDOW + 1) * view.speed * RECORDED_HZ / MODEL_HZ + view.first
        if trial.is_fall and at > end + _MARGIN:
            continue
        is_fall = trial.is_fall and at >= start - _MARGIN
        found.append((rows[blow - BEFORE : blow + AFTER + 1], is_fall))
    return found


def _changed(window: Samples, site: Site, chance: np.random.Generator) -> Samples:
    turn = _small_turn(chance)
    if site is Site.WRIST and chance.random() < 0.5:
        turn = turn @ np.diag(chance.choice([-1.0, 1.0], 3))
    gains = chance.normal(1.0, GAIN, 2)
    rows = np.concatenate((window[:, :3] @ turn.T * gains[0], window[:, 3:] @ turn.T * gains[1]), axis=1)
    at = np.arange(WINDOW) + chance.integers(-SHIFT, SHIFT + 1)
    return within_scale(rows[np.clip(at, 0, WINDOW - 1)])


def _small_turn(chance: np.random.Generator) -> Samples:
    """A rotation about any axis (Rodrigues' formula)."""
    axis = chance.normal(size=3)
    x, y, z = axis / np.sqrt(axis @ axis)
    angle = np.radians(chance.normal() * TURN_DEG)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Samples = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn
