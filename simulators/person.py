"""A person living a day in rooms: sleep, meals, bathroom, rest, outings, visits. Same seed and date, same day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

MINUTE_S: Final = 60.0
_DAY_MINUTES: Final = 24 * 60


class Room(StrEnum):
    """Where somebody can be."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    KITCHEN = "kitchen"
    LIVING = "living"
    HALL = "hall"
    OUT = "out"


class Doing(StrEnum):
    """How much somebody moves."""

    ASLEEP = "asleep"
    RESTING = "resting"
    BUSY = "busy"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Stay:
    """Some time in one room. Times are Unix seconds; `visitor` says that somebody else is there too."""

    room: Room
    doing: Doing
    begin_at: float
    end_at: float
    visitor: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's habits; times of day in minutes after midnight, local time.

    Attributes:
        seed: makes one person's days differ from another's.
        timezone: IANA name.
        wakes, sleeps: usual getting up and going to bed.
        night_visits: bathroom visits in an average night.
        outing_share: share of mornings spent partly outside; afternoons have half of it.
        visit_share: share of afternoons with a visitor.
    """

    seed: int
    timezone: str = "Europe/Madrid"
    wakes: int = 7 * 60 + 40
    sleeps: int = 23 * 60 + 10
    night_visits: float = 1.2
    outing_share: float = 0.6
    visit_share: float = 0.25


def someone(seed: int, timezone: str = "Europe/Madrid") -> Person:
    """A person with habits of their own, drawn from `seed`."""
    dice = random.Random(f"habits-{seed}")
    return Person(
        seed=seed,
        timezone=timezone,
        wakes=round(dice.gauss(7.5 * 60, 40)),
        sleeps=min(round(dice.gauss(23 * 60, 25)), _DAY_MINUTES - 20),
        night_visits=dice.uniform(0.5, 2.2),
        outing_share=dice.uniform(0.25, 0.85),
        visit_share=dice.uniform(0.1, 0.45),
    )


_Block = tuple[float, Room, Doing, bool]
"""Minutes after midnight at which it begins, where, doing what, with a visitor or not."""


def day_of(person: Person, day: date) -> list[Stay]:
    """The whole local day, midnight to midnight: stays that follow each other without gap or overlap."""
    dice = random.Random(f"{person.seed}-{day.isoformat()}")
    zone = ZoneInfo(person.timezone)
    midnight = datetime.combine(day, time(), zone).timestamp()
    end = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
    blocks = sorted(_blocks(person, dice))
    stays: list[Stay] = []
    for index, (begin, room, doing, visitor) in enumerate(blocks):
        begin_at = midnight + begin * MINUTE_S
        following = blocks[index + 1][0] if index + 1 < len(blocks) else None
        end_at = end if following is None else min(midnight + following * MINUTE_S, end)
        if end_at > begin_at:
            stays.append(Stay(room, doing, begin_at, end_at, visitor))
    return stays


def _blocks(person: Person, dice: random.Random) -> Iterator[_Block]:
    wake = max(300.0, dice.gauss(person.wakes, 18))
    bed = min(_DAY_MINUTES - 8.0, dice.gauss(person.sleeps, 15))
    yield from _night(person, dice, wake)
    breakfast = wake + dice.uniform(10, 20)
    yield wake, Room.BATHROOM, Doing.BUSY, False
    yield breakfast, Room.KITCHEN, Doing.BUSY, False
    morning = breakfast + dice.uniform(20, 35)
    lunch = max(dice.gauss(14 * 60, 15), morning + 60)
    after_lunch = lunch + dice.uniform(40, 60)
    dinner = min(max(dice.gauss(20.75 * 60, 15), after_lunch + 120), bed - 60)
    after_dinner = dinner + dice.uniform(30, 45)
    yield from _at_home(dice, morning, lunch, out=dice.random() < person.outing_share, visit=False)
    yield lunch, Room.KITCHEN, Doing.BUSY, False
    yield after_lunch, Room.LIVING, Doing.RESTING, False
    out = dice.random() < person.outing_share / 2
    visit = not out and dice.random() < person.visit_share
    yield from _at_home(dice, after_lunch + dice.uniform(45, 80), dinner, out=out, visit=visit)
    yield dinner, Room.KITCHEN, Doing.BUSY, False
    yield from _evening(dice, after_dinner, bed)
    yield bed, Room.BEDROOM, Doing.ASLEEP, False


def _night(person: Person, dice: random.Random, wake: float) -> Iterator[_Block]:
    yield 0.0, Room.BEDROOM, Doing.ASLEEP, False
    chance = min(person.night_visits / 2, 1.0)
    slots = (dice.uniform(60, wake / 2 - 20), dice.uniform(wake / 2 + 10, wake - 40))
    for at in slots:
        if dice.random() < chance:
            yield at, Room.HALL, Doing.BUSY, False
            yield at + 0.5, Room.BATHROOM, Doing.BUSY, False
            yield at + dice.uniform(4, 9), Room.BEDROOM, Doing.ASLEEP, False


def _at_home(dice: random.Random, begin: float, end: float, *, out: bool, visit: bool) -> Iterator[_Block]:
    """A stretch of day between two meals, with an outing or a visit in it where wished and where it fits."""
    at = begin
    if (out or visit) and end - begin > 100:
        leave = begin + dice.uniform(15, 40)
        back = min(leave + dice.uniform(40, 110), end - 15)
        yield at, Room.LIVING, Doing.BUSY, False
        yield leave, Room.HALL, Doing.BUSY, visit
        yield leave + 1.5, (Room.OUT, Room.LIVING)[visit], (Doing.AWAY, Doing.BUSY)[visit], visit
        yield back, Room.HALL, Doing.BUSY, False
        at = back + 1.5
    while at < end:
        room, doing, longest = dice.choice(
            (
                (Room.LIVING, Doing.RESTING, 55),
                (Room.LIVING, Doing.BUSY, 30),
                (Room.KITCHEN, Doing.BUSY, 25),
                (Room.BEDROOM, Doing.BUSY, 15),
                (Room.BATHROOM, Doing.BUSY, 10),
            )
        )
        yield at, room, doing, False
        at += dice.uniform(4, longest)


def _evening(dice: random.Random, begin: float, bed: float) -> Iterator[_Block]:
    at = begin
    while at < bed - 12:
        yield at, Room.LIVING, Doing.RESTING, False
        at += dice.uniform(35, 70)
        if at < bed - 20:
            yield at, dice.choice((Room.BATHROOM, Room.KITCHEN)), Doing.BUSY, False
            at += dice.uniform(3, 7)
    yield bed - 10, Room.BATHROOM, Doing.BUSY, False
