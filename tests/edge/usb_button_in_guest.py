"""Runs inside the emulated machine of `test_buttons_usb.py`: the agent's driver, and a button made with uinput.

Prints one line a finding, `NAME: what came`, and `DONE`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable

from devices.frames import ButtonEvent, Frame
from edge.drivers.button_line import ButtonLine
from edge.drivers.buttons_usb import UsbButton, find_node
from gateway.contract.messages import ProblemCode
from simulators import usb_button

NAME, IDS = "Llar Test Button", (0x1209, 0xB077)
PATIENCE_S = 30.0


class Hub:
    """What the driver hands over."""

    def __init__(self, device: str) -> None:
        self.events: list[str] = []
        self.fault = ""
        self.task = asyncio.create_task(UsbButton(device, self._line()).run())

    def _line(self) -> ButtonLine:
        return ButtonLine(
            "bathroom",
            on_frame=self._take,
            on_hearing=lambda: None,
            on_progress=lambda: None,
            on_fault=self._on_fault,
        )

    def _take(self, frame: Frame) -> bool:
        self.events.append(ButtonEvent(frame.payload[0]).name)
        return True

    def _on_fault(self, sentence: str, code: ProblemCode) -> None:
        self.fault = f"{code.value}: {sentence}" if sentence else ""

    async def say(self, name: str, done: Callable[[], object]) -> None:
        """Waits until `done`, then prints what has come and forgets it."""
        end = time.monotonic() + PATIENCE_S
        while not done() and time.monotonic() < end:
            await asyncio.sleep(0.01)
        tell(f"{name}: {' '.join(self.events)} [{self.fault.partition(':')[0] or 'well'}]")
        self.events.clear()


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def overheard(node: int) -> int:
    """Bytes that another program gets from the same device."""
    try:
        return len(os.read(node, 4096))
    except BlockingIOError:
        return 0


async def main() -> None:
    """The scenes, one after the other."""
    hub = Hub(f"{IDS[0]:04x}:{IDS[1]:04x}")
    await hub.say("not plugged in", lambda: hub.fault)
    button = usb_button.UsbButton(NAME, *IDS)
    await hub.say("plugged in", lambda: "ALIVE" in hub.events)
    path = find_node(NAME.upper())
    assert path is not None
    other = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    button.down()
    button.up()
    await hub.say("a tap", lambda: "RELEASE" in hub.events)
    for _ in range(3):
        button.down()
        button.up()
    await hub.say("three taps", lambda: hub.events.count("RELEASE") == 3)
    button.down()
    await hub.say("at once", lambda: "PRESS" in hub.events)
    await hub.say("held", lambda: "LONG" in hub.events)
    button.up()
    await hub.say("let go", lambda: "RELEASE" in hub.events)
    tell(f"others hear: {overheard(other)}")
    os.close(other)
    button.unplug()
    await hub.say("pulled out", lambda: hub.fault)
    button = usb_button.UsbButton(NAME, *IDS)
    button.down()
    await hub.say("plugged in and held", lambda: "HELD" in hub.events)
    hub.task.cancel()
    await asyncio.gather(hub.task, return_exceptions=True)
    hub = Hub(str(path))
    await hub.say("held over a restart", lambda: "HELD" in hub.events)
    button.up()
    await hub.say("let go at last", lambda: "RELEASE" in hub.events)
    hub.task.cancel()
    button.unplug()
    tell("DONE")


asyncio.run(main())
