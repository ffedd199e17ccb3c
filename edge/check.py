"""`llar-edge check`: says in plain words what is configured, and whether the parts are there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from devices.catalogue import CATALOGUE
from edge.clock import system_clock_is_trusted
from edge.config import Config
from edge.enrolment import Devices, unheard
from edge.outbox_file import devices_heard

CONNECT_S: Final = 3.0


def describe(config: Config, devices: Devices) -> int:
    """Prints the report; exit status 1 when something is missing."""
    well = True
    for good, sentence in _findings(config, devices):
        print(f"{'ok     ' if good else 'PROBLEM'} {sentence}")
        well = well and good
    print("Everything that could be checked is well." if well else "Please look at the lines marked PROBLEM.")
    return 0 if well else 1


def _findings(config: Config, devices: Devices) -> Iterator[tuple[bool, str]]:
    place = f" at {config.hub.place_address}" if config.hub.place_address else ""
    yield True, f"hub {config.hub.id}{place}, speaks {config.hub.language}"
    yield bool(devices), f"{len(devices)} devices are enrolled in {config.enrolment}"
    heard = devices_heard(Path(config.storage.folder))
    for device in devices.values():
        secret = "encrypted" if device.key else "not encrypted"
        silence = CATALOGUE[device.model].silence_max_s
        missed = f"{silence / 3600:g} h" if silence >= 3600 else f"{silence / 60:g} min"
        known = "heard before" if device.id in heard else "never heard yet"
        where = device.room or "no room given"
        yield (
            True,
            f"  {device.id}: {device.model}, {where}, {device.address}, {secret}, missed after {missed}, {known}",
        )
    for sentence in unheard(config, devices):
        yield False, sentence
    yield _broker(config)
    yield _folder(Path(config.storage.folder))
    for port in config.serial:
        there = os.access(port.port, os.R_OK | os.W_OK)
        yield there, f"serial port {port.port} " + ("is there" if there else "is not there or may not be opened")
    if config.ble is None:
        yield True, "Bluetooth is not configured"
    else:
        yield True, f"Bluetooth by {config.ble.adapter}"
    if config.screen is not None:
        yield True, f"the home's page will be at http://{config.screen.host}:{config.screen.port}/"
    if not system_clock_is_trusted():
        yield True, "the clock is not synchronised yet; alarms go out all the same, with their age"


def _broker(config: Config) -> tuple[bool, str]:
    where = f"{config.broker.host}:{config.broker.port}"
    try:
        socket.create_connection((config.broker.host, config.broker.port), CONNECT_S).close()
    except OSError as error:
        return False, f"the broker at {where} cannot be reached: {error.strerror or error}"
    return True, f"the broker at {where} accepts connections" + ("" if config.broker.tls else ", without TLS")


def _folder(folder: Path) -> tuple[bool, str]:
    at = folder
    while not at.exists() and at != at.parent:
        at = at.parent
    if not os.access(at, os.W_OK):
        return False, f"the outbox cannot be written: no permission in {at}"
    return True, f"the outbox is in {folder}"
