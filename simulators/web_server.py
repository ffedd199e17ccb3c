"""A small HTTP server on loopback in threads of its own, with the faults that real ones have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Final, NamedTuple

BODY_BYTES_MAX: Final = 1_000_000


class WebFault(StrEnum):
    """How a server behaves."""

    NONE = "none"
    BUSY = "busy"  # 503
    REFUSES = "refuses"  # 400
    HANGS = "hangs"  # takes the request and says nothing
    HANGS_UP = "hangs_up"  # takes the request and closes the line
    DRIPS = "drips"  # says one byte of its answer now and then
    DRIPS_HEADERS = "drips_headers"  # says one more header now and then


_DRIPS: Final = {
    WebFault.DRIPS: (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b" "),
    WebFault.DRIPS_HEADERS: (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
}


class Asked(NamedTuple):
    """One request: headers by their names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What is answered."""

    status: int
    body: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})


Respond = Callable[[Asked], Answer | WebFault]


class WebServer:
    """Answers by `respond`, which may behave badly too, unless `fault` says otherwise. `port` 0 takes a free one."""

    def __init__(self, respond: Respond, port: int = 0) -> None:
        self.fault = WebFault.NONE
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler(respond))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends; whoever hangs is let go."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, respond: Respond) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Nobody reads it."""

            def _serve(self) -> None:
                length = min(int(self.headers.get("content-length") or 0), BODY_BYTES_MAX)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                said = respond(asked) if server.fault is WebFault.NONE else server.fault
                with suppress(OSError):  # whoever asked has given up
                    if isinstance(said, Answer):
                        self._say(said)
                    else:
                        self._misbehave(said)

            def _misbehave(self, fault: WebFault) -> None:
                match fault:
                    case WebFault.BUSY:
                        self._say(Answer(503, b'{"error": "busy"}'))
                    case WebFault.REFUSES:
                        self._say(Answer(400, b'{"error": "refused"}'))
                    case WebFault.HANGS:
                        server._stopping.wait()
                    case WebFault.DRIPS | WebFault.DRIPS_HEADERS:
                        begin, drop = _DRIPS[fault]
                        self.wfile.write(begin)
                        while not server._stopping.wait(0.05):
                            self.wfile.write(drop)

            def _say(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in {"content-type": answer.type, **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_POST = do_PUT = do_GET = do_DELETE = _serve  # noqa: N815 - the library's names

        return Handler
