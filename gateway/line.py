"""What a client and the engine that speaks MQTT for it have in common: settings, messages, and the engine's face."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import msgspec

CONNECT_WAIT_S: Final = 5.0
"""Longest wait for TCP and TLS; a client blocks this long while it connects."""
PACKETS_PER_READ: Final = 256
"""Most packets read before acknowledgements are sent: well under a broker's window, so that it never runs dry."""


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


class LineEvents(Protocol):
    """What an engine tells its client, on the network thread."""

    def on_greeted(self, fault: str) -> None:
        """The broker answered our greeting; `fault` says why it refused us, "" = welcome."""

    def on_subscribed(self, granted: Sequence[bool]) -> None:
        """The broker answered our subscriptions, in their order."""

    def on_published(self, packet: int, topic: str, payload: bytes, retained: bool) -> None:
        """A message came; `packet` is its number, 0 for one that needs no acknowledgement."""

    def on_receipt(self, packet: int) -> None:
        """The broker confirmed our message of that number."""

    def on_gone(self, fault: str) -> None:
        """The connection is closed; `fault` is "" when it just ended. `socket` is None from now on."""

    def on_closing(self, connection: socket.socket) -> None:
        """The socket is about to be closed."""


class Line(Protocol):
    """An engine that speaks MQTT 3.1.1 on one socket at a time. Single-threaded, never blocks except in `open`."""

    def __init__(self, settings: BrokerSettings, will: Will | None, events: LineEvents) -> None:
        """Prepares.

        Raises:
            ValueError: `ca_file` cannot be read.
        """

    @property
    def socket(self) -> socket.socket | None:
        """The connection; None when there is none."""

    def open(self) -> None:
        """Connects and greets, with a persistent session; forgets what was open before.

        Raises:
            OSError: there is no TCP or TLS connection.
        """

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics with QoS 1."""

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        """Takes in a message with QoS 1; the number of its packet."""

    def read(self) -> None:
        """Reads what is there and tells the events of it, at most about `PACKETS_PER_READ` packets."""

    def write(self, acknowledged: Sequence[int]) -> bool:
        """Sends these acknowledgements and all that was taken in; True when some of it must wait for the socket."""

    def keep_alive(self) -> None:
        """Tries a silent line, and gives it up when it stays silent."""

    def close(self) -> None:
        """Says good-bye and closes."""


def puback(packets: Sequence[int]) -> bytes:
    """Acknowledgement packets (MQTT 3.1.1, 3.4) for these numbers, in one piece."""
    return b"".join([b"\x40\x02" + packet.to_bytes(2) for packet in packets])


REFUSALS: Final = {
    1: "the broker does not speak MQTT 3.1.1",
    2: "the broker refused the client id",
    3: "the broker is not available",
    4: "the broker refused the user name or password",
    5: "the broker refused the user name or password",
}
"""CONNACK code (MQTT 3.1.1, table 3.1) -> words. Brokers use 4 and 5 alike for a wrong password."""
NO_SIGN_OF_LIFE: Final = "no sign of life from the broker"


class _ClosingTlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; a library would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later with the broker's certificate and host name checked.

    Raises:
        ValueError: `ca_file` cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"cannot read the authority's certificate {ca_file}: {error}") from error
    context.sslsocket_class = _ClosingTlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def in_plain_words(error: Exception, settings: BrokerSettings) -> str:
    """Why there is no connection, for a technician."""
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
