"""What holds for all tests: how they are shared out between the workers of a parallel run, and that none is a race."""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from central.whole_types import make_whole

# a busy machine is slow, and that is no fault
settings.register_profile("llar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llar")

# hundreds of programs of this house start here: compiled anew each time, that alone would take minutes
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# a shell starts what runs in the background deaf to Ctrl-C, and the programs that tests start and interrupt inherit it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# what is collected stays: to look through it for garbage again and again is half of the cost of collecting
gc.disable()

_ON_EMULATED_MACHINES = (
    "tests/bluez/",
    "tests/edge/test_buttons_usb.py",
    "tests/edge/test_outbox_real_disk.py",
    "tests/journeys/test_firmware_press.py",
    "tests/journeys/test_power_cuts.py",
)


_LONGEST_FIRST = (
    "tests/benchmarks/test_benchmarks.py",
    "tests/central/test_bad_input.py",
    "tests/central/test_escalation_months.py",
    "tests/central/test_office.py",
    "tests/central/test_console_people.py",
    "tests/journeys/test_centre_killed_at_any_step.py",
    "tests/central/test_habits.py",
    "tests/central/test_console_api.py",
    "tests/simulators/test_demo.py",
    "tests/conformance/test_mqtt_client.py",
    "tests/central/test_replay.py",
    "tests/central/test_api_fuzz.py",
    "tests/central/test_claims.py",
    "tests/edge/test_agent.py",
    "tests/journeys/test_hub_from_code_to_call.py",
    "tests/journeys/test_sms_path.py",
    "tests/central/test_programs.py",
    "tests/browser/",
    "tests/central/test_sms_intake.py",
    "tests/journeys/",
)
"""Files that take half a minute and more: begun last, one of them would keep the others' workers idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, first of all what waits for emulated machines."""
    order = (_ON_EMULATED_MACHINES, *_LONGEST_FIRST)
    items.sort(key=lambda item: next((n for n, begin in enumerate(order) if item.nodeid.startswith(begin)), len(order)))


def pytest_collection_finish() -> None:
    """From here on garbage is looked for, among what the tests make; and threads begin, as those of a program do."""
    make_whole()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """For `-n 4 --no-loadscope-reorder`."""
    return _OneMachineAtATime(config, log)


class _OneMachineAtATime(LoadScopeScheduling):
    """One worker does all that runs on emulated machines, so that two never fight for the cores.

    The others do the rest, file by file, because the tests of a file share servers.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "emulated machines" if nodeid.startswith(_ON_EMULATED_MACHINES) else nodeid.split("::", 1)[0]
