"""5,000 homes with 20 sensors each in the detection engine: CPU for an hour of a home's life, memory, a restart.

Each home has learned habits and two days at hand. They are lived by a few homes once, and taken over by all as after
a restart, which is also what a restart costs.
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
from typing import Final

import msgspec
import psutil

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from central.detection.engine import Engine
from central.detection.habits import Habits, Kept
from central.detection.profile import DeviceAtHome, Limits
from central.habit_store import HabitStore
from central.ingest import HUB_DEVICE
from central.recall import recall_home
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.store import Row as StoredRow
from devices.vocabulary import Reading

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
HOMES: Final = 5_000
MODELS: Final = 2
"""Lives that are lived; the homes share them."""
LEARNED_DAYS: Final = 16
KEPT_DAYS: Final = 2
RESTARTED: Final = 20
_ROOMS: Final = ("hall", "kitchen", "living", "bedroom", "bathroom", "office", "dining", "corridor")
MOTION: Final = tuple(f"{room}-motion" for room in _ROOMS)
CLIMATE: Final = tuple(f"{room}-climate" for room in _ROOMS[:6])
STATES: Final = {"front-door": "open", "balcony-door": "open", "fridge": "open", "bed": "presence", "chair": "presence"}
OTHERS: Final = ("smoke",)
DEVICES: Final = {
    name: DeviceAtHome(name, name.partition("-")[0], DAY_S) for name in (*MOTION, *CLIMATE, *STATES, *OTHERS)
}
BEGIN_AT: Final = 1_772_409_600.0


class Cost(msgspec.Struct, frozen=True):
    """Of one run, in a process of its own."""

    kib_per_home: float
    cpu_ms_per_hour: float
    findings: int


def run(scale: Scale) -> Outcome:
    """Memory and CPU with all homes; a restart with some, from a real store."""
    homes = scale.choose(HOMES, 100)
    cost = _in_own_process(homes)
    restart_ms = _restart_ms(scale.choose(RESTARTED, 2))
    share = homes * cost.cpu_ms_per_hour / (HOUR_S * 1_000)
    cells: dict[str, Figure | str] = {
        "KiB per home": Figure([cost.kib_per_home]),
        "CPU ms per home and hour": Figure([cost.cpu_ms_per_hour]),
        "% of a core": Figure([100 * share]),
        "restart, CPU ms per home": Figure([restart_ms]),
    }
    return Outcome(
        title="5,000 homes in the detection engine",
        tables=[Table(f"{homes:,} homes, {len(DEVICES)} sensors each", list(cells), [Row("detection", cells)])],
        targets=[
            Target("memory per home, KiB", 30.0, cost.kib_per_home),
            Target("percent of one core for all homes", 50.0, 100 * share),
        ],
        notes=[
            "All detectors; a fortnight of habits. Memory is growth of the resident set. No MQTT, no store.",
            f"Restart: {LEARNED_DAYS} days in the embedded store; habits kept, so two days are read again.",
        ],
    )


def _in_own_process(homes: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.engine_load", str(homes)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=1_800, cwd=Path(__file__).parent.parent)
    return msgspec.json.decode(done.stdout, type=Cost)


def day_of(dice: random.Random, begin_at: float) -> list[Reading]:
    """A day: about 250 movements from seven to eleven, doors, bed and chair, climate every ten minutes."""
    said: list[Reading] = []
    at = begin_at + 7 * HOUR_S + dice.uniform(0, HOUR_S)
    bed_at = begin_at + 22.5 * HOUR_S + dice.uniform(0, HOUR_S)
    said.append(Reading("bed", "presence", False, at))
    while at < bed_at:
        at += dice.expovariate(1 / 210)
        said.append(Reading(dice.choice(MOTION), "motion", True, at))
        if dice.random() < 0.1:
            device = dice.choice(list(STATES)[:3])
            said += [Reading(device, "open", True, at + 1), Reading(device, "open", False, at + 9)]
        if dice.random() < 0.05:
            said.append(Reading("chair", "presence", dice.random() < 0.5, at + 2))
    said.append(Reading("bed", "presence", True, bed_at))
    for device in CLIMATE:
        said += [
            Reading(device, kind, 21.0, begin_at + step * 600)
            for step in range(144)
            for kind in ("temperature", "humidity")
        ]
    said += [
        Reading(device, "battery", 90.0, begin_at + hour * HOUR_S) for device in DEVICES for hour in range(0, 24, 6)
    ]
    return sorted(said, key=lambda reading: reading.measured_at)


def _limits() -> Limits:
    return Limits(devices=DEVICES, timezone="Europe/Madrid", entry_doors=("front-door",))


def lives() -> list[tuple[Kept, list[list[Reading]]]]:
    """What some homes have learned in a fortnight, and their last days."""
    found = []
    for seed in range(MODELS):
        dice = random.Random(seed)
        days = [day_of(dice, BEGIN_AT + day * DAY_S) for day in range(LEARNED_DAYS + 1)]
        engine = Engine(BEGIN_AT, 0.0)
        engine.enrol("home", _limits(), BEGIN_AT)
        engine.recall("home", BEGIN_AT, (), BEGIN_AT)
        for readings in days[:-1]:
            _live_a_day(engine, readings)
        found.append((engine.learned()["home"], days[-KEPT_DAYS - 1 :]))
    return found


def _live_a_day(engine: Engine, readings: Sequence[Reading]) -> None:
    """The hub is heard all the time; it is judged once an hour, which is enough for learning."""
    begin = readings[0].measured_at // DAY_S * DAY_S
    for hour in range(24):
        end = begin + (hour + 1) * HOUR_S
        for beat in range(30):
            engine.hear("home", end - HOUR_S + (beat + 1) * 120)
        engine.take("home", [one for one in readings if end - HOUR_S <= one.measured_at < end], end)
        engine.due(end)


def measure(homes: int) -> Cost:
    """All homes take over a life, then live an hour of its next day, from 18 to 19 o'clock."""
    models = lives()
    gc.collect()
    empty = _resident_kib()
    now = BEGIN_AT + LEARNED_DAYS * DAY_S + 18 * HOUR_S
    engine = Engine(now - 60, 0.0)
    heard = [now - hour * HOUR_S for hour in range(KEPT_DAYS * 24 + 18)]
    for number in range(homes):
        kept, days = models[number % MODELS]
        past = [
            # each home has readings of its own, as from the wire
            Reading(reading.device, reading.kind, reading.value, reading.measured_at + number % 7)
            for day in days
            for reading in day
            if reading.measured_at < now
        ]
        engine.enrol(f"home-{number:05d}", _limits(), now)
        engine.recall(f"home-{number:05d}", now - 30, past, now, heard=heard, habits=Habits.of(kept))
    while engine.due(now + 1, homes):
        pass
    del past
    lived = _resident_kib()
    cpu_s, findings = _an_hour(engine, [days[-1] for _, days in models], homes, now)
    return Cost((max(lived, _resident_kib()) - empty) / homes, cpu_s * 1_000 / homes, findings)


