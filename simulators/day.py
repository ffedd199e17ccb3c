"""One day of somebody's life, from getting up to getting up: meals, rest, outings, visits, the night."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from simulators.habits import Errand, Person, Why, bed_minutes, liveliness, season, wake_minutes
from simulators.stay import MINUTE_S, Diary, Doing, Room, Stay

_LIVES_KEPT: Final = 8
_JOB_MIN: Final = 11.0
"""Median length of a little job."""
_UNDISTURBED_MIN: Final = 45.0
"""Bathroom, telephone and doorbell end most rests that would be longer."""
_LATE_FOR_MEAL: Final = 75
"""A meal that is so many minutes late was eaten elsewhere."""
_LEAST_AT_HOME: Final = 25
"""Nobody goes out for less than this before the next thing."""


class Life(NamedTuple):
    """From getting up to getting up: the person's stays, and those of visitors and helpers."""

    own: tuple[Stay, ...]
    others: tuple[Stay, ...]


class _Plan(NamedTuple):
    """Something at a time of day. Times in minutes after midnight."""

    begins: float
    lasts: float
    do: Callable[[_Day, float], None]
    meal: bool = False


def local_at(person: Person, day: date, minutes: float) -> float:
    """Unix time of a local time of day; minutes beyond 1440 are in the next day."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=ZoneInfo(person.timezone)).timestamp()


@lru_cache(maxsize=_LIVES_KEPT)
def life(person: Person, day: date) -> Life:
    """The same for the same person and date."""
    lived = _Day(person, day)
    lived.wake()
    for plan in sorted(lived.plans(), key=lambda plan: plan.begins):
        lived.follow(plan)
    lived.evening()
    lived.night()
    return Life(tuple(lived.diary.stays), tuple(lived.others))


class _Day:
    """A day being lived: what is to come is done in order of time, and what lies between is filled."""

    def __init__(self, person: Person, day: date) -> None:
        self.person = person
        self.day = day
        self.dice = random.Random(f"{person.seed}-{day.isoformat()}")
        self.mood = liveliness(person, day)
        self.bed_at = local_at(person, day, bed_minutes(person, day))
        following = day + timedelta(days=1)
        self.up_at = local_at(person, following, wake_minutes(person, following))
        begin_at = local_at(person, day, wake_minutes(person, day))
        self.diary = Diary(begin_at, self.dice, person.stillness / self.mood)
        self.others: list[Stay] = []
        self.bathroom_at = self.diary.now
        self.call_at = self._next_call()
        self.door_at = self._next_door()

    # what is to come

    def plans(self) -> list[_Plan]:
        """Meals, appointments, and what somebody feels like doing."""
        person, dice = self.person, self.dice
        meals = [
            _Plan(dice.gauss(person.lunch, person.irregular), dice.uniform(35, 65), _Day.lunch, meal=True),
            _Plan(dice.gauss(person.dinner, person.irregular), dice.uniform(22, 42), _Day.dinner, meal=True),
        ]
        if person.ill:
            return [plan._replace(lasts=plan.lasts / 2) for plan in meals]
        fixed = [self._planned(errand) for errand in person.weekly if self._takes_place(errand)]
        free = 0 if len(fixed) > 1 else 1
        outdoors = (1.0 - 0.15 * season(self.day)) * free
        if dice.random() < person.outing_share * outdoors:
            fixed.append(self._outing(dice.gauss(person.wakes + 190, 45)))
        if dice.random() < person.later_share * outdoors:
            fixed.append(self._outing(dice.gauss(person.lunch + 215 - 25 * season(self.day), 50)))
        elif dice.random() < person.visit_share:
            fixed.append(_Plan(dice.gauss(person.lunch + 190, 40), dice.uniform(45, 140), _Day.visited))
        for _ in range(_poisson(person.trips, dice)):
            begins = dice.uniform(person.wakes + 60, person.dinner + 30)
            fixed.append(_Plan(begins, dice.lognormvariate(math.log(28), 0.5), _Day.go_out))
        return meals + fixed

    def _takes_place(self, errand: Errand) -> bool:
        return errand.weekday == self.day.weekday() and self.dice.random() < errand.share

    def _planned(self, errand: Errand) -> _Plan:
        do = {Why.OUTING: _Day.go_out, Why.VISIT: _Day.visited, Why.HELP: _Day.helped}[errand.why]
        return _Plan(self.dice.gauss(errand.begins, 8), errand.lasts * self.dice.uniform(0.85, 1.2), do)

    def _outing(self, begins: float) -> _Plan:
        lasts = self.dice.lognormvariate(math.log(self.person.outing_lasts), 0.55)
        return _Plan(begins, min(max(lasts, 12.0), 330.0), _Day.go_out)

    def _next_call(self) -> float:
        return self.diary.now + self.dice.expovariate(max(self.person.calls, 0.01) / 840) * MINUTE_S

    def _next_door(self) -> float:
        return self.diary.now + self.dice.expovariate(max(self.person.parcels, 0.01) / 840) * MINUTE_S

    # doing it

    def wake(self) -> None:
        """Lying awake for a moment, bathroom, breakfast."""
        dice, diary = self.dice, self.diary
        diary.stay(Room.BEDROOM, Doing.LYING, dice.expovariate(1 / 8))
        self._to_bathroom(dice.uniform(5, 20))
        diary.stay(Room.BEDROOM, Doing.BUSY, dice.uniform(2, 8))
        self._meal(dice.uniform(5, 12), dice.uniform(8, 22), 1.0)

    def follow(self, plan: _Plan) -> None:
        """Whiles away the time until something begins, and does it; leaves it where it is too late for it."""
        begin_at = local_at(self.person, self.day, plan.begins)
        late = (self.diary.now - begin_at) / MINUTE_S
        if late > (_LATE_FOR_MEAL if plan.meal else _LEAST_AT_HOME):
            return
        self.while_away(begin_at)
        latest = (self.bed_at - self.diary.now) / MINUTE_S - _LEAST_AT_HOME
        if latest > 10:
            plan.do(self, min(plan.lasts, latest))

    def lunch(self, minutes: float) -> None:
        """Cooking, eating, clearing up, and rest."""
        self._meal(minutes * 0.45, minutes * 0.4, minutes * 0.15)
        if self.dice.random() < 0.3 + 0.4 * self.person.rests:
            lasts = self.dice.uniform(30, 120) - 8 * season(self.day)
            room = Room.BEDROOM if self.dice.random() < 0.25 else Room.LIVING
            self.diary.stay(room, Doing.DOZING, lasts)

    def dinner(self, minutes: float) -> None:
        """Cooking and eating."""
        self._meal(minutes * 0.4, minutes * 0.45, minutes * 0.15)

    def _meal(self, cooking: float, eating: float, clearing: float) -> None:
        self.diary.stay(Room.KITCHEN, Doing.BUSY, cooking * self.person.cooks)
        self.diary.stay(self.person.eats_in, Doing.EATING, eating)
        self.diary.stay(Room.KITCHEN, Doing.BUSY, clearing * self.person.cooks)

    def go_out(self, minutes: float) -> None:
        """Getting ready, the door, being away, the door."""
        self.diary.stay(Room.BEDROOM, Doing.BUSY, self.dice.uniform(2, 7))
        self.diary.stay(Room.HALL, Doing.AT_DOOR, self.dice.uniform(0.6, 1.8))
        self.diary.stay(Room.OUT, Doing.AWAY, minutes)
        self.diary.stay(Room.HALL, Doing.AT_DOOR, self.dice.uniform(0.5, 1.5))
        self.bathroom_at = self.diary.now + self.dice.uniform(-60, 20) * MINUTE_S
        self.diary.stay(self.dice.choice((Room.KITCHEN, Room.BEDROOM)), Doing.BUSY, self.dice.uniform(2, 10))

    def visited(self, minutes: float) -> None:
        """Somebody comes, sits down with the person, moves about, and goes."""
        self._company(minutes, (Room.LIVING, Room.LIVING, Room.KITCHEN, Room.BATHROOM), Doing.RESTING)

    def helped(self, minutes: float) -> None:
        """Somebody comes to clean, and goes through all rooms."""
        rooms = (Room.KITCHEN, Room.BATHROOM, Room.BEDROOM, Room.LIVING, Room.HALL)
        self._company(minutes, rooms, Doing.BUSY)

    def _company(self, minutes: float, rooms: tuple[Room, ...], doing: Doing) -> None:
        dice, diary = self.dice, self.diary
        begin_at = diary.now
        diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(1, 3), visitor=True)
        end_at = begin_at + minutes * MINUTE_S
        other = Diary(diary.now, dice)
        while other.now < end_at:
            room = dice.choice(rooms)
            longest = 45 if room is Room.LIVING else 12
            other.until(room, doing, min(end_at, other.now + dice.uniform(3, longest) * MINUTE_S), visitor=True)
        self.others += other.stays
        while diary.now < end_at:
            room = Room.KITCHEN if dice.random() < 0.2 else Room.LIVING
            own = Doing.BUSY if room is Room.KITCHEN else Doing.SITTING
            diary.until(room, own, min(end_at, diary.now + dice.uniform(5, 50) * MINUTE_S), visitor=True)
        diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(1, 4))

    # in between

    def while_away(self, until_at: float) -> None:
        """Rests and little jobs, with bathroom, telephone and doorbell in between."""
        while self.diary.now < until_at:
            if self.diary.now > self.bathroom_at:
                self._to_bathroom(self.dice.uniform(1.5, 6))
            elif self.diary.now > self.call_at:
                room = self.dice.choice((Room.LIVING, Room.HALL))
                self.diary.stay(room, Doing.CALLING, self.dice.lognormvariate(math.log(9), 0.7))
                self.call_at = self._next_call()
            elif self.diary.now > self.door_at:
                self.diary.stay(Room.HALL, Doing.AT_DOOR, self.dice.uniform(0.5, 2.5))
                self.door_at = self._next_door()
            elif self.person.ill:
                self._lie_down(until_at)
            elif self.dice.random() < self._rest_chance():
                self._rest(until_at)
            else:
                self._potter(until_at)

    def _rest_chance(self) -> float:
        share = min(0.97, self.person.rests / math.sqrt(self.mood))
        lasts = min(self.person.sits, _UNDISTURBED_MIN)
        return share / (share + lasts / _JOB_MIN * (1 - share))

    def _interrupted(self, until_at: float, minutes: float) -> float:
        """When a stay ends: by itself, or with the next thing that cannot wait."""
        end_at = self.diary.now + minutes * MINUTE_S
        soonest = min(self.bathroom_at, self.call_at, self.door_at)
        return max(min(end_at, until_at, soonest + 1.0), min(until_at, self.diary.now + 30.0))

    def _rest(self, until_at: float) -> None:
        dice = self.dice
        minutes = dice.lognormvariate(math.log(self.person.sits), 0.6)
        room, doing = Room.LIVING, dice.choice((Doing.RESTING, Doing.RESTING, Doing.SITTING, Doing.DOZING))
        chance = dice.random()
        if chance < self.person.office:
            room, doing = Room.OFFICE, Doing.SITTING
        elif chance > 0.95:
            room, doing = Room.BEDROOM, Doing.DOZING
        self.diary.until(room, doing, self._interrupted(until_at, minutes))

    def _potter(self, until_at: float) -> None:
        rooms = (Room.KITCHEN, Room.LIVING, Room.BEDROOM, Room.HALL)
        room = self.dice.choices(rooms, weights=(*self.person.potters, 0.7))[0]
        if self.dice.random() < self.person.office / 2:
            room = Room.OFFICE
        minutes = self.dice.uniform(1, 4) if room is Room.HALL else self.dice.lognormvariate(math.log(_JOB_MIN), 0.7)
        self.diary.until(room, Doing.BUSY, self._interrupted(until_at, minutes))

    def _lie_down(self, until_at: float) -> None:
        doing = self.dice.choice((Doing.LYING, Doing.DOZING, Doing.ASLEEP))
        self.diary.until(Room.BEDROOM, doing, self._interrupted(until_at, self.dice.uniform(20, 90)))

    def _to_bathroom(self, minutes: float) -> None:
        self.diary.stay(Room.BATHROOM, Doing.WASHING, minutes)
        mean = self.person.bladder * (0.45 if self.person.ill else 1.0)
        self.bathroom_at = self.diary.now + mean * self.dice.uniform(0.4, 1.6) * MINUTE_S

    def evening(self) -> None:
        """Television until bed, more rest than by day; then the bathroom."""
        while self.diary.now < self.bed_at - 10 * MINUTE_S:
            if not self.person.ill and self.dice.random() < 0.55:
                minutes = self.dice.lognormvariate(math.log(self.person.sits * 1.2), 0.4)
                doing = self.dice.choice((Doing.RESTING, Doing.SITTING, Doing.DOZING))
                self.diary.until(Room.LIVING, doing, self._interrupted(self.bed_at, minutes))
            self.while_away(min(self.bed_at, self.diary.now + self.dice.uniform(3, 15) * MINUTE_S))
        self._to_bathroom(self.dice.uniform(4, 10))

    # the night

    def night(self) -> None:
        """Sleep, with bathroom visits and at times an hour awake."""
        dice, diary = self.dice, self.diary
        diary.stay(Room.BEDROOM, Doing.BUSY, dice.uniform(1, 5))
        diary.stillness = self.person.sleeps_still
        diary.stay(Room.BEDROOM, Doing.LYING, dice.expovariate(1 / 15))
        begin, end = diary.now + 40 * MINUTE_S, self.up_at - 25 * MINUTE_S
        rate = self.person.night_visits * (1.6 if self.person.ill else 1.0)
        visits = _poisson(rate, dice) if end > begin else 0
        for at in sorted(dice.uniform(begin, end) for _ in range(visits)):
            diary.until(Room.BEDROOM, Doing.ASLEEP, at)
            if diary.now <= at + 60:
                self._up_at_night(end)
        diary.until(Room.BEDROOM, Doing.ASLEEP, self.up_at)

    def _up_at_night(self, end_at: float) -> None:
        dice, diary = self.dice, self.diary
        diary.stay(Room.BATHROOM, Doing.WASHING, dice.lognormvariate(math.log(4.5), 0.4))
        chance = dice.random()
        if chance < 0.06 and diary.now + 90 * MINUTE_S < end_at:
            diary.stay(Room.LIVING, Doing.RESTING, dice.uniform(20, 80))
        elif chance < 0.16:
            diary.stay(Room.KITCHEN, Doing.BUSY, dice.uniform(2, 6))
        if diary.now < end_at:
            diary.until(Room.BEDROOM, Doing.LYING, min(end_at, diary.now + dice.expovariate(1 / 9) * MINUTE_S))


def _poisson(mean: float, dice: random.Random) -> int:
    count, left = 0, math.exp(-mean)
    chance = dice.random()
    while chance > left and count < 12:
        chance *= dice.random()
        count += 1
    return count
