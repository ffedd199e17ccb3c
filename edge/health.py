"""How the hub is: what it hears, what is wrong, whether its loops move; and telling systemd so."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from edge.clock import Stamp
from edge.hearing import Hearing
from gateway.contract.encoding import MESSAGE_BYTES_MAX, encode
from gateway.contract.messages import PROBLEMS_MAX, Heartbeat, HubState, ModemState, Outcome, Path, Problem, ProblemCode

STUCK_AFTER_S: Final = 25.0
"""A loop without progress for this long is stuck; below systemd's WatchdogSec of 30 s."""
STUCK_ON_DISK_S: Final = 90.0
"""The same while the disk is slow: five loops wait for one another's calls, each of which may take 10 s and more."""
FAULTS_MAX: Final = 16
FAULT_LENGTH_MAX: Final = 250
DETAIL_LENGTH_MAX: Final = 160
SUBJECT_LENGTH_MAX: Final = 64
HEARD_MAX: Final = 64
REFUSED_MAX: Final = 32

_WORST: Final = (
    ProblemCode.ALARM_REFUSED,
    ProblemCode.OUTBOX_MEMORY,
    ProblemCode.DISK_FULL,
    ProblemCode.BLE_MISSING,
    ProblemCode.BLE_DEAF,
    ProblemCode.BUTTON_STUCK,
    ProblemCode.BUTTON_MISSING,
    ProblemCode.SERIAL_UNPLUGGED,
    ProblemCode.LOOP_CRASHED,
    ProblemCode.OUTBOX_DAMAGED,
    ProblemCode.FLOODED,
)
_MILDEST: Final = (
    ProblemCode.DEVICE_BATTERY_LOW,
    ProblemCode.AGENT_RESTARTED,
    ProblemCode.ADAPTER_RESET,
    ProblemCode.BLE_RESCANNED,
    ProblemCode.BLE_QUIET,
    ProblemCode.CLOCK_UNTRUSTED,
)
_RANK: Final = {code: rank - 100 for rank, code in enumerate(_WORST)} | {
    code: rank + 100 for rank, code in enumerate(_MILDEST)
}


class TellFault(Protocol):
    """Takes a part's name, what is wrong with it ("" for nothing), its code, and the device or port it is about."""

    def __call__(
        self, part: str, sentence: str, code: ProblemCode = ProblemCode.OTHER, subject: str = "", /
    ) -> object: ...


class _Fault(NamedTuple):
    since: float
    sentence: str
    code: ProblemCode
    subject: str
    outcome: Outcome | None = None


class Health:
    """What is known about the hub's health. All moments are of the monotonic clock.

    Args:
        now: when the hub started.
        monotonic: the clock; says when a fault began.
    """

    def __init__(self, now: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._started_at = now
        self._monotonic = monotonic
        self._progress: dict[str, float] = {}
        self._faults: dict[str, _Fault] = {}
        self.hearing = Hearing()
        self.movement: Counter[str] = Counter()
        self.settings_version = 0
        self.modem: ModemState | None = None
        self.asks = self.speaks = False
        self.refused: Counter[str] = Counter()

    def expect_link(self, link: str, now: float) -> None:
        """A link that is configured; silence counts from now."""
        self.hearing.expect_link(link, now)

    def heard_link(self, link: str, now: float) -> None:
        """Anything at all was heard on the link."""
        self.hearing.heard_link(link, now)

    def heard_device(self, device: str, now: float) -> None:
        """An enrolled device was heard."""
        self.hearing.heard_device(device, now)

    def moved(self, loop: str, now: float) -> None:
        """The loop has made progress."""
        self._progress[loop] = now

    def ended(self, loop: str) -> None:
        """The loop is not expected to move any more."""
        self._progress.pop(loop, None)

    def stuck(self, now: float, after_s: float = STUCK_AFTER_S) -> list[str]:
        """Names of the loops that have not moved for so long."""
        return [loop for loop, at in self._progress.items() if now - at > after_s]

    def fault(self, part: str, sentence: str, code: ProblemCode = ProblemCode.OTHER, subject: str = "", /) -> bool:
        """Sets what is wrong with a part, or "" for nothing; true when that is news."""
        before = self._faults.get(part)
        if not sentence:
            self._faults.pop(part, None)
            return before is not None
        since = before.since if before and before.code is code else self._monotonic()
        now = _Fault(since, sentence[:FAULT_LENGTH_MAX], code, subject[:SUBJECT_LENGTH_MAX])
        self._faults[part] = now
        return before != now

    def faults(self, now: float) -> list[str]:
        """A sentence for everything that is wrong, the newest first where the state has no room for all."""
        return [fault.sentence for fault in self._all(now)][:FAULTS_MAX]

    def news(self, now: float) -> list[tuple[object, ...]]:
        """What the centre should know at once when it differs from the last time."""
        return [(self.asks, self.speaks), *(fault[1:] for fault in self._all(now))]

    def askers(self, count: int, voices: int) -> None:
        """How many things are there, such as screens, that can put a question to the person; how many can say it."""
        self.asks, self.speaks = count > 0, voices > 0

    def _all(self, now: float) -> list[_Fault]:
        found = [_Fault(*heard) for heard in self.hearing.findings(now)]
        return sorted([*found, *reversed(self._faults.values())], key=lambda fault: _RANK.get(fault.code, 0))

    def state(self, now: Stamp, waiting: int, firmware: str, path: Path = Path.BROADBAND) -> HubState:
        """What stands on `up/state`; never more than a message holds."""
        found = self._all(now.monotonic)
        wall = max(now.wall, 0.0)
        problems = [_problem(fault, now.monotonic, wall) for fault in found[:PROBLEMS_MAX]]
        faults = self.faults(now.monotonic)
        while True:
            state = HubState(
                online=True,
                at=wall,
                boot=now.boot,
                firmware=firmware[:32],
                trusted=now.trusted,
                path=path,
                waiting=waiting,
                hearing=self.hearing.silences(now.monotonic),
                faults=faults,
                problems=problems,
                problems_more=len(found) - len(problems),
                cfg=self.settings_version,
                modem=self.modem,
                asks=self.asks,
                speaks=self.speaks,
            )
            if len(encode(state)) <= MESSAGE_BYTES_MAX or not (faults or problems):
                return state
            # the sentences are for old readers: they make room first
            (faults or problems).pop()

    def heartbeat(self, now: Stamp, waiting: int) -> Heartbeat:
        """What goes on `up/hb`."""
        return Heartbeat(
            max(now.wall, 0.0),
            max(now.monotonic - self._started_at, 0.0),
            waiting,
            dict(list(self.hearing.heard(now.monotonic).items())[:HEARD_MAX]),
            dict(self.refused.most_common(REFUSED_MAX)),
        )


def _problem(fault: _Fault, now: float, wall: float) -> Problem:
    since = max(wall - max(now - fault.since, 0.0), 0.0)
    return Problem(fault.code.value, round(since, 1), fault.subject, fault.sentence[:DETAIL_LENGTH_MAX], fault.outcome)


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
