"""Own encoders of GATT health measurements and of the wearable's messages.

Formats: Bluetooth GATT Specification Supplement; docs/wire/wearable.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

SFLOAT_NAN: Final = b"\xff\x07"
_DATE, _PULSE = 0x02, 0x04


def sfloat(mantissa: int, exponent: int = 0) -> bytes:
    """mantissa x 10^exponent in 16 bits."""
    assert -2046 <= mantissa <= 2045
    assert -8 <= exponent <= 7
    return struct.pack("<H", (exponent & 0xF) << 12 | mantissa & 0xFFF)


def medical_float(mantissa: int, exponent: int = 0) -> bytes:
    """mantissa x 10^exponent in 32 bits."""
    return (mantissa & 0xFFFFFF).to_bytes(3, "little") + struct.pack("<b", exponent)


def date_time(at: datetime) -> bytes:
    """A date without a zone, as the sensor's own clock shows it."""
    return struct.pack("<HBBBBB", at.year, at.month, at.day, at.hour, at.minute, at.second)


def current_time(at: datetime) -> bytes:
    """The value of Current Time (0x2A2B)."""
    return date_time(at) + bytes((at.isoweekday(), at.microsecond * 256 // 1_000_000, 0))


def heart_rate(beats: int, *, contact: bool | None = None, intervals_s: Sequence[float] = ()) -> bytes:
    """The value of Heart Rate Measurement (0x2A37); `contact` None: the belt cannot tell."""
    flags = (0x01 if beats > 255 else 0) | (0x10 if intervals_s else 0)
    flags |= {None: 0x00, False: 0x04, True: 0x06}[contact]
    rate = struct.pack("<H" if beats > 255 else "<B", beats)
    return bytes((flags,)) + rate + b"".join(struct.pack("<H", round(s * 1024)) for s in intervals_s)


def blood_pressure(systolic: int, diastolic: int, pulse: int, at: datetime | None) -> bytes:
    """The value of Blood Pressure Measurement (0x2A35) in mmHg."""
    mean = (systolic + 2 * diastolic) // 3
    body = sfloat(systolic) + sfloat(diastolic) + sfloat(mean) + (date_time(at) if at else b"") + sfloat(pulse)
    return bytes((_PULSE | (_DATE if at else 0),)) + body


def spot_check(saturation: int, pulse: int, at: datetime | None = None) -> bytes:
    """The value of PLX Spot-Check Measurement (0x2A5E)."""
    return bytes((1 if at else 0,)) + sfloat(saturation) + sfloat(pulse) + (date_time(at) if at else b"")


def continuous(saturation: int, pulse: int) -> bytes:
    """The value of PLX Continuous Measurement (0x2A5F)."""
    return b"\x00" + sfloat(saturation) + sfloat(pulse)


def temperature(tenths: int, at: datetime | None = None) -> bytes:
    """The value of Temperature Measurement (0x2A1C), from tenths of a degree Celsius."""
    return bytes((_DATE if at else 0,)) + medical_float(tenths, -1) + (date_time(at) if at else b"")


def weight(kilograms: float, at: datetime | None = None) -> bytes:
    """The value of Weight Measurement (0x2A9D)."""
    return bytes((_DATE if at else 0,)) + struct.pack("<H", round(kilograms / 0.005)) + (date_time(at) if at else b"")


def window(
    counter: int, rate_hz: float, full_scale_g: int, flags: int, samples: Sequence[tuple[int, int, int]]
) -> bytes:
    """A window of the wearable in the clear; samples are raw, 32768 being the full scale."""
    flat = [value for sample in samples for value in sample]
    return struct.pack(f"<IHBB{len(flat)}h", counter & 0xFFFFFFFF, round(rate_hz * 10), full_scale_g, flags, *flat)


def sealed(plain: bytes, *, key: bytes, address: str, characteristic: int, counter: int) -> bytes:
    """A message of the wearable as it goes over the air: counter, cipher text, MIC of 8 bytes."""
    number = struct.pack("<I", counter)
    nonce = bytes.fromhex(address.replace(":", "")) + struct.pack("<H", characteristic) + number
    return number + AESCCM(key, tag_length=8).encrypt(nonce, plain, None)
