"""A serial port that is a pseudo-terminal behind a fixed path, and that can be pulled out and plugged in again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

_READ_BYTES: Final = 1024


class SerialPort:
    """The port at `path`, a link that a serial library opens like a real one.

    Attributes:
        path: where it appears.
    """

    def __init__(self, path: Path, on_bytes: Callable[[bytes], None]) -> None:
        """Nothing happens before `plug_in`; `on_bytes` gets what the hub writes, in the event loop."""
        self.path = path
        self._on_bytes = on_bytes
        self._ends: tuple[int, int] | None = None

    @property
    def plugged_in(self) -> bool:
        """Whether the port exists."""
        return self._ends is not None

    def plug_in(self) -> None:
        """Makes the port appear."""
        if self._ends is not None:
            return
        device_end, port_end = os.openpty()
        tty.setraw(port_end)
        os.set_blocking(device_end, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(port_end))
        self._ends = (device_end, port_end)
        asyncio.get_running_loop().add_reader(device_end, self._read)

    def unplug(self) -> None:
        """Makes the port vanish, under whoever has it open."""
        if self._ends is None:
            return
        asyncio.get_running_loop().remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = None
        self.path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Sends bytes to whoever has the port open. Nobody there, or nobody who reads: a wire does not wait either."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def _read(self) -> None:
        assert self._ends is not None
        with contextlib.suppress(BlockingIOError):
            self._on_bytes(os.read(self._ends[0], _READ_BYTES))
