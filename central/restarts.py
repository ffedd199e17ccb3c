"""What the supervisor had to start again, kept in a small file for the health page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Literal

import msgspec

KEPT: Final = 50
"""The latest so many: with the longest back-off, more than the last twenty minutes of a process that never stays up."""
FILE: Final = "restarts.json"

log = logging.getLogger(__name__)


class Restart(msgspec.Struct, frozen=True):
    """One process that had to be started again.

    Attributes:
        name: "desk" or "receiver".
        at: when its end was noticed, Unix seconds.
        why: "ended" by itself, or "stuck": it was there and did nothing.
        code: its exit code; negative is the signal that ended it.
    """

    name: str
    at: float
    why: Literal["ended", "stuck"]
    code: int


def note(folder: Path, restart: Restart) -> None:
    """Adds one. A disk that does not take it must not keep the process from being started again."""
    path = folder / FILE
    try:
        kept = msgspec.json.encode([*read(folder), restart][-KEPT:])
        new = path.with_suffix(".new")
        new.write_bytes(kept)
        new.replace(path)
    except OSError as error:
        log.warning("cannot note that %s was started again: %s", restart.name, error.strerror)


def read(folder: Path) -> list[Restart]:
    """What is kept, oldest first; nothing when there is no such file, or it cannot be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=list[Restart])
    except (OSError, msgspec.DecodeError):
        return []
