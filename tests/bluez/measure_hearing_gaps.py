"""For how long the radio does not scan while the hub connects, pairs, is refused, and is left. Not a test, it prints
figures:

.venv/bin/pytest -s tests/bluez/measure_hearing_gaps.py
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from bumble.controller import Controller
from bumble.hci import HCI_LE_Set_Scan_Enable_Command, HCI_StatusReturnParameters
from bumble.pairing import PairingConfig, PairingDelegate

from simulators.gatt_sensors import BloodPressureCuff
from tests.bluez.conftest import Home, eventually, hears, running
from tests.bluez.test_gatt import CONNECTS_S, CUFF, table
from tests.edge.conftest import Desk

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

REFUSING = "A4:C1:38:00:02:0A"
READINGS = 4
IDLE_S = 22.0
REFUSED_S = 12.0


class Refusing(PairingDelegate):
    async def accept(self) -> bool:
        return False


async def read_once(cuff: BloodPressureCuff) -> None:
    before = cuff.sent
    await cuff.measure(120 + before, 79, 66)
    await eventually(lambda: cuff.sent > before and not cuff.connected, "it is read", CONNECTS_S)


@pytest.mark.timeout(400)
async def test_measure(home: Home, desk: Desk, hub_files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    gaps_s: dict[str, list[float]] = defaultdict(list)
    phase, off_at = "start", 0.0
    told = Controller.on_hci_le_set_scan_enable_command

    def scans(self: Controller, command: HCI_LE_Set_Scan_Enable_Command) -> HCI_StatusReturnParameters | None:
        nonlocal off_at
        if command.le_scan_enable and off_at:
            gaps_s[phase].append(time.monotonic() - off_at)
        off_at = 0.0 if command.le_scan_enable else off_at or time.monotonic()
        return told(self, command)

    monkeypatch.setattr(Controller, "on_hci_le_set_scan_enable_command", scans)
    cuff = BloodPressureCuff(home.air, CUFF)
    refusing = BloodPressureCuff(home.air, REFUSING, "refusing")
    refusing.device.pairing_config_factory = lambda _link: PairingConfig(mitm=False, delegate=Refusing())
    for sensor in (cuff, refusing):
        await sensor.power_on()
    more = table("cuff", "gatt_blood_pressure", CUFF) + table("refusing", "gatt_blood_pressure", REFUSING)
    try:
        async with running(hub_files(more), home):
            await hears(home, desk)
            phase = "nobody connects"
            await asyncio.sleep(IDLE_S)
            for number in range(READINGS):
                phase = "a cuff is read again" if number else "a cuff pairs and is read"
                await read_once(cuff)
                await asyncio.sleep(8)
            phase = "a cuff refuses to pair"
            await refusing.measure(120, 79, 66)
            await asyncio.sleep(REFUSED_S)
    finally:
        for sensor in (cuff, refusing):
            await sensor.power_off()
    for name, gaps in gaps_s.items():
        sys.stdout.write(f"\n{name}: {len(gaps)} gaps, median {statistics.median(gaps):.2f} s, max {max(gaps):.2f} s")
    sys.stdout.write("\n")
