"""The firmwares, each loaded once for the tests that work on it in virtual time."""

from __future__ import annotations

import ctypes

import pytest

from tests.firmware_stubs.bench import load


@pytest.fixture(scope="session")
def pendant() -> ctypes.CDLL:
    return load("pendant")


@pytest.fixture(scope="session")
def bed_mat() -> ctypes.CDLL:
    return load("bed_mat")


@pytest.fixture(scope="session")
def door() -> ctypes.CDLL:
    return load("door")


@pytest.fixture(scope="session")
def fall_sensor() -> ctypes.CDLL:
    return load("fall_sensor")
