"""Months of alarms with the desk killed at random: no deadline is forgotten, none is acted on twice."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.escalation_life import World
from central.alarm_cases.case import Timer
from central.due_loop import LOOK_EVERY_S
from central.storage import cases

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killing", [True, pytest.param(False, marks=pytest.mark.long)])
def test_no_deadline_is_forgotten_and_none_is_acted_on_twice(database_url: str, killing: bool) -> None:
    world = World(database_url, seed=7, days=62, alarms_a_day=0.25, killing=killing)
    try:
        found = world.live()
    finally:
        world.close()
    assert found.faults == []
    assert found.cases >= 10
    assert found.deadlines > 100
    if killing:
        assert found.deaths > 5
        assert found.late > 0, "nothing was late: the processes never died together, and nothing was proven"
        assert found.worst_late_alive_s <= LOOK_EVERY_S + 0.001, "one that lives looks so often for what another stored"
    else:
        assert found.worst_late_s == 0.0
        assert found.sent_twice == 0


def test_the_audit_finds_deadlines_that_are_lost(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, some = cases._wait, random.Random(3)

    def lose(connection: sa.Connection, case_id: int, timer: Timer) -> None:
        if some.random() > 0.05:
            keep(connection, case_id, timer)

    monkeypatch.setattr(cases, "_wait", lose)
    shutil.copy(sqlite_template, tmp_path / "central.sqlite3")
    world = World(f"sqlite:///{tmp_path / 'central.sqlite3'}", seed=5, days=3, alarms_a_day=4, killing=False)
    try:
        assert world.live().faults
    finally:
        world.close()


def test_the_audit_hears_what_the_desk_complains_of(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, failed = cases.claim, []

    def fail_once(connection: sa.Connection, item: cases.Due, now: float) -> bool:
        if not failed:
            failed.append(item)
            raise ValueError("a fault of ours")
        return claim(connection, item, now)

    monkeypatch.setattr(cases, "claim", fail_once)
    shutil.copy(sqlite_template, tmp_path / "central.sqlite3")
    world = World(f"sqlite:///{tmp_path / 'central.sqlite3'}", seed=5, days=1, alarms_a_day=3, killing=False)
    try:
        assert [fault for fault in world.live().faults if "the desk complains" in fault and "a fault of ours" in fault]
    finally:
        world.close()
