"""`python -m benchmarks detection`: what detection was to show, in one go, each target beside what was measured.

It measures nothing itself: it runs the benchmarks of falls, inactivity, the person simulator, drift and nights, homes
and restarts, and puts their targets on top.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Final

from benchmarks.figures import Figure, Outcome, Row, Scale, Table

PARTS: Final = (
    "falls",
    "inactivity",
    "simulated_collapses",
    "simulated_homes",
    "night",
    "drift",
    "engine_load",
    "restarts",
)


def run(scale: Scale) -> Outcome:
    """Runs all parts; one that breaks is said to be missing, and costs no other."""
    whole = Outcome(title="detection: all that it was to show")
    for name in PARTS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            part: Outcome = import_module(f"benchmarks.{name}").run(scale)
        except Exception as error:  # noqa: BLE001 - the figures of the others are wanted all the same
            whole.skipped.append(f"{name}: broke: {error!r}")
            continue
        _join(whole, name, part, time.monotonic() - started)
    missed = "missed, but this is a quick run" if scale.quick else "MISSED"
    rows = [
        Row(
            target.text,
            {
                "target": f"{'>=' if target.at_least else '<='} {target.limit:g}",
                "measured": Figure([target.measured]),
                "": "reached" if target.reached else missed,
            },
        )
        for target in whole.targets
    ]
    whole.tables.insert(0, Table("targets", ["target", "measured", ""], rows))
    return whole


def _join(whole: Outcome, name: str, part: Outcome, seconds: float) -> None:
    for table in part.tables:
        whole.tables.append(Table(f"{name}: {table.caption}", table.columns, table.rows))
    whole.targets += part.targets
    whole.skipped += [f"{name}: {text}" for text in part.skipped]
    whole.notes += [f"{name}: {text}" for text in part.notes]
    whole.notes.append(f"{name}: took {seconds:.0f} s")


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["detection", *sys.argv[1:]]))
