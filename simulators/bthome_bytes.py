"""BTHome v2 service data, written from the published format (bthome.io/format, bthome.io/encryption).

Written for the simulators alone, so that the decoder under test is never checked against itself.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

UUID_BYTES: Final = b"\xd2\xfc"
"""16-bit service UUID 0xFCD2, little-endian, as it stands in an advert."""
COUNTER_MAX: Final = 2**32 - 1

_VERSION_2: Final = 0x40
_ENCRYPTED: Final = 0x01
_TRIGGER: Final = 0x04
_MIC_BYTES: Final = 4


class ObjectId(IntEnum):
    """Measurements and events that the simulated sensors speak."""

    PACKET_ID = 0x00
    BATTERY = 0x01
    TEMPERATURE = 0x02
    HUMIDITY = 0x03
    GAS = 0x1C
    CO = 0x17
    DOOR = 0x1A
    MOISTURE = 0x20
    MOTION = 0x21
    OCCUPANCY = 0x23
    SMOKE = 0x29
    BUTTON = 0x3A


class ButtonPress(IntEnum):
    """Values of `ObjectId.BUTTON`."""

    SINGLE = 0x01
    DOUBLE = 0x02
    TRIPLE = 0x03
    LONG = 0x04


_SIGNED_HUNDREDTHS: Final = frozenset({ObjectId.TEMPERATURE})
_UNSIGNED_HUNDREDTHS: Final = frozenset({ObjectId.HUMIDITY})

Measurement = tuple[ObjectId, float]


def objects(measurements: Sequence[Measurement]) -> bytes:
    """Object ids with their values, in the order of ids that the format asks for."""
    return b"".join(_object(oid, value) for oid, value in sorted(measurements))


def _object(oid: ObjectId, value: float) -> bytes:
    if oid in _SIGNED_HUNDREDTHS:
        return struct.pack("<Bh", oid, round(value * 100))
    if oid in _UNSIGNED_HUNDREDTHS:
        return struct.pack("<BH", oid, round(value * 100))
    return struct.pack("<BB", oid, int(value))


def plain(measurements: Sequence[Measurement], *, trigger: bool = False) -> bytes:
    """Unencrypted service data, without the UUID."""
    return bytes([_VERSION_2 | (_TRIGGER if trigger else 0)]) + objects(measurements)


def encrypted(
    measurements: Sequence[Measurement], *, key: bytes, address: str, counter: int, trigger: bool = False
) -> bytes:
    """Encrypted service data (AES-CCM, 4-byte MIC), without the UUID.

    Args:
        measurements: what is sealed.
        key: 16 bytes, the sensor's bind key.
        address: its Bluetooth address, `AA:BB:CC:DD:EE:FF`.
        counter: goes up with every new packet.
        trigger: whether the sensor sends on events only.
    """
    info = bytes([_VERSION_2 | _ENCRYPTED | (_TRIGGER if trigger else 0)])
    running = struct.pack("<I", counter)
    nonce = bytes.fromhex(address.replace(":", "")) + UUID_BYTES + info + running
    sealed = AESCCM(key, tag_length=_MIC_BYTES).encrypt(nonce, objects(measurements), None)
    return info + sealed[:-_MIC_BYTES] + running + sealed[-_MIC_BYTES:]
