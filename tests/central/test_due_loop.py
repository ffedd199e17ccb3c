"""The thread behind every due-time: at once at the start and when woken, and again after a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from central.due_loop import DueLoop

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
