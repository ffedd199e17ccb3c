"""A log that a bad disk has damaged loses commits: the hub notices and says so; no new call is taken for an old one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import Stamp
from edge.outbox import Outbox, StoredAlarm
from edge.outbox_file import FILE_NAME, open_outbox
from gateway.contract.messages import Alarm

DEPTH = 20_000
FRAME_BYTES = 24 + 4096
HEADER_BYTES = 32


def call(number: int) -> tuple[Alarm, Stamp]:
    return Alarm("0", 3, 1.8e9 + number, did="pendant"), Stamp("b1", number, 1.8e9 + number, trusted=True)


class Disk:
    """The hub's folder as a power cut leaves it: taken while the outbox is open."""

    def __init__(self, folder: Path) -> None:
        self.working, self.after = folder / "working", folder / "after"
        self.open: list[Outbox] = []
        self.before, _ = self.start(self.working)

    def start(self, folder: Path, epoch: str = "epochone") -> tuple[Outbox, list[str]]:
        box, faults = open_outbox(folder, epoch, DEPTH)
        self.open.append(box)
        return box, faults

    def calls(self, count: int) -> list[StoredAlarm]:
        return [self.before.keep([call(number)])[0] for number in range(count)]

    def power_cut(self, *, overwrite_at: int | None = None, cut_to: int | None = None) -> tuple[Outbox, list[str]]:
        """What the next start finds; with damage at a byte of the log."""
        shutil.copytree(self.working, self.after)
        wal = self.after / (FILE_NAME + "-wal")
        data = bytearray(wal.read_bytes())
        if overwrite_at is not None:
            at = overwrite_at % len(data)
            data[at : at + 64] = bytes(byte ^ 0x55 for byte in data[at : at + 64])
        wal.write_bytes(data[:cut_to])
        return self.start(self.after, "epochtwo")

    @property
    def log_bytes(self) -> int:
        return (self.working / (FILE_NAME + "-wal")).stat().st_size


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    for box in made.open:
        box.close()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_damaged_log_is_told_and_the_numbers_start_anew(disk: Disk, share: float) -> None:
    given = disk.calls(20)
    box, faults = disk.power_cut(overwrite_at=int(share * disk.log_bytes))
    assert len(faults) == 1
    assert "damaged and are lost" in faults[0]
    assert box.durable
    [new] = box.keep([call(99)])
    assert new.alarm.ref not in {stored.alarm.ref for stored in given}
    assert new.alarm.ep == "epochtwo"


def test_an_ordinary_power_cut_is_no_damage(disk: Disk) -> None:
    given = disk.calls(20)
    box, faults = disk.power_cut()
    assert faults == []
    assert [stored.alarm.ref for stored in box.waiting_alarms()] == [stored.alarm.ref for stored in given]


@pytest.mark.parametrize("missing", [1, 100, FRAME_BYTES, 2 * FRAME_BYTES + 7])
def test_a_transaction_cut_off_at_the_end_is_no_damage(disk: Disk, missing: int) -> None:
    disk.calls(20)
    _, faults = disk.power_cut(cut_to=disk.log_bytes - missing)
    assert faults == []


def test_what_an_earlier_round_of_the_log_left_behind_is_no_damage(disk: Disk) -> None:
    disk.calls(200)
    disk.before._db.execute("PRAGMA wal_checkpoint(RESTART)")
    long = disk.log_bytes
    disk.calls(3)
    assert disk.log_bytes == long, "the old frames are still behind the new ones"
    _, faults = disk.power_cut()
    assert faults == []


def test_a_disk_that_takes_back_what_it_confirmed_makes_no_new_call_look_like_an_old_one(disk: Disk) -> None:
    disk.calls(5)
    old = disk.log_bytes
    forgotten = disk.calls(5)
    box, faults = disk.power_cut(cut_to=old)
    assert faults == []
    again = [box.keep([call(50 + number)])[0] for number in range(5)]
    assert [stored.alarm.seq for stored in again] == [stored.alarm.seq for stored in forgotten]
    assert not {stored.alarm.ref for stored in again} & {stored.alarm.ref for stored in forgotten}
