"""Notices commits that a damaged write-ahead log has cost.

SQLite takes the frames of its log up to the first one whose checksum is wrong, and says nothing of those behind it:
that is how it leaves out a transaction that a power cut interrupted. A flipped bit in the middle silently takes back
everything that was committed after it. Format: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import struct
from collections import Counter
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_PAGE_BYTES: Final = frozenset(1 << bits for bits in range(9, 17))
PAGE_BYTES: Final = 4096
"""Of our own files; for a log whose header does not say."""
INTERRUPTED: Final = 1
"""So many commits behind the end are no damage: a power cut may leave the last frame of a transaction and not its first
one."""


class Commit(NamedTuple):
    """The last frame of a transaction: its number, from 1, and the generation of the log that it belongs to."""

    frame: int
    salts: tuple[int, int]


def commits(wal: Path) -> list[Commit]:
    """The commits of the log's present generation, their checksums right or not; to be read before opening."""
    try:
        data = wal.open("rb")
    except OSError:
        return []
    with data:
        head = data.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return []
        fields = _HEADER.unpack(head)
        page_bytes = fields[2] if fields[2] in _PAGE_BYTES else PAGE_BYTES
        found, frame = [], 0
        while len(header := data.read(_FRAME.size)) == _FRAME.size:
            frame += 1
            _, pages_after, salt_1, salt_2, _, _ = _FRAME.unpack(header)
            if pages_after:
                found.append(Commit(frame, (salt_1, salt_2)))
            data.seek(page_bytes, 1)
    if _is_whole(head):
        present = (fields[4], fields[5])
    else:
        present = max(Counter(commit.salts for commit in found).items(), key=itemgetter(1), default=((0, 0), 0))[0]
    return [commit for commit in found if commit.salts == present]


def lost_commits(before: list[Commit], frames_taken: int) -> int:
    """How many commits SQLite has left out for damage.

    Args:
        before: what `commits` found before the file was opened.
        frames_taken: how many frames SQLite took: the second number that `PRAGMA wal_checkpoint` gives; -1 for no log.
    """
    behind = sum(commit.frame > max(frames_taken, 0) for commit in before)
    return behind if behind > INTERRUPTED else 0


def _is_whole(head: bytes) -> bool:
    fields = _HEADER.unpack(head)
    if fields[0] not in {_MAGIC_LITTLE, _MAGIC_BIG}:
        return False
    words = struct.unpack("<6I" if fields[0] == _MAGIC_LITTLE else ">6I", head[:24])
    sum_1 = sum_2 = 0
    for one, two in zip(words[::2], words[1::2], strict=True):
        sum_1 = (sum_1 + one + sum_2) & 0xFFFFFFFF
        sum_2 = (sum_2 + two + sum_1) & 0xFFFFFFFF
    return (sum_1, sum_2) == fields[6:]
