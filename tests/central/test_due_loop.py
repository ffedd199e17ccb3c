"""The thread behind every due-time: at once at the start and when woken, and again after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from central.config import CentralConfig, DatabaseConfig
from central.due_loop import DueLoop
from central.refusals import RefusalCounter
from central.storage import cases, health
from central.storage.database import Database
from central.wiring import DeskProcess
from devices.rejection import Rejection
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON, Town, alarm_of

Wait = Callable[[Callable[[], bool]], None]


def test_it_works_at_start_when_woken_and_when_the_next_is_due(wait_until: Wait) -> None:
    calls: list[float] = []

    def work(now: float) -> float | None:
        calls.append(now)
        return now + 0.02 if len(calls) == 2 else None

    loop = DueLoop("test", work)
    loop.start()
    wait_until(lambda: len(calls) == 1)
    loop.wake()
    wait_until(lambda: len(calls) == 3)
    loop.stop()
    assert len(calls) == 3


def test_a_failure_is_logged_and_tried_again(
    wait_until: Wait, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("central.due_loop.RETRY_S", 0.01)
    done: list[float] = []

    def work(now: float) -> float | None:
        if len(caplog.records) < 3:
            raise OSError("away")
        done.append(now)
        return None

    loop = DueLoop("test", work)
    loop.start()
    wait_until(lambda: bool(done))
    loop.stop()
    assert "will try again" in caplog.text


def test_what_was_overdue_before_the_start_is_worked_at_once(wait_until: Wait) -> None:
    worked: list[float] = []
    waiting = [time.time() - 3_600]

    def work(now: float) -> float | None:
        while waiting and waiting[0] <= now:
            worked.append(waiting.pop())
        return None

    loop = DueLoop("test", work)
    loop.start()
    wait_until(lambda: len(worked) == 1)
    loop.stop()


def test_counting_refusals_never_holds_up_a_case(
    town: Town, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_args: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, OSError("full"))

    monkeypatch.setattr(health, "add_refusals", full)
    process = DeskProcess(CentralConfig(tmp_path, DatabaseConfig(database_url)))
    process._refusals.count("alarm", Rejection("bad_json", "x"), NOON)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    assert process._work.work(NOON + 10) == NOON + 20
    with town.database.read() as connection:
        assert cases.events_of(connection, 1)[-1].facts.step == "second_burst"
    process.stop()


def test_a_refusal_of_unprintable_words_can_be_stored(database: Database) -> None:
    counter = RefusalCounter()
    counter.count("alarm", Rejection("bad_content", "a\0b\nc"), NOON)
    counter.flush(database)
    with database.read() as connection:
        assert health.refusals_by_reason(connection)["alarm", "bad_content"].detail == "a?b?c"
