"""A connection to an MQTT broker that survives everything.

Two ways to drive it: `start()` gives it a network thread of its own; `poll()` again and again runs it in the
caller's thread. MQTT 3.1.1, QoS 1, persistent session: what was not acknowledged is delivered again after a
reconnect, and what arrives while the client is away waits at the broker.

The engine that speaks MQTT (`gateway.line.Line`; paho unless told otherwise) is touched from the network thread alone;
`publish` and `acknowledge` from other threads only leave word for it. So there is no lock around the engine, and the
acknowledgements of a whole batch leave in one write.
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
from typing import ClassVar, Final, NamedTuple

from gateway.acknowledgements import Acknowledgements
from gateway.line import CONNECT_WAIT_S, BrokerSettings, Line, Received, Will, in_plain_words
from gateway.paho_line import PahoLine

__all__ = ["CONNECT_WAIT_S", "PUBLISH_BYTES_MAX", "BrokerSettings", "MqttClient", "Received", "Will"]

log = logging.getLogger(__name__)

PUBLISH_BYTES_MAX: Final = 20_000
"""Largest payload: an embedded broker drops the connection at 20,480 bytes including the topic."""
GREETING_WAIT_S: Final = 10.0
"""A broker that accepts the connection but does not say welcome and confirm the subscriptions by then is stuck."""
RECEIPT_WAIT_S: Final = 20.0
"""A broker that leaves a message without receipt for this long is stuck: the connection is given up."""
STOP_WAIT_S: Final = 3.0
"""Longest wait for the network thread to end. While it asks for a name that nobody knows, it may take half a minute."""
BACKOFF_FIRST_S: Final = 0.25
STABLE_AFTER_S: Final = 10.0
"""A connection that lasted this long starts the back-off anew; a shorter one does not, so that two holders of one
client id do not throw each other out many times a second."""
_SOCKET, _WAKE = "socket", "wake"


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

    line_kind: ClassVar[type[Line]] = PahoLine

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
        self._line = self.line_kind(settings, will, self)
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
        self._acknowledgements = Acknowledgements()
        # network thread only
        self._unconfirmed: dict[int, _Unconfirmed] = {}
        self._said: tuple[bool, str] | None = None
        self._failure = ""
        self._delay_s = BACKOFF_FIRST_S
        self._retry_at = 0.0
        self._greeting_due: float | None = None
        self._up_since = 0.0

    @property
    def connected(self) -> bool:
        """Whether the broker has welcomed us and confirmed the subscriptions, and no loss was seen since."""
        return self._connected

    @property
    def alive(self) -> bool:
        """Whether the network thread of `start` runs: for a watchdog."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Connects and stays connected, on a network thread of its own."""
        assert self._thread is None, "started twice"
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{self._settings.client_id}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.poll(1.0)
            except Exception:  # a home must not stay deaf behind a connection that still counts as standing
                log.exception("a fault in the connection to the broker; connecting anew")
                self._break_off("a fault of this program: see its log")
                self._lost(self._failure)
                time.sleep(BACKOFF_FIRST_S)
        self._close()

    def stop(self) -> None:
        """Says good-bye to the broker (no last will) and ends. What has no receipt is reported as not done.

        A thread that is still connecting after `STOP_WAIT_S` is left to end by itself, or with the program.
        """
        self._stopping = True
        if self._thread is None:
            self._close()
        elif self._thread is not threading.current_thread():
            self._wake()
            self._thread.join(STOP_WAIT_S)

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
        if self._acknowledgements.give(received.handle):
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
        if self._line.socket is None:
            if now < self._retry_at:
                self._await_events(min(timeout_s, self._retry_at - now))
                return
            self._connect()
        self._write()
        if self._await_events(timeout_s):
            self._line.read()
        self._write()
        self._line.keep_alive()
        self._give_up_if_stuck()

    # reading and writing

    def _await_events(self, timeout_s: float) -> bool:
        """Waits; True when the socket has something to read."""
        connection = self._line.socket
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        readable = False
        for key, events in self._selector.select(max(timeout_s, 0.0)):
            if key.data is _WAKE:
                with contextlib.suppress(BlockingIOError):
                    self._wake_out.recv(4096)
                # only now: a thread that saw the flag before left its message where the next write finds it; the other
                # way round its byte could be read here while the flag stays up, and nobody would be woken again
                self._woken = False
            elif events & selectors.EVENT_READ:
                readable = True
        return readable

    def _write(self) -> None:
        if self._line.socket is None:
            return
        while self._outgoing:
            message = self._outgoing[0]
            packet = self._line.publish(message.topic, message.payload, message.retain)
            self._outgoing.popleft()
            self._unconfirmed[packet] = _Unconfirmed(time.monotonic(), message.on_done)
        blocked = self._line.write(self._acknowledgements.due())
        connection = self._line.socket
        if connection is not None:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if blocked else 0)
            if self._selector.get_key(connection).events != wanted:
                self._selector.modify(connection, wanted, _SOCKET)

    def _wake(self) -> None:
        if self._woken or threading.get_ident() == self._owner:
            return
        self._woken = True
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_in.send(b"\0")

    # connecting

    def _connect(self) -> None:
        self._acknowledgements.start_over()
        self._failure = ""
        try:
            self._line.open()
        except (OSError, ValueError) as error:
            self._lost(in_plain_words(error, self._settings))
            return
        connection = self._line.socket
        if connection is None:
            return
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
        connection = self._line.socket
        if connection is not None:
            # the next read finds the end and reports it; closing here could happen within a call of the library
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._failure = "stopped"
        if self._line.socket is not None:
            self._write()
            self._line.close()
        if self._said != (False, "stopped"):
            self._lost("stopped")
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # what the engine tells

    def on_published(self, packet: int, topic: str, payload: bytes, retained: bool) -> None:
        """Hands a message over."""
        handle = self._acknowledgements.arrive(packet)
        try:
            self._deliver(Received(topic, payload, retained, handle))
        except Exception:
            log.exception("on_message failed; the message on %s is dropped", topic)
            self._acknowledgements.give(handle)

    def on_receipt(self, packet: int) -> None:
        """Frees the place in the window."""
        confirmed = self._unconfirmed.pop(packet, None)
        if confirmed is None:
            return
        with self._lock:
            self._window -= 1
        self._call_back(confirmed.on_done, True)

    def on_greeted(self, fault: str) -> None:
        """Subscribes when welcome."""
        if fault:
            self._break_off(fault)
        elif self._subscriptions:
            self._line.subscribe(self._subscriptions)
        else:
            self._up()

    def on_subscribed(self, granted: Sequence[bool]) -> None:
        """Counts the connection as standing when all subscriptions are."""
        refused = [topic for topic, good in zip(self._subscriptions, granted, strict=False) if not good]
        if refused:
            self._break_off(f"the broker refused the subscription to {', '.join(refused)}: check the access list")
        else:
            self._up()

    def on_gone(self, fault: str) -> None:
        """Gives back what is open."""
        if self._greeting_due is not None:
            ended = "the broker hung up before welcoming us: check the user name and the password"
        else:
            ended = "the connection to the broker was lost"
        self._lost(self._failure or fault or ended)

    def on_closing(self, connection: socket.socket) -> None:
        """Stops watching the socket."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)

    def _up(self) -> None:
        self._greeting_due = None
        self._up_since = time.monotonic()
        with self._lock:
            self._connected = True
        self._say(True, "")
