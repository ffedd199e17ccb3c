"""What marks a home's sensor log: how much is seen and when, how long nothing is, rooms, door, nights, outings.

The same figures of recorded and of simulated homes, on a grid of five minutes, so that logs of different sensors can be
compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.recorded_homes import DOOR, ROOMS

STEP_S: Final = 300
DAY_STEPS: Final = 86_400 // STEP_S
STEP_MIN: Final = STEP_S / 60
LONG_MIN: Final = 20
"""Shorter silences say little: somebody sat for a moment."""
NIGHT_STEPS: Final = 6 * 3600 // STEP_S
APART_STEPS: Final = 3
"""A bathroom unseen for so long before it is seen again was left."""
WEAK_LINES: Final = 2
PARTS: Final = (("night 0-6", 0, 6), ("morning 6-12", 6, 12), ("afternoon 12-18", 12, 18), ("evening 18-24", 18, 24))
SHARES: Final = {
    "bedroom": ("bedroom",),
    "bathroom": ("bathroom",),
    "kitchen": ("kitchen",),
    "living, dining, office": ("living", "dining", "office"),
}

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Log:
    """Lines seen by step and room (columns as in `ROOMS`), whole local days; `kept` says which days count."""

    name: str
    lines: Numbers
    kept: Flags


def log_of(name: str, rows: Iterable[tuple[float, str, int]], bad: Iterable[tuple[float, float]] = ()) -> Log:
    """A log from lines as (local time in seconds, room, count); the first and last day and bad times do not count."""
    seen = list(rows)
    begin = min(at for at, _, _ in seen) // 86_400 * 86_400
    days = int((max(at for at, _, _ in seen) - begin) // 86_400) + 1
    lines = np.zeros((days * DAY_STEPS, len(ROOMS)))
    places = {room: place for place, room in enumerate(ROOMS)}
    for at, room, count in seen:
        lines[int((at - begin) // STEP_S), places[room]] += count
    kept = np.ones(days, bool)
    kept[[0, -1]] = False
    for since, until in bad:
        kept[max(0, int((since - begin) // 86_400)) : max(0, int((until - begin) // 86_400) + 1)] = False
    return Log(name, lines, kept)


@dataclass(frozen=True)
class Silences:
    """From an active step to the next: first step, minutes, and whether somebody seems to have been out."""

    start: np.ndarray[Any, np.dtype[np.int64]]
    minutes: Numbers
    out: Flags


def silences(log: Log) -> Silences:
    """Silences that begin on days that count."""
    steps = np.flatnonzero(log.lines.any(axis=1))
    start, end = steps[:-1], steps[1:]
    door = np.concatenate([[0], np.cumsum(log.lines[:, DOOR] > 0)])
    before = door[start + 1] - door[np.maximum(start - 1, 0)] > 0
    after = door[np.minimum(end + 2, len(log.lines))] - door[end] > 0
    minutes = (end - start).astype(np.float64) * STEP_MIN
    ok = log.kept[start // DAY_STEPS] & log.kept[np.minimum(end // DAY_STEPS, len(log.kept) - 1)]
    return Silences(start[ok], minutes[ok], (before & after & (minutes >= LONG_MIN))[ok])


def statistics(log: Log) -> dict[str, float]:
    """All figures of one home; a figure that it cannot give (no such room, no outing) is left out."""
    days = log.lines.reshape(-1, DAY_STEPS, len(ROOMS))[log.kept]
    active = days.any(axis=2)
    per_day = active.sum(axis=1)
    quiet = silences(log)
    found = {
        "lines a day": float(np.median(days.sum(axis=(1, 2)))),
        "active 5-min steps a day": float(np.median(per_day)),
        "active steps: deviation between days / mean": float(per_day.std() / per_day.mean()),
        "steps with one room and at most 2 lines, share": _weak(days),
        f"silences of {LONG_MIN} min and more, a day": float((quiet.minutes >= LONG_MIN).sum() / len(days)),
        **_silences(quiet),
        **_rooms(days),
        **_door(days, quiet),
        "night bathroom visits 0-6, a night": _night_visits(log),
    }
    return {name: value for name, value in found.items() if np.isfinite(value)}


def profile(log: Log) -> Numbers:
    """Share of the day's active steps in each hour; 24 numbers that add up to 1."""
    active = log.lines.any(axis=1).reshape(-1, 24, DAY_STEPS // 24)[log.kept]
    hours = active.sum(axis=(0, 2))
    result: Numbers = hours / hours.sum()
    return result


def distance(one: Numbers, other: Numbers) -> float:
    """Half the sum of differences of two profiles: the share of activity at other hours; 0 = same, 1 = disjoint."""
    return float(np.abs(one - other).sum() / 2)


def _weak(days: Numbers) -> float:
    rooms, lines = (days > 0).sum(axis=2), days.sum(axis=2)
    return float(((rooms == 1) & (lines <= WEAK_LINES)).sum() / (rooms > 0).sum())


def _silences(quiet: Silences) -> dict[str, float]:
    hour = quiet.start * STEP_S // 3600 % 24
    long = quiet.minutes >= LONG_MIN
    found = {}
    for part, first, last in PARTS:
        chosen = quiet.minutes[long & (hour >= first) & (hour < last)]
        for share in (0.5, 0.9, 0.99):
            found[f"silence {part}, min, p{share * 100:.0f}"] = _quantile(chosen, share)
    day = quiet.start // DAY_STEPS
    step = quiet.start % DAY_STEPS
    by_night = (step < 7 * 12) | (step >= 23 * 12)
    by_day = (step >= 8 * 12) & (step < 22 * 12)
    night_of = day + (step >= 23 * 12)
    for name, flags, key in (("night 23-7", by_night, night_of), ("day 8-22", by_day, day)):
        longest = [quiet.minutes[flags & (key == one)].max() for one in np.unique(key[flags])]
        for share in (0.5, 0.9, 0.99):
            found[f"longest silence of a {name}, min, p{share * 100:.0f}"] = _quantile(np.array(longest), share)
    return found


def _rooms(days: Numbers) -> dict[str, float]:
    seen = {room: float((days[:, :, place] > 0).sum()) for place, room in enumerate(ROOMS)}
    total = sum(seen[room] for rooms in SHARES.values() for room in rooms)
    return {
        f"share of {name}": sum(seen[room] for room in rooms) / total if total else np.nan
        for name, rooms in SHARES.items()
    }


def _door(days: Numbers, quiet: Silences) -> dict[str, float]:
    used = days[:, :, DOOR] > 0
    outings = quiet.minutes[quiet.out]
    return {
        "steps with the door, a day": float(used.sum() / len(days)),
        "nights with the door 0-5, share": float(used[:, : 5 * 12].any(axis=1).mean()),
        "outings a week (door, 20 min, door)": len(outings) / len(days) * 7,
        "outing, min, p50": _quantile(outings, 0.5),
        "outing, min, p90": _quantile(outings, 0.9),
    }


def _night_visits(log: Log) -> float:
    seen = log.lines[:, ROOMS.index("bathroom")] > 0
    recent = np.convolve(seen, np.ones(APART_STEPS), "full")[: len(seen)]
    fresh = seen & (np.concatenate([[0.0], recent[:-1]]) == 0)
    by_day = fresh.reshape(-1, DAY_STEPS)[log.kept]
    return float(by_day[:, :NIGHT_STEPS].sum() / len(by_day))


def _quantile(values: Numbers, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else np.nan
