"""A worn fall sensor on a serial line: it judges nothing, it streams acceleration round what might be a fall."""

from __future__ import annotations

from typing import Final

from devices.rejection import Rejection
from devices.serial_frames import MessageType, SerialMessage
from devices.serial_reader import Facts, serial_model, unknown_type
from devices.wearable.windows import read_piece


def _interpret(message: SerialMessage) -> Facts | Rejection:
    if message.type is not MessageType.WINDOW:
        return unknown_type(message)
    piece = read_piece(message.window)
    return piece if isinstance(piece, Rejection) else {"acceleration": message.window}


MODEL: Final = serial_model("serial_fall_sensor", ("acceleration",), _interpret, silence_max_s=300.0)
