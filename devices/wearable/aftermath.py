"""What became of a suspected fall: somebody lies still, or walks again. Needs numpy.

Looked at second by second, for a minute. At the waist, down tells who is upright: walking counts only where it is near
what it was before, stillness only where it is not, so that nobody is taken for lying who sat down hard. A wrist may
point anywhere; there only rhythm and stillness speak.

The limits were chosen once, and looked at on recordings of daily life and played falls; what came of it stands in
docs/model-cards/fall-detection.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from devices.wearable.fall_features import Numbers, angle_deg, magnitude
from devices.wearable.resampling import Samples
from devices.wearable.site import Site

FOLLOWED_S: Final = 60
"""So long after a suspected fall its aftermath is looked at."""
STILL_S: Final = 10
"""Lying so long without moving confirms a fall: who can, moves within seconds."""
WALKING_S: Final = 4
"""Walking so long is recovery; two steps may be a stumble."""
STILL_G: Final = 0.04
"""Standard deviation of the strength, below which somebody lies still; breathing makes a tenth of it."""
STILL_TURN_DEG: Final = 8.0
"""Most that down turns from second to second of somebody who lies still."""
UPRIGHT_DEG: Final = 40.0
"""Down at the waist lies within so much of what it was, while somebody is upright."""

_RHYTHM_S: Final = 3
_RHYTHM_MIN: Final = 0.45
"""Autocorrelation of a walk at the time of a step or two."""
_STEP_MIN_S, _STEP_MAX_S = 0.35, 1.3
_WALK_MIN_G, _WALK_MAX_G = 0.06, 0.8


class Outcome(StrEnum):
    """As the reading `fall` says it."""

    CONFIRMED = "confirmed"
    RECOVERED = "recovered"


class Aftermath:
    """Follows one suspected fall to its outcome.

    Args:
        site: where the sensor is worn.
        before: direction of down before the fall.
        rate_hz: samples per second.
    """

    def __init__(self, site: Site, before: tuple[float, float, float], rate_hz: float) -> None:
        self._site = site
        self._before = np.asarray(before)
        self._second = round(rate_hz)
        self._rows: Samples = np.empty((0, 3))
        self._seconds = 0
        self._still_s = 0
        self._walking_s = 0
        self._down: Numbers | None = None

    def push(self, samples: Samples) -> Outcome | None:
        """The next samples, in g; an outcome once, as soon as it is clear."""
        if self._seconds >= FOLLOWED_S:
            return None
        self._rows = np.concatenate((self._rows, samples[:, :3]))
        while len(self._rows) >= _RHYTHM_S * self._second and self._seconds < FOLLOWED_S:
            outcome = self._look(self._rows[: _RHYTHM_S * self._second])
            self._rows = self._rows[self._second :]
            self._seconds += 1
            if outcome is not None:
                self._seconds = FOLLOWED_S
                return outcome
        return None

    def _look(self, rows: Samples) -> Outcome | None:
        """At the newest second, and for its rhythm at those before it."""
        newest = rows[-self._second :]
        down = newest.mean(axis=0)
        is_upright = angle_deg(down, self._before) < UPRIGHT_DEG
        turned = angle_deg(down, self._down) if self._down is not None else 180.0
        self._down = down
        is_still = float(magnitude(newest).std()) < STILL_G and turned < STILL_TURN_DEG
        at_waist = self._site is Site.WAIST
        self._still_s = self._still_s + 1 if is_still and not (at_waist and is_upright) else 0
        self._walking_s = self._walking_s + 1 if self._walks(rows) and (is_upright or not at_waist) else 0
        if self._still_s >= STILL_S:
            return Outcome.CONFIRMED
        return Outcome.RECOVERED if self._walking_s >= WALKING_S else None

    def _walks(self, rows: Samples) -> bool:
        size = magnitude(rows)
        swing = size - size.mean()
        if not _WALK_MIN_G < float(swing.std()) < _WALK_MAX_G:
            return False
        alike = np.correlate(swing, swing, "full")[len(swing) - 1 :]
        steps = alike[round(_STEP_MIN_S * self._second) : round(_STEP_MAX_S * self._second)]
        return float(steps.max()) > _RHYTHM_MIN * float(alike[0])
