"""What the hub has promised and not yet delivered, on disk: alarms, readings, replay marks, running numbers.

One SQLite file in WAL mode with `synchronous=FULL`, so that what is committed outlives a power cut (with NORMAL it did
not). All calls are made from one thread. An alarm is never pruned before the centre's receipt.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

import msgspec

from devices.decoding import ReplayMark
from devices.vocabulary import KINDS, Reading
from edge.clock import Stamp
from edge.home.stages import order
from edge.question_note import NowAsked, QuestionNote
from edge.sms_ledger import SmsLedger
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, AlarmAnswer

log = logging.getLogger(__name__)

Content = TypeVar("Content")

DONE_ALARMS_KEPT: Final = 500
"""Alarms with a receipt that stay for the technician: years of a home, and a bound on the file."""
PACK_READINGS_MAX: Final = 150
"""Most readings of a pack: well below the wire's 500, so that a pack on a slow line does not hold up an alarm."""
PACK_BYTES_MAX: Final = 12_000
"""Most estimated bytes of a pack; the wire takes 16,384."""
_BYTES_ADDED: Final = 20
"""What a reading grows by at most on its way to SenML: labels and unit in, absolute time out."""

_RECEIVED_IN_SHORT: Final = 2
"""In `received`: 0 for no receipt, 1 for one over the line, and this for one by SMS alone."""

_SEQUENCE_BELOW: Final = 2**31
"""No hub counts so far; a number that a damaged file makes up must not become the next one."""

_reading_decoder = msgspec.json.Decoder(tuple[str, str, float | bool | str, float, bool])
_alarm_decoder = msgspec.json.Decoder(Alarm)
_answer_decoder = msgspec.json.Decoder(AlarmAnswer)
_mark_decoder = msgspec.json.Decoder(ReplayMark)
_encoder = msgspec.json.Encoder()
_HELP: Final = SCAIP_CODES[AlarmKind.HELP]


class StampedReading(NamedTuple):
    """A reading and when the hub learned it."""

    reading: Reading
    stamp: Stamp


class StoredAlarm(NamedTuple):
    """An alarm on disk; `alarm` has its ref and number, `answer` is the centre's newest word on it."""

    alarm: Alarm
    stamp: Stamp
    received: bool
    answer: AlarmAnswer | None


class Pack(NamedTuple):
    """Readings that travel together under one number; none, when the disk has damaged them all."""

    sequence: int
    readings: tuple[StampedReading, ...]


class Backlog(NamedTuple):
    """How much waits: alarms without a receipt, readings in no pack, and in packs not yet confirmed."""

    alarms: int
    readings: int
    packed: int


