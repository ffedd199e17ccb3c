"""A wired contact at a door."""

from __future__ import annotations

from typing import Final

from devices.rejection import Rejection
from devices.serial_frames import MessageType, SerialMessage
from devices.serial_reader import Facts, bad_argument, serial_model, unknown_type


def _interpret(message: SerialMessage) -> Facts | Rejection:
    if message.type is not MessageType.STATE:
        return unknown_type(message)
    return {"open": message.argument == 1} if message.argument in (0, 1) else bad_argument(message)


MODEL: Final = serial_model("serial_door", ("open",), _interpret, silence_max_s=300.0)
