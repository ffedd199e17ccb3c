"""What truly happened in a simulated home, and when: the answers that detectors are scored against."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class What(StrEnum):
    """Something that happened, for a while."""

    # ordinary life
    ASLEEP = "asleep"
    AWAY = "away"
    BATHROOM = "bathroom"
    NIGHT_BATHROOM = "night_bathroom"
    MEAL = "meal"
    VISIT = "visit"
    HELP = "help"
    CALL = "call"
    # what a detector should find, or should not take for something else
    COLLAPSE = "collapse"
    COLLAPSE_IN_BED = "collapse_in_bed"
    ILLNESS = "illness"
    WANDERING = "wandering"
    NIGHT_EXIT = "night_exit"
    LONG_BATHROOM = "long_bathroom"
    BED_NOT_BACK = "bed_not_back"
    DOSE_FORGOTTEN = "dose_forgotten"
    COLD_HOME = "cold_home"
    ABSENCE = "absence"
    LESS_ACTIVE = "less_active"
    MORE_NIGHT_VISITS = "more_night_visits"
    # sensors and messages
    SENSOR_DEAD = "sensor_dead"
    SENSOR_EAGER = "sensor_eager"
    BATTERY_LOW = "battery_low"


class Truth(NamedTuple):
    """A labelled span of time.

    Attributes:
        what: what it was.
        begin_at, end_at: Unix seconds, UTC; the end is open.
        where: the room, or for a sensor its id; "" where neither applies.
    """

    what: What
    begin_at: float
    end_at: float
    where: str = ""
