"""How the hub is: what it hears, what is wrong, whether its loops move; and telling systemd so."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Mapping
from typing import Final

from edge.clock import Stamp
from gateway.contract.messages import Heartbeat, HubState, Path

DEAF_AFTER_S: Final = 120.0
"""A radio that has heard nobody at all for this long is reported: nearly every home has a neighbour's telephone."""
STUCK_AFTER_S: Final = 25.0
"""A loop without progress for this long is stuck; below systemd's WatchdogSec of 30 s."""
FAULTS_MAX: Final = 16
FAULT_LENGTH_MAX: Final = 250
HEARD_MAX: Final = 64


class Health:
    """What is known about the hub's health. All moments are of the monotonic clock."""

    def __init__(self, now: float) -> None:
        self._started_at = now
        self._links: dict[str, float] = {}
        self._devices: dict[str, float] = {}
        self._progress: dict[str, float] = {}
        self._faults: dict[str, str] = {}
        self.refused: Counter[str] = Counter()

    def expect_link(self, link: str, now: float) -> None:
        """A link that is configured; silence counts from now."""
        self._links.setdefault(link, now)

    def heard_link(self, link: str, now: float) -> None:
        """Anything at all was heard on the link."""
        self._links[link] = now

    def heard_device(self, device: str, now: float) -> None:
        """An enrolled device was heard."""
        self._devices[device] = now

    def moved(self, loop: str, now: float) -> None:
        """The loop has made progress."""
        self._progress[loop] = now

    def ended(self, loop: str) -> None:
        """The loop is not expected to move any more."""
        self._progress.pop(loop, None)

    def stuck(self, now: float) -> list[str]:
        """Names of the loops that do not move."""
        return [loop for loop, at in self._progress.items() if now - at > STUCK_AFTER_S]

    def fault(self, part: str, sentence: str) -> bool:
        """Sets what is wrong with a part, or "" for nothing; true when that is news."""
        before = self._faults.get(part, "")
        if sentence:
            self._faults[part] = sentence[:FAULT_LENGTH_MAX]
        else:
            self._faults.pop(part, None)
        return before != self._faults.get(part, "")

    def hearing(self, now: float) -> dict[str, float]:
        """Seconds since anything was heard, by link."""
        return {link: round(max(now - at, 0.0), 1) for link, at in sorted(self._links.items())}

    def faults(self, now: float) -> list[str]:
        """A sentence for everything that is wrong, the newest first where the state has no room for all."""
        deaf = [
            f"{link}: heard nothing for more than {DEAF_AFTER_S:.0f} s"
            for link, at in sorted(self._links.items())
            if link == "ble" and now - at > DEAF_AFTER_S
        ]
        return [*deaf, *reversed(self._faults.values())][:FAULTS_MAX]

    def state(self, now: Stamp, waiting: int, firmware: str) -> HubState:
        """What stands on `up/state`."""
        return HubState(
            online=True,
            at=max(now.wall, 0.0),
            boot=now.boot,
            firmware=firmware[:32],
            trusted=now.trusted,
            path=Path.BROADBAND,
            waiting=waiting,
            hearing=self.hearing(now.monotonic),
            faults=self.faults(now.monotonic),
        )

    def heartbeat(self, now: Stamp, waiting: int) -> Heartbeat:
        """What goes on `up/hb`."""
        heard = {device: round(now.monotonic - at, 1) for device, at in list(self._devices.items())[:HEARD_MAX]}
        return Heartbeat(max(now.wall, 0.0), max(now.monotonic - self._started_at, 0.0), waiting, heard)


def notify_systemd(message: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tells systemd `message` (sd_notify(3)); false when it is not there to listen."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)
        try:
            channel.sendto(message.encode(), address)
        except OSError:
            return False
    return True
