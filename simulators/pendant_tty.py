"""The pendant's serial receiver on a pseudo-terminal: what the firmware would write, and what goes wrong on a wire."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import tty
from pathlib import Path
from typing import Final

from simulators.serial_bytes import ButtonArgument, FrameType, PendantMessage, acknowledged, frame

RETRY_S: Final = 0.2
"""A press is repeated this often until the hub acknowledges it."""
RETRIES_MAX: Final = 50
HEARTBEAT_S: Final = 10.0
_RECEIVED_BYTES_MAX: Final = 256


class PendantTty:
    """A pendant behind `path`, a link to a pseudo-terminal that a serial library opens like a real port."""

    def __init__(
        self,
        path: Path,
        device: int,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        retries_max: int = RETRIES_MAX,
        seed: int = 1,
    ) -> None:
        """`device` is the 32-bit number that the pendant sends; nothing happens before `plug_in`."""
        self.path, self.device = path, device
        self.battery_mv = 2990
        self.damage_next = 0
        """How many of the next frames get one bit flipped on their way."""
        self._heartbeat_s = heartbeat_s
        self._retries_max = retries_max
        self._sequence = 0
        self._dice = random.Random(seed)
        self._started = time.monotonic()
        self._ends: tuple[int, int] | None = None
        self._received = bytearray()
        self._unacknowledged: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def plugged_in(self) -> bool:
        """Whether the port exists."""
        return self._ends is not None

    @property
    def waiting(self) -> int:
        """Messages that are still being repeated for want of an acknowledgement."""
        return len(self._unacknowledged)

    def plug_in(self) -> None:
        """Makes the port appear; the pendant behind it starts."""
        if self._ends is not None:
            return
        device_end, port_end = os.openpty()
        tty.setraw(port_end)
        os.set_blocking(device_end, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(port_end))
        self._ends = (device_end, port_end)
        asyncio.get_running_loop().add_reader(device_end, self._read)
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
        if self._ends is None:
            return
        for task in self._tasks:
            task.cancel()
        self._unacknowledged.clear()
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = None
        self._received.clear()
        self.path.unlink(missing_ok=True)

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
        for _ in range(self._retries_max):
            self._write(message)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), RETRY_S)
                return
        self._unacknowledged.pop(message.sequence, None)

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
        if self._ends is None:
            return
        written = bytearray(frame(message))
        if self.damage_next:
            self.damage_next -= 1
            written[self._dice.randrange(len(written) - 1)] ^= 1 << self._dice.randrange(8)
        with contextlib.suppress(BlockingIOError):  # nobody reads the port: a wire does not wait either
            os.write(self._ends[0], written)

    def _read(self) -> None:
        assert self._ends is not None
        with contextlib.suppress(BlockingIOError):
            self._received += os.read(self._ends[0], 1024)
        *frames, rest = bytes(self._received).split(b"\0")
        self._received = bytearray(rest[-_RECEIVED_BYTES_MAX:])
        for encoded in frames:
            sequence = acknowledged(encoded)
            event = self._unacknowledged.pop(sequence, None) if sequence is not None else None
            if event is not None:
                event.set()

    def _begin(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
