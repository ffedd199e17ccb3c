"""From a frame to readings: the one door through which bytes of devices come in. Pure."""

from __future__ import annotations

from typing import Final

from devices.catalogue import CATALOGUE
from devices.device_model import Decoded
from devices.enrolment import EnrolledDevice
from devices.frames import Frame
from devices.rejection import Rejection
from devices.replay import NOTHING_HEARD, ReplayMark

__all__ = ["FRAME_BYTES_MAX", "Decoded", "ReplayMark", "decode"]

FRAME_BYTES_MAX: Final = 514
"""Largest frame of any link: an extended advert's data has at most 254 bytes, a GATT value 512 behind its number."""


def decode(frame: Frame, device: EnrolledDevice, memory: ReplayMark | None) -> Decoded | Rejection:
    """Reads a frame of an enrolled device.

    Args:
        frame: as a driver received it.
        device: the enrolled device whose address the frame bears.
        memory: the `mark` of that device's last `Decoded`, or None for a device that was never heard.

    Returns:
        The readings with the new memory; or a Rejection, after which the old memory stands. Reasons: `repeat` (heard
        already; shows that the device, or somebody with a recording, is on the air), `replay`, `unknown_model`,
        `wrong_link`, `wrong_sender`, `too_large`, `truncated`, `wrong_service`, `unknown_version`, `missing_key`,
        `wrong_key`, `not_encrypted`, `bad_checksum`, `unknown_type`, `bad_value`, `no_reading`,
        `unknown_characteristic`, `wrong_clock`, `too_old`, `undated`, `unreliable`.
    """
    model = CATALOGUE.get(device.model)
    if model is None:
        return Rejection("unknown_model", "enrolled with a model that this program does not know: update or correct it")
    if frame.link != model.link:
        return Rejection("wrong_link", f"model {model.name} is not heard by {frame.link.value}")
    if frame.sender != device.address:
        return Rejection("wrong_sender", "the frame bears another address than the device")
    if len(frame.payload) > FRAME_BYTES_MAX:
        return Rejection("too_large", f"{len(frame.payload)} bytes; at most {FRAME_BYTES_MAX}")
    return model.decode(frame, device, memory or NOTHING_HEARD)
