"""A PostgreSQL of Debian's on a socket of its own, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

START_WAIT_S = 60.0
ICU_SINCE = 15
"""The first release whose initdb takes a locale of ICU's."""

_MEMORY = Path("/dev/shm")
_MEMORY_FREE_MIN = 4 * 2**30
"""Four clusters of the tests, each with its write-ahead log."""


def programs() -> Path | None:
    """Where the newest PostgreSQL's programs are; None when it is not installed."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def postgres(bin_folder: Path) -> Iterator[str]:
    """Makes a cluster, starts it and gives the URL of an empty database; it is gone afterwards."""
    # it will not run as root
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="llar-pg-", dir=_place()))
    if user:
        shutil.chown(folder, user, user)
    options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    if int(bin_folder.parent.name) >= ICU_SINCE:
        # words in the order of people, as the server of a town has it, and not of bytes as SQLite does
        options += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=ca"]
    initdb: list[str | Path] = [bin_folder / "initdb", "-D", folder / "data", *options]
    subprocess.run(initdb, check=True, user=user, group=user, capture_output=True, cwd="/")
    settings = ("fsync=off", "listen_addresses=", f"unix_socket_directories={folder}", "max_connections=50")
    command: list[str | Path] = [bin_folder / "postgres", "-D", folder / "data"]
    command += [part for one in settings for part in ("-c", one)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, user=user, group=user, stdout=log, stderr=log, cwd="/")
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        _await(url, server)
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # its fast way: whoever is still connected is cut off
        server.wait(START_WAIT_S)
        shutil.rmtree(folder)


def _place() -> Path | None:
    """In memory where there is room: on a disk, to make and drop a database costs five times as much."""
    if not os.access(_MEMORY, os.W_OK):
        return None
    found = os.statvfs(_MEMORY)
    return _MEMORY if found.f_bavail * found.f_frsize >= _MEMORY_FREE_MIN else None


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.pool.NullPool)
    deadline = time.monotonic() + START_WAIT_S
    while True:
        try:
            return engine.connect().close()
        except sa.exc.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
