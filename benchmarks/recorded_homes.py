"""Recorded homes as the reference scores them: a grid of steps, the silences on it, and instants to collapse at.

The recordings are not part of the project; `simulators.recorded_homes` reads them where they are. The definitions
(grid, silence, away, instants) are those of the evaluation that came with the recordings, so that figures can be
compared; a one-limit detector scored here gives the same numbers as there. Homes that the evaluation does not know are
scored by rules of the same kind, and what had to be assumed about them is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from benchmarks.figures import Outcome
from simulators import recorded_homes
from simulators.recorded_homes import LINES_PLAYED, BadRecording, bin_s

ROOMS: Final = ("door", "bedroom", "bathroom", "kitchen", "living", "dining", "hall", "office", "other")
DOOR, BEDROOM, OTHER = 0, 1, 8
SAME_ROOM: Final = {"hall2": "hall", "bedroom2": "bedroom"}
OUTAGES: Final = {
    "hh101": (("2012-07-18", "2012-07-20 10:20"),),
    "kasteren_b": (("2009-07-21", "2009-07-24 12:00"), ("2009-08-12 12:00", "2009-08-18")),
    "hh102_hourly": (("2011-08-24", "2011-09-22"), ("2012-11-19", "2012-11-25"), ("2014-03-01", "2014-05-01")),
}
HOLIDAYS: Final = {"hh101": (("2013-07-03 06:00", "2013-07-10"),)}
FIRST_SCORED_DAY: Final = {
    "hh101": 60,
    "hh102_hourly": 120,
    "aruba_rooms": 30,
    "casas_al": 10,
    "kasteren_a": 10,
    "kasteren_b": 7,
    "kasteren_c": 7,
    "ordonez_a": 5,
    "ordonez_b": 8,
}
LEARNS_SHARE: Final = 1 / 3
"""Of another home's days so many are left to learn from, at most `LEARNS_DAYS`, before it is scored."""
LEARNS_DAYS: Final = 60
DAYS_LEAST: Final = 8
"""A shorter recording is not scored."""
HOLE_S: Final = 2 * 86_400
"""Nothing at all for so long in a home of which nobody wrote down why: not scored, and said."""
CUTS: Final = 1_500

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Times = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class Cuts:
    """Instants of collapse (minutes since the recording's first midnight), the silence each falls in."""

    minutes: Times
    silence: Numbers
    awake: Flags
    asleep: Flags


@dataclass
class Recording:
    """One home. Times on the grid count steps from `begin_at`, the first midnight (local time taken for UTC).

    Attributes:
        events: (at, room), as they are played.
        active, last: by step: whether anything was seen, the last room's place in `ROOMS` or -1.
        outage, holiday: by step.
        start, end: silences, from an active step to the next; `bad`, `away`, `on_holiday` by silence.
        assumed: what is not known of the home, and was taken to be.
    """

    name: str
    step_s: int
    begin_at: float
    first_day: int
    events: list[tuple[float, str]]
    active: Flags
    last: Numbers
    outage: Flags
    holiday: Flags
    start: Numbers
    end: Numbers
    bad: Flags
    away: Flags
    on_holiday: Flags
    assumed: list[str] = field(default_factory=list)

    @property
    def step_min(self) -> int:
        """Minutes of a step."""
        return self.step_s // 60

    @property
    def seen_days(self) -> int:
        """Days from the first line to the last."""
        return (len(self.active) - 1) * self.step_s // 86_400 + 1

    def tested(self) -> Flags:
        """Silences that are scored."""
        flags: Flags = (self.start * self.step_min / 1440.0 >= self.first_day) & ~self.bad
        return flags

    def days(self) -> int:
        """Days that are scored."""
        day = np.arange(len(self.active)) * self.step_min // 1440
        return len(np.unique(day[(day >= self.first_day) & ~self.outage & ~self.holiday]))

    def cuts(self, count: int = CUTS, seed: int = 1) -> Cuts:
        """Random instants with the person at home, by day and, last seen in the bedroom, by night."""
        ok = self.tested() & ~self.on_holiday & ~self.away
        step = self.step_min
        if not ok.any():
            return Cuts(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, bool))
        minutes = np.random.default_rng(seed).uniform(
            self.start[ok].min() * step, self.end[ok].max() * step, count * 20
        )
        silence = np.searchsorted(self.start * step, minutes, "right") - 1
        good = (silence >= 0) & ok[np.clip(silence, 0, len(ok) - 1)]
        minutes, silence = minutes[good], silence[good]
        clock = minutes % 1440
        has_bed = bool((self.last[self.active] == BEDROOM).any())
        in_bed = self.last[self.start[silence]] == BEDROOM if has_bed else np.ones(len(clock), bool)
        asleep = ((clock >= 23 * 60) | (clock < 7 * 60)) & in_bed
        awake = (clock >= 8 * 60) & (clock < 22 * 60)
        chosen = np.concatenate([np.flatnonzero(awake)[:count], np.flatnonzero(asleep)[:count]])
        return Cuts(minutes[chosen], silence[chosen], awake[chosen], asleep[chosen])


