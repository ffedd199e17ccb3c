"""The enrolment file: which devices belong to this home, where they are, and their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from devices.catalogue import CATALOGUE, KEY_BYTES, enrolment_fault
from devices.enrolment import EnrolledDevice
from devices.frames import Link
from edge.config import Config
from edge.toml_tables import BadFileError, load_toml, read_table

DEVICES_MAX: Final = 64
"""Most devices of a home: a heartbeat lists each of them."""

Devices = Mapping[tuple[Link, str], EnrolledDevice]
"""The devices of a home by link and address, as a frame names its sender."""

_KEY = re.compile(r"[0-9a-fA-F]{32}\Z")


class _DeviceTable(msgspec.Struct, frozen=True):
    """One `[[device]]`."""

    id: str
    model: str
    link: Link
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    room: Annotated[str, msgspec.Meta(max_length=64)] = ""
    place_code: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    key: str = ""


def load_enrolment(path: Path) -> Devices:
    """Reads the file.

    Raises:
        BadFileError: with every fault of the file at once.
    """
    document = load_toml(path)
    faults: list[str] = [f"unknown key '{key}'" for key in document if key != "device"]
    tables = document.get("device", [])
    if not isinstance(tables, list):
        raise BadFileError(path, [*faults, "[[device]] must be a list of tables"])
    if len(tables) > DEVICES_MAX:
        faults.append(f"{len(tables)} devices; a home has at most {DEVICES_MAX}")
    devices: dict[tuple[Link, str], EnrolledDevice] = {}
    names: set[str] = set()
    for index, table in enumerate(tables, 1):
        where = f"[[device]] {index}"
        row = read_table(_DeviceTable, table, where, faults)
        if row is None:
            continue
        device = _device(row, where, faults)
        if row.id in names:
            faults.append(f"{where}: the id '{row.id}' stands there twice")
        if (row.link, device.address) in devices:
            faults.append(f"{where}: the address {device.address} stands there twice")
        names.add(row.id)
        devices[row.link, device.address] = device
    if faults:
        raise BadFileError(path, faults)
    return devices


class Unheard(NamedTuple):
    """What nobody listens for: a device, with what must be added to the configuration; or a button without a device."""

    name: str
    remedy: str


def unheard_parts(config: Config, devices: Devices) -> list[Unheard]:
    """Devices that can never be heard, because nothing is configured to listen for them.

    Also each wired button that is listened to in vain, because it is not enrolled; that has no remedy here.
    """
    by_radio = config.ble is not None
    listening = {Link.BLE_ADVERT: by_radio, Link.BLE_GATT: by_radio, Link.SERIAL: bool(config.serial)}
    remedy = {Link.BLE_ADVERT: "[ble]", Link.BLE_GATT: "[ble]", Link.SERIAL: "[[serial]]", Link.BUTTON: "[[button]]"}
    lines = {button.name for button in config.button}
    wired = {address for link, address in devices if link is Link.BUTTON}
    return [
        Unheard(device.id, remedy[link])
        for (link, address), device in devices.items()
        if not (address in lines if link is Link.BUTTON else listening.get(link, False))
    ] + [Unheard(name, "") for name in sorted(lines - wired)]


def not_worn(config: Config, devices: Devices) -> list[str]:
    """Devices that tell movement in which nobody looks for falls, since no `[[worn]]` says where they are worn."""
    worn = {each.device for each in config.worn}
    return [each.id for each in devices.values() if _tells_movement(each) and each.id not in worn]


def _tells_movement(device: EnrolledDevice) -> bool:
    return "acceleration" in CATALOGUE[device.model].kinds


def unheard(config: Config, devices: Devices) -> list[str]:
    """The same as sentences for a technician; and in whose movement falls are looked for in vain."""
    tells_movement = {each.id for each in devices.values() if _tells_movement(each)}
    return [
        f"{name} can never be heard: add {remedy}"
        if remedy
        else f"the button {name} is not enrolled: its presses are not taken"
        for name, remedy in unheard_parts(config, devices)
    ] + [
        f"[[worn]] {worn.device}: no device of this name that tells movement is enrolled: no fall is found"
        for worn in config.worn
        if worn.device not in tells_movement
    ]


def _device(row: _DeviceTable, where: str, faults: list[str]) -> EnrolledDevice:
    key = None
    if row.key and not _KEY.match(row.key):
        faults.append(f"{where} ('{row.id}'): 'key' must be 32 hex digits")
    elif row.key:
        key = bytes.fromhex(row.key)
    if row.link is Link.MQTT:
        faults.append(f"{where} ('{row.id}'): it reports to the centre itself; enrol it there, not at a hub")
    address = {Link.SERIAL: row.address.lower(), Link.BUTTON: row.address}.get(row.link, row.address.upper())
    place_code = str(row.place_code) if row.place_code else ""
    device = EnrolledDevice(row.id, row.model, row.link, address, row.room, place_code, key)
    # a key that is there and unreadable has been reported; it is not missing as well
    if fault := enrolment_fault(device if key or not row.key else replace(device, key=bytes(KEY_BYTES))):
        faults.append(f"{where}: {fault}")
    return device
