"""The cheap trigger: which stretches of movement are worth the classifier's time.

It raises no alarm and says nothing about a fall. A blow of this strength is seen in nearly every fall, and many times
an hour in daily life: clapping, sitting down hard, a door. What tells them apart is a classifier that is not built yet;
until it is, a wearable calls for help by its button only, and no fall is found by itself.

The threshold: detectors by threshold alone are commonly set near 2.5 g, after falls of young people onto mattresses;
older people fall more slowly and lower, so it is 1.8 g here. On recordings of such falls, 225 of 225 at the wrist
(WEDA-FALL, Marques and Moreno 2023) and 281 of 282 at the waist (a quarter of SisFall, Sucerquia et al. 2017) lie in a
marked stretch; so do 590 to 950 stretches of each hour of the daily activities recorded there, which are full of blows
on purpose. The other figures are numbers for the classifier and for whoever looks at a stretch; nothing is decided by
them. Plain integers, in steps of 1/2048 g: the agent has no numpy. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final

from devices.wearable.windows import STEPS_PER_G, Sample, Window, cut

BLOW_G: Final = 1.8
"""A sample of this magnitude makes the stretch round it worth classifying."""
FREE_FALL_G: Final = 0.6
"""Below this a body is falling, or an arm is let drop."""
BEFORE_S: Final = 2.0
AFTER_S: Final = 2.0
"""So much is shown to the classifier on either side: with 2 s behind the blow it decides as well as with 3 s."""
SETTLED_S: Final = 0.5
"""After the blow the body needs so long to come to rest."""
NEXT_S: Final = 1.0
"""A blow within this time of the last belongs to the same stretch."""

_BLOW_SQUARED: Final = round(BLOW_G * STEPS_PER_G) ** 2
_FREE_FALL_SQUARED: Final = round(FREE_FALL_G * STEPS_PER_G) ** 2
_HALF_WRAP: Final = 1 << 31
_WRAP: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Impact:
    """A stretch worth classifying.

    Attributes:
        window: from `BEFORE_S` before the blow to `AFTER_S` after it, or what was heard of that.
        blow: position of the strongest sample in it.
        peak_mg: its magnitude in thousandths of g; the sensor may have been at its limit (`window.clipped`).
        free_fall_ms: longest time below `FREE_FALL_G` in the second before it.
        tilt_cos_permille: cosine of the angle between the directions of rest before and after, times 1000; 1000 where
            one of them is unknown.
        stir_mg: standard deviation of the magnitude after the blow, in thousandths of g: small for somebody who lies
            still.
    """

    window: Window
    blow: int
    peak_mg: int
    free_fall_ms: int
    tilt_cos_permille: int
    stir_mg: int


class Trigger:
    """Looks at one device's stream as it grows, each sample once."""

    def __init__(self) -> None:
        self._seen = 0
        self._begun = False

    def look(self, window: Window) -> list[Impact]:
        """What is new and worth classifying in what `windows.Stream.window` gives now."""
        if not window.samples:
            return []
        ready = len(window.samples) - round(AFTER_S * window.rate_hz)
        at = self._first_unseen(window)
        found: list[Impact] = []
        while at < ready:
            if _squared(window.samples[at]) < _BLOW_SQUARED:
                at += 1
                continue
            found.append(_impact(window, at))
            at += max(round(NEXT_S * window.rate_hz), 1)
        self._seen = (window.counter + max(at, 0)) % _WRAP
        self._begun = True
        return found

    def _first_unseen(self, window: Window) -> int:
        """As a position in the window; from its start where the device has counted anew."""
        ahead = (self._seen - window.counter) % _WRAP
        is_known = self._begun and ahead < _HALF_WRAP and ahead <= len(window.samples) + NEXT_S * window.rate_hz
        return ahead if is_known else 0


def _impact(window: Window, first: int) -> Impact:
    rate = window.rate_hz
    samples = window.samples
    group = range(first, min(first + round(NEXT_S * rate), len(samples)))
    blow = max(group, key=lambda at: _squared(samples[at]))
    settled = blow + round(SETTLED_S * rate)
    end = first + round(AFTER_S * rate)
    before = samples[max(blow - round(BEFORE_S * rate), 0) : max(blow - round(SETTLED_S * rate), 0)]
    after = samples[settled:end]
    shown = cut(window, first - round(BEFORE_S * rate), round((BEFORE_S + AFTER_S) * rate))
    return Impact(
        shown,
        blow - max(first - round(BEFORE_S * rate), 0),
        _milli(isqrt(_squared(samples[blow]))),
        round(_longest_fall(samples[max(blow - round(rate), 0) : blow]) * 1000 / rate),
        _cos_permille(before, after),
        _milli(_spread(after)),
    )


def _squared(sample: Sample) -> int:
    x, y, z = sample
    return x * x + y * y + z * z


def _milli(steps: int) -> int:
    return steps * 1000 // STEPS_PER_G


def _longest_fall(samples: Sequence[Sample]) -> int:
    longest = run = 0
    for sample in samples:
        run = run + 1 if _squared(sample) < _FREE_FALL_SQUARED else 0
        longest = max(longest, run)
    return longest


def _cos_permille(before: Sequence[Sample], after: Sequence[Sample]) -> int:
    """By the sums of the samples, which point where their means point."""
    if not before or not after:
        return 1000
    u = tuple(sum(axis) for axis in zip(*before, strict=True))
    v = tuple(sum(axis) for axis in zip(*after, strict=True))
    lengths = isqrt(sum(a * a for a in u) * sum(b * b for b in v))
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    return 1000 if lengths == 0 else max(min(dot * 1000 // lengths, 1000), -1000)


def _spread(samples: Sequence[Sample]) -> int:
    if not samples:
        return 0
    magnitudes = [isqrt(_squared(sample)) for sample in samples]
    total = sum(magnitudes)
    return isqrt(len(magnitudes) * sum(m * m for m in magnitudes) - total * total) // len(magnitudes)
