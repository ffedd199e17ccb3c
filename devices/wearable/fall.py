"""Finds falls in the stream of a worn sensor: a blow wakes a classifier of the seconds round it. Needs numpy.

A blow is a sample of at least `BLOW_G` that is the strongest within a second on either side. Two seconds after it the
window is whole, and the model says how much it is like a fall. Nothing later is looked at, and nothing is taken back:
whoever got up again within these two seconds scores lower, since that is part of what the model sees. Where the stream
ends within them, whoever feeds it may ask what it looks like so far.

A body that falls may bounce, and a slow sensor may feel the bounce stronger than the impact. So a blow with one before
it that is nearly as strong is judged in time for that one: what is missing of the window is taken to go on as its last
moments did, read backwards.

A `Suspicion` is not an alarm: it asks for a question to the wearer, or for somebody who looks at once where none can be
asked. What the models find and miss stands in docs/model-cards/fall-detection.md.

Memory: the window's two hundred samples, and a handful for the change of rate. No clock: time is counted in samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.wearable.fall_features import (
    AFTER,
    BEFORE,
    FULL_SCALE_G,
    SPIN_MAX_DPS,
    WINDOW,
    angle_deg,
    directions,
    features,
    magnitude,
)
from devices.wearable.fall_model import FallModel, load_model
from devices.wearable.resampling import MODEL_HZ, Resampler, Samples
from devices.wearable.site import Site

BLOW_G: Final = 1.8
"""Detectors by threshold alone are set near 2.5 g, after falls of young people; older people fall more slowly."""
RATE_MIN_HZ: Final = 20.0
"""Slower, a blow falls between two samples."""
FREE_FALL_G: Final = 0.7
GAP_MAX_S: Final = 3.0
"""A shorter gap is bridged by a straight line, which makes no blow; after a longer one the stream begins anew."""

NEARLY: Final = 0.6
"""A blow of at least this share of the strongest one within a second after it may have been the impact."""
_PROMISED: Final = round(2.24 * MODEL_HZ)
"""Samples from the impact to the judgement; with a block of 0.2 s at 25 Hz and the change of rate these are 2.5 s."""
_PEAK: Final = round(0.12 * MODEL_HZ)
_ALONE: Final = round(1.0 * MODEL_HZ)
_SETTLED: Final = slice(BEFORE + 25, WINDOW)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is like a fall, and why.

    Attributes:
        score: from the wearer's threshold to 1; orders, is no probability.
        impact_g: the strongest sample, held at 4 g on each axis.
        free_fall_s: how long there was less than `FREE_FALL_G` in the second before it.
        tilt_deg: between the directions of down in the second before last before the blow, and in the second second
            after it.
        stir_g: standard deviation of the strength from half a second after the blow on; below 0.1 g is lying still.
        lost_s: how much of the window was lost on the way and bridged.
        age_s: how long before the newest sample the blow was.
        down: where down was before it, in g.
    """

    score: float
    impact_g: float
    free_fall_s: float
    tilt_deg: float
    stir_g: float
    lost_s: float
    age_s: float
    down: tuple[float, float, float]


