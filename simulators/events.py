"""What happens to somebody, by script: a collapse, an illness, a night of wandering, a holiday.

An event waits for its moment: a collapse awake for the person to be up and at home, wandering for sleep. When it truly
was, the recording's truth says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulators.truth import What

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the person. The functions of this module make them.

    Attributes:
        what: what it is.
        at: Unix seconds; it begins then, or at the first fitting moment after it.
        lasts_s: until somebody helps, or until it is over; of a drift until it has come about fully.
        strength: of drifts the factor that is reached; of a collapse and of a long time in the bathroom how often an
            hour the person still stirs: a knock, a crawl.
    """

    what: What
    at: float
    lasts_s: float
    strength: float = 0.0


def collapse(at: float, hours: float = 24.0, *, stirs_per_hour: float = 0.0) -> Event:
    """Falls where they are and lies there until somebody comes."""
    return Event(What.COLLAPSE, at, hours * HOUR_S, stirs_per_hour)


def collapse_in_bed(at: float, hours: float = 24.0, *, stirs_per_hour: float = 0.0) -> Event:
    """Does not wake up any more; the bed stays occupied."""
    return Event(What.COLLAPSE_IN_BED, at, hours * HOUR_S, stirs_per_hour)


def illness(at: float, days: float = 4.0) -> Event:
    """In bed from the morning of the first day: no outings, more bathroom, small meals."""
    return Event(What.ILLNESS, at, days * DAY_S)


def wandering(at: float, minutes: float = 70.0) -> Event:
    """Leaves the bed in the night and walks about."""
    return Event(What.WANDERING, at, minutes * 60)


def night_exit(at: float, minutes: float = 25.0) -> Event:
    """Leaves the bed in the night, and the home."""
    return Event(What.NIGHT_EXIT, at, minutes * 60)


def long_bathroom(at: float, hours: float = 3.0, *, stirs_per_hour: float = 3.0) -> Event:
    """The next time in the bathroom does not end."""
    return Event(What.LONG_BATHROOM, at, hours * HOUR_S, stirs_per_hour)


def bed_not_back(at: float, hours: float = 3.0) -> Event:
    """Gets up in the night and spends the rest of it in a chair."""
    return Event(What.BED_NOT_BACK, at, hours * HOUR_S)


def forgotten_doses(at: float, days: float = 1.0) -> Event:
    """Medicine is not taken."""
    return Event(What.DOSE_FORGOTTEN, at, days * DAY_S)


def cold_home(at: float, days: float = 2.0) -> Event:
    """The heating fails."""
    return Event(What.COLD_HOME, at, days * DAY_S)


def absence(at: float, days: float = 7.0) -> Event:
    """Away for days, on holiday or in hospital: nobody is in, and sensors lie now and then as always."""
    return Event(What.ABSENCE, at, days * DAY_S)


def less_active(at: float, factor: float = 0.5, weeks: float = 4.0) -> Event:
    """Slowly moves less, rests more, goes out less; and stays so."""
    return Event(What.LESS_ACTIVE, at, weeks * 7 * DAY_S, factor)


def more_night_visits(at: float, factor: float = 2.0, weeks: float = 2.0) -> Event:
    """Slowly is in the bathroom more often at night; and stays so."""
    return Event(What.MORE_NIGHT_VISITS, at, weeks * 7 * DAY_S, factor)
