"""Child processes that do not outlive the one that started them, however that ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_DIE_WITH_PARENT: Final = (
    "import ctypes, os, signal, sys; "
    "ctypes.CDLL(None).prctl(1, int(sys.argv[2])); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)


def tied(command: Sequence[str], how: signal.Signals = signal.SIGTERM) -> list[str]:
    """The command that runs `command` (its program as a whole path) and ends it when this thread's process is gone."""
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), str(int(how)), *command]