class FallDetector:
    """One wearer's sensor.

    Args:
        site: where it is worn.
        rate_hz: its samples per second, from `RATE_MIN_HZ` on.
        gyroscope: whether the samples have the three columns of one.
        threshold: this wearer's; None for the model's own. Lower finds more falls and asks more often for nothing.
        model: another than the one that comes with Llar.

    Raises:
        ValueError: a rate at which no blow would be seen.
    """

    def __init__(
        self,
        site: Site | str = Site.WRIST,
        rate_hz: float = MODEL_HZ,
        *,
        gyroscope: bool = True,
        threshold: float | None = None,
        model: FallModel | None = None,
    ) -> None:
        if not rate_hz >= RATE_MIN_HZ:
            raise ValueError(f"{rate_hz} samples per second are too few to see a blow")
        self._model = model or load_model(Site(site), gyroscope=gyroscope)
        self._threshold = self._model.threshold if threshold is None else threshold
        self._columns = 6 if gyroscope else 3
        self._rate_hz = rate_hz
        self._resampler = Resampler(rate_hz)
        self.reset()

    def reset(self) -> None:
        """Begins anew: what was before says nothing about what comes."""
        self._resampler.reset()
        self._newest: Samples | None = None
        self._kept: Samples | None = None
        self._lost = 0

    def push(self, block: NDArray[np.floating], lost: int = 0) -> list[Suspicion]:
        """The next samples.

        Args:
            block: a row each: x, y, z in g, and in degrees per second where there is a gyroscope (further columns are
                not looked at). A row whose acceleration is not a number counts as lost.
            lost: samples that were lost before these.
        """
        rows = np.asarray(block, np.float64)[:, : self._columns]
        self._lost += lost
        is_whole = np.isfinite(rows[:, :3]).all(axis=1)
        found: list[Suspicion] = []
        for run in np.split(rows, np.flatnonzero(np.diff(is_whole)) + 1):
            if not len(run):
                continue
            if np.isfinite(run[0, :3]).all():
                found += self._look(self._resampler.push(self._without_gap(within_scale(run))))
            else:
                self._lost += len(run)
        return found

    def silent(self) -> list[Suspicion]:
        """Nothing more comes, and it may be that nothing will: what the blows of the last two seconds look like.

        What is missing is taken for stillness, and told as lost. Nothing is forgotten, so that samples that come all
        the same are judged as if nobody had asked.
        """
        if self._kept is None:
            return []
        still = np.repeat(self._kept[-1:], AFTER, axis=0)
        still[:, -1] = 1.0
        rows = np.concatenate((self._kept, still))
        newest = len(self._kept) - 1
        found = (
            self._judge(rows[blow - BEFORE : blow + AFTER + 1], newest - blow)
            for blow in blows(rows)
            if blow + waits(rows, blow) > newest
        )
        return [suspicion for suspicion in found if suspicion]

    def _without_gap(self, rows: Samples) -> Samples:
        """With a mark in a further column at what was lost and bridged."""
        rows = np.column_stack((rows, np.zeros(len(rows))))
        missing, self._lost = self._lost, 0
        if missing > GAP_MAX_S * self._rate_hz:
            self.reset()
        elif missing and self._newest is not None:
            way = (np.arange(1, missing + 1) / (missing + 1))[:, None]
            bridge = self._newest + (rows[0] - self._newest) * way
            bridge[:, -1] = 1.0
            rows = np.concatenate((bridge, rows))
        self._newest = rows[-1]
        return rows

    def _look(self, rows: Samples) -> list[Suspicion]:
        """Judges the windows that these samples, at the model's rate, make whole."""
        if not len(rows):
            return []
        if self._kept is None:
            self._kept = np.repeat(rows[:1], WINDOW - 1, axis=0)
        kept = np.concatenate((self._kept, rows))
        self._kept = kept[1 - WINDOW :]
        found = []
        for blow in blows(kept, _ALONE):
            end = blow + waits(kept, blow)
            if WINDOW - 1 <= end < len(kept):
                suspicion = self._judge(_gone_on(kept[blow - BEFORE : end + 1]), len(kept) - 1 - blow)
                found += [suspicion] if suspicion else []
        return found

    def _judge(self, window: Samples, age: int) -> Suspicion | None:
        pull, lost = window[:, :3], window[:, -1]
        score = self._model.score(features(window[:, :-1], smoothed=self._model.smoothed))
        if score < self._threshold:
            return None
        size, down = magnitude(pull), directions(pull)
        return Suspicion(
            score,
            float(size[BEFORE]),
            float((size[BEFORE - _ALONE : BEFORE] < FREE_FALL_G).sum()) / MODEL_HZ,
            angle_deg(down[0], down[-1]),
            float(size[_SETTLED].std()),
            float(lost.sum()) / MODEL_HZ,
            age / MODEL_HZ,
            (float(down[0][0]), float(down[0][1]), float(down[0][2])),
        )


def blows(rows: Samples, after: int = AFTER) -> list[int]:
    """Where the blows are that have so many rows after them, at the model's rate, and those of a window before them."""
    size = magnitude(rows[:, :3])
    found = []
    for blow in np.flatnonzero(size[BEFORE : len(rows) - after] >= BLOW_G) + BEFORE:
        near = size[blow - _ALONE : blow + _ALONE + 1]
        if size[blow] >= near.max() and near[:_ALONE].max() < size[blow]:
            found.append(int(blow))
    return found


def waits(rows: Samples, blow: int) -> int:
    """How many samples after a blow it is judged: `AFTER`, or fewer where one before it may have been the impact."""
    size = magnitude(rows[blow - _ALONE : blow + 1, :3])
    strong = np.flatnonzero(size[: _ALONE + AFTER - _PROMISED] >= max(BLOW_G, NEARLY * size[-1]))
    if not len(strong):
        return AFTER
    impact = strong[0] + int(np.argmax(size[strong[0] : strong[0] + _PEAK]))
    return min(AFTER, _PROMISED - (_ALONE - int(impact)))


def _gone_on(window: Samples) -> Samples:
    """A window whose end is not awaited, made whole by its last moments read backwards."""
    missing = WINDOW - len(window)
    return np.concatenate((window, window[-2 : -2 - missing : -1]))


def within_scale(rows: Samples) -> Samples:
    """Held to what the models know, whatever the sensor can measure."""
    pull = np.clip(rows[:, :3], -FULL_SCALE_G, FULL_SCALE_G)
    spin = np.clip(np.nan_to_num(rows[:, 3:]), -SPIN_MAX_DPS, SPIN_MAX_DPS)
    return np.concatenate((pull, spin), axis=1)
