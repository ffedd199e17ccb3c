"""Recorded homes, where somebody has them; they are no part of Llar.

A home is two parquet tables, `homes/<part>/<name>.parquet` (ts, room, sensor, n, w: local wall-clock time, where, and
how many lines of the recorder's log that row stands for) and `<name>.labels.parquet` (start, end, label). They lie in
the folder that `LLAR_DATA` names, or in `../shared/data`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators.recording import Heard, Recording
from simulators.sensors import Sensor
from simulators.stay import Room
from simulators.truth import Truth, What

LINES_PLAYED: Final = 8
"""Of a row so many lines are played at most, spread over the time that it stands for."""
BINS: Final = {"hh101": 300.0, "hh102_hourly": 3600.0}
"""Seconds that a row of these homes stands for; a row of the others is one event."""
OPEN_S: Final = 8.0
ALIVE_EVERY_S: Final = 3600.0
"""Sensors give a sign of life so often, which recordings leave out; without one they would count as dead."""
_ROOMS: Final = {"dining": Room.LIVING, "door": Room.HALL, "hall2": Room.HALL, "bedroom2": Room.BEDROOM}
_TRUTHS: Final = {
    "sleep": What.ASLEEP,
    "away": What.AWAY,
    "toilet": What.BATHROOM,
    "night_toilet": What.NIGHT_BATHROOM,
    "meal": What.MEAL,
}


class Line(NamedTuple):
    """A row of a recording: local wall-clock time, room, lines."""

    at: datetime
    room: str
    lines: int


class Label(NamedTuple):
    """What somebody wrote down."""

    begin: datetime
    end: datetime
    label: str


def data_folder() -> Path:
    """Where recordings lie, if there are any."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("LLAR_DATA") or beside)


def folder(part: str = "dev") -> Path:
    """Where the homes lie."""
    return data_folder() / "homes" / part


def names(part: str = "dev") -> list[str]:
    """The homes that are there, in name order."""
    return sorted(
        path.name.removesuffix(".parquet")
        for path in folder(part).glob("*.parquet")
        if not path.name.endswith(".labels.parquet")
    )


def read(name: str, part: str = "dev") -> tuple[list[Line], list[Label]]:
    """A home's rows and labels. Raises ImportError without pyarrow, FileNotFoundError where there is none."""
    parquet = import_module("pyarrow.parquet")
    table = parquet.read_table(folder(part) / f"{name}.parquet").to_pydict()
    labels = parquet.read_table(folder(part) / f"{name}.labels.parquet").to_pydict()
    lines = zip(table["ts"], table["room"], table["n"], strict=True)
    return (
        [Line(at, str(room), int(count)) for at, room, count in lines],
        [Label(*row) for row in zip(labels["start"], labels["end"], labels["label"], strict=True)],
    )


def recorded(name: str, timezone: str = "Europe/Madrid") -> Recording:
    """A recorded home, as if it stood in that zone. Raises as `read`."""
    lines, labels = read(name)
    lines.sort()
    zone = ZoneInfo(timezone)
    first, last = lines[0].at.date(), lines[-1].at.date() + timedelta(days=1)
    truth = [
        Truth(_TRUTHS[label.label], _unix(label.begin, zone), _unix(label.end, zone))
        for label in labels
        if label.label in _TRUTHS
    ]
    devices = {room: _device(room) for room in sorted({line.room for line in lines})}
    return Recording(
        name.replace("_", "-"),
        timezone,
        list(devices.values()),
        _unix(datetime.combine(first, time()), zone),
        _unix(datetime.combine(last, time()), zone),
        sorted(truth, key=lambda one: one.begin_at),
        _player(lines, devices, zone, BINS.get(name, 0.0)),
    )


def _device(room: str) -> Sensor:
    place = _ROOMS.get(room) or (Room(room) if room in set(Room) else Room.HALL)
    return Sensor("front-door", place, "open") if room == "door" else Sensor(f"{room}-motion", place, "motion")


def _unix(at: datetime, zone: ZoneInfo) -> float:
    return at.replace(tzinfo=zone).timestamp()


def _player(
    lines: Sequence[Line], devices: dict[str, Sensor], zone: ZoneInfo, bin_s: float
) -> Callable[[], Iterator[Heard]]:
    def play() -> Iterator[Heard]:
        begin = 0
        while begin < len(lines):
            end = begin
            while end < len(lines) and lines[end].at.date() == lines[begin].at.date():
                end += 1
            yield from sorted(_day(lines[begin:end], devices, zone, bin_s), key=lambda heard: heard.at)
            begin = end

    return play


def _day(lines: Sequence[Line], devices: dict[str, Sensor], zone: ZoneInfo, bin_s: float) -> Iterator[Heard]:
    for line in lines:
        device, at = devices[line.room], _unix(line.at, zone)
        count = min(line.lines, LINES_PLAYED) if bin_s else 1
        for number in range(count):
            yield from _act(device, at + bin_s * number / count)
    midnight = _unix(datetime.combine(lines[0].at.date(), time()), zone)
    for device in devices.values():
        for hour in range(24):
            yield _heard(device.id, "battery", 90.0, midnight + hour * ALIVE_EVERY_S)


def _act(device: Sensor, at: float) -> Iterator[Heard]:
    yield _heard(device.id, device.kind, True, at)
    if device.kind == "open":
        yield _heard(device.id, device.kind, False, at + OPEN_S)


def _heard(device: str, kind: str, value: float | bool, at: float) -> Heard:
    return Heard(at, Reading(device, kind, value, at))
