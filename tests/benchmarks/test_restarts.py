"""Killed at any instant of a simulated month, the receiver finds the same: nothing doubled, nothing lost, no storm."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.restarts import (
    BEGIN_AT,
    DAY_S,
    DEAD_OF_CITY,
    HOUR_S,
    Difference,
    city,
    difference,
    live,
    memory_folder,
    month,
)
from benchmarks.virtual_month import changes, some_kills
from central.detection.finding import Finding

pytestmark = pytest.mark.slow
HOMES = ["h-0"]


@pytest.fixture
def in_memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        yield Path(folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("days", [18, pytest.param(21, marks=pytest.mark.long)])
def test_kills_at_any_instant_of_a_month_change_no_finding(days: int, in_memory: Path) -> None:
    # its first weeks, the last days with learned habits; `python -m benchmarks restarts` takes whole months
    messages = [message for message in month(HOMES, 31, seed=2) if message.at < BEGIN_AT + days * DAY_S]
    undisturbed = live(in_memory / "undisturbed", HOMES, messages, ()).told
    found = changes(undisturbed)
    assert {key.split(":")[1] for key in found} >= {"inactivity", "hub_silent", "sensor_silent"}
    kills = some_kills(undisturbed, BEGIN_AT, messages[-1].at, 30, seed=2)
    killed, times, blind = live(in_memory / "killed", HOMES, messages, kills)
    assert times == len(kills)
    assert difference(undisturbed, killed, blind) == Difference([], [], [], [], [])


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.timeout(300)
def test_hours_without_the_receiver_make_no_storm_of_silent_hubs(kept: bool, tmp_path: Path) -> None:
    silent, begun = city(tmp_path / "city", 300, 3 * HOUR_S, kept=kept)
    assert silent == [f"h-{number:05d}" for number in range(DEAD_OF_CITY)]
    assert begun == 2 * DEAD_OF_CITY


def test_a_difference_is_seen_and_what_was_over_before_anybody_could_judge_is_none() -> None:
    def said(key: str, *active: bool, at: float = 0.0) -> list[tuple[float, Finding]]:
        return [
            (at + 60 * number, Finding(key, "h", "inactivity", 0.0, 1.0, "quiet", active=word))  # type: ignore[arg-type]
            for number, word in enumerate(active)
        ]

    before = said("a", True, False) + said("b", True) + said("c", True, False) + said("d", True)
    before += said("over", True, False, at=600.0) + said("late", True, False, at=700.0) + said("on", True, at=600.0)
    after = said("a", True, False, True, False) + said("c", True) + said("d", True, True) + said("e", True)
    found = difference(before, after, [(600.0, 750.0)])
    assert found == Difference(lost=["b", "late", "on"], besides=["e"], repeated=["a"], unended=["c"], over=["over"])
    assert found.total == 6
