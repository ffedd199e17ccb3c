"""Listens to Bluetooth adverts through bleak, and looks after a radio that has gone deaf.

A dead controller looks just like a quiet home: no error, no advert. So hearing is watched here: after `RESCAN_AFTER_S`
without any advert from anybody the scan is started anew, again and again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from devices.frames import Frame, Link
from edge.config import BleConfig

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

log = logging.getLogger(__name__)

RESCAN_AFTER_S: Final = 60.0
"""Without any advert for this long the scan is started anew: so long a press may go unheard by a radio gone deaf."""
RADIO_ANSWERS_S: Final = 10.0
"""A radio that takes longer to start or stop is stuck."""
STEP_S: Final = 5.0
"""How often hearing is looked at, and progress reported."""
SAME_ADVERT_S: Final = 1.0
"""The same bytes from the same sender are passed on once in this time: a pendant repeats each press a hundred times."""
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
        connectable: Collection[str] = (),
        on_nearby: Callable[[BLEDevice], None] = lambda _device: None,
    ) -> None:
        self._config = config
        self._addresses = frozenset(addresses)
        self._on_frame = on_frame
        self._on_hearing = on_hearing
        self._on_progress = on_progress
        self._connectable = frozenset(connectable)
        self._on_nearby = on_nearby
        self._heard_at = 0.0
        self._lost = asyncio.Event()
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
            if isinstance(error, FileNotFoundError):
                why = "the system's Bluetooth service is not running"
            raise NoRadioError(f"no Bluetooth on {self._config.adapter}: {why}") from error

    async def _scan_for_ever(self) -> None:
        level, quiet = logging.INFO, logging.WARNING
        while True:
            self._lost.clear()
            self._heard_at = time.monotonic()
            scanner = self._scanner()
            async with asyncio.timeout(RADIO_ANSWERS_S):
                await scanner.start()
            log.log(level, "scanning on %s", self._config.adapter)
            try:
                await self._watch()
            finally:
                async with asyncio.timeout(RADIO_ANSWERS_S):
                    await scanner.stop()
            log.log(quiet, "heard no advert for %.0f s on %s; scanning anew", RESCAN_AFTER_S, self._config.adapter)
            # said once: in a quiet home it is so all night
            level = quiet = logging.DEBUG

    async def _watch(self) -> None:
        while time.monotonic() - self._heard_at < RESCAN_AFTER_S:
            self._on_progress()
            try:
                async with asyncio.timeout(STEP_S):
                    await self._lost.wait()
            except TimeoutError:
                continue
            raise NoRadioError(f"the Bluetooth radio at {self._config.adapter} went away")

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
        now = self._heard_at = time.monotonic()
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
