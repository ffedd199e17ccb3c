"""Writing rows as InfluxDB line protocol: our own rendering beside the client library's Point."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from benchmarks.figures import Outcome, Row, Scale, Table, Target
from benchmarks.packs import rows
from benchmarks.timing import microseconds
from central.telemetry import store
from central.telemetry.line_protocol import render

OURS: Final = "rendered by the centre"
POINT: Final = "influxdb-client Point"
TARGET_US: Final = 1.5
HOMES: Final = 250

_untyped_point: Callable[[str], Any] = Point


def run(scale: Scale) -> Outcome:
    """The rows of 250 packs of 8 records, rendered both ways; the same bytes come out."""
    batch = rows(HOMES, 8, HOMES, time.time())
    ours, theirs = render(batch).decode().splitlines(), points(batch).splitlines()
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    subjects: dict[str, Callable[[], object]] = {OURS: partial(render, batch), POINT: partial(points, batch)}
    found = microseconds(subjects, scale.choose(20, 1), scale, each=len(batch))
    table = Table(
        "subject",
        ["us per row", "x ours"],
        [Row(name, {"us per row": figure, "x ours": figure.over(found[OURS])}) for name, figure in found.items()],
    )
    return Outcome(
        title="rendering a row as line protocol",
        tables=[table],
        targets=[Target(f"at most {TARGET_US} us a row", TARGET_US, found[OURS].median)],
        notes=[f"{same} of {len(batch)} lines are the same bytes."],
    )


def points(batch: list[store.Row]) -> str:
    """The batch through Point objects, as code that uses the client's own types would."""
    return "\n".join(
        _untyped_point(row.kind)
        .tag("home", row.home)
        .tag("device", row.device)
        .field("value", float(row.value))
        .time(int(row.at * 1000 + 0.5), WritePrecision.MS)
        .to_line_protocol()
        for row in batch
    )
