"""A Bluetooth radio behind any HCI transport (TCP, pty, USB, UART), for unmodified bleak: the host stack is bumble's.

bleak takes another backend by its documented `backend=` argument. Here is the scanner, in `hci_client` the connections
over the same radio. Imported only when the configuration names a transport.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_str
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement, Device
from bumble.hci import Address, OwnAddressType
from bumble.transport import open_transport

log = logging.getLogger(__name__)

SENDERS_MAX: Final = 500
"""Most senders remembered; bleak merges what one device says in several packets, and a street is full of telephones."""

_HOST_ADDRESS: Final = Address("F0:F1:F2:F3:F4:F5")
_SERVICE_DATA_UUID_BYTES: Final = {
    AdvertisingData.SERVICE_DATA_16_BIT_UUID: 2,
    AdvertisingData.SERVICE_DATA_32_BIT_UUID: 4,
    AdvertisingData.SERVICE_DATA_128_BIT_UUID: 16,
}
_UUID_LISTS: Final = {
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}


def scanner_backend(transport: str, on_lost: Callable[[], None]) -> type[BaseBleakScanner]:
    """A bleak scanner type bound to `transport`, such as "tcp-client:127.0.0.1:9123".

    bleak has no word for a radio that goes away while it scans, so `on_lost` is called then.
    """

    class TransportScanner(HciScanner):
        _transport_name = transport
        _on_lost = staticmethod(on_lost)

    return TransportScanner


@contextmanager
def waiting_for_bumble() -> Iterator[None]:
    """Around each wait for bumble: what cancels the task ends it, and nothing else does.

    bumble waits by `asyncio.wait_for`, which up to Python 3.11 loses a cancellation that comes as its result does; and
    when a device leaves, bumble raises `CancelledError` to somebody whom nobody has cancelled.

    Raises:
        BleakError: the connection ended.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        yield
    except asyncio.CancelledError as error:
        if task.cancelling() > before:
            raise
        raise BleakError("the connection ended") from error
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


class HciRadio:
    """An open transport with its host stack; shared by a scanner and the connections to what it finds.

    Attributes:
        device: bumble's host, or None when the radio is closed or gone.
        clients: what is to be called when it goes.
    """

    def __init__(self, transport: str) -> None:
        self.device: Any = None
        self.clients: set[Callable[[], None]] = set()
        self._name = transport
        self._transport: Any = None

    async def open(self, on_lost: Callable[[], None]) -> None:
        """Opens the transport and resets the controller; `on_lost` is called when the transport ends by itself."""
        self._transport = await open_transport(self._name)
        self.device = Device.with_hci("llar", _HOST_ADDRESS, self._transport.source, self._transport.sink)
        self._transport.source.terminated.add_done_callback(lambda ending: self._ended(ending, on_lost))
        with waiting_for_bumble():
            await self.device.power_on()

    async def close(self) -> None:
        """Ends all connections and closes the transport. A controller that no longer answers is left as it is."""
        transport, self._transport, self.device = self._transport, None, None
        for gone in tuple(self.clients):
            gone()
        if transport is not None:
            await transport.close()

    def _ended(self, ending: asyncio.Future[None], on_lost: Callable[[], None]) -> None:
        # retrieved, or asyncio complains of an exception that nobody looked at
        if not ending.cancelled() and ending.exception() is not None:
            log.warning("the radio at %s ended: %s", self._name, ending.exception())
        if self._transport is not None:
            on_lost()


class HciScanner(BaseBleakScanner):
    """bleak's scanner over a bumble host. The radio is open from `start` to `stop`."""

    _transport_name = ""

    @staticmethod
    def _on_lost() -> None:
        """Called when the transport ends by itself."""

    def __init__(
        self, detection_callback: Any, service_uuids: list[str] | None, scanning_mode: str, **_of_others: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._radio = HciRadio(self._transport_name)

    async def start(self) -> None:
        """Opens the transport, resets the controller and scans.

        Raises:
            BleakError: the transport cannot be opened or the controller does not answer.
        """
        self.seen_devices = {}
        try:
            await self._radio.open(self._on_lost)
            self._radio.device.on("advertisement", self._on_advertisement)
            with waiting_for_bumble():
                await self._radio.device.start_scanning(
                    active=self._active, filter_duplicates=False, own_address_type=OwnAddressType.PUBLIC
                )
        except BaseException as error:
            await self._radio.close()
            if isinstance(error, Exception):
                raise BleakError(f"no Bluetooth radio at {self._transport_name}: {error}") from error
            raise

    async def stop(self) -> None:
        """Closes the radio, and with it all connections over it."""
        await self._radio.close()

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        if len(self.seen_devices) > SENDERS_MAX:
            self.seen_devices.clear()
            # bumble remembers each sender for ever, and strangers change their addresses
            self._radio.device.advertisement_accumulators.clear()
        address = advertisement.address.to_string(with_type_qualifier=False)
        data = _read_advert(advertisement)
        details = (self._radio, advertisement.address)
        device = self.create_or_update_device(address, address, data.local_name, details, data)
        if self.is_allowed_uuid(data.service_uuids):
            self.call_detection_callbacks(device, data)


def _read_advert(advertisement: Advertisement) -> AdvertisementData:
    """One advert in bleak's form. Bad structures are left out."""
    name: str | None = None
    power: int | None = None
    makers: dict[int, bytes] = {}
    services: dict[str, bytes] = {}
    uuids: list[str] = []
    for kind, value in advertisement.data.ad_structures:
        if kind in {AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME}:
            name = value.decode(errors="replace")
        elif kind == AdvertisingData.TX_POWER_LEVEL and len(value) == 1:
            power = int.from_bytes(value, "little", signed=True)
        elif kind == AdvertisingData.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
            makers[int.from_bytes(value[:2], "little")] = value[2:]
        elif kind in _SERVICE_DATA_UUID_BYTES and len(value) >= (size := _SERVICE_DATA_UUID_BYTES[kind]):
            services[_uuid(value[:size])] = value[size:]
        elif kind in _UUID_LISTS:
            size = _UUID_LISTS[kind]
            uuids += [_uuid(value[i : i + size]) for i in range(0, len(value) - size + 1, size)]
    return AdvertisementData(name, makers, services, uuids, power, advertisement.rssi, (advertisement,))


def _uuid(raw: bytes) -> str:
    # not by bumble's UUID, which keeps each one that it ever made
    text = raw[::-1].hex()
    return normalize_uuid_str(text if len(raw) < 16 else str(uuid.UUID(text)))


def uuid_text(uuid: UUID) -> str:
    """As bleak writes it."""
    return normalize_uuid_str(uuid.to_hex_str("-").lower())
