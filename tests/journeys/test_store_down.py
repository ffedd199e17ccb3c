"""Promise: while InfluxDB is down nothing is lost, alarms do not notice, and it shows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from devices.vocabulary import Reading
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel
from gateway.free_ports import free_port
from tests.journeys.console_seat import Seat
from tests.journeys.raw_hub import RawHub
from tests.journeys.town import DEADLINE_S, Program, Town, wait_until

PACKS = 40
STORE_SIGN = 4
"""The telemetry store's line on the health page."""


def influx(folder: Path, port: int) -> Program:
    """Debian's InfluxDB, on loopback."""
    program = shutil.which("influxd")
    if program is None:
        pytest.skip("NOT TESTED: a store that is down needs InfluxDB (sudo apt install influxdb)")
    config = folder / "influx.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{folder}/influx/meta"\n[data]\ndir = "{folder}/influx/data"\nwal-dir = "{folder}/influx/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
    )
    return Program("influxd", ["-config", str(config)], folder, command=program)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping").is_success
    except httpx.HTTPError:
        return False


def stored(port: int) -> int:
    """How many temperatures of the first home InfluxDB holds."""
    query = "select count(value) from temperature where home = 'home-1'"
    text = httpx.get(f"http://127.0.0.1:{port}/query?db=llar&q={quote(query)}", timeout=DEADLINE_S).text
    series: list[dict[str, Any]] = json.loads(text)["results"][0].get("series", [])
    return int(series[0]["values"][0][1]) if series else 0


def store_sign(seat: Seat) -> str:
    """How the health page says that the telemetry store stands."""
    signs: list[dict[str, str]] = seat.get("/api/health")["signs"]
    return signs[STORE_SIGN]["state"]


def measure(hub: RawHub, first: int, count: int) -> None:
    """So many packs of one temperature each, a second apart in their own time."""
    start = time.time() - 3_600
    for number in range(first, first + count):
        reading = Reading("hall", "temperature", 20.0 + number / 10, start + number)
        hub.send(Channel.MEASUREMENTS, encode_measurements(hub.id, [reading], sequence=number, epoch="a"))


@pytest.mark.slow
def test_readings_wait_on_disk_and_alarms_do_not(build_town: Callable[..., Town], tmp_path: Path) -> None:
    port = free_port()
    store = influx(tmp_path, port)
    store.start()
    wait_until(lambda: answers(port), "InfluxDB answers")
    town = build_town(extra=f'[telemetry]\nstore = "influx"\nurl = "http://127.0.0.1:{port}"\n')
    town.programs.append(store)
    town.start(receiver=True)
    hub = RawHub(town)
    ana = Seat(town)
    try:
        measure(hub, 1, PACKS)
        wait_until(lambda: stored(port) == PACKS, "readings arrive")
        store.kill()
        measure(hub, PACKS + 1, PACKS)
        wait_until(lambda: ana.get("/api/health")["spooled"] >= PACKS, "the readings that wait are shown")
        assert store_sign(ana) == "bad"
        hub.press("downpress", tim=time.time())
        hub.wait_for("downpress")
        assert [card["kind"] for card in ana.queue()] == ["help"], "an alarm does not notice"
        town.receiver.kill()
        town.receiver.start(ready="ready")
        store.start()
        wait_until(lambda: answers(port) and stored(port) == 2 * PACKS, "everything that waited is in the store")
        wait_until(lambda: store_sign(ana) == "ok", "and the page says so")
    finally:
        ana.close()
        hub.stop()
