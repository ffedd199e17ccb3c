"""What holds for all tests: how they are shared out between the workers of a parallel run, and that none is a race."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is slow, and that is no fault
settings.register_profile("llar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llar")

TESTS = Path(__file__).parent
_ONE_WORKER = ("bluez",)
"""Folders whose files share something dear: one emulated machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup`, tests of a file stay together, because they share servers."""
    for item in items:
        where = item.path.relative_to(TESTS)
        group = where.parts[0] if where.parts[0] in _ONE_WORKER else where.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
