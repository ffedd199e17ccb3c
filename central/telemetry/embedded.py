"""The telemetry store that needs no set-up: SQLite files in one folder.

    series.sqlite            (home, device, kind) -> series number
    2026-03-01.sqlite        the readings of one UTC day: series, at (Unix ms), value
    2025-11-02.steps.sqlite  an older day, condensed to steps of five minutes: series, at, count, mean, lowest, highest
    2025-11-02.condensing    the readings of a day that is being condensed; `user_version` of its steps is the last
                             series that is done

A day's file is clustered by (series, at), so one chart is one range of pages. Forgetting is deleting a file.

Durability: a batch is one transaction for each day that it touches, with WAL and `synchronous=FULL`, so that what is
acknowledged survives a power cut and not only a crash. With batches of thousands of rows the one sync is lost in the
noise (measured: 2.2 us of CPU a row with FULL and with NORMAL). Writing a batch again changes nothing, so a crash
between two days' transactions heals when the broker delivers the batch once more.

One process writes (`EmbeddedStore(folder)`); any number may read meanwhile (`EmbeddedStore(folder, read_only=True)`).
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from central.telemetry.day_files import (
    BUSY_WAIT_S,
    DAY_TABLE,
    SERIES_TABLE,
    STEPS_TABLE,
    delete_file,
    is_damage,
    open_day,
    open_file,
    open_steps,
    put_aside,
    transaction,
)
from central.telemetry.store import Point, Row, StoreUnavailable, number_of

logger = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
STEP_MS: Final = 300_000
"""Length of a condensed step: fine enough to see a night's visits to the bathroom a year later."""
RAW_DAYS: Final = 30
"""Whole readings are kept so long. Later ones (the wire allows 40 days) are merged into their condensed day."""
STEP_DAYS: Final = 400
"""Condensed days are kept so long: a year and the month before it, to compare."""
OPEN_DAYS_MAX: Final = 8
"""Day files held open for writing: today and a week of back-filling; others are opened when needed."""
SLICE_SERIES: Final = 25
"""Series condensed by one call of `tidy`: some tens of milliseconds, which is all that the receiver can spare."""
_DAY_FILE = re.compile(r"(\d{4}-\d\d-\d\d)\.sqlite\Z")
_STEPS_FILE = re.compile(r"(\d{4}-\d\d-\d\d)\.steps\.sqlite\Z")
_CONDENSING_FILE = re.compile(r"(\d{4}-\d\d-\d\d)\.condensing\Z")

_RAW_SERIES: Final = "select at, 1, value from readings where series = ? and at >= ? and at < ? order by at"
_STEPS_SERIES: Final = "select at, count, mean from steps where series = ? and at >= ? and at < ? order by at"
_EVENTS: Final = """
select at, series, value from readings
where series in (select value from json_each(?)) and at >= ? and at < ? order by at desc, series desc limit ?"""
_CONDENSE: Final = """
insert into main.steps select series, at / :step * :step, count(*), avg(value), min(value), max(value)
from day.readings where series > :after and series <= :upto group by 1, 2
on conflict (series, at) do update set
    mean = (count * mean + excluded.count * excluded.mean) / (count + excluded.count), count = count + excluded.count,
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)"""


