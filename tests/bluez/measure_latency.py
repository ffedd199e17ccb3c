"""Press on the air to alarm at the broker through a real BlueZ, and the agent's memory. Not a test, it prints figures:

.venv/bin/pytest -s tests/bluez/measure_latency.py
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.bthome_bytes import ButtonPress, ObjectId
from simulators.radio import BTHomeSensor
from tests.bluez.conftest import Home, button_table, hears, running
from tests.edge.conftest import BUTTON_KEY, Desk

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PRESSES = 50
POLL_S = 0.002


@pytest.mark.timeout(300)
async def test_measure(home: Home, desk: Desk, hub_files: Callable[..., Path]) -> None:
    addresses = [f"A4:C1:38:00:04:{0x40 + number:02X}" for number in range(PRESSES)]
    delays_ms: list[float] = []
    async with running(hub_files("".join(map(button_table, addresses))), home) as agent:
        await hears(home, desk)
        for address in addresses:
            button = BTHomeSensor(home.air, address, address, key=BUTTON_KEY)
            await button.power_on()
            before, pressed_at = len(desk.refs), time.monotonic()
            await button.say((ObjectId.BUTTON, ButtonPress.SINGLE), for_s=1.0)
            async with asyncio.timeout(20):
                while len(desk.refs) == before:
                    await asyncio.sleep(POLL_S)
            delays_ms.append((time.monotonic() - pressed_at) * 1000)
            await button.power_off()
        resident = agent.resident_mb()
    parts = statistics.quantiles(delays_ms, n=20)
    sys.stdout.write(
        f"\n{PRESSES} presses: p50 {statistics.median(delays_ms):.0f} ms, p95 {parts[18]:.0f} ms, "
        f"max {max(delays_ms):.0f} ms; the agent has {resident:.1f} MB resident\n"
    )
