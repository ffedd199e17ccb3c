"""The real broker and the real InfluxDB, on free loopback ports, with everything that benchmarks add to them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec

from benchmarks.broker_line import open_socket
from benchmarks.processes import Child
from gateway.broker import Broker, start_broker
from gateway.broker_files import password_line
from gateway.contract.topics import INTERNAL_ROOT, ROOT
from gateway.free_ports import free_port

LOAD_USER: Final = "load"
LISTENER: Final = "listener"
"""Publishes alarms and hears what is said, beside the load. The broker lets a user in once at a time."""
PASSWORD: Final = "loopback-only"
"""Of every user of these brokers, which live for minutes and on the loopback."""
MARKS: Final = "heartbeat"
"""Kind under which the receiver stores once a minute that it has heard a hub."""


def cores() -> tuple[int | None, set[int]]:
    """The core of what is measured (None on a machine with a single one), and the cores of all the rest."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        return None, allowed
    first = min(allowed)
    return first, allowed - {first}


@contextmanager
def mosquitto(folder: Path, *hubs: str) -> Iterator[Broker]:
    """The broker with its production limits and access list; `load` and `listener` may read and write all."""
    folder.mkdir()
    users = dict.fromkeys(("desk", "receiver", *hubs), PASSWORD)
    with start_broker(folder, users, kind="mosquitto") as broker:
        with (folder / "passwords").open("a") as page:
            page.writelines(password_line(user, PASSWORD) + "\n" for user in (LOAD_USER, LISTENER))
        with (folder / "access.acl").open("a") as page:
            rights = f"topic readwrite {ROOT}/#\ntopic readwrite {INTERNAL_ROOT}/#\n"
            page.writelines(f"\nuser {user}\n{rights}" for user in (LOAD_USER, LISTENER))
        # before it lets anybody in, it may not have learned yet what SIGHUP means, and would die of it
        _await_login(broker.port, "desk")
        os.kill(broker.pid, signal.SIGHUP)
        _await_login(broker.port, LISTENER)
        yield broker


def _await_login(port: int, user: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            open_socket(port, "probe", user, PASSWORD).close()
            return
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def publisher(
    port: int, log: Path, *, homes: int, records: int, messages: int, start_at: float, rate: float = 0.0
) -> Child:
    """A publisher process that has made its packs and waits for a line."""
    numbers = {"port": port, "homes": homes, "records": records, "messages": messages, "window": 1000, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.publisher", f"--start-at={start_at}"]
    command += [f"--user={LOAD_USER}", f"--password={PASSWORD}", *(f"--{k}={v}" for k, v in numbers.items())]
    child = Child(command, log, talks=True)
    child.hear()
    return child


class Influx:
    """Debian's InfluxDB 1.6 with one database."""

    def __init__(self, url: str, child: Child, database: str) -> None:
        self.url = url
        self.child = child
        self.database = database

    def query(self, text: str) -> list[dict[str, object]]:
        """The series that an InfluxQL query gives."""
        query = urlencode({"db": self.database, "q": text, "epoch": "ms"})
        with urlopen(f"{self.url}/query", data=query.encode(), timeout=60) as answer:
            found = msgspec.json.decode(answer.read())
        series = found["results"][0].get("series", [])
        assert isinstance(series, list)
        return series

    def recreate(self) -> None:
        """Empties it."""
        self.query(f'DROP DATABASE "{self.database}"')
        self.query(f'CREATE DATABASE "{self.database}"')

    def values(self, home: str = "") -> int:
        """Field values stored in all measurements but the receiver's own marks, of one home or of all."""
        chosen = f" WHERE \"home\" = '{home}'" if home else ""
        total = 0
        for series in self.query(f"SELECT COUNT(*) FROM /.*/{chosen}"):
            lines = series["values"] if series["name"] != MARKS else [[0]]
            assert isinstance(lines, list)
            total += sum(int(value or 0) for value in lines[0][1:])
        return total


def influxd_path() -> str | None:
    """Where influxd 1.x is; None when not installed."""
    path = shutil.which("influxd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        return None
    done = subprocess.run([path, "version"], capture_output=True, text=True, check=False, timeout=10)
    return path if "v1." in done.stdout else None


@contextmanager
def influx(folder: Path, database: str = "llar") -> Iterator[Influx]:
    """A fresh InfluxDB 1.x; ask `influxd_path` first whether there is one."""
    folder.mkdir()
    http, rpc = free_port(), free_port()
    (folder / "influx.conf").write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[logging]
  level = "error"
""")
    program = influxd_path()
    assert program
    with Child([program, "-config", str(folder / "influx.conf")], folder / "influx.log") as child:
        child.await_true(lambda: listens(http), "open port")
        found = Influx(f"http://127.0.0.1:{http}", child, database)
        found.recreate()
        yield found


def listens(port: int) -> bool:
    """Whether somebody takes connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True
