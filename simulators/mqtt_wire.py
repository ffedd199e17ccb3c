"""As much of MQTT 3.1.1 as a simulated hub speaks, on bare asyncio: light enough for thousands of connections.

Format: OASIS MQTT 3.1.1, chapters 2 and 3. QoS 1 only; the product's own client is not used here, so that it is not
tested against itself.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9
PINGRESP: Final = 13

PACKET_BYTES_MAX: Final = 1_048_576
"""A broker that announces more than this is not a broker."""
PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"


class Will(NamedTuple):
    """What the broker publishes, QoS 1, when the client vanishes."""

    topic: str
    payload: bytes
    retain: bool


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    header = bytearray([first])
    while True:
        length, digit = divmod(length, 128)
        header.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(header) + body


def connect(
    client: str, user: str, password: str, *, keepalive_s: int = 60, will: Will | None = None, clean: bool = False
) -> bytes:
    """CONNECT; `clean` false keeps the session at the broker."""
    flags = 0xC0 | (0x02 if clean else 0)
    payload = _string(client)
    if will is not None:
        flags |= 0x0C | (0x20 if will.retain else 0)
        payload += _string(will.topic) + struct.pack(">H", len(will.payload)) + will.payload
    payload += _string(user) + _string(password)
    return _packet(0x10, _string("MQTT") + bytes([4, flags]) + struct.pack(">H", keepalive_s) + payload)


def subscribe(identifier: int, topics: list[str]) -> bytes:
    """SUBSCRIBE, QoS 1 for each topic filter."""
    return _packet(0x82, struct.pack(">H", identifier) + b"".join(_string(topic) + b"\x01" for topic in topics))


def publish(identifier: int, topic: str, payload: bytes, *, retain: bool = False, again: bool = False) -> bytes:
    """PUBLISH at QoS 1; `again` marks a resend."""
    first = 0x32 | (0x01 if retain else 0) | (0x08 if again else 0)
    return _packet(first, _string(topic) + struct.pack(">H", identifier) + payload)


def puback(identifier: int) -> bytes:
    """PUBACK."""
    return struct.pack(">BBH", 0x40, 2, identifier)


class Published(NamedTuple):
    """A PUBLISH from the broker; `identifier` is 0 at QoS 0."""

    topic: str
    payload: bytes
    identifier: int


def read_published(first: int, body: bytes) -> Published:
    """Takes a PUBLISH apart."""
    end = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:end].decode()
    if first & 0x06:
        return Published(topic, body[end + 2 :], int.from_bytes(body[end : end + 2], "big"))
    return Published(topic, body[end:], 0)


class MqttProtocol(asyncio.Protocol):
    """Splits the stream into packets and hands each to `on_packet(first_byte, body)`."""

    def __init__(self, on_packet: Callable[[int, bytes], None], on_lost: Callable[[], None]) -> None:
        """Both callbacks run in the event loop."""
        self._on_packet, self._on_lost = on_packet, on_lost
        self._received = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's hook."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        """asyncio's hook."""
        self.transport = None
        self._on_lost()

    def write(self, packet: bytes) -> None:
        """Sends a packet, or drops it when the connection has gone."""
        if self.transport is not None:
            self.transport.write(packet)

    def abort(self) -> None:
        """Hangs up without a DISCONNECT: the broker publishes the will."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """asyncio's hook."""
        self._received += data
        at = 0
        while (found := _next_packet(self._received, at)) is not None:
            first, begin, end = found
            if end - begin > PACKET_BYTES_MAX:
                self.abort()
                return
            if end > len(self._received):
                break
            self._on_packet(first, bytes(self._received[begin:end]))
            at = end
        del self._received[:at]


def _next_packet(data: bytearray, at: int) -> tuple[int, int, int] | None:
    """First byte, begin and end of the body of the packet at `at`; None while its header is incomplete."""
    length, shift = 0, 0
    for position in range(at + 1, min(at + 5, len(data))):
        length |= (data[position] & 0x7F) << shift
        if not data[position] & 0x80:
            return data[at], position + 1, position + 1 + length
        shift += 7
    return None
