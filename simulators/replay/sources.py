"""What can be played: homes and falls, recorded or simulated, moved to the present."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from devices.vocabulary import Reading
from simulators import recorded_homes
from simulators.household import household
from simulators.movement import Row, fall, feel, sit_down, walk
from simulators.recording import Heard, Recording, simulated

SIMULATED: Final = "simulated"
MARGIN_DAYS: Final = 2
"""A simulated home goes on for so long after now."""
RATE_HZ: Final = 50
NO_NUMPY: Final = "Recordings and the detector of falls need numpy: pip install 'llar[falls]'."
_SEED_MAX: Final = 100_000


class NothingToPlay(Exception):
    """What was asked for is not there; the message says what to do."""


class Stretch(NamedTuple):
    """A home's days, moved so that the present is where it was asked for; each in the order of hearing."""

    past: list[Heard]
    coming: Iterator[Heard]


class Trial(NamedTuple):
    """Movement: rows of x, y, z in g and x, y, z in degrees per second, at `RATE_HZ`; and what it is."""

    rows: Sequence[Row]
    what: str


def home_of(name: str, days: int, timezone: str, now: float) -> Recording:
    """A home by name: of a recording, or "simulated:7". Raises NothingToPlay."""
    kind, _, seed = name.partition(":")
    if kind == SIMULATED:
        if seed and not (seed.isdigit() and int(seed) < _SEED_MAX):
            raise NothingToPlay(f"{name!r}: after the colon stands a number below {_SEED_MAX}.")
        today = datetime.fromtimestamp(now, ZoneInfo(timezone)).date()
        first = today - timedelta(days=days + 1)
        return simulated(household(int(seed or 1), timezone), first, days + 1 + MARGIN_DAYS)
    there = recorded_homes.names()
    if name not in there:
        known = f"There are: {', '.join(there)}." if there else "There are none."
        raise NothingToPlay(
            f"No recording of a home called {name!r} in {recorded_homes.folder()}. {known} Set LLAR_DATA to the folder"
            f" with homes/ and falls/ in it, or play {SIMULATED}:1."
        )
    try:
        return recorded_homes.recorded(name, timezone)
    except ImportError:
        raise NothingToPlay("Recordings are parquet files: pip install 'llar[recordings]' reads them.") from None
    except recorded_homes.BadRecording as fault:
        raise NothingToPlay(f"{fault}.") from None


def stretch(
    recording: Recording, now: float, days: float, last_day: date | None = None, still_h: float = 0.0
) -> Stretch:
    """So many days up to now, and what comes after. Days are moved as a whole: times of day stay true.

    Args:
        last_day: the day of the recording that becomes today; None for the last whole one but one.
        still_h: for so long before now, and from now on, nobody is noticed: signs of life of sensors go on.
    """
    zone = ZoneInfo(recording.timezone)
    today = datetime.fromtimestamp(now, zone).date()
    end = datetime.fromtimestamp(recording.end_at, zone).date()
    chosen = last_day or end - timedelta(days=MARGIN_DAYS)
    shift = today - chosen
    moved = _moved(recording, shift, zone)
    first_at = now - days * 86_400
    past: list[Heard] = []
    for heard in moved:
        if heard.at > now:
            return Stretch(
                _without_people(past, now - still_h * 3600) if still_h else past, _after(heard, moved, still_h)
            )
        if heard.at >= first_at:
            past.append(heard)
    return Stretch(_without_people(past, now - still_h * 3600) if still_h else past, iter(()))


def _moved(recording: Recording, shift: timedelta, zone: ZoneInfo) -> Iterator[Heard]:
    for heard in recording.heard():
        reading = heard.reading
        yield Heard(
            _later(heard.at, shift, zone),
            Reading(reading.device, reading.kind, reading.value, _later(reading.measured_at, shift, zone)),
        )


def _later(at: float, shift: timedelta, zone: ZoneInfo) -> float:
    local = datetime.fromtimestamp(at, zone)
    return (local.replace(tzinfo=None) + shift).replace(tzinfo=zone, fold=local.fold).timestamp()


_SIGNS_OF_LIFE: Final = frozenset({"battery", "voltage", "temperature", "humidity"})


def _without_people(past: list[Heard], from_at: float) -> list[Heard]:
    return [heard for heard in past if heard.at < from_at or heard.reading.kind in _SIGNS_OF_LIFE]


def _after(first: Heard, rest: Iterator[Heard], still_h: float) -> Iterator[Heard]:
    coming = chain((first,), rest)
    return (heard for heard in coming if heard.reading.kind in _SIGNS_OF_LIFE) if still_h else coming


def movement_of(name: str, number: int | None) -> Trial:
    """Movement by name: "simulated", "simulated-sitting", or of the recordings at "wrist" or "waist".

    Args:
        number: of the trial in the recordings; None for their first fall.

    Raises:
        NothingToPlay: there is no such thing.
    """
    if name.startswith(SIMULATED):
        acts = sit_down(6, hard=True) if name.endswith("sitting") else fall(6)
        return Trial(
            feel([*walk(5), *acts], RATE_HZ, seed=number or 1),
            "somebody walks and " + ("sits down with a bump" if name.endswith("sitting") else "falls"),
        )
    from devices.wearable.site import Site
    from simulators.recorded_falls import ABSENT, trials_of

    if name not in set(Site):
        raise NothingToPlay(f"{name!r} is no movement: wrist, waist, {SIMULATED} or {SIMULATED}-sitting.")
    try:
        trials = trials_of(Site(name))
    except ImportError:
        raise NothingToPlay(NO_NUMPY) from None
    except recorded_homes.BadRecording as fault:
        raise NothingToPlay(f"{fault}.") from None
    if not trials:
        raise NothingToPlay(f"There are {ABSENT}. Set it, or play {SIMULATED}.")
    if number is None:
        number = next((place for place, trial in enumerate(trials) if trial.is_fall), None)
    if number is None:
        raise NothingToPlay(
            f"Nobody falls in these recordings: choose from daily life, --trial 0 to {len(trials) - 1}."
        )
    if not 0 <= number < len(trials):
        raise NothingToPlay(f"There is no trial {number}: they are numbered from 0 to {len(trials) - 1}.")
    trial = trials[number]
    what = f"trial {number}: {'a fall' if trial.is_fall else 'daily life'}, {trial.activity}, subject {trial.subject}"
    rows = [(x, y, z, a, b, c) for x, y, z, a, b, c in trial.signal.tolist()]
    return Trial(rows, f"{what}, {trial.seconds:.1f} s")
