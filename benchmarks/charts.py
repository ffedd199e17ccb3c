"""How long the console waits for its charts, from stores that hold a week of a street."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, percentile
from benchmarks.servers import influx, influxd_path
from central.telemetry import store
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.influx import InfluxStore
from central.telemetry.store import TelemetryStore
from devices.vocabulary import KINDS

EMBEDDED: Final = "embedded"
INFLUX: Final = "InfluxDB 1.x"
DAY_S: Final = 86_400.0
STEP_S: Final = 300.0
EVENTS_MAX: Final = 10_000
BATCH_ROWS: Final = 5_000
ACTIVITY: Final = sorted(kind.name for kind in KINDS.values() if kind.activity)
ROOMS: Final = ("hall", "kitchen", "living", "bathroom", "bedroom")
EVENTS_A_DAY: Final = (
    *((f"{room}-motion", "motion", 60) for room in ROOMS),
    ("door", "open", 20),
    ("bed", "presence", 30),
)
"""(device, kind, how often a day); with five thermometers that speak every five minutes, a home has twelve sensors."""

Query = Callable[[TelemetryStore, str, float], object]
QUERIES: Final[dict[str, Query]] = {
    "last value of every sensor": lambda store, home, _now: store.last(home),
    "24 h of a sensor, by 5 min": lambda store, home, now: store.points(
        home, "hall-climate", "temperature", now - DAY_S, now, STEP_S
    ),
    "activity of the last hour": lambda store, home, now: store.events(home, ACTIVITY, now - 3600, now),
    "activity of a day": lambda store, home, now: store.events(home, ACTIVITY, now - DAY_S, now, EVENTS_MAX),
}


def run(scale: Scale) -> Outcome:
    """Fills the stores with the same rows, then asks the console's questions of home after home."""
    homes, days, asked = scale.choose(40, 3), scale.choose(7, 1), scale.choose(200, 5)
    now = time.time()
    outcome = Outcome(title="query times of the console's charts")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llar-bench-")))
        stores: dict[str, TelemetryStore] = {EMBEDDED: EmbeddedStore(folder / "telemetry")}
        if influxd_path():
            server = stack.enter_context(influx(folder / "influx"))
            stores[INFLUX] = InfluxStore(server.url, server.database)
        else:
            outcome.skipped.append("InfluxDB: influxd 1.x is not installed (Debian package influxdb)")
        for each in stores.values():
            stack.callback(each.close)
        rows = list(week(homes, days, now))
        filled = {name: _fill(each, rows) for name, each in stores.items()}
        stores[EMBEDDED] = EmbeddedStore(folder / "telemetry", read_only=True)
        times = _ask(stores, homes, asked, now, scale.rounds)
    caption = f"{homes} homes, 12 sensors, {days} days: {len(rows):,} rows"
    outcome.tables = [_table(caption, list(stores), times), _fill_table(filled)]
    outcome.notes.append(
        f"Each question is asked {asked} times a round, of one home after the other; times of the wall."
    )
    return outcome


def week(homes: int, days: int, now: float) -> Iterator[store.Row]:
    """Rows of all homes up to `now`, hour by hour as they would come."""
    dice = random.Random(1)
    for hour in range(days * 24, 0, -1):
        begin = now - hour * 3600
        rows = []
        for home in range(homes):
            name = f"home-{home:03d}"
            for room in ROOMS:
                rows += [
                    store.Row(name, f"{room}-climate", "temperature", begin + i * STEP_S + home / 100, 18.0 + i / 3)
                    for i in range(12)
                ]
            for device, kind, a_day in EVENTS_A_DAY:
                count = int(a_day / 24 + dice.random())
                rows += [
                    store.Row(name, device, kind, begin + dice.random() * 3600, dice.random() < 0.7)
                    for _ in range(count)
                ]
        yield from sorted(rows, key=lambda row: row.at)


def _fill(into: TelemetryStore, rows: list[store.Row]) -> tuple[float, float]:
    """Wall seconds and client CPU seconds of writing all rows."""
    began, cpu = time.monotonic(), time.process_time()
    for start in range(0, len(rows), BATCH_ROWS):
        into.write(rows[start : start + BATCH_ROWS])
    return (time.monotonic() - began) / len(rows), (time.process_time() - cpu) / len(rows)


def _ask(
    stores: dict[str, TelemetryStore], homes: int, asked: int, now: float, rounds: int
) -> dict[tuple[str, str], list[list[float]]]:
    times: dict[tuple[str, str], list[list[float]]] = {(query, name): [] for query in QUERIES for name in stores}
    for turn in range(rounds):
        for query, ask in QUERIES.items():
            for name in list(stores) if turn % 2 == 0 else list(stores)[::-1]:
                times[query, name].append([_milliseconds(ask, stores[name], i % homes, now) for i in range(asked)])
    return times


def _milliseconds(ask: Query, asked: TelemetryStore, home: int, now: float) -> float:
    began = time.perf_counter()
    if not ask(asked, f"home-{home:03d}", now):
        raise RuntimeError("the store has nothing of that home")
    return (time.perf_counter() - began) * 1000


def _table(caption: str, names: list[str], times: dict[tuple[str, str], list[list[float]]]) -> Table:
    columns = [f"{name} {share} ms" for name in names for share in ("p50", "p99")]
    rows = []
    for query in QUERIES:
        cells: dict[str, Figure | str] = {}
        for name in names:
            for share, of in (("p50", 0.5), ("p99", 0.99)):
                cells[f"{name} {share} ms"] = Figure([percentile(run, of) for run in times[query, name]])
        first, second = cells[f"{EMBEDDED} p50 ms"], cells.get(f"{INFLUX} p50 ms")
        if isinstance(first, Figure) and isinstance(second, Figure):
            cells["x embedded p50"] = second.over(first)
        rows.append(Row(query, cells))
    return Table(caption, [*columns, "x embedded p50"] if INFLUX in names else columns, rows)


def _fill_table(filled: dict[str, tuple[float, float]]) -> Table:
    rows = [
        Row(name, {"us per row": Figure([wall * 1e6]), "client CPU us per row": Figure([cpu * 1e6])})
        for name, (wall, cpu) in filled.items()
    ]
    return Table(f"filling it, {BATCH_ROWS:,} rows a batch, once", ["us per row", "client CPU us per row"], rows)
