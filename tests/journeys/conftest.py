"""Fixtures of the journeys: a town of real processes, made for one test and ended with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.town import Town, town


@pytest.fixture
def build_town(tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """Makes a town with options; it ends with the test."""
    if shutil.which("mosquitto") is None:
        pytest.skip("NOT TESTED: the journeys need Mosquitto (sudo apt install mosquitto)")
    with ExitStack() as stack:

        def build(**options: Any) -> Town:
            return stack.enter_context(town(tmp_path, **options))

        yield build
