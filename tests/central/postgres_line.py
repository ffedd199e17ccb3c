"""A line to a PostgreSQL on a socket of its own that can be cut at the worst moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

SOCKET = ".s.PGSQL.5432"


class Line:
    """Passes on what clients and server say. `cut_at_commit()` ends the connection that commits next: the server has
    committed, and the client never hears of it. `cut` tells how often that has happened."""

    def __init__(self, server: Path, door: Path) -> None:
        self._server = server
        self._armed = False
        self.cut = 0
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(door))
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at_commit(self) -> None:
        self._armed = True

    def close(self) -> None:
        # a thread that waits in accept() is woken by this, and not by closing alone
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                threading.Thread(target=self._up, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if self._armed and data.endswith(b"COMMIT\x00"):
                    self._armed = False
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(data)
                    self.cut += 1
                    break
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)  # the server reads what is there to its end

    def _pass(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
        client.close()
        server.close()


@contextlib.contextmanager
def line_to(url: str, folder: Path) -> Iterator[tuple[str, Line]]:
    """A line to the database at `url`, and the database's URL by that line."""
    parsed = sa.make_url(url)
    server = Path(str(parsed.query["host"])) / SOCKET
    line = Line(server, folder / SOCKET)
    try:
        yield parsed.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False), line
    finally:
        line.close()
