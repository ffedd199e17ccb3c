"""The machine on which figures were taken, and how much of it others were using."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
import psutil

from benchmarks.peers import NODE_MODULES

LOAD_HIGH_PER_CORE: Final = 0.25
"""Above this load average per core at the start, the figures are marked: others were using the machine."""
FOREIGN_HIGH_CORES: Final = 0.2
"""The same for CPU that others used while a benchmark ran."""


class Machine(msgspec.Struct, frozen=True):
    """What the figures depend on.

    Attributes:
        cores: cores that this process may use.
        load_1_min: load average when the run began.
        programs: versions of what was measured, by name; "not installed" where absent.
    """

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    taken_at: str
    load_1_min: float
    programs: dict[str, str]

    @property
    def busy(self) -> bool:
        """Whether others were using the machine when the run began."""
        return self.load_1_min > LOAD_HIGH_PER_CORE * self.cores


def describe() -> Machine:
    """Looks at this machine."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        taken_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_1_min=round(os.getloadavg()[0], 2),
        programs={
            "mosquitto": _first_line("mosquitto", "-h").removeprefix("mosquitto version "),
            "influxd": _first_line("influxd", "version").removeprefix("InfluxDB ").partition(" (")[0],
            "node": _first_line("node", "--version"),
            "node-red": _node_red_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: _package(name) for name in ("paho-mqtt", "msgspec", "influxdb-client", "uvicorn")},
        },
    )


def foreign_cores() -> Callable[[], float]:
    """Starts watching; the function returned gives the mean number of cores that others have kept busy since.

    Our own share is this process and all children that have ended by then, so stop them before asking.
    """
    started, busy, own = time.monotonic(), _busy_s(), _own_s()

    def since() -> float:
        elapsed = max(time.monotonic() - started, 1e-3)
        return max(0.0, (_busy_s() - busy) - (_own_s() - own)) / elapsed

    return since


def _busy_s() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _first_line(program: str, argument: str) -> str:
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        return "not installed"
    done = subprocess.run([path, argument], capture_output=True, text=True, check=False, timeout=10)
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _node_red_version() -> str:
    page = NODE_MODULES / "node-red" / "package.json"
    return str(json.loads(page.read_text())["version"]) if page.exists() else "not installed"


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
