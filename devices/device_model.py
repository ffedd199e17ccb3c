"""The shape of one product, and of what comes out of its decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import ReplayMark
from devices.vocabulary import Reading


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a frame said.

    Attributes:
        readings: in the device's order; empty for a message that only shows that the device is there, for one resent
            over a wire because its acknowledgement was lost, and for one of a restart that is not yet proven.
        mark: the device's memory from now on; to be stored together with what the readings cause.
        acknowledge: bytes to send back by the same wire once everything is stored; b"" for none.
        faults: kinds whose value was refused by the vocabulary (a faulty sensor), to be counted.
    """

    readings: tuple[Reading, ...]
    mark: ReplayMark
    acknowledge: bytes = b""
    faults: tuple[str, ...] = ()


DecodeFunction = Callable[[Frame, EnrolledDevice, ReplayMark], Decoded | Rejection]


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One product.

    Attributes:
        name: as in the enrolment file.
        link: the way it is heard.
        kinds: the only kinds of reading that its decoder may give.
        silence_max_s: seconds without any message after which it is missing.
        decode: its decoder: pure, and total over any bytes.
        key_required: whether it is only believed when it proves who it is.
    """

    name: str
    link: Link
    kinds: tuple[str, ...]
    silence_max_s: float
    decode: DecodeFunction
    key_required: bool = False
