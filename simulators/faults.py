"""What goes wrong with sensors and on the way to the hub: dead, over-eager, low; dropped, late and doubled messages."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from devices.vocabulary import Reading
from simulators.truth import Truth, What

EAGER_S: Final = 150.0
"""An over-eager sensor speaks about so often, day and night."""
_LOW_PERCENT: Final = 3.0
_DOUBLED_AFTER_S: Final = 2.0


class Heard(NamedTuple):
    """A reading, and when the hub gets it (Unix seconds): later than `reading.measured_at` where it was delayed."""

    at: float
    reading: Reading


@dataclass(frozen=True, slots=True)
class SensorFault:
    """A sensor that is dead, over-eager or runs low on battery (`what`) for a while, Unix seconds."""

    what: What
    sensor: str
    begin_at: float
    end_at: float

    @property
    def truth(self) -> Truth:
        """What a detector of faults should find."""
        return Truth(self.what, self.begin_at, self.end_at, self.sensor)

    def holds(self, reading: Reading) -> bool:
        """Whether it concerns a reading."""
        return reading.device == self.sensor and self.begin_at <= reading.measured_at < self.end_at


@dataclass(frozen=True, slots=True)
class Air:
    """The way from sensor to hub: shares of messages that are dropped, doubled, or late by up to `late_s`."""

    dropped: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    late_s: float = 600.0

    def carry(self, readings: Iterable[Reading], dice: random.Random) -> Iterator[Heard]:
        """What arrives, in the order in which it was sent."""
        for reading in readings:
            if self.dropped and dice.random() < self.dropped:
                continue
            delayed = self.late and dice.random() < self.late
            at = reading.measured_at + (dice.uniform(0.0, self.late_s) if delayed else 0.0)
            yield Heard(at, reading)
            if self.doubled and dice.random() < self.doubled:
                yield Heard(at + dice.uniform(0.0, _DOUBLED_AFTER_S), reading)


CLEAR: Final = Air()


def faulty(
    readings: Iterable[Reading], faults: Sequence[SensorFault], begin_at: float, end_at: float, dice: random.Random
) -> Iterator[Reading]:
    """What sensors with faults say instead, between two times."""
    for fault in faults:
        if fault.what is What.SENSOR_EAGER:
            yield from _eager(fault, max(begin_at, fault.begin_at), min(end_at, fault.end_at), dice)
    for reading in readings:
        meets = [fault for fault in faults if fault.holds(reading)]
        if any(fault.what is What.SENSOR_DEAD for fault in meets):
            continue
        low = next((fault for fault in meets if fault.what is What.BATTERY_LOW), None)
        yield _weaker(reading, low) if low is not None and reading.kind == "battery" else reading


def _eager(fault: SensorFault, begin_at: float, end_at: float, dice: random.Random) -> Iterator[Reading]:
    at = begin_at
    while (at := at + dice.expovariate(1 / EAGER_S)) < end_at:
        yield Reading(fault.sensor, "motion", True, at)


def _weaker(reading: Reading, fault: SensorFault) -> Reading:
    assert isinstance(reading.value, float)
    gone = (reading.measured_at - fault.begin_at) / (fault.end_at - fault.begin_at)
    percent = reading.value + (_LOW_PERCENT - reading.value) * gone
    return Reading(reading.device, "battery", round(percent), reading.measured_at)
