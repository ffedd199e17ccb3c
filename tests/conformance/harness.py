"""What the suites share: waiting with a deadline, a line that can be cut, and a client with its callbacks recorded."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.broker import Broker
from gateway.mqtt_client import BrokerSettings, MqttClient, Received, Will

WAIT_S = 60.0
PASSWORDS = {"h-17": "key-of-h-17", "h-18": "key-of-h-18", "desk": "key-of-the-desk", "receiver": "key-of-receiver"}


def eventually(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds; fails the test, saying `what` was expected, when it does not."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"expected within {WAIT_S:.0f} s: {what}"
        time.sleep(0.005)


class Line:
    """A TCP line to a broker that can be cut, mended, frozen and thawed."""

    def __init__(self, broker: Broker) -> None:
        self._target = (broker.host, broker.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._up = True
        self._flowing = True
        self._ended = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Breaks what is connected and lets nobody connect."""
        with self._lock:
            self._up = False
            self._hang_up()

    def mend(self) -> None:
        self._up = True

    def freeze(self) -> None:
        """Keeps connections open but lets nothing through."""
        self._flowing = False

    def thaw(self) -> None:
        self._flowing = True

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._hang_up()
        self._listener.close()

    def _hang_up(self) -> None:
        for end in self._pairs:
            end.close()
        self._pairs.clear()

    def _run(self) -> None:
        while not self._ended:
            ends = list(self._pairs) if self._flowing else []
            with contextlib.suppress(OSError, ValueError):
                readable, _, _ = select.select([self._listener, *ends], [], [], 0.02)
                with self._lock:
                    self._serve(readable)

    def _serve(self, readable: list[socket.socket]) -> None:
        for end in readable:
            if end is self._listener:
                self._accept()
            elif end in self._pairs:
                self._forward(end)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if not self._up:
            near.close()
            return
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()
            return
        self._pairs[near], self._pairs[far] = far, near

    def _forward(self, end: socket.socket) -> None:
        other = self._pairs[end]
        try:
            data = end.recv(65_536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for closing in (end, other):
            self._pairs.pop(closing, None)
            closing.close()


@dataclass
class Driven:
    """Which client, and how it is driven: by its own thread, or by `poll` in a thread of the test."""

    name: str
    polled: bool
    kind: type[MqttClient] = MqttClient


class Party:
    """A client with its callbacks recorded; acknowledges what it receives unless told not to."""

    def __init__(
        self,
        settings: BrokerSettings,
        driven: Driven,
        *,
        subscriptions: Sequence[str] = (),
        will: Will | None = None,
        acknowledges: bool = True,
    ) -> None:
        self.received: list[Received] = []
        self.told: list[tuple[bool, str]] = []
        self.done: list[bool] = []
        self._acknowledges = acknowledges
        self.client = driven.kind(
            settings,
            subscriptions=subscriptions,
            on_message=self._on_message,
            on_connection=lambda up, reason: self.told.append((up, reason)),
            will=will,
        )
        self._ended = threading.Event()
        self._pump = threading.Thread(target=self._poll, daemon=True) if driven.polled else None
        if self._pump:
            self._pump.start()
        else:
            self.client.start()

    def _poll(self) -> None:
        while not self._ended.is_set():
            self.client.poll(0.02)
        self.client.stop()

    def _on_message(self, message: Received) -> None:
        self.received.append(message)
        if self._acknowledges:
            self.client.acknowledge(message)

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.received]

    def up(self) -> Party:
        eventually(lambda: self.client.connected, "a connection to the broker")
        return self

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publishes, waiting while the window is full."""
        eventually(
            lambda: self.client.publish(topic, payload, retain=retain, on_done=self.done.append), "room in the window"
        )

    def attempt(self, topic: str, payload: bytes) -> None:
        """Publishes and waits for any outcome: a broker may hang up on who oversteps its rights."""
        settled = len(self.done)
        self.send(topic, payload)
        eventually(lambda: len(self.done) > settled, "a receipt or a lost connection")

    def insist(self, topic: str, payload: bytes) -> None:
        """Publishes until the broker confirms it, as the outbox does: it may arrive more than once."""
        confirmed = self.done.count(True)
        while self.done.count(True) == confirmed:
            self.attempt(topic, payload)

    def confirmed(self, count: int) -> None:
        eventually(lambda: self.done.count(True) >= count, f"{count} receipts from the broker")

    def stop(self) -> None:
        if self._pump:
            self._ended.set()
            self._pump.join()
        else:
            self.client.stop()


def settings_for(user: str, port: int, **changes: object) -> BrokerSettings:
    """Settings of one of `PASSWORDS`, with quick reconnects."""
    settings = BrokerSettings("127.0.0.1", port, user, user, PASSWORDS[user], reconnect_max_s=0.5)
    return replace(settings, **changes)  # type: ignore[arg-type]
