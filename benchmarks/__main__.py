"""`python -m benchmarks [NAME ...] [--quick] [--rounds N] [--json FILE] [--from FILE] [--markdown]`."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.figures import ROUNDS, Outcome, Report, Scale
from benchmarks.machine import describe, foreign_cores
from benchmarks.pages import machine_lines, outcome_lines, write_page
from gateway.broker import BrokerError

NAMES: Final = ("codec", "line_protocol", "homes", "charts", "agent", "press", "alarm_latency", "ingest")
"""Each is a module of this package with `run(scale) -> Outcome`; the cheap ones come first."""
LONG: Final = (
    "detection",
    "engine_load",
    "escalation",
    "flood",
    "outages",
    "falls",
    "inactivity",
    "night",
    "drift",
    "painted",
    "simulated_homes",
    "simulated_collapses",
    "restarts",
)
"""Measured only when named."""


def main(arguments: list[str] | None = None) -> int:
    """Runs what was asked for and prints it; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.earlier:
        report = msgspec.json.decode(options.earlier.read_bytes(), type=Report)
        _show(report)
        failed = False
    else:
        unknown = set(options.names) - {*NAMES, *LONG}
        if unknown:
            _parser().error(f"no benchmark called {', '.join(sorted(unknown))}; there are {', '.join(NAMES + LONG)}")
        report = _measure(options.names or list(NAMES), Scale(quick=options.quick, rounds=options.rounds))
        failed = len(report.outcomes) < len(set(options.names or NAMES))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if options.markdown:
        write_page(report)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Figures, as ratios within one run.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of: {', '.join(NAMES)} (all by default), {', '.join(LONG)}",
    )
    parser.add_argument("--quick", action="store_true", help="tiny counts: shows that it works, not how fast")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved runs of each subject")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all values to FILE")
    parser.add_argument("--from", dest="earlier", type=Path, metavar="FILE", help="shows an earlier run, measures none")
    parser.add_argument("--markdown", action="store_true", help="writes the tables into docs/benchmarks.md")
    return parser


def _measure(names: list[str], scale: Scale) -> Report:
    report = Report(machine=describe(), quick=scale.quick)
    print("\n".join(machine_lines(report.machine, quick=scale.quick)), "\n", sep="\n", flush=True)
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        outcome = _one(name, scale)
        if outcome:
            report.outcomes[name] = outcome
            print("\n".join(outcome_lines(name, outcome)), flush=True)
    return report


def _one(name: str, scale: Scale) -> Outcome | None:
    """One benchmark; None when it broke, which must not cost the figures of the others."""
    module = import_module(f"benchmarks.{name}")
    started, foreign = time.monotonic(), foreign_cores()
    try:
        outcome: Outcome = module.run(scale)
    except BrokerError as error:
        outcome = Outcome(title="not measured", skipped=[str(error)])
    except Exception:  # noqa: BLE001 - told in full; the next one may work
        traceback.print_exc()
        print(f"{name} could not be measured", file=sys.stderr, flush=True)
        return None
    outcome.seconds, outcome.foreign_cores = time.monotonic() - started, foreign()
    return outcome


def _show(report: Report) -> None:
    print("\n".join(machine_lines(report.machine, quick=report.quick)), "\n", sep="\n")
    for name, outcome in report.outcomes.items():
        print("\n".join(outcome_lines(name, outcome)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
