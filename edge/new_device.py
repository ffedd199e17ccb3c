"""`llar-edge add-device`: one more device for this home, from the line that is printed on its box.

    llar:dev?model=bthome_pendant&address=A4:C1:38:00:00:02&key=00112233445566778899aabbccddeeff

That line is also what the QR code on the box says. The enrolment file is changed in one step, after it was proved that
the whole file with the new device in it can be used.
"""

from __future__ import annotations

import os
import signal
from typing import Final
from urllib.parse import parse_qsl

import msgspec
import tomlkit

from devices.catalogue import CATALOGUE
from edge.claim_files import device_table
from edge.config import Config
from edge.enrolment import load_enrolment
from edge.safe_files import write_private
from edge.status import read_status
from gateway.contract.claim import ClaimedDevice

PREFIX: Final = "llar:dev?"
LINE_LENGTH_MAX: Final = 512
_FIELDS: Final = frozenset({"id", "model", "address", "key", "room", "place_code"})


class DeviceFault(Exception):
    """A device that cannot be added: the key of its sentence in `edge.texts`, and its blanks."""

    def __init__(self, key: str, **values: object) -> None:
        self.key = key
        self.values = values
        super().__init__(f"{key}: {values}")


def read_line(line: str) -> dict[str, str]:
    """What the printed line says: model, address and the like.

    Raises:
        DeviceFault: it is not such a line.
    """
    text = line.strip()
    if not text.startswith(PREFIX) or len(text) > LINE_LENGTH_MAX:
        raise DeviceFault("not_a_line")
    # a plus sign is no space here: nobody prints a form
    fields = dict(parse_qsl(text.removeprefix(PREFIX).replace("+", "%2B"), keep_blank_values=True))
    if unknown := sorted(set(fields) - _FIELDS):
        raise DeviceFault("unknown_field", field=unknown[0][:32])
    return fields


def device_from(fields: dict[str, str], known_ids: set[str]) -> ClaimedDevice:
    """The device; an id of its own where none was given.

    Raises:
        DeviceFault: a field is missing or wrong.
    """
    given = dict(fields)
    if not given.get("model") or not given.get("address"):
        raise DeviceFault("field_missing", field="address" if given.get("model") else "model")
    if given["model"] not in CATALOGUE:
        raise DeviceFault("unknown_model", model=given["model"][:40], known=", ".join(CATALOGUE))
    given["id"] = given.get("id") or _free_id(given["model"], known_ids)
    given["key"] = given.get("key", "").lower()
    try:
        return msgspec.convert(given, ClaimedDevice, strict=False)
    except msgspec.ValidationError as error:
        raise DeviceFault("wrong_field", detail=str(error)) from None


def add(config: Config, device: ClaimedDevice) -> None:
    """Writes it into the enrolment file.

    Raises:
        BadFileError: with the new device the file could not be used; it is as before.
        OSError: it cannot be written.
    """
    file = config.enrolment
    document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
    if "device" not in document:
        document.append("device", tomlkit.aot())
    document["device"].append(device_table(device))
    trial = file.with_name(file.name + ".trial")
    write_private(trial, tomlkit.dumps(document))
    try:
        load_enrolment(trial)
        write_private(file, tomlkit.dumps(document))
    finally:
        trial.unlink(missing_ok=True)


def tell_agent(config: Config) -> bool:
    """Lets the running agent read its files anew; false when none runs or it is not ours to tell."""
    status = read_status(config)
    if status is None:
        return False
    try:
        os.kill(status.pid, signal.SIGHUP)
    except OSError:
        return False
    return True


def _free_id(model: str, known: set[str]) -> str:
    stem = model.rpartition("_")[2] or "device"
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in known:
        number += 1
    return name
