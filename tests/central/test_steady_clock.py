"""A machine's clock that is set back makes no alarm wait: the desk counts on, says so, and follows again in a calm."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from central.config import CentralConfig, DatabaseConfig
from central.steady_clock import SteadyClock
from central.storage import cases
from central.storage.database import Database
from central.wiring import DeskProcess
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON, Town, alarm_of

Wait = Callable[[Callable[[], bool]], None]


class Machine:
    """A wall clock that somebody sets, and a count that nobody can."""

    def __init__(self) -> None:
        self.wall, self.count = NOON, 0.0

    def run(self, span_s: float) -> None:
        self.wall += span_s
        self.count += span_s

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.count)


def test_it_goes_with_the_machine_and_is_never_set_back(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(10)
    assert clock.now() == NOON + 10
    machine.wall -= 3_600
    machine.run(5)
    assert (clock.now(), clock.ahead_s()) == (NOON + 15, 3_600)
    machine.run(60)
    assert clock.now() == NOON + 75
    assert [record.getMessage() for record in caplog.records] == [
        "the machine's clock was set back by 3600 s; the desk counts on from before"
    ]
    machine.wall += 7_200
    assert (clock.now(), clock.ahead_s()) == (NOON + 75 + 3_600, 0)


def test_it_stands_still_while_the_machine_is_adjusted_a_little(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= 1.5
    told = []
    for _ in range(4):
        machine.run(0.5)
        told.append(clock.now() - NOON)
    assert told == [0, 0, 0, 0.5]
    assert caplog.records == []


def test_it_follows_again_when_nothing_waits() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= 3_600
    assert clock.now() == NOON
    clock.follow()
    machine.run(1)
    assert (clock.now(), clock.ahead_s()) == (NOON - 3_599, 0)


def test_an_alarm_of_before_the_clock_was_set_back_goes_its_way(
    database_url: str, tmp_path: Path, wait_until: Wait
) -> None:
    """Also when the desk was started anew meanwhile, with an alarm that rings in what is now the next hour."""
    opened = Database.open(database_url)
    before = time.time() + 3_600
    Town(opened).receive(alarm_of(AlarmKind.HELP, "A1", before), before - 9)
    process = DeskProcess(CentralConfig(tmp_path, DatabaseConfig(database_url)))

    def escalated() -> bool:
        with opened.read() as connection:
            return any(event.type == "escalated" for event in cases.events_of(connection, 1))

    process.start()
    wait_until(escalated)
    assert process.health().ahead_s > 3_000
    process.stop()
    opened.close()
