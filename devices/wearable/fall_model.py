"""The weights of the fall models and how they decide: a support vector machine, by numpy alone.

A feature is brought to a normal distribution by the quantiles of the training data, held within `HELD`, and the vector
compared with the support vectors by a Gaussian kernel. The file is a numpy archive:

    knots        float32 (quantiles, features)  each feature's quantiles, at evenly spaced levels
    vectors      int8 (support vectors, features)  normalised, in steps of 1/`STEPS`
    weights      float32 (support vectors)
    offset, gamma, threshold  float64
    smoothed     bool     whether its features are those of smoothed acceleration

How the weights are made: `tools/train_falls.py`. What they can and cannot: docs/model-cards/fall-detection.md.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from importlib.resources import files
from math import exp
from pathlib import Path
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.wearable.fall_features import Numbers
from devices.wearable.site import Site

HELD: Final = 3.0
"""Further out than the training data, a feature says no more than "very much"."""
STEPS: Final = 40
"""Of a support vector per unit: `HELD` fits into a byte."""
STEEPNESS: Final = 2.0
"""Of the score against the distance from the boundary, where the score is one half."""
_LEVEL_MIN: Final = 1e-7


@dataclass(frozen=True, slots=True)
class FallModel:
    """One model: see the head of this file.

    Attributes:
        threshold: the score from which a fall is suspected, unless the wearer has her own.
    """

    knots: NDArray[np.float32]
    vectors: NDArray[np.int8]
    weights: NDArray[np.float32]
    offset: float
    gamma: float
    threshold: float
    smoothed: bool = False

    def score(self, numbers: Numbers) -> float:
        """From 0, daily life, to 1, a fall. It orders; it is no probability."""
        point = normalised(numbers[None], self.knots)[0]
        steps = self.vectors.astype(np.float64) / STEPS - point
        nearness = np.exp(-self.gamma * (steps * steps).sum(axis=1))
        distance = float((nearness * self.weights).sum()) + self.offset
        return 1.0 / (1.0 + exp(-STEEPNESS * distance))


@functools.lru_cache(maxsize=4)
def load_model(site: Site, *, gyroscope: bool) -> FallModel:
    """The model that comes with Llar.

    Args:
        site: where the sensor is worn.
        gyroscope: whether it has one.
    """
    with (
        (files("devices.wearable") / model_file(site, gyroscope=gyroscope)).open("rb") as file,
        np.load(file) as stored,
    ):
        return FallModel(
            stored["knots"],
            stored["vectors"],
            stored["weights"],
            float(stored["offset"]),
            float(stored["gamma"]),
            float(stored["threshold"]),
            bool(stored["smoothed"]),
        )


def save_model(model: FallModel, path: Path) -> None:
    """Writes a model's file; the same model gives the same bytes."""
    with path.open("wb") as file:
        np.savez_compressed(file, **{field.name: getattr(model, field.name) for field in fields(model)})


def model_file(site: Site, *, gyroscope: bool) -> str:
    """The name of a model's file in this folder."""
    return f"fall_model_{site}_{'gyroscope' if gyroscope else 'plain'}.npz"


def normalised(rows: Numbers, knots: NDArray[np.float32]) -> Numbers:
    """Features, one set a row, as they would lie in a normal distribution; where many are alike, in their middle."""
    levels = np.linspace(0.0, 1.0, len(knots))
    found = np.empty(rows.shape)
    for column in range(rows.shape[1]):
        marks = knots[:, column].astype(np.float64)
        up = np.interp(rows[:, column], marks, levels)
        down = 1.0 - np.interp(-rows[:, column], -marks[::-1], levels)
        found[:, column] = 0.5 * (up + down)
    return np.clip(_normal_quantiles(found), -HELD, HELD)


def _normal_quantiles(levels: Numbers) -> Numbers:
    held = np.clip(levels, _LEVEL_MIN, 1 - _LEVEL_MIN)
    return np.interp(held, _LEVELS, _QUANTILES)


def _table() -> tuple[Numbers, Numbers]:
    """The normal distribution's quantiles, close enough together to draw straight lines between them."""
    normal = NormalDist()
    quantiles = np.linspace(-5.25, 5.25, 2_101)
    return np.asarray([normal.cdf(q) for q in quantiles]), quantiles


_LEVELS, _QUANTILES = _table()
