"""What may be said at all."""

from __future__ import annotations

import math

import pytest

from devices.vocabulary import KINDS, Urgency, Value, ValueType, valid_device_id, value_fault

SENML_UNITS = {"", "Cel", "%RH", "lx", "W", "beat/min", "%", "kg", "%EL", "V", "dBm", "count", "m/s2", "rad"}
SENML_UNITS |= {"lat", "lon", "m", "m/s"}
"""Those of the registry (RFC 8428, section 12.1; RFC 8798) that are used here."""


def test_units_are_registered_except_for_blood_pressure() -> None:
    assert {kind.unit for kind in KINDS.values()} - SENML_UNITS == {"mm[Hg]"}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_complete(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    number = kind.value_type is ValueType.NUMBER
    assert (math.isfinite(kind.minimum) and math.isfinite(kind.maximum) and kind.minimum < kind.maximum) == number
    assert bool(kind.words) == (kind.value_type is ValueType.WORD)
    assert bool(kind.unit) == number


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [
        ("temperature", 21.4, True),
        ("temperature", -40, True),
        ("temperature", 85.1, False),
        ("temperature", math.nan, False),
        ("temperature", True, False),
        ("temperature", "21.4", False),
        ("press", "single", True),
        ("press", "quadruple", False),
        ("press", True, False),
        ("open", False, True),
        ("open", 1, False),
        ("acceleration", b"\0\0", True),
        ("acceleration", "AAA", False),
    ],
)
def test_a_value_that_a_kind_cannot_have_is_told(kind: str, value: Value, good: bool) -> None:
    assert (value_fault(KINDS[kind], value) == "") == good


def test_what_a_person_or_a_fire_raises_is_an_alarm() -> None:
    alarms = {kind.name for kind in KINDS.values() if kind.urgency is Urgency.ALARM}
    assert alarms == {"press", "fall", "smoke", "gas", "co", "flood"}


@pytest.mark.parametrize("text", ["hall-motion", "a", "7_b", "x" * 32])
def test_ids_are_short_and_plain(text: str) -> None:
    assert valid_device_id(text)


@pytest.mark.parametrize("text", ["", "-a", "Hall", "a b", "a/b", "\u00e0", "a\n", "x" * 33])
def test_other_ids_are_refused(text: str) -> None:
    assert not valid_device_id(text)
