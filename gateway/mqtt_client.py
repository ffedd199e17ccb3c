"""A connection to an MQTT broker that survives everything: the only file that knows the MQTT library (paho).

Two ways to drive it: `start()` gives it a network thread of its own; `poll()` again and again runs it in the
caller's thread. MQTT 3.1.1, QoS 1, persistent session: what was not acknowledged is delivered again after a
reconnect, and what arrives while the client is away waits at the broker.

The library is touched from the network thread alone; `publish` and `acknowledge` from other threads only leave word
for it. So there is no lock around the library, and the acknowledgements of a whole batch leave in one write.
"""

from __future__ import annotations

import contextlib
import logging
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

PUBLISH_BYTES_MAX: Final = 20_000
"""Largest payload: an embedded broker drops the connection at 20,480 bytes including the topic."""
CONNECT_WAIT_S: Final = 5.0
"""Longest wait for TCP and TLS; `poll` may block this long while it connects."""
GREETING_WAIT_S: Final = 10.0
"""A broker that accepts the connection but does not say welcome and confirm the subscriptions by then is stuck."""
RECEIPT_WAIT_S: Final = 20.0
"""A broker that leaves a message without receipt for this long is stuck: the connection is given up."""
BACKOFF_FIRST_S: Final = 0.25
STABLE_AFTER_S: Final = 10.0
"""A connection that lasted this long starts the back-off anew; a shorter one does not, so that two holders of one
client id do not throw each other out many times a second."""
PACKETS_PER_POLL: Final = 256
"""Most packets read before acknowledgements are sent: well under the broker's window, so that it never runs dry."""
_SOCKET, _WAKE = "socket", "wake"
_PUBACK: Final = b"\x40\x02"


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is and who we are.

    Attributes:
        host, port: the broker.
        client_id: names the persistent session at the broker; one holder at a time.
        username, password: what the broker knows us by.
        ca_file: PEM file with the authority that signed the broker's certificate; "" = the system's authorities.
        tls: whether to speak TLS (1.2 or later, host name checked).
        keepalive_s: after so many seconds of silence the line is tried; after as many again it is given up.
        inflight_max: most published messages without receipt.
        reconnect_max_s: longest wait between two attempts to connect.
    """

    host: str
    port: int
    client_id: str
    username: str
    password: str = field(repr=False)
    ca_file: str = ""
    tls: bool = False
    keepalive_s: int = 60
    inflight_max: int = 500
    reconnect_max_s: float = 30.0


class Will(NamedTuple):
    """What the broker publishes for us (QoS 1) when we vanish without a word."""

    topic: str
    payload: bytes
    retain: bool = True


class Received(msgspec.Struct, frozen=True, gc=False):
    """A message from the broker. `handle` is for `acknowledge` only; `retained` means it was stored, not fresh."""

    topic: str
    payload: bytes
    retained: bool
    handle: int


class _Outgoing(NamedTuple):
    topic: str
    payload: bytes
    retain: bool
    on_done: Callable[[bool], None] | None


class _Unconfirmed(NamedTuple):
    sent_at: float
    on_done: Callable[[bool], None] | None


class MqttClient:
    """One connection to a broker.

    Args:
        settings: where and who.
        subscriptions: topic filters, subscribed with QoS 1 at each connect.
        on_message: called for each message, which must be acknowledged with `acknowledge`, now or later: what is not
            comes again after the next reconnect, and too much of it holds up the rest. When it raises, the fault is
            logged and the message dropped, so that a message which meets a bug cannot block those behind it.
        on_connection: called with (True, "") when connected and subscribed, and with (False, reason in plain words)
            when not, once per change of the reason.
        will: what the broker says when we vanish.

    All callbacks run on the network thread: that of `start()`, or the caller of `poll()`.

    Raises:
        ValueError: `ca_file` cannot be read.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        subscriptions: Sequence[str],
        on_message: Callable[[Received], None],
        on_connection: Callable[[bool, str], None],
        will: Will | None = None,
    ) -> None:
        self._settings = settings
        self._subscriptions = tuple(subscriptions)
        self._deliver = on_message
        self._tell = on_connection
        self._library = self._configured_library(will)
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, _WAKE)
        self._woken = False
        self._thread: threading.Thread | None = None
        self._owner = 0
        self._stopping = False
        # between threads: `_lock` guards the window, the flag and the queue of messages together
        self._lock = threading.Lock()
        self._connected = False
        self._window = 0
        self._outgoing: deque[_Outgoing] = deque()
        self._receipts_due: deque[int] = deque()
        # network thread only
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._half_sent = b""
        self._generation = 0
        self._arrived: deque[int] = deque()
        self._acknowledged_early: set[int] = set()
        self._packets = 0
        self._said: tuple[bool, str] | None = None
        self._failure = ""
        self._delay_s = BACKOFF_FIRST_S
        self._retry_at = 0.0
        self._greeting_due: float | None = None
        self._up_since = 0.0

    def _configured_library(self, will: Will | None) -> paho.Client:
        settings = self._settings
        library = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        # our own window bounds what is out; the library's would walk all open messages at every receipt
        library.max_inflight_messages = 0
        library.connect_timeout = CONNECT_WAIT_S
        library.username_pw_set(settings.username, settings.password)
        if settings.tls:
            library.tls_set_context(_tls_context(settings.ca_file))
        if will:
            library.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        library.on_message = self._on_message
        library.on_publish = self._on_receipt
        library.on_connect = self._on_greeting
        library.on_subscribe = self._on_subscribed
        library.on_disconnect = self._on_gone
        library.on_socket_close = self._on_socket_close
        # with this set the library never writes from within another call: all writing is done in `_write`
        library.on_socket_register_write = lambda _client, _userdata, _socket: None
        library.connect_async(settings.host, settings.port, settings.keepalive_s)
        return library

    @property
    def connected(self) -> bool:
        """Whether the broker has welcomed us and confirmed the subscriptions, and no loss was seen since."""
        return self._connected

    def start(self) -> None:
        """Connects and stays connected, on a network thread of its own."""
        assert self._thread is None, "started twice"
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{self._settings.client_id}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            self.poll(1.0)
        self._close()

    def stop(self) -> None:
        """Says good-bye to the broker (no last will) and ends. What has no receipt is reported as not done."""
        self._stopping = True
        if self._thread is None:
            self._close()
        elif self._thread is not threading.current_thread():
            self._wake()
            self._thread.join()

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool:
        """Sends a message with QoS 1, from any thread.

        Args:
            topic: a topic without wildcards.
            payload: at most `PUBLISH_BYTES_MAX` bytes.
            retain: whether the broker keeps it for later subscribers.
            on_done: called with True at the broker's receipt, with False when the connection is lost first (it may
                have arrived or not: send it again).

        Returns:
            False when not connected or the window is full: nothing was queued, the caller keeps the message.

        Raises:
            ValueError: the payload is too large.
        """
        if len(payload) > PUBLISH_BYTES_MAX:
            raise ValueError(f"{len(payload)} bytes for {topic}; at most {PUBLISH_BYTES_MAX}")
        with self._lock:
            if not self._connected or self._window >= self._settings.inflight_max:
                return False
            self._window += 1
            self._outgoing.append(_Outgoing(topic, payload, retain, on_done))
        self._wake()
        return True

    def acknowledge(self, received: Received) -> None:
        """Tells the broker that the message has been dealt with. From any thread, in any order.

        They are sent in the order of arrival, each when those before it are there. One from before a reconnect is
        passed over: the broker delivers that message again.
        """
        if received.handle >> 16 == self._generation:
            self._receipts_due.append(received.handle)
            self._wake()

    def hurry(self) -> None:
        """Tries to connect at once instead of waiting out the back-off: for an alarm. From any thread."""
        self._retry_at = 0.0
        self._wake()

    def poll(self, timeout_s: float) -> None:
        """Does what is due: connects, reads, calls back, sends. Always from the same thread, and not after `start()`.

        Waits at most `timeout_s` for something to happen (`CONNECT_WAIT_S` more while it connects). Acknowledgements
        and messages left since the last call are sent at its beginning, those of its callbacks at its end.
        """
        self._owner = threading.get_ident()
        now = time.monotonic()
        if self._library.socket() is None:
            if now < self._retry_at:
                self._await_events(min(timeout_s, self._retry_at - now))
                return
            self._connect()
        self._write()
        ready = self._await_events(timeout_s)
        if ready:
            self._read()
        self._write()
        self._library.loop_misc()
        self._give_up_if_stuck()

    # reading and writing

    def _await_events(self, timeout_s: float) -> bool:
        """Waits; True when the socket has something to read."""
        connection = self._socket()
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        readable = False
        for key, events in self._selector.select(max(timeout_s, 0.0)):
            if key.data is _WAKE:
                self._woken = False
                with contextlib.suppress(BlockingIOError):
                    self._wake_out.recv(4096)
            elif events & selectors.EVENT_READ:
                readable = True
        return readable

    def _read(self) -> None:
        for _ in range(PACKETS_PER_POLL):
            before = self._packets
            failed = self._library.loop_read()
            if failed or self._packets == before:
                return

    def _write(self) -> None:
        connection = self._socket()
        if connection is None:
            return
        while self._outgoing:
            self._hand_over(self._outgoing.popleft())
        if self._receipts_due:
            self._half_sent += self._join_receipts()
        try:
            if self._half_sent:
                self._half_sent = self._half_sent[connection.send(self._half_sent) :]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            # the next read meets the same fault and reports it
            self._half_sent = b""
        if not self._half_sent and self._library.want_write():
            self._library.loop_write()
        connection = self._socket()
        if connection is not None:
            blocked = bool(self._half_sent) or self._library.want_write()
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if blocked else 0)
            if self._selector.get_key(connection).events != wanted:
                self._selector.modify(connection, wanted, _SOCKET)

    def _join_receipts(self) -> bytes:
        """The acknowledgements that may go now: MQTT wants them in the order of arrival (3.1.1, 4.6)."""
        arrived, early = self._arrived, self._acknowledged_early
        parts = []
        while self._receipts_due:
            handle = self._receipts_due.popleft()
            if not arrived or handle != arrived[0]:
                early.add(handle)
                continue
            while True:
                parts.append(_PUBACK + (arrived.popleft() & 0xFFFF).to_bytes(2))
                if not arrived or arrived[0] not in early:
                    break
                early.discard(arrived[0])
        return b"".join(parts)

    def _hand_over(self, message: _Outgoing) -> None:
        info = self._library.publish(message.topic, message.payload, qos=1, retain=message.retain)
        self._unconfirmed[info.mid] = _Unconfirmed(time.monotonic(), message.on_done)

    def _socket(self) -> socket.socket | None:
        connection = self._library.socket()
        assert connection is None or isinstance(connection, socket.socket)
        return connection

    def _wake(self) -> None:
        if self._woken or threading.get_ident() == self._owner:
            return
        self._woken = True
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_in.send(b"\0")

    # connecting

    def _connect(self) -> None:
        self._generation += 1
        self._receipts_due.clear()
        self._arrived.clear()
        self._acknowledged_early.clear()
        self._half_sent = b""
        self._failure = ""
        self._library.drop_out_messages()
        try:
            self._library.reconnect()
        except (OSError, ValueError) as error:
            self._lost(_in_plain_words(error, self._settings))
            return
        connection = self._socket()
        if connection is None:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, _SOCKET)
        self._greeting_due = time.monotonic() + GREETING_WAIT_S

    def _lost(self, reason: str) -> None:
        """Notes that there is no connection, gives back what is open, and sets the time of the next attempt."""
        now = time.monotonic()
        if self._connected and now - self._up_since >= STABLE_AFTER_S:
            self._delay_s = BACKOFF_FIRST_S
        self._retry_at = now + self._delay_s * random.uniform(0.5, 1.0)
        self._delay_s = min(self._delay_s * 2, self._settings.reconnect_max_s)
        self._greeting_due = None
        with self._lock:
            self._connected = False
            self._window = 0
            undone = [open_.on_done for open_ in self._unconfirmed.values()]
            undone += [message.on_done for message in self._outgoing]
            self._outgoing.clear()
        self._unconfirmed.clear()
        for on_done in undone:
            self._call_back(on_done, False)
        self._say(False, reason)

    def _say(self, up: bool, reason: str) -> None:
        if self._said == (up, reason):
            return
        self._said = (up, reason)
        try:
            self._tell(up, reason)
        except Exception:
            log.exception("on_connection failed")

    def _call_back(self, on_done: Callable[[bool], None] | None, done: bool) -> None:
        if on_done is None:
            return
        try:
            on_done(done)
        except Exception:
            log.exception("on_done failed")

    def _give_up_if_stuck(self) -> None:
        now = time.monotonic()
        if self._greeting_due is not None and now > self._greeting_due:
            self._break_off("the broker accepts connections but does not answer")
        elif self._unconfirmed:
            oldest = next(iter(self._unconfirmed.values()))
            if now - oldest.sent_at > RECEIPT_WAIT_S:
                self._break_off(f"the broker has not confirmed a message for {RECEIPT_WAIT_S:.0f} s")

    def _break_off(self, reason: str) -> None:
        self._failure = reason
        connection = self._socket()
        if connection is not None:
            # the next read finds the end and reports it; closing here could happen within a call of the library
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._failure = "stopped"
        if self._library.socket() is not None:
            self._write()
            self._library.disconnect()
            self._library.loop_write()
        if self._said != (False, "stopped"):
            self._lost("stopped")
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # what the library calls

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._packets += 1
        handle = 0
        if message.qos:
            handle = (self._generation << 16) + message.mid
            self._arrived.append(handle)
        try:
            received = Received(message.topic, bytes(message.payload), message.retain, handle)
        except UnicodeDecodeError:
            log.warning("dropped a message whose topic is not UTF-8")
            self._receipts_due.append(handle)
            return
        try:
            self._deliver(received)
        except Exception:
            log.exception("on_message failed; the message on %s is dropped", received.topic)
            self._receipts_due.append(handle)

    def _on_receipt(
        self, _client: paho.Client, _userdata: object, packet: int, _code: ReasonCode, _properties: Properties
    ) -> None:
        self._packets += 1
        confirmed = self._unconfirmed.pop(packet, None)
        if confirmed is None:
            return
        with self._lock:
            self._window -= 1
        self._call_back(confirmed.on_done, True)

    def _on_greeting(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._packets += 1
        if code.is_failure:
            self._failure = _REFUSALS.get(code.value, f"the broker refused the connection: {code}")
        elif self._subscriptions:
            self._library.subscribe([(topic, 1) for topic in self._subscriptions])
        else:
            self._up()

    def _on_subscribed(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._packets += 1
        refused = [topic for topic, code in zip(self._subscriptions, codes, strict=False) if code.is_failure]
        if refused:
            self._break_off(f"the broker refused the subscription to {', '.join(refused)}: check the access list")
        else:
            self._up()

    def _up(self) -> None:
        self._greeting_due = None
        self._up_since = time.monotonic()
        with self._lock:
            self._connected = True
        self._say(True, "")

    def _on_gone(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        silent = code.getName() == "Keep alive timeout"
        if silent:
            lost = "no sign of life from the broker"
        elif self._greeting_due is not None:
            lost = "the broker hung up before welcoming us: check the user name and the password"
        else:
            lost = "the connection to the broker was lost"
        self._lost(self._failure or lost)

    def _on_socket_close(self, _client: paho.Client, _userdata: object, connection: object) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)  # type: ignore[arg-type]


_REFUSALS: Final = {
    0x84: "the broker does not speak MQTT 3.1.1",
    0x85: "the broker refused the client id",
    0x86: "the broker refused the user name or password",
    0x87: "the broker refused the user name or password",
    0x88: "the broker is not available",
}
"""CONNACK reason -> words. Brokers use "bad password" and "not authorized" alike for a wrong password."""


class _ClosingTlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; the library would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls_context(ca_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"cannot read the authority's certificate {ca_file}: {error}") from error
    context.sslsocket_class = _ClosingTlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _in_plain_words(error: Exception, settings: BrokerSettings) -> str:
    where = f"{settings.host}:{settings.port}"
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {where} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {where}: {error.reason or error}"
        case socket.gaierror():
            return f"the name {settings.host} cannot be found"
        case ConnectionRefusedError():
            return f"nothing listens at {where}: is the broker running?"
        case TimeoutError():
            return f"no answer from {where}"
        case _:
            return f"cannot connect to {where}: {error}"
