"""A home with sensors: what a person's day makes them say, and what goes wrong with them."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading, Value
from simulators.clock import VirtualClock
from simulators.person import Doing, Person, Room, Stay, day_of

_MOTION_HOLD_S: Final = 45.0
"""A motion sensor says "no" this long after its last movement."""
_TEMPERATURE_EVERY_S: Final = 900.0
_BATTERY_EVERY_S: Final = 3600.0
"""Each sensor gives a sign of life so often, moved or not: without one it would count as dead."""
_STUCK_EVERY_S: Final = 60.0
_MEAN_GAP_S: Final = {Doing.BUSY: 80.0, Doing.RESTING: 420.0, Doing.ASLEEP: 4200.0}
"""Mean time between movements that a room sensor sees, by what the person does."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor in its place. `kind` is what it measures: motion, open, presence or temperature."""

    id: str
    room: Room
    kind: str


STANDARD_SENSORS: Final = (
    Sensor("hall-motion", Room.HALL, "motion"),
    Sensor("kitchen-motion", Room.KITCHEN, "motion"),
    Sensor("living-motion", Room.LIVING, "motion"),
    Sensor("bathroom-motion", Room.BATHROOM, "motion"),
    Sensor("bedroom-motion", Room.BEDROOM, "motion"),
    Sensor("front-door", Room.HALL, "open"),
    Sensor("bed", Room.BEDROOM, "presence"),
    Sensor("living-climate", Room.LIVING, "temperature"),
)


def readings_of(stays: Sequence[Stay], sensors: Sequence[Sensor], dice: random.Random) -> list[Reading]:
    """What `sensors` say during `stays`, in order of time."""
    said: list[Reading] = []
    for sensor in sensors:
        match sensor.kind:
            case "motion":
                said += _motion(sensor, stays, dice)
            case "open":
                said += _door(sensor, stays)
            case "presence":
                said += _bed(sensor, stays)
            case "temperature":
                said += _temperature(sensor, stays, dice)
        said += _battery(sensor, stays)
    return sorted(said, key=lambda reading: reading.measured_at)


def _motion(sensor: Sensor, stays: Sequence[Stay], dice: random.Random) -> Iterator[Reading]:
    moves = [at for stay in stays if stay.room is sensor.room for at in _moves(stay, dice)]
    for at, following in pairwise([*moves, math.inf]):
        yield Reading(sensor.id, "motion", True, at)
        if following - at > _MOTION_HOLD_S:
            yield Reading(sensor.id, "motion", False, at + _MOTION_HOLD_S)


def _moves(stay: Stay, dice: random.Random) -> Iterator[float]:
    mean = _MEAN_GAP_S.get(stay.doing)
    if mean is None:
        return
    at = stay.begin_at + (1.0 if stay.doing is not Doing.ASLEEP else dice.expovariate(1 / mean))
    while at < stay.end_at:
        yield at
        at += 5.0 + dice.expovariate(1 / (mean / 2 if stay.visitor else mean))


def _door(sensor: Sensor, stays: Sequence[Stay]) -> Iterator[Reading]:
    for before, after in pairwise(stays):
        leaving_or_coming = Room.OUT in (before.room, after.room)
        if leaving_or_coming or (before.visitor != after.visitor and Room.HALL in (before.room, after.room)):
            yield Reading(sensor.id, "open", True, after.begin_at - 1.0)
            yield Reading(sensor.id, "open", False, after.begin_at + 8.0)


def _bed(sensor: Sensor, stays: Sequence[Stay]) -> Iterator[Reading]:
    lying: bool | None = None
    for stay in stays:
        now = stay.room is Room.BEDROOM and stay.doing is Doing.ASLEEP
        if now != lying:
            yield Reading(sensor.id, "presence", now, stay.begin_at)
        lying = now


def _temperature(sensor: Sensor, stays: Sequence[Stay], dice: random.Random) -> Iterator[Reading]:
    offset = dice.uniform(-1.0, 1.0)
    for at in _every(_TEMPERATURE_EVERY_S, stays):
        warmth = 21.0 + offset + 1.2 * math.sin((at % 86_400 - 32_400) / 86_400 * 2 * math.pi) + dice.gauss(0, 0.1)
        yield Reading(sensor.id, "temperature", round(warmth, 1), at)


def _battery(sensor: Sensor, stays: Sequence[Stay]) -> Iterator[Reading]:
    for at in _every(_BATTERY_EVERY_S, stays):
        yield Reading(sensor.id, "battery", 90.0, at)


def _every(step_s: float, stays: Sequence[Stay]) -> Iterator[float]:
    at = stays[0].begin_at
    while at < stays[-1].end_at:
        yield at
        at += step_s


@dataclass
class Home:
    """A home played on a virtual clock: calls `say` with each reading when its time has come.

    Faults are set at any time: a sensor may fall silent, be stuck on one value, fire astray or run low.
    """

    id: str
    person: Person
    clock: VirtualClock
    say: Callable[[Reading], None]
    sensors: Sequence[Sensor] = STANDARD_SENSORS
    silent: set[str] = field(default_factory=set)
    batteries: dict[str, float] = field(default_factory=dict)
    person_still: bool = False
    _stuck: dict[str, Value] = field(default_factory=dict)

    def start(self) -> None:
        """Begins to live at the clock's present time."""
        stream = self._stream(self.clock.now)
        self._play(stream)

    def stop_moving(self) -> None:
        """From now on nobody moves: no motion, no door, no change in bed."""
        self.person_still = True

    def stick(self, sensor: Sensor, value: Value) -> None:
        """From now on `sensor` says `value` every minute and nothing else."""
        self._stuck[sensor.id] = value
        self._repeat(sensor)

    def fire_astray(self, sensor: Sensor, count: int, every_s: float) -> None:
        """A motion sensor fires with nobody there (pets, sun, draught)."""
        for step in range(count):
            at = self.clock.now + step * every_s
            self.clock.at(at, lambda at=at: self._utter(Reading(sensor.id, sensor.kind, True, at)))  # type: ignore[misc]

    def _repeat(self, sensor: Sensor) -> None:
        self._utter(Reading(sensor.id, sensor.kind, self._stuck[sensor.id], self.clock.now))
        self.clock.after(_STUCK_EVERY_S, lambda: self._repeat(sensor))

    def _stream(self, from_at: float) -> Iterator[Reading]:
        day = datetime.fromtimestamp(from_at, ZoneInfo(self.person.timezone)).date()
        waiting: list[tuple[float, int, Reading]] = []
        count = 0
        while True:
            stays = day_of(self.person, day)
            for reading in readings_of(stays, self.sensors, random.Random(f"{self.id}-{day}")):
                if reading.measured_at >= from_at:
                    count += 1
                    heapq.heappush(waiting, (reading.measured_at, count, reading))
            while waiting and waiting[0][0] < stays[-1].end_at:
                yield heapq.heappop(waiting)[2]
            day += timedelta(days=1)

    def _play(self, stream: Iterator[Reading]) -> None:
        reading = next(stream)

        def speak() -> None:
            if reading.device not in self._stuck and not self._unmoved(reading):
                self._utter(reading)
            self._play(stream)

        self.clock.at(reading.measured_at, speak)

    def _unmoved(self, reading: Reading) -> bool:
        return self.person_still and reading.kind in {"motion", "open", "presence"}

    def _utter(self, reading: Reading) -> None:
        if reading.device in self.silent:
            return
        if reading.kind == "battery" and reading.device in self.batteries:
            reading = Reading(reading.device, "battery", self.batteries[reading.device], reading.measured_at)
        self.say(reading)
