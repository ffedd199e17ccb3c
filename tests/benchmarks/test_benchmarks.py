"""Each benchmark runs with tiny counts and prints its figures as ratios. How fast anything is, is not tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import LONG, NAMES
from benchmarks.figures import Figure, Outcome, Report, Row, Table, Target
from benchmarks.machine import describe
from benchmarks.pages import BEGIN, END, PAGE, outcome_lines, write_page

HOUSE = Path(__file__).resolve().parents[2]
CHEAP = {"codec", "line_protocol", "homes"}
RATIOS = {
    "codec": "x json.loads",
    "line_protocol": "x ours",
    "homes": "homes per core",
    "charts": "embedded p50 ms",
    "agent": "growth x",
    "press": "commit / press to receipt",
    "alarm_latency": "p99 x idle",
    "ingest": "x CPU",
    "flood": "growth x",
    "outages": "out of order",
    "falls": "CPU ms/s",
    "simulated_homes": "simulated p95",
    "simulated_collapses": "awake median h",
    "engine_load": "restart, CPU ms per home",
    "restarts": "CPU s, killed",
    "escalation": "worst lateness s",
    "painted": "to painted on all",
}

LENGTHY = {"painted", "falls", "agent", "alarm_latency", "flood", "engine_load", "simulated_collapses"}
LENGTHY |= {"ingest", "outages", "restarts", "escalation"}
"""Ten browsers at once; a training of models where the recordings are; what starts the whole system several times; and
what is run and printed by a test of its own: `ingest` below, `outages` among the journeys, `restarts` in
`test_restarts`, `escalation` in `test_escalation_months`."""


def run(name: str, page: Path, **environment: str) -> tuple[str, Outcome]:
    """Runs one benchmark as `make bench` does; what it printed, and what it wrote."""
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--rounds", "1", "--json", str(page)]
    done = subprocess.run(
        command, cwd=HOUSE, env={**os.environ, **environment}, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, msgspec.json.decode(page.read_bytes(), type=Report).outcomes[name]


def _marks(name: str) -> list[pytest.MarkDecorator]:
    if name in CHEAP:
        return []
    return [pytest.mark.slow, pytest.mark.long] if name in LENGTHY else [pytest.mark.slow]


@pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in RATIOS])
def test_a_benchmark_runs_and_prints_its_ratios(name: str, tmp_path: Path) -> None:
    printed, outcome = run(name, tmp_path / "figures.json")
    assert RATIOS[name] in printed
    assert "load average at start" in printed
    cells = [cell for table in outcome.tables for row in table.rows for cell in row.cells.values()]
    figures = [cell for cell in cells if isinstance(cell, Figure)]
    assert figures
    assert all(len(figure.values) == 1 and figure.median >= 0 for figure in figures)


def test_each_benchmark_is_tried() -> None:
    # the recorded homes, and all of detection together, take minutes, which is too long here
    assert {*NAMES, *LONG} == {*RATIOS, "inactivity", "night", "drift", "detection"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inactivity", "night", "drift"])
def test_without_recordings_it_says_that_nothing_was_measured(name: str, tmp_path: Path) -> None:
    printed, outcome = run(name, tmp_path / "figures.json", LLAR_DATA=str(tmp_path))
    assert "nothing was measured" in printed
    assert not outcome.tables


@pytest.mark.slow
def test_every_message_of_the_load_is_found_in_the_store(tmp_path: Path) -> None:
    # without InfluxDB on the path: what needs it is left out, and that is said
    printed, outcome = run("ingest", tmp_path / "figures.json", PATH="/usr/sbin")
    assert "skipped: everything with InfluxDB" in printed
    assert RATIOS["ingest"] in printed
    lost = {row.subject: row.cells["lost"] for table in outcome.tables for row in table.rows if "lost" in row.cells}
    assert lost == dict.fromkeys(lost, "0")
    assert len(lost) == 2


def test_a_ratio_compares_runs_of_the_same_round() -> None:
    # a machine that became three times slower in the second round
    fast, slow = Figure([1.0, 3.0, 1.0]), Figure([2.0, 6.0, 2.0])
    assert slow.over(fast).values == [2.0, 2.0, 2.0]


def test_a_missed_target_is_said_and_fails_nothing() -> None:
    outcome = Outcome(
        "title", targets=[Target("at least 5 a second", 5.0, 4.0, at_least=True), Target("at most 5", 5, 4)]
    )
    lines = outcome_lines("name", outcome)
    assert "- target at least 5 a second: 4.00, missed" in lines
    assert "- target at most 5: 4.00, reached" in lines


def test_the_latest_run_replaces_the_one_before_it_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    table = Table("subject", ["us"], [Row("one", {"us": Figure([1234.5, 1.0, 2000.0])})])
    for _ in range(2):
        write_page(Report(describe(), quick=True, outcomes={"codec": Outcome("reading", [table])}), page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert text.count("| one     | 1,234 |") == 1
    assert "quick run" in text


def test_the_documentation_has_a_place_for_the_latest_run() -> None:
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    for name in (*NAMES, *LONG):
        assert f"| `{name}` |" in text
