"""A USB emergency button: to the kernel a keyboard, any key of which is the button.

It is taken for ourselves alone (EVIOCGRAB), so that a press does not type into the kiosk page. The kernel's interface
(include/uapi/linux/input.h) needs two calls and one struct, so that no library has to be compiled on a hub.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import time
from pathlib import Path
from typing import Final

from edge.drivers.button_line import ButtonLine

log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 5.0
"""A button that was plugged in again works after so long at the latest."""
DEBOUNCE_S: Final = 0.0
"""The device's own controller has seen to it; some go down and up within a millisecond."""

_EVENT: Final = struct.Struct("@llHHi")
"""struct input_event: seconds, microseconds, type, code, value."""
_EV_SYN, _EV_KEY = 0, 1
_SYN_DROPPED: Final = 3
_KEY_REPEAT: Final = 2
_READ_EVENTS: Final = 64
_KEY_BYTES: Final = 0x300 // 8
_EVIOCGRAB: Final = 0x40044590
_EVIOCGKEY: Final = 0x80004518 | _KEY_BYTES << 16
_INPUTS: Final = Path("/sys/class/input")
_NODES: Final = Path("/dev/input")


class UsbButton:
    """One button, plugged in or not.

    Args:
        device: a path that stays (`/dev/input/by-id/...`), `vendor:product` in hex, or the name that it gives itself.
        line: where its presses go.
    """

    def __init__(self, device: str, line: ButtonLine) -> None:
        self._device = device
        self._line = line

    async def run(self) -> None:
        """Listens until cancelled; waits for the button whenever it is not plugged in."""
        pause, said = RETRY_FIRST_S, ""
        while True:
            began = time.monotonic()
            try:
                await self._listen()
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
            if reason != said:
                log.warning("USB button %s cannot be used: %s; trying again", self._line.name, reason)
            said = reason
            self._line.missing(f"{self._device}: {reason}")
            self._line.on_progress()
            if time.monotonic() - began > RETRY_MAX_S:
                pause = RETRY_FIRST_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_MAX_S)

    async def _listen(self) -> None:
        node = find_node(self._device)
        if node is None:
            raise OSError("no such device is plugged in")
        opened = os.open(node, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        try:
            fcntl.ioctl(opened, _EVIOCGRAB, 1)
            log.info("listening to the USB button %s at %s", self._line.name, node)
            keys = _Keys(opened)
            loop.add_reader(opened, keys.take)
            await self._line.watch(keys.levels, keys.closed, debounce_s=DEBOUNCE_S)
        finally:
            loop.remove_reader(opened)
            os.close(opened)


class _Keys:
    """Turns what the kernel tells about keys into the level of one contact."""

    def __init__(self, opened: int) -> None:
        self.levels: asyncio.Queue[tuple[bool, float]] = asyncio.Queue()
        self._opened = opened
        self._down = _keys_down(opened)
        self._gone: OSError | None = None

    def closed(self) -> bool:
        """Whether any key is down.

        Raises:
            OSError: the device was pulled out.
        """
        # the kernel is not asked: EVIOCGKEY throws away what it has not told yet, which may be a whole press
        if self._gone is not None:
            raise self._gone
        return bool(self._down)

    def take(self) -> None:
        """Reads what there is."""
        try:
            data = os.read(self._opened, _EVENT.size * _READ_EVENTS)
        except BlockingIOError:
            return
        except OSError as error:
            self._gone = error
            asyncio.get_running_loop().remove_reader(self._opened)
            return
        for _, _, kind, code, value in _EVENT.iter_unpack(data[: len(data) - len(data) % _EVENT.size]):
            if kind == _EV_SYN and code == _SYN_DROPPED:
                self._make_good()
            elif kind == _EV_KEY and value != _KEY_REPEAT:
                (self._down.add if value else self._down.discard)(code)
                self._say(bool(self._down))

    def _make_good(self) -> None:
        """The kernel had no room for all events, so that there were some: somebody pressed."""
        self._say(True)
        try:
            self._down = _keys_down(self._opened)
        except OSError as error:
            self._gone = error
        self._say(bool(self._down))

    def _say(self, level: bool) -> None:
        self.levels.put_nowait((level, time.monotonic()))


def _keys_down(opened: int) -> set[int]:
    state = bytearray(_KEY_BYTES)
    fcntl.ioctl(opened, _EVIOCGKEY, state)
    return {code for code in range(_KEY_BYTES * 8) if state[code // 8] >> code % 8 & 1}


def find_node(device: str) -> Path | None:
    """The device's node in `/dev/input`; None while it is not plugged in. See `UsbButton` for how it is named."""
    if device.startswith("/"):
        return Path(device)
    for entry in sorted(_INPUTS.glob("event*"), key=lambda path: (len(path.name), path.name)):
        known = entry / "device"
        try:
            ids = f"{(known / 'id/vendor').read_text().strip()}:{(known / 'id/product').read_text().strip()}"
            name = (known / "name").read_text().strip()
            has_keys = (known / "capabilities/key").read_text().strip() not in {"", "0"}
        except OSError:
            continue
        if has_keys and device.lower() in {ids, name.lower()}:
            return _NODES / entry.name
    return None
