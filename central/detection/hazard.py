"""How likely the next sign is in each step of a silence, given that there was none so far (a Nelson-Aalen estimate)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from central.detection.activity import STEP_S
from central.detection.past_silences import DAY_STEPS, unpacked

PAST_DAYS: Final = 120
_HALF_LIFE_DAYS: Final = 60.0
_PRIOR_WEIGHT: Final = 10.0
_PRIOR_PER_HOUR: Final = 0.3
"""Of a home of which nothing is known: somebody silent is seen again within the hour with 30 %."""
_AGES: Final[list[float]] = [0.5 ** (days / _HALF_LIFE_DAYS) for days in range(PAST_DAYS + 1)]
_AT_HAND: Final = 4
"""Homes whose hazard is at hand: while a home learns a day it is asked for again and again."""


class Ended(NamedTuple):
    """How many silences ended after so many steps, weighted, and their weight in all."""

    ended: list[float]
    weight: float


def age(days: int) -> float:
    """How much a silence counts that began so many days ago."""
    return _AGES[min(days % 65_536, PAST_DAYS)]


def hazard(silences: Ended, behind: Sequence[float], behind_weight: float) -> list[float]:
    """The share of what lasted so long that ended in this step, with `behind` standing in as `behind_weight`."""
    shares = []
    weight = silences.weight
    for step, count in enumerate(silences.ended):
        shares.append((count + behind_weight * behind[step]) / (weight + behind_weight))
        weight = max(0.0, weight - count)
    return shares


@lru_cache(maxsize=_AT_HAND)
def hazard_of_home(packed: bytes, today: int) -> array[float]:
    """The hazard of all silences of a home, as they are packed; `today` is the day after the last learned one."""
    table = unpacked(packed)
    ended, weight = [0.0] * DAY_STEPS, 0.0
    ages = {day: age(today - day) for day in {begin // DAY_STEPS for begin in table.starts}}
    for begin, length in zip(table.starts, table.lengths, strict=True):
        counts = ages[begin // DAY_STEPS]
        ended[length - 1] += counts
        weight += counts
    prior = [_PRIOR_PER_HOUR * STEP_S / 3600] * DAY_STEPS
    return array("f", hazard(Ended(ended, weight), prior, _PRIOR_WEIGHT))
