"""Bare MQTT 3.1.1 packets (OASIS standard, sections 3.1, 3.3, 3.8), for publishers that must cost next to nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

CONNACK_OK: Final = b"\x20\x02\x00\x00"
PUBACK_BYTES: Final = 4
DISCONNECT: Final = b"\xe0\x00"
KEEPALIVE_S: Final = 900
"""Longer than any benchmark: no pings disturb the count of acknowledgements."""


def connect(client_id: str, username: str, password: str) -> bytes:
    """CONNECT with a clean session."""
    body = _text("MQTT") + b"\x04\xc2" + KEEPALIVE_S.to_bytes(2)
    return _packet(0x10, body + _text(client_id) + _text(username) + _text(password))


def publish(topic: str, payload: bytes, number: int) -> bytes:
    """PUBLISH with QoS 1; `number` may run on, it is folded into a packet id."""
    return _packet(0x32, _text(topic) + (number % 65_535 + 1).to_bytes(2) + payload)


def subscribe(filters: tuple[str, ...]) -> bytes:
    """SUBSCRIBE with QoS 0."""
    return _packet(0x82, b"\x00\x01" + b"".join(_text(text) + b"\x00" for text in filters))


def open_socket(port: int, client_id: str, username: str, password: str) -> socket.socket:
    """A blocking, welcomed connection to the broker on the loopback.

    Raises:
        ConnectionError: the broker refuses.
    """
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(connect(client_id, username, password))
    answer = b""
    while len(answer) < len(CONNACK_OK):
        part = line.recv(len(CONNACK_OK) - len(answer))
        if not part:
            break
        answer += part
    if answer != CONNACK_OK:
        line.close()
        raise ConnectionError(f"the broker refuses {username}: {answer.hex()}")
    return line


class Listener(asyncio.Protocol):
    """Hears the topics it subscribed to on an open socket, and can publish on it.

    Args:
        on_message: called with topic and payload of each message.
    """

    def __init__(self, on_message: Callable[[str, bytes], None]) -> None:
        self._on_message = on_message
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._published = 0
        self.subscribed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        position = 0
        while (end := _packet_end(data, position)) is not None:
            body, stop = end
            self._take(data[position], data[body:stop])
            position = stop
        self._rest = data[position:]

    def _take(self, header: int, body: bytes) -> None:
        if header >> 4 == 9:
            self.subscribed.set()
        elif header >> 4 == 3:
            length = int.from_bytes(body[:2])
            self._on_message(body[2 : 2 + length].decode(), body[2 + length :])

    def subscribe(self, filters: tuple[str, ...]) -> None:
        """Asks for topics; `subscribed` is set when the broker has agreed."""
        assert self._transport
        self._transport.write(subscribe(filters))

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends a message with QoS 1."""
        assert self._transport
        self._transport.write(publish(topic, payload, self._published))
        self._published += 1

    def close(self) -> None:
        """Takes leave."""
        if self._transport:
            self._transport.write(DISCONNECT)
            self._transport.close()


def _packet_end(data: bytes, start: int) -> tuple[int, int] | None:
    """Where the body of the packet at `start` begins and ends; None while it is not complete."""
    length = shift = 0
    position = start + 1
    while position < len(data):
        byte = data[position]
        position += 1
        length |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return (position, position + length) if position + length <= len(data) else None
    return None


def _packet(header: int, body: bytes) -> bytes:
    length, left = bytearray([header]), len(body)
    while True:
        left, low = divmod(left, 128)
        length.append(low | (128 if left else 0))
        if not left:
            return bytes(length) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2) + data
