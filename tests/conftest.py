"""What holds for all tests: how they are shared out between the workers of a parallel run."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
_ON_EMULATED_MACHINES = (
    "bluez/",
    "edge/test_buttons_usb.py",
    "edge/test_outbox_real_disk.py",
    "journeys/test_firmware_press.py",
    "journeys/test_power_cuts.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup --no-loadscope-reorder`: one worker does all that runs on emulated machines, from the
    start, so that two never fight for the cores; the other does the rest, file by file, because files share servers."""
    for item in items:
        where = item.path.relative_to(TESTS).as_posix()
        emulated = where.startswith(_ON_EMULATED_MACHINES)
        item.add_marker(pytest.mark.xdist_group("emulated machines" if emulated else where))
    items.sort(key=lambda item: not item.path.relative_to(TESTS).as_posix().startswith(_ON_EMULATED_MACHINES))
