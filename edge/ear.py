"""Listens in place of an agent that does not run: nothing is stored, nothing is sent, and no pendant is answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from devices.decoding import decode
from devices.frames import Frame
from devices.rejection import Rejection
from edge.clock import system_clock
from edge.config import Config
from edge.enrolment import Devices
from edge.health import Health
from edge.listening import Listening, Loop
from edge.status import DeviceStatus, HeardBoard
from gateway.contract.messages import ProblemCode

AGAIN_S = 1.0


class Ear:
    """Takes the drivers' frames and notes who sent them. A pendant that gets no answer keeps calling: as it should."""

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.board = HeardBoard()
        self.all_heard = asyncio.Event()

    def take(self, frame: Frame, _reply: Callable[[bytes], None] | None = None) -> bool:
        """Always has room."""
        device = self._devices.get((frame.link, frame.sender))
        if device is not None:
            decoded = decode(frame, device, None)
            if not isinstance(decoded, Rejection):
                self.board.heard(device, frame, decoded.readings)
                if len(self.board.devices) == len(self._devices):
                    self.all_heard.set()
        return True


async def listen(config: Config, devices: Devices, seconds: float) -> dict[str, DeviceStatus]:
    """Who was heard, within so many seconds or until everybody was."""
    ear, clock = Ear(devices), system_clock()
    health = Health(clock.monotonic)

    def on_fault(part: str, sentence: str, code: ProblemCode = ProblemCode.OTHER, subject: str = "", /) -> None:
        health.fault(part, sentence, code, subject)

    async def never() -> None:
        return None

    listening = Listening(config, devices, clock, ear, health, on_fault)
    loops = listening.loops(lambda: False, never)
    tasks = [asyncio.create_task(_again_and_again(loop)) for loop in loops.values()]
    try:
        async with asyncio.timeout(seconds):
            await ear.all_heard.wait()
    except TimeoutError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return ear.board.devices


async def _again_and_again(loop: Loop) -> None:
    while True:
        # a port that is not there is said by the report; others may be heard
        with contextlib.suppress(Exception):
            await loop(lambda: None)
        await asyncio.sleep(AGAIN_S)
