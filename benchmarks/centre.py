"""A real centre in a folder: enrolled homes, configuration, and its two processes as an operator would start them."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from benchmarks.packs import DEVICES, hub_name
from benchmarks.processes import Child
from benchmarks.servers import PASSWORD
from central.console.access import SESSION_COOKIE, hash_password
from central.storage import homes, people
from central.storage.database import Database, migrate

OPERATOR: Final = "ana"
DATABASE_FILE: Final = "central.sqlite3"
_CONSOLE: Final = "console at http://127.0.0.1:"
SILENCE_MAX_S: Final = 86_400.0
"""No sensor of a benchmark falls silent."""


def enrol(folder: Path, count: int, *, more: Sequence[str] = ()) -> Path:
    """Makes the registry of `count` homes, one hub each with the devices of `packs`, and an operator.

    `more` names further hubs.

    Returns:
        The database file, to be copied for each run.
    """
    folder.mkdir()
    path = folder / DATABASE_FILE
    url = f"sqlite:///{path}"
    migrate(url)
    database, now = Database.open(url), time.time()
    devices = [homes.DeviceAtHome(device, "bthome", "hall", SILENCE_MAX_S) for device in DEVICES]
    with database.begin() as connection:
        people.add_operator(connection, people.Operator(OPERATOR, "Ana", hash_password(PASSWORD)))
        for hub in (*more, *map(hub_name, range(count))):
            homes.enrol_home(connection, hub, address="Carrer Major 1", now=now)
            homes.enrol_hub(connection, hub, hub, now)
            homes.enrol_devices(connection, hub, devices, now)
    database.close()
    return path


def console_port(desk: Child) -> int:
    """Where a ready desk's console listens."""
    desk.await_log(_CONSOLE)
    return int(desk.log.read_text().partition(_CONSOLE)[2].partition("/")[0])


def log_in(port: int) -> str:
    """Logs the operator in at the console as a browser does; the cookie of the session.

    Raises:
        RuntimeError: the console refuses.
    """
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10.0) as browser:
        page = browser.get("/login")
        form = re.search(r'name="form"\s+value="([^"]+)"', page.text)
        if form is None:
            raise RuntimeError(f"the console shows no log-in form: {page.status_code}")
        answer = browser.post("/login", data={"name": OPERATOR, "password": PASSWORD, "form": form[1]})
        session = browser.cookies.get(SESSION_COOKIE)
    if not session:
        raise RuntimeError(f"the console refuses the log-in: {answer.status_code}")
    return f"{SESSION_COOKIE}={session}"


class Centre:
    """The files of one centre.

    Attributes:
        folder: its data folder.
        telemetry: the embedded store's.
    """

    def __init__(self, folder: Path, registry: Path, broker_port: int, *, influx_url: str = "") -> None:
        folder.mkdir()
        self.folder = folder
        self.telemetry = folder / "telemetry"
        self._config = folder / "central.toml"
        shutil.copy(registry, folder / DATABASE_FILE)
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o600)
        store = f'store = "influx"\nurl = "{influx_url}"' if influx_url else 'store = "embedded"'
        self._config.write_text(f"""data_folder = "."
[broker]
port = {broker_port}
desk_password_file = "password"
receiver_password_file = "password"
[telemetry]
{store}
[console]
port = 0
cookie_secure = false
""")

    def command(self, process: str) -> list[str]:
        """How `desk` or `receiver` is started."""
        return [sys.executable, "-m", "central", process, "--config", str(self._config)]

    def start(self, process: str, *, core: int | None = None) -> Child:
        """Starts `desk` or `receiver`."""
        return Child(self.command(process), self.folder / f"{process}.log", core=core)

    def start_both(self, stack: ExitStack) -> tuple[Child, Child]:
        """Desk and receiver, connected and with nothing left to do; `stack` ends them."""
        both = stack.enter_context(self.start("desk")), stack.enter_context(self.start("receiver"))
        for process in both:
            process.await_log("connected")
            process.await_idle()
        return both
