"""The centre's settings at the hub: which version is in force, which one is on trial, and when it is taken back.

A new version is provisional. It stays when the hub has reached the centre with it; it is taken back when that has not
happened within `CONFIRM_WITHIN_S`, when putting it into force fails, or when the agent is started
`PROVISIONAL_STARTS_MAX` times with it. What was refused or taken back is not tried again. Pure but for the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace as with_fields
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from devices.enrolment import EnrolledDevice
from devices.frames import Link
from devices.rejection import Rejection
from edge.config import Config, ContactConfig
from edge.safe_files import write_private
from gateway.contract.encoding import MESSAGE_BYTES_MAX, decode
from gateway.contract.messages import ProblemCode
from gateway.contract.settings import PROVISIONAL_STARTS_MAX, HubSettings, settings_fault

FILE_NAME: Final = "settings.json"
FIRST_FILE: Final = "settings-first.json"
"""Beside the enrolment: the settings that came with the claim."""
_FILE_BYTES_MAX: Final = 4 * MESSAGE_BYTES_MAX

Form = TypeVar("Form", "SettingsRecord", HubSettings)


class SettingsRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in the file.

    Attributes:
        hub: whose settings these are; another hub's are not ours.
        good: the last version that has proved itself.
        trial: the version in force that has not.
        starts: starts of the agent with `trial`.
        done_with: the highest version that was refused or taken back.
        problem: what happened to it ("settings_refused", "settings_rolled_back"), "" when nothing did.
        reason: why, for a technician.
    """

    hub: str
    good: HubSettings | None = None
    trial: HubSettings | None = None
    starts: int = 0
    done_with: int = 0
    problem: ProblemCode | None = None
    reason: str = ""

    @property
    def in_force(self) -> HubSettings | None:
        """The settings that count now; None for what the files say."""
        return self.trial or self.good

    @property
    def version(self) -> int:
        """Version in force, 0 for none."""
        return self.in_force.version if self.in_force else 0


def offered(record: SettingsRecord, payload: bytes, devices: Collection[str]) -> SettingsRecord:
    """The centre sends settings: they go on trial, are refused, or are known already."""
    settings = decode(HubSettings, payload)
    if isinstance(settings, Rejection):
        return _with_problem(record, 0, ProblemCode.SETTINGS_REFUSED, f"{settings.reason}: {settings.detail}")
    if settings.version <= max(record.version, record.done_with):
        # what is known is no news; what was refused stays refused
        return record
    fault = settings_fault(settings, devices)
    if fault is not None:
        reason = f"version {settings.version}: {fault.reason}: {fault.detail}"
        return _with_problem(record, settings.version, ProblemCode.SETTINGS_REFUSED, reason)
    return msgspec.structs.replace(record, trial=settings, starts=0, problem=None, reason="")


def started(record: SettingsRecord) -> SettingsRecord:
    """The agent starts; once too often with settings on trial, and they are taken back."""
    if record.trial is None:
        return record
    if record.starts + 1 >= PROVISIONAL_STARTS_MAX:
        return taken_back(record, f"the agent was started {PROVISIONAL_STARTS_MAX} times with it")
    return msgspec.structs.replace(record, starts=record.starts + 1)


def confirmed(record: SettingsRecord, version: int) -> SettingsRecord:
    """The centre has heard from the hub with this version in force."""
    if record.trial is None or record.trial.version != version:
        return record
    return msgspec.structs.replace(record, good=record.trial, trial=None, starts=0)


def taken_back(record: SettingsRecord, reason: str) -> SettingsRecord:
    """The settings on trial do harm: back to the last good ones."""
    if record.trial is None:
        return record
    version = record.trial.version
    back = msgspec.structs.replace(record, trial=None, starts=0)
    return _with_problem(back, version, ProblemCode.SETTINGS_ROLLED_BACK, f"version {version}: {reason}")


def _with_problem(record: SettingsRecord, version: int, code: ProblemCode, reason: str) -> SettingsRecord:
    done_with = max(record.done_with, version)
    return msgspec.structs.replace(record, done_with=done_with, problem=code, reason=reason)


# what settings change


def config_with(config: Config, settings: HubSettings | None) -> Config:
    """The configuration with the settings over it."""
    if settings is None:
        return config
    given = {name: getattr(settings, name) for name in ("language", "called", "mistake_s")}
    own = {name: value for name, value in given.items() if value is not None}
    config = msgspec.structs.replace(config, hub=msgspec.structs.replace(config.hub, **own))
    if settings.centre_number is not None and config.modem is not None:
        modem = msgspec.structs.replace(config.modem, centre_number=settings.centre_number)
        config = msgspec.structs.replace(config, modem=modem)
    if settings.contacts is not None:
        contacts = tuple(ContactConfig(one.name, one.number, one.language) for one in settings.contacts)
        config = msgspec.structs.replace(config, contact=contacts)
    return config


def devices_with(
    devices: Mapping[tuple[Link, str], EnrolledDevice], settings: HubSettings | None
) -> dict[tuple[Link, str], EnrolledDevice]:
    """The home's devices with their rooms as the settings have them."""
    given = settings.devices if settings else {}
    changed = dict(devices)
    for place, device in devices.items():
        if (own := given.get(device.id)) is None:
            continue
        code = device.place_code if own.place_code is None else str(own.place_code or "")
        room = device.room if own.room is None else own.room
        changed[place] = with_fields(device, room=room, place_code=code)
    return changed


# the file


def load_record(folder: Path, hub: str, first: Path | None = None) -> SettingsRecord:
    """What is on disk for this hub; what came with its claim where nothing is. A damaged file counts as none."""
    found = _read(folder / FILE_NAME, SettingsRecord)
    if found is not None and found.hub == hub:
        return found
    return SettingsRecord(hub, good=_read(first, HubSettings) if first else None)


def save_record(folder: Path, record: SettingsRecord) -> None:
    """Writes it down.

    Raises:
        OSError: the disk does not take it.
    """
    write_private(folder / FILE_NAME, msgspec.json.encode(record).decode() + "\n")


def _read(file: Path, kind: type[Form]) -> Form | None:
    try:
        with file.open("rb") as stream:
            return msgspec.json.decode(stream.read(_FILE_BYTES_MAX), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
