"""Who somebody is: when they rise and eat, how much they move, where they like to be, what their week brings."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from simulators.stay import Room

DAY_MINUTES: Final = 24 * 60
MONDAY, SATURDAY, SUNDAY = 0, 5, 6


class Character(StrEnum):
    """What marks somebody's days."""

    ORDINARY = "ordinary"
    ACTIVE = "active"
    HOUSEBOUND = "housebound"
    EARLY = "early"
    LATE = "late"


class Why(StrEnum):
    """What a fixed appointment is."""

    OUTING = "outing"
    VISIT = "visit"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Errand:
    """An appointment: weekday (0 = Monday), begin in minutes after midnight, how long, in what share of weeks."""

    why: Why
    weekday: int
    begins: int
    lasts: int
    share: float = 0.9


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's habits; times of day in minutes after midnight, local time.

    Attributes:
        seed: makes one person's days differ from another's.
        timezone: IANA name.
        wakes, sleeps: usual getting up and going to bed; after midnight is beyond 1440.
        lunch, dinner: usual times.
        irregular: standard deviation of these times from day to day, minutes.
        night_visits: bathroom visits in an average night.
        outing_share: share of mornings spent partly outside.
        later_share: the same of afternoons.
        trips: short ways out besides, in an average day: bread, bins, a neighbour.
        outing_lasts: median length of an outing that is no appointment, minutes.
        visit_share: share of afternoons with a visitor.
        stillness: factor on the time between visible movements, awake; 2 = half as lively.
        sleeps_still: the same, asleep.
        rests: share of the time at home, not counting meals, spent sitting or lying down.
        sits: median length of a rest, minutes.
        cooks: factor on the time in the kitchen before and after meals.
        eats_in: where.
        potters: how much of the time of little jobs is spent in kitchen, living room, bedroom.
        bladder: mean time between bathroom visits by day, minutes.
        calls, parcels: phone calls, and times at the door without going out, in an average day.
        office: share of the free time spent in a further room, with a hobby; 0 = there is no such room.
        weekly: appointments.
        ill: stays in bed today, and is in the bathroom more often.
    """

    seed: int
    timezone: str = "Europe/Madrid"
    wakes: int = 7 * 60 + 40
    sleeps: int = 23 * 60 + 10
    lunch: int = 14 * 60
    dinner: int = 20 * 60 + 45
    irregular: float = 18.0
    night_visits: float = 1.2
    outing_share: float = 0.6
    later_share: float = 0.3
    trips: float = 0.3
    outing_lasts: float = 75.0
    visit_share: float = 0.25
    stillness: float = 1.0
    sleeps_still: float = 1.0
    rests: float = 0.55
    sits: float = 40.0
    cooks: float = 1.0
    eats_in: Room = Room.KITCHEN
    potters: tuple[float, float, float] = (4.0, 5.0, 3.0)
    bladder: float = 150.0
    calls: float = 0.6
    parcels: float = 0.7
    office: float = 0.0
    weekly: tuple[Errand, ...] = ()
    ill: bool = False


def someone(seed: int, timezone: str = "Europe/Madrid", character: Character | None = None) -> Person:
    """A person with habits of their own, drawn from `seed`; of a character, or of a drawn one."""
    dice = random.Random(f"habits-{seed}")
    drawn = dice.choices(tuple(Character), weights=(40, 20, 15, 12, 13))[0]
    wakes = dice.gauss(7.5 * 60, 40)
    lunch = dice.gauss(13.6 * 60, 30)
    # who rests much also sits long and moves little meanwhile
    calm = dice.gauss(0.5, 1.3)
    person = Person(
        seed=seed,
        timezone=timezone,
        wakes=round(wakes),
        sleeps=round(min(dice.gauss(23 * 60, 35), DAY_MINUTES - 20)),
        lunch=round(lunch),
        dinner=round(dice.gauss(20.3 * 60, 35)),
        irregular=dice.lognormvariate(math.log(24), 0.45),
        night_visits=dice.uniform(0.5, 2.2),
        outing_share=dice.uniform(0.3, 1.0),
        later_share=dice.uniform(0.1, 1.0),
        trips=dice.lognormvariate(math.log(0.35), 0.9),
        outing_lasts=dice.lognormvariate(math.log(82), 0.35),
        visit_share=dice.uniform(0.08, 0.4),
        stillness=dice.lognormvariate(0.1 + 0.45 * calm, 1.0),
        sleeps_still=dice.lognormvariate(0.25, 0.45),
        rests=min(max(0.74 + 0.13 * calm + dice.gauss(0, 0.08), 0.3), 0.98),
        sits=dice.lognormvariate(math.log(66) + 0.35 * calm, 0.35),
        cooks=dice.uniform(0.05, 0.85),
        eats_in=dice.choices((Room.KITCHEN, Room.LIVING), weights=(45, 55))[0],
        potters=(dice.uniform(0.1, 3), dice.lognormvariate(math.log(5), 0.8), dice.uniform(0.1, 3)),
        bladder=dice.uniform(50, 200),
        calls=dice.uniform(0.2, 1.5),
        parcels=dice.lognormvariate(math.log(1.6), 0.9),
        office=dice.choice((0.0, 0.0, 0.1, 0.3)),
        weekly=tuple(_week(dice)),
    )
    return _marked(person, character or drawn)


def _marked(person: Person, character: Character) -> Person:
    match character:
        case Character.ACTIVE:
            return replace(
                person,
                stillness=person.stillness * 0.75,
                rests=person.rests * 0.75,
                outing_share=min(0.95, person.outing_share * 1.3),
                later_share=min(0.9, person.later_share * 1.3),
                trips=person.trips * 1.5,
            )
        case Character.HOUSEBOUND:
            weekly = tuple(errand for errand in person.weekly if errand.why is not Why.OUTING)
            helper = Errand(Why.HELP, MONDAY, 9 * 60 + 30, 90)
            return replace(
                person,
                stillness=person.stillness * 1.4,
                rests=min(0.9, person.rests * 1.25),
                outing_share=0.07,
                later_share=0.03,
                trips=0.05,
                visit_share=min(0.7, person.visit_share * 1.7),
                weekly=(*weekly, helper, replace(helper, weekday=3)),
            )
        case Character.EARLY:
            return replace(person, wakes=person.wakes - 85, sleeps=person.sleeps - 75, lunch=person.lunch - 35)
        case Character.LATE:
            return replace(person, wakes=person.wakes + 80, sleeps=person.sleeps + 85, dinner=person.dinner + 40)
        case Character.ORDINARY:
            return person


def _week(dice: random.Random) -> list[Errand]:
    errands = []
    if dice.random() < 0.7:
        errands.append(Errand(Why.OUTING, dice.randint(1, SATURDAY), round(dice.gauss(10.2 * 60, 25)), 75))
    if dice.random() < 0.4:
        errands.append(Errand(Why.OUTING, SUNDAY, round(dice.gauss(11.5 * 60, 30)), 70))
    if dice.random() < 0.35:
        errands.append(Errand(Why.OUTING, dice.randint(0, 4), round(dice.gauss(17 * 60, 30)), 110))
    if dice.random() < 0.6:
        out = dice.random() < 0.4
        why = Why.OUTING if out else Why.VISIT
        errands.append(Errand(why, SUNDAY, round(dice.gauss(13.2 * 60, 20)), dice.randint(150, 230), 0.5))
    if dice.random() < 0.35:
        errands.append(Errand(Why.HELP, dice.randint(0, 4), round(dice.gauss(9.8 * 60, 30)), dice.choice((60, 120))))
    return errands


def season(day: date) -> float:
    """1 in the middle of January, -1 in the middle of July (northern)."""
    return math.cos((day.timetuple().tm_yday - 15) / 365.25 * 2 * math.pi)


def liveliness(person: Person, day: date) -> float:
    """How lively a day is: good and bad days, and a slow coming and going over months; 1 is usual."""
    phase = random.Random(f"moods-{person.seed}").uniform(0, 2 * math.pi)
    slow = 0.1 * math.sin(day.toordinal() / 110 * 2 * math.pi + phase) - 0.05 * season(day)
    return random.Random(f"mood-{person.seed}-{day.isoformat()}").lognormvariate(slow, 0.35)


def wake_minutes(person: Person, day: date) -> float:
    """When somebody gets up on that day, minutes after midnight: later at the weekend and in winter."""
    dice = random.Random(f"wake-{person.seed}-{day.isoformat()}")
    usual = person.wakes + (20 if day.weekday() >= SATURDAY else 0) + 8 * season(day)
    return min(max(270.0, dice.gauss(usual, person.irregular)), 12 * 60)


def bed_minutes(person: Person, day: date) -> float:
    """When somebody goes to bed in the evening of that day, minutes after its midnight."""
    dice = random.Random(f"bed-{person.seed}-{day.isoformat()}")
    return min(max(19 * 60.0, dice.gauss(person.sleeps - 10 * season(day), person.irregular)), 26 * 60.0)
