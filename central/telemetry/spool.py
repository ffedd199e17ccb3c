"""Rows that wait on disk while the telemetry store is down.

A folder of segment files, `0000000001.spool` ..., to which batches are appended. A batch is

    length (u32) | CRC-32 of the body (u32) | body: zlib of msgpack [[home, device, kind, at, value], ...]

little-endian, synced to disk before `append` returns. A segment is deleted when all of it has reached the store;
writing a batch to the store twice changes nothing, so where the reader stood need not be kept.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from central.telemetry.store import Row

logger = logging.getLogger(__name__)

SPOOL_BYTES_MAX: Final = 2 * 1024**3
"""2 GiB: some 170 million readings packed (12 bytes each, measured), a day of 10,000 homes. At the cap the receiver
stops acknowledging and the broker holds, so this must be smaller than the free disk and need not be larger than the
time in which somebody repairs a database."""
SEGMENT_BYTES_MAX: Final = 8 * 1024**2
"""A segment is the unit of deleting: small enough that a long drain frees disk as it goes."""
BATCH_BYTES_MAX: Final = 64 * 1024**2
"""A length above this is not a length but damage."""
_COMPRESSION: Final = 1
_HEAD = struct.Struct("<II")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[tuple[str, str, str, float, float | bool | str]])


class SpoolFull(Exception):
    """The spool is at its cap, or its disk is: nothing was taken, the caller keeps the batch."""


class Spool:
    """The batches waiting in `folder`, oldest first. For one thread of one process.

    Opening it cuts off a batch that was half written when the power went. A damaged segment is put aside as `.bad`
    with what follows the damage, and counted in `damaged`.

    Args:
        folder: made when missing.
        cap_bytes: most that may wait.

    Attributes:
        rows: how many rows wait.
        damaged: how many segments were found damaged.
    """

    def __init__(self, folder: Path, cap_bytes: int = SPOOL_BYTES_MAX) -> None:
        self._folder = folder
        self._cap_bytes = cap_bytes
        self.rows = 0
        self.damaged = 0
        self._bytes = 0
        # segment number -> its batches not yet drained, as (offset, rows)
        self._segments: dict[int, list[tuple[int, int]]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.spool")):
            self._take_over(path)
        self._next = max(self._segments, default=0) + 1
        self._file: int | None = None
        self._file_bytes = 0

    @property
    def cap_bytes(self) -> int:
        """Most bytes that may wait."""
        return self._cap_bytes

    @property
    def waiting_bytes(self) -> int:
        """Bytes on disk now."""
        return self._bytes

    def _take_over(self, path: Path) -> None:
        content = path.read_bytes()
        batches, end = [], 0
        for offset, body in _batches(content):
            try:
                batches.append((offset, len(_decoder.decode(zlib.decompress(body)))))
            except (zlib.error, msgspec.DecodeError):
                break
            end = offset + _HEAD.size + len(body)
        if end < len(content):
            self._cut(path, content, end)
        if not batches:
            path.unlink()
            return
        self._segments[int(path.stem)] = batches
        self._bytes += end
        self.rows += sum(rows for _, rows in batches)

    def _cut(self, path: Path, content: bytes, end: int) -> None:
        """Cuts off what cannot be read. Only a last batch that is shorter than it says is the mark of a power cut."""
        left = content[end:]
        torn = len(left) < _HEAD.size or _HEAD.size + _HEAD.unpack_from(left)[0] > len(left)
        if not torn or not left.strip(b"\0"):
            self.damaged += 1
            path.with_suffix(".bad").write_bytes(left)
            logger.error("%s is damaged at byte %d: %d bytes put aside", path.name, end, len(left))
        os.truncate(path, end)

    def append(self, rows: Sequence[Row]) -> None:
        """Keeps a batch; it is on disk when this returns. Windows (bytes), which no store keeps, are left out.

        Raises:
            SpoolFull: at the cap, or the disk is full or broken.
        """
        kept = [row for row in rows if not isinstance(row.value, bytes)]
        body = zlib.compress(_encoder.encode(kept), _COMPRESSION)
        record = _HEAD.pack(len(body), zlib.crc32(body)) + body
        if self._bytes + len(record) > self._cap_bytes:
            raise SpoolFull(f"{self._bytes} bytes wait already; the cap is {self._cap_bytes}")
        if self._file is not None and self._file_bytes + len(record) > SEGMENT_BYTES_MAX:
            self._end_segment()
        try:
            offset = self._write(record)
        except OSError as error:
            self._end_segment()
            raise SpoolFull(f"cannot write to {self._folder}: {error.strerror}") from error
        self._segments.setdefault(self._next, []).append((offset, len(kept)))
        self._file_bytes += len(record)
        self._bytes += len(record)
        self.rows += len(kept)

    def _write(self, record: bytes) -> int:
        if self._file is None:
            flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
            self._file = os.open(self._path(self._next), flags, 0o600)
            self._file_bytes = os.fstat(self._file).st_size
            _sync_folder(self._folder)
        offset = self._file_bytes
        try:
            complete = os.write(self._file, record) == len(record)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, offset)
            raise
        if not complete:
            os.ftruncate(self._file, offset)
            raise SpoolFull(f"the disk of {self._folder} is full")
        return offset

    def _end_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._next += 1

    def first(self) -> list[Row] | None:
        """The oldest batch, or None when none waits. It stays until `done`. Raises OSError."""
        while self._segments:
            number, batches = next(iter(self._segments.items()))
            with self._path(number).open("rb") as file:
                file.seek(batches[0][0])
                found = next(_batches(file.read()), None)
            if found is not None:
                return [Row(*entry) for entry in _decoder.decode(zlib.decompress(found[1]))]
            self._set_aside(number)
        return None

    def _set_aside(self, number: int) -> None:
        """A segment that was good when it was opened is not so any more: the disk is failing."""
        path = self._path(number)
        logger.error("%s has changed on disk: put aside", path.name)
        self.damaged += 1
        self.rows -= sum(rows for _, rows in self._segments[number])
        self._forget(number)
        path.rename(path.with_suffix(".bad"))

    def _forget(self, number: int) -> None:
        if number == self._next:
            self._end_segment()
        del self._segments[number]
        self._bytes -= self._path(number).stat().st_size

    def done(self) -> None:
        """The oldest batch has reached the store."""
        number, batches = next(iter(self._segments.items()))
        if len(batches) == 1:
            if number == self._next:
                self._end_segment()
            size = self._path(number).stat().st_size
            self._path(number).unlink()
            del self._segments[number]
            self._bytes -= size
        self.rows -= batches.pop(0)[1]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.spool"

    def close(self) -> None:
        """Lets go of the file being written."""
        self._end_segment()


def _batches(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The batches of a segment as (offset, body), up to the first that is cut short or whose CRC is wrong."""
    offset = 0
    while offset + _HEAD.size <= len(content):
        length, check = _HEAD.unpack_from(content, offset)
        body = content[offset + _HEAD.size : offset + _HEAD.size + length]
        if not 0 < length <= BATCH_BYTES_MAX or len(body) < length or zlib.crc32(body) != check:
            return
        yield offset, body
        offset += _HEAD.size + length


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
