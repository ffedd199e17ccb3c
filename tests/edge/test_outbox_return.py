"""A disk that failed and takes writes again gets everything that the hub kept in memory meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from devices.decoding import ReplayMark
from devices.vocabulary import Reading
from edge.clock import Stamp
from edge.outbox import StampedReading
from edge.outbox_file import FILE_NAME, MEMORY_PACKS_FROM, memory_outbox, open_outbox
from edge.outbox_thread import OutboxThread
from gateway.contract.messages import Alarm, AlarmAnswer

DEPTH = 20_000


def at(moment: float) -> Stamp:
    return Stamp("b1", moment, 1.8e9 + moment, trusted=True)


def call(moment: float) -> tuple[Alarm, Stamp]:
    return Alarm("0", 3, 1.8e9 + moment, did=f"pendant-{moment:g}"), at(moment)


def warmth(moment: float) -> StampedReading:
    return StampedReading(Reading("hall-temp", "temperature", 20.0 + moment, 1.8e9 + moment), at(moment))


@contextmanager
def failing_disk(folder: Path) -> Iterator[None]:
    """The file takes no writes."""
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_what_was_kept_in_memory_is_written_down_when_the_disk_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.outbox_file.BUSY_WAIT_S", 0.0)
    monkeypatch.setattr("edge.outbox_thread.DISK_AGAIN_S", 0.0)
    told: list[str] = []
    thread = OutboxThread(lambda sentence, _code: told.append(sentence))
    await thread.open(tmp_path, DEPTH)
    [before] = await thread.call(lambda box: box.keep([call(1)], [warmth(1)], {"pendant": ReplayMark(counter=1)}))
    packed = await thread.call(lambda box: box.next_pack("b1"))
    with failing_disk(tmp_path):
        [during] = await thread.call(lambda box: box.keep([call(2)], [warmth(2)], {"pendant": ReplayMark(counter=2)}))
        assert not thread.durable
        assert "memory only" in told[-1]
        in_memory = await thread.call(lambda box: box.next_pack("b1"))
    assert packed is not None
    assert in_memory is not None
    assert in_memory.sequence > MEMORY_PACKS_FROM > packed.sequence
    # the receipt for a pack from memory deletes nothing that was on disk all the time
    [after] = await thread.call(lambda box: box.keep([call(3)], delivered=[in_memory.sequence]))
    assert thread.durable
    assert told[-1] == "", "well again"
    await thread.close()
    again, faults = open_outbox(tmp_path, "later", DEPTH)
    try:
        assert faults == []
        assert {item.alarm.ref for item in again.waiting_alarms()} == {i.alarm.ref for i in (before, during, after)}
        assert {item.alarm.did for item in again.waiting_alarms()} == {"pendant-1", "pendant-2", "pendant-3"}
        assert after.alarm.seq == before.alarm.seq + 1, "the numbers of the disk's own alarms have no gap"
        assert again.backlog().readings == 2
        assert again.marks() == {"pendant": ReplayMark(counter=2)}
        assert again.answer(AlarmAnswer(during.alarm.ref, 0, 0.0)), "its receipt is taken"
    finally:
        again.close()


def test_taking_over_twice_doubles_no_call(tmp_path: Path) -> None:
    memory = memory_outbox("m1", DEPTH)
    disk, _ = open_outbox(tmp_path, "e1", DEPTH)
    memory.keep([call(1), call(2)])
    disk.adopt(memory)
    disk.adopt(memory)
    assert [item.alarm.did for item in disk.waiting_alarms()] == ["pendant-1", "pendant-2"]
    memory.close()
    disk.close()
