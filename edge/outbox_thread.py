"""The outbox on a thread of its own, so that the event loop never waits for the disk; and what to do when it fails."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from edge.outbox import Outbox
from edge.outbox_file import memory_outbox, open_outbox, return_to_disk
from gateway.contract.messages import ProblemCode

log = logging.getLogger(__name__)

Result = TypeVar("Result")

DISK_AGAIN_S: Final = 30.0
"""How often a disk that failed is tried again."""
SLOW_S: Final = 2.0
"""A disk that needs longer for one call is slow: worn SD cards stand still for many seconds and then go on."""
SLOW_FOR_S: Final = 60.0
"""It counts as slow for so long after such a call: the next one may be the same."""


class OutboxThread:
    """Calls the outbox from one thread, in order.

    When the disk fails in the middle, an outbox in memory takes over, so that a press still reaches the centre;
    `durable` is then false and `on_fault` is told. The disk is tried again now and then, and what was kept in memory
    is written down there.
    """

    def __init__(self, on_fault: Callable[[str, ProblemCode], object]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._on_fault = on_fault
        self._outbox: Outbox | None = None
        self._failed: Outbox | None = None
        self._readings_max = 0
        self._folder = Path()
        self._try_disk_at = 0.0
        self._began_at = math.inf
        self._slow_at = -math.inf

    @property
    def is_slow(self) -> bool:
        """Whether the disk makes its callers wait, now or lately."""
        now = time.monotonic()
        return now - self._began_at > SLOW_S or now - self._slow_at < SLOW_FOR_S

    @property
    def durable(self) -> bool:
        """Whether what is committed outlives a power cut."""
        return self._outbox is not None and self._outbox.durable

    async def open(self, folder: Path, readings_max: int) -> None:
        """Opens the file; never fails (see `open_outbox`)."""
        self._folder, self._readings_max = folder, readings_max
        self._try_disk_at = time.monotonic() + DISK_AGAIN_S
        loop = asyncio.get_running_loop()
        self._outbox, faults = await loop.run_in_executor(self._thread, open_outbox, folder, _new_epoch(), readings_max)
        for fault in faults:
            log.error("%s", fault)
            self._on_fault(fault, ProblemCode.OUTBOX_DAMAGED if self.durable else ProblemCode.OUTBOX_MEMORY)

    async def call(self, work: Callable[[Outbox], Result]) -> Result:
        """Runs `work` on the outbox's thread; if the disk fails, once more on an outbox in memory."""
        if not self.durable and time.monotonic() >= self._try_disk_at:
            await self._try_disk()
        used = self._outbox
        try:
            return await self._run(work)
        except sqlite3.Error as error:
            # when two calls met the same failure, the first has seen to it
            if used is self._outbox:
                if not self.durable:
                    raise
                log.exception("the outbox failed; alarms are kept in memory from now on")
                full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
                code = ProblemCode.DISK_FULL if full else ProblemCode.OUTBOX_MEMORY
                self._on_fault(f"outbox: the disk failed ({error}); alarms are kept in memory only", code)
                # no waiting here, or two calls would each make one
                self._failed = used
                self._outbox = memory_outbox(_new_epoch(), self._readings_max)
                self._try_disk_at = time.monotonic() + DISK_AGAIN_S
        return await self._run(work)

    async def _try_disk(self) -> None:
        """Goes back to the disk if that takes everything."""
        self._try_disk_at = time.monotonic() + DISK_AGAIN_S

        def move(memory: Outbox) -> None:
            # on the outbox's thread: nobody writes into the memory meanwhile, and what was asked before is done
            if self._failed is not None:
                self._failed.close()
                self._failed = None
            box = return_to_disk(self._folder, memory, _new_epoch(), self._readings_max)
            if box is not None:
                self._outbox = box
                memory.close()

        await self._run(move)
        if self.durable:
            log.warning("the outbox is on disk again")
            self._on_fault("", ProblemCode.OUTBOX_MEMORY)

    async def close(self) -> None:
        """Ends the thread after what was asked of it."""
        if self._failed is not None:
            # only now: a call that met the same failure may still have been at work on it
            self._failed.close()
        if self._outbox is not None:
            await self._run(Outbox.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[Outbox], Result]) -> Result:
        assert self._outbox is not None, "the outbox is not open"
        # what was asked for is done also when the asker is stopped meanwhile
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, self._timed, work, self._outbox))

    def _timed(self, work: Callable[[Outbox], Result], outbox: Outbox) -> Result:
        self._began_at = time.monotonic()
        try:
            return work(outbox)
        finally:
            began_at, self._began_at = self._began_at, math.inf
            if time.monotonic() - began_at > SLOW_S:
                self._slow_at = time.monotonic()


def _new_epoch() -> str:
    return secrets.token_hex(4)
