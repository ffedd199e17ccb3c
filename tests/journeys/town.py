"""A small town of real processes for the journeys: broker, centre, and hubs.

The centre's databases are read directly where a journey asks what is stored; everything else goes over the wire.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from central.console import access
from central.service_settings import Desk
from central.storage import homes, people, settings
from central.storage.database import Database
from central.storage.tables import case_events, cases
from gateway.broker import Broker, start_broker
from gateway.free_ports import free_port
from tests.central.fresh_database import fresh_database

HOUSE = Path(__file__).resolve().parents[2]
DEADLINE_S = 90.0
START_S = 240.0
"""To load a program takes one or two seconds of a processor, of which a busy machine gives a fiftieth."""
T = TypeVar("T")
OPERATORS = {"ana": "Ana", "marc": "Marc"}
PASSWORD = "sense presses"


def wait_until(condition: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first true value of `condition`."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {deadline_s:.0f} s: {what}")


@cache
def _password_hash() -> str:
    return access.hash_password(PASSWORD)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Program:
    """A process with its log in a file: a module of Llar by its arguments, or any program as `command`."""

    def __init__(self, name: str, arguments: list[str], folder: Path, *, command: str = sys.executable) -> None:
        self.name, self._command = name, [command, *arguments]
        self.log = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: str = "", environment: Mapping[str, str] | None = None) -> Program:
        """Starts it; with `ready`, waits until the log of this start says so."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=HOUSE,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call into the kernel, no Python lock
            )
        if ready:
            said = f"{self.name} says {ready!r}"
            wait_until(lambda: ready in self.said(begin) or self._fail_if_gone(), said, START_S)
        return self

    def said(self, begin: int = 0) -> str:
        """Its log from byte `begin` on."""
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _fail_if_gone(self) -> bool:
        assert self.process is not None
        ended = self.process.poll()
        assert ended is None, f"{self.name} ended with {ended}:\n{self.said()[-3000:]}"
        return False

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Asks it to end, and waits."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(DEADLINE_S)


class Town:
    """One broker and one centre with `count` homes, each with a hub `h-1` ..., a resident and a carer."""

    def __init__(self, folder: Path, *, count: int = 3, extra: str = "") -> None:
        self.folder = folder
        self.hubs = [f"h-{number}" for number in range(1, count + 1)]
        self.passwords = {name: f"pw-{name}" for name in (*self.hubs, "desk", "receiver", "watcher")}
        for name in ("broker", "data"):
            (folder / name).mkdir(exist_ok=True)
        self.broker: Broker = start_broker(folder / "broker", self.passwords, kind="mosquitto")
        self.console_port = free_port()
        self.config = folder / "central.toml"
        for name in ("desk", "receiver"):
            (folder / f"{name}.password").write_text(self.passwords[name])
        self.config.write_text(
            f'data_folder = "{folder}/data"\n'
            f'[broker]\nport = {self.broker.port}\ndesk_password_file = "desk.password"\n'
            f'receiver_password_file = "receiver.password"\n'
            f"[console]\nport = {self.console_port}\ncookie_secure = false\n{extra}"
        )
        self.database_url = fresh_database(folder / "data" / "central.sqlite3")
        self.database = Database.open(self.database_url)
        self._enrol()
        self.desk = Program("desk", ["-m", "central", "desk", "--config", str(self.config)], folder)
        self.receiver = Program("receiver", ["-m", "central", "receiver", "--config", str(self.config)], folder)
        self.programs = [self.desk, self.receiver]

    def _enrol(self) -> None:
        now = time.time()
        with self.database.begin() as connection:
            # on one day of the month it would be one message more than a test counts
            settings.keep(connection, "desk", Desk(reach_test_days=0), now, settings.INSTALLED, 0)
            for number, hub in enumerate(self.hubs, 1):
                home = f"home-{number}"
                homes.enrol_home(connection, home, address=f"Carrer de la Prova {number}", now=now)
                homes.enrol_hub(connection, hub, home, now)
                homes.enrol_devices(connection, home, self.devices(), now)
                person = people.Resident(f"r-{number}", home, f"Maria {number}", f"Maria Soler {number}", 1940)
                people.add_resident(connection, person)
                carer = people.Contact(f"c-{number}", home, 1, "Jordi", email=f"jordi{number}@example.org")
                people.add_contact(connection, carer)
            for operator, called in OPERATORS.items():
                people.add_operator(connection, people.Operator(operator, called, _password_hash()))

    @staticmethod
    def devices() -> list[homes.DeviceAtHome]:
        return [
            homes.DeviceAtHome("pendant", "serial-pendant", "", 90_000.0),
            homes.DeviceAtHome("hall", "bthome-motion", "hall", 90_000.0),
        ]

    # what is stored

    def cases(self, hub: str = "h-1") -> list[dict[str, Any]]:
        """The cases of a hub's home, oldest first."""
        home = hub.replace("h-", "home-")
        with self.database.read() as connection:
            rows = connection.execute(sa.select(cases).where(cases.c.home_id == home).order_by(cases.c.id))
            return [dict(row) for row in rows.mappings()]

    def log_of(self, case_id: int) -> list[str]:
        """The types of a case's events, in order."""
        query = sa.select(case_events.c.type).where(case_events.c.case_id == case_id).order_by(case_events.c.position)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def start(self, *, receiver: bool = False) -> Town:
        """Starts the centre's processes and waits until they hear."""
        begin = self.desk.log.stat().st_size if self.desk.log.exists() else 0
        self.desk.start(ready="ready")
        wait_until(lambda: "broker: connected" in self.desk.said(begin), "the desk hears the homes")
        if receiver:
            self.receiver.start(ready="ready")
        return self

    def close(self) -> None:
        """Ends everything."""
        for program in self.programs:
            program.kill()
        self.broker.stop()
        self.database.close()


@contextmanager
def town(folder: Path, **options: Any) -> Iterator[Town]:
    """A town that ends with the block."""
    made = Town(folder, **options)
    try:
        yield made
    finally:
        made.close()
