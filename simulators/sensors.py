"""What sensors make of people: movement detectors that miss and lie, a door, a bed, a thermometer, a medicine box."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from devices.vocabulary import Reading
from simulators.stay import STILL_S, Doing, Room, Stay

_TEMPERATURE_EVERY_S: Final = 900.0
_BATTERY_EVERY_S: Final = 3600.0
"""Each sensor gives a sign of life so often, moved or not: without one it would count as dead."""
_BURST: Final = 0.85
"""After a movement another follows within seconds with this chance."""
_BURST_S: Final = (1.5, 9.0)
_LIES_DOWN: Final = frozenset({Doing.ASLEEP, Doing.DOWN, Doing.DOWN_IN_BED})
_LOOSE_S: Final = (1.0, 25.0)
"""A door that is not quite shut rattles for so long."""
_COLD_BY: Final = 9.0
_COOLING_S: Final = 20 * 3600.0
"""Without heating a home grows colder by so much, in the end, with this time constant."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor in its place.

    Attributes:
        id, room: as enrolled.
        kind: what it measures: motion, open, presence, temperature, dose.
        cool_down_s: a movement detector is blind for so long after it saw something.
        hold_s: it says "no" this long after its last movement.
        seen: share of movements that it sees.
        strays: in an average day it speaks so often with nobody there (light, heating, draught, a loose contact).
    """

    id: str
    room: Room
    kind: str
    cool_down_s: float = 30.0
    hold_s: float = 45.0
    seen: float = 1.0
    strays: float = 0.0


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


@dataclass(frozen=True, slots=True)
class Scene:
    """What goes on in a home in a day, for sensors to see.

    Attributes:
        stays: of the person, without gap.
        others: of anybody else.
        pet_per_hour: how often a pet walks past a sensor.
        cold: times without heating.
        doses: what the medicine box says, and when.
    """

    stays: Sequence[Stay]
    others: Sequence[Stay] = ()
    pet_per_hour: float = 0.0
    cold: Sequence[tuple[float, float]] = ()
    doses: Sequence[tuple[float, str]] = ()


def readings_of(stays: Sequence[Stay], sensors: Sequence[Sensor], dice: random.Random) -> list[Reading]:
    """What `sensors` say while a person alone lives `stays`, in order of time."""
    return readings_in(Scene(stays), sensors, dice)


def readings_in(scene: Scene, sensors: Sequence[Sensor], dice: random.Random) -> list[Reading]:
    """What `sensors` say in a scene, in order of time."""
    begin_at, end_at = scene.stays[0].begin_at, scene.stays[-1].end_at
    in_room: dict[Room, list[Stay]] = {room: [] for room in Room}
    for stay in (*scene.stays, *scene.others):
        in_room[stay.room].append(stay)
    pets = _pet_walks(scene, dice)
    said: list[Reading] = []
    for sensor in sensors:
        match sensor.kind:
            case "motion":
                moves = [at for stay in in_room[sensor.room] for at in _moves(stay, dice)]
                astray = _at_random(sensor.strays, begin_at, end_at, dice)
                said += _motion(sensor, sorted([*moves, *astray, *pets.get(sensor.room, ())]), dice)
            case "open":
                said += _door(sensor, scene, dice)
            case "presence":
                said += _bed(sensor, scene.stays)
            case "temperature":
                said += _temperature(sensor, scene, dice)
            case "dose":
                said += [Reading(sensor.id, "dose", word, at) for at, word in scene.doses]
        said += _battery(sensor, begin_at, end_at)
    said.sort(key=lambda reading: reading.measured_at)
    return said


def _motion(sensor: Sensor, moves: Iterable[float], dice: random.Random) -> Iterator[Reading]:
    last = -math.inf
    for at in moves:
        if at - last < sensor.cool_down_s or dice.random() >= sensor.seen:
            continue
        if at - last > sensor.hold_s and last > 0:
            yield Reading(sensor.id, "motion", False, last + sensor.hold_s)
        yield Reading(sensor.id, "motion", True, at)
        last = at
    if last > 0:
        yield Reading(sensor.id, "motion", False, last + sensor.hold_s)


def _moves(stay: Stay, dice: random.Random) -> Iterator[float]:
    """Bursts of movement: on entering, and then at random; somebody who lies down does not move at once."""
    mean = stay.still_s or STILL_S.get(stay.doing, math.inf)
    if mean == math.inf:
        return
    at = stay.begin_at + (dice.expovariate(1 / mean) if stay.doing in _LIES_DOWN else 1.0)
    while at < stay.end_at:
        yield at
        at += dice.uniform(*_BURST_S) if dice.random() < _BURST else dice.expovariate(1 / mean)


def _pet_walks(scene: Scene, dice: random.Random) -> dict[Room, list[float]]:
    """A pet goes through one to three rooms, rarely in the bathroom."""
    walks: dict[Room, list[float]] = {}
    if not scene.pet_per_hour:
        return walks
    begin_at, end_at = scene.stays[0].begin_at, scene.stays[-1].end_at
    for begin in _at_random(24 * scene.pet_per_hour, begin_at, end_at, dice):
        at = begin
        for room in dice.sample((Room.LIVING, Room.HALL, Room.KITCHEN, Room.BEDROOM), dice.randint(1, 3)):
            walks.setdefault(room, []).append(at)
            at += dice.uniform(3, 40)
    return walks


def _at_random(per_day: float, begin_at: float, end_at: float, dice: random.Random) -> Iterator[float]:
    at = begin_at
    while per_day and (at := at + dice.expovariate(per_day / 86_400)) < end_at:
        yield at


def _door(sensor: Sensor, scene: Scene, dice: random.Random) -> Iterator[Reading]:
    begin_at, end_at = scene.stays[0].begin_at, scene.stays[-1].end_at
    opened = [*_openings(scene.stays), *_openings(scene.others)]
    opened += [(at, at + dice.uniform(*_LOOSE_S)) for at in _at_random(sensor.strays, begin_at, end_at, dice)]
    shut = -math.inf
    for open_at, shut_at in sorted(opened):
        if open_at > shut:
            yield Reading(sensor.id, "open", True, open_at)
            yield Reading(sensor.id, "open", False, shut_at)
            shut = shut_at


def _openings(stays: Sequence[Stay]) -> Iterator[tuple[float, float]]:
    """When the door stands open: until somebody is out, when they are back, and while they talk there."""
    for before, stay, after in zip([None, *stays], stays, [*stays[1:], None], strict=False):
        if stay.doing is not Doing.AT_DOOR:
            continue
        if after is not None and after.room is Room.OUT:
            yield stay.end_at - 1.0, stay.end_at + 8.0
        elif before is not None and before.room is Room.OUT:
            yield stay.begin_at, stay.begin_at + 8.0
        else:
            yield stay.begin_at + 3.0, max(stay.end_at - 2.0, stay.begin_at + 6.0)


def _bed(sensor: Sensor, stays: Sequence[Stay]) -> Iterator[Reading]:
    lying: bool | None = None
    for stay in stays:
        if stay.in_bed != lying:
            yield Reading(sensor.id, "presence", stay.in_bed, stay.begin_at)
        lying = stay.in_bed


def _temperature(sensor: Sensor, scene: Scene, dice: random.Random) -> Iterator[Reading]:
    offset = dice.uniform(-0.4, 0.4)
    for at in _every(_TEMPERATURE_EVERY_S, scene.stays[0].begin_at, scene.stays[-1].end_at):
        warmth = 21.0 + offset + 1.2 * math.sin((at % 86_400 - 32_400) / 86_400 * 2 * math.pi) + dice.gauss(0, 0.1)
        for begin_at, end_at in scene.cold:
            if begin_at <= at < end_at:
                warmth -= _COLD_BY * (1 - math.exp(-(at - begin_at) / _COOLING_S))
        yield Reading(sensor.id, "temperature", round(warmth, 1), at)


def _battery(sensor: Sensor, begin_at: float, end_at: float) -> Iterator[Reading]:
    for at in _every(_BATTERY_EVERY_S, begin_at, end_at):
        yield Reading(sensor.id, "battery", 90.0, at)


def _every(step_s: float, begin_at: float, end_at: float) -> Iterator[float]:
    at = begin_at
    while at < end_at:
        yield at
        at += step_s
