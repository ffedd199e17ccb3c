"""The serial format of Llar's own wired devices and radio dongles: docs/wire/serial.md. Pure.

On the wire: COBS frames, each ended by a zero byte. In a frame, little-endian: version u8 = 1, type u8, device number
u32, sequence u16, uptime in ms u32, battery in mV u16, argument u8, in a window its samples, and the
CRC-16/CCITT-FALSE of all that. The hub answers `A`, sequence u16, CRC, framed likewise; until it gets that, a device
resends the very same bytes, for the hub knows a message again by its sequence and its uptime.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from devices.rejection import Rejection

VERSION: Final = 1
FRAME_BYTES_MAX: Final = 254
"""Longest COBS frame: one block. A window of 25 samples takes 176 bytes, any other message 18."""
WINDOW_HEADER_BYTES: Final = 8
SAMPLE_BYTES: Final = 6

_BODY: Final = struct.Struct("<BBIHIHB")
_CRC: Final = struct.Struct("<H")
_ACKNOWLEDGEMENT: Final = struct.Struct("<cH")


class MessageType(IntEnum):
    """What a message tells; the argument's meaning depends on it."""

    BOOT = 1
    HEARTBEAT = 2
    BUTTON = 3
    """Argument: 1 press, 2 long press, 3 release, 4 pressed again at once, 5 and once more or oftener."""
    STATE = 4
    """Argument: 0 or 1: closed or open, empty or occupied."""
    FALL = 5
    """Argument: 1 suspected, 2 confirmed, 3 recovered."""
    WINDOW = 6
    """Acceleration. Argument: how many samples."""
    DOSE = 7
    """Of a dispenser of medicines. Argument: 1 due, 2 taken, 3 missed."""


_TYPES: Final = {kind.value: kind for kind in MessageType}


@dataclass(frozen=True, slots=True)
class SerialMessage:
    """One message of a serial device.

    Attributes:
        number: names the device.
        sequence: counts modulo 65,536, from anywhere at boot.
        uptime_ms: since boot, modulo 2^32.
        window: of a WINDOW, the value of an `acceleration` reading as `devices.wearable.windows` describes it.
    """

    type: MessageType
    number: int
    sequence: int
    uptime_ms: int
    battery_mv: int
    argument: int
    window: bytes = b""

    @property
    def sender(self) -> str:
        """The device's address as in `Frame.sender`: eight hex digits."""
        return f"{self.number:08x}"


class FrameSplitter:
    """Cuts a byte stream, in whatever pieces it comes, into COBS frames (without the zero byte).

    It holds at most `FRAME_BYTES_MAX` bytes; what is longer is noise and is dropped up to the next zero byte.

    Attributes:
        dropped: how many over-long pieces were dropped.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, in order."""
        *ended, rest = data.split(b"\0")
        frames = []
        for piece in ended:
            self._hold(piece)
            if self._held:
                frames.append(bytes(self._held))
                self._held.clear()
            self._skipping = False
        self._hold(rest)
        return frames

    def _hold(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._held) + len(piece) <= FRAME_BYTES_MAX:
            self._held += piece
            return
        self._held.clear()
        self._skipping = True
        self.dropped += 1


def read_message(encoded: bytes) -> SerialMessage | Rejection:
    """Reads one frame as `FrameSplitter` gives it.

    Returns:
        The message, or a Rejection: `bad_checksum` (noise on the line), `truncated`, `too_large`, `unknown_version`,
        `unknown_type`.
    """
    message = _unstuffed(encoded)
    if message is None:
        return Rejection("bad_checksum", "not a COBS frame: noise on the line, or a wrong baud rate")
    if len(message) < _CRC.size + 2:
        return Rejection("truncated", f"{len(message)} bytes are too few")
    body = message[: -_CRC.size]
    if _crc(body) != _CRC.unpack(message[-_CRC.size :])[0]:
        return Rejection("bad_checksum", "checksum does not fit: noise on the line, or a wrong baud rate")
    if body[0] != VERSION:
        return Rejection("unknown_version", f"version {body[0]}; {VERSION} is understood")
    if len(body) < _BODY.size:
        return Rejection("truncated", f"{len(body)} bytes, not {_BODY.size}")
    _, kind, number, sequence, uptime_ms, battery_mv, argument = _BODY.unpack_from(body)
    window = body[_BODY.size :]
    length = _window_bytes(argument) if kind == MessageType.WINDOW else 0
    if len(window) != length:
        return Rejection(
            "truncated" if len(window) < length else "too_large", f"{len(window)} more bytes, not {length}"
        )
    if kind not in _TYPES:
        return Rejection("unknown_type", f"message type {kind}")
    return SerialMessage(_TYPES[kind], number, sequence, uptime_ms, battery_mv, argument, window)


def _window_bytes(samples: int) -> int:
    return WINDOW_HEADER_BYTES + samples * SAMPLE_BYTES


def sender_of(encoded: bytes) -> str | Rejection:
    """Whom a frame is from, as `Frame.sender`; for a driver that has yet to find out which device it hears."""
    message = read_message(encoded)
    return message if isinstance(message, Rejection) else message.sender


def acknowledgement(sequence: int) -> bytes:
    """The hub's answer to the message with this number, framed and ended, ready to be written."""
    body = _ACKNOWLEDGEMENT.pack(b"A", sequence)
    return _stuffed(body + _CRC.pack(_crc(body))) + b"\0"


def _stuffed(data: bytes) -> bytes:
    from cobs import cobs

    frame: bytes = cobs.encode(data)  # type: ignore[no-untyped-call]
    return frame


def _unstuffed(frame: bytes) -> bytes | None:
    from cobs import cobs

    try:
        data: bytes = cobs.decode(frame)  # type: ignore[no-untyped-call]
    except cobs.DecodeError:
        return None
    return data


def _crc(data: bytes) -> int:
    return binascii.crc_hqx(data, 0xFFFF)
