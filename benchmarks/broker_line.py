"""Bare lines to the broker that cost next to nothing: for publishing a load, and for hearing what goes by."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from simulators import mqtt_wire

CONNACK_OK: Final = b"\x20\x02\x00\x00"
KEEPALIVE_S: Final = 900
"""Longer than any benchmark: no pings disturb the count of acknowledgements."""


def open_socket(port: int, client: str, user: str, password: str) -> socket.socket:
    """A blocking, welcomed connection to the broker on the loopback, with a clean session.

    Raises:
        ConnectionError: the broker refuses.
    """
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(mqtt_wire.connect(client, user, password, keepalive_s=KEEPALIVE_S, clean=True))
    answer = line.recv(len(CONNACK_OK), socket.MSG_WAITALL)
    if answer != CONNACK_OK:
        line.close()
        raise ConnectionError(f"the broker refuses {user}: {answer.hex()}")
    return line


class Listener:
    """Hears topics on an open socket, and can publish on it.

    Args:
        on_message: called with topic and payload of each message.
    """

    def __init__(self, on_message: Callable[[str, bytes], None]) -> None:
        self._on_message = on_message
        self._published = 0
        self._subscribed = asyncio.Event()
        self._protocol = mqtt_wire.MqttProtocol(self._take, lambda: None)

    async def subscribe(self, line: socket.socket, topics: list[str]) -> None:
        """Takes the socket over; returns when the broker has agreed to the topics."""
        line.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self._protocol, sock=line)
        self._protocol.write(mqtt_wire.subscribe(1, topics))
        async with asyncio.timeout(10):
            await self._subscribed.wait()

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends a message with QoS 1."""
        self._published = self._published % 0xFFFF + 1
        self._protocol.write(mqtt_wire.publish(self._published, topic, payload))

    def close(self) -> None:
        """Takes leave."""
        self._protocol.write(mqtt_wire.DISCONNECT)
        if self._protocol.transport:
            self._protocol.transport.close()

    def _take(self, first: int, body: bytes) -> None:
        match first >> 4:
            case mqtt_wire.SUBACK:
                self._subscribed.set()
            case mqtt_wire.PUBLISH:
                message = mqtt_wire.read_published(first, body)
                self._on_message(message.topic, message.payload)
                if message.identifier:
                    self._protocol.write(mqtt_wire.puback(message.identifier))
            case _:
                pass
