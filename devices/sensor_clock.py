"""When a measurement was made that bears the date of its sensor's own clock. Pure.

Such a date has no time zone, and the clock behind it is often wrong: set to summer time, back in 2010 after a change of
battery, never set. So only its difference to now counts, and the offset between it and the hub's clock is remembered:

- Where the sensor lets its clock be read (Current Time 0x2A2B or Date Time 0x2A08), that is done at each connection.
  Then the age of each measurement is exact, however wrong either clock is.
- Where not, the offset is learnt from the measurement that arrived most freshly: transport only adds to it, so the
  least difference is the best guess. It must be one that a time zone can explain (-14 to +12 hours). A sensor whose
  clock is further off is refused as `wrong_clock` until somebody sets it: its stored measurements could not be told
  from new ones.

At the very first contact with a sensor of the second kind a stored measurement of the last hours cannot be told from a
new one; from then on it can. A measurement without a date counts as made now.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from devices.rejection import Rejection
from devices.replay import ReplayMark

UNKNOWN, LEARNT, READ = 0, 1, 2
"""`ReplayMark.clock_source`: how its offset is known."""

ZONE_LEAST_S: Final = -14 * 3600.0
ZONE_MOST_S: Final = 12 * 3600.0
SLACK_S: Final = 900.0
"""A clock that is off by so much more than a time zone is still one that somebody set."""
AGE_MAX_S: Final = 39 * 86_400.0
"""Older measurements are refused here, because the centre would refuse them (its limit is 40 days)."""


def seconds_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float | None:
    """The sensor's date as seconds, as if it were UTC; None where it is none (0 stands for unknown in the format)."""
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def clock_read(mark: ReplayMark, sensor_s: float | None, received_at: float) -> ReplayMark:
    """Remembers what the sensor's clock showed at `received_at`; None: it is not set, which says nothing."""
    if sensor_s is None:
        return mark
    offset = received_at - sensor_s
    # sensors tell whole seconds: within one nothing has changed, and nothing has to be written down
    if mark.clock_source == READ and abs(offset - mark.clock_offset_s) <= 1.0:
        return mark
    return msgspec.structs.replace(mark, clock_offset_s=offset, clock_source=READ)


def date(mark: ReplayMark, sensor_s: float, received_at: float) -> tuple[float, ReplayMark] | Rejection:
    """The Unix time of a measurement that bears `sensor_s`, never after `received_at`, and the new memory.

    Reasons of a Rejection: `wrong_clock`, `too_old`.
    """
    offset = received_at - sensor_s
    if mark.clock_source != READ:
        explained = offset >= ZONE_LEAST_S - SLACK_S
        fresher = mark.clock_source == UNKNOWN or offset < mark.clock_offset_s
        if not explained or (mark.clock_source == UNKNOWN and offset > ZONE_MOST_S + SLACK_S):
            return Rejection("wrong_clock", "the sensor's date is wrong: set its clock and measure again")
        if fresher:
            mark = msgspec.structs.replace(mark, clock_offset_s=offset, clock_source=LEARNT)
    age_s = max(offset - mark.clock_offset_s, 0.0)
    if age_s > AGE_MAX_S:
        return Rejection("too_old", "stored for too long, or the sensor's clock was reset: set it and measure again")
    return received_at - age_s, mark
