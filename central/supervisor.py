"""Keeps the centre's two processes running: starts them, restarts one that dies or stands still, ends them with itself.

Each has a socket to here as its standard input. It beats on it every second (`central.pulse`), and ends when it closes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from central import restarts
from central.pulse import BEGAN, STOOD_STILL
from central.restarts import Restart

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
STABLE_AFTER_S: Final = 60.0
"""A process that lived so long starts the back-off anew."""
STOP_WAIT_S: Final = 15.0
"""How long a process may take to end before it is killed."""
CANNOT_START: Final = 3
"""Exit code of a process that said in a sentence why it cannot start. At the first start everything then ends, so that
whoever started it reads the sentence; later it is tried again like any other failure."""
SILENT_MAX_S: Final = 20.0
"""A process that has beaten and then misses twenty beats on end does nothing: it is killed and started again."""
OWN_STALL_S: Final = 5.0
"""A supervisor that did not turn for so long was paused, or killed somebody, or the machine is at its end."""
FIRST_BEAT_S: Final = 120.0
"""How long it may take to the first: loading the program from a slow disk on a busy machine."""
PATIENCE_MAX: Final = 16
"""One that was killed while it was loading has twice the time at its next start: no machine is too slow for ever."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None
    heard_s: float | None = None
    started_s: float = 0.0
    backoff_s: float = BACKOFF_FIRST_S
    start_at_s: float = 0.0
    began: bool = False
    ran: bool = False
    patience: int = 1


def supervise(names: list[str], config: str, folder: Path) -> int:
    """Runs `python -m central NAME` for each name until SIGTERM or SIGINT; the exit code to leave with.

    What had to be started again is noted in `folder` (`central.restarts`).
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    children = [
        _Child(name, [sys.executable, "-m", "central", name, "--config", config, "--end-with-parent"]) for name in names
    ]
    turned_s = time.monotonic()
    try:
        while not stopping.wait(0.2):
            turned_s = _forgive(children, turned_s)
            for child in children:
                if (code := _keep_running(child, folder)) is not None:
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


def _keep_running(child: _Child, folder: Path) -> int | None:
    """Starts or restarts a process when it is time; an exit code when it can never run as things are."""
    now_s = time.monotonic()
    if child.process is not None:
        code = child.process.poll()
        _listen(child, now_s)
        stuck = code == STOOD_STILL
        if code is None:
            if not (silent_s := _silent_s(child, now_s)):
                return None
            log.critical("%s has not been heard for %.0f s; killed", child.name, silent_s)
            if not child.began:
                child.patience = min(child.patience * 2, PATIENCE_MAX)
            stuck, code = True, _kill(child.process)
        if code == CANNOT_START and not child.ran:
            return code
        if now_s - child.started_s >= STABLE_AFTER_S:
            child.backoff_s = BACKOFF_FIRST_S
        log.error("%s ended with %d; started again in %.1f s", child.name, code, child.backoff_s)
        restarts.note(folder, Restart(child.name, time.time(), "stuck" if stuck else "ended", code))
        _close(child)
        child.process = None
        _wait_before_start(child, now_s)
    if now_s >= child.start_at_s:
        _start(child, now_s)
    return None


def _start(child: _Child, now_s: float) -> None:
    try:
        child.line, theirs = socket.socketpair()
        child.line.setblocking(False)
        with theirs:
            # a group of its own: Ctrl-C is for us, who tell it to end, once
            child.process = subprocess.Popen(child.command, stdin=theirs.fileno(), process_group=0)
    except OSError as error:  # no memory for one more process must not end the other one
        log.warning("%s cannot be started: %s; tried again in %.1f s", child.name, error, child.backoff_s)
        _close(child)
        _wait_before_start(child, now_s)
    child.started_s, child.heard_s, child.began = now_s, None, False


def _listen(child: _Child, now_s: float) -> None:
    assert child.line is not None
    with contextlib.suppress(OSError):  # nothing there: the line itself stands as long as the process does
        if beats := child.line.recv(65_536):
            child.heard_s = now_s
            child.began = child.began or BEGAN in beats
            child.ran = child.ran or child.began


def _silent_s(child: _Child, now_s: float) -> float:
    """For how long a running process has been silent; 0 while that is nothing to wonder at."""
    since_s, most_s = (child.started_s, FIRST_BEAT_S) if child.heard_s is None else (child.heard_s, SILENT_MAX_S)
    most_s *= 1 if child.began else child.patience
    return now_s - since_s if now_s - since_s > most_s else 0.0


def _forgive(children: list[_Child], turned_s: float) -> float:
    """Counts silence anew after we stood still ourselves, as the others may have on a machine that was paused."""
    now_s = time.monotonic()
    if now_s - turned_s > OWN_STALL_S:
        for child in children:
            if child.heard_s is None:
                child.started_s = now_s  # one that has not beaten yet is still being loaded
            else:
                child.heard_s = now_s
    return now_s


def _kill(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    return process.wait()


def _wait_before_start(child: _Child, now_s: float) -> None:
    child.start_at_s = now_s + child.backoff_s
    child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)


def _end(children: list[_Child]) -> None:
    running = [child for child in children if child.process is not None]
    for child in running:
        assert child.process is not None
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
    for child in running:
        assert child.process is not None
        try:
            child.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            _kill(child.process)
        _close(child)


def _close(child: _Child) -> None:
    if child.line is not None:
        child.line.close()
        child.line = None
