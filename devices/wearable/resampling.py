"""Brings a stream of any rate to the rate of the fall models, exactly in time and without looking ahead. Needs numpy.

The value at a moment is the mean of the samples round it, weighted by a triangle as wide as the coarser of the two
rates: between samples that is the straight line, of a faster stream it is a mean that keeps out what would be folded
back, and of a stream of the same rate it is the sample itself.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

MODEL_HZ: Final = 50.0
"""Samples per second of what the models see."""

Samples = NDArray[np.float64]
"""Rows of x, y, z in g, and behind them, where there is a gyroscope, x, y, z in degrees per second."""


class Resampler:
    """One stream's. Time counts from its first sample, so that nothing drifts however long it runs.

    Args:
        rate_hz: samples per second of what is pushed.
    """

    def __init__(self, rate_hz: float) -> None:
        self._step = rate_hz / MODEL_HZ
        self._reach = max(1.0, self._step)
        self._around = np.arange(-ceil(self._reach), ceil(self._reach) + 1)
        self.reset()

    def reset(self) -> None:
        """Begins anew with the next sample."""
        self._taken = 0
        self._given = 0
        self._tail: Samples | None = None

    def push(self, samples: Samples) -> Samples:
        """The values that can be told with these samples; most often one sample later than they lie."""
        if self._step == 1.0 or not len(samples):
            return samples
        kept = samples if self._tail is None else np.concatenate((self._tail, samples))
        self._taken += len(samples)
        first = self._taken - len(kept)
        moments = []
        while ceil(self._given * self._step + self._reach) <= self._taken:
            moments.append(self._given * self._step)
            self._given += 1
        self._tail = kept[-4 * len(self._around) :]
        if not moments:
            return samples[:0]
        at = np.asarray(moments)[:, None]
        near = np.floor(at).astype(np.int64) + self._around
        weights = np.clip(1.0 - np.abs(near - at) / self._reach, 0.0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        rows = kept[np.clip(near - first, 0, len(kept) - 1)]
        found: Samples = (rows * weights[:, :, None]).sum(axis=1)
        return found
