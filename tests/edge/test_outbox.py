"""What the hub has stored it never loses and never doubles, whenever its power goes."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from devices.decoding import ReplayMark
from devices.vocabulary import Reading, Value
from edge import outbox_file
from edge.clock import Stamp
from edge.outbox import PACK_READINGS_MAX, Outbox, Pack, StampedReading
from edge.outbox_file import FILE_NAME, devices_heard
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, Stage

BOOT = "b1"
DEPTH = 20_000


def at(monotonic: float, *, boot: str = BOOT, trusted: bool = True) -> Stamp:
    return Stamp(boot, monotonic, 1.8e9 + monotonic, trusted)


def reading(number: int, *, boot: str = BOOT, trusted: bool = True, value: Value = 20.5) -> StampedReading:
    stamp = at(number, boot=boot, trusted=trusted)
    return StampedReading(Reading("hall-temp", "temperature", value, stamp.wall), stamp)


def help_alarm(number: int) -> tuple[Alarm, Stamp]:
    return Alarm("0", 3, 1.8e9 + number, did="pendant"), at(number)


_OPENED: list[Outbox] = []


def open_outbox(folder: Path, epoch: str, readings_max: int) -> tuple[Outbox, list[str]]:
    """As the agent does; closed after the test."""
    outbox, faults = outbox_file.open_outbox(folder, epoch, readings_max)
    _OPENED.append(outbox)
    return outbox, faults


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


def opened(folder: Path, readings_max: int = DEPTH, epoch: str = "e1") -> Outbox:
    outbox, faults = open_outbox(folder, epoch, readings_max)
    assert faults == []
    return outbox


def test_refs_and_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    first = opened(tmp_path)
    [one, two] = first.keep([help_alarm(1), help_alarm(2)])
    first.close()
    again = opened(tmp_path, epoch="never-used")
    [three] = again.keep([help_alarm(3)])
    assert [a.alarm.seq for a in (one, two, three)] == [1, 2, 3]
    assert {a.alarm.ep for a in (one, two, three)} == {"e1"}
    assert len({a.alarm.ref for a in (one, two, three)}) == 3
    assert [a.alarm.ref for a in again.waiting_alarms()] == [one.alarm.ref, two.alarm.ref, three.alarm.ref]
    again.close()


def test_a_failed_write_stores_nothing_of_a_frame(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    unstorable = StampedReading(Reading("x", "temperature", object(), 0.0), at(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        outbox.keep([help_alarm(1)], [unstorable], {"pendant": ReplayMark(counter=7)})
    assert outbox.waiting_alarms() == []
    assert outbox.marks() == {}
    [stored] = outbox.keep([help_alarm(1)], marks={"pendant": ReplayMark(counter=7)})
    assert stored.alarm.seq == 1
    assert devices_heard(tmp_path) == {"pendant"}
    outbox.close()


def test_readings_are_pruned_oldest_first_and_alarms_never(tmp_path: Path) -> None:
    outbox = opened(tmp_path, readings_max=100)
    outbox.keep([help_alarm(0)])
    for start in range(0, 300, 50):
        outbox.keep(readings=[reading(i) for i in range(start, start + 50)])
    pack = outbox.next_pack(BOOT)
    assert pack is not None
    assert [r.stamp.monotonic for r in pack.readings] == list(range(200, 300))
    assert outbox.readings_pruned() == 200
    assert len(outbox.waiting_alarms()) == 1
    outbox.close()


def test_packs_go_newest_first_and_keep_their_number_until_confirmed(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.keep(readings=[reading(i) for i in range(PACK_READINGS_MAX + 50)])
    first = outbox.next_pack(BOOT)
    assert first is not None
    assert len(first.readings) == PACK_READINGS_MAX
    assert first.readings[-1].stamp.monotonic == PACK_READINGS_MAX + 49
    outbox.close()
    again = opened(tmp_path)
    assert again.unconfirmed_packs() == [first.sequence]
    assert again.pack(first.sequence) == first
    second = again.next_pack(BOOT)
    assert second is not None
    assert second.sequence == first.sequence + 1
    again.keep(delivered=[first.sequence, second.sequence])
    assert again.unconfirmed_packs() == []
    assert again.next_pack(BOOT) is None
    assert again.backlog() == (0, 0, 0)
    again.close()


def test_ages_of_this_boot_never_share_a_pack_with_other_times(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.keep(readings=[reading(1, boot="b0", trusted=False), reading(2), reading(3, trusted=False)])
    [ages, others] = [outbox.next_pack(BOOT), outbox.next_pack(BOOT)]
    assert ages is not None
    assert others is not None
    assert [r.stamp.monotonic for r in ages.readings] == [3]
    assert [r.stamp.monotonic for r in others.readings] == [1, 2]
    outbox.close()


def test_every_kind_of_value_comes_back_as_it_was(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    values: list[Value] = [21.5, True, False, "single", b"\x00\xff" * 700]
    outbox.keep(readings=[reading(i, value=value) for i, value in enumerate(values)])
    pack = outbox.next_pack(BOOT)
    assert pack is not None
    assert [r.reading.value for r in pack.readings] == values
    outbox.close()


def test_the_centres_furthest_word_on_an_alarm_is_kept(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    [stored] = outbox.keep([help_alarm(1)])
    ref = stored.alarm.ref
    assert outbox.answer(AlarmAnswer(ref, 6, 0.0))
    assert len(outbox.waiting_alarms()) == 1
    assert outbox.answer(AlarmAnswer(ref, 0, 0.0, Stage.TAKEN, who="Ana"))
    assert outbox.answer(AlarmAnswer(ref, 0, 0.0))
    assert outbox.waiting_alarms() == []
    [known] = outbox.recent_alarms(5)
    assert known.answer is not None
    assert (known.answer.stage, known.answer.who) == (Stage.TAKEN, "Ana")
    assert not outbox.answer(AlarmAnswer("unknown", 0, 0.0))
    outbox.close()


@pytest.mark.parametrize("damage", [b"this is no database" * 300, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_moved_aside_and_reported_and_the_hub_goes_on(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(damage)
    outbox, faults = open_outbox(tmp_path, "e2", DEPTH)
    assert len(faults) == 1
    assert "damaged" in faults[0]
    assert outbox.durable
    assert len(outbox.keep([help_alarm(1)])) == 1
    assert (tmp_path / f"{FILE_NAME}.damaged-1").read_bytes() == damage
    outbox.close()


def test_a_flipped_page_is_noticed_at_the_start(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.keep(readings=[reading(i) for i in range(500)])
    outbox.close()
    path = tmp_path / FILE_NAME
    damaged = bytearray(path.read_bytes())
    for page in range(4096, len(damaged), 4096):
        damaged[page : page + 8] = b"\xff" * 8
    path.write_bytes(damaged)
    outbox, faults = open_outbox(tmp_path, "e2", DEPTH)
    assert faults
    assert outbox.epoch == "e2"
    assert len(outbox.keep([help_alarm(1)])) == 1
    outbox.close()


def test_without_a_disk_alarms_still_get_a_ref(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox, faults = open_outbox(tmp_path / "file" / "folder", "e3", DEPTH)
    assert not outbox.durable
    assert "memory only" in faults[0]
    assert outbox.keep([help_alarm(1)])[0].alarm.ref.startswith("e3")
    outbox.close()


def test_commits_outlive_a_power_cut_by_the_settings_that_were_measured(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
    outbox.close()


class KilledAtAnyMoment(RuleBasedStateMachine):
    """A model of what was acknowledged, beside an outbox whose process may die between any two calls.

    A kill leaves the files as they lie, write-ahead log included: they are copied without closing.
    """

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.lives = 0
        self.outbox = opened(self.root / "0")
        self.waiting: list[str] = []
        self.refs: set[str] = set()
        self.free: set[float] = set()
        self.packs: dict[int, set[float]] = {}
        self.marks: dict[str, ReplayMark] = {}
        self.clock = 0

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.outbox.close()
            shutil.rmtree(self.root)

    @rule(readings=strategies.integers(0, 5), counter=strategies.integers(0, 100))
    def press(self, readings: int, counter: int) -> None:
        items = [self._reading() for _ in range(readings)]
        mark = ReplayMark(counter=counter)
        [stored] = self.outbox.keep([help_alarm(self.clock)], items, {"pendant": mark})
        assert stored.alarm.ref not in self.refs, "a ref names one alarm for ever"
        self.refs.add(stored.alarm.ref)
        self.waiting.append(stored.alarm.ref)
        self.marks["pendant"] = mark

    @rule(readings=strategies.integers(1, 300))
    def measure(self, readings: int) -> None:
        self.outbox.keep(readings=[self._reading() for _ in range(readings)])

    def _reading(self) -> StampedReading:
        self.clock += 1
        self.free.add(self.clock)
        return reading(self.clock)

    @rule()
    def make_pack(self) -> None:
        pack = self.outbox.next_pack(BOOT)
        if pack is None:
            assert not self.free
            return
        assert pack.sequence not in self.packs
        held = {item.stamp.monotonic for item in pack.readings}
        assert held <= self.free, "no reading is in two packs"
        assert max(held) == max(self.free), "newest first"
        self.free -= held
        self.packs[pack.sequence] = held

    @rule(which=strategies.integers(0, 3))
    def confirm_pack(self, which: int) -> None:
        for sequence in list(self.packs)[which : which + 1]:
            self.outbox.keep(delivered=[sequence])
            del self.packs[sequence]

    @rule(which=strategies.integers(0, 3), good=strategies.booleans())
    def answer(self, which: int, good: bool) -> None:
        for ref in self.waiting[which : which + 1]:
            assert self.outbox.answer(AlarmAnswer(ref, 0 if good else 6, 0.0))
            if good:
                self.waiting.remove(ref)

    @rule()
    def kill(self) -> None:
        self.lives += 1
        folder = self.root / str(self.lives)
        shutil.copytree(self.root / str(self.lives - 1), folder)
        self.outbox.close()
        self.outbox = opened(folder)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = opened(self.root / str(self.lives))

    @invariant()
    def nothing_is_lost_and_nothing_doubled(self) -> None:
        if not hasattr(self, "outbox"):
            return
        assert [stored.alarm.ref for stored in self.outbox.waiting_alarms()] == self.waiting
        assert sorted(self.outbox.unconfirmed_packs()) == sorted(self.packs)
        packed = sum(map(len, self.packs.values()))
        assert self.outbox.backlog() == (len(self.waiting), len(self.free), packed)
        assert self.outbox.marks() == self.marks


TestKilledAtAnyMoment = KilledAtAnyMoment.TestCase
TestKilledAtAnyMoment.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_two_agents_cannot_write_at_once(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    with first._transaction():
        second._db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            second.keep([help_alarm(1)])
    first.close()
    second.close()


def test_flipped_bits_in_records_cost_no_call_for_help_and_do_not_stop_the_hub(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    [known, lost] = outbox.keep(
        [help_alarm(1), help_alarm(2)], [reading(1)], {"pendant": ReplayMark(counter=7), "door": ReplayMark(counter=8)}
    )
    outbox.answer(AlarmAnswer(known.alarm.ref, 0, 5.0))
    pack = outbox.next_pack(BOOT)
    assert pack is not None
    outbox._db.execute("UPDATE alarm SET answer = x'7bff' WHERE ref = ?", (known.alarm.ref,))
    outbox._db.execute("UPDATE alarm SET body = x'00' WHERE ref = ?", (lost.alarm.ref,))
    outbox._db.execute("UPDATE mark SET body = x'7b22ff' WHERE device = 'door'")
    outbox._db.execute("UPDATE reading SET body = x'5b'")
    outbox.close()
    again = opened(tmp_path)
    [waiting] = again.waiting_alarms()
    assert (waiting.alarm.ref, waiting.alarm.seq, waiting.alarm.ep) == (lost.alarm.ref, 2, "e1")
    assert kind_of(waiting.alarm.dty, waiting.alarm.stc) is AlarmKind.HELP
    assert "damaged" in waiting.alarm.text
    assert [stored.answer for stored in again.recent_alarms(5)] == [None, None]
    assert again.answer(AlarmAnswer(known.alarm.ref, 0, 6.0, Stage.TAKEN))
    assert again.marks() == {"pendant": ReplayMark(counter=7)}
    assert again.pack(pack.sequence) == Pack(pack.sequence, ())
    again.close()


def test_a_case_that_was_handed_on_is_not_remembered_as_taken(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    [stored] = outbox.keep([help_alarm(1)])
    ref = stored.alarm.ref
    for answer in (
        AlarmAnswer(ref, 0, 10.0, Stage.TAKEN, who="Ana"),
        AlarmAnswer(ref, 0, 20.0, Stage.RECEIVED),
        AlarmAnswer(ref, 6, 30.0),
    ):
        outbox.answer(answer)
    assert outbox.recent_alarms(1)[0].answer == AlarmAnswer(ref, 0, 20.0, Stage.RECEIVED)
    outbox.answer(AlarmAnswer(ref, 0, 40.0, Stage.CLOSED))
    outbox.answer(AlarmAnswer(ref, 0, 50.0, Stage.TAKEN))
    closed = outbox.recent_alarms(1)[0].answer
    assert closed is not None
    assert closed.stage is Stage.CLOSED
    outbox.close()


def test_a_call_that_can_still_be_read_in_a_damaged_file_is_sent(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    [done, waiting] = outbox.keep([help_alarm(1), help_alarm(2)], marks={"pendant": ReplayMark(counter=7)})
    outbox.answer(AlarmAnswer(done.alarm.ref, 0, 0.0))
    outbox.keep(readings=[reading(i) for i in range(2000)])
    outbox.close()
    path = tmp_path / FILE_NAME
    damaged = bytearray(path.read_bytes())
    for page in range(len(damaged) // 2 // 4096 * 4096, len(damaged), 4096):
        damaged[page : page + 8] = b"\xff" * 8
    path.write_bytes(damaged)
    again, faults = open_outbox(tmp_path, "e2", DEPTH)
    assert "damaged" in faults[0]
    assert [stored.alarm for stored in again.waiting_alarms()] == [waiting.alarm]
    assert again.marks() == {"pendant": ReplayMark(counter=7)}
    [new] = again.keep([help_alarm(3)])
    assert again.durable
    assert len({new.alarm.ref, done.alarm.ref, waiting.alarm.ref}) == 3
    again.close()


def test_a_call_on_a_disk_that_takes_nothing_more_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox_file.BUSY_WAIT_S", 0.0)
    outbox = opened(tmp_path)
    [waiting] = outbox.keep([help_alarm(1)])
    with outbox._transaction():
        again, faults = open_outbox(tmp_path, "e2", DEPTH)
        assert "memory only" in faults[0]
        assert [stored.alarm for stored in again.waiting_alarms()] == [waiting.alarm]
        assert again.answer(AlarmAnswer(waiting.alarm.ref, 0, 0.0))
        again.close()
    outbox.close()
