"""A real centre in a folder: enrolled homes, configuration, and its two processes as an operator would start them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.packs import DEVICES, hub_name
from benchmarks.processes import Child
from benchmarks.servers import PASSWORD
from central.console.access import hash_password
from central.storage import homes, people
from central.storage.database import Database, migrate

OPERATOR: Final = "ana"
DATABASE_FILE: Final = "central.sqlite3"
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


class Centre:
    """The files of one centre.

    Attributes:
        folder: its data folder.
        telemetry: the embedded store's.
    """

    def __init__(self, folder: Path, registry: Path, broker_port: int, *, influx_url: str = "", console_port: int = 0):
        folder.mkdir()
        self.folder = folder
        self.telemetry = folder / "telemetry"
        self.console_port = console_port
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
port = {console_port}
cookie_secure = false
""")

    def command(self, process: str) -> list[str]:
        """How `desk` or `receiver` is started."""
        return [sys.executable, "-m", "central", process, "--config", str(self._config)]

    def start(self, process: str, *, core: int | None = None) -> Child:
        """Starts `desk` or `receiver`."""
        return Child(self.command(process), self.folder / f"{process}.log", core=core)
