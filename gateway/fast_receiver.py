"""A client for the one place where the price of a message matters: the receiver of measurements.

The same promises and the same face as `MqttClient` (and the same conformance suite), with an engine of our own: MQTT
3.1.1 (OASIS standard of 2014; section numbers below are its) on a plain socket, only the packets that a QoS 1 client
needs. It takes apart a whole read of the socket at once, where a general library spends several calls on each packet.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final

from gateway.line import (
    CONNECT_WAIT_S,
    NO_SIGN_OF_LIFE,
    REFUSALS,
    BrokerSettings,
    LineEvents,
    Will,
    puback,
    tls_context,
)
from gateway.mqtt_client import MqttClient

READ_BYTES: Final = 65_536
"""Most bytes of one read: about 250 messages, so that acknowledgements are never held back for long."""
PACKET_BYTES_MAX: Final = 262_144
"""A longer packet is a fault: no broker of ours lets one through."""

_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xD0
_PINGREQ: Final = b"\xc0\x00"
_DISCONNECT: Final = b"\xe0\x00"
_NAMED, _WITH_PASSWORD, _WILL_KEPT, _WILL_QOS_1, _WILL = 0x80, 0x40, 0x20, 0x08, 0x04
_LAST_PACKET: Final = 0xFFFF


class _ProtocolFault(Exception):
    """The broker sent something that this client must not get."""


class PlainLine:
    """An engine (`gateway.line.Line`) on a plain socket."""

    def __init__(self, settings: BrokerSettings, will: Will | None, events: LineEvents) -> None:
        self._settings = settings
        self._events = events
        self._tls = tls_context(settings.ca_file) if settings.tls else None
        self._greeting = connect_packet(settings, will)
        self._socket: socket.socket | None = None
        self._to_send = bytearray()
        self._rest = b""
        self._last_packet = 0
        self._heard_at = 0.0
        self._sent_at = 0.0
        self._pinged_at = 0.0

    @property
    def socket(self) -> socket.socket | None:
        """The connection."""
        return self._socket

    def open(self) -> None:
        """Connects and greets."""
        where = (self._settings.host, self._settings.port)
        connection = socket.create_connection(where, timeout=CONNECT_WAIT_S)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_hostname=self._settings.host)
            connection.setblocking(False)
        except OSError:
            connection.close()
            raise
        self._socket = connection
        self._rest = b""
        self._to_send = bytearray(self._greeting)
        self._heard_at = self._sent_at = time.monotonic()
        self._pinged_at = 0.0

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics."""
        filters = b"".join(_text(topic) + b"\x01" for topic in topics)
        self._to_send += _packet(0x82, self._next_packet().to_bytes(2) + filters)

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """Takes in a message."""
        number = self._next_packet()
        self._to_send += _packet(0x33 if retain else 0x32, _text(topic) + number.to_bytes(2) + payload)
        return number

    def _next_packet(self) -> int:
        self._last_packet = self._last_packet % _LAST_PACKET + 1
        return self._last_packet

    def read(self) -> None:
        """Reads once, and takes apart all packets that are complete."""
        if self._socket is None:
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            data = b""
        if not data:
            self._end("")
            return
        self._heard_at = time.monotonic()
        buffer = self._rest + data if self._rest else data
        try:
            taken = self._take_apart(buffer)
        except (_ProtocolFault, IndexError) as error:
            self._end(f"the broker sent what is not MQTT 3.1.1: {error}")
            return
        self._rest = buffer[taken:]

    def _take_apart(self, buffer: bytes) -> int:
        """Tells the events of each complete packet; how many bytes they took. The hot path: one plain loop."""
        published = self._events.on_published
        at, end = 0, len(buffer)
        while end - at >= 2:
            head, length, start = buffer[at], buffer[at + 1], at + 2
            if length > 127:
                length, start = _long_length(buffer, at + 1)
                if not start:
                    break
            stop = start + length
            if stop > end:
                break
            if head & 0xF0 == _PUBLISH:
                topic_end = start + 2 + (buffer[start] << 8 | buffer[start + 1])
                packet, payload_at = 0, topic_end
                if head & 0x06:
                    packet = buffer[topic_end] << 8 | buffer[topic_end + 1]
                    payload_at += 2
                if payload_at > stop or head & 0x04:
                    raise _ProtocolFault("a malformed PUBLISH")
                topic = buffer[start + 2 : topic_end].decode("utf-8", "replace")
                published(packet, topic, buffer[payload_at:stop], bool(head & 1))
            else:
                self._take_other(head, buffer[start:stop])
            at = stop
        return at

    def _take_other(self, head: int, body: bytes) -> None:
        if head == _PUBACK:
            self._events.on_receipt(int.from_bytes(body[:2]))
        elif head == _CONNACK:
            unknown = f"the broker refused the connection with code {body[1]}"
            self._events.on_greeted(REFUSALS.get(body[1], unknown) if body[1] else "")
        elif head == _SUBACK:
            self._events.on_subscribed([code < 0x80 for code in body[2:]])
        elif head == _PINGRESP:
            self._pinged_at = 0.0
        else:
            raise _ProtocolFault(f"a packet of type {head >> 4}")

    def write(self, acknowledged: Sequence[int]) -> bool:
        """Sends all in one piece."""
        if self._socket is None:
            return False
        if acknowledged:
            self._to_send += puback(acknowledged)
        if not self._to_send:
            return False
        try:
            del self._to_send[: self._socket.send(self._to_send)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            # the next read meets the same fault and reports it
            self._to_send.clear()
        self._sent_at = time.monotonic()
        return bool(self._to_send)

    def keep_alive(self) -> None:
        """Pings a line that was silent in either direction for the keep-alive time (3.1.2.10)."""
        if self._socket is None:
            return
        now, patience = time.monotonic(), self._settings.keepalive_s
        if self._pinged_at:
            if now - self._pinged_at >= patience:
                self._end(NO_SIGN_OF_LIFE)
        elif now - min(self._heard_at, self._sent_at) >= patience:
            self._pinged_at = now
            self._to_send += _PINGREQ
            self.write(())

    def close(self) -> None:
        """Says good-bye."""
        self._to_send += _DISCONNECT
        self.write(())
        self._end("")

    def _end(self, fault: str) -> None:
        connection = self._socket
        if connection is None:
            return
        self._socket = None
        self._events.on_closing(connection)
        with contextlib.suppress(OSError):
            connection.close()
        self._events.on_gone(fault)


class FastReceiver(MqttClient):
    """`MqttClient` for a receiver of many messages; driven by `poll`, or by `start` like any other."""

    line_kind = PlainLine


def connect_packet(settings: BrokerSettings, will: Will | None) -> bytes:
    """The greeting (3.1): MQTT 3.1.1, session kept, user name and password, last will with QoS 1."""
    flags = _NAMED | _WITH_PASSWORD
    body = _text(settings.client_id)
    if will:
        flags |= _WILL | _WILL_QOS_1 | (_WILL_KEPT if will.retain else 0)
        body += _text(will.topic) + len(will.payload).to_bytes(2) + will.payload
    body += _text(settings.username) + _text(settings.password)
    return _packet(0x10, _text("MQTT") + bytes([4, flags]) + settings.keepalive_s.to_bytes(2) + body)


def _packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([head]) + digits + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded


def _long_length(buffer: bytes, at: int) -> tuple[int, int]:
    """A remaining length of several bytes (2.2.3) and where the body begins; (0, 0) when it is not all there yet."""
    length = 0
    for place in range(4):
        if at + place >= len(buffer):
            return 0, 0
        digit = buffer[at + place]
        length |= (digit & 0x7F) << (7 * place)
        if not digit & 0x80:
            if length > PACKET_BYTES_MAX:
                break
            return length, at + place + 1
    raise _ProtocolFault("a packet that is too long")
