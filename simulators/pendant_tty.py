"""The pendant's serial receiver on a pseudo-terminal: what the firmware would write, and what goes wrong on a wire."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from pathlib import Path
from typing import Final

from simulators.serial_bytes import ButtonArgument, FrameCutter, FrameType, PendantMessage, acknowledged, frame
from simulators.serial_port import SerialPort

RETRY_S: Final = 0.2
"""A press is repeated this often until the hub acknowledges it."""
HEARTBEAT_S: Final = 10.0


class PendantTty:
    """A pendant behind `path`, a link to a pseudo-terminal that a serial library opens like a real port."""

    def __init__(
        self,
        path: Path,
        device: int,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        seed: int = 1,
    ) -> None:
        """`device` is the 32-bit number that the pendant sends; nothing happens before `plug_in`."""
        self.device = device
        self._port = SerialPort(path, self._read)
        self.battery_mv = 2990
        self.damage_next = 0
        """How many of the next frames get one bit flipped on their way."""
        self._heartbeat_s = heartbeat_s
        self._sequence = 0
        self._dice = random.Random(seed)
        self._started = time.monotonic()
        self._from_hub = FrameCutter()
        self._unacknowledged: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> Path:
        """Where the port appears."""
        return self._port.path

    @property
    def plugged_in(self) -> bool:
        """Whether the port exists."""
        return self._port.plugged_in

    @property
    def waiting(self) -> int:
        """Messages that are still being repeated for want of an acknowledgement."""
        return len(self._unacknowledged)

    def plug_in(self) -> None:
        """Makes the port appear; the pendant behind it starts."""
        if self.plugged_in:
            return
        self._port.plug_in()
        self._begin(self._beat())
        self.start_again()

    def start_again(self) -> None:
        """The pendant's battery was changed: it counts its time from nought and says that it has started.

        Whoever opens the port later does not hear it: opening a port empties it.
        """
        self._started = time.monotonic()
        self._say(FrameType.BOOT, 0)

    def unplug(self) -> None:
        """Makes the port vanish, with whoever has it open."""
        for task in self._tasks:
            task.cancel()
        self._unacknowledged.clear()
        self._from_hub = FrameCutter()
        self._port.unplug()

    def press(self, argument: ButtonArgument = ButtonArgument.PRESS) -> int:
        """Presses the button: the frame is repeated until acknowledged. Returns its sequence number."""
        return self._insist(FrameType.BUTTON, argument)

    def fall(self) -> int:
        """Says that the accelerometer saw a fall; repeated like a press."""
        return self._insist(FrameType.FALL, 1)

    def state(self, argument: int) -> int:
        """Says that a door or a mat on the same wire has changed; repeated like a press."""
        return self._insist(FrameType.STATE, argument)

    def beat(self) -> int:
        """Says once that the device is there. Returns the sequence number."""
        message = self._message(FrameType.HEARTBEAT, 0)
        self._write(message)
        return message.sequence

    async def acknowledged(self, sequence: int) -> None:
        """Waits until the hub has acknowledged that frame."""
        event = self._unacknowledged.get(sequence)
        if event is not None:
            await event.wait()

    def _insist(self, kind: FrameType, argument: int) -> int:
        message = self._message(kind, argument)
        self._unacknowledged[message.sequence] = event = asyncio.Event()
        self._begin(self._repeat(message, event))
        return message.sequence

    async def _repeat(self, message: PendantMessage, event: asyncio.Event) -> None:
        while not event.is_set():
            self._write(message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S):
                    await event.wait()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            self._say(FrameType.HEARTBEAT, 0)

    def _say(self, kind: FrameType, argument: int) -> None:
        self._write(self._message(kind, argument))

    def _message(self, kind: FrameType, argument: int) -> PendantMessage:
        self._sequence = (self._sequence + 1) & 0xFFFF
        uptime_ms = round((time.monotonic() - self._started) * 1000)
        return PendantMessage(kind, self.device, self._sequence, uptime_ms, self.battery_mv, argument)

    def _write(self, message: PendantMessage) -> None:
        if not self.plugged_in:
            return
        written = bytearray(frame(message))
        if self.damage_next:
            self.damage_next -= 1
            written[self._dice.randrange(len(written) - 1)] ^= 1 << self._dice.randrange(8)
        self._port.write(bytes(written))

    def _read(self, data: bytes) -> None:
        for encoded in self._from_hub.feed(data):
            sequence = acknowledged(encoded)
            event = self._unacknowledged.pop(sequence, None) if sequence is not None else None
            if event is not None:
                event.set()

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
