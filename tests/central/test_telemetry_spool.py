"""Nothing that waits on disk is lost, reordered, or dropped without a word."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from central.telemetry import spool as spool_module
from central.telemetry.feed import RETRY_MAX_S, Feed
from central.telemetry.spool import Spool, SpoolFull
from central.telemetry.store import Row, StoreUnavailable


def batch(number: int, size: int = 3) -> list[Row]:
    return [Row("flat-1", f"d{n}", "temperature", float(number), number + n / 10) for n in range(size)]


def drained(spool: Spool) -> list[list[Row]]:
    found = []
    while (rows := spool.first()) is not None:
        found.append(rows)
        spool.done()
    return found


def test_batches_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(batch(number))
    spool.first()
    spool.done()
    spool.close()
    again = Spool(tmp_path)
    assert again.rows in {12, 15}, "a drained batch may come again, for the segment is still there"
    assert drained(again)[-4:] == [batch(number) for number in range(1, 5)]
    assert again.rows == 0
    assert list(tmp_path.iterdir()) == []


def test_every_type_of_value_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = [
        Row("h", "d", "motion", 1.0, True),
        Row("h", "d", "press", 1.5, "long"),
        Row("h", "d", "temperature", 2.0, 21.0),
    ]
    spool = Spool(tmp_path)
    spool.append([*rows, Row("h", "d", "acceleration", 3.0, b"\0\1")])
    assert spool.first() == rows


@settings(max_examples=60, deadline=None)
@given(batches=st.integers(1, 4), cut=st.integers(1, 400))
def test_a_torn_tail_costs_only_what_was_never_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, batches: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    sizes = []
    for number in range(batches):
        spool.append(batch(number))
        sizes.append(spool.waiting_bytes)
    spool.close()
    (segment,) = folder.glob("*.spool")
    left = max(0, sizes[-1] - cut)
    segment.write_bytes(segment.read_bytes()[:left])
    whole = sum(size <= left for size in sizes)
    again = Spool(folder)
    again.append(batch(99))
    assert drained(again) == [*(batch(number) for number in range(whole)), batch(99)]
    assert again.damaged == 0


def test_damage_in_the_middle_is_put_aside_and_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(batch(1))
    first = spool.waiting_bytes
    spool.append(batch(2))
    spool.append(batch(3))
    spool.close()
    (segment,) = tmp_path.glob("*.spool")
    content = bytearray(segment.read_bytes())
    content[first + 12] ^= 0xFF
    segment.write_bytes(content)
    again = Spool(tmp_path)
    assert drained(again) == [batch(1)]
    assert again.damaged == 1
    assert segment.with_suffix(".bad").read_bytes() == content[first:]


def test_at_the_cap_a_batch_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    spool = Spool(tmp_path, cap_bytes=500)
    taken = 0
    while spool.waiting_bytes + 150 < 500:
        spool.append(batch(taken))
        taken += 1
    with pytest.raises(SpoolFull):
        spool.append(batch(99, 1000))
    assert spool.waiting_bytes <= 500
    assert drained(spool) == [batch(number) for number in range(taken)]
    spool.append(batch(7))


def test_a_segment_that_cannot_be_deleted_stays_and_the_receiver_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Switched()
    store.on = False
    feed = feed_of(store, tmp_path)
    assert feed.put(batch(1), 0.0)
    store.on = True

    def refuse(_: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "read-only file system")

    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", refuse)
        for _ in range(2):
            assert not feed.drain(RETRY_MAX_S)
            assert feed.spooled == 3
            assert "read-only" in feed.status
    assert feed.put(batch(2), RETRY_MAX_S)
    while feed.drain(2 * RETRY_MAX_S):
        pass
    assert (feed.spooled, feed.status, list(tmp_path.iterdir())) == (0, "ok", [])
    assert store.written[-3:] == batch(2)


class SpoolMachine(RuleBasedStateMachine):
    """Any order of keeping, draining and restarting, with small segments."""

    folders: pytest.TempPathFactory

    def __init__(self) -> None:
        super().__init__()
        self.folder = self.folders.mktemp("machine")
        self.spool = Spool(self.folder)
        self.model: list[list[Row]] = []
        self.numbers = itertools.count()

    @rule(size=st.integers(1, 5))
    def append(self, size: int) -> None:
        rows = batch(next(self.numbers), size)
        self.spool.append(rows)
        self.model.append(rows)

    @precondition(lambda self: self.model)
    @rule()
    def drain_one(self) -> None:
        assert self.spool.first() == self.model[0]
        self.spool.done()
        del self.model[0]

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder)
        # what was drained of a segment that is still there comes again
        again = []
        while (rows := self.spool.first()) is not None and rows != (self.model[0] if self.model else None):
            again.append(rows)
            self.spool.done()
        assert len(again) < 10

    @invariant()
    def counts_its_rows(self) -> None:
        assert self.spool.rows == sum(len(rows) for rows in self.model)

    def teardown(self) -> None:
        assert drained(self.spool) == self.model
        self.spool.close()


def test_any_order_of_keeping_draining_and_restarting(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES_MAX", 300)
    SpoolMachine.folders = tmp_path_factory
    SpoolMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
    SpoolMachine.TestCase("runTest").runTest()


class Switched:
    """A store that can be switched off."""

    def __init__(self) -> None:
        self.on = True
        self.tries = 0
        self.written: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self.tries += 1
        if not self.on:
            raise StoreUnavailable("switched off")
        self.written += rows

    def last(self, home: str) -> list[Row]:
        raise NotImplementedError

    def points(self, *_: object) -> list[object]:
        raise NotImplementedError

    events = points

    def close(self) -> None:
        pass


def feed_of(store: Switched, folder: Path, cap_bytes: int = 10_000_000) -> Feed:
    return Feed(store, Spool(folder, cap_bytes))  # type: ignore[arg-type]


def test_while_the_store_is_down_batches_wait_and_then_arrive_in_order(tmp_path: Path) -> None:
    store = Switched()
    feed = feed_of(store, tmp_path)
    assert feed.put(batch(0), 0.0)
    store.on = False
    for number in range(1, 20):
        assert feed.put(batch(number), float(number))
    assert feed.status == "switched off"
    assert feed.spooled == 57
    assert store.tries < 10, "a store that is down is not tried with each batch"
    store.on = True
    now = 20.0 + RETRY_MAX_S
    assert feed.put(batch(20), now)
    while feed.drain(now):
        pass
    assert store.written == [row for number in range(21) for row in batch(number)]
    assert (feed.status, feed.spooled) == ("ok", 0)


def test_when_the_spool_is_full_the_caller_keeps_the_batch(tmp_path: Path) -> None:
    store = Switched()
    store.on = False
    feed = feed_of(store, tmp_path, cap_bytes=300)
    number = 0
    while feed.put(batch(number), 0.0):
        number += 1
    assert "the cap is 300" in feed.status
    store.on = True
    while feed.drain(RETRY_MAX_S):
        pass
    assert feed.put(batch(number), RETRY_MAX_S)
    assert store.written == [row for n in range(number + 1) for row in batch(n)]
    assert feed.status == "ok"
