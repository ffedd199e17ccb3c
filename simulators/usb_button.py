"""A USB emergency button as the kernel sees one: an input device made with uinput (include/uapi/linux/uinput.h).

Needs the kernel's module `uinput` and the right to open `/dev/uinput`.
"""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

BUS_USB: Final = 3
KEY_PAUSE: Final = 119
_UI_DEV_CREATE, _UI_DEV_DESTROY = 0x5501, 0x5502
_UI_DEV_SETUP: Final = 0x405C5503
_UI_SET_EVBIT, _UI_SET_KEYBIT = 0x40045564, 0x40045565
_EV_SYN, _EV_KEY, _EV_REP = 0, 1, 20
_SETUP: Final = struct.Struct("<HHHH80sI")
_EVENT: Final = struct.Struct("@llHHi")


class UsbButton:
    """Plugged in from the start, until `unplug`. The kernel repeats its key while it is held, as any keyboard's."""

    def __init__(self, name: str, vendor: int, product: int) -> None:
        self._node = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        for kind in (_EV_KEY, _EV_REP):
            fcntl.ioctl(self._node, _UI_SET_EVBIT, kind)
        fcntl.ioctl(self._node, _UI_SET_KEYBIT, KEY_PAUSE)
        fcntl.ioctl(self._node, _UI_DEV_SETUP, _SETUP.pack(BUS_USB, vendor, product, 1, name.encode(), 0))
        fcntl.ioctl(self._node, _UI_DEV_CREATE)

    def down(self) -> None:
        """The button goes down."""
        self._say(1)

    def up(self) -> None:
        """It is let go."""
        self._say(0)

    def unplug(self) -> None:
        """The plug is pulled."""
        fcntl.ioctl(self._node, _UI_DEV_DESTROY)
        os.close(self._node)

    def _say(self, value: int) -> None:
        os.write(self._node, _EVENT.pack(0, 0, _EV_KEY, KEY_PAUSE, value) + _EVENT.pack(0, 0, _EV_SYN, 0, 0))
