"""The numbers of health sensors read as the specification writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.ieee11073 import NoNumber, read_float, read_sfloat


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0x0072, 114.0),  # blood pressure of 114 mmHg, from the standard's annex
        (0x0002, 2.0),
        (0xF014, 2.0),
        (0xE0C8, 2.0),
        (0x1002, 20.0),
        (0x2002, 200.0),
        (0x04D2, 1234.0),
        (0x0B2E, -1234.0),
        (0xB076, 0.00118),  # glucose of 0.00118 kg/l, from the standard's annex
        (0xF16C, 36.4),
        (0x07FF, NoNumber.NAN),
        (0x0800, NoNumber.NOT_AT_THIS_RESOLUTION),
        (0x07FE, NoNumber.PLUS_INFINITY),
        (0x0802, NoNumber.MINUS_INFINITY),
        (0x0801, NoNumber.RESERVED),
        (0x07FD, 2045.0),
        (0x0803, -2045.0),
        (0x17FF, 20_470.0),  # only under exponent 0 are these special
    ],
)
def test_sfloat(raw: int, value: float | NoNumber) -> None:
    assert read_sfloat(raw) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0xFF00016C, 36.4),  # the GATT specification's example of a body temperature
        (0x00000002, 2.0),
        (0xFF000014, 2.0),
        (0xFE0000C8, 2.0),
        (0x02000002, 200.0),
        (0x00FFFB2E, -1234.0),
        (0xFE000BB8, 30.0),
        (0x007FFFFF, NoNumber.NAN),
        (0x00800000, NoNumber.NOT_AT_THIS_RESOLUTION),
        (0x007FFFFE, NoNumber.PLUS_INFINITY),
        (0x00800002, NoNumber.MINUS_INFINITY),
        (0x00800001, NoNumber.RESERVED),
    ],
)
def test_float(raw: int, value: float | NoNumber) -> None:
    assert read_float(raw) == value


@given(st.integers(-2045, 2045).filter(lambda m: abs(m) < 2045), st.integers(-8, 7))
def test_every_sfloat_is_its_mantissa_times_ten_to_its_exponent(mantissa: int, exponent: int) -> None:
    raw = (exponent & 0xF) << 12 | mantissa & 0xFFF
    assert read_sfloat(raw) == float(f"{mantissa}e{exponent}")


@given(st.integers(0, 0xFFFFFFFF))
def test_any_bits_are_a_number_or_none(raw: int) -> None:
    for value in (read_sfloat(raw & 0xFFFF), read_float(raw)):
        assert isinstance(value, NoNumber) or abs(value) < 1e135
