"""How events change somebody's days: habits that drift, days of illness, hours that are lived otherwise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from simulators.day import life, local_at
from simulators.events import HOUR_S, Event
from simulators.habits import Person, wake_minutes
from simulators.stay import Diary, Doing, Room, Stay, within, without
from simulators.truth import Truth, What

_SEARCH_DAYS: Final = 4
"""The fitting moment for an event comes within so long, or it does not happen."""
_HELP_S: Final = 40 * 60.0
_ALONE: Final = frozenset({What.COLLAPSE, What.COLLAPSE_IN_BED, What.NIGHT_EXIT, What.ABSENCE, What.LONG_BATHROOM})
"""Nobody visits meanwhile: somebody who did would end it."""


class Episode(NamedTuple):
    """Hours that are lived otherwise than usual, and who comes to help at their end."""

    truth: Truth
    own: tuple[Stay, ...]
    help: tuple[Stay, ...] = ()

    @property
    def begin_at(self) -> float:
        """When it begins."""
        return self.own[0].begin_at

    @property
    def end_at(self) -> float:
        """When life goes on as usual."""
        return self.own[-1].end_at


class Script:
    """A person's life with what happens to them.

    Attributes:
        episodes: in order of time.
        truth: everything that happened by script.
    """

    def __init__(self, person: Person, events: Iterable[Event], end_at: float) -> None:
        """`end_at`: when the recording ends; drifts last until then."""
        self.person = person
        self.episodes: list[Episode] = []
        ordered = sorted(events, key=lambda event: event.at)
        self._slow = [event for event in ordered if event.what in _SLOW]
        self.truth = [self._slow_truth(event, end_at) for event in self._slow]
        for event in ordered:
            if event.what in _EPISODES and (episode := self._episode(event)) is not None:
                self.episodes.append(episode)
                self.truth.append(episode.truth)

    # the days

    def habits_on(self, day: date) -> Person:
        """The person as they are on that day."""
        noon = local_at(self.person, day, 720)
        person = self.person
        for event in self._slow:
            if event.what is What.ILLNESS and self._begin_of(event) <= noon < event.at + event.lasts_s:
                person = replace(person, ill=True)
            elif event.what in (What.LESS_ACTIVE, What.MORE_NIGHT_VISITS) and noon > event.at:
                factor = event.strength ** min(1.0, (noon - event.at) / max(event.lasts_s, 1.0))
                person = _DRIFTS[event.what](person, factor)
        return person

    def own(self, day: date) -> list[Stay]:
        """Where the person is that day, midnight to midnight."""
        stays = self._usual(day)
        for episode in self.episodes:
            begin_at, end_at = max(episode.begin_at, stays[0].begin_at), min(episode.end_at, stays[-1].end_at)
            if begin_at < end_at:
                left = without(stays, begin_at, end_at)
                stays = sorted([*left, *within(episode.own, begin_at, end_at)], key=lambda stay: stay.begin_at)
        return stays

    def others(self, day: date) -> list[Stay]:
        """Where visitors and helpers are that day."""
        begin_at, end_at = local_at(self.person, day, 0), local_at(self.person, day + timedelta(days=1), 0)
        stays = [stay for lived in self._lives(day) for stay in within(lived, begin_at, end_at)]
        for episode in self.episodes:
            if episode.truth.what in _ALONE:
                stays = without(stays, episode.begin_at, episode.end_at)
            stays += within(episode.help, begin_at, end_at)
        return stays

    def spans(self, what: What) -> list[tuple[float, float]]:
        """When something happened by script."""
        return [(truth.begin_at, truth.end_at) for truth in self.truth if truth.what is what]

    def _lives(self, day: date) -> Iterable[Sequence[Stay]]:
        before = day - timedelta(days=1)
        return life(self.habits_on(before), before).others, life(self.habits_on(day), day).others

    def _usual(self, day: date) -> list[Stay]:
        begin_at, end_at = local_at(self.person, day, 0), local_at(self.person, day + timedelta(days=1), 0)
        days = (day - timedelta(days=1), day)
        return [stay for one in days for stay in within(life(self.habits_on(one), one).own, begin_at, end_at)]

    # finding the moment

    def _begin_of(self, event: Event) -> float:
        day = self._day_of(event.at)
        return local_at(self.person, day, wake_minutes(self.person, day)) if event.what is What.ILLNESS else event.at

    def _slow_truth(self, event: Event, end_at: float) -> Truth:
        lasting = event.what in (What.LESS_ACTIVE, What.MORE_NIGHT_VISITS)
        return Truth(event.what, self._begin_of(event), end_at if lasting else event.at + event.lasts_s)

    def _day_of(self, at: float) -> date:
        return datetime.fromtimestamp(at, ZoneInfo(self.person.timezone)).date()

    def _episode(self, event: Event) -> Episode | None:
        fits, write = _EPISODES[event.what]
        first = self._day_of(event.at)
        stays = [stay for count in range(_SEARCH_DAYS) for stay in self.own(first + timedelta(days=count))]
        found = next((stay for stay in stays if stay.end_at > event.at + 1 and fits(stay)), None)
        if found is None:
            return None
        begin_at = max(event.at, found.begin_at)
        dice = random.Random(f"{self.person.seed}-{event.what}-{event.at}")
        diary = Diary(begin_at, dice)
        diary.stays.append(replace(found, end_at=begin_at))
        helping = write(diary, event, found.room, dice)
        happened = Truth(event.what, begin_at, diary.now, found.room.value)
        others = self._help(diary, found.room) if helping else []
        self._resume(diary)
        return Episode(happened, tuple(diary.stays[1:]), tuple(others))

    def _help(self, diary: Diary, room: Room) -> list[Stay]:
        """Somebody opens the door, and sits the person up."""
        end_at = diary.now + _HELP_S
        come = Diary(diary.now, random.Random(0))
        come.stay(Room.HALL, Doing.AT_DOOR, 1.0)
        come.until(room, Doing.BUSY, end_at - 60.0)
        come.until(Room.HALL, Doing.AT_DOOR, end_at)
        diary.stay(room, Doing.DOWN, 2.0)
        diary.until(room, Doing.SITTING, end_at, visitor=True)
        return come.stays

    def _resume(self, diary: Diary) -> None:
        """Back into the day as it would have been: somebody who would be out rests until they would be back."""
        day = self._day_of(diary.now)
        for stay in (*self._usual(day), *self._usual(day + timedelta(days=1))):
            if stay.room is Room.OUT and stay.begin_at <= diary.now < stay.end_at:
                diary.until(Room.LIVING, Doing.RESTING, stay.end_at)


# drifts


def _calmer(person: Person, factor: float) -> Person:
    return replace(
        person,
        stillness=person.stillness / factor,
        rests=1.0 - (1.0 - person.rests) * factor,
        outing_share=person.outing_share * factor,
        later_share=person.later_share * factor,
        trips=person.trips * factor,
    )


def _more_nights(person: Person, factor: float) -> Person:
    return replace(person, night_visits=person.night_visits * factor)


_DRIFTS: Final[dict[What, Callable[[Person, float], Person]]] = {
    What.LESS_ACTIVE: _calmer,
    What.MORE_NIGHT_VISITS: _more_nights,
}
_SLOW: Final = frozenset({*_DRIFTS, What.ILLNESS, What.COLD_HOME, What.DOSE_FORGOTTEN})


# episodes: when they may begin, and how they go; true = somebody comes to help at the end


def _up(stay: Stay) -> bool:
    return stay.room is not Room.OUT and not stay.in_bed and not stay.visitor and stay.doing is not Doing.PASSING


def _asleep(stay: Stay) -> bool:
    return stay.doing is Doing.ASLEEP


def _in_bathroom(stay: Stay) -> bool:
    return stay.room is Room.BATHROOM


_REMAINS: Final = {
    What.COLLAPSE: Doing.DOWN,
    What.COLLAPSE_IN_BED: Doing.DOWN_IN_BED,
    What.LONG_BATHROOM: Doing.SITTING,
}


def _remains(diary: Diary, event: Event, room: Room, _dice: random.Random) -> bool:
    doing = _REMAINS[event.what]
    still_s = HOUR_S / event.strength if event.strength else math.inf
    diary.stays.append(Stay(room, doing, diary.now, diary.now + event.lasts_s, still_s=still_s))
    diary.now += event.lasts_s
    return doing is not Doing.SITTING


def _wanders(diary: Diary, event: Event, _room: Room, dice: random.Random) -> bool:
    end_at = diary.now + event.lasts_s
    while diary.now < end_at:
        room = dice.choice((Room.HALL, Room.KITCHEN, Room.LIVING, Room.HALL, Room.BEDROOM, Room.BATHROOM))
        diary.until(room, Doing.BUSY, min(end_at, diary.now + dice.uniform(30, 420)))
    return False


def _leaves_at_night(diary: Diary, event: Event, _room: Room, dice: random.Random) -> bool:
    diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(0.5, 3))
    diary.stay(Room.OUT, Doing.AWAY, event.lasts_s / 60)
    diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(0.5, 2))
    return False


def _sits_up(diary: Diary, event: Event, _room: Room, dice: random.Random) -> bool:
    end_at = diary.now + event.lasts_s
    diary.stay(Room.BATHROOM, Doing.WASHING, dice.uniform(3, 6))
    diary.until(Room.LIVING, Doing.DOZING, end_at)
    return False


def _goes_away(diary: Diary, event: Event, _room: Room, dice: random.Random) -> bool:
    end_at = diary.now + event.lasts_s
    diary.stay(Room.BEDROOM, Doing.BUSY, dice.uniform(8, 20))
    diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(1, 3))
    diary.until(Room.OUT, Doing.AWAY, end_at)
    diary.stay(Room.HALL, Doing.AT_DOOR, dice.uniform(1, 3))
    diary.stay(Room.BEDROOM, Doing.BUSY, dice.uniform(10, 30))
    return False


_EPISODES: Final[dict[What, tuple[Callable[[Stay], bool], Callable[[Diary, Event, Room, random.Random], bool]]]] = {
    What.COLLAPSE: (_up, _remains),
    What.COLLAPSE_IN_BED: (_asleep, _remains),
    What.WANDERING: (_asleep, _wanders),
    What.NIGHT_EXIT: (_asleep, _leaves_at_night),
    What.LONG_BATHROOM: (_in_bathroom, _remains),
    What.BED_NOT_BACK: (_asleep, _sits_up),
    What.ABSENCE: (_up, _goes_away),
}