def names() -> list[str]:
    """The recordings that are there, in name order."""
    return recorded_homes.names()


def load_all(outcome: Outcome, chosen: Sequence[str]) -> list[Recording]:
    """Reads these recordings; what cannot be read or scored, and what had to be assumed, is said in `outcome`."""
    recordings = []
    here = recorded_homes.folder().name
    outcome.skipped += [f"homes/{part.name}: only homes/{here} is looked at" for part in recorded_homes.other_folders()]
    for name in chosen:
        try:
            recording = load(name)
        except ImportError as error:
            outcome.skipped.append(f"recordings cannot be read: {error}")
            return []
        except BadRecording as fault:
            outcome.skipped.append(f"{name}: {fault}")
            continue
        if recording.days() < 1 or len(recording.start) < 1:
            outcome.skipped.append(f"{name}: too few days to learn from and to score: {recording.seen_days}")
            continue
        outcome.notes += [f"{name}: {text}." for text in recording.assumed]
        recordings.append(recording)
    if not recordings:
        outcome.skipped.append(f"NO RECORDINGS at {recorded_homes.folder()}: set LLAR_DATA; nothing was measured")
    return recordings


def load(name: str) -> Recording:
    """Reads a recording. Raises as `simulators.recorded_homes.read`."""
    lines, labels = recorded_homes.read(name)
    rows = _rows(lines)
    begin = min(at for at, _, _ in rows) // 86_400 * 86_400
    days = int((max(at for at, _, _ in rows) - begin) // 86_400) + 1
    wide_s = int(bin_s(lines))
    first_day = FIRST_SCORED_DAY.get(name, days)
    if first_day >= days:
        first_day = min(LEARNS_DAYS, int(days * LEARNS_SHARE)) if days >= DAYS_LEAST else days
    recording = recording_of(name, rows, labels, begin, wide_s or 300, first_day, binned=bool(wide_s))
    if name not in FIRST_SCORED_DAY:
        _leave_out_holes(recording)
    recording.assumed += _assumed(name, lines)
    return recording


def _leave_out_holes(recording: Recording) -> None:
    for start, end in zip(recording.start, recording.end, strict=True):
        if (end - start) * recording.step_s >= HOLE_S:
            recording.holiday[start + 1 : end] = True
            recording.on_holiday[recording.start == start] = True
            times = (datetime.fromtimestamp(recording.begin_at + at * recording.step_s, UTC) for at in (start, end))
            since, until = (f"{time:%Y-%m-%d %H:%M}" for time in times)
            recording.assumed.append(f"nothing at all from {since} to {until}: not scored")


def _assumed(name: str, lines: Sequence[recorded_homes.Line]) -> list[str]:
    """What is not known of a home, and so is taken to be."""
    rooms = {line.room for line in lines}
    found = []
    unknown = sorted(room for room in rooms if room != "other" and _room(room) == "other")
    if unknown:
        found.append(f"rooms that have no such name here, together as one: {', '.join(unknown)}")
    if "door" not in {_room(room) for room in rooms}:
        found.append("no sensor is called door: goings-out are known only where they were written down")
    if "bedroom" not in {_room(room) for room in rooms}:
        found.append("no sensor is in a bedroom: whoever is in by night counts as asleep")
    if not recorded_homes.has_labels(name):
        found.append("no file of labels: who is out is told from the door")
    return found


def lines_of(name: str) -> list[tuple[float, str, int]]:
    """What a recording's file holds: local time taken for UTC, room, and how many lines. Raises as `load` does."""
    return _rows(recorded_homes.read(name)[0])


def _rows(lines: Sequence[recorded_homes.Line]) -> list[tuple[float, str, int]]:
    return [(_unix(line.at), _room(line.room), line.lines) for line in lines]


def _unix(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()


def _room(name: str) -> str:
    name = SAME_ROOM.get(name, name)
    return name if name in ROOMS else "other"


def recording_of(
    name: str,
    rows: list[tuple[float, str, int]],
    labels: Sequence[recorded_homes.Label],
    begin: float,
    step_s: int,
    first_day: int,
    *,
    binned: bool = False,
) -> Recording:
    """A home from its lines and labels.

    Args:
        rows: (at, room, lines), local time taken for UTC.
        labels: local times without zone, of which those of `away` are used.
        begin: the first midnight.
        step_s: seconds of a step.
        first_day: the first that is scored.
        binned: whether each row stands for a step, in which the order of what was seen is lost.
    """
    count = int((max(at for at, _, _ in rows) - begin) // step_s) + 1
    lines = np.zeros((count, len(ROOMS)))
    last = np.full(count, -1)
    for at, room, seen in rows:
        step = int((at - begin) // step_s)
        lines[step, ROOMS.index(room)] += seen
        last[step] = ROOMS.index(room)
    active = lines.sum(1) > 0
    if binned:
        last = np.where(active, lines.argmax(1), -1)
        last[(lines[:, BEDROOM] > 0) & (lines[:, BEDROOM] >= 0.25 * lines.sum(1))] = BEDROOM

    def spans(given: list[tuple[float, float]]) -> Flags:
        flags = np.zeros(count, bool)
        for since, until in given:
            flags[max(0, int((since - begin) // step_s)) : max(0, int((until - begin) // step_s))] = True
        return flags

    outage = spans([span_at(times) for times in OUTAGES.get(name, ())])
    holiday = spans([span_at(times) for times in HOLIDAYS.get(name, ())])
    away = spans([(_unix(label.begin), _unix(label.end)) for label in labels if label.label == "away"])
    steps = np.flatnonzero(active)
    start, end = steps[:-1], steps[1:]

    def share(flags: Flags) -> Numbers:
        summed = np.concatenate([[0], np.cumsum(flags)])
        result: Numbers = summed[np.minimum(end, count)] - summed[start]
        return result

    gone = share(away) / np.maximum(end - start, 1) > 0.5 if away.any() else _between_doors(lines, start, end, step_s)
    played = _binned(lines, last, begin, step_s) if binned else sorted((at, room) for at, room, _ in rows)
    return Recording(
        name,
        step_s,
        begin,
        first_day,
        played,
        active,
        last,
        outage,
        holiday,
        start,
        end,
        share(outage) > 0,
        gone,
        share(holiday) > 0,
    )


def span_at(times: tuple[str, str]) -> tuple[float, float]:
    """From and until, as written in this module, in seconds."""
    since, until = (_unix(datetime.fromisoformat(text)) for text in times)
    return since, until


def _between_doors(lines: Times, start: Numbers, end: Numbers, step_s: int) -> Flags:
    near = max(1, 600 // step_s)
    doors = np.concatenate([[0], np.cumsum(lines[:, DOOR] > 0)])
    before = (doors[start + 1] - doors[np.maximum(start - near + 1, 0)]) > 0
    after = (doors[np.minimum(end + near, len(lines))] - doors[end]) > 0
    flags: Flags = before & after & ((end - start) * step_s >= 20 * 60)
    return flags


def _binned(lines: Times, last: Numbers, begin: float, step_s: int) -> list[tuple[float, str]]:
    """Lines spread over their bin, the last room's at its end: when in the bin they were, nobody knows."""
    events = []
    by_step: dict[int, list[str]] = defaultdict(list)
    for step, room in zip(*np.nonzero(lines), strict=True):
        by_step[int(step)] += [ROOMS[room]] * int(lines[step, room])
    for step, lines_of in sorted(by_step.items()):
        rooms = sorted(lines_of, key=lambda room: room == ROOMS[last[step]])
        if len(rooms) > LINES_PLAYED:
            rooms = [rooms[round(place * (len(rooms) - 1) / (LINES_PLAYED - 1))] for place in range(LINES_PLAYED)]
        for place, room in enumerate(rooms):
            share = place / (len(rooms) - 1) if len(rooms) > 1 else 1.0
            events.append((begin + step * step_s + share * (step_s - 1), room))
    return events
