"""The two hubs that live through outages: a process here, and whatever else can be started and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from benchmarks.outage_verdict import Life
from benchmarks.processes import Child
from simulators.outages import RestlessHome

PRESENT_S: Final = 150.0
"""A hub acknowledges something by then after its start, also an emulated one on a busy computer."""
LOOK_S: Final = 0.05
_RUN_AGENT: Final = """
import pathlib, sys, edge.clock
edge.clock.TIMESYNCD_MARK = pathlib.Path("/proc/uptime")
from edge.__main__ import main
sys.exit(main(["run", "--config", sys.argv[1]]))
"""
"""The agent on a hub whose clock is synchronised, which neither an emulated computer's nor every test machine's is."""
T = TypeVar("T")


class Hub(Protocol):
    """What can be started and killed."""

    def power_on(self) -> None:
        """Starts it; returns at once."""

    def cut_power(self) -> None:
        """Kills it where it stands."""

    @property
    def running(self) -> bool:
        """Whether it has not ended by itself."""


class ProcessHub:
    """The agent as a process of this computer."""

    def __init__(self, config: Path, log: Path) -> None:
        self._command = agent_command(config)
        self._log = log
        self._child: Child | None = None

    def power_on(self) -> None:
        """Starts the agent."""
        self._child = Child(self._command, self._log)

    def cut_power(self) -> None:
        """Kills the agent."""
        kill(self._child)
        self._child = None

    @property
    def running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._child is not None and not self._child.ended


def agent_command(config: Path) -> list[str]:
    """How the agent is started, with the checkout as its working folder."""
    return [sys.executable, "-c", _RUN_AGENT, str(config)]


def kill(child: Child | None) -> None:
    """Ends a process without a word."""
    if child is not None:
        os.kill(child.pid, signal.SIGKILL)
        child.stop()


async def until(condition: Callable[[], T], what: str, wait_s: float, *, look_s: float = LOOK_S) -> T:
    """The first true value of `condition`.

    Raises:
        RuntimeError: it did not come.
    """
    end = time.monotonic() + wait_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise RuntimeError(f"not within {wait_s:.0f} s: {what}")
        await asyncio.sleep(look_s)
    return found


class Home:
    """One home with its hub, and when the hub was alive."""

    def __init__(self, name: str, life: RestlessHome, hub: Hub, *, settles_s: float = 0.0) -> None:
        self.name = name
        self._settles_s = settles_s
        self.life = life
        self.hub = hub
        self.lives: list[Life] = []
        self.starts_s: list[float] = []
        self._hears_from = 0.0

    async def power_on(self) -> None:
        """Starts the hub and waits until it has acknowledged something."""
        began = time.time()
        self.hub.power_on()

        def lives() -> bool:
            if not self.hub.running:
                raise RuntimeError(f"{self.name} ended by itself: see its log")
            return self.life.last_acknowledged_at > began

        await until(lives, f"{self.name} acknowledges a press", PRESENT_S)
        self._hears_from = self.life.last_acknowledged_at
        self.starts_s.append(self._hears_from - began)

    def cut_power(self) -> None:
        """Kills the hub."""
        self.lives.append(self.life_now())
        self.hub.cut_power()

    def life_now(self) -> Life:
        """The life that the hub has now, until now."""
        return Life(self._hears_from + self._settles_s, time.time())
