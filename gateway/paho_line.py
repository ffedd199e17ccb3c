"""MQTT spoken by paho: the only file that knows that library.

Ways of paho that this file works around: it keeps unconfirmed messages and sends them again by itself after a
reconnect (here they are given back to the caller instead); it writes from whatever thread calls it unless a callback
is set for that; and it walks all open messages at each receipt when its own window is set.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.line import (
    CONNECT_WAIT_S,
    NO_SIGN_OF_LIFE,
    PACKETS_PER_READ,
    REFUSALS,
    BrokerSettings,
    LineEvents,
    Will,
    puback,
    tls_context,
)

_REFUSAL_OF = {0x84: 1, 0x85: 2, 0x86: 4, 0x87: 5, 0x88: 3}
"""Paho reports MQTT 5's reason codes for 3.1.1's CONNACK codes."""


class PahoLine:
    """An engine (`gateway.line.Line`) on paho."""

    def __init__(self, settings: BrokerSettings, will: Will | None, events: LineEvents) -> None:
        self._events = events
        self._packets = 0
        self._receipts = b""
        self._library_stopped = False
        self._library = library = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        library.max_inflight_messages = 0
        library.connect_timeout = CONNECT_WAIT_S
        library.username_pw_set(settings.username, settings.password)
        if settings.tls:
            library.tls_set_context(tls_context(settings.ca_file))
        if will:
            library.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        library.on_message = self._on_message
        library.on_publish = self._on_receipt
        library.on_connect = self._on_connect
        library.on_subscribe = self._on_subscribe
        library.on_disconnect = self._on_disconnect
        library.on_socket_close = self._on_socket_close
        library.on_socket_register_write = lambda _client, _userdata, _socket: None
        library.connect_async(settings.host, settings.port, settings.keepalive_s)

    @property
    def socket(self) -> socket.socket | None:
        """The connection."""
        connection = self._library.socket()
        assert connection is None or isinstance(connection, socket.socket)
        return connection

    def open(self) -> None:
        """Connects and greets."""
        self._receipts = b""
        self._library_stopped = False
        self._library.drop_out_messages()
        self._library.reconnect()
        if self.socket is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics."""
        self._library.subscribe([(topic, 1) for topic in topics])

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """Takes in a message."""
        return self._library.publish(topic, payload, qos=1, retain=retain).mid

    def read(self) -> None:
        """Reads packets, as long as there are any: the library reads one at a time and does not say if there was."""
        for _ in range(PACKETS_PER_READ):
            before = self._packets
            failed = self._library.loop_read()
            if failed or self._packets == before:
                return

    def write(self, acknowledged: Sequence[int]) -> bool:
        """Sends acknowledgements past the library, which would spend a system call on each.

        Whichever of the two was stopped by a full socket goes on first: it may have stopped inside a packet.
        """
        if self.socket is None:
            return False
        self._receipts += puback(acknowledged)
        if not self._library_stopped:
            self._write_receipts()
        if self._library_stopped or not self._receipts:
            if self._library.want_write():
                self._library.loop_write()
            self._library_stopped = self._library.want_write()
        return bool(self._receipts) or self._library_stopped

    def _write_receipts(self) -> None:
        connection = self.socket
        if connection is None or not self._receipts:
            return
        try:
            self._receipts = self._receipts[connection.send(self._receipts) :]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            # the next read meets the same fault and reports it
            self._receipts = b""

    def keep_alive(self) -> None:
        """Lets the library see to its pings."""
        self._library.loop_misc()

    def close(self) -> None:
        """Says good-bye."""
        self._library.disconnect()
        self.write(())
        connection = self.socket
        if connection is not None:
            # the good-bye waits behind what the socket does not take, and the library would keep the line open
            self._events.on_closing(connection)
            connection.close()

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._packets += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        packet = message.mid if message.qos else 0
        self._events.on_published(packet, topic, bytes(message.payload), message.retain)

    def _on_receipt(
        self, _client: paho.Client, _userdata: object, packet: int, _code: ReasonCode, _properties: Properties
    ) -> None:
        self._packets += 1
        self._events.on_receipt(packet)

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._packets += 1
        refusal = REFUSALS.get(_REFUSAL_OF.get(code.value, 0), f"the broker refused the connection: {code}")
        self._events.on_greeted(refusal if code.is_failure else "")

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._packets += 1
        self._events.on_subscribed([not code.is_failure for code in codes])

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._events.on_gone(NO_SIGN_OF_LIFE if code.getName() == "Keep alive timeout" else "")

    def _on_socket_close(self, _client: paho.Client, _userdata: object, connection: object) -> None:
        assert isinstance(connection, socket.socket)
        self._events.on_closing(connection)
