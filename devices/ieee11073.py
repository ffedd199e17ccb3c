"""SFLOAT and FLOAT, the decimal numbers of health sensors.

Format: IEEE 11073-20601, annex F.8, as taken over by the Bluetooth GATT Specification Supplement. An SFLOAT has a 4-bit
exponent above a 12-bit mantissa, a FLOAT an 8-bit exponent above a 24-bit mantissa; both parts are two's complement
(the exponent is not biased) and the value is mantissa x 10^exponent. Five mantissas under exponent 0 are no numbers.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final


class NoNumber(Enum):
    """What a sensor sends instead of a number."""

    NAN = "not a number: the measurement failed"
    NOT_AT_THIS_RESOLUTION = "not representable with this resolution"
    PLUS_INFINITY = "above what can be measured"
    MINUS_INFINITY = "below what can be measured"
    RESERVED = "reserved"


_SPECIAL: Final = {
    -1: NoNumber.NAN,
    0: NoNumber.NOT_AT_THIS_RESOLUTION,
    -2: NoNumber.PLUS_INFINITY,
    2: NoNumber.MINUS_INFINITY,
    1: NoNumber.RESERVED,
}
"""By distance from the middle of the unsigned mantissa range, 0x800 or 0x800000."""


def read_sfloat(raw: int) -> float | NoNumber:
    """The value of 16 bits."""
    return _read(raw, mantissa_bits=12, exponent_bits=4)


def read_float(raw: int) -> float | NoNumber:
    """The value of 32 bits."""
    return _read(raw, mantissa_bits=24, exponent_bits=8)


def _read(raw: int, *, mantissa_bits: int, exponent_bits: int) -> float | NoNumber:
    mantissa = raw & (1 << mantissa_bits) - 1
    exponent = raw >> mantissa_bits & (1 << exponent_bits) - 1
    special = _SPECIAL.get(mantissa - (1 << mantissa_bits - 1))
    if exponent == 0 and special is not None:
        return special
    # by way of decimal, so that 364 x 10^-1 is the float 36.4 and not one beside it
    return float(Decimal(_signed(mantissa, mantissa_bits)).scaleb(_signed(exponent, exponent_bits)))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
