"""A person's days in rooms, midnight to midnight. Same seed and date, same day."""

from __future__ import annotations

from datetime import date, timedelta

from simulators.day import Life, life, local_at
from simulators.habits import Character, Person, someone
from simulators.stay import Doing, Room, Stay, within

__all__ = ["Character", "Doing", "Person", "Room", "Stay", "company_of", "day_of", "someone"]


def day_of(person: Person, day: date) -> list[Stay]:
    """The whole local day: stays that follow each other without gap or overlap."""
    begin_at, end_at = _midnights(person, day)
    return [stay for lived in _lives(person, day) for stay in within(lived.own, begin_at, end_at)]


def company_of(person: Person, day: date) -> list[Stay]:
    """Where visitors and helpers are in that day."""
    begin_at, end_at = _midnights(person, day)
    return [stay for lived in _lives(person, day) for stay in within(lived.others, begin_at, end_at)]


def _midnights(person: Person, day: date) -> tuple[float, float]:
    return local_at(person, day, 0), local_at(person, day + timedelta(days=1), 0)


def _lives(person: Person, day: date) -> tuple[Life, Life]:
    return life(person, day - timedelta(days=1)), life(person, day)
