"""What holds for all tests: how they are shared out between the workers of a parallel run, and that none is a race."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# a busy machine is slow, and that is no fault
settings.register_profile("llar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llar")

# hundreds of programs of this house start here: compiled anew each time, that alone would take minutes
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_ON_EMULATED_MACHINES = (
    "tests/bluez/",
    "tests/edge/test_buttons_usb.py",
    "tests/edge/test_outbox_real_disk.py",
    "tests/journeys/test_firmware_press.py",
    "tests/journeys/test_power_cuts.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith(_ON_EMULATED_MACHINES))


@pytest.hookimpl(optionalhook=True)
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """For `-n 2 --no-loadscope-reorder`."""
    return _OneMachineAtATime(config, log)


class _OneMachineAtATime(LoadScopeScheduling):
    """One worker does all that runs on emulated machines, so that two never fight for the cores.

    The other does the rest, file by file, because the tests of a file share servers.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "emulated machines" if nodeid.startswith(_ON_EMULATED_MACHINES) else nodeid.split("::", 1)[0]
