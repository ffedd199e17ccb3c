"""Simulated homes beside recorded ones: does the person simulator live as people do?

Every figure of `benchmarks.home_statistics` for each recording that is there and for a population of simulated homes,
and whether the recording lies within the population's middle nine tenths. `LLAR_DATA` says where the recordings are;
without them only the simulated homes are shown, and that is said.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.figures import Figure, Outcome, Row, Scale, Table
from benchmarks.home_statistics import Log, distance, log_of, profile, statistics
from benchmarks.recorded_homes import DAYS_LEAST, HOLIDAYS, OUTAGES, lines_of, names, span_at
from simulators.events import absence
from simulators.household import Household, household
from simulators.recorded_homes import BadRecording, folder
from simulators.recording import Recording, simulated

FIRST_DAY: Final = date(2026, 1, 12)
HOMES: Final = 40
DAYS: Final = 60
LOW, HIGH = 0.05, 0.95
PIR_HOMES: Final = ("hh101", "aruba_rooms", "casas_al")
"""Homes with movement detectors in all rooms, in steps of five minutes or less: what simulated homes should be like."""
OTHER_HOMES: Final = ("kasteren_a", "kasteren_b", "kasteren_c", "ordonez_a", "ordonez_b")
"""Homes with contacts and mats, which are shown, but which the simulated sensors are not meant to resemble."""
EMPTY: Final = {
    "tm000": ("2016-07-13 23:30", "2016-07-16 00:00"),
    "hh101": ("2013-07-03 12:00", "2013-07-09 12:00"),
}
"""Times in which nobody was in."""
JUDGED: Final = frozenset({*PIR_HOMES, *EMPTY})
PROFILE: Final = "activity at other hours than the mean simulated home, share"
STRAYS: Final = "steps with a stray trigger in an absence, a day"


def run(scale: Scale) -> Outcome:
    """The population, and every recording beside it."""
    outcome = Outcome(title="simulated homes beside recorded homes")
    count, days = scale.choose(HOMES, 4), scale.choose(DAYS, 14)
    population = [log_of(home.name, rows_of(_life(home, days))) for home in _singles(count)]
    outcome.notes.append(_pace())
    recorded = _recorded(outcome)
    outcome.tables.append(_table(population, recorded, days))
    outcome.notes += [
        "Within: which recorded homes with movement detectors lie between the 5 % and the 95 % of the simulated ones.",
        f"Simulated: {count} people who live alone without a pet, {days} days each, from {FIRST_DAY}.",
        "Lines a day say more about the make of the sensors than about the person. kasteren and ordonez have contacts",
        "and mats instead of movement detectors: shown, not counted.",
    ]
    return outcome


def _is_there(name: str) -> bool:
    return (folder() / f"{name}.parquet").is_file()


def _recorded(outcome: Outcome) -> list[Log]:
    """The recordings that are there; what is left out is said."""
    found, there = [], names()
    if not there:
        outcome.skipped.append(f"NO RECORDINGS at {folder()}: set LLAR_DATA; the simulated homes stand alone")
    compared = (*PIR_HOMES, *OTHER_HOMES)
    if others := [name for name in there if name not in {*compared, *EMPTY}]:
        outcome.skipped.append(f"not known which sensors they have, and not shown: {', '.join(others)}")
    for name in compared:
        if name not in there:
            continue
        try:
            log = recorded_log(name)
        except ImportError as error:
            outcome.skipped.append(f"recordings cannot be read: {error}")
            return []
        except BadRecording as fault:
            outcome.skipped.append(f"{name}: {fault}")
            continue
        if log.kept.sum() < DAYS_LEAST:
            outcome.skipped.append(f"{name}: {int(log.kept.sum())} whole days are too few")
        else:
            found.append(log)
    return found


def _singles(count: int) -> list[Household]:
    return [household(seed, couple=False, pet=False) for seed in range(1, count + 1)]


@cache
def _life(home: Household, days: int) -> Recording:
    return simulated(home, FIRST_DAY, days)


def rows_of(recording: Recording) -> Iterator[tuple[float, str, int]]:
    """A simulated home as a recording's file would hold it: what moved, and the door; local time taken for UTC."""
    zone = ZoneInfo(recording.timezone)
    rooms = {device.id: device.room.value for device in recording.devices}
    offsets: dict[int, float] = {}
    for reading in recording.readings():
        if reading.kind == "motion" and reading.value is True:
            room = rooms[reading.device]
        elif reading.kind == "open":
            room = "door"
        else:
            continue
        hour = int(reading.measured_at // 3600)
        if hour not in offsets:
            offset = datetime.fromtimestamp(hour * 3600, zone).utcoffset()
            offsets[hour] = offset.total_seconds() if offset else 0.0
        yield reading.measured_at + offsets[hour], room, 1


def recorded_log(name: str) -> Log:
    """A recording on the same grid, without its outages and holidays."""
    bad = [span_at(one) for one in (*OUTAGES.get(name, ()), *HOLIDAYS.get(name, ()))]
    return log_of(name, lines_of(name), bad)


def strays_a_day(rows: Iterable[tuple[float, str, int]], begin: float, end: float) -> float:
    """Steps of five minutes with something seen, in a day of a time in which nobody was in."""
    steps = {at // 300 for at, _, _ in rows if begin <= at < end}
    return len(steps) / (end - begin) * 86_400


def _table(population: list[Log], recorded: list[Log], days: int) -> Table:
    mean = np.mean([profile(log) for log in population], axis=0)
    told = {log.name: statistics(log) | {PROFILE: distance(profile(log), mean)} for log in (*population, *recorded)}
    _add_strays(told, population, days)
    shown = [*(log.name for log in recorded), *(name for name in EMPTY if name in told and name not in PIR_HOMES)]
    columns = [*shown, "simulated p5", "simulated p50", "simulated p95", "within"]
    names = {name: None for log in population for name in told[log.name]}
    rows = []
    for name in names:
        values = [told[log.name][name] for log in population if name in told[log.name]]
        low, middle, high = (float(np.quantile(values, share)) for share in (LOW, 0.5, HIGH))
        cells: dict[str, Figure | str] = {one: Figure([told[one][name]]) for one in shown if name in told[one]}
        cells |= {column: Figure([value]) for column, value in zip(columns[-4:-1], (low, middle, high), strict=True)}
        judged = [one for one in shown if one in JUDGED and name in told[one]]
        outside = [one for one in judged if not low <= told[one][name] <= high]
        if judged:
            cells["within"] = f"not {', '.join(outside)}" if outside else "all"
        rows.append(Row(name, cells))
    return Table(f"{len(population)} simulated homes and {len(recorded)} recorded ones", columns, rows)


def _add_strays(told: dict[str, dict[str, float]], population: list[Log], days: int) -> None:
    """Triggers while nobody is in, of recordings that have such a time, and of simulated absences of a week."""
    for name, times in EMPTY.items():
        begin, end = span_at(times)
        try:
            rows = lines_of(name) if _is_there(name) else []
        except (ImportError, BadRecording):
            rows = []
        if rows and min(rows)[0] < begin and max(rows)[0] > end:
            told.setdefault(name, {})[STRAYS] = strays_a_day(rows, begin, end)
    for home, log in zip(_singles(len(population)), population, strict=True):
        begin_at = simulated(home, FIRST_DAY, 1).begin_at + 36_000
        recording = simulated(home, FIRST_DAY, 9, events=[absence(begin_at, 7.0)])
        # a quarter of a day for leaving, and the return, are left out; local time is UTC and one hour in January
        strays = strays_a_day(rows_of(recording), begin_at + 6 * 3600 + 3600, begin_at + 6.5 * 86_400 + 3600)
        told[log.name][STRAYS] = strays


def _pace() -> str:
    started = time.process_time()
    lines = sum(1 for _ in simulated(household(1), FIRST_DAY, 30).heard())
    took = time.process_time() - started
    return f"A simulated month of one home, {lines:,} readings: {took:.2f} s of CPU."
