"""A Bluetooth sensor that can be connected to: advert, GATT server, battery, and the faults that all of them have."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import Any, Final

from bumble.att import Attribute
from bumble.controller import Controller
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address, OwnAddressType
from bumble.host import Host
from bumble.pairing import PairingConfig

from simulators.radio import VirtualAir

_INTERVAL_MS: Final = 100
_CCCD: Final = UUID.from_16_bits(0x2902)
_P: Final = Characteristic.Properties


class GattSensor:
    """A sensor that can be connected to.

    Attributes:
        mute: it connects, and says nothing.
        garbage: it sends these bytes instead of each measurement; None for none.
        hanging: it does not answer reads.
        battery: in percent.
        connections: how often a hub connected.
        comes_back: whether it advertises again after a connection.
    """

    comes_back = True

    def __init__(
        self, air: VirtualAir, name: str, address: str, service: str, characteristics: Sequence[Characteristic[Any]]
    ) -> None:
        """Puts the sensor in the air, switched off.

        Args:
            air: the link it is heard on.
            name: sent in its advert.
            address: public Bluetooth address.
            service: UUID of its service, in its advert.
            characteristics: of that service.
        """
        self.name, self.address = name, address
        self.mute, self.hanging = False, False
        self.garbage: bytes | None = None
        self.battery = 87
        self.connections = 0
        self._air = air
        self._service = UUID(service)
        self._sends = {c for c in characteristics if c.properties & (_P.NOTIFY | _P.INDICATE)}
        self._not_yet = set(self._sends)
        self._subscribed = asyncio.Event()
        self._controller: Controller | None = Controller(name, link=air, public_address=address)
        host = Host()
        host.controller = self._controller
        self.device = Device(name=name, address=Address(address), host=host)
        charge: CharacteristicValue[bytes] = CharacteristicValue(read=self._read_battery)
        level: Characteristic[bytes] = Characteristic("2A19", _P.READ, Attribute.READABLE, charge)
        self.device.add_services([Service(service, list(characteristics)), Service("180F", [level])])
        self.device.on("connection", self._on_connection)
        for characteristic in self._sends:
            characteristic.on("subscription", functools.partial(self._on_subscription, characteristic))

    @property
    def connected(self) -> bool:
        """Whether a hub is connected."""
        return bool(self.device.connections)

    @property
    def mtu(self) -> int:
        """What the hub agreed to."""
        return min((connection.att_mtu for connection in self.device.connections.values()), default=23)

    async def power_on(self) -> None:
        """Starts the sensor's own controller; it is not on the air yet."""
        await self.device.power_on()

    async def appear(self) -> None:
        """Advertises, until it is connected; and again after that, if it is one that comes back."""
        advert = AdvertisingData(
            [
                (AdvertisingData.FLAGS, b"\x06"),
                (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()[:8]),
                (_uuid_list(self._service), bytes(self._service)),
            ]
        )
        await self.device.start_advertising(
            own_address_type=OwnAddressType.PUBLIC,
            auto_restart=self.comes_back,
            advertising_data=bytes(advert),
            scan_response_data=b"",
            advertising_interval_min=_INTERVAL_MS,
            advertising_interval_max=_INTERVAL_MS,
        )

    async def disappear(self) -> None:
        """Says good-bye and falls silent, as a cuff that switches itself off."""
        if self.device.is_advertising:
            await self.device.stop_advertising()
        for connection in tuple(self.device.connections.values()):
            await connection.disconnect()

    def vanish(self) -> None:
        """Is gone without a word, for good: carried out of reach."""
        if self._controller is not None:
            self._controller.le_legacy_advertiser.stop()
            self._air.remove_controller(self._controller)
            self._controller = None

    async def power_off(self) -> None:
        """Falls silent for good."""
        if self._controller is not None:
            self.comes_back = False
            await self.disappear()
            self.vanish()

    async def notify(self, characteristic: Characteristic[Any], value: bytes, *, indicate: bool = False) -> None:
        """Sends a measurement to whoever has asked for it."""
        if self.mute:
            return
        value = value if self.garbage is None else self.garbage
        if indicate:
            await self.device.indicate_subscribers(characteristic, value)
        else:
            await self.device.notify_subscribers(characteristic, value)

    async def listened_to(self) -> None:
        """Waits until a hub has subscribed to all that this sensor sends."""
        await self._subscribed.wait()

    def demand_pairing(self) -> None:
        """Lets nobody subscribe who has not paired."""
        self.device.pairing_config_factory = lambda _connection: PairingConfig(mitm=False)
        for attribute in self.device.gatt_server.attributes:
            if attribute.type == _CCCD:
                attribute.permissions |= Attribute.WRITE_REQUIRES_ENCRYPTION

    def demand_no_pairing(self) -> None:
        """Lets anybody subscribe."""
        for attribute in self.device.gatt_server.attributes:
            if attribute.type == _CCCD:
                attribute.permissions &= ~Attribute.WRITE_REQUIRES_ENCRYPTION

    def _on_connection(self, connection: Connection) -> None:
        self.connections += 1
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self._not_yet = set(self._sends)
        self._subscribed.clear()
        self.on_left()

    def _on_subscription(
        self, characteristic: Characteristic[Any], _connection: object, notify: bool, indicate: bool
    ) -> None:
        if notify or indicate:
            self._not_yet.discard(characteristic)
        if not self._not_yet and not self._subscribed.is_set():
            self._subscribed.set()
            self.on_subscribed()

    def on_subscribed(self) -> None:
        """What the sensor does when a hub begins to listen; nothing, for most."""

    def on_left(self) -> None:
        """What the sensor does when a connection has ended; nothing, for most."""

    async def _read_battery(self, _connection: Connection) -> bytes:
        if self.hanging:
            await asyncio.get_running_loop().create_future()
        return bytes((self.battery,))


def sending(number: str, properties: Characteristic.Properties) -> Characteristic[Any]:
    """A characteristic that notifies or indicates."""
    return Characteristic(number, properties, Attribute.READABLE, b"")


def _uuid_list(uuid: UUID) -> int:
    if len(bytes(uuid)) == 2:
        return AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
    return AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
