"""A home that goes on pressing and measuring while everything round it fails, and remembers what it was promised.

What happens is planned from a seed; a press counts as promised when the hub has acknowledged it to the pendant, which
it may do only after the commit. Whoever judges afterwards compares this memory with what the centre has.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from simulators.pendant_tty import PendantTty

FIRST_PENDANT: Final = 0x00D0_0000
PENDANTS: Final = 60
"""A home has at most 64 devices."""
DOOR: Final = 0x00D1_0000
BEATING: Final = 0x00D2_0000
APART_S: Final = 12.0
"""One pendant is pressed again this long after its last acknowledgement: presses within 10 s are one alarm."""
UNANSWERED_MAX: Final = 8
"""Most presses that wait for their acknowledgement at once: a wire of 115,200 baud carries no more repeats at ease."""


class Fault(StrEnum):
    """What fails."""

    AGENT_KILLED = "agent killed"
    POWER_CUT = "power cut while writing"
    LINE_CUT = "line cut"
    LINE_FROZEN = "line frozen"
    BROKER_KILLED = "broker killed"
    CENTRE_KILLED = "centre killed"


@dataclass(frozen=True, slots=True)
class Outage:
    """One failure: after `after_s` of ordinary life, for `for_s`."""

    fault: Fault
    after_s: float
    for_s: float


def plan(counts: Mapping[Fault, int], seed: int, *, calm_max_s: float) -> list[Outage]:
    """So many of each, shuffled, at random moments: at most `calm_max_s` after all was well again."""
    dice = random.Random(seed)
    faults = [fault for fault, count in counts.items() for _ in range(count)]
    dice.shuffle(faults)
    return [Outage(fault, dice.uniform(0.1, calm_max_s), dice.uniform(0.0, 2.5)) for fault in faults]


@dataclass(slots=True)
class Press:
    """One press; times are Unix seconds by this computer, `acknowledged_at` None until it was."""

    pendant: int
    pressed_at: float
    acknowledged_at: float | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat: a reading that nobody acknowledges."""

    number: int
    sent_at: float


class RestlessHome:
    """Presses of sixty pendants, a door that opens and closes, a heartbeat: all on one wire.

    Attributes:
        wire: the terminal that the hub listens to.
        presses, beats: what was done, in order.
        door_changes: how often the door was opened or closed; it opens first.
    """

    def __init__(self, port: Path, *, press_every_s: float, beat_every_s: float, seed: int) -> None:
        self.wire = PendantTty(port, BEATING, heartbeat_s=86_400.0)
        self.presses: list[Press] = []
        self.beats: list[Beat] = []
        self.door_changes = 0
        self.last_acknowledged_at = 0.0
        self._press_every_s = press_every_s
        self._beat_every_s = beat_every_s
        self._dice = random.Random(seed)
        self._rested: dict[int, float] = dict.fromkeys(range(PENDANTS), 0.0)
        self._waiting: set[asyncio.Task[None]] = set()
        self._living: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Life starts; the wire is there from now on."""
        self.wire.plug_in()
        self._living = [asyncio.create_task(work) for work in (self._press(), self._beat(), self._use_door())]

    @property
    def unanswered(self) -> int:
        """Presses without an acknowledgement."""
        return len(self._waiting)

    async def rest(self) -> None:
        """Nobody does anything new; what is on its way goes on."""
        for task in self._living:
            task.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)

    def end(self) -> None:
        """Unplugs everything."""
        for task in (*self._living, *self._waiting):
            task.cancel()
        self.wire.unplug()

    async def _press(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(0.2, 1.8) * self._press_every_s)
            ready = [pendant for pendant, at in self._rested.items() if time.time() - at > APART_S]
            if not ready or len(self._waiting) >= UNANSWERED_MAX:
                continue
            pendant = ready[0]
            # at the back of the queue, and out of it until acknowledged
            del self._rested[pendant]
            press = Press(pendant, time.time())
            self.presses.append(press)
            task = asyncio.create_task(self._see_through(press, self._sent_by(FIRST_PENDANT + pendant).press()))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _see_through(self, press: Press, sequence: int) -> None:
        await self.wire.acknowledged(sequence)
        self.last_acknowledged_at = press.acknowledged_at = self._rested[press.pendant] = time.time()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_every_s)
            self.beats.append(Beat(self._sent_by(BEATING).beat(), time.time()))

    async def _use_door(self) -> None:
        while True:
            await asyncio.sleep(self._dice.uniform(1.0, 3.0))
            self.door_changes += 1
            await self.wire.acknowledged(self._sent_by(DOOR).state(self.door_changes % 2))

    def _sent_by(self, device: int) -> PendantTty:
        self.wire.device = device
        return self.wire


def enrolment() -> str:
    """The enrolment file of a restless home."""
    devices = [(f"pendant-{number}", "serial_pendant", FIRST_PENDANT + number) for number in range(PENDANTS)]
    devices += [("door", "serial_door", DOOR), ("beating", "serial_pendant", BEATING)]
    return "\n".join(
        f'[[device]]\nid = "{name}"\nmodel = "{model}"\nlink = "serial"\naddress = "{number:08x}"\n'
        for name, model, number in devices
    )
