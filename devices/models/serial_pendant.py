"""Llar's own pendant with its receiver on a serial line: button, long press, and its fall sensor."""

from __future__ import annotations

from typing import Final

from devices.rejection import Rejection
from devices.serial_frames import MessageType, SerialMessage
from devices.serial_reader import Facts, bad_argument, serial_model, unknown_type

_PRESSES: Final = {1: "single", 2: "long", 4: "double", 5: "triple"}
_RELEASE: Final = 3
_FALLS: Final = {1: "suspected", 2: "confirmed", 3: "recovered"}


def _interpret(message: SerialMessage) -> Facts | Rejection:
    match message.type:
        case MessageType.BUTTON if message.argument in _PRESSES:
            return {"press": _PRESSES[message.argument]}
        case MessageType.BUTTON if message.argument == _RELEASE:
            return {}
        case MessageType.FALL if message.argument in _FALLS:
            return {"fall": _FALLS[message.argument]}
        case MessageType.BUTTON | MessageType.FALL:
            return bad_argument(message)
        case _:
            return unknown_type(message)


MODEL: Final = serial_model("serial_pendant", ("press", "fall"), _interpret, silence_max_s=300.0)
