"""The engine of the fast receiver takes any cut of the stream, and any bytes at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from paho.mqtt import client as paho

from gateway.fast_receiver import PACKET_BYTES_MAX, PlainLine, connect_packet
from gateway.line import BrokerSettings, Will

SETTINGS = BrokerSettings("127.0.0.1", 1, "h-17", "h-17", "secret", keepalive_s=60)


class Recorded:
    """Events as they came."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def on_greeted(self, fault: str) -> None:
        self.events.append(("greeted", fault))

    def on_subscribed(self, granted: Sequence[bool]) -> None:
        self.events.append(("subscribed", list(granted)))

    def on_published(self, packet: int, topic: str, payload: bytes, retained: bool) -> None:
        self.events.append(("published", packet, topic, payload, retained))

    def on_receipt(self, packet: int) -> None:
        self.events.append(("receipt", packet))

    def on_gone(self, fault: str) -> None:
        self.events.append(("gone", fault))

    def on_closing(self, connection: socket.socket) -> None:
        pass


@pytest.fixture
def broker_side() -> Iterator[tuple[socket.socket, PlainLine, Recorded]]:
    """A line whose broker is the test itself."""
    recorded = Recorded()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = BrokerSettings("127.0.0.1", listener.getsockname()[1], "h-17", "h-17", "secret")
        line = PlainLine(here, None, recorded)
        line.open()
        broker, _ = listener.accept()
    with broker:
        yield broker, line, recorded
        if line.socket is not None:
            line.close()


def publish(topic: str, payload: bytes, number: int, retain: bool) -> bytes:
    """A PUBLISH with QoS 1 as a broker writes it."""
    name = topic.encode()
    body = len(name).to_bytes(2) + name + number.to_bytes(2) + payload
    length = len(body)
    digits = bytearray()
    while length > 127:
        digits.append(length % 128 | 128)
        length //= 128
    return bytes([0x33 if retain else 0x32]) + digits + bytes([length]) + body


messages = st.tuples(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    st.binary(max_size=300) | st.just(bytes(20_000)),
    st.integers(1, 65_535),
    st.booleans(),
)


@given(st.lists(messages, min_size=1, max_size=6), st.data())
def test_any_cut_of_the_stream_gives_the_same_messages(
    sent: list[tuple[str, bytes, int, bool]], data: st.DataObject
) -> None:
    stream = (
        b"\x20\x02\x00\x00"
        + b"".join(publish(*message) for message in sent)
        + b"\x40\x02\x00\x07\x90\x04\x00\x01\x01\x80"
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=12)))
    recorded = Recorded()
    line = PlainLine(SETTINGS, None, recorded)
    rest = b""
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer = rest + stream[start:stop]
        rest = buffer[line._take_apart(buffer) :]
    assert rest == b""
    published = [("published", number, topic, payload, retain) for topic, payload, number, retain in sent]
    assert recorded.events == [("greeted", ""), *published, ("receipt", 7), ("subscribed", [True, False])]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=200))
@example(garbage=b"\x30\x00")
@example(garbage=b"\x20\x00")
@example(garbage=b"\x20\x02\x00\x09")
@example(garbage=b"\x32\xff\xff\xff\x7f")
@example(garbage=b"\x32\xff\xff\xff\xff\x01")
@example(garbage=b"\x32\x04\x00\x09ab")
@example(garbage=b"\x34\x06\x00\x01a\x00\x01b")
@example(garbage=b"\x40\x00")
@example(garbage=b"\x32\x07\x00\x03\xff\xfe\xfd\x00\x01")
def test_any_bytes_from_a_broker_end_in_events(garbage: bytes) -> None:
    recorded = Recorded()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = BrokerSettings("127.0.0.1", listener.getsockname()[1], "h-17", "h-17", "secret")
        line = PlainLine(here, None, recorded)
        line.open()
        broker, _ = listener.accept()
    assert line.socket is not None
    line.socket.setblocking(True)
    with broker:
        broker.sendall(garbage)
        broker.shutdown(socket.SHUT_WR)
        while line.socket is not None:
            line.read()
    assert recorded.events[-1][0] == "gone"


def test_a_packet_of_absurd_length_is_a_fault_and_not_a_buffer(
    broker_side: tuple[socket.socket, PlainLine, Recorded],
) -> None:
    broker, line, recorded = broker_side
    assert line.socket is not None
    line.socket.setblocking(True)
    broker.sendall(b"\x32\xff\xff\xff\x7f" + bytes(1000))
    line.read()
    assert PACKET_BYTES_MAX < 128**4
    assert recorded.events == [("gone", "the broker sent what is not MQTT 3.1.1: a packet that is too long")]


@pytest.mark.parametrize("will", [None, Will("care/v1/3e/h-17/up/state", b"gone"), Will("a/b", b"x", retain=False)])
def test_the_greeting_is_the_one_that_paho_sends(will: Will | None) -> None:
    library = paho.Client(paho.CallbackAPIVersion.VERSION2, "h-17", clean_session=False, protocol=paho.MQTTv311)
    library.username_pw_set("h-17", "secret")
    library.on_socket_register_write = lambda *_arguments: None
    if will:
        library.will_set(will.topic, will.payload, qos=1, retain=will.retain)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        library.connect("127.0.0.1", listener.getsockname()[1], 60)
        library.loop_write()
        broker, _ = listener.accept()
        with broker:
            assert broker.recv(4096) == connect_packet(SETTINGS, will)
        library.disconnect()
        library.loop_write()
