"""Listens on a serial port, and comes back by itself when the receiver was pulled out and plugged in again."""

from __future__ import annotations

import asyncio
import logging
import os
import termios
import time
from collections.abc import Callable
from typing import Final

from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.serial_frames import FrameSplitter, sender_of
from edge.config import SerialConfig

log = logging.getLogger(__name__)

READ_BYTES: Final = 1_024
RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 15.0
STEP_S: Final = 5.0
"""Longest wait for bytes before progress is reported: a silent pendant is no dead loop."""
REPLY_BYTES_MAX: Final = 4_096
"""What a receiver that does not read may make us hold; further acknowledgements are dropped, the device asks again."""

Reply = Callable[[bytes], None]


class SerialReceiver:
    """One port.

    Args:
        config: which.
        on_frame: called with each whole frame and with the way to answer it.
        on_refused: called with the reason for what was no frame.
        on_hearing: called when bytes of a good frame came.
        on_progress: called every few seconds, also while the port is away.
        on_fault: called with a sentence when the port cannot be used, and with "" when it can again.
    """

    def __init__(
        self,
        config: SerialConfig,
        *,
        on_frame: Callable[[Frame, Reply], object],
        on_refused: Callable[[str], None],
        on_hearing: Callable[[], None],
        on_progress: Callable[[], None],
        on_fault: Callable[[str], object],
    ) -> None:
        self._config = config
        self._on_frame = on_frame
        self._on_refused = on_refused
        self._on_hearing = on_hearing
        self._on_progress = on_progress
        self._on_fault = on_fault
        self._opened = False

    async def run(self) -> None:
        """Listens until cancelled; opens the port again, with growing pauses, for as long as it takes."""
        from serial import SerialException

        pause, said = RETRY_FIRST_S, ""
        while True:
            try:
                await self._listen()
                reason = "it was closed"
            except (SerialException, OSError, ValueError) as error:
                reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            except termios.error as error:  # no OSError, and the library lets it through: gone while it was opened
                reason = str(error.args[-1])
            if self._opened:
                pause = RETRY_FIRST_S
            if reason != said:
                log.warning("serial port %s cannot be used: %s; trying again", self._config.port, reason)
            said = reason
            self._on_fault(f"serial {self._config.port}: {reason}"[:250])
            self._on_progress()
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_MAX_S)

    async def _listen(self) -> None:
        from serial_asyncio_fast import open_serial_connection

        self._opened = False
        reader, writer = await open_serial_connection(url=self._config.port, baudrate=self._config.baud)
        self._opened = True
        self._on_fault("")
        log.info("listening on %s", self._config.port)

        def reply(data: bytes) -> None:
            transport = writer.transport
            if not transport.is_closing() and transport.get_write_buffer_size() < REPLY_BYTES_MAX:
                writer.write(data)

        splitter = FrameSplitter()
        try:
            while data := await self._read(reader):
                self._take(splitter, data, reply)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        while True:
            self._on_progress()
            try:
                async with asyncio.timeout(STEP_S):
                    return await reader.read(READ_BYTES)
            except TimeoutError:
                continue

    def _take(self, splitter: FrameSplitter, data: bytes, reply: Reply) -> None:
        dropped = splitter.dropped
        for encoded in splitter.feed(data):
            sender = sender_of(encoded)
            if isinstance(sender, Rejection):
                self._on_refused(sender.reason)
                continue
            self._on_hearing()
            self._on_frame(Frame(Link.SERIAL, sender, encoded, None, time.time()), reply)
        for _ in range(splitter.dropped - dropped):
            self._on_refused("too_large")
