"""The demo's child programs: started as an installation would start them, gone when the demo goes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulators.child import tied

STOP_WAIT_S: Final = 8.0


class Program:
    """One child process with its log file. Must be started and ended on the main thread."""

    def __init__(self, name: str, arguments: Sequence[str], log_file: Path) -> None:
        """`arguments` follow the interpreter, such as `-m edge run --config edge.toml`."""
        self.name = name
        self.log_file = log_file
        self.started_at = 0.0
        self._arguments = list(arguments)
        self._log_from = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, 0 when it is not there."""
        return self._process.pid if self._process is not None and self.running else 0

    def start(self) -> None:
        """Starts it, unless it is running."""
        if self.running:
            return
        self._log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                tied([sys.executable, *self._arguments]), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.started_at = time.time()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()

    def ask_to_stop(self) -> None:
        """Asks it to end in good order; `stop` waits for it."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGTERM)

    async def ended(self, within_s: float) -> int | None:
        """Waits for its end; its exit code, or None when it is still running after `within_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.running:  # noqa: ASYNC110 - the system tells of an ended child only when asked
                    await asyncio.sleep(0.05)
        return None if self._process is None else self._process.poll()

    async def stop(self) -> None:
        """Ends it in good order, or by force when it does not listen."""
        self.ask_to_stop()
        await self.ended(STOP_WAIT_S)
        self.kill()

    def child(self, word: str) -> int:
        """The process id of a child of it whose command line holds `word`, or 0."""
        return _find_child(self.pid, word) if self.running else 0

    def kill_child(self, word: str) -> None:
        """Kills that child, as a crash would."""
        pid = self.child(word)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def said(self, words: str) -> bool:
        """Whether its log holds `words` since it was started."""
        if not self.log_file.exists():
            return False
        with self.log_file.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._log_from)
            return words in log.read()

    def last_words(self) -> str:
        """The last line of its log."""
        text = self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""
        lines = text.strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _find_child(parent: int, word: str) -> int:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    for pid in children:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            return int(pid)
    return 0
