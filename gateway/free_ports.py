"""Ports of the loopback interface for servers that are told their port before they start: the demo's and the tests'.

A port that the kernel gives away freely (`bind` to 0) may be an outgoing connection's by the time its server starts; a
client that keeps trying to reach a stopped server may even be given that server's port, and reach itself. So these lie
below the range from which the kernel gives.
"""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path
from typing import Final

_HOST: Final = "127.0.0.1"
_GIVEN_BY_KERNEL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST: Final = 20_000
"""Below are the ports that many servers have by custom."""
_ENOUGH: Final = 1_000
"""With fewer ports to choose from, two programs that start at once might choose the same."""
_TRIES: Final = 100
_chance = random.SystemRandom()  # a test's seed must not make all of them choose the same


def free_port() -> int:
    """A port that nobody uses now.

    Raises:
        OSError: none is free.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody uses now.

    Raises:
        OSError: not so many are free.
    """
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            _bind(probe)
        return [probe.getsockname()[1] for probe in probes]


def _bind(probe: socket.socket) -> None:
    end = _first_given_by_kernel()
    for _ in range(_TRIES if end - _FIRST >= _ENOUGH else 0):
        with contextlib.suppress(OSError):
            return probe.bind((_HOST, _chance.randrange(_FIRST, end)))
    return probe.bind((_HOST, 0))


def _first_given_by_kernel() -> int:
    try:
        return int(_GIVEN_BY_KERNEL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
