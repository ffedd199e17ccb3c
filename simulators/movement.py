"""What a worn sensor of movement feels: somebody stands, walks, sits down, falls, lies, gets up. Made, not recorded.

A day is a list of acts; each gives rows of x, y, z in g and x, y, z in degrees per second. Down turns smoothly from one
act to the next, and the gyroscope feels that turn. Good enough to try what handles movement; how well falls are told
from daily life can only be measured on recordings.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

Vector = tuple[float, float, float]
Row = tuple[float, float, float, float, float, float]

UPRIGHT: Final[Vector] = (0.0, 1.0, 0.0)
SEATED: Final[Vector] = (0.0, 0.94, 0.34)
LYING: Final[Vector] = (0.1, 0.05, 0.99)
_STEPS_HZ: Final = 1.9
_SPIN_OF_STIR: Final = 400.0
"""Degrees per second that go with a trembling of 1 g."""


@dataclass(frozen=True)
class Act:
    """A stretch of time.

    Attributes:
        seconds: how long it lasts.
        down: direction of gravity at its end; from the one before it turns over the whole act.
        support: share of gravity that is felt, by the share of the act that has passed.
        stir_g: how much the body trembles.
        steps_g: strength of steps, 0 for none.
        blow_g: strength of a blow at its beginning, which rings off, 0 for none.
    """

    seconds: float
    down: Vector
    support: Callable[[float], float] = lambda _passed: 1.0
    stir_g: float = 0.01
    steps_g: float = 0.0
    blow_g: float = 0.0


def stand(seconds: float) -> list[Act]:
    """Standing about."""
    return [Act(seconds, UPRIGHT, stir_g=0.02)]


def walk(seconds: float) -> list[Act]:
    """At an even pace."""
    return [Act(seconds, UPRIGHT, stir_g=0.05, steps_g=0.25)]


def sit_down(seconds: float, *, hard: bool = False) -> list[Act]:
    """Sitting down, softly or into the chair with a bump, and sitting there."""
    return [
        Act(0.9, SEATED, lambda passed: 1.0 - 0.15 * math.sin(math.pi * passed), stir_g=0.03),
        Act(seconds, SEATED, stir_g=0.02, blow_g=1.3 if hard else 0.4),
    ]


def fall(seconds: float, *, blow_g: float = 5.0) -> list[Act]:
    """A stumble, the way down, the floor twice, and lying there."""
    return [
        Act(0.4, (0.0, 0.95, 0.3), stir_g=0.4),
        Act(0.5, (0.1, 0.4, 0.91), lambda passed: 1.0 - 0.6 * math.sin(math.pi * min(passed, 0.9)), stir_g=0.4),
        Act(0.3, (0.3, 0.2, 0.93), stir_g=0.6, blow_g=blow_g),
        Act(0.5, LYING, stir_g=0.35, blow_g=0.4 * blow_g),
        Act(0.6, LYING, stir_g=0.08),
        Act(seconds, LYING, stir_g=0.015),
    ]


def get_up(seconds: float) -> list[Act]:
    """From the floor to the feet at once, and away."""
    return [Act(0.7, UPRIGHT, stir_g=0.25), *walk(seconds)]


def feel(acts: Sequence[Act], rate_hz: float, seed: int, *, full_scale_g: float = 16.0) -> list[Row]:
    """The samples of these acts, one after the other.

    Args:
        acts: what is done; the first begins in its own position.
        rate_hz: samples per second.
        seed: of the trembling.
        full_scale_g: the sensor measures no more on an axis.
    """
    dice = random.Random(seed)
    keep = 0.75 ** (50.0 / rate_hz)
    rows: list[Row] = []
    before, trembling = acts[0].down, [0.0] * 6
    for act in acts:
        count = round(act.seconds * rate_hz)
        turn = _turn_deg(before, act.down) / max(act.seconds, 0.1)
        slant = [dice.gauss(0, 0.5) for _ in range(3)]
        for i in range(count):
            passed, at_s = i / count, i / rate_hz
            trembling = [keep * old + math.sqrt(1 - keep * keep) * dice.gauss(0, act.stir_g) for old in trembling]
            down = _between(before, act.down, 0.5 - 0.5 * math.cos(math.pi * passed))
            along, ringing = act.support(passed) + _steps(act, at_s), _ringing(act, at_s)
            x, y, z = (
                _held(along * axis + ringing * (axis + slant[k]) + trembling[k], full_scale_g)
                for k, axis in enumerate(down)
            )
            speed = turn * 0.5 * math.pi * math.sin(math.pi * passed)
            shaken = [_SPIN_OF_STIR * part for part in trembling[3:]]
            rows.append((x, y, z, speed + shaken[0], shaken[1] + 0.3 * speed, shaken[2]))
        before = act.down
    return rows


def _steps(act: Act, at_s: float) -> float:
    phase = 2 * math.pi * _STEPS_HZ * at_s
    return act.steps_g * (math.sin(phase) + 0.4 * math.sin(2 * phase + 1.0))


def _ringing(act: Act, at_s: float) -> float:
    return act.blow_g * math.exp(-at_s / 0.05) * math.cos(2 * math.pi * 9.0 * at_s)


def _between(u: Vector, v: Vector, share: float) -> Vector:
    x, y, z = (a + (b - a) * share for a, b in zip(u, v, strict=True))
    length = math.sqrt(x * x + y * y + z * z) or 1.0
    return x / length, y / length, z / length


def _turn_deg(u: Vector, v: Vector) -> float:
    lengths = math.hypot(*u) * math.hypot(*v)
    return math.degrees(math.acos(min(max(sum(a * b for a, b in zip(u, v, strict=True)) / lengths, -1.0), 1.0)))


def _held(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
