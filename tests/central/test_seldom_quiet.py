"""What was learned makes nobody be missed later than the plan's own hours, unless life at home is as quiet as that."""

from __future__ import annotations

import random

from devices.vocabulary import Reading
from tests.central.test_habits import HOUR, Flat, alive, at, ordered

LEARNED = 18
COLLAPSE_H = 9.3


def seen(day: int, hour: float, *devices: str) -> list[Reading]:
    return [Reading(device, "motion", True, at(day, hour) + 20 * place) for place, device in enumerate(devices)]


def door(day: int, hour: float) -> list[Reading]:
    return [Reading("front-door", "open", number == 0, at(day, hour) + 9 * number) for number in range(2)]


def day_out(day: int, until: float) -> list[Reading]:
    """Up at seven, out by the door, and then noticed every four hours."""
    return ordered(
        seen(day, 7.0, "bedroom-motion", "bathroom-motion"),
        door(day, 7.5),
        door(day, until),
        *(seen(day, hour, "hall-motion", "kitchen-motion") for hour in (until + 0.1, until + 4.0) if hour < 22.0),
        *(seen(day, hour, "living-motion", "kitchen-motion") for hour in (17.0, 20.0) if hour > until + 4.0),
        seen(day, 22.5, "bathroom-motion", "bedroom-motion"),
    )


def day_in(day: int) -> list[Reading]:
    return ordered(*(seen(day, hour, "kitchen-motion", "living-motion") for hour in (7.5, 9.2, 13.0, 17.5, 22.5)))


def days(count: int) -> list[Reading]:
    dice = random.Random(2)
    return ordered(*(day_in(day) if day % 7 >= 5 else day_out(day, dice.uniform(9.0, 21.0)) for day in range(count)))


def test_who_is_often_out_for_long_is_missed_at_home_no_later_than_the_plan_says() -> None:
    collapse = at(LEARNED + 1, COLLAPSE_H)
    lived = [one for one in days(LEARNED + 3) if one.measured_at < collapse]
    flat = Flat().live(ordered(lived, alive(at(0), LEARNED + 3)), collapse + 20 * HOUR)
    assert flat.known.learned
    found = [one.found_at - collapse for one in flat.inactive() if one.found_at > collapse]
    assert found
    assert found[0] <= flat.limits.inactivity_hours * HOUR, "ten hours by day, by default"


def test_who_is_often_as_quiet_as_that_is_not_missed_each_time() -> None:
    # out for twelve hours on four days of the week, past no sensor at the door
    quiet = [
        reading
        for day in range(42)
        for hour in ((7.0, 19.0, 22.5) if day % 7 < 4 else (7.0, 10.0, 13.0, 16.0, 19.0, 22.5))
        for reading in seen(day, hour, "kitchen-motion", "living-motion")
    ]
    flat = Flat().live(ordered(quiet, alive(at(0), 42)), at(42))
    after_learning = [one for one in flat.inactive() if one.found_at > at(15)]
    assert len(after_learning) <= 2
