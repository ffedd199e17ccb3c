"""From one wearer's windows, as they come over the air or the wire, to suspected falls. Needs numpy.

The same wherever it runs: in the home, beside the agent, or at the centre for wearables that report there.
"""

from __future__ import annotations

from math import radians
from typing import Final, NamedTuple

import numpy as np

from devices.vocabulary import Reading
from devices.wearable.fall import RATE_MIN_HZ, FallDetector, Suspicion
from devices.wearable.site import Site
from devices.wearable.windows import STEPS_PER_G, Piece, Stream

STANDARD_GRAVITY: Final = 9.80665
"""Metres per second squared in 1 g."""


class Found(NamedTuple):
    """A suspected fall, and when its blow was, in Unix seconds."""

    suspicion: Suspicion
    at: float


class Follower:
    """Follows one wearer.

    Args:
        device: the wearable's id.
        site: where it is worn.
        threshold: this wearer's; None for the model's own.

    Attributes:
        too_slow: windows that were not looked at, because their rate shows no blow.
    """

    def __init__(self, device: str, site: Site, threshold: float | None = None) -> None:
        self.too_slow = 0
        self._site = site
        self._threshold = threshold
        self._stream = Stream(device)
        self._rate_hz = 0.0
        self._detector: FallDetector | None = None

    def take(self, piece: Piece, received_at: float) -> list[Found]:
        """The next window.

        Args:
            piece: as read.
            received_at: Unix seconds, when its last sample had been heard.
        """
        if piece.rate_hz < RATE_MIN_HZ:
            self.too_slow += 1
            return []
        lost, restarts = self._stream.lost, self._stream.restarts
        if not self._stream.add(piece, received_at):
            return []
        detector = self._detector
        if detector is None or self._rate_hz != piece.rate_hz:
            # a sensor has no gyroscope in a window
            detector = FallDetector(self._site, piece.rate_hz, gyroscope=False, threshold=self._threshold)
            self._detector, self._rate_hz = detector, piece.rate_hz
        elif self._stream.restarts != restarts:
            detector.reset()
        samples = np.asarray(piece.samples, np.float64) / STEPS_PER_G
        found = detector.push(samples, self._stream.lost - lost)
        return [Found(suspicion, received_at - suspicion.age_s) for suspicion in found]


def readings_of(device: str, found: Found) -> tuple[Reading, ...]:
    """What is said of a suspected fall: that it is one, how hard, how far turned, and how still it was after it."""
    suspicion, at = found
    impact = round(min(suspicion.impact_g * STANDARD_GRAVITY, 200.0), 1)
    stir = round(min(suspicion.stir_g * STANDARD_GRAVITY, 200.0), 2)
    return (
        Reading(device, "fall", "suspected", at),
        Reading(device, "impact", impact, at),
        Reading(device, "tilt", round(radians(suspicion.tilt_deg), 2), at),
        Reading(device, "stir", stir, at),
    )
