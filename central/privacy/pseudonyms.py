"""Pseudonyms, bands and shifted days for data that leave the centre for research. Pure.

A household stands behind a pseudonym: HMAC-SHA-256 over its id with a key that only the centre has, and the name of the
recipient, so that two recipients cannot lay their data side by side. Its days are shifted by whole weeks, the same for
all that is told of it: the day of the week and the order of events stay, the dates do not. What one could know of a
household from outside (its area, how many live there, age and sex) is coarsened until at least k households are alike,
and a household for which nothing helps is left out (k-anonymity, Sweeney 2002; local recoding).
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

K_LEAST: Final = 5
"""Households that must be alike at least; more may be asked for."""
SHIFT_WEEKS_MAX: Final = 26
WEEK_S: Final = 7 * 86_400.0
HOUR_S: Final = 3_600.0
ANY: Final = "*"
"""Stands for a value that was coarsened away."""
_OLD, _YOUNG, _BAND = 90, 60, 5


@dataclass(frozen=True, slots=True)
class Household:
    """A home as research sees it: what could be known of it from outside. `age` is a band such as "80-84"."""

    id: str
    area: str
    municipality: str
    people: str
    age: str
    sex: str

    @property
    def known(self) -> tuple[str, str, str, str]:
        """By what somebody might recognise it."""
        return self.area, self.people, self.age, self.sex


def pseudonym(key: bytes, recipient: str, home_id: str) -> str:
    """The name of a household for one recipient: 80 bits in hex."""
    return _keyed(key, "name", recipient, home_id).hex()[:20]


def shift_s(key: bytes, recipient: str, home_id: str) -> float:
    """By how much a household's days are shifted: whole weeks, at most half a year to either side, never none."""
    number = int.from_bytes(_keyed(key, "shift", recipient, home_id)[:8]) % (2 * SHIFT_WEEKS_MAX)
    weeks = number - SHIFT_WEEKS_MAX
    return (weeks if weeks < 0 else weeks + 1) * WEEK_S


def shifted_hour(at: float, shift: float) -> float:
    """A moment on the shifted days, to the hour."""
    return (at + shift) // HOUR_S * HOUR_S


def age_band(age: int) -> str:
    """Five years wide; all under 60 and all of 90 and more are one band each."""
    if age >= _OLD:
        return f"{_OLD}+"
    if age < _YOUNG:
        return f"<{_YOUNG}"
    return f"{age - age % _BAND}-{age - age % _BAND + _BAND - 1}"


def k_anonymous(households: Iterable[Household], k: int) -> dict[str, Household]:
    """Id -> the household, coarsened until it is like k - 1 others at least; without those for which nothing helps.

    Raises:
        ValueError: k is below `K_LEAST`.
    """
    if k < K_LEAST:
        raise ValueError(f"at least {K_LEAST} must be alike, not {k}")
    left = {one.id: one for one in households}
    for coarser in _STEPS:
        sizes = Counter(one.known for one in left.values())
        left = {name: coarser(one) if sizes[one.known] < k else one for name, one in left.items()}
    sizes = Counter(one.known for one in left.values())
    return {name: one for name, one in left.items() if sizes[one.known] >= k}


def _wide(one: Household) -> Household:
    if one.age in {ANY, f"{_OLD}+", f"<{_YOUNG}"}:
        return one
    decade = int(one.age[:2]) // 10 * 10
    return replace(one, age=f"{decade}-{decade + 9}")


_STEPS: Final = (
    lambda one: replace(one, sex=ANY),
    _wide,
    lambda one: replace(one, area=one.municipality),
    lambda one: replace(one, age=ANY),
    lambda one: replace(one, area=ANY),
    lambda one: replace(one, people=ANY),
)
"""What is given up first stands first; each step holds for those alone who still stand out."""


def monthly(cases: Iterable[tuple[str, tuple[str, ...]]], k: int) -> tuple[dict[tuple[str, ...], int], int]:
    """Cell -> how many cases, of those cells behind which k households stand at least; and how many cells are left out.
    No sums are given, from which what was left out would follow. `cases` are (household, cell)."""
    numbers: Counter[tuple[str, ...]] = Counter()
    behind: dict[tuple[str, ...], set[str]] = {}
    for household, cell in cases:
        numbers[cell] += 1
        behind.setdefault(cell, set()).add(household)
    kept = {cell: number for cell, number in sorted(numbers.items()) if len(behind[cell]) >= k}
    return kept, len(numbers) - len(kept)


def _keyed(key: bytes, what: str, recipient: str, home_id: str) -> bytes:
    return hmac.new(key, f"{what}\n{recipient}\n{home_id}".encode(), hashlib.sha256).digest()
