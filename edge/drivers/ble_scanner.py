"""Listens to Bluetooth adverts through bleak, and carries out what the hearing watchdog decides.

A dead controller looks just like a quiet home: no error, no advert. `edge.radio_healing` says when to scan anew, to
reset the adapter, or to restart the program; here it is done, and told whether it could be done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Final

from devices.frames import Frame, Link
from edge.config import BleConfig
from edge.radio_healing import RadioHealing, Step

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

log = logging.getLogger(__name__)

RADIO_ANSWERS_S: Final = 10.0
"""A radio that takes longer to start or stop is stuck."""
RESET_ANSWERS_S: Final = 20.0
"""An adapter that takes longer to be switched off and on is stuck; below `health.STUCK_AFTER_S`."""
STEP_S: Final = 5.0
"""How often hearing is looked at, and progress reported."""
SAME_ADVERT_S: Final = 1.0
"""The same bytes from the same sender are passed on once in this time: a pendant repeats each press a hundred times."""
_STUCK: Final = "org.bluez.Error.InProgress"
"""BlueZ thinks that it scans already, and does not: it hears nothing until the adapter was switched off and on."""
_UUID_TAIL: Final = "-0000-1000-8000-00805f9b34fb"


class NoRadioError(Exception):
    """There is no Bluetooth radio, or it went away; says which and why."""


class BleScanner:
    """Scans and hands on the service data of the home's own devices.

    Args:
        config: which adapter.
        addresses: the senders that belong to the home; others only show that the radio hears.
        on_frame: called in the event loop for each advert that matters; must be quick. When it has no room (False), the
            next repeat is given to it at once.
        on_hearing: called for every advert of anybody; must be quicker still.
        on_progress: called every few seconds while the scan runs.
        healing: decides what is to be done about a radio that hears nobody; None for a short listen.
        may_restart: whether the program may be ended now.
        restart: ends the program, if somebody starts it again; otherwise nothing, and the scan alone begins anew.
        connectable: the senders that are read over a connection.
        on_nearby: called for each advert of one of those.
    """

    def __init__(
        self,
        config: BleConfig,
        addresses: Collection[str],
        on_frame: Callable[[Frame], bool],
        on_hearing: Callable[[], None],
        on_progress: Callable[[], None],
        *,
        healing: RadioHealing | None = None,
        may_restart: Callable[[], bool] = lambda: False,
        restart: Callable[[], Awaitable[None]] | None = None,
        connectable: Collection[str] = (),
        on_nearby: Callable[[BLEDevice], None] = lambda _device: None,
    ) -> None:
        self._config = config
        self._addresses = frozenset(addresses)
        self._on_frame = on_frame
        self._on_hearing = on_hearing
        self._on_progress = on_progress
        self._healing = healing
        self._may_restart = may_restart
        self._restart = restart
        self._connectable = frozenset(connectable)
        self._on_nearby = on_nearby
        self._lost = asyncio.Event()
        self._pausing = asyncio.Event()
        self._last: dict[str, tuple[bytes, float]] = {}

    async def run(self) -> None:
        """Scans until cancelled.

        Raises:
            NoRadioError: the caller tries again later.
        """
        from bleak.exc import BleakError

        try:
            await self._scan_for_ever()
        except (BleakError, OSError, EOFError) as error:
            why = str(error) or "it does not answer"
            if _STUCK in why and self._healing is not None:
                self._healing.ask_reset()
            if isinstance(error, FileNotFoundError):
                why = "the system's Bluetooth service is not running"
            raise NoRadioError(f"no Bluetooth on {self._config.adapter}: {why}") from error

    def went_away(self) -> None:
        """From whoever knows better: the adapter no longer scans. The scan begins anew."""
        self._lost.set()

    def listen_again(self) -> None:
        """From whoever made BlueZ pause its scan: begins it anew at once, on the adapter as it is."""
        if not self._config.is_transport:
            self._pausing.set()

    async def _scan_for_ever(self) -> None:
        # also a radio that cannot even be started is reset when that is due
        step, loud = self._next_step(), True
        while True:
            scanner = await self._begin(step)
            log.log(logging.INFO if loud else logging.DEBUG, "scanning on %s", self._config.adapter)
            try:
                step = await self._watch()
            finally:
                await self._end(scanner)
                self._on_progress()
            loud = step not in {None, Step.RESCAN}

    async def _end(self, scanner: BleakScanner) -> None:
        """Stops scanning. BlueZ that is gone cannot be told to, and raising would hide that the loop was cancelled."""
        from bleak.exc import BleakError

        try:
            async with asyncio.timeout(RADIO_ANSWERS_S):
                await scanner.stop()
        except (BleakError, OSError, EOFError) as error:
            log.debug("the scan on %s could not be stopped: %s", self._config.adapter, error or "no answer")

    async def _begin(self, step: Step | None) -> BleakScanner:
        """Does what is due, and scans."""
        # scans in a quiet night are nothing to wake a technician for
        level = logging.DEBUG if step is Step.RESCAN else logging.WARNING
        if step is not None:
            log.log(level, "heard no advert on %s; %s", self._config.adapter, step.value)
        if step is Step.RESTART:
            self._took(step)
            if self._restart is not None:
                await self._restart()
        try:
            if step in {Step.RESET, Step.RESTART} and not self._config.is_transport:
                await self._reset_adapter()
            self._on_progress()
            self._lost.clear()
            self._pausing.clear()
            scanner = self._scanner()
            async with asyncio.timeout(RADIO_ANSWERS_S):
                # a radio behind a transport is reset by this
                await scanner.start()
        except Exception as error:
            if step is not Step.RESTART:
                self._took(step, str(error) or "it does not answer")
            raise
        if step is not Step.RESTART:
            self._took(step)
        return scanner

    async def _reset_adapter(self) -> None:
        from edge.drivers.bluez import AdapterError, reset_adapter

        self._on_progress()
        try:
            async with asyncio.timeout(RESET_ANSWERS_S):
                await reset_adapter(self._config.adapter)
        except AdapterError as error:
            raise NoRadioError(f"no Bluetooth on {self._config.adapter}: it cannot be reset: {error}") from error

    def _next_step(self) -> Step | None:
        if self._healing is None:
            return None
        return self._healing.next_step(time.monotonic(), may_restart=self._may_restart())

    def _took(self, step: Step | None, failure: str = "") -> None:
        if self._healing is not None and step is not None:
            self._healing.took(step, time.monotonic(), failure)

    async def _watch(self) -> Step | None:
        """Until the scan has to begin anew; None: for no fault of the radio."""
        waits = [asyncio.create_task(event.wait()) for event in (self._lost, self._pausing)]
        try:
            while True:
                self._on_progress()
                step = self._next_step()
                if step is not None:
                    return step
                await asyncio.wait(waits, timeout=STEP_S, return_when=asyncio.FIRST_COMPLETED)
                if self._lost.is_set():
                    raise NoRadioError(f"the Bluetooth radio at {self._config.adapter} went away")
                if self._pausing.is_set():
                    return None
        finally:
            for wait in waits:
                wait.cancel()

    def _scanner(self) -> BleakScanner:
        from bleak import BleakScanner

        if self._config.is_transport:
            try:
                from edge.drivers.hci_radio import scanner_backend
            except ImportError as error:
                raise NoRadioError("a radio behind a HCI transport needs the package 'bumble'") from error
            return BleakScanner(self._on_advert, backend=scanner_backend(self._config.adapter, self._lost.set))
        return BleakScanner(self._on_advert, bluez={"adapter": self._config.adapter})

    def _on_advert(self, device: BLEDevice, advert: AdvertisementData) -> None:
        now = time.monotonic()
        self._on_hearing()
        if device.address in self._connectable:
            self._on_nearby(device)
        if device.address not in self._addresses:
            return
        for uuid, data in advert.service_data.items():
            if not (uuid.startswith("0000") and uuid.endswith(_UUID_TAIL)):
                continue
            payload = int(uuid[4:8], 16).to_bytes(2, "little") + data
            last = self._last.get(device.address)
            if last and last[0] == payload and now - last[1] < SAME_ADVERT_S:
                continue
            if self._on_frame(Frame(Link.BLE_ADVERT, device.address, payload, advert.rssi, time.time())):
                self._last[device.address] = payload, now
