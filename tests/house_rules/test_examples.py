"""The files that a reader is told to copy can be used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from central import seeding
from edge.config import load_config
from edge.enrolment import load_enrolment

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_the_hubs_configuration_names_its_enrolment() -> None:
    config = load_config(DEPLOY / "edge.example.toml")
    assert config.enrolment == DEPLOY / "enrolment.example.toml"


def test_the_register_and_the_enrolment_speak_of_the_same_devices() -> None:
    enrolled = {device.id: device.model for device in load_enrolment(DEPLOY / "enrolment.example.toml").values()}
    home = seeding.load(DEPLOY / "homes.example.json").homes[0]
    assert {device.id: device.model for device in home.devices} == enrolled


@pytest.mark.parametrize("unit", ["llar-central.service", "llar-edge.service"])
def test_a_service_unit_starts_a_program_that_is_installed(unit: str) -> None:
    start = next(line for line in (DEPLOY / unit).read_text().splitlines() if line.startswith("ExecStart="))
    program = Path(start.removeprefix("ExecStart=").split()[0]).name
    project = (DEPLOY.parent / "pyproject.toml").read_text()
    assert f"{program} = " in project
