"""From one wearer's windows, as they come over the air or the wire, to what is said of falls. Needs numpy.

The same wherever it runs: in the home, beside the agent, or at the centre for wearables that report there.
"""

from __future__ import annotations

from math import radians
from typing import Final

import numpy as np

from devices.vocabulary import Reading
from devices.wearable.aftermath import Aftermath
from devices.wearable.fall import RATE_MIN_HZ, FallDetector, Suspicion
from devices.wearable.resampling import Samples
from devices.wearable.site import Site
from devices.wearable.windows import STEPS_PER_G, Piece, Stream

STANDARD_GRAVITY: Final = 9.80665
"""Metres per second squared in 1 g."""


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
        self._device = device
        self._site = site
        self._threshold = threshold
        self._stream = Stream(device)
        self._rate_hz = 0.0
        self._detector: FallDetector | None = None
        self._aftermath: Aftermath | None = None

    def take(self, piece: Piece, received_at: float) -> list[Reading]:
        """What the next window tells: `fall` suspected, with its figures; or confirmed, or recovered.

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
            # there is no gyroscope in a window
            detector = FallDetector(self._site, piece.rate_hz, gyroscope=False, threshold=self._threshold)
            self._detector, self._rate_hz, self._aftermath = detector, piece.rate_hz, None
        elif self._stream.restarts != restarts:
            detector.reset()
        samples = np.asarray(piece.samples, np.float64) / STEPS_PER_G
        readings = self._outcome(samples, received_at)
        for suspicion in detector.push(samples, self._stream.lost - lost):
            readings += _readings(self._device, suspicion, received_at - suspicion.age_s)
            self._aftermath = Aftermath(self._site, suspicion.down, piece.rate_hz)
        return readings

    def silent(self, received_at: float) -> list[Reading]:
        """What is suspected of a wearable that has fallen silent right after a blow.

        Args:
            received_at: Unix seconds, when its last sample had been heard.
        """
        found = self._detector.silent() if self._detector is not None else []
        return [
            reading
            for suspicion in found
            for reading in _readings(self._device, suspicion, received_at - suspicion.age_s)
        ]

    def _outcome(self, samples: Samples, at: float) -> list[Reading]:
        outcome = self._aftermath.push(samples) if self._aftermath is not None else None
        return [Reading(self._device, "fall", outcome.value, at)] if outcome is not None else []


def _readings(device: str, suspicion: Suspicion, at: float) -> list[Reading]:
    """That it may be a fall, how hard, how far turned, and how still it was after it."""
    return [
        Reading(device, "fall", "suspected", at),
        Reading(device, "impact", round(suspicion.impact_g * STANDARD_GRAVITY, 1), at),
        Reading(device, "tilt", round(radians(suspicion.tilt_deg), 2), at),
        Reading(device, "stir", round(suspicion.stir_g * STANDARD_GRAVITY, 2), at),
    ]
