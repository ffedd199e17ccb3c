"""The agent loads only what its configuration asks for: a hub of 512 MB has no room for the rest."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.pendant_tty import PendantTty
from tests.edge.conftest import PATIENCE_S, PENDANT

NEVER = {
    "numpy",
    "scipy",
    "pandas",
    "sounddevice",
    "av",
    "aiortc",
    "aiohttp",
    "fastapi",
    "sqlalchemy",
    "central",
    "simulators",
}
RADIO = {"bleak", "dbus_fast", "bthome_ble", "habluetooth"}
HCI = {"bumble"}
PAGE = {"uvicorn", "starlette"}
BUTTONS = {"evdev", "gpiozero"}

CONFIGURATIONS = {
    "serial": ('[[serial]]\nport = "{tty}"\n', "listening on", NEVER | RADIO | HCI | PAGE | BUTTONS),
    "BlueZ": (
        '[ble]\nadapter = "hci0"\n[[serial]]\nport = "{tty}"\n',
        "ble does not work",
        NEVER | HCI | PAGE | BUTTONS,
    ),
    "page": ("[screen]\nport = 0\n", "the home's page is at", NEVER | RADIO | HCI | BUTTONS),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_the_agent_loads_nothing_that_it_was_not_told_to_use(
    name: str, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    text, word, unwanted = CONFIGURATIONS[name]
    pendant = PendantTty(tmp_path / "tty", PENDANT)
    pendant.plug_in()
    # there is no Bluetooth service behind this bus: the agent has loaded all that speaks to it when it finds out
    elsewhere = {"PYTHONPROFILEIMPORTTIME": "1", "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/nobody"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "run", "--config", str(write_config(text.format(tty=tmp_path / "tty")))),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **elsewhere},
    )
    assert process.stderr is not None
    said: list[str] = []
    while not any(word in line for line in said[-1:]):
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stderr.readline()
        assert line, "it ended: " + "".join(said[-5:])
        said.append(line.decode())
    process.send_signal(signal.SIGTERM)
    rest = (await process.communicate())[1].decode()
    pendant.unplug()
    loaded = set(re.findall(r"^import time:.*\|\s+([\w]+)(?:\.[\w.]+)?$", "".join(said) + rest, re.MULTILINE))
    assert {"edge", "gateway", "paho"} <= loaded
    assert loaded & unwanted == set()
