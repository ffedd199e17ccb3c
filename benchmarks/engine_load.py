"""5,000 homes with 20 sensors each in the detection engine: CPU for an hour of a home's life, memory, a restart.

Each home has four months of habits and two days at hand, and shares nothing with the others that real homes would not
share: its sensors have names of its own, its limits are made as the receiver makes them, its habits come out of bytes
and its past as rows, as after a restart. A few homes have lived these months once, with as many silences as habits
keep.
"""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from central.detection.engine import Engine
from central.detection.habits import Habits, Kept
from central.detection.profile import DeviceAtHome, Limits, limits_of
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.recall import recall_home
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import Row as StoredRow
from devices.vocabulary import Reading

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
HOMES: Final = 5_000
MODELS: Final = 3
"""Lives that are lived; the homes have copies of them."""
LEARNED_DAYS: Final = 124
QUICK_DAYS: Final = 16
KEPT_DAYS: Final = 2
CLIMATE_S: Final = 5 * HOUR_S
"""What is read again of climate after a restart."""
EVENING_H: Final = 21
"""The hour that is measured begins so late: most of two days is at hand then, and it is told soon after."""
SPEAKING: Final = 50
"""Homes whose readings are made at once: what is still to be told is no memory of the engine."""
STORED_DAYS: Final = 16
RESTARTED: Final = 20
_ROOMS: Final = ("hall", "kitchen", "living", "bedroom", "bathroom", "office", "dining", "corridor")
MOTION: Final = tuple(f"{room}-motion" for room in _ROOMS)
CLIMATE: Final = tuple(f"{room}-climate" for room in _ROOMS[:6])
DOORS: Final = ("front-door", "balcony-door", "fridge")
IN_USE: Final = ("bed", "chair")
OTHERS: Final = ("smoke",)
SENSORS: Final = (*MOTION, *CLIMATE, *DOORS, *IN_USE, *OTHERS)
BEGIN_AT: Final = 1_772_409_600.0


class Cost(msgspec.Struct, frozen=True):
    """Of one run, in a process of its own. `silences`: how many a home has kept, on average."""

    bytes_per_home: float
    cpu_ms_per_hour: float
    findings: int
    silences: float


class Life(NamedTuple):
    """What a home has learned, as it is stored, and its last days."""

    habits: bytes
    days: list[list[Reading]]


def run(scale: Scale) -> Outcome:
    """Memory and CPU with all homes; a restart with some, from a real store."""
    homes = scale.choose(HOMES, 100)
    learned_days = scale.choose(LEARNED_DAYS, QUICK_DAYS)
    cost = _in_own_process(homes, learned_days)
    restart_ms = _restart_ms(scale.choose(RESTARTED, 2), learned_days)
    share = homes * cost.cpu_ms_per_hour / (HOUR_S * 1_000)
    cells: dict[str, Figure | str] = {
        "kB per home": Figure([cost.bytes_per_home / 1_000]),
        "CPU ms per home and hour": Figure([cost.cpu_ms_per_hour]),
        "% of a core": Figure([100 * share]),
        "restart, CPU ms per home": Figure([restart_ms]),
        "silences kept": Figure([cost.silences]),
    }
    return Outcome(
        title="5,000 homes in the detection engine",
        tables=[Table(f"{homes:,} homes, {len(SENSORS)} sensors each", list(cells), [Row("detection", cells)])],
        targets=[
            Target("memory per home, kB (1,000 bytes)", 30.0, cost.bytes_per_home / 1_000),
            Target("percent of one core for all homes", 50.0, 100 * share),
        ],
        notes=[
            f"All detectors; {learned_days} days of habits. Memory is growth of the resident set, limits included.",
            f"The hour is that from {EVENING_H} o'clock on, judged each minute. No MQTT, no store.",
            f"Restart: {STORED_DAYS} days in the embedded store; habits kept, so two days are read again.",
        ],
    )


