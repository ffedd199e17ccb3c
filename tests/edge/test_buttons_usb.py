"""A USB button on a real kernel: in an emulated machine, for most test machines have no uinput."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.machines.power import HubMachine, NoGuestError

HOUSE = Path(__file__).resolve().parents[2]
DEADLINE_S = 110.0
EXPECTED = """
not plugged in:  [button_missing]
plugged in: ALIVE [well]
a tap: PRESS RELEASE [well]
three taps: PRESS RELEASE PRESS RELEASE PRESS RELEASE [well]
at once: PRESS [well]
held: LONG [well]
let go: RELEASE [well]
others hear: 0
pulled out:  [button_missing]
plugged in and held: ALIVE HELD [well]
held over a restart: ALIVE HELD [well]
let go at last: RELEASE [well]
DONE
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[HubMachine]:
    command = [sys.executable, str(HOUSE / "tests/edge/usb_button_in_guest.py")]
    try:
        made = HubMachine(tmp_path, ["env", f"PYTHONPATH={HOUSE}", *command], cwd=HOUSE)
    except NoGuestError as error:
        pytest.skip(f"NOT TESTED on a real kernel: USB buttons: {error}")
    yield made
    made.cut_power()


@pytest.mark.slow
def test_a_usb_button_calls_when_it_goes_down_and_types_nothing(machine: HubMachine) -> None:
    """Presses count at once and once, the key's repeats are nothing, nobody else hears it, pulling it out is told."""
    machine.power_on()
    end = time.monotonic() + DEADLINE_S
    while "ENDED" not in machine.said() and machine.running and time.monotonic() < end:
        time.sleep(0.1)
    said = machine.said().replace("\r", "")
    told = [line for line in said.splitlines() if ": " in line or line == "DONE"]
    expected = EXPECTED.strip().splitlines()
    assert [line for line in told if line in expected] == expected, said[-3000:]
