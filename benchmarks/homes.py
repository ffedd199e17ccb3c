"""What a home costs the receiver's detection engine: memory when its day is known, CPU for an hour of its life."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import psutil

from benchmarks.figures import Figure, Outcome, Row, Scale, Table
from central.detection.engine import Engine
from central.detection.profile import DeviceAtHome, Limits
from devices.vocabulary import Reading

HOUR_S: Final = 3600.0
PACKS_PER_HOUR: Final = 60
HOURS_BEFORE: Final = 24
DEVICES: Final = {
    name: DeviceAtHome(name, "", 86_400.0)
    for name in (
        *("hall-motion", "kitchen-motion", "bedroom-motion", "bathroom-motion"),
        *("front-door", "bed", "hall-climate", "bedroom-climate"),
    )
}
MOTIONS_PER_HOUR: Final = 16
CLIMATE_PER_HOUR: Final = 12


class Cost(msgspec.Struct, frozen=True):
    """Of one run, in a process of its own."""

    enrolled_kib: float
    lived_kib: float
    cpu_ms_per_hour: float
    findings: int


def run(scale: Scale) -> Outcome:
    """An engine with 1,000 homes, after a day, then judged every minute for an hour."""
    homes = scale.choose(1000, 50)
    costs = [_in_own_process(homes) for _ in range(scale.rounds)]
    cells: dict[str, Figure | str] = {
        "MiB enrolled": Figure([cost.enrolled_kib * 1000 / 1024 for cost in costs]),
        "MiB after a day": Figure([cost.lived_kib * 1000 / 1024 for cost in costs]),
        "CPU ms per home and hour": Figure([cost.cpu_ms_per_hour for cost in costs]),
        "homes per core": Figure([HOUR_S * 1000 / cost.cpu_ms_per_hour for cost in costs]),
    }
    return Outcome(
        title="a home in the detection engine",
        tables=[Table(f"per 1,000 homes, measured with {homes:,}", list(cells), [Row("detection engine", cells)])],
        notes=[
            f"A home: {len(DEVICES)} devices; an hour: {MOTIONS_PER_HOUR} movements, door, bed, 48 climate readings.",
            "Memory is growth of the resident set; an hour comes in 60 packs, with a judgement every minute.",
            "homes per core counts detection alone, without MQTT, decoding and store.",
        ],
    )


def _in_own_process(homes: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.homes", str(homes)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=300, cwd=Path(__file__).parent.parent)
    return msgspec.json.decode(done.stdout, type=Cost)


def measure(homes: int) -> Cost:
    """Enrols, lives a day, and takes the time of an hour."""
    dice = random.Random(1)
    names = [f"home-{number:05d}" for number in range(homes)]
    began_at = time.time() - HOURS_BEFORE * HOUR_S
    empty = _resident_kib()
    engine = Engine(began_at, 0.0)
    for name in names:
        engine.enrol(name, Limits(devices=DEVICES, timezone="Europe/Madrid"), began_at)
        engine.recall(name, began_at, (), began_at)
    enrolled = _resident_kib()
    for hour in range(HOURS_BEFORE):
        at = began_at + hour * HOUR_S
        for name in names:
            engine.take(name, _hour(dice, at), at + HOUR_S)
            engine.hear(name, at + HOUR_S)
    lived = _resident_kib()
    cpu, findings = _live(engine, names, dice, began_at + HOURS_BEFORE * HOUR_S)
    return Cost((enrolled - empty) / homes, (lived - empty) / homes, cpu * 1000 / homes, findings)


def _live(engine: Engine, names: list[str], dice: random.Random, at: float) -> tuple[float, int]:
    """An hour with a pack of each home and a judgement of all homes in every minute; CPU seconds, and findings."""
    days = [list(_packs(_hour(dice, at), at)) for _ in range(min(len(names), 50))]
    started, findings = time.process_time(), 0
    for minute in range(PACKS_PER_HOUR):
        now = at + (minute + 1) * 60
        for number, name in enumerate(names):
            engine.hear(name, now)
            engine.take(name, days[number % len(days)][minute], now)
        while found := engine.due(now, len(names)):
            findings += len(found)
    return time.process_time() - started, findings


def _hour(dice: random.Random, at: float) -> list[Reading]:
    motions = [
        Reading(dice.choice(("hall-motion", "kitchen-motion", "bedroom-motion", "bathroom-motion")), "motion", True, t)
        for t in (at + dice.random() * HOUR_S for _ in range(MOTIONS_PER_HOUR))
    ]
    doors = [Reading("front-door", "open", dice.random() < 0.5, at + dice.random() * HOUR_S) for _ in range(2)]
    bed = [Reading("bed", "presence", dice.random() < 0.5, at + dice.random() * HOUR_S)]
    climate = [
        Reading(device, kind, 20.0, at + i * HOUR_S / CLIMATE_PER_HOUR)
        for i in range(CLIMATE_PER_HOUR)
        for device in ("hall-climate", "bedroom-climate")
        for kind in ("temperature", "humidity")
    ]
    return sorted([*motions, *doors, *bed, *climate], key=lambda reading: reading.measured_at)


def _packs(readings: list[Reading], at: float) -> Iterator[list[Reading]]:
    for minute in range(PACKS_PER_HOUR):
        begin = at + minute * 60
        yield [reading for reading in readings if begin <= reading.measured_at < begin + 60]


def _resident_kib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1024


if __name__ == "__main__":
    print(msgspec.json.encode(measure(int(sys.argv[1]))).decode())
