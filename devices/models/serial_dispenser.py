"""A dispenser of medicines on a serial line: it says when a dose is due, taken out, or missed."""

from __future__ import annotations

from typing import Final

from devices.rejection import Rejection
from devices.serial_frames import MessageType, SerialMessage
from devices.serial_reader import Facts, bad_argument, serial_model, unknown_type

_WORDS: Final = {1: "due", 2: "taken", 3: "missed"}


def _interpret(message: SerialMessage) -> Facts | Rejection:
    if message.type is not MessageType.DOSE:
        return unknown_type(message)
    word = _WORDS.get(message.argument)
    return {"dose": word} if word else bad_argument(message)


MODEL: Final = serial_model("serial_dispenser", ("dose",), _interpret, silence_max_s=300.0)
