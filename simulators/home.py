"""A home on a virtual clock: what a person's day makes its sensors say, and what goes wrong with them at once."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading, Value
from simulators.clock import VirtualClock
from simulators.person import Person, company_of, day_of
from simulators.sensors import STANDARD_SENSORS, Scene, Sensor, readings_in, readings_of

__all__ = ["STANDARD_SENSORS", "Home", "Sensor", "readings_of"]

_STUCK_EVERY_S: Final = 60.0


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
            scene = Scene(stays, company_of(self.person, day))
            for reading in readings_in(scene, self.sensors, random.Random(f"{self.id}-{day}")):
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
