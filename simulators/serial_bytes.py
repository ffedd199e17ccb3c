"""The pendant's serial frames, as its firmware writes them: COBS, CRC-16/CCITT-FALSE, zero delimiter.

Own encoder and decoder, independent of those under test. COBS: Cheshire and Baker, "Consistent Overhead Byte
Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

VERSION: Final = 1
_MESSAGE: Final = struct.Struct("<BBIHIHB")
_ACK: Final = struct.Struct("<cHH")
_FRAME_BYTES_MAX: Final = 254


class FrameType(IntEnum):
    """What a frame says."""

    BOOT = 1
    HEARTBEAT = 2
    BUTTON = 3
    STATE = 4
    FALL = 5
    WINDOW = 6


class ButtonArgument(IntEnum):
    """`arg` of a BUTTON frame."""

    PRESS = 1
    LONG = 2
    RELEASE = 3
    DOUBLE = 4
    TRIPLE = 5


class PendantMessage(NamedTuple):
    """One message: device number, sequence number, uptime in ms, battery in mV, argument."""

    type: FrameType
    device: int
    sequence: int
    uptime_ms: int
    battery_mv: int
    argument: int


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


def cobs_encode(data: bytes) -> bytes:
    """Stuffs `data` so that it holds no zero byte."""
    out = bytearray()
    block = bytearray()
    for byte in data:
        if byte:
            block.append(byte)
        if not byte or len(block) == 254:
            out += bytes([len(block) + 1]) + block
            block.clear()
    return bytes(out + bytes([len(block) + 1]) + block)


def cobs_decode(data: bytes) -> bytes | None:
    """Undoes `cobs_encode`; None when `data` is no such encoding."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        block = data[at + 1 : at + code]
        if code == 0 or 0 in block or len(block) != code - 1:
            return None
        out += block
        at += code
        if code < 0xFF and at < len(data):
            out.append(0)
    return bytes(out)


def window(counter: int, rate_hz: float, samples: Sequence[tuple[int, int, int]], flags: int = 0) -> bytes:
    """What follows the head of a WINDOW: samples of x, y, z in 1/2048 g, of a sensor that measures up to 16 g."""
    header = struct.pack("<IHBB", counter, round(rate_hz * 10), 16, flags)
    return header + b"".join(struct.pack("<3h", *sample) for sample in samples)


def frame(message: PendantMessage, more: bytes = b"") -> bytes:
    """A message as it goes over the line, delimiter included; `more` follows its head."""
    body = _MESSAGE.pack(
        VERSION,
        message.type,
        message.device,
        message.sequence,
        message.uptime_ms & 0xFFFFFFFF,
        message.battery_mv,
        message.argument,
    )
    body += more
    return cobs_encode(body + struct.pack("<H", crc16(body))) + b"\0"


def acknowledged(encoded: bytes) -> int | None:
    """The sequence number that a frame from the hub (without its delimiter) acknowledges, or None."""
    body = cobs_decode(encoded)
    if body is None or len(body) != _ACK.size:
        return None
    mark, sequence, crc = _ACK.unpack(body)
    if mark != b"A" or crc != crc16(body[:3]):
        return None
    return int(sequence)


def message_of(encoded: bytes) -> PendantMessage | None:
    """The message in a device's frame (without its delimiter), or None for what is none."""
    body = cobs_decode(encoded)
    if body is None or len(body) < _MESSAGE.size + 2 or crc16(body[:-2]) != int.from_bytes(body[-2:], "little"):
        return None
    _, kind, *rest = _MESSAGE.unpack_from(body)
    return PendantMessage(FrameType(kind), *rest) if kind in FrameType.__members__.values() else None


class FrameCutter:
    """Cuts a stream of bytes at its zeros; remembers at most one frame."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, without their zeros."""
        *frames, rest = (self._held + data).split(b"\0")
        self._held = rest[-_FRAME_BYTES_MAX:]
        return frames
