"""Keeps the centre's two processes running: starts them, restarts one that dies, ends them with itself."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Final

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
STABLE_AFTER_S: Final = 60.0
"""A process that lived so long starts the back-off anew."""
STOP_WAIT_S: Final = 15.0
"""How long a process may take to end before it is killed."""
CANNOT_START: Final = 3
"""Exit code of a process that said in a sentence why it cannot start. At the first start everything then ends, so that
whoever started it reads the sentence; later it is tried again like any other failure."""
RAN_AFTER_S: Final = 10.0
"""A process that lived so long has started."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    backoff_s: float = BACKOFF_FIRST_S
    start_at_s: float = 0.0
    ran: bool = False


def supervise(names: list[str], config: str) -> int:
    """Runs `python -m central NAME` for each name until SIGTERM or SIGINT; the exit code to leave with."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    children = [
        _Child(name, [sys.executable, "-m", "central", name, "--config", config, "--end-with-parent"]) for name in names
    ]
    try:
        while not stopping.wait(0.2):
            for child in children:
                if (code := _keep_running(child)) is not None:
                    return code
    finally:
        _end(children)
    return 0


def end_with_parent() -> None:
    """Makes this process end when the one that started it does, however that ends: its pipe to us then closes."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _keep_running(child: _Child) -> int | None:
    """Starts or restarts a process when it is time; an exit code when it can never run as things are."""
    now_s = time.monotonic()
    if child.process is not None:
        code = child.process.poll()
        child.ran = child.ran or now_s - child.started_s >= RAN_AFTER_S
        if code is None:
            return None
        if code == CANNOT_START and not child.ran:
            return code
        if now_s - child.started_s >= STABLE_AFTER_S:
            child.backoff_s = BACKOFF_FIRST_S
        log.error("%s ended with %d; started again in %.1f s", child.name, code, child.backoff_s)
        _close(child.process)
        child.process = None
        _wait_before_start(child, now_s)
    if now_s >= child.start_at_s:
        try:
            child.process = subprocess.Popen(child.command, stdin=subprocess.PIPE)
        except OSError as error:  # no memory for one more process must not end the other one
            log.warning("%s cannot be started: %s; tried again in %.1f s", child.name, error, child.backoff_s)
            _wait_before_start(child, now_s)
        child.started_s = now_s
    return None


def _wait_before_start(child: _Child, now_s: float) -> None:
    child.start_at_s = now_s + child.backoff_s
    child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)


def _end(children: list[_Child]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in running:
        try:
            process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
