"""A new hub with nothing but a printed code becomes part of the house: password, devices, settings, and help by SMS.

The programs are run as they are installed; nothing is handed over but what travels between them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from central.storage import cases, hub_settings
from central.storage.database import Database
from gateway.broker import Broker, start_broker
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, AlarmAnswer
from gateway.contract.sms import decode_answer_sms, encode_alarm_sms, sms_key
from gateway.free_ports import free_port

pytestmark = pytest.mark.slow

HOUSE = Path(__file__).resolve().parents[2]
HUB = "h-17"
TOKEN = "the gateway's word"
DEADLINE_S = 60.0


def wait_until(condition: Callable[[], bool], what: str, log: Path | None = None) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come\n{log.read_text() if log else ''}"
        time.sleep(0.05)


class House:
    """A centre with its broker, and a machine that is to become a hub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = folder / "hub"
        self.port = free_port()
        self.log = folder / "central.log"
        (folder / "token").write_text(TOKEN)
        (folder / "key").write_text("5e" * 32)
        self.configure(1883)

    def configure(self, broker_port: int) -> None:
        (self.folder / "central.toml").write_text(
            f'data_folder = "data"\n[console]\nport = {self.port}\n[secrets]\nkey_file = "key"\n'
            f'[sms]\ntoken_file = "token"\n[broker]\nport = {broker_port}\n'
            'desk_password_file = "desk"\nreceiver_password_file = "receiver"\n'
            f'[claims]\naddress = "http://127.0.0.1:{self.port}"\nbroker_host = "127.0.0.1"\n'
            f'broker_port = {broker_port}\nbroker_tls = false\nbroker_folder = "broker-files"\n'
        )

    def central(self, *command: str) -> str:
        given = [sys.executable, "-m", "central", command[0], "--config", str(self.folder / "central.toml")]
        done = subprocess.run([*given, *command[1:]], cwd=HOUSE, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "broker-files/secrets.json").read_text())
        return found

    @contextlib.contextmanager
    def running(self, name: str, *command: str) -> Iterator[None]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", *command], cwd=HOUSE, stderr=log, stdout=log)
            try:
                yield
            finally:
                process.terminate()
                process.wait(30)

    def database(self) -> Database:
        return Database.open(f"sqlite:///{self.folder}/data/central.sqlite3")


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    shutil.copy(HOUSE / "deploy/homes.example.json", tmp_path / "homes.json")
    made.central("import-homes", str(tmp_path / "homes.json"))
    files = ["--out", str(tmp_path / "broker-files"), "--certificate", "/c.pem", "--key", "/k.pem"]
    made.central("broker-config", *files)
    for name in ("desk", "receiver"):
        (tmp_path / name).write_text(made.passwords()[name])
    return made


@pytest.fixture
def broker(house: House) -> Iterator[Broker]:
    folder = house.folder / "broker"
    folder.mkdir()
    with start_broker(folder, house.passwords()) as running:
        house.configure(running.port)
        yield running


def test_a_code_a_hub_its_settings_and_an_alarm_by_sms(house: House, broker: Broker) -> None:
    said = house.central("claim", "--hub", HUB)
    link = re.search(r"llar-edge claim '(\S+)'", said)
    assert link
    house.central("settings", "--hub", HUB, "--set", "language=es", "--set", "centre_number=+34930000112")
    config = str(house.folder / "central.toml")
    with house.running("central", "central", "run", "--config", config):
        wait_until(lambda: "ready: console" in house.log.read_text(), "the centre", house.log)
        claim = [sys.executable, "-m", "edge", "claim", link[1], "--folder", str(house.hub)]
        claimed = subprocess.run(claim, cwd=HOUSE, capture_output=True, text=True, check=False)
        assert claimed.returncode == 0, claimed.stdout + claimed.stderr
        again = subprocess.run(claim, cwd=HOUSE, capture_output=True, text=True, check=False)
        assert again.returncode == 0, "the power may fail while the answer is written"
        with house.running("edge", "edge", "run", "--config", str(house.hub / "edge.toml")):
            database = house.database()
            try:
                wait_until(lambda: in_force(database) >= 1, "the settings in force", house.folder / "edge.log")
                reply = deliver(house)
                with database.read() as connection:
                    (case,) = cases.open_cases(connection)
                assert (case.kind, case.home_id, str(case.id)) == (AlarmKind.HELP, "gracia-17", reply.case)
            finally:
                database.close()


def in_force(database: Database) -> int:
    with database.read() as connection:
        found = hub_settings.desired_of(connection, HUB)
    return found.in_force if found else 0


def deliver(house: House) -> AlarmAnswer:
    """Hands the centre an alarm as the hub's modem would write it; the receipt that the gateway would send back."""
    key = sms_key(house.passwords()[HUB])
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    text = encode_alarm_sms(HUB, Alarm("a1b2c3", dty, time.time(), stc, did="pendant"), 31.0, key)
    answer = httpx.post(
        f"http://127.0.0.1:{house.port}/sms/in",
        json={"from": "+34600111222", "to": "+34930000112", "text": text},
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=60,
    )
    assert answer.status_code == 200
    read = decode_answer_sms(answer.json()["reply"], {HUB: key}.get)
    assert isinstance(read, tuple)
    return read[1]
