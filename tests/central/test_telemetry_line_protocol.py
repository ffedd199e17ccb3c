"""Our line protocol is the client library's, byte for byte, for every row that can exist."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point as ClientPoint
from influxdb_client.domain.write_precision import WritePrecision

from central.telemetry.line_protocol import render
from central.telemetry.store import Row, number_of
from devices.vocabulary import KINDS, ValueType

printable = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
names = st.text(printable, min_size=1, max_size=32).filter(lambda text: not text.endswith("\\"))
kinds = st.sampled_from([kind for kind in KINDS.values() if kind.value_type is not ValueType.DATA])
ats = st.integers(0, 2**43).map(lambda ms: ms / 1000)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    kind = draw(kinds)
    match kind.value_type:
        case ValueType.NUMBER:
            value: float | bool | str = draw(st.floats(allow_nan=False, allow_infinity=False))
        case ValueType.BOOLEAN:
            value = draw(st.booleans())
        case _:
            value = draw(st.sampled_from(kind.words))
    return Row(draw(names), draw(names), kind.name, draw(ats), value)


def clients_line(row: Row) -> str:
    point = ClientPoint(row.kind).tag("home", row.home).tag("device", row.device)
    point.field("value", number_of(row.kind, row.value)).time(round(row.at * 1000), WritePrecision.MS)
    return str(point.to_line_protocol())


@given(st.lists(rows(), max_size=5))
def test_every_row_is_rendered_as_the_client_library_does(given_rows: list[Row]) -> None:
    assert render(given_rows).decode() == "\n".join(clients_line(row) for row in given_rows)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, b"\0\0", "no such word"])
def test_what_is_no_number_never_becomes_a_line(value: float | bytes | str) -> None:
    good = Row("h", "d", "temperature", 1.0, 20.0)
    assert render([Row("h", "d", "temperature", 1.0, value), good]) == b"temperature,device=d,home=h value=20 1000"


@pytest.mark.parametrize("name", ["", "a\nb", "a\rb", "a\0b", "tail\\", "x" * 65, "a\u2028b"])
def test_a_name_that_could_break_a_line_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        render([Row(name, "d", "temperature", 1.0, 20.0)])
    with pytest.raises(ValueError, match="cannot name"):
        render([Row("h", name, "temperature", 1.0, 20.0)])
