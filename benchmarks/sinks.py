"""Where the measured receivers put readings, and how to see that all have arrived."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Protocol

from benchmarks.packs import SERIES
from benchmarks.servers import Influx
from central.ingest import HUB_DEVICE
from central.telemetry.embedded import EmbeddedStore

GIVEN_UP_S: Final = 10.0
"""When nothing more has arrived for so long, the rest is counted as lost."""
LOOK_EVERY_S: Final = 0.05


_COUNT: Final = "select count(*) from readings where series in (select id from names.series where device != ?)"


class Sink(Protocol):
    """Counts stored values (a reading is one value)."""

    def of_home(self, home: str) -> int:
        """Packs of one home that have arrived; a cheap question, asked often."""

    def total(self) -> int:
        """All values stored; asked when the load is over."""


class EmbeddedSink:
    """The receiver's own SQLite day files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = EmbeddedStore(folder, read_only=True)

    def of_home(self, home: str) -> int:
        """By the first series of a pack."""
        device, kind, _ = SERIES[0]
        now = time.time()
        return len(self._store.points(home, device, kind, now - 86_400, now + 86_400))

    def total(self) -> int:
        """Rows of all day files, without the marks that the receiver adds by itself."""
        rows = 0
        if not (self._folder / "series.sqlite").exists():
            return 0
        for path in self._folder.glob("????-??-??.sqlite"):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as day:
                day.execute("attach ? as names", (str(self._folder / "series.sqlite"),))
                # the receiver may have made the file and not yet its table
                with suppress(sqlite3.OperationalError):
                    rows += day.execute(_COUNT, (HUB_DEVICE,)).fetchone()[0]
        return rows


class InfluxSink:
    """InfluxDB, whoever writes to it. `fields` is how many values one pack has there for the tag `home`."""

    def __init__(self, influx: Influx, records: int) -> None:
        self._influx = influx
        self._records = records

    def of_home(self, home: str) -> int:
        """By all its values."""
        return self._influx.values(home) // self._records

    def total(self) -> int:
        """Values of all series."""
        return self._influx.values()


class CounterSink:
    """The bare subscriber's file of eight bytes. It does not know homes: all arrive in order, on one connection."""

    def __init__(self, counter: Path, records: int, homes: int) -> None:
        self._counter = counter
        self._records = records
        self._homes = homes
        counter.write_bytes(bytes(8))

    def of_home(self, home: str) -> int:
        """As if it was the last home in turn."""
        return int.from_bytes(self._counter.read_bytes()) // self._homes

    def total(self) -> int:
        """As many values as it would have stored."""
        return int.from_bytes(self._counter.read_bytes()) * self._records


def await_home(sink: Sink, home: str, packs: int, wait_s: float) -> float:
    """Waits until `packs` packs of `home` have arrived, or no more come; the monotonic time of the last change."""
    return _await_growth(lambda: sink.of_home(home), packs, wait_s)


def await_total(sink: Sink, values: int, wait_s: float) -> float:
    """The same with all values."""
    return _await_growth(sink.total, values, wait_s)


def _await_growth(count: Callable[[], int], wanted: int, wait_s: float) -> float:
    deadline = time.monotonic() + wait_s
    seen, changed_at = -1, time.monotonic()
    while seen < wanted and time.monotonic() < min(deadline, changed_at + GIVEN_UP_S):
        found = count()
        if found != seen:
            seen, changed_at = found, time.monotonic()
        if seen < wanted:
            time.sleep(LOOK_EVERY_S)
    return changed_at
