"""An emergency button on a wire: a pull cord on a GPIO line of the hub, or a USB button.

Its memory (`ReplayMark.recent`) is the last event but ALIVE. So a button that is stuck does not call anew each time
that the hub starts, while one that is held at a start, and was not stuck before, does: somebody may have pressed
meanwhile.
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.device_model import Decoded, DeviceModel
from devices.enrolment import EnrolledDevice
from devices.frames import ButtonEvent, Frame, Link
from devices.rejection import Rejection
from devices.replay import ReplayMark
from devices.vocabulary import Reading

_PRESSES: Final = {ButtonEvent.PRESS: "single", ButtonEvent.HELD: "single", ButtonEvent.LONG: "long"}
_STUCK: Final = (int(ButtonEvent.STUCK),)


def _decode(frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
    if len(frame.payload) != 1:
        return Rejection("truncated", f"{len(frame.payload)} bytes; a button's event has one")
    try:
        event = ButtonEvent(frame.payload[0])
    except ValueError:
        return Rejection("unknown_type", f"event {frame.payload[0]} of a button")
    still_stuck = mark.recent == _STUCK and event in {ButtonEvent.HELD, ButtonEvent.LONG}
    if event is ButtonEvent.ALIVE or still_stuck:
        return Decoded((), mark)
    word = _PRESSES.get(event)
    readings = (Reading(device.id, "press", word, frame.received_at),) if word else ()
    return Decoded(readings, msgspec.structs.replace(mark, recent=(int(event),)))


MODEL: Final = DeviceModel("button", Link.BUTTON, ("press",), silence_max_s=600.0, decode=_decode)
