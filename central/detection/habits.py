"""What one home's own past says about its silences: how long such a one lasts, and what is usual at this hour.

A silence is the time between two signs of somebody. Of each past one of twenty minutes and more, four small numbers
are kept for four months: when it began, how long it lasted, where it began, where it ended. A new silence is compared
with those that began at about this time of day, in this room, after the door or not. From them comes a hazard: how
likely is the next sign now, given that there was none so far (a Nelson-Aalen estimate; where few silences compare, that
of all the home's silences, and where there are none, a constant, take their place). Summed over the silence it is
mixed, as a weighted geometric mean, with the activity that is usual in the half hours that passed and with plain
elapsed time; the mix keeps a sure but wrong estimate from waiting for ever.

The limit is set from the past alone: so high that the last three months would have given the wished number of false
alarms. Of each five days only the worst silence counts: one bad week does not raise the limit for three months.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from math import log
from sys import intern
from typing import Final, NamedTuple

import msgspec

from central.detection.day_summary import Note, Summaries
from central.detection.hazard import PAST_DAYS, Ended, age, hazard, hazard_of_home
from central.detection.past_silences import DAY_STEPS, Columns, PastSilences, Silence
from central.detection.worst import LIMIT_DAYS, WORST_OF_DAYS, Worst

SLOTS: Final = 48
SILENCES_MAX: Final = 1_800
"""Silences kept: fifteen a day for four months, about 4 kB."""
SHORTEST_STEPS: Final = 4
"""Shorter silences than this say nothing of long ones."""
LEARNED_AFTER_DAYS: Final = 14
"""Before so many days are learned the fixed limits hold."""
OWN_SHARE: Final = 0.3
"""How much a budget's own past sets its limit; the past of all budgets sets the rest."""
TAIL_BLOCKS: Final = 6
"""From so many of the worst the limit is reckoned."""
UNSURE: Final = 1.25
"""In the first fortnight what exceeds the worst so far by so much is rare."""
MORNINGS: Final = 28
MORNINGS_LEAST: Final = 7
HAZARD_SHARE: Final = 0.7
USUAL_SHARE: Final = 0.15
ELAPSED_SHARE: Final = 0.15
_RATE_HALF_LIFE_DAYS: Final = 14.0
_NEAR_STEPS: Final = 18.0
"""Standard deviation of "about this time of day": an hour and a half."""
_OTHER_ROOM: Final = 0.15
_OTHER_DOOR: Final = 0.05
_HOME_WEIGHT: Final = 5.0
"""So many silences of any kind stand behind those that compare."""
_ELAPSED_UNIT: Final = 36
_DOOR_BIT: Final = 0x80
_ROOMS_MAX: Final = 100
_MORNING_ROOMS: Final = 128
_NEAR: Final = [
    2.718281828459045 ** (-0.5 * (min(steps, DAY_STEPS - steps) / _NEAR_STEPS) ** 2) for steps in range(DAY_STEPS)
]


class Start(NamedTuple):
    """How a silence began: local day (ordinal), local step of the day, room, after an entry door or not."""

    day: int
    step: int
    room: str
    door: bool


class Usual(NamedTuple):
    """What comparable silences were like: nine of ten ended within `steps`, most often in `room`."""

    steps: int
    room: str


class Kept(msgspec.Struct, array_like=True):
    """Habits as they are stored. Columns are bytes of little arrays, little-endian. `states` are no habits: doors and
    beds, kinds, since when and how they were when the last learned day began."""

    learned_day: int
    first_day: int
    days: int
    rooms: list[str]
    begun_days: bytes
    begun_steps: bytes
    lengths: bytes
    places: bytes
    ends: bytes
    seen: list[float]
    watched: list[float]
    worst: list[tuple[int, int, float]]
    mornings: list[tuple[int, int]] = []
    summaries_day: int = 0
    summaries: bytes = b""
    notes: list[Note] = []
    states: list[tuple[str, str, float, bool]] = []


