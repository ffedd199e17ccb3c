"""From nothing but a printed code to a hub whose calls become cases, and whose settings come from the centre."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from central.sealing import Sealer
from central.storage import homes
from central.storage.hub_secrets import keep_device_key, keep_password
from gateway.broker import start_broker
from gateway.free_ports import free_port
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.journeys.flat import PENDANT_ADDRESS, PENDANT_KEY, PENDANT_NUMBER, soon
from tests.journeys.town import HOUSE, Program, Town

pytestmark = pytest.mark.slow

HUB, HOME = "h-1", "home-1"
PASSWORD = "as-given-by-the-register"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One of our programs as somebody types it."""
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=False
    )


def register(town: Town) -> None:
    """What the register knows of the home before anybody goes there; and the broker's files."""
    sealer, now = Sealer(), time.time()
    known = [
        homes.DeviceAtHome("neck", "bthome_pendant", "worn", 90_000.0, PENDANT_ADDRESS),
        homes.DeviceAtHome("spare", "serial_pendant", "drawer", 90_000.0, f"{PENDANT_NUMBER:08x}", 11),
    ]
    with town.database.begin() as connection:
        homes.enrol_devices(connection, HOME, known, now)
        keep_device_key(connection, sealer, HOME, "neck", PENDANT_KEY)
        keep_password(connection, sealer, HUB, PASSWORD, now)
    port = town.broker.port
    town.broker.stop()
    (town.folder / "broker-anew").mkdir()
    users = {**town.passwords, HUB: PASSWORD}
    town.broker = start_broker(town.folder / "broker-anew", users, port=port, kind="mosquitto")
    town.config.write_text(
        town.config.read_text()
        + f'[claims]\naddress = "http://127.0.0.1:{town.console_port}"\nbroker_host = "127.0.0.1"\n'
        f"broker_port = {port}\nbroker_tls = false\n"
    )


def print_code(town: Town) -> str:
    printed = command("central", "claim", "--hub", HUB, "--config", str(town.config))
    found = re.search(r"http://\S+/claim#[A-Z0-9-]+", printed.stdout)
    assert found, printed.stdout + printed.stderr
    return found[0]


async def test_from_a_code_to_a_hub_whose_call_becomes_a_case(build_town: Callable[..., Town], tmp_path: Path) -> None:
    town = build_town(count=2)
    register(town)
    town.start()
    air = VirtualAir()
    controller = HubController(air)
    await controller.start()
    button = BTHomeSensor(air, "neck", PENDANT_ADDRESS, key=PENDANT_KEY, counter=1_000)
    await button.power_on()
    spare = PendantTty(tmp_path / "tty", PENDANT_NUMBER)
    spare.plug_in()
    try:
        etc = tmp_path / "etc"
        etc.mkdir()
        # what is particular to this board: its radio is not hci0, and its disk is not /var
        (etc / "edge.toml").write_text(
            f'[ble]\nadapter = "{controller.transport}"\n[storage]\nfolder = "{tmp_path}/outbox"\n'
            f"[screen]\nport = {free_port()}\n"
        )
        link = print_code(town)
        claim = ["edge", "claim", link, "--folder", str(etc), "--serial", str(spare.path)]
        claimed = command(*claim)
        assert claimed.returncode == 0, claimed.stdout + claimed.stderr
        again = command(*claim)
        assert again.returncode == 0, "the power may fail before the first answer is on disk"
        stranger = command("edge", "claim", link, "--folder", str(tmp_path / "stranger"))
        assert stranger.returncode == 1, "the code belongs to the first hub"

        agent = Program("edge", ["-m", "edge", "run", "--config", str(etc / "edge.toml")], tmp_path)
        town.programs.append(agent)
        agent.start(ready="ready")
        await soon(lambda: controller.listening, "the agent listens to the radio")
        spare.press()
        await soon(lambda: len(town.cases(HUB)) == 1, "the call by cable is a case")
        await button.say((0x3A, 1.0))
        status = tmp_path / "outbox" / "status.json"
        await soon(lambda: {"neck", "spare"} <= set(json.loads(status.read_text())["devices"]), "both are heard")
        await soon(lambda: json.loads(status.read_text())["calls_waiting"] == 0, "the centre has both calls")
        assert len(town.cases(HUB)) == 1, "two calls from one home at one time are one case"

        checked = command("edge", "check", "--config", str(etc / "edge.toml"))
        assert checked.returncode == 0, checked.stdout + checked.stderr

        told = command("central", "settings", "--hub", HUB, "--set", "language=es", "--config", str(town.config))
        assert told.returncode == 0, told.stdout + told.stderr
        kept = tmp_path / "outbox" / "settings.json"
        await soon(
            lambda: kept.exists() and "good" in json.loads(kept.read_text()), "the settings have proved themselves"
        )
        assert json.loads(kept.read_text())["good"]["language"] == "es"
        assert agent.stop() == 0
    finally:
        spare.unplug()
        await button.power_off()
        await controller.die()