class EmbeddedStore:
    """Telemetry in SQLite files. See the module for their form; see `TelemetryStore` for the methods.

    A writing store belongs to one thread. A reading store may be used from many threads.

    Args:
        folder: made when missing (a reader waits for the writer to make it: until then it finds nothing).
        read_only: opens for reading beside a writer in another process.
        raw_days, step_days: how long whole readings, then condensed steps, are kept.

    Raises:
        StoreUnavailable: the folder cannot be made or written.
    """

    def __init__(
        self, folder: Path, *, read_only: bool = False, raw_days: int = RAW_DAYS, step_days: int = STEP_DAYS
    ) -> None:
        self._folder = folder
        self._read_only = read_only
        self._raw_days = raw_days
        self._step_days = step_days
        self._days: OrderedDict[int, sqlite3.Connection] = OrderedDict()
        self._known: dict[tuple[str, str, str], int] = {}
        self._series: sqlite3.Connection | None = None
        if not read_only:
            with _unavailable_when_broken():
                folder.mkdir(parents=True, exist_ok=True)
                self._series = open_file(folder / "series.sqlite", SERIES_TABLE)

    # writing

    def write(self, rows: Sequence[Row]) -> None:
        """Stores rows durably, one transaction a day touched. Windows (bytes) are not kept. Raises StoreUnavailable."""
        with _unavailable_when_broken():
            for day, values in self._by_day(rows).items():
                values.sort()
                self._write_day(day, values)

    def _write_day(self, day: int, values: list[tuple[int, int, float]]) -> None:
        connection = self._day(day)
        try:
            with transaction(connection):
                connection.executemany("insert or replace into readings values (?, ?, ?)", values)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                # the caller tries again and finds a new file; else one damaged day would hold up all that follows
                self._close_day(_day_name(day))
                put_aside(self._folder / f"{_day_name(day)}.sqlite")
            raise

    def _by_day(self, rows: Sequence[Row]) -> dict[int, list[tuple[int, int, float]]]:
        """The rows as (series, Unix ms, number) by day. One plain loop: it is the hot path."""
        series = self._known
        days: defaultdict[int, list[tuple[int, int, float]]] = defaultdict(list)
        for home, device, kind, at_s, value in rows:
            number = value if type(value) is float and value - value == 0.0 else number_of(kind, value)
            if number is None:
                continue
            name = (home, device, kind)
            if name not in series:
                self._learn_series(rows)
            at = int(at_s * 1000.0 + 0.5)
            days[at // DAY_MS].append((series[name], at, number))
        return days

    def _learn_series(self, rows: Sequence[Row]) -> None:
        connection = self._writable()
        missing = {row[:3] for row in rows} - self._known.keys()
        with transaction(connection):
            numbers = {name: _series_number(connection, name) for name in sorted(missing)}
        self._known.update(numbers)

    def _writable(self) -> sqlite3.Connection:
        if self._series is None:
            raise StoreUnavailable("the store is open for reading only, or closed")
        return self._series

    def _day(self, day: int) -> sqlite3.Connection:
        connection = self._days.get(day)
        if connection is None:
            self._writable()
            connection = self._days[day] = open_day(self._folder / f"{_day_name(day)}.sqlite")
            while len(self._days) > OPEN_DAYS_MAX:
                self._days.popitem(last=False)[1].close()
        self._days.move_to_end(day)
        return connection

    # reading

    def last(self, home: str) -> list[Row]:
        """The newest row of every (device, kind) of a home, in that order. Raises StoreUnavailable."""
        with _unavailable_when_broken():
            missing = self._series_of_home(home)
            found: list[Row] = []
            for day in sorted(self._files(_DAY_FILE), reverse=True):
                if not missing:
                    break
                with self._reading(f"{day}.sqlite") as connection:
                    for number, (device, kind) in list(missing.items()):
                        row = connection.execute(
                            "select at, value from readings where series = ? order by at desc limit 1", (number,)
                        ).fetchone()
                        if row:
                            found.append(Row(home, device, kind, row[0] / 1000, row[1]))
                            del missing[number]
            return sorted(found, key=lambda row: (row.device, row.kind))

    def points(
        self, home: str, device: str, kind: str, start_at: float, end_at: float, step_s: float | None = None
    ) -> list[Point]:
        """One series in [start, end), raw or by means over steps aligned to multiples of `step_s`.

        Days past `raw_days` give their five-minute means. Raises StoreUnavailable.
        """
        start, end = _ms(start_at), _ms(end_at)
        with _unavailable_when_broken():
            number = next((n for n, name in self._series_of_home(home).items() if name == (device, kind)), None)
            if number is None:
                return []
            weighted = self._weighted(number, start, end)
        if step_s is None:
            return [Point(at / 1000, mean) for at, _, mean in weighted]
        return _means(weighted, _ms(step_s))

    def events(self, home: str, kinds: Sequence[str], start_at: float, end_at: float, limit: int = 1000) -> list[Row]:
        """Rows of these kinds in [start, end), oldest first, the newest `limit` of them. Raises StoreUnavailable."""
        start, end = _ms(start_at), _ms(end_at)
        found: list[Row] = []
        with _unavailable_when_broken():
            names = {n: name for n, name in self._series_of_home(home).items() if name[1] in kinds}
            numbers = json.dumps(list(names))
            for day in sorted(self._between(_DAY_FILE, start, end), reverse=True):
                if not names or len(found) >= limit:
                    break
                with self._reading(f"{day}.sqlite") as connection:
                    rows = connection.execute(_EVENTS, (numbers, start, end, limit - len(found))).fetchall()
                found += [Row(home, *names[number], at / 1000, value) for at, number, value in rows]
        found.reverse()
        return found

    def _weighted(self, number: int, start: int, end: int) -> list[tuple[int, int, float]]:
        """(at, count, mean) of a series, oldest first: one for each raw reading, one for each condensed step."""
        found: list[tuple[int, int, float]] = []
        condensed: dict[str, int] = {}
        for day in self._between(_STEPS_FILE, start, end):
            with self._reading(f"{day}.steps.sqlite") as connection:
                condensed[day] = connection.execute("pragma user_version").fetchone()[0]
                found += connection.execute(_STEPS_SERIES, (number, start, end))
        raw = [f"{day}.sqlite" for day in self._between(_DAY_FILE, start, end)]
        condensing = self._between(_CONDENSING_FILE, start, end)
        raw += [f"{day}.condensing" for day in condensing if number > condensed.get(day, 0)]
        for name in raw:
            with self._reading(name) as connection:
                found += connection.execute(_RAW_SERIES, (number, start, end))
        return sorted(found)

    def _series_of_home(self, home: str) -> dict[int, tuple[str, str]]:
        with self._reading("series.sqlite") as connection:
            rows = connection.execute("select id, device, kind from series where home = ?", (home,))
            return {number: (device, kind) for number, device, kind in rows}

    @contextmanager
    def _reading(self, name: str) -> Iterator[sqlite3.Connection]:
        """A connection for one question. Opened anew each time (0.1 ms), so that no reader holds a deleted day."""
        path = self._folder / name
        if path.exists():
            uri = f"{path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_WAIT_S, isolation_level=None)) as connection:
                connection.execute("pragma query_only = on")
                # the receiver may have made the file a moment ago, and not its table yet
                if connection.execute("select 1 from sqlite_master").fetchone():
                    yield connection
                    return
        with closing(sqlite3.connect(":memory:")) as empty:
            for table in (SERIES_TABLE, DAY_TABLE, STEPS_TABLE):
                empty.execute(table)
            yield empty

    def _files(self, form: re.Pattern[str]) -> list[str]:
        if not self._folder.is_dir():
            return []
        with os.scandir(self._folder) as entries:
            return [match[1] for entry in entries if (match := form.match(entry.name))]

    def _between(self, form: re.Pattern[str], start: int, end: int) -> list[str]:
        first, last = _day_name(start // DAY_MS), _day_name(max(end - 1, start) // DAY_MS)
        return [day for day in self._files(form) if first <= day <= last]

    # forgetting

    def tidy(self, now: float) -> bool:
        """Does one slice of what is due: condenses a day past `raw_days`, drops a condensed day past `step_days`.

        Returns:
            Whether there is more to do now. Raises StoreUnavailable.
        """
        oldest_raw = _day_name(_ms(now) // DAY_MS - self._raw_days)
        oldest_steps = _day_name(_ms(now) // DAY_MS - self._step_days)
        with _unavailable_when_broken():
            for day in self._files(_STEPS_FILE):
                if day < oldest_steps:
                    delete_file(self._folder / f"{day}.steps.sqlite")
                    return True
            condensing = self._files(_CONDENSING_FILE)
            due = condensing or [day for day in self._files(_DAY_FILE) if day < oldest_raw]
            if not due:
                return False
            return self._condense_slice(min(due)) if condensing else self._begin_condensing(min(due))

    def _begin_condensing(self, day: str) -> bool:
        """Puts a day's readings out of reach of `write`: what still comes for that day begins a new file."""
        self._close_day(day)
        raw = self._folder / f"{day}.sqlite"
        with closing(sqlite3.connect(raw, timeout=BUSY_WAIT_S, isolation_level=None)) as connection:
            # everything into the one file; a reader that has it open now makes this fail, and it is tried again
            connection.execute("pragma journal_mode = delete")
        with closing(open_steps(self._folder / f"{day}.steps.sqlite")) as connection:
            connection.execute("pragma user_version = 0")
        raw.rename(self._folder / f"{day}.condensing")
        return True

    def _condense_slice(self, day: str) -> bool:
        """Condenses the next series of a day into its steps, together with how far it has come."""
        raw = self._folder / f"{day}.condensing"
        with closing(open_steps(self._folder / f"{day}.steps.sqlite")) as connection:
            connection.execute("attach ? as day", (str(raw),))
            (after,) = connection.execute("pragma main.user_version").fetchone()
            numbers = connection.execute(
                "select distinct series from day.readings where series > ? order by series limit ?",
                (after, SLICE_SERIES),
            ).fetchall()
            if numbers:
                upto = int(numbers[-1][0])
                with transaction(connection):
                    connection.execute(_CONDENSE, {"step": STEP_MS, "after": after, "upto": upto})
                    connection.execute(f"pragma main.user_version = {upto}")
                return True
        delete_file(raw)
        logger.info("condensed the readings of %s", day)
        return True

    def _close_day(self, day: str) -> None:
        connection = self._days.pop((date.fromisoformat(day) - date(1970, 1, 1)).days, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Lets go of files and connections."""
        for connection in (*self._days.values(), self._series):
            if connection is not None:
                connection.close()
        self._days.clear()
        self._series = None


@contextmanager
def _unavailable_when_broken() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"the embedded store: {error}") from error


def _series_number(connection: sqlite3.Connection, name: tuple[str, str, str]) -> int:
    connection.execute("insert or ignore into series (home, device, kind) values (?, ?, ?)", name)
    row = connection.execute("select id from series where home = ? and device = ? and kind = ?", name).fetchone()
    return int(row[0])


def _means(weighted: Sequence[tuple[int, int, float]], step: int) -> list[Point]:
    sums: dict[int, tuple[int, float]] = {}
    for at, count, mean in weighted:
        begin = at // step * step
        seen, total = sums.get(begin, (0, 0.0))
        sums[begin] = (seen + count, total + count * mean)
    return [Point(begin / 1000, total / seen) for begin, (seen, total) in sums.items()]


def _ms(seconds: float) -> int:
    return int(seconds * 1000.0 + 0.5)


def _day_name(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")
