"""Where somebody is and how much they move: the pieces that a day is made of, and the diary they are written into."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

MINUTE_S: Final = 60.0
_STEP_S: Final = (4.0, 14.0)
"""Between two rooms one is in the hall for so long."""


class Room(StrEnum):
    """Where somebody can be."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    KITCHEN = "kitchen"
    LIVING = "living"
    OFFICE = "office"
    HALL = "hall"
    OUT = "out"


class Doing(StrEnum):
    """What somebody does there, which says how much they move."""

    ASLEEP = "asleep"
    LYING = "lying"
    DOZING = "dozing"
    RESTING = "resting"
    SITTING = "sitting"
    EATING = "eating"
    CALLING = "calling"
    BUSY = "busy"
    WASHING = "washing"
    PASSING = "passing"
    AT_DOOR = "at_door"
    DOWN = "down"
    DOWN_IN_BED = "down_in_bed"
    AWAY = "away"


IN_BED: Final = frozenset({Doing.ASLEEP, Doing.LYING, Doing.DOZING, Doing.DOWN_IN_BED})
"""In the bedroom, these are in the bed."""
_SITS: Final = frozenset({Doing.RESTING, Doing.SITTING, Doing.DOZING})
STILL_S: Final = {
    Doing.ASLEEP: 2300.0,
    Doing.LYING: 900.0,
    Doing.DOZING: 4500.0,
    Doing.RESTING: 2200.0,
    Doing.SITTING: 1500.0,
    Doing.EATING: 150.0,
    Doing.CALLING: 300.0,
    Doing.BUSY: 60.0,
    Doing.WASHING: 60.0,
    Doing.PASSING: 30.0,
    Doing.AT_DOOR: 20.0,
}
"""Mean time between movements that a room sensor could see; what is not here is not seen at all."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Some time in one room.

    Attributes:
        begin_at, end_at: Unix seconds.
        visitor: somebody else is there too.
        still_s: mean time between movements of this person in this stay; 0 = as `STILL_S` says.
    """

    room: Room
    doing: Doing
    begin_at: float
    end_at: float
    visitor: bool = False
    still_s: float = 0.0

    @property
    def in_bed(self) -> bool:
        """Whether a bed sensor feels somebody."""
        return self.room is Room.BEDROOM and self.doing in IN_BED


class Diary:
    """Stays one after another, without gap or overlap. Somebody who changes rooms passes through the hall.

    Attributes:
        now: end of the last stay, Unix seconds.
        stays: what was written.
        stillness: factor on the time between movements; of this person, of this day.
    """

    def __init__(self, begin_at: float, dice: random.Random, stillness: float = 1.0) -> None:
        self.now = begin_at
        self.stays: list[Stay] = []
        self.stillness = stillness
        self._dice = dice

    def until(self, room: Room, doing: Doing, end_at: float, *, visitor: bool = False) -> None:
        """Somewhere until then; nothing where that is past. Each stay has its own share of stillness; who sits and
        goes on sitting does not get up in between."""
        if end_at <= self.now:
            return
        last = self.stays[-1] if self.stays else None
        if last and doing in _SITS and last.doing in _SITS and (last.room, last.visitor) == (room, visitor):
            self.stays[-1] = replace(last, end_at=end_at)
            self.now = end_at
            return
        self._pass_to(room, end_at)
        own = self._dice.lognormvariate(0.0, 0.8) if STILL_S.get(doing, 0.0) > 100.0 else 1.0
        still_s = STILL_S.get(doing, 0.0) * self.stillness * own
        self.stays.append(Stay(room, doing, self.now, end_at, visitor, still_s))
        self.now = end_at

    def stay(self, room: Room, doing: Doing, minutes: float, *, visitor: bool = False) -> None:
        """Somewhere for so long."""
        self.until(room, doing, self.now + minutes * MINUTE_S, visitor=visitor)

    def _pass_to(self, room: Room, end_at: float) -> None:
        last = self.stays[-1].room if self.stays else Room.HALL
        if last is room or {last, room} & {Room.HALL, Room.OUT}:
            return
        passed_at = min(self.now + self._dice.uniform(*_STEP_S), self.now + (end_at - self.now) / 2)
        self.stays.append(Stay(Room.HALL, Doing.PASSING, self.now, passed_at))
        self.now = passed_at


def within(stays: Iterable[Stay], begin_at: float, end_at: float) -> list[Stay]:
    """What of the stays lies between two times."""
    return [
        replace(stay, begin_at=max(stay.begin_at, begin_at), end_at=min(stay.end_at, end_at))
        for stay in stays
        if stay.end_at > begin_at and stay.begin_at < end_at
    ]


def without(stays: Iterable[Stay], begin_at: float, end_at: float) -> list[Stay]:
    """What of the stays does not lie between two times."""
    every = list(stays)
    return [*within(every, float("-inf"), begin_at), *within(every, end_at, float("inf"))]
