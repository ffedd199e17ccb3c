"""Who lives in a home, and with which sensors: drawn from distributions, so that a population is not one home."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Final

from simulators.habits import Character, Person, Why, someone
from simulators.sensors import Sensor
from simulators.stay import Room

_PARTNER: Final = 500_000
"""Added to a person's seed: the seed of who lives with them."""
_MEDICINES_SHARE: Final = 0.3
_COUPLES, _PETS = 0.15, 0.15


@dataclass(frozen=True, slots=True)
class Household:
    """A home: the person whom Llar looks after, who lives with them, and the sensors.

    Attributes:
        name: fit for a home's or a hub's id.
        partner: lives there too, and goes along when the person is away for days.
        pet_per_hour: how often a pet walks past a sensor; 0 = there is none.
        doses: minutes after midnight at which medicine is due; empty without a medicine box.
    """

    name: str
    person: Person
    sensors: tuple[Sensor, ...]
    partner: Person | None = None
    pet_per_hour: float = 0.0
    doses: tuple[int, ...] = ()


def household(
    seed: int,
    timezone: str = "Europe/Madrid",
    *,
    character: Character | None = None,
    couple: bool | None = None,
    pet: bool | None = None,
) -> Household:
    """A household drawn from `seed`; what is given is not drawn."""
    dice = random.Random(f"household-{seed}")
    person = someone(seed, timezone, character)
    chances = dice.random(), dice.random(), dice.random()
    two = chances[0] < _COUPLES if couple is None else couple
    tame = chances[1] < _PETS if pet is None else pet
    doses = (person.wakes + 45, person.dinner) if chances[2] < _MEDICINES_SHARE else ()
    return Household(
        name=f"sim-{seed:03d}",
        person=person,
        sensors=tuple(_sensors(person, dice, medicines=bool(doses))),
        partner=_partner_of(person) if two else None,
        pet_per_hour=dice.uniform(0.5, 2.5) if tame else 0.0,
        doses=doses,
    )


def _partner_of(person: Person) -> Person:
    dice = random.Random(f"partner-{person.seed}")
    return replace(
        person,
        seed=person.seed + _PARTNER,
        wakes=round(person.wakes + dice.gauss(0, 25)),
        stillness=dice.lognormvariate(0.0, 0.45),
        night_visits=dice.uniform(0.3, 2.2),
        visit_share=0.0,
        weekly=tuple(errand for errand in person.weekly if errand.why is Why.OUTING),
    )


def _sensors(person: Person, dice: random.Random, *, medicines: bool) -> list[Sensor]:
    """One make of movement detector throughout a home; each sees more or less of its room and errs in its own way."""
    cool_down_s = dice.choice((1.5, 5.0, 20.0, 60.0))
    hold_s = max(cool_down_s, 30.0)
    rooms = [Room.HALL, Room.KITCHEN, Room.LIVING, Room.BATHROOM, Room.BEDROOM]
    if person.office:
        rooms.append(Room.OFFICE)
    motions = [
        Sensor(
            f"{room.value}-motion",
            room,
            "motion",
            cool_down_s,
            hold_s,
            seen=dice.uniform(0.7, 0.98),
            strays=dice.lognormvariate(math.log(0.35), 0.8),
        )
        for room in rooms
    ]
    door = Sensor("front-door", Room.HALL, "open", strays=dice.lognormvariate(math.log(0.4), 1.4))
    box = [Sensor("medicines", Room.KITCHEN, "dose")] if medicines else []
    bed = Sensor("bed", Room.BEDROOM, "presence")
    return [*motions, door, bed, Sensor("living-climate", Room.LIVING, "temperature"), *box]