def _an_hour(engine: Engine, days: Sequence[list[Reading]], homes: int, begin_at: float) -> tuple[float, int]:
    packs = [
        [
            [reading for reading in day if begin_at + 60 * minute <= reading.measured_at < begin_at + 60 * (minute + 1)]
            for minute in range(60)
        ]
        for day in days
    ]
    started, findings = time.process_time(), 0
    for minute in range(60):
        now = begin_at + 60 * (minute + 1)
        for number in range(homes):
            name = f"home-{number:05d}"
            engine.hear(name, now)
            engine.take(name, packs[number % len(packs)][minute], now)
        findings += len(engine.due(now, homes))
    return time.process_time() - started, findings


def _restart_ms(homes: int) -> float:
    kept, _ = lives()[0]
    with tempfile.TemporaryDirectory() as folder:
        store, habits = EmbeddedStore(Path(folder) / "telemetry"), HabitStore(Path(folder) / "habits.sqlite")
        dice = random.Random(0)
        for day in range(LEARNED_DAYS):
            begin = BEGIN_AT + day * DAY_S
            rows = [(one.device, one.kind, one.measured_at, one.value) for one in day_of(dice, begin)]
            rows += [(HUB_DEVICE, "heartbeat", begin + minute * 60, 0.0) for minute in range(1_440)]
            store.write([StoredRow(f"home-{number}", *row) for number in range(homes) for row in rows])
        habits.keep({f"home-{number}": kept for number in range(homes)})
        now = BEGIN_AT + LEARNED_DAYS * DAY_S
        engine = Engine(now, 0.0)
        for number in range(homes):
            engine.enrol(f"home-{number}", _limits(), now)
        started = time.process_time()
        for number in range(homes):
            recall_home(engine, store, habits, f"home-{number}", now)
        spent = time.process_time() - started
        habits.close()
        store.close()
    return spent * 1_000 / homes


def _resident_kib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 1024


if __name__ == "__main__":
    print(msgspec.json.encode(measure(int(sys.argv[1]))).decode())
