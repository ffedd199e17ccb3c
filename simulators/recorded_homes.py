"""Recorded homes, where somebody has them; they are no part of Llar.

A home is two parquet tables, `homes/<part>/<name>.parquet` (ts, room, sensor, n, w: local wall-clock time, where, and
how many lines of the recorder's log that row stands for) and `<name>.labels.parquet` (start, end, label), which may be
missing. They lie in the folder that `LLAR_DATA` names, or in `../shared/data`. What is no such table is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from math import gcd
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators.recording import Heard, Recording
from simulators.sensors import Sensor
from simulators.stay import Room
from simulators.truth import Truth, What

LINES_PLAYED: Final = 8
"""Of a row so many lines are played at most, spread over the time that it stands for."""
BIN_MIN_S, BIN_MAX_S = 300, 3600
"""Where all rows stand at such steps of the clock, each stands for what was seen in one; else it is one event."""
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
_KINDS: Final = {datetime: "a time", str: "a word", int: "a whole number"}


class BadRecording(Exception):
    """A file that is not what it should be; the message says which and why."""


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
    return Path(os.environ.get("LLAR_DATA") or beside).expanduser()


def folder() -> Path:
    """Where the homes lie: `homes/dev`, or the only other folder in `homes` that has any."""
    parts = _folders()
    return parts[0] if len(parts) == 1 else data_folder() / "homes" / "dev"


def other_folders() -> list[Path]:
    """Folders with homes that are not looked at."""
    return [part for part in _folders() if part != folder()]


def _folders() -> list[Path]:
    return sorted({path.parent for path in (data_folder() / "homes").glob("*/*.parquet")})


def names() -> list[str]:
    """The homes that are there, in name order."""
    return sorted(
        path.name.removesuffix(".parquet")
        for path in folder().glob("*.parquet")
        if not path.name.endswith(".labels.parquet")
    )


def has_labels(name: str) -> bool:
    """Whether somebody wrote down what went on there."""
    return (folder() / f"{name}.labels.parquet").is_file()


def read(name: str) -> tuple[list[Line], list[Label]]:
    """A home's rows and labels; no labels where there is no such file.

    Raises:
        BadRecording: a file is cut off, empty, or has other columns.
        ImportError: without pyarrow.
        FileNotFoundError: there is no such home.
    """
    table = _table(folder() / f"{name}.parquet", {"ts": datetime, "room": str, "n": int})
    if not table["ts"]:
        raise BadRecording(f"{name}.parquet has no rows")
    if min(table["n"]) < 1:
        raise BadRecording(f"{name}.parquet: a row stands for less than one line (n)")
    labels: dict[str, list[Any]] = {"start": [], "end": [], "label": []}
    if has_labels(name):
        labels = _table(folder() / f"{name}.labels.parquet", {"start": datetime, "end": datetime, "label": str})
    return (
        [Line(*row) for row in zip(table["ts"], table["room"], table["n"], strict=True)],
        [Label(*row) for row in zip(labels["start"], labels["end"], labels["label"], strict=True)],
    )


def _table(path: Path, columns: dict[str, type]) -> dict[str, list[Any]]:
    """Columns of a file, each value of its type. Raises as `read`."""
    parquet = import_module("pyarrow.parquet")
    try:
        table: dict[str, list[Any]] = parquet.read_table(path, columns=list(columns)).to_pydict()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as fault:
        raise BadRecording(f"{path.name} cannot be read: {str(fault).splitlines()[0].rstrip('.')}") from None
    for name, kind in columns.items():
        if name not in table:
            raise BadRecording(f"{path.name} has no column {name}")
        if not all(isinstance(value, kind) for value in table[name]):
            raise BadRecording(f"{path.name}: not each value of {name} is {_KINDS[kind]}")
        if kind is datetime and any(at.tzinfo is not None for at in table[name]):
            raise BadRecording(f"{path.name}: {name} bears a time zone; it should be wall-clock time without one")
    return table


def bin_s(lines: Sequence[Line]) -> float:
    """Seconds that each row stands for; 0 where each is one event."""
    step = gcd(*(round(line.at.replace(tzinfo=UTC).timestamp() * 1000) for line in lines)) // 1000
    wide = next((wide for wide in (BIN_MAX_S, BIN_MAX_S // 2, BIN_MAX_S // 4, BIN_MIN_S) if step % wide == 0), 0)
    return float(wide if step else 0)


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
        _player(lines, devices, zone, bin_s(lines)),
    )


def _device(room: str) -> Sensor:
    place = _ROOMS.get(room) or (Room(room) if room in set(Room) else Room.HALL)
    return Sensor("front-door", place, "open") if room == "door" else Sensor(f"{room}-motion", place, "motion")


def _unix(at: datetime, zone: ZoneInfo) -> float:
    return at.replace(tzinfo=zone).timestamp()


def _player(
    lines: Sequence[Line], devices: dict[str, Sensor], zone: ZoneInfo, wide_s: float
) -> Callable[[], Iterator[Heard]]:
    def play() -> Iterator[Heard]:
        begin = 0
        while begin < len(lines):
            end = begin
            while end < len(lines) and lines[end].at.date() == lines[begin].at.date():
                end += 1
            yield from sorted(_day(lines[begin:end], devices, zone, wide_s), key=lambda heard: heard.at)
            begin = end

    return play


def _day(lines: Sequence[Line], devices: dict[str, Sensor], zone: ZoneInfo, wide_s: float) -> Iterator[Heard]:
    for line in lines:
        device, at = devices[line.room], _unix(line.at, zone)
        count = min(line.lines, LINES_PLAYED) if wide_s else 1
        for number in range(count):
            yield from _act(device, at + wide_s * number / count)
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
