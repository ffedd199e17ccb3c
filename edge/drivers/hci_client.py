"""Connections over a radio behind a HCI transport, for unmodified bleak; the other half of `hci_radio`.

A client uses the radio that heard the device, which its `BLEDevice.details` names. It lives as long as the scan does:
a scan begun anew resets the radio and ends its connections. Pairing is by LE Secure Connections, "just works", and done
anew at each connection: keeping bonds is BlueZ's business, and who needs that uses BlueZ.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble.att import ATT_Error, ErrorCode
from bumble.core import BaseBumbleError
from bumble.device import Peer
from bumble.hci import Address, HCI_LE_Create_Connection_Cancel_Command, OwnAddressType
from bumble.pairing import PairingConfig

from edge.drivers.hci_radio import HciRadio, uuid_text, waiting_for_bumble

log = logging.getLogger(__name__)

ATT_MTU: Final = 247
"""Asked of each device: one link-layer packet of 251 bytes."""
_PAIR_FIRST: Final = frozenset({ErrorCode.INSUFFICIENT_AUTHENTICATION, ErrorCode.INSUFFICIENT_ENCRYPTION})
_FAULTS: Final = (BaseBumbleError, TimeoutError, asyncio.InvalidStateError, OSError)


class HciClient(BaseBleakClient):
    """bleak's client over a bumble host.

    Args:
        address_or_ble_device: a device that `HciScanner` found; an address alone is not enough.
    """

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_of_others: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        if isinstance(address_or_ble_device, str):
            raise BleakDeviceNotFoundError(self.address, "give the device that the scanner found")
        self._name = address_or_ble_device.name or self.address
        self._radio: HciRadio
        self._radio, self._peer_address = address_or_ble_device.details
        self._connection: Any = None
        self._subscriptions: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The device's name."""
        return self._name

    @property
    def mtu_size(self) -> int:
        """What both sides agreed on."""
        return int(self._connection.att_mtu) if self._connection else 23

    @property
    def is_connected(self) -> bool:
        """Whether the link stands."""
        return self._connection is not None

    async def connect(self, pair: bool, **_of_others: Any) -> None:
        """Connects, pairs if asked to, and discovers what the device offers.

        Raises:
            BleakError: the device does not answer, refuses, or the radio is gone.
        """
        device = self._radio.device
        if device is None:
            raise BleakError("the radio is gone")
        try:
            with waiting_for_bumble():
                self._connection = await device.connect(
                    self._peer_address, own_address_type=OwnAddressType.PUBLIC, timeout=self._timeout
                )
            self._connection.on("disconnection", self._ended)
            self._radio.clients.add(self._ended)
            if pair:
                await self.pair()
            peer = Peer(self._connection)
            with waiting_for_bumble():
                await peer.request_mtu(ATT_MTU)
            with waiting_for_bumble():
                await peer.discover_all()  # type: ignore[no-untyped-call]
        except BaseException as error:
            await self._give_up()
            if isinstance(error, _FAULTS):
                raise BleakError(f"no connection to {self.address}: {error or type(error).__name__}") from error
            raise
        self.services = _services(peer, lambda: self.mtu_size - 3)

    async def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        self._radio.clients.discard(self._ended)
        if self._radio.device is not None:
            try:
                async with asyncio.timeout(1.0):
                    await _end(self._radio.device, connection, self._peer_address)
            except _FAULTS as error:
                log.debug("%s was not let go: %s", self.address, error)

    def _ended(self, *_reason: object) -> None:
        self._radio.clients.discard(self._ended)
        if self._connection is not None:
            self._connection = None
            if self._disconnected_callback is not None:
                self._disconnected_callback()

    async def disconnect(self) -> None:
        """Ends the connection, also with a device that no longer answers."""
        if self._connection is not None:
            await self._give_up()

    async def pair(self, *_args: Any, **_of_others: Any) -> None:
        """Pairs without passkey.

        Raises:
            BleakError: the device refuses.
        """
        if self._connection.is_encrypted:
            return
        self._connection.device.pairing_config_factory = lambda _connection: PairingConfig(mitm=False)
        try:
            with waiting_for_bumble():
                await self._connection.pair()
        except _FAULTS as error:
            raise BleakError(f"{self.address} does not pair: {error}") from error

    async def unpair(self) -> None:
        """Nothing: no bond is kept."""

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_of_others: Any
    ) -> bytearray:
        """See bleak. Raises: BleakError."""
        return bytearray(await self._ask(characteristic.obj.read_value))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_of_others: Any
    ) -> bytearray:
        """See bleak. Raises: BleakError."""
        return bytearray(await self._ask(descriptor.obj.read_value))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """See bleak. Raises: BleakError."""
        await self._ask(lambda: characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """See bleak. Raises: BleakError."""
        await self._ask(lambda: descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_of_others: Any
    ) -> None:
        """See bleak. Raises: BleakError."""

        def notified(value: bytes) -> None:
            callback(bytearray(value))

        self._subscriptions[characteristic.handle] = notified
        await self._ask(lambda: characteristic.obj.subscribe(notified))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """See bleak. Raises: BleakError."""
        notified = self._subscriptions.pop(characteristic.handle)
        await self._ask(lambda: characteristic.obj.unsubscribe(notified))

    async def _ask(self, question: Callable[[], Any]) -> Any:
        if self._connection is None:
            raise BleakError("not connected")
        try:
            try:
                with waiting_for_bumble():
                    return await question()
            except ATT_Error as error:
                # BlueZ, too, pairs by itself with a device that demands it
                if error.error_code not in _PAIR_FIRST or self._connection.is_encrypted:
                    raise
            await self.pair()
            with waiting_for_bumble():
                return await question()
        except _FAULTS as error:
            raise BleakError(f"{self.address}: {error or type(error).__name__}") from error


async def _end(device: Any, connection: Any, address: Address) -> None:
    if connection is None:
        # a controller goes on trying: it would refuse the next connection, and make this one later for nobody
        await device.send_command(HCI_LE_Create_Connection_Cancel_Command())
        connection = device.find_connection_by_bd_addr(address)
    if connection is not None:
        await connection.disconnect()


def _services(peer: Peer, writable: Callable[[], int]) -> BleakGATTServiceCollection:
    found = BleakGATTServiceCollection()
    for service in peer.services:
        ours = BleakGATTService(service, service.handle, uuid_text(service.uuid))
        found.add_service(ours)
        for characteristic in service.characteristics:
            properties = list(gatt_char_props_to_strs(characteristic.properties))
            its = BleakGATTCharacteristic(
                characteristic, characteristic.handle, uuid_text(characteristic.uuid), properties, writable, ours
            )
            found.add_characteristic(its)
            for descriptor in characteristic.descriptors:
                uuid = uuid_text(descriptor.type)
                found.add_descriptor(BleakGATTDescriptor(descriptor, descriptor.handle, uuid, its))
    return found
