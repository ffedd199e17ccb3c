"""The engine on paho writes acknowledgements past the library; the stream must stay whole packets all the same."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

import pytest

from gateway.fast_receiver import FastReceiver
from gateway.line import BrokerSettings
from gateway.mqtt_client import PUBLISH_BYTES_MAX, MqttClient
from gateway.paho_line import PahoLine
from tests.conformance.harness import WAIT_S, Driven, Party, settings_for


class Silent:
    """Takes events and does nothing with them."""

    def on_greeted(self, fault: str) -> None: ...

    def on_subscribed(self, granted: Sequence[bool]) -> None: ...

    def on_published(self, packet: int, topic: str, payload: bytes, retained: bool) -> None: ...

    def on_receipt(self, packet: int) -> None: ...

    def on_gone(self, fault: str) -> None: ...

    def on_closing(self, connection: socket.socket) -> None: ...


def packets(stream: bytes) -> list[tuple[int, bytes]]:
    """First byte and body of each packet of a stream."""
    taken, at = [], 0
    while at < len(stream):
        head, length, place = stream[at], 0, 0
        while True:
            at += 1
            length |= (stream[at] & 0x7F) << 7 * place
            place += 1
            if stream[at] < 128:
                break
        at += 1
        taken.append((head, stream[at : at + length]))
        at += length
    return taken


@pytest.mark.parametrize("kind", [MqttClient, FastReceiver])
def test_stopping_closes_a_line_that_takes_nothing_more(kind: type[MqttClient]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hub = Party(settings_for("h-17", listener.getsockname()[1]), Driven("thread", polled=False, kind=kind))
        broker, _ = listener.accept()
    with broker:
        broker.recv(4096)
        broker.sendall(b"\x20\x02\x00\x00")
        hub.up()
        taken = 0
        while hub.client.publish("t", bytes(PUBLISH_BYTES_MAX), on_done=hub.done.append):
            taken += 1
        hub.stop()
        broker.settimeout(WAIT_S)
        with contextlib.suppress(ConnectionResetError):
            while broker.recv(1_000_000):
                pass
    assert hub.done == [False] * taken


def test_an_acknowledgement_never_lands_inside_a_message_that_a_slow_line_took_only_in_part() -> None:
    payload = bytes(PUBLISH_BYTES_MAX)
    acknowledged = range(1, 41)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = PahoLine(BrokerSettings("127.0.0.1", listener.getsockname()[1], "h-17", "h-17", "x"), None, Silent())
        line.open()
        broker, _ = listener.accept()
    with broker:
        published = 0
        while not line.write([]):
            line.publish("t", payload, False)
            published += 1
        stream = bytearray()
        broker.setblocking(False)
        for number in acknowledged:
            line.write([number])
            with contextlib.suppress(BlockingIOError):
                stream += broker.recv(50_000)
        broker.settimeout(5.0)
        while line.write([]):
            stream += broker.recv(1_000_000)
        line.close()
        while data := broker.recv(1_000_000):
            stream += data
    connect, *rest, disconnect = packets(bytes(stream))
    assert (connect[0], disconnect[0]) == (0x10, 0xE0)
    assert [int.from_bytes(body) for head, body in rest if head == 0x40] == list(acknowledged)
    messages = [body for head, body in rest if head != 0x40]
    assert len(messages) == published
    assert all(body.endswith(payload) for body in messages)
