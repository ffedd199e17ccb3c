"""Promise: a press that the hub has acknowledged is one alarm at the centre, whatever fails, and whenever.

The same as `python -m benchmarks outages`, for a shorter time.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from benchmarks.outages import PRESSES_MIN, endure, outcome_of
from benchmarks.pages import outcome_lines
from simulators.outages import Fault

OF_EACH = {
    Fault.AGENT_KILLED: 2,
    Fault.LINE_CUT: 1,
    Fault.LINE_FROZEN: 1,
    Fault.BROKER_KILLED: 1,
    Fault.CENTRE_KILLED: 1,
    Fault.POWER_CUT: 1,
}
FIFTEEN = {**OF_EACH, Fault.AGENT_KILLED: 8, Fault.POWER_CUT: 3}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("faults", [OF_EACH, pytest.param(FIFTEEN, marks=pytest.mark.long)], ids=["each", "fifteen"])
async def test_outages_and_power_cuts_cost_no_alarm(faults: Mapping[Fault, int], tmp_path: Path) -> None:
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/bin") is None:
        pytest.skip("NOT TESTED: outages need Mosquitto (sudo apt install mosquitto)")
    result = await endure(tmp_path, faults, machine_calm_max_s=3.0)
    # without an emulator here no computer's power is cut
    struck = {
        fault.value: times for fault, times in faults.items() if not (result.skipped and fault is Fault.POWER_CUT)
    }
    assert result.struck == struck
    assert result.errors == []
    for home, verdict in result.verdicts.items():
        assert verdict.presses >= PRESSES_MIN, home
        # how long a heartbeat waits unwritten is a matter of time, which a busy machine stretches: see the benchmark
        assert msgspec.structs.replace(verdict, beats_heard_lost=0).faultless, (home, verdict)
    printed = "\n".join(outcome_lines("outages", outcome_of(result)))
    assert all(title in printed for title in ("lost", "doubled", "out of order", *struck))
    if result.skipped:
        pytest.skip(f"NOT TESTED on an emulated computer: {result.skipped}")
