"""What a benchmark finds: figures of several interleaved runs, tables of them, and targets beside them."""

from __future__ import annotations

from statistics import median
from typing import Final

import msgspec

from benchmarks.machine import Machine

ROUNDS: Final = 3
"""Fewest interleaved runs of which a median is shown."""


class Scale(msgspec.Struct, frozen=True):
    """How much a run may do. `quick` runs check that all is in order; their figures say little.

    Attributes:
        quick: few messages, few homes, short.
        rounds: how often each subject is measured, interleaved with the others.
    """

    quick: bool = False
    rounds: int = ROUNDS

    def choose(self, full: int, quick: int) -> int:
        """A count for a full or a quick run."""
        return quick if self.quick else full


class Figure(msgspec.Struct, frozen=True):
    """One quantity, one value for each round; shown as the median."""

    values: list[float]

    @property
    def median(self) -> float:
        """The median over the rounds."""
        return median(self.values)

    def over(self, other: Figure) -> Figure:
        """The ratio to `other`, round by round: both were measured within the same minute."""
        return Figure([a / b if b else 0.0 for a, b in zip(self.values, other.values, strict=True)])


class Row(msgspec.Struct, frozen=True):
    """One line of a table. A column without a cell is left empty."""

    subject: str
    cells: dict[str, Figure | str]


class Table(msgspec.Struct, frozen=True):
    """A table: `columns` name the cells and carry the unit."""

    caption: str
    columns: list[str]
    rows: list[Row]


class Target(msgspec.Struct, frozen=True):
    """A figure that was aimed at, printed beside what was reached and never asserted."""

    text: str
    limit: float
    measured: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether the measured figure keeps the limit."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


class Outcome(msgspec.Struct):
    """All that one benchmark found.

    Attributes:
        tables, targets: the figures.
        notes: how to read them, sentences.
        skipped: what could not be measured here, and why.
        seconds: how long it took.
        foreign_cores: cores kept busy by others meanwhile; above a few tenths the absolute figures say little.
    """

    title: str
    tables: list[Table] = []
    targets: list[Target] = []
    notes: list[str] = []
    skipped: list[str] = []
    seconds: float = 0.0
    foreign_cores: float = 0.0


class Report(msgspec.Struct):
    """One run of some or all benchmarks on one machine."""

    machine: Machine
    quick: bool
    outcomes: dict[str, Outcome] = {}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0..1) of `values` lie, by the nearest rank; 0.0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
