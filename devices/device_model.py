"""The shape of one product, and of what comes out of its decoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import ReplayMark
from devices.vocabulary import Reading


class Trouble(Enum):
    """What a device says of itself that somebody has to see to."""

    BUTTON_STUCK = "its button is stuck: a press on it is not heard"
    LOST_MESSAGES = "it has lost messages since its battery was put in: nobody took them for too long"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a frame said.

    Attributes:
        readings: in the device's order; empty for a message that only shows that the device is there, for one resent
            over a wire because its acknowledgement was lost, and for one of a restart that is not yet proven.
        mark: the device's memory from now on; to be stored together with what the readings cause.
        acknowledge: bytes to send back by the same wire once everything is stored; b"" for none.
        faults: kinds whose value was refused by the vocabulary (a faulty sensor), to be counted.
        troubles: all that troubles the device now; None when the message does not say.
    """

    readings: tuple[Reading, ...]
    mark: ReplayMark
    acknowledge: bytes = b""
    faults: tuple[str, ...] = ()
    troubles: frozenset[Trouble] | None = None


NEVER_MISSED: Final = math.inf
"""`silence_max_s` of what is used at will (a scale, a cuff): its silence says nothing, and nobody is to be alarmed."""

SIG_BASE_UUID: Final = "0000{:04x}-0000-1000-8000-00805f9b34fb"
"""The UUIDs of the Bluetooth SIG's own services and characteristics, by their 16-bit number."""


@dataclass(frozen=True, slots=True)
class GattAccess:
    """How a product is read over a Bluetooth connection.

    Attributes:
        listen: numbers of the characteristics that notify or indicate measurements; at least one must be there.
        pair: whether it only speaks to a hub that it is paired with.
        stays: whether it stays connected while it is near (worn), or comes only to say something (a scale).
        acknowledge: number of the characteristic to which `Decoded.acknowledge` is written, or 0.
        base_uuid: what makes a UUID of these numbers.
    """

    listen: tuple[int, ...]
    pair: bool = False
    stays: bool = False
    acknowledge: int = 0
    base_uuid: str = SIG_BASE_UUID

    def uuid(self, number: int) -> str:
        """The UUID of one of this product's characteristics."""
        return self.base_uuid.format(number)


DecodeFunction = Callable[[Frame, EnrolledDevice, ReplayMark], Decoded | Rejection]


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One product.

    Attributes:
        name: as in the enrolment file.
        link: the way it is heard.
        kinds: the only kinds of reading that its decoder may give.
        silence_max_s: seconds without any message after which it is missing, or `NEVER_MISSED`.
        decode: its decoder: pure, and total over any bytes.
        key_required: whether it is only believed when it proves who it is.
        gatt: how it is read, for products on `Link.BLE_GATT`.
    """

    name: str
    link: Link
    kinds: tuple[str, ...]
    silence_max_s: float
    decode: DecodeFunction
    key_required: bool = False
    battery_low_percent: float = 15.0
    battery_low_v: float | None = None
    gatt: GattAccess | None = None
