"""The files that a reader is told to copy can be used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from central import seeding
from edge.config import load_config
from edge.enrolment import load_enrolment
from gateway.broker_files import production_files

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


def test_the_files_that_mosquitto_is_told_to_read_are_those_that_the_unit_brings() -> None:
    lines = (DEPLOY / "llar-broker.service").read_text().splitlines()
    command = next(line for line in lines if line.startswith("ExecStart=/usr/bin/install")).split()
    to, brought = Path(command[command.index("-t") + 1]), [Path(word) for word in command[command.index("-t") + 2 :]]
    settings = production_files({"h-1": "x"}, certificate=Path("/c"), key=Path("/k"))["mosquitto.conf"]
    named = {line.split()[1] for line in settings.splitlines() if line.startswith(("password_file", "acl_file"))}
    assert {str(to / path.name) for path in brought} == named
    written = {str(path.parent.relative_to("/var/lib")) for path in brought}
    centre = (DEPLOY / "llar-central.service").read_text()
    (states,) = [line for line in centre.splitlines() if line.startswith("StateDirectory=")]
    assert written < set(states.removeprefix("StateDirectory=").split())
    watched = f"PathChanged={next(path for path in brought if path.name == 'passwords')}"
    assert watched in (DEPLOY / "llar-broker.path").read_text().splitlines()
