"""What a telemetry store offers. Two implementations: `embedded` (SQLite) and `influx` (InfluxDB)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from devices.vocabulary import KINDS, Value, ValueType

TEXT_MAX: Final = 64
"""Longest home or device id in a row: ids are at most 32 characters in the registry and the vocabulary."""

_WORD_PLACES: Final = {
    kind.name: {word: float(place) for place, word in enumerate(kind.words)}
    for kind in KINDS.values()
    if kind.value_type is ValueType.WORD
}


def storable_name(text: str) -> bool:
    """Whether every store can take this as the id of a home or device: no control character, no backslash at its end
    (line protocol has no way to write either)."""
    return 0 < len(text) <= TEXT_MAX and text.isprintable() and not text.endswith("\\")


class Row(NamedTuple):
    """One reading of one home, as stored. (home, device, kind, at) names it: writing it again changes nothing.

    Stores keep `at` to the millisecond; of two values for one name the later written stands.
    """

    home: str
    device: str
    kind: str
    at: float
    value: Value


class Point(NamedTuple):
    """A value at a time (Unix seconds). For a step, `value` is the mean of the step that begins at `at`."""

    at: float
    value: float


class StoreUnavailable(Exception):
    """The store cannot take or give data now; nothing of the call was lost by the caller, who keeps and retries."""


class TelemetryStore(Protocol):
    """Readings of all homes by time. Booleans read back as 0.0 and 1.0, words as their place in the kind's `words`."""

    def write(self, rows: Sequence[Row]) -> None:
        """Stores rows durably; the same rows twice are once. Raises StoreUnavailable."""

    def last(self, home: str) -> list[Row]:
        """The newest row of every (device, kind) of a home, in that order. Raises StoreUnavailable."""

    def points(
        self, home: str, device: str, kind: str, start_at: float, end_at: float, step_s: float | None = None
    ) -> list[Point]:
        """One series in [start, end), raw or by means over steps aligned to multiples of `step_s`. Raises
        StoreUnavailable."""

    def events(self, home: str, kinds: Sequence[str], start_at: float, end_at: float, limit: int = 1000) -> list[Row]:
        """Rows of these kinds in [start, end), oldest first, the newest `limit` of them. Raises StoreUnavailable."""

    def close(self) -> None:
        """Lets go of files and connections."""


def number_of(kind: str, value: Value) -> float | None:
    """The number under which a value is stored; None for what has no place in a store of numbers.

    Booleans become 0.0 and 1.0, words their place in the kind's `words`. Accelerometer windows (bytes) are not kept:
    falls are judged at the edge, and raw windows would be most of the store's size for no reader of it.
    """
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int):
        return float(value)
    if isinstance(value, str):
        return _WORD_PLACES.get(kind, {}).get(value)
    return None