def _in_own_process(homes: int, learned_days: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.engine_load", str(homes), str(learned_days)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=1_800, cwd=Path(__file__).parent.parent)
    return msgspec.json.decode(done.stdout, type=Cost)


# lives


def day_of(dice: random.Random, begin_at: float) -> list[Reading]:
    """A day: some 150 movements from seven to eleven with a dozen rests, nights with a way to the bathroom, doors, bed
    and chair; climate every ten minutes."""
    said = moves_of(dice, begin_at)
    for device in CLIMATE:
        said += [
            Reading(device, kind, 21.0 + dice.random(), begin_at + step * 600 + dice.uniform(0, 60))
            for step in range(144)
            for kind in ("temperature", "humidity")
        ]
    said += [
        Reading(device, "battery", 90.0, begin_at + hour * HOUR_S) for device in SENSORS for hour in range(0, 24, 6)
    ]
    return sorted(said, key=lambda reading: reading.measured_at)


def moves_of(dice: random.Random, begin_at: float) -> list[Reading]:
    """Of such a day what somebody does: all that habits are made of."""
    said: list[Reading] = []
    night_at = begin_at + dice.uniform(2, 5) * HOUR_S
    for device in ("bedroom-motion", "bathroom-motion", "bathroom-motion", "bedroom-motion"):
        night_at += dice.uniform(20, 200)
        said.append(Reading(device, "motion", True, night_at))
    at = begin_at + 7 * HOUR_S + dice.uniform(0, HOUR_S)
    bed_at = begin_at + 22.5 * HOUR_S + dice.uniform(0, HOUR_S)
    said.append(Reading("bed", "presence", False, at))
    while at < bed_at:
        at += dice.expovariate(1 / 200) if dice.random() < 0.92 else dice.uniform(1_500, 3_000)
        said.append(Reading(dice.choice(MOTION), "motion", True, at))
        if dice.random() < 0.15:
            device = dice.choice(DOORS)
            said += [Reading(device, "open", True, at + 1), Reading(device, "open", False, at + 9)]
        if dice.random() < 0.1:
            said.append(Reading("chair", "presence", dice.random() < 0.5, at + 2))
    said.append(Reading("bed", "presence", True, bed_at))
    return sorted(said, key=lambda reading: reading.measured_at)


def limits_of_home(suffix: str = "") -> Limits:
    """As the receiver makes them of what the registry says."""
    devices = {}
    for sensor in SENSORS:
        room, _, kind = f"{sensor}{suffix}".partition("-")
        device = DeviceAtHome(f"{sensor}{suffix}", room, float(f"{DAY_S}"), f"bthome_{kind.partition('-')[0]}")
        devices[device.id] = device
    limits, _ = limits_of(Limits(), {"entry_doors": [f"front-door{suffix}"]}, "Europe/Madrid", devices)
    return msgspec.structs.replace(limits, hub_enrolled_at=BEGIN_AT + len(suffix))


def life(seed: int, learned_days: int) -> Life:
    """One home's months, heard all the time."""
    dice = random.Random(seed)
    engine = Engine(BEGIN_AT, 0.0, judges=())
    engine.enrol("home", limits_of_home(), BEGIN_AT)
    engine.recall("home", BEGIN_AT, (), BEGIN_AT)
    days: list[list[Reading]] = []
    for day in range(learned_days + 1):
        begin_at = BEGIN_AT + day * DAY_S
        lately = day >= learned_days - KEPT_DAYS
        readings = day_of(dice, begin_at) if lately else moves_of(dice, begin_at)
        if lately:
            days.append(readings)
        if day == learned_days:
            break
        for hour in range(24):
            engine.hear("home", begin_at + hour * HOUR_S + 60)
        engine.take("home", readings, begin_at + DAY_S)
        engine.hear("home", begin_at + DAY_S)
        engine.due(begin_at + DAY_S)
    habits = msgspec.msgpack.encode(engine.learned()["home"])
    return Life(habits, days)


def habits_of(content: bytes) -> Habits:
    """Habits out of their bytes, as the habit store reads them."""
    return Habits.of(msgspec.msgpack.decode(content, type=Kept))


# all homes


def measure(homes: int, learned_days: int) -> Cost:
    """All homes take over a life, then live an hour of its next day."""
    lives = [life(seed, learned_days) for seed in range(MODELS)]
    now = BEGIN_AT + learned_days * DAY_S + EVENING_H * HOUR_S
    engine = Engine(now - 60, 0.0)
    engine.due(now)
    gc.collect()
    empty = _resident_bytes()
    for number in range(homes):
        take_over(engine, number, lives[number % MODELS], now)
    while engine.due(now + 1, homes):
        pass
    lived = _resident_bytes()
    cpu_s, findings = _an_hour(engine, [one.days[-1] for one in lives], homes, now)
    silences = sum(habits_of(one.habits).silences for one in lives) / MODELS
    return Cost((max(lived, _resident_bytes()) - empty) / homes, cpu_s * 1_000 / homes, findings, silences)


def take_over(engine: Engine, number: int, lived: Life, now: float) -> None:
    """A home with that life, names and numbers of its own."""
    home, suffix = f"home-{number:05d}", f"-{number:05d}"
    past = [
        _own(reading, suffix, number)
        for day in lived.days
        for reading in day
        if reading.measured_at < now and (reading.kind != "temperature" or reading.measured_at >= now - CLIMATE_S)
    ]
    heard = [now - hour * HOUR_S for hour in range(KEPT_DAYS * 24 + EVENING_H)]
    engine.enrol(home, limits_of_home(suffix), now)
    engine.recall(home, now - 30 - number / 1_000, past, now, heard=heard, habits=habits_of(lived.habits))


def _own(reading: Reading, suffix: str, number: int) -> Reading:
    """The same of another home: nothing is the same object."""
    value = float(f"{reading.value:.6f}") if isinstance(reading.value, float) else reading.value
    return Reading(f"{reading.device}{suffix}", reading.kind, value, round(reading.measured_at + number % 7, 3))


def _an_hour(engine: Engine, days: Sequence[list[Reading]], homes: int, begin_at: float) -> tuple[float, int]:
    packs = [
        [
            [reading for reading in day if begin_at + 60 * minute <= reading.measured_at < begin_at + 60 * (minute + 1)]
            for minute in range(60)
        ]
        for day in days
    ]
    spent_s, findings = 0.0, 0
    for minute in range(60):
        now = begin_at + 60 * (minute + 1)
        for first in range(0, homes, SPEAKING):
            speaking = range(first, min(first + SPEAKING, homes))
            said = [
                [_own(reading, f"-{number:05d}", 0) for reading in packs[number % len(packs)][minute]]
                for number in speaking
            ]
            started = time.process_time()
            for number, readings in zip(speaking, said, strict=True):
                name = f"home-{number:05d}"
                engine.hear(name, now)
                engine.take(name, readings, now)
            spent_s += time.process_time() - started
        started = time.process_time()
        findings += len(engine.due(now, homes))
        spent_s += time.process_time() - started
    return spent_s, findings


def _restart_ms(homes: int, learned_days: int) -> float:
    kept = msgspec.msgpack.decode(life(0, learned_days).habits, type=Kept)
    now = BEGIN_AT + learned_days * DAY_S
    with tempfile.TemporaryDirectory() as folder:
        store, habits = EmbeddedStore(Path(folder) / "telemetry"), HabitStore(Path(folder) / "habits.sqlite")
        dice = random.Random(0)
        for day in range(STORED_DAYS):
            begin = now - (STORED_DAYS - day) * DAY_S
            rows = [(one.device, one.kind, one.measured_at, one.value) for one in day_of(dice, begin)]
            rows += [(HUB_DEVICE, "heartbeat", begin + minute * 60, 0.0) for minute in range(1_440)]
            store.write([StoredRow(f"home-{number}", *row) for number in range(homes) for row in rows])
        habits.keep({f"home-{number}": kept for number in range(homes)})
        engine = Engine(now, 0.0)
        for number in range(homes):
            engine.enrol(f"home-{number}", limits_of_home(), now)
        started = time.process_time()
        for number in range(homes):
            recall_home(engine, store, habits, f"home-{number}", now)
        spent = time.process_time() - started
        habits.close()
        store.close()
    return spent * 1_000 / homes


def _resident_bytes() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss)


if __name__ == "__main__":
    print(msgspec.json.encode(measure(int(sys.argv[1]), int(sys.argv[2]))).decode())
