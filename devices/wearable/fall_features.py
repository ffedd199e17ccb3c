"""What a fall looks like in numbers: the features of the seconds round a blow, for the fall models. Needs numpy.

A window has `BEFORE` samples before the blow, the blow, and `AFTER` samples behind it, at `MODEL_HZ`. It is cut into
five parts: how it was, the way down, the blow, what rings after it, and the rest. Each is described by its strength,
its jerk and its direction; the whole by what was in free fall, by the other blows, by what is still, and by its rhythm.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.wearable.resampling import MODEL_HZ, Samples

BEFORE: Final = 100
AFTER: Final = 100
WINDOW: Final = BEFORE + 1 + AFTER
FULL_SCALE_G: Final = 4.0
"""Stronger samples are held here, on each axis, so that it does not matter which sensor is worn: a common one of a
wrist goes no further, and the models are trained so."""
SPIN_MAX_DPS: Final = 2_000.0
Numbers = NDArray[np.float64]

_HZ: Final = int(MODEL_HZ)
_PARTS: Final = tuple(
    slice(BEFORE + round(a * _HZ), BEFORE + round(b * _HZ))
    for a, b in ((-2.0, -1.0), (-1.0, -0.2), (-0.2, 0.3), (0.3, 1.0), (1.0, 2.02))
)
_NEAR: Final = slice(BEFORE - 2, BEFORE + 3)
_DOWN: Final = slice(BEFORE - _HZ, BEFORE + 1)
_MEETING: Final = slice(BEFORE - _HZ, BEFORE + 15)
_HALF_ROUND: Final = slice(BEFORE - 25, BEFORE + 25)
_EARLIER: Final = slice(0, BEFORE - 15)
_LATER: Final = slice(BEFORE + 15, WINDOW)
_SETTLED: Final = slice(BEFORE + 25, WINDOW)
_END: Final = slice(WINDOW - 25, WINDOW)
_STEP_FIRST, _STEP_LAST = 10, 60
"""Steps of a walk follow each other within this many samples: 0.2 to 1.2 s."""
_BANDS_HZ: Final = ((0.3, 2.0), (2.0, 5.0), (5.0, 10.0), (10.0, 26.0))
_HANN: Final = np.hanning(WINDOW)
_FREQUENCIES: Final = np.fft.rfftfreq(WINDOW, 1 / MODEL_HZ)
_TINY: Final = 1e-6


def features(window: Samples, *, smoothed: bool = False) -> Numbers:
    """The numbers of one window: those of the accelerometer, and behind them those of a gyroscope if there is one.

    Args:
        window: `WINDOW` rows; six columns with a gyroscope, else three.
        smoothed: look at the acceleration smoothed over three samples: what is left is felt nearly alike by a sensor of
            25 Hz and one of 50 Hz.
    """
    pull = window[:, :3].astype(np.float64)
    found = _of_acceleration(_smoothed(pull) if smoothed else pull)
    if window.shape[1] > 3:
        found += _of_turning(window[:, 3:].astype(np.float64))
    numbers: Numbers = np.nan_to_num(np.asarray(found))
    return numbers


def magnitude(vectors: Samples) -> Numbers:
    """The lengths of rows of three."""
    squares = vectors * vectors
    lengths: Numbers = np.sqrt(squares[:, 0] + squares[:, 1] + squares[:, 2])
    return lengths


def angle_deg(u: Numbers, v: Numbers) -> float:
    """Between two directions, in degrees."""
    cosine = float(u @ v) / (float(np.sqrt(u @ u) * np.sqrt(v @ v)) + _TINY)
    return float(np.degrees(np.arccos(min(max(cosine, -1.0), 1.0))))


def directions(pull: Samples) -> list[Numbers]:
    """Where down was, in each of the five parts."""
    return [pull[part].mean(axis=0) for part in _PARTS]


def _smoothed(pull: Samples) -> Samples:
    wide = np.concatenate((pull[:1], pull, pull[-1:]))
    smooth: Samples = 0.25 * wide[:-2] + 0.5 * wide[1:-1] + 0.25 * wide[2:]
    return smooth


def _of_acceleration(pull: Samples) -> list[float]:
    size = magnitude(pull)
    jerk = np.abs(np.diff(pull, axis=0)).sum(axis=1) * _HZ
    means = directions(pull)
    found: list[float] = []
    for part, mean in zip(_PARTS, means, strict=True):
        found += _of_part(pull[part], size[part], jerk[part], mean)
    found += [angle_deg(means[a], means[b]) for a, b in ((0, 4), (1, 4), (2, 4), (1, 3))]
    return found + _of_blow(pull, size) + _of_rest(pull, size) + _of_rhythm(size) + _of_descent(pull, means[0])


def _of_part(pull: Samples, size: Numbers, jerk: Numbers, mean: Numbers) -> list[float]:
    spread = float(np.sqrt(pull.var(axis=0).sum()))
    return [
        *(float(size.mean()), float(size.std()), float(size.min()), float(size.max())),
        *(float(jerk.mean()), float(jerk.max())),
        *(float(axis) for axis in mean),
        *(spread, float(np.abs(pull).max())),
    ]


def _of_blow(pull: Samples, size: Numbers) -> list[float]:
    peak, before = float(size[BEFORE]), size[_DOWN]
    strong = _rises(size > 1.6)
    half_round = size[_HALF_ROUND]
    earlier, later = float(size[_EARLIER].max()), float(size[_LATER].max())
    return [
        *(peak, float(np.abs(pull[_NEAR]).max(axis=0).min()), float((np.abs(pull) > FULL_SCALE_G - 0.05).sum())),
        *(float(before.min()), (len(before) - 1 - int(before.argmin())) / _HZ),
        *(float((before < 0.7).sum()) / _HZ, float((before < 0.5).sum()) / _HZ),
        *(float(np.clip(1 - before, 0, None).sum()) / _HZ, float(np.clip(before - 1, 0, None).sum()) / _HZ),
        *(float((half_round > 1.5).sum()) / _HZ, float((half_round > 2.5).sum()) / _HZ),
        *(len(strong), int((strong < BEFORE - 20).sum()), int((strong > BEFORE + 20).sum())),
        len(_rises(size > 0.5 * peak + 0.5)),
        *(earlier, later, earlier / peak, later / peak),
    ]


def _of_rest(pull: Samples, size: Numbers) -> list[float]:
    stirred = np.flatnonzero(np.abs(size[BEFORE:] - 1) > 0.3)
    return [
        float((np.abs(size[_SETTLED] - 1) < 0.1).mean()),
        float(stirred[-1]) / _HZ if len(stirred) else 0.0,
        float(size[_END].std()),
        float(np.sqrt(pull[_END].var(axis=0).sum())),
    ]


def _of_rhythm(size: Numbers) -> list[float]:
    swing = size - size.mean()
    alike = np.correlate(swing, swing, "full")[WINDOW - 1 :]
    alike = alike[_STEP_FIRST:_STEP_LAST] / (alike[0] + _TINY)
    power = np.abs(np.fft.rfft(swing * _HANN)) ** 2
    bands = [power[(low <= _FREQUENCIES) & (high > _FREQUENCIES)].sum() for low, high in _BANDS_HZ]
    return [
        float(alike.max()),
        (_STEP_FIRST + int(alike.argmax())) / _HZ,
        *(float(band / (power.sum() + _TINY)) for band in bands),
    ]


def _of_descent(pull: Samples, down: Numbers) -> list[float]:
    """Along what was down two seconds ago: how hard it was pulled, and what speed downwards that makes."""
    along = pull @ (down / (float(np.sqrt(down @ down)) + _TINY))
    speed = np.cumsum(along - 1) / _HZ
    meeting = along[_MEETING]
    return [float(meeting.min()), float(meeting.max()), float((speed - speed[_DOWN.start])[_DOWN].min())]


def _of_turning(spin: Samples) -> list[float]:
    size = magnitude(spin)
    found: list[float] = []
    for part in _PARTS:
        turned = np.abs(spin[part].sum(axis=0)) / _HZ
        found += [float(size[part].mean()), float(size[part].max()), float(size[part].std()), *map(float, turned)]
    way_down = spin[_MEETING].sum(axis=0) / _HZ
    return [
        *found,
        *(float(size[_NEAR].max()), float(size.max()), (int(size.argmax()) - BEFORE) / _HZ),
        *(float((size[_SETTLED] < 20).mean()), float(size[_END].mean())),
        *(float(np.sqrt(way_down @ way_down)), float(size[_EARLIER].mean())),
    ]


def _rises(above: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(above[1:] & ~above[:-1]) + 1
