"""A radio that is not there: Bluetooth sensors on one virtual link, and a hub's controller behind a TCP port.

The hub's own Bluetooth stack connects to the port and speaks HCI (H4), as it would over a UART.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from typing import Any, Final

from bumble.controller import Connection, Controller
from bumble.core import AdvertisingData, PhysicalTransport
from bumble.device import AdvertisingType, Device
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_Reset_Command,
    HCI_StatusReturnParameters,
    LeFeatureMask,
    OwnAddressType,
    Role,
)
from bumble.host import Host
from bumble.link import LocalLink
from bumble.ll import ControlPdu
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from simulators import bthome_bytes
from simulators.bthome_bytes import Measurement, ObjectId

HUB_ADDRESS: Final = "00:1A:7D:DA:71:13"
ADVERT_BYTES_MAX: Final = 31
"""Longest legacy advert (Bluetooth Core, volume 6, part B, 2.3.1)."""
_INTERVAL_MS: Final = 100
_SUPERVISION_S: Final = 2.0
"""A link on which nothing is heard for so long is lost (Bluetooth Core, volume 6, part B, 4.5.2)."""
_PRESS_REPEATED_S: Final = 3.0
"""Sensors repeat an event for some seconds and then fall silent: a scanner that rests between windows hears it too."""


class VirtualAir(LocalLink):
    """The link that all virtual radios share.

    bumble stamps the data of a connection with the sender's random address, so one made with public addresses (as
    BlueZ does) would lose every packet; here the address of the connection is used.
    """

    def __init__(self) -> None:
        """An empty link."""
        super().__init__()  # type: ignore[no-untyped-call]

    def remove_controller(self, controller: Controller) -> None:
        """Takes a controller off the air; who was connected to it notices when nothing more is heard."""
        super().remove_controller(controller)
        asyncio.get_running_loop().call_later(_SUPERVISION_S, self._time_out, tuple(controller.le_connections.values()))

    def send_ll_control_pdu(self, sender_address: Address, receiver_address: Address, packet: ControlPdu) -> None:
        # what is said to somebody who has left is heard by nobody
        if self.find_le_controller(receiver_address) is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)

    def _time_out(self, ended: Iterable[Connection]) -> None:
        for theirs in ended:
            for controller in tuple(self.controllers):
                ours = controller.le_connections.get(theirs.self_address)
                if ours is not None and ours.self_address == theirs.peer_address:
                    controller.on_le_disconnected(ours, HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def send_acl_data(
        self, sender_controller: Controller, destination_address: Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if transport != PhysicalTransport.LE or connection is None or receiver is None:
            super().send_acl_data(sender_controller, destination_address, transport, data)
            return
        asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, connection.self_address, transport, data)


class BTHomeSensor:
    """A battery sensor that advertises BTHome v2: encrypted when it has a key."""

    def __init__(self, air: VirtualAir, name: str, address: str, *, key: bytes | None = None, counter: int = 1) -> None:
        """Puts the sensor in the air, switched off.

        Args:
            air: the link it is heard on.
            name: for the log; not sent.
            address: public Bluetooth address.
            key: 16-byte bind key, or None to send plainly.
            counter: first value of the encryption counter; a real sensor keeps it in its memory.
        """
        self.name, self.address, self.key, self.counter = name, address, key, counter
        self.battery = 93
        self._packet = counter % 256
        self._repeats: asyncio.Task[None] | None = None
        self._busy = asyncio.Lock()
        host = Host()
        host.controller = Controller(name, link=air, public_address=address)
        self._device = Device(name=name, address=Address(address), host=host)

    @property
    def on_air(self) -> bool:
        """Whether a packet is being repeated now."""
        return bool(self._device.is_advertising)

    async def power_on(self) -> None:
        """Starts the sensor's own controller."""
        await self._device.power_on()

    async def say(self, *measurements: Measurement, trigger: bool = True, for_s: float = _PRESS_REPEATED_S) -> None:
        """Sends one new packet, repeated on the air for `for_s` seconds; returns when it is on the air."""
        self._packet = (self._packet + 1) % 256
        self.counter += 1
        assert self.counter <= bthome_bytes.COUNTER_MAX
        async with self._busy:
            await self._repeat(self._service_data(measurements, trigger=trigger))
        if self._repeats is not None:
            self._repeats.cancel()
        self._repeats = asyncio.create_task(self._fall_silent(for_s))

    def _service_data(self, measurements: Iterable[Measurement], *, trigger: bool) -> bytes:
        told = [(ObjectId.PACKET_ID, float(self._packet)), (ObjectId.BATTERY, float(self.battery)), *measurements]
        if self.key is None:
            return bthome_bytes.plain(told, trigger=trigger)
        return bthome_bytes.encrypted(told, key=self.key, address=self.address, counter=self.counter, trigger=trigger)

    async def _repeat(self, service_data: bytes) -> None:
        advert = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.FLAGS, b"\x06"),
                    (AdvertisingData.SERVICE_DATA_16_BIT_UUID, bthome_bytes.UUID_BYTES + service_data),
                ]
            )
        )
        assert len(advert) <= ADVERT_BYTES_MAX
        if self._device.is_advertising:
            await self._device.stop_advertising()
        await self._device.start_advertising(
            advertising_type=AdvertisingType.UNDIRECTED,
            own_address_type=OwnAddressType.PUBLIC,
            advertising_data=advert,
            scan_response_data=b"",
            advertising_interval_min=_INTERVAL_MS,
            advertising_interval_max=_INTERVAL_MS,
        )

    async def _fall_silent(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        async with self._busy:
            if self._device.is_advertising:
                await self._device.stop_advertising()

    async def power_off(self) -> None:
        """Falls silent for good."""
        if self._repeats is not None:
            self._repeats.cancel()
            await asyncio.wait([self._repeats])
        if self._device.is_advertising:
            await self._device.stop_advertising()


class HubController:
    """The hub's Bluetooth controller as a TCP server speaking HCI. It can die and come back."""

    def __init__(self, air: VirtualAir, *, port: int = 0) -> None:
        """`port` 0 takes a free one at the first `start`."""
        self.port = port
        self._air = air
        self._server: asyncio.Server | None = None
        self._hosts: set[_HciServer] = set()

    @property
    def transport(self) -> str:
        """What the hub's configuration names as its adapter."""
        return f"tcp-client:127.0.0.1:{self.port}"

    @property
    def connected(self) -> bool:
        """Whether a host stack is connected."""
        return bool(self._hosts)

    @property
    def listening(self) -> bool:
        """Whether a host stack scans: what was said before, nobody has heard."""
        return any(host.scans for host in self._hosts)

    def hand_over(self, packet: bytes) -> None:
        """Gives every host a HCI packet (H4) as if it came from the controller."""
        for host in self._hosts:
            host.hand_over(packet)

    async def start(self) -> None:
        """Listens, on the same port as before; nothing happens when it listens already."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _HciServer(self._air, self._hosts), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Stops listening and drops the host, as a controller that loses its power."""
        if self._server is not None:
            self._server.close()
            for host in tuple(self._hosts):
                host.drop()
            await self._server.wait_closed()
            self._server = None


class _CancellingController(Controller):
    """A controller that gives up a connection when it is told to; bumble's own says so and goes on trying."""

    def on_hci_le_create_connection_cancel_command(
        self, _command: HCI_LE_Create_Connection_Cancel_Command
    ) -> HCI_StatusReturnParameters:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return HCI_StatusReturnParameters(HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        given_up = HCI_LE_Connection_Complete_Event(
            status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, given_up)
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)

    def on_hci_reset_command(self, command: HCI_Reset_Command) -> HCI_StatusReturnParameters:
        """bumble's goes on scanning, and then refuses to be told how to scan."""
        self.le_scan_enable = False
        return super().on_hci_reset_command(command)


class _HciServer(StreamPacketSource):
    """One host's connection: a fresh controller on the air for as long as it lasts."""

    _numbers = itertools.count(1)

    def __init__(self, air: VirtualAir, hosts: set[_HciServer]) -> None:
        super().__init__()
        self._air, self._hosts = air, hosts
        self._stream: asyncio.Transport | None = None
        self._controller: Controller | None = None

    def connection_made(self, transport: Any) -> None:
        self._stream = transport
        controller = _CancellingController(
            f"hub-{next(self._numbers)}",
            host_source=self,
            host_sink=StreamPacketSink(transport),
            link=self._air,
            public_address=HUB_ADDRESS,
        )
        # Linux would wait for the enhanced connection event that goes with these features; bumble sends the plain one.
        controller.le_features &= ~(LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING)
        self._controller = controller
        self._hosts.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_the_air()

    @property
    def scans(self) -> bool:
        """Whether the host has told its controller to scan."""
        return self._controller is not None and self._controller.le_scan_enable

    def _leave_the_air(self) -> None:
        self._hosts.discard(self)
        if self._controller is not None:
            self._air.remove_controller(self._controller)
            self._controller = None

    def hand_over(self, packet: bytes) -> None:
        """Sends a packet that is not the controller's own."""
        if self._stream is not None:
            self._stream.write(packet)

    def drop(self) -> None:
        """Cuts the host off."""
        self._leave_the_air()
        if self._stream is not None:
            self._stream.abort()
