"""All products that Llar understands: one file in `devices/models` each, read once in name order."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Final

import devices.models
from devices.device_model import DeviceModel
from devices.enrolment import EnrolledDevice
from devices.frames import Link
from devices.vocabulary import valid_device_id

__all__ = ["CATALOGUE", "KEY_BYTES", "DeviceModel", "enrolment_fault"]

KEY_BYTES: Final = 16
"""Length of a device's secret (AES-128)."""

_ADDRESS: Final[dict[Link, tuple[re.Pattern[str], str]]] = {
    Link.BLE_ADVERT: (re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z"), "six pairs of capital hex digits with colons"),
    Link.BLE_GATT: (re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z"), "six pairs of capital hex digits with colons"),
    Link.SERIAL: (re.compile(r"[0-9a-f]{8}\Z"), "eight small hex digits"),
    Link.BUTTON: (re.compile(r"\S{1,64}\Z"), "the name of its line"),
    Link.MQTT: (re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z"), "the id under which it speaks to the centre"),
}


def _load() -> Mapping[str, DeviceModel]:
    found: dict[str, DeviceModel] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(devices.models.__path__)):
        module = importlib.import_module(f"{devices.models.__name__}.{name}")
        for model in _models_in(module):
            if model.name in found:
                raise ValueError(f"two device models are named {model.name!r}")
            found[model.name] = model
    return MappingProxyType(found)


def _models_in(module: ModuleType) -> tuple[DeviceModel, ...]:
    if hasattr(module, "MODELS"):
        return tuple(module.MODELS)
    model: DeviceModel = module.MODEL
    return (model,)


CATALOGUE: Final[Mapping[str, DeviceModel]] = _load()


def enrolment_fault(device: EnrolledDevice) -> str:
    """What is wrong with an enrolled device, in a sentence that names the remedy; "" when nothing is."""
    if not valid_device_id(device.id):
        return f"id {device.id!r}: use at most 32 small letters, digits, '-' and '_'"
    model = CATALOGUE.get(device.model)
    if model is None:
        return f"{device.id}: model {device.model!r} is not known; known are {', '.join(CATALOGUE)}"
    if device.link != model.link:
        return f"{device.id}: model {model.name} is heard by {model.link.value}, not {device.link.value}"
    pattern, shape = _ADDRESS[device.link]
    if pattern.match(device.address) is None:
        return f"{device.id}: address {device.address!r} must be {shape}"
    if device.key is not None and len(device.key) != KEY_BYTES:
        return f"{device.id}: the key has {len(device.key)} bytes; it must have {KEY_BYTES}"
    if model.key_required and device.key is None:
        return f"{device.id}: model {model.name} raises alarms and must be encrypted: give its key"
    return ""