class Habits:
    """One home's habits.

    Attributes:
        learned_day: ordinal of the last local day that was learned; 0 = none.
        first_day: the first one; days: how many of them had anything to learn.
        summaries: the last days in a few numbers.
    """

    __slots__ = (
        "_mornings",
        "_past",
        "_rooms",
        "_seen",
        "_watched",
        "_worst",
        "days",
        "first_day",
        "learned_day",
        "summaries",
    )

    def __init__(self) -> None:
        self.learned_day = self.first_day = self.days = 0
        self._rooms: list[str] = []
        self._past = PastSilences()
        self._seen = array("d", [0.0] * SLOTS)
        self._watched = array("d", [0.0] * SLOTS)
        self._worst = Worst()
        # steps of the day and rooms: step * _MORNING_ROOMS + room
        self._mornings = array("H")
        self.summaries = Summaries()

    @property
    def learned(self) -> bool:
        """Whether enough is known to judge by it."""
        return self.days >= LEARNED_AFTER_DAYS

    @property
    def silences(self) -> int:
        """How many past silences are kept."""
        return len(self._past)

    # learning

    def add(self, start: Start, steps: int, end_room: str) -> None:
        """A silence that ended."""
        place = self._room(start.room) | (_DOOR_BIT if start.door else 0)
        self._past.add(start.day, Silence(start.step, min(steps, DAY_STEPS), place, self._room(end_room)))

    def _room(self, name: str) -> int:
        if name not in self._rooms and len(self._rooms) < _ROOMS_MAX:
            self._rooms.append(intern(name))
        return self._rooms.index(name) if name in self._rooms else _ROOMS_MAX

    def note_worst(self, budget: int, day: int, score: float) -> None:
        """The score that a silence of that budget reached before it ended by itself."""
        self._worst.note(budget, day // WORST_OF_DAYS, score)

    def note_morning(self, step: int, room: str) -> None:
        """The first strong evidence of a day, after the small hours: local step of the day, and where."""
        self._mornings = array("H", [*self._mornings, step * _MORNING_ROOMS + self._room(room)][-MORNINGS:])

    def close_day(self, day: int, seen: list[float], watched: list[float]) -> None:
        """A day is over: steps with activity and steps watched in each half hour; what is too old is forgotten."""
        passed = min(day - self.learned_day, 60) if self.learned_day else 1
        fade = 0.5 ** (passed / _RATE_HALF_LIFE_DAYS)
        for slot in range(SLOTS):
            self._seen[slot] = self._seen[slot] * fade + seen[slot]
            self._watched[slot] = self._watched[slot] * fade + watched[slot]
        self.days += any(watched)
        self.first_day = self.first_day or day
        self.learned_day = day
        self._past.close(day - PAST_DAYS, SILENCES_MAX)
        self._worst.forget((day - LIMIT_DAYS) // WORST_OF_DAYS)

    # judging

    def scores(self, start: Start) -> list[float]:
        """How unusual a silence that began so is after 0, 1, 2 ... steps, up to a day; never falls."""
        of_home = hazard_of_home(self._past.packed, self.learned_day + 1)
        shares = hazard(self._comparable(start), of_home, _HOME_WEIGHT)
        rates = self._rates()
        total = usual = 0.0
        scores = [0.0]
        for step in range(1, DAY_STEPS + 1):
            total += shares[step - 1]
            usual += rates[(start.step + step) % DAY_STEPS * SLOTS // DAY_STEPS]
            scores.append(total**HAZARD_SHARE * usual**USUAL_SHARE * (step / _ELAPSED_UNIT) ** ELAPSED_SHARE)
        return scores

    def _comparable(self, start: Start) -> Ended:
        """The silences that compare."""
        same = self._rooms.index(start.room) if start.room in self._rooms else _ROOMS_MAX
        matches = [
            (1.0 if place & ~_DOOR_BIT == same else _OTHER_ROOM)
            * (1.0 if bool(place & _DOOR_BIT) == start.door else _OTHER_DOOR)
            for place in range(256)
        ]
        near = [_NEAR[step - start.step] for step in range(DAY_STEPS)]
        ended, weight = [0.0] * DAY_STEPS, 0.0
        table = self._past.table()
        today, midnight, counts = self.learned_day + 1, -DAY_STEPS, 0.0
        for begin, length, place in zip(table.starts, table.lengths, table.places, strict=True):
            step = begin - midnight
            if step >= DAY_STEPS:
                day, step = divmod(begin, DAY_STEPS)
                midnight, counts = begin - step, age(today - day)
            alike = counts * near[step] * matches[place]
            ended[length - 1] += alike
            weight += alike
        return Ended(ended, weight)

    def _rates(self) -> list[float]:
        rates = [(seen + 1) / (watched + 5) for seen, watched in zip(self._seen, self._watched, strict=True)]
        return [(rates[slot - 1] / 2 + rates[slot] + rates[(slot + 1) % SLOTS] / 2) / 2 for slot in range(SLOTS)]

    def limit(self, budget: int, among: Collection[int], wished: float, share: float, today: int) -> float | None:
        """The score that ordinary silences exceed as often as wished; None = not known yet.

        Args:
            budget: of which budget.
            among: all budgets of the same clock. A budget's own past is short: that of all of them stands behind it.
            wished: false alarms in 30 days of all of these; `share` of them are this budget's.
            today: ordinal of the local day.
        """
        blocks = min(LIMIT_DAYS, today - self.first_day) / 30
        whole = _tail(self._worst.of_blocks(among), wished * blocks)
        own = _tail(self._worst.of_blocks((budget,)), wished * share * blocks)
        if whole is None or own is None:
            return whole
        return float(whole ** (1 - OWN_SHARE) * own**OWN_SHARE)

    def outlasted(self, steps: Sequence[int]) -> bool:
        """Whether any silence that is kept, and that no entry door began, has lasted so long.

        Args:
            steps: how long, for each step of the day at which a silence begins.
        """
        table = self._past.table()
        return any(
            length >= steps[begin % DAY_STEPS] and not place & _DOOR_BIT
            for begin, length, place in zip(table.starts, table.lengths, table.places, strict=True)
        )

    def rare(self, watch: int, wished: float, least: float, today: int) -> float:
        """The score, not below `least`, that ordinary life exceeds `wished` times in 30 days. While little is known it
        is also more than everything that was seen so far.

        Args:
            watch: under which the scores were noted by `note_worst`.
            today: ordinal of the local day.
        """
        worst = self._worst.of_blocks((watch,))
        if not self.learned:
            return max(least, *(score * UNSURE for score in worst), 0.0)
        return max(least, _tail(worst, wished * min(LIMIT_DAYS, today - self.first_day) / 30) or 0.0)

    def day_rates(self) -> list[float]:
        """For each half hour of the local day, in how large a share of it somebody is usually about."""
        return self._rates()

    def usual(self, start: Start) -> Usual | None:
        """What comparable silences were like; None where nothing compares."""
        ended, weight = self._comparable(start)
        if weight < 1.0:
            return None
        left, steps = weight * 0.9, 0
        while steps < DAY_STEPS - 1 and left > ended[steps]:
            left -= ended[steps]
            steps += 1
        return Usual(steps + 1, self._usual_room(start))

    def usual_morning(self) -> Usual | None:
        """By which local step of the day somebody was up on four of five days, and most often where."""
        if len(self._mornings) < MORNINGS_LEAST:
            return None
        steps = sorted(morning // _MORNING_ROOMS for morning in self._mornings)
        rooms = [morning % _MORNING_ROOMS for morning in self._mornings]
        return Usual(steps[len(steps) * 4 // 5], self._named(max(sorted(set(rooms)), key=rooms.count)))

    def _named(self, code: int) -> str:
        return self._rooms[code] if code < len(self._rooms) else ""

    def _usual_room(self, start: Start) -> str:
        votes = [0.0] * (_ROOMS_MAX + 1)
        table = self._past.table()
        for begin, place, end in zip(table.starts, table.places, table.ends, strict=True):
            votes[end] += _NEAR[begin % DAY_STEPS - start.step] * (bool(place & _DOOR_BIT) == start.door)
        best = max(range(len(self._rooms)), key=votes.__getitem__, default=_ROOMS_MAX)
        return self._named(best)

    # keeping

    def kept(self) -> Kept:
        """For the store: the very same judgements come back from it."""
        past = self._past.columns()
        return Kept(
            learned_day=self.learned_day,
            first_day=self.first_day,
            days=self.days,
            rooms=list(self._rooms),
            begun_days=past.days,
            begun_steps=past.steps,
            lengths=past.lengths,
            places=past.places,
            ends=past.ends,
            seen=list(self._seen),
            watched=list(self._watched),
            mornings=[divmod(morning, _MORNING_ROOMS) for morning in self._mornings],
            summaries_day=self.summaries.last_day,
            summaries=self.summaries.kept(),
            notes=list(self.summaries.notes),
            worst=self._worst.kept(),
        )

    @classmethod
    def of(cls, kept: Kept) -> Habits:
        """Habits from the store. Raises ValueError for what no habits are."""
        habits = cls()
        habits.learned_day, habits.first_day, habits.days = kept.learned_day, kept.first_day, kept.days
        habits._rooms = [intern(room) for room in kept.rooms]
        columns = Columns(kept.begun_days, kept.begun_steps, kept.lengths, kept.places, kept.ends)
        habits._past = PastSilences.of(columns, kept.learned_day)
        habits._seen, habits._watched = array("d", kept.seen), array("d", kept.watched)
        if len(kept.seen) != SLOTS or len(kept.watched) != SLOTS:
            raise ValueError("columns of different length")
        if not all(0 <= step < DAY_STEPS and 0 <= room < _MORNING_ROOMS for step, room in kept.mornings):
            raise ValueError("no morning is like that")
        habits._mornings = array("H", [step * _MORNING_ROOMS + room for step, room in kept.mornings])
        habits.summaries = Summaries(kept.summaries_day, kept.summaries, kept.notes)
        habits._worst = Worst.of(kept.worst)
        return habits


def _tail(greatest: Sequence[float], times: float) -> float | None:
    """What the worst score of a block exceeds `times`; beyond the greatest ones the logarithms of scores are taken to
    fall off exponentially (Weissman's estimator). `greatest`: the worst of each block, the greatest first."""
    count = min(TAIL_BLOCKS, len(greatest) - 1)
    if count < 1:
        return None
    floor = greatest[count]
    spread = sum(log(score / floor) for score in greatest[:count]) / count
    return float(floor * (count / max(times, 1e-3)) ** spread)
