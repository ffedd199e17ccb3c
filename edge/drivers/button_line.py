"""Watches one wired button: what its contact does goes in, frames and faults come out. Shared by USB and GPIO."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from devices.frames import ButtonEvent, Frame, Link
from edge.drivers.button_presses import Told, advance, begin, due_at
from gateway.contract.messages import ProblemCode

log = logging.getLogger(__name__)

ALIVE_EVERY_S: Final = 60.0
"""A button that nobody presses is heard as often as this."""
LOOK_EVERY_S: Final = 1.0
"""The contact is read this often besides its events: one that got lost is made good, and the loop shows progress."""
NO_ROOM_WAIT_S: Final = 0.05

_EVENTS: Final = {
    Told.PRESS: ButtonEvent.PRESS,
    Told.HELD: ButtonEvent.HELD,
    Told.LONG: ButtonEvent.LONG,
    Told.RELEASE: ButtonEvent.RELEASE,
    Told.STUCK: ButtonEvent.STUCK,
}
_WRONG: Final = {
    Told.STUCK: "is stuck: it has been down for half a minute; free it, or look for a crushed cable",
    Told.CHATTER: "goes down again and again: look for a loose wire; its presses are told once a minute",
}
_WELL: Final = {Told.RELEASE: Told.STUCK, Told.STEADY: Told.CHATTER}


class ButtonLine:
    """One button, for as long as it is plugged in and its driver runs.

    Args:
        name: the line's name, as the enrolment gives it for an address.
        on_frame: takes a frame; false when there is no room, and then it is given again.
        on_hearing: called whenever the button is known to be there.
        on_progress: called every second.
        on_fault: called with a sentence when the button is stuck or gone, and with "" when it is well again.
    """

    def __init__(
        self,
        name: str,
        *,
        on_frame: Callable[[Frame], bool],
        on_hearing: Callable[[], None],
        on_progress: Callable[[], None],
        on_fault: Callable[[str, ProblemCode], object],
    ) -> None:
        self.name = name
        self.on_progress = on_progress
        self._on_fault = on_fault
        self._wrong: set[Told] = set()
        self._on_frame = on_frame
        self._on_hearing = on_hearing

    def missing(self, why: str) -> None:
        """The button cannot be heard."""
        self._on_fault(f"button {self.name} is not there: {why}", ProblemCode.BUTTON_MISSING)

    async def watch(
        self, levels: asyncio.Queue[tuple[bool, float]], read: Callable[[], bool], *, debounce_s: float
    ) -> None:
        """Works until cancelled.

        Args:
            levels: whether the contact is closed, and since when (`time.monotonic`), at each change, in order.
            read: whether it is closed now.
            debounce_s: how long its contact must stay before it counts.

        Raises:
            OSError: from `read`: the button is gone.
        """
        now = time.monotonic()
        button, alive_at = begin(read(), now), now
        self._wrong.clear()
        self._on_fault("", ProblemCode.BUTTON_MISSING)
        while True:
            self.on_progress()
            if now >= alive_at:
                await self._tell(ButtonEvent.ALIVE)
                alive_at = now + ALIVE_EVERY_S
            wait_s = min(due_at(button, debounce_s) - now, LOOK_EVERY_S)
            try:
                async with asyncio.timeout(max(wait_s, 0.0)):
                    level, at = await levels.get()
            except TimeoutError:
                level, at = (read() if levels.empty() else button.level), time.monotonic()
            now = max(at, now)
            button, told = advance(button, level, now, debounce_s)
            for what in told:
                await self._say(what)

    async def _say(self, what: Told) -> None:
        log.log(logging.DEBUG if what is Told.RELEASE else logging.INFO, "button %s: %s", self.name, what.value)
        if what in _EVENTS:
            await self._tell(_EVENTS[what])
        if what in _WRONG:
            self._wrong.add(what)
        elif _WELL.get(what) in self._wrong:
            self._wrong.discard(_WELL[what])
        else:
            return
        sentences = [f"button {self.name} {_WRONG[one]}" for one in sorted(self._wrong)]
        self._on_fault("; ".join(sentences), ProblemCode.BUTTON_STUCK)

    async def _tell(self, event: ButtonEvent) -> None:
        """A press is told until it is taken: nobody repeats it, as a pendant would."""
        self._on_hearing()
        frame = Frame(Link.BUTTON, self.name, bytes((event,)), None, time.time())
        while not self._on_frame(frame):
            self.on_progress()
            await asyncio.sleep(NO_ROOM_WAIT_S)
