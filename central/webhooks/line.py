"""One HTTP request to a receiver: bounded in time and size, no redirects, and only to addresses that may be called.

The name is looked up once and the connection goes to the very address that was judged, so that a name that answers
differently a moment later leads nowhere else.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from central.webhooks.rules import WAIT_MAX_S, Answer, IpNetwork, address_fault

CONNECT_WAIT_S: Final = 4.0
WAIT_S: Final = 10.0
"""For all of it: a receiver that answers drop by drop is given up."""
ANSWER_BYTES_MAX: Final = 4_096
"""Read of an answer, whose words nobody needs."""
FAULT_MAX: Final = 200


class _Pinned(http.client.HTTPConnection):
    """A connection to one IP address, whatever the name says."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=CONNECT_WAIT_S)
        self._address = address
        self._context = context

    def connect(self) -> None:
        line = socket.create_connection((self._address, self.port), CONNECT_WAIT_S)
        line.settimeout(WAIT_S)
        self.sock = line if self._context is None else self._context.wrap_socket(line, server_hostname=self.host)


def post(url: str, headers: dict[str, str], body: bytes, networks: Sequence[IpNetwork]) -> Answer:
    """Sends one request. Whatever goes wrong is an answer too, in few words."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if tls else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Answer(0, f"the name cannot be resolved: {error}"[:FAULT_MAX])
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for address in addresses:
        if fault := address_fault(address, tls=tls, networks=networks):
            return Answer(0, fault[:FAULT_MAX])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _Pinned(host, port, addresses[0], ssl.create_default_context() if tls else None)
    return _ask(connection, path, headers, body)


def _ask(connection: _Pinned, path: str, headers: dict[str, str], body: bytes) -> Answer:
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(WAIT_S, hang_up)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_MAX)
        if late.is_set():
            return Answer(0, f"no answer within {WAIT_S:.0f} s")
        fault = "" if 200 <= answer.status < 300 else f"{answer.status} {answer.reason}"[:FAULT_MAX]
        return Answer(answer.status, _printable(fault), _retry_after(answer.getheader("retry-after", "")))
    except (OSError, http.client.HTTPException) as error:
        told = f"no answer within {WAIT_S:.0f} s" if late.is_set() else f"{type(error).__name__}: {error}"
        return Answer(0, _printable(told[:FAULT_MAX]))
    finally:
        watch.cancel()
        connection.close()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _retry_after(text: str) -> float:
    """Seconds, bounded; dates are not needed by anybody here."""
    digits = text.strip()
    return min(float(digits), WAIT_MAX_S) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 0.0
