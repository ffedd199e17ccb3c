"""The last seconds of the movement of wearables that report here, on disk, so that no restart loses a fall in them.

A fall is judged on the seconds round it, and its windows are acknowledged as they come. What a process had in its
memory when it was killed, or when the power went, is given to the next one. Two or three small files of lines of
`WindowLine`, the oldest of which is deleted as a new one begins; a line that was half written is left out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from devices.wearable.judge_lines import WindowLine

logger = logging.getLogger(__name__)

FILE_S: Final = 35.0
"""A file begins so often, and the one before it is kept: longer than a process is waited for that does not answer
(`fall_watch.LOADING_S`), and than the seconds on which a fall is judged."""
FILE_BYTES_MAX: Final = 16 * 1024**2
"""... or when it is so large: 20 s of a thousand wearers."""
AGAIN_S: Final = 60.0
"""A disk that takes nothing is tried again after so long."""


class WindowLog:
    """The windows in `folder`. For one thread of one process.

    Args:
        folder: made when there is something to keep.
        monotonic: the clock.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float]) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._unwritten: list[bytes] = []
        self._file: int | None = None
        self._bytes = 0
        self._begin_again_at = 0.0
        self._added_at = monotonic()

    def add(self, line: bytes) -> None:
        """Takes an encoded `WindowLine` with its line end; on disk with the next `sync`."""
        self._unwritten.append(line)
        self._added_at = self._monotonic()

    def sync(self) -> None:
        """What was added is on disk when this returns. Where no disk takes it, that is logged and nobody is held up."""
        if not self._unwritten:
            return
        content = b"".join(self._unwritten)
        self._unwritten.clear()
        now = self._monotonic()
        try:
            if now >= self._begin_again_at or self._bytes + len(content) > FILE_BYTES_MAX:
                self._begin(now)
            if self._file is not None:
                self._bytes += os.write(self._file, content)
                os.fdatasync(self._file)
        except OSError as error:
            logger.warning("cannot keep the movement of wearables: %s: a restart may lose a fall", error.strerror)
            self.close()
            self._begin_again_at = now + AGAIN_S

    def lines(self) -> list[WindowLine]:
        """What is on disk, in the order in which it came."""
        kept = []
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError as error:
                logger.warning("cannot read %s: %s", path.name, error.strerror)
                continue
            for line in content.split(b"\n"):
                try:
                    kept.append(msgspec.json.decode(line, type=WindowLine))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
        return kept

    def tidy(self) -> None:
        """Deletes all once nothing has come for so long that no fall can lie in it: movement is not kept."""
        if self._monotonic() - self._added_at > 2 * FILE_S:
            self._added_at = self._monotonic()
            self.forget()

    def forget(self) -> None:
        """Deletes all."""
        self.close()
        self._unwritten.clear()
        self._begin_again_at = 0.0
        for path in self._paths():
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _begin(self, now: float) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        before = self._paths()
        for path in before[:-1]:
            path.unlink()
        number = int(before[-1].stem) + 1 if before else 1
        self._file = os.open(self._folder / f"{number:010d}.windows", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._bytes = 0
        self._begin_again_at = now + FILE_S

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*.windows") if path.stem.isdigit())
