"""InfluxDB line protocol for rows: `temperature,device=hall,home=h-17 value=21.4 1795276800000`.

The measurement is the kind, the tags are home and device, the one field is `value`, always a float: Grafana then
offers the kinds as measurements, a panel is `SELECT mean("value") FROM "temperature" WHERE "home" = 'h-17' GROUP BY
time($__interval), "device"`, and no two writers can quarrel over a field's type. Timestamps are milliseconds.

Rendered here because the client's Point costs many times more; the bytes are the same (tests compare them).
Format: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from central.telemetry.store import Row, number_of, storable_name

PREFIXES_MAX: Final = 500_000
"""Rendered measurement-and-tags kept: one for each series of 40,000 homes, some 100 MB; past it they are made anew."""

_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_prefixes: dict[tuple[str, str, str], str] = {}


def render(rows: Iterable[Row]) -> bytes:
    """The rows as line protocol, one line each. Windows and values that are not finite are left out.

    Raises:
        ValueError: the name of a home, device or kind cannot be written. The receiver takes in no such names.
    """
    lines = []
    prefixes = _prefixes
    for row in rows:
        name, at, value = row[:3], row[3], row[4]
        if type(value) is not float or value - value != 0.0:
            number = number_of(name[2], value)
            if number is None:
                continue
            value = number
        try:
            prefix = prefixes[name]
        except KeyError:
            prefix = _learn(name)
        text = repr(value)
        if text[-2:] == ".0":
            text = text[:-2]
        lines.append(f"{prefix}{text} {int(at * 1000.0 + 0.5)}")
    return "\n".join(lines).encode()


def _learn(name: tuple[str, str, str]) -> str:
    for text in name:
        if not storable_name(text):
            raise ValueError(f"{text!r} cannot name a home, a device or a kind in line protocol")
    if len(_prefixes) >= PREFIXES_MAX:
        _prefixes.clear()
    home, device, kind = (text.translate(_ESCAPES) for text in name)
    prefix = _prefixes[name] = f"{kind},device={device},home={home} value="
    return prefix
