"""Child processes under measurement: pinned, watched, and certain to end."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

READY_WAIT_S: Final = 60.0
STOP_WAIT_S: Final = 10.0
IDLE_LOOK_S: Final = 0.4
IDLE_SHARE: Final = 0.1
CPU_MAX_S: Final = 900
"""No child may burn more than this: a benchmark that hangs ends by itself."""

_libc = ctypes.CDLL(None)


class Child:
    """A running process and its children; ends with its `with` block, or with this process.

    Args:
        command: the program and its arguments.
        log: file for what it prints.
        core: the one core it may use; None = any.
        talks: whether `say` and `hear` are used (standard input and output are then pipes).
        environment: added to ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        core: int | None = None,
        talks: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                preexec_fn=_bounds(core),  # noqa: PLW1509 - children are started before any thread
            )
        self._watched = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself or was killed."""
        return self._process.poll() is not None

    def cpu_s(self) -> float:
        """CPU used so far, user and system, all threads and living children."""
        return sum(times.user + times.system for times in (p.cpu_times() for p in self._family()))

    def resident_mib(self) -> float:
        """Resident memory of it and its children."""
        return sum(p.memory_info().rss for p in self._family()) / 2**20

    def hold(self) -> None:
        """Stops it and its children where they stand, until `let_go`."""
        for process in self._family():
            process.suspend()

    def let_go(self) -> None:
        """Lets what was held run on."""
        for process in self._family():
            process.resume()

    def _family(self) -> list[psutil.Process]:
        return [self._watched, *self._watched.children(recursive=True)]

    def say(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line that it prints.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self._process.stdout
        line = self._process.stdout.readline().decode().strip()
        if not line:
            raise RuntimeError(f"it ended: {self.last_words()}")
        return line

    def await_log(self, word: str) -> None:
        """Waits until `word` stands in its log.

        Raises:
            RuntimeError: it ended or took too long.
        """
        self.await_true(lambda: word in self.log.read_text(errors="replace"), f"{word!r} in its log")

    def await_true(self, condition: Callable[[], bool], what: str, wait_s: float = READY_WAIT_S) -> None:
        """Waits until `condition` holds, while it lives.

        Raises:
            RuntimeError: it ended or took too long.
        """
        deadline = time.monotonic() + wait_s
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no {what} from {self._process.args!r}: {self.last_words()}")
            time.sleep(0.02)

    def await_idle(self) -> None:
        """Waits until it has nothing to do: what it does at its start is not to be measured with the rest.

        Raises:
            RuntimeError: it ended or never came to rest.
        """

        def idle() -> bool:
            before = self.cpu_s()
            time.sleep(IDLE_LOOK_S)
            return self.cpu_s() - before < IDLE_LOOK_S * IDLE_SHARE

        self.await_true(idle, "rest")

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace").strip()[-800:]

    def stop(self) -> None:
        """Asks it to end and makes sure."""
        family = self._family() if self._process.poll() is None else []
        if family:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        for left in family[1:]:
            if left.is_running():
                left.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _bounds(core: int | None) -> Callable[[], None]:
    def bind() -> None:
        _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: ends with us
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))
        if core is not None:
            os.sched_setaffinity(0, {core})

    return bind
