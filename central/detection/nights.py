"""What happens at the hours at which a home is usually asleep: exits, beds that stay empty, walks through the rooms.

The hours are learned: between the first and the last half hour of the care plan's night in which somebody is clearly
less often about than by day. In the first fortnight they are 0 to 5 o'clock. What is found here from the signs of a
night is found by the detectors of the present and by the learning of the past in the very same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from central.detection.activity import STEP_S, Change, Sign
from central.detection.habits import SLOTS, Habits
from central.detection.profile import Limits

SLOT_S: Final = 86_400 // SLOTS
SMALL_HOURS: Final = (0, 5 * 3600)
"""Asleep while nothing is learned."""
BY_DAY: Final = range(20, 40)
"""Half hours from ten to eight in the evening: how much somebody is about by day."""
ASLEEP_SHARE: Final = 0.55
"""Asleep is who is about less than this share of what is usual by day."""
WALK_S: Final = 600.0
"""Who was noticed indoors so long before the door has walked to it."""
UNSEEN_FACTOR: Final = 3.0
"""A door to which nobody was seen walking, or that let somebody in, must be followed by a silence so much longer."""
LEAVING_S: Final = 120.0
"""The sensor in the hall still sees somebody who leaves."""
PAUSE_S: Final = 1_200.0
"""Who rests for longer than this does not walk about any more."""
ROOMS_LEAST: Final = 3
"""Walking to and fro between two rooms, as from bed to bathroom, is no wandering."""


class Night(NamedTuple):
    """The hours of sleep of one night, Unix seconds, and the ordinal of the local day on which they end."""

    begin_at: float
    end_at: float
    day: int


class Exit(NamedTuple):
    """An entry door after which nobody was noticed indoors: when, by which door, whether somebody was seen walking to
    it, and when somebody was noticed again (None = not yet)."""

    at: float
    device: str
    walked: bool
    back_at: float | None


class Walk(NamedTuple):
    """Walking about: its first sign, its last, when it had lasted for the limit (None = not so long), minutes on the
    move, rooms in order of appearance."""

    begin_at: float
    end_at: float
    found_at: float | None
    minutes: float
    rooms: tuple[str, ...]


def sleep_seconds(habits: Habits, limits: Limits) -> tuple[int, int]:
    """The hours of sleep as seconds of the local day; the first may be before midnight, that is greater."""
    if not habits.learned:
        return SMALL_HOURS
    rates = habits.day_rates()
    quiet = ASLEEP_SHARE * sum(rates[slot] for slot in BY_DAY) / len(BY_DAY)
    first, last = (_slot(clock) for clock in (limits.night_from, limits.night_to))
    night = [(first + place) % SLOTS for place in range((last - first) % SLOTS or SLOTS)]
    asleep = [slot for slot in night if rates[slot] < quiet]
    if not asleep:
        return SMALL_HOURS
    return asleep[0] * SLOT_S, (asleep[-1] + 1) * SLOT_S


def _slot(clock: str) -> int:
    hours, minutes = clock.split(":")
    return (int(hours) * 3600 + int(minutes) * 60) // SLOT_S % SLOTS


def night_of_day(day: int, hours: tuple[int, int], zone: ZoneInfo) -> Night:
    """The night that ends on a local day, given as an ordinal."""
    begin, end = hours
    first = day - 1 if begin >= end else day
    return Night(_local(first, begin, zone), _local(day, end, zone), day)


def last_night(now: float, hours: tuple[int, int], zone: ZoneInfo) -> Night:
    """The night that began last."""
    today = datetime.fromtimestamp(now, zone).toordinal()
    nights = (night_of_day(day, hours, zone) for day in (today + 1, today, today - 1))
    return next(night for night in nights if night.begin_at <= now)


def _local(day: int, second: int, zone: ZoneInfo) -> float:
    at = datetime.combine(date.fromordinal(day), time(), zone) + timedelta(seconds=second)
    return at.timestamp()


def exits(signs: Iterable[Sign], limits: Limits) -> list[Exit]:
    """All times after an entry door in which nobody was noticed indoors, oldest first; only the last may go on."""
    doors = frozenset(limits.entry_doors)
    halls = {limits.room_of(door) for door in doors}
    found: list[Exit] = []
    indoors_at = float("-inf")
    for sign in signs:
        going = found[-1] if found and found[-1].back_at is None else None
        at_door = bool(sign.devices & doors)
        inside = sign.devices - doors
        if going and inside and not (_in(inside, halls, limits) and sign.at - going.at <= LEAVING_S):
            found[-1] = going._replace(back_at=sign.first_at)
            # who comes in by the door was not seen walking to it
            indoors_at, going = (float("-inf") if at_door else sign.at), None
        elif inside and not at_door:
            indoors_at = sign.at
        if at_door and going is None and _in({sign.device}, halls, limits):
            came_in = bool(found) and found[-1].back_at == sign.first_at
            walked = sign.first_at - indoors_at <= WALK_S or (bool(inside) and not came_in)
            door = sign.device if sign.device in doors else min(sign.devices & doors)
            found.append(Exit(sign.at, door, walked, None))
    return found


def _in(devices: Collection[str], rooms: Collection[str], limits: Limits) -> bool:
    return all(limits.room_of(device) in rooms for device in devices)


def exit_score(exit_: Exit, until: float) -> float:
    """Minutes in which nobody was noticed indoors, as they count."""
    return (until - exit_.at) / 60 / (1.0 if exit_.walked else UNSEEN_FACTOR)


def exit_found_at(exit_: Exit, limit_minutes: float) -> float:
    """When the score passes a limit."""
    return exit_.at + limit_minutes * 60 * (1.0 if exit_.walked else UNSEEN_FACTOR)


def open_spans(changes: Sequence[Change], night: Night, until: float) -> list[tuple[float, float]]:
    """When a door stood open within a night: (opened at, closed at), the last one up to `until`."""
    spans = []
    for place, change in enumerate(changes):
        closed_at = changes[place + 1].at if place + 1 < len(changes) else until
        if change.on and closed_at > night.begin_at and change.at < night.end_at:
            spans.append((change.at, min(closed_at, until)))
    return spans


def state_at(changes: Sequence[Change], at: float) -> Change | None:
    """The last change up to a time."""
    return next((change for change in reversed(changes) if change.at <= at), None)


def walks(signs: Sequence[Sign], night: Night, limits: Limits, limit_minutes: float = float("inf")) -> list[Walk]:
    """The walks of a night, oldest first."""
    found: list[Walk] = []
    before: frozenset[str] = frozenset()
    for sign in signs:
        if not night.begin_at <= sign.at < night.end_at:
            continue
        rooms = frozenset(limits.room_of(device) for device in sign.devices)
        if not found or sign.first_at - found[-1].end_at > PAUSE_S:
            found.append(Walk(sign.first_at, sign.at, None, 0.0, ()))
            before = frozenset()
        walk = found[-1]
        minutes = walk.minutes + (STEP_S / 60 if len(rooms | before) > 1 else 0.0)
        seen = (*walk.rooms, *sorted(rooms.difference(walk.rooms)))
        passed = walk.found_at is None and minutes >= limit_minutes and len(seen) >= ROOMS_LEAST
        found[-1] = Walk(walk.begin_at, sign.at, sign.first_at if passed else walk.found_at, minutes, seen)
        before = rooms
    return found
