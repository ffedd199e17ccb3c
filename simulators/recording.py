"""A home's life as it would have been written down: who says what when, and what truly happened.

A simulated home and a home that was recorded look the same from here, so that one player can play both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators.events import Event
from simulators.faults import CLEAR, Air, SensorFault
from simulators.home import Sensor, readings_of
from simulators.household import Household
from simulators.person import day_of
from simulators.truth import Truth


class Heard(NamedTuple):
    """A reading, and when the hub gets it (Unix seconds): later than `reading.measured_at` where it was delayed."""

    at: float
    reading: Reading


@dataclass(frozen=True)
class Recording:
    """Some time of one home.

    Attributes:
        name: a short name, fit for a home's or a hub's id.
        timezone: IANA name.
        devices: every device that may speak (`id`, `room`, `kind`).
        begin_at, end_at: Unix seconds; local midnights.
        truth: what truly happened, by begin; empty where nobody knows.
        play: starts the recording anew from its beginning.
    """

    name: str
    timezone: str
    devices: Sequence[Sensor]
    begin_at: float
    end_at: float
    truth: Sequence[Truth]
    play: Callable[[], Iterator[Heard]]

    def heard(self) -> Iterator[Heard]:
        """Everything in the order in which the hub gets it; dropped messages are missing, doubled ones come twice."""
        return self.play()

    def readings(self) -> Iterator[Reading]:
        """The same without the times of arrival."""
        return (heard.reading for heard in self.play())


def simulated(
    household: Household,
    first_day: date,
    days: int,
    *,
    events: Sequence[Event] = (),
    faults: Sequence[SensorFault] = (),
    air: Air = CLEAR,
) -> Recording:
    """A household's life from one local midnight to another; the same again for the same arguments.

    Args:
        household: `simulators.household.household(seed)` draws one.
        first_day: local date.
        days: how many.
        events: what happens to the person (`simulators.events`).
        faults: what happens to sensors.
        air: what happens to messages.
    """
    timezone = household.person.timezone
    begin_at, end_at = (
        datetime.combine(first_day + timedelta(days=count), time(), ZoneInfo(timezone)).timestamp()
        for count in (0, days)
    )

    def play() -> Iterator[Heard]:
        for count in range(days):
            day = first_day + timedelta(days=count)
            dice = random.Random(f"{household.name}-{day.isoformat()}")
            for reading in readings_of(day_of(household.person, day), household.sensors, dice):
                yield Heard(reading.measured_at, reading)

    return Recording(household.name, timezone, household.sensors, begin_at, end_at, (), play)
