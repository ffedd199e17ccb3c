"""A home's life as it would have been written down: who says what when, and what truly happened.

A simulated home and a home that was recorded look the same from here, so that one player can play both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators.day import local_at
from simulators.events import Event
from simulators.faults import CLEAR, Air, Heard, SensorFault, faulty
from simulators.household import Household
from simulators.person import day_of
from simulators.script import Script
from simulators.sensors import Scene, Sensor, readings_in
from simulators.spans import spans_of
from simulators.stay import Doing, Stay, without
from simulators.truth import Truth, What

__all__ = ["Heard", "Recording", "simulated"]

_DOSE_SHARE: Final = 0.97
"""Of doses so many are taken, by somebody who does not forget them."""
_DOSE_LATE_S: Final = 2 * 3600.0
_ABLE: Final = frozenset({Doing.BUSY, Doing.EATING, Doing.RESTING, Doing.SITTING, Doing.WASHING})


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
    zone = ZoneInfo(household.person.timezone)
    dates = [first_day + timedelta(days=count) for count in range(days)]
    begin_at, end_at = (
        datetime.combine(day, time(), zone).timestamp() for day in (first_day, first_day + timedelta(days=days))
    )
    script = Script(household.person, events, end_at)
    scenes = {day: _scene(household, script, day) for day in dates}
    truth = [*script.truth, *(fault.truth for fault in faults), *spans_of(list(scenes.values()))]

    def play() -> Iterator[Heard]:
        waiting: list[Heard] = []
        for day, scene in scenes.items():
            dice = random.Random(f"{household.name}-{household.person.seed}-{day.isoformat()}")
            until_at = scene.stays[-1].end_at
            said = readings_in(scene, household.sensors, dice)
            if faults:
                spoilt = faulty(said, faults, scene.stays[0].begin_at, until_at, dice)
                said = sorted(spoilt, key=lambda reading: reading.measured_at)
            waiting += air.carry(said, dice)
            waiting.sort(key=lambda heard: heard.at)
            due = sum(heard.at < until_at for heard in waiting)
            yield from waiting[:due]
            del waiting[:due]

    return Recording(
        household.name,
        household.person.timezone,
        household.sensors,
        begin_at,
        end_at,
        sorted(one for one in truth if one.end_at > begin_at and one.begin_at < end_at),
        play,
    )


def _scene(household: Household, script: Script, day: date) -> Scene:
    others = script.others(day)
    away = script.spans(What.ABSENCE)
    if household.partner is not None:
        together = day_of(household.partner, day)
        for begin_at, end_at in away:
            together = without(together, begin_at, end_at)
        others += together
    stays = script.own(day)
    gone = any(begin_at <= stays[0].begin_at and stays[-1].end_at <= end_at for begin_at, end_at in away)
    return Scene(
        stays,
        others,
        pet_per_hour=0.0 if gone else household.pet_per_hour,
        cold=script.spans(What.COLD_HOME),
        doses=_doses(household, script, day, stays),
    )


def _doses(household: Household, script: Script, day: date, stays: Sequence[Stay]) -> list[tuple[float, str]]:
    """The box says when a dose is due, and then that it was taken, or after two hours that it was missed."""
    dice = random.Random(f"doses-{household.person.seed}-{day.isoformat()}")
    said = []
    for minutes in household.doses:
        due_at = local_at(household.person, day, minutes)
        taken_at = due_at + dice.uniform(30.0, 3600.0)
        forgets = dice.random() > _DOSE_SHARE
        forgets |= any(begin_at <= due_at < end_at for begin_at, end_at in script.spans(What.DOSE_FORGOTTEN))
        able_at = next((at for at in _able(stays) if at > due_at), None)
        said.append((due_at, "due"))
        if forgets or able_at is None or max(able_at, taken_at) > due_at + _DOSE_LATE_S:
            said.append((due_at + _DOSE_LATE_S, "missed"))
        else:
            said.append((max(able_at, taken_at), "taken"))
    return said


def _able(stays: Sequence[Stay]) -> Iterator[float]:
    """Ends of stays in which somebody is at home and up."""
    return (stay.end_at for stay in stays if stay.doing in _ABLE)
