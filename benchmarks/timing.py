"""Time of small pure functions: microseconds of CPU per call."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.figures import Figure, Scale

SLICES: Final = 5
"""A round takes the quickest of so many slices: what is slower was disturbed by others, never the other way."""


def microseconds(
    subjects: Mapping[str, Callable[[], object]], calls: int, scale: Scale, *, each: int = 1
) -> dict[str, Figure]:
    """CPU microseconds of each subject, all subjects in turn within each round.

    Args:
        calls: calls in a slice.
        each: things that one call does; the figures are per thing.
    """
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(scale.rounds):
        names = list(subjects)
        for name in names if turn % 2 == 0 else reversed(names):
            found[name].append(min(_slice(subjects[name], calls) for _ in range(SLICES)) / each)
    return {name: Figure(values) for name, values in found.items()}


def _slice(subject: Callable[[], object], calls: int) -> float:
    gc.collect()
    started = time.process_time_ns()
    for _ in range(calls):
        subject()
    return (time.process_time_ns() - started) / calls / 1000