class Outbox:
    """The file. Made by `outbox_file.open_outbox`."""

    def __init__(self, connection: sqlite3.Connection, readings_max: int, *, durable: bool) -> None:
        self._db = connection
        self._readings_max = readings_max
        self.durable = durable
        self.sms = SmsLedger(connection)
        self.question = QuestionNote(connection)
        self.epoch = self._meta("epoch")
        self._count = int(self._one("SELECT count(*) FROM reading"))

    def close(self) -> None:
        """Closes the file; nothing is lost by not calling it."""
        self._db.close()

    def keep(
        self,
        alarms: Sequence[tuple[Alarm, Stamp]] = (),
        readings: Sequence[StampedReading] = (),
        marks: Mapping[str, ReplayMark] | None = None,
        delivered: Iterable[int] = (),
        asked: NowAsked | None = None,
    ) -> list[StoredAlarm]:
        """Stores all of it in one transaction; when this returns it outlives a power cut.

        Args:
            alarms: new alarms; they are given their ref, number and epoch here.
            readings: new readings.
            marks: replay memory by device, of the very frames that the alarms and readings came from.
            delivered: numbers of packs that the broker has confirmed; their readings go.
            asked: the question that is open from now on; None when nothing has changed.

        Returns:
            The alarms as stored.

        Raises:
            sqlite3.Error: nothing of it was stored.
        """
        with self._transaction():
            stored = [self._add_alarm(alarm, stamp) for alarm, stamp in alarms]
            self._db.executemany(
                "INSERT INTO reading (boot, monotonic, trusted, body) VALUES (?, ?, ?, ?)",
                [(r.stamp.boot, r.stamp.monotonic, r.stamp.trusted, _write_reading(r.reading)) for r in readings],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO mark VALUES (?, ?)",
                [(device, _encoder.encode(mark)) for device, mark in (marks or {}).items()],
            )
            if asked is not None:
                self.question.write(asked)
            gone = sum(self._db.execute("DELETE FROM reading WHERE pack = ?", (pack,)).rowcount for pack in delivered)
            added = len(readings) - gone
            pruned = self._prune(self._count + added)
        self._count += added - pruned
        return stored

    def answer(self, answer: AlarmAnswer, *, by_sms: bool = False) -> bool:
        """Stores the centre's word on an alarm, unless a later one is stored; false when the alarm is not known.

        An alarm whose receipt came by SMS is done; it is only remembered that the centre has not got all of it yet.
        """
        row = self._db.execute("SELECT answer, received FROM alarm WHERE ref = ?", (answer.ref,)).fetchone()
        if row is None:
            return False
        before = _read(_answer_decoder, row[0])
        newest = before if before and _precedence(before) > _precedence(answer) else answer
        received = row[1]
        if answer.snu == 0:
            received = (received or _RECEIVED_IN_SHORT) if by_sms else 1
        with self._transaction():
            self._db.execute(
                "UPDATE alarm SET answer = ?, received = ? WHERE ref = ?",
                (_encoder.encode(newest), received, answer.ref),
            )
            self._db.execute(
                "DELETE FROM alarm WHERE received > 0 AND seq <= (SELECT max(seq) FROM alarm) - ?", (DONE_ALARMS_KEPT,)
            )
        return True

    def replace(self, ref: str, alarm: Alarm) -> StoredAlarm | None:
        """Puts `alarm`, under a new ref, in the place of one without a receipt; None when that is not there."""
        with self._transaction():
            sequence = self._next_number("alarm")
            alarm = msgspec.structs.replace(alarm, ref=self._new_ref(sequence), seq=sequence, ep=self.epoch)
            self._db.execute(
                "UPDATE alarm SET seq = ?, ref = ?, body = ?, answer = NULL WHERE ref = ? AND received = 0",
                (sequence, alarm.ref, _encoder.encode(alarm), ref),
            )
        found = self._alarms("WHERE seq = ?", sequence)
        return found[0] if found else None

    def waiting_alarms(self) -> list[StoredAlarm]:
        """Alarms without a receipt, oldest first."""
        return self._alarms("WHERE received = 0 ORDER BY seq")

    def alarms_told_in_short(self) -> list[StoredAlarm]:
        """Alarms whose receipt came by SMS and none over the line: the centre lacks their evidence."""
        return self._alarms("WHERE received = ? ORDER BY seq", _RECEIVED_IN_SHORT)

    def recent_alarms(self, most: int) -> list[StoredAlarm]:
        """The newest alarms, oldest first."""
        return self._alarms("ORDER BY seq DESC LIMIT ?", most)[::-1]

    def next_pack(self, boot: str) -> Pack | None:
        """Puts the newest free readings into a new pack, durably, or None when there are none.

        Readings whose time is only an age within this `boot` never share a pack with others.
        """
        with self._transaction():
            chosen = self._newest_free(boot)
            if not chosen:
                return None
            sequence = self._next_number("pack")
            self._db.executemany("UPDATE reading SET pack = ? WHERE id = ?", [(sequence, row[0]) for row in chosen])
        return Pack(sequence, _read_rows([row[1:] for row in reversed(chosen)]))

    def pack(self, sequence: int) -> Pack | None:
        """A pack that was made before; None when its readings are gone."""
        rows = self._db.execute(
            "SELECT boot, monotonic, trusted, body FROM reading WHERE pack = ? ORDER BY id", (sequence,)
        ).fetchall()
        return Pack(sequence, _read_rows(rows)) if rows else None

    def unconfirmed_packs(self) -> list[int]:
        """Numbers of the packs that were made and not confirmed, newest first."""
        rows = self._db.execute("SELECT DISTINCT pack FROM reading WHERE pack IS NOT NULL ORDER BY pack DESC")
        return [int(row[0]) for row in rows]

    def backlog(self) -> Backlog:
        """How much waits."""
        alarms = self._one("SELECT count(*) FROM alarm WHERE received = 0")
        free = self._one("SELECT count(*) FROM reading WHERE pack IS NULL")
        return Backlog(int(alarms), int(free), self._count - int(free))

    def marks(self) -> dict[str, ReplayMark]:
        """The replay memory of every device."""
        rows = self._db.execute("SELECT device, body FROM mark")
        return {device: mark for device, body in rows if (mark := _read(_mark_decoder, body))}

    def readings_pruned(self) -> int:
        """How many readings were dropped for want of room, since the file was made."""
        return int(self._meta("pruned"))

    def take_over(self, before: sqlite3.Connection) -> None:
        """Takes calls without receipt and the replay memory from an unusable file; done before all else.

        Raises:
            sqlite3.Error: not all could be read; what could is taken.
        """
        try:
            for row in before.execute("SELECT * FROM alarm WHERE received = 0 AND seq < ?", (_SEQUENCE_BELOW,)):
                self._db.execute("INSERT OR IGNORE INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            for row in before.execute("SELECT * FROM mark"):
                self._db.execute("INSERT OR IGNORE INTO mark VALUES (?, ?)", row)
            self.question.take_over(before)
            self.sms.take_over(before)
        finally:
            self._db.execute("UPDATE meta SET value = (SELECT ifnull(max(seq), 0) FROM alarm) WHERE name = 'alarm'")

    def begin_epoch(self, epoch: str) -> None:
        """Numbers from now on are of another numbering: some of this one may have been given out and forgotten."""
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
        self.epoch = epoch

    def number_packs_from(self, number: int) -> None:
        """The next pack gets the number after this one."""
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'pack'", (number,))

    def adopt(self, memory: Outbox) -> None:
        """Writes down what was kept in memory while the disk failed. All packs are made anew: some may be under way.

        Raises:
            sqlite3.Error: nothing of it was stored.
        """
        before = memory._db
        with self._transaction():
            # numbered below all others: their own numbers are of another epoch, and taken here
            below = int(self._one("SELECT min(0, ifnull(min(seq), 0)) FROM alarm"))
            alarms = before.execute("SELECT * FROM alarm ORDER BY seq DESC").fetchall()
            for number, row in enumerate(alarms, 1):
                self._db.execute(
                    "INSERT OR IGNORE INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (below - number, *row[1:])
                )
            self._db.execute("UPDATE reading SET pack = NULL")
            self._db.executemany(
                "INSERT INTO reading (boot, monotonic, trusted, body) VALUES (?, ?, ?, ?)",
                before.execute("SELECT boot, monotonic, trusted, body FROM reading ORDER BY id"),
            )
            self._db.executemany("INSERT OR REPLACE INTO mark VALUES (?, ?)", before.execute("SELECT * FROM mark"))
            self.sms.take_over(before)
        self._count = int(self._one("SELECT count(*) FROM reading"))

    def _add_alarm(self, alarm: Alarm, stamp: Stamp) -> StoredAlarm:
        sequence = self._next_number("alarm")
        alarm = msgspec.structs.replace(alarm, ref=self._new_ref(sequence), seq=sequence, ep=self.epoch)
        self._db.execute(
            "INSERT INTO alarm (seq, ref, boot, monotonic, wall, trusted, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (sequence, alarm.ref, *stamp, _encoder.encode(alarm)),
        )
        return StoredAlarm(alarm, stamp, received=False, answer=None)

    def _new_ref(self, sequence: int) -> str:
        """Not made of the number alone: a disk that takes back what it had confirmed gives numbers twice, and the
        centre would take a new call for one that it has."""
        return f"{self.epoch}{sequence & 0xFFFF:04x}{secrets.token_hex(2)}"

    def _alarms(self, which: str, *values: int) -> list[StoredAlarm]:
        rows = self._db.execute(
            f"SELECT ref, seq, boot, monotonic, wall, trusted, body, received, answer FROM alarm {which}",  # noqa: S608 - ours
            values,
        )
        return [
            StoredAlarm(
                _read(_alarm_decoder, body) or self._damaged(ref, seq, wall),
                Stamp(boot, monotonic, wall, bool(trusted)),
                bool(received),
                _read(_answer_decoder, answer),
            )
            for ref, seq, boot, monotonic, wall, trusted, body, received, answer in rows
        ]

    def _damaged(self, ref: str, seq: int, wall: float) -> Alarm:
        """Stands for an alarm whose content the disk has lost: that somebody called is still known."""
        dty, stc = _HELP
        text = "the hub's disk has damaged what this alarm was"
        return Alarm(ref, dty, max(wall, 0.0), stc, seq=seq, ep=self.epoch, pri=9, trusted=False, text=text)

    def _newest_free(self, boot: str) -> list[tuple[int, str, float, int, bytes]]:
        """Newest first, of one class, as many as a pack takes."""
        chosen: list[tuple[int, str, float, int, bytes]] = []
        size = 0
        rows = self._db.execute(
            "SELECT id, boot, monotonic, trusted, body FROM reading WHERE pack IS NULL ORDER BY id DESC LIMIT ?",
            (PACK_READINGS_MAX,),
        )
        for row in rows:
            size += len(row[4]) + _BYTES_ADDED
            if chosen and (size > PACK_BYTES_MAX or _is_age(row, boot) != _is_age(chosen[0], boot)):
                break
            chosen.append(row)
        return chosen

    def _prune(self, count: int) -> int:
        if count <= self._readings_max:
            return 0
        pruned = self._db.execute(
            "DELETE FROM reading WHERE id IN (SELECT id FROM reading ORDER BY id LIMIT ?)",
            (count - self._readings_max,),
        ).rowcount
        self._db.execute("UPDATE meta SET value = value + ? WHERE name = 'pruned'", (pruned,))
        return pruned

    def _next_number(self, of: str) -> int:
        row = self._db.execute("UPDATE meta SET value = value + 1 WHERE name = ? RETURNING value", (of,)).fetchone()
        return int(row[0])

    def _meta(self, name: str) -> str:
        return str(self._one("SELECT value FROM meta WHERE name = ?", name))

    def _one(self, query: str, *values: object) -> str:
        row = self._db.execute(query, values).fetchone()
        return str(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _is_age(row: tuple[int, str, float, int, bytes], boot: str) -> bool:
    return not row[3] and row[1] == boot


def _precedence(answer: AlarmAnswer) -> tuple[bool, tuple[bool, float, int]]:
    return answer.snu == 0, order(answer.stage, answer.at)


def _read(decoder: msgspec.json.Decoder[Content], body: bytes | None) -> Content | None:
    """What stands in a row; None for nothing, or for what a flipped bit has made unreadable: SQLite cannot notice."""
    if not body:
        return None
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        log.warning("the outbox has a damaged record: %.80r", body)
        return None


def _write_reading(reading: Reading) -> bytes:
    value = reading.value
    is_data = isinstance(value, bytes)
    return _encoder.encode((reading.device, reading.kind, value, reading.measured_at, is_data))


def _read_rows(rows: Iterable[tuple[str, float, int, bytes]]) -> tuple[StampedReading, ...]:
    return tuple(reading for row in rows if (reading := _read_row(row)))


def _read_row(row: tuple[str, float, int, bytes]) -> StampedReading | None:
    boot, monotonic, trusted, body = row
    content = _read(_reading_decoder, body)
    if content is None or content[1] not in KINDS:
        return None
    device, kind, value, measured_at, is_data = content
    stamp = Stamp(boot, monotonic, measured_at, bool(trusted))
    known = b64decode(str(value)) if is_data else value
    return StampedReading(Reading(device, kind, known, measured_at), stamp)
