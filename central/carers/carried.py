"""Which devices of a home are carried by a person: their place is no room, and their news is not from one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from central.storage.homes import DeviceAtHome
from devices.catalogue import CATALOGUE

_ALWAYS: Final = frozenset({"acceleration", "latitude"})
"""Kinds of what is only ever worn: movement of a body, a position on the map."""
_WORN: Final = re.compile(
    r"\b(penjoll|polsera|rellotge|medalló|collar|coll|canell|cinturó"
    r"|colgante|pulsera|reloj|medallón|cuello|muñeca|cinturón"
    r"|worn|pendant|bracelet|wristband|watch|necklace|neck|wrist|belt)\b"
)
"""A button may be worn or hang on a wall; its place in words says which. Another word is taken for a room."""


def carried(devices: Iterable[DeviceAtHome]) -> frozenset[str]:
    """The ids of those that are carried."""
    return frozenset(device.id for device in devices if _is_carried(device))


def _is_carried(device: DeviceAtHome) -> bool:
    model = CATALOGUE.get(device.model)
    if model is None:
        return False
    if _ALWAYS & set(model.kinds) or (model.gatt is not None and model.gatt.stays):
        return True
    return "press" in model.kinds and _WORN.search(device.room.casefold()) is not None
