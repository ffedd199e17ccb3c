"""When somebody was about, in steps of five minutes over the last days: what habits are learned from.

Bounded, and the same whatever the order of arrival: steps of movement are sets that are joined, and changes of state
(a door, a bed) are kept one by one, since a late reading may show that there was none.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from sys import intern
from typing import Final, NamedTuple
from zlib import crc32

STEP_S: Final = 300
"""Evidence within so long is taken together."""
STEP_MS: Final = 1000 * STEP_S
STEPS_MAX: Final = 1_200
"""Steps kept: four days without a still moment."""
CHANGES_MAX: Final = 1_024
"""Changes of doors and beds kept: four very lively days."""
HOURS_MAX: Final = 24 * 40
"""Hours kept while a home's past is learned again; otherwise only those of the days that are kept."""
KEEP_S: Final = 4 * 86_400
"""What is older than this, and than the last strong evidence, is forgotten: it was learned or cannot be."""
STRONG_LINES: Final = 3
"""More than two reports of one room within a step are no stray trigger; nor are two rooms."""
_CODES: Final = 32
_CODE_BITS: Final = 5
_OFFSETS: Final = 1 << 19
"""More than there are milliseconds in a step."""
_LINE_BITS: Final = 6
_LINES: Final = (1 << _LINE_BITS * STRONG_LINES) - 1
NOBODY: Final[Mapping[str, float]] = {}
_LOOK_BACK_S: Final = (7_200, 43_200, KEEP_S)
"""Evidence is looked for in the last hours first: mostly it is there, and four days are many steps."""


class Act(NamedTuple):
    """Somebody was noticed within one step.

    Attributes:
        at: the last sign in it; first_at: the first.
        device: what saw that last sign.
        room: where that is.
        door: whether an entry door spoke in this step or the one before.
        strong: two rooms or more than two reports, in this step and the one before: a stray trigger is neither.
    """

    first_at: float
    at: float
    device: str
    room: str
    door: bool
    strong: bool


class Sign(NamedTuple):
    """What was noticed within one step: from when to when, the devices, and the last of them."""

    first_at: float
    at: float
    device: str
    devices: frozenset[str]


class Change(NamedTuple):
    """A state that changed: `on` when a door opened or somebody lay down."""

    at: float
    on: bool


_CHANGE_BITS: Final = _CODE_BITS + 1
_CHANGES_PER_STEP: Final = STEP_MS << _CHANGE_BITS


def _change_of(at: float, code: int, *, on: bool) -> int:
    """A change as one number that sorts by time; to the millisecond."""
    return round(at * 1000) << _CHANGE_BITS | code << 1 | on


def _at_of(change: int) -> float:
    return (change >> _CHANGE_BITS) / 1000


def _code_of(change: int) -> int:
    return change >> 1 & (1 << _CODE_BITS) - 1


class _Step:
    """What was seen in one step: devices as bits, the first and last sign in milliseconds, the first few reports."""

    __slots__ = ("devices", "first", "last", "last_code", "lines")

    def __init__(self, devices: int = 0, packed: int = 0) -> None:
        self.devices = devices
        self.lines = packed & _LINES
        packed >>= _LINE_BITS * STRONG_LINES
        self.last_code = packed % _CODES
        self.last = packed // _CODES % _OFFSETS - 1
        self.first = STEP_MS - packed // (_CODES * _OFFSETS)

    def packed(self) -> int:
        """All but the devices, in 61 bits."""
        times = ((STEP_MS - self.first) * _OFFSETS + self.last + 1) * _CODES + self.last_code
        return times << _LINE_BITS * STRONG_LINES | self.lines

    def count(self) -> int:
        """How many reports there were; those beyond `STRONG_LINES` are not counted."""
        return (self.lines.bit_length() + _LINE_BITS - 1) // _LINE_BITS

    def add(self, code: int, offset: int, names: list[str]) -> None:
        self.devices |= 1 << code
        # a report twice is once: device and second say which it is
        self._add_line((offset // 1000 * 7 + crc32(names[code].encode())) % 61 + 1)
        self.first = min(self.first, offset)
        if offset > self.last or (offset == self.last and names[code] > names[self.last_code]):
            self.last, self.last_code = offset, code

    def _add_line(self, line: int) -> None:
        for place in range(0, _LINE_BITS * STRONG_LINES, _LINE_BITS):
            seen = self.lines >> place & (1 << _LINE_BITS) - 1
            if seen == line:
                return
            if not seen:
                self.lines |= line << place
                return

    def drop(self, code: int) -> None:
        """Takes a device out. Reports cannot be told from those of others: none is left to be evidence by number."""
        self.devices &= ~(1 << code)
        self.lines = 0
        if self.last_code == code:
            self.last_code = (self.devices & -self.devices).bit_length() - 1


class Activity:
    """One home's last days.

    Attributes:
        devices: whose bit is which, in order of appearance; those beyond the bits share the last one.
        version: grows with everything that is noted.
    """

    __slots__ = ("_changes", "_hours", "_masks", "_packed", "_steps", "devices", "version")

    def __init__(self) -> None:
        self.devices: list[str] = []
        self.version = 0
        self._steps = array("I")
        self._masks = array("I")
        self._packed = array("Q")
        # milliseconds, code of the device, whether the door opened or somebody lay down: see `_change_of`
        self._changes = array("Q")
        self._hours = array("I")

    def _code(self, device: str) -> int:
        if device in self.devices:
            return self.devices.index(device)
        if len(self.devices) < _CODES:
            self.devices.append(intern(device))
        return len(self.devices) - 1

    def _known_code(self, device: str) -> int:
        """Of a device that may never have spoken: then a code that none has."""
        return self.devices.index(device) if device in self.devices else _CODES

    # what is noted

    def move(self, device: str, at: float) -> None:
        """A movement, or another act."""
        self.version += 1
        self.hear(at)
        code = self._code(device)
        number, offset = divmod(round(at * 1000), STEP_MS)
        place = self._place(number)
        step = self._step(place)
        step.add(code, offset, self.devices)
        self._masks[place], self._packed[place] = step.devices, step.packed()
        if len(self._steps) > STEPS_MAX:
            self._forget_steps(1)

    def _place(self, number: int) -> int:
        steps = self._steps
        if steps and steps[-1] == number:
            return len(steps) - 1
        place = bisect_left(steps, number)
        if place == len(steps) or steps[place] != number:
            steps.insert(place, number)
            self._masks.insert(place, 0)
            self._packed.insert(place, 0)
        return place

    def _step(self, place: int) -> _Step:
        return _Step(self._masks[place], self._packed[place])

    def change(self, device: str, at: float, happened: bool, *, on: bool = True) -> None:
        """A state changed at that time, to what `on` says, or, as a late reading shows, did not change."""
        change = _change_of(at, self._code(device), on=on)
        changes = self._changes
        place = bisect_left(changes, change & ~1)
        known = place < len(changes) and changes[place] >> 1 == change >> 1
        self.version += happened != known
        if happened and known and changes[place] != change:
            self.version += 1
            changes[place] = change
        # the same in whatever order: also where a later reading shows that nothing had changed
        self.hear(at)
        if happened and not known:
            changes.insert(place, change)
            if len(changes) > CHANGES_MAX:
                changes.pop(0)
        elif known and not happened:
            changes.pop(place)

    def hear(self, at: float) -> None:
        """The home was heard in that hour: what was not seen in it did not happen."""
        hour = int(at // 3600)
        hours = self._hours
        if hours and hours[-1] == hour:
            return
        place = bisect_left(hours, hour)
        if place == len(hours) or hours[place] != hour:
            hours.insert(place, hour)
            if len(hours) > HOURS_MAX:
                hours.pop(0)

    # what is read

    def strong_at(
        self,
        rooms: Callable[[str], str],
        doors: Iterable[str],
        now: float,
        without: Mapping[str, float] = NOBODY,
    ) -> float | None:
        """When there was strong evidence of somebody for the last time in the days up to the last sign of anybody."""
        until = min(now, self.last_at() or now)
        for span_s in _LOOK_BACK_S:
            for act in reversed(self.acts(until - span_s, rooms, doors, without)):
                if act.strong:
                    return act.at
        return None

    def first_at(self) -> float | None:
        """When the first act that is kept was, to the step."""
        firsts = [self._steps[0] * float(STEP_S)] if self._steps else []
        return min([*firsts, *map(_at_of, self._changes[:1])], default=None)

    def unheard_s(self, begin_at: float, end_at: float) -> float:
        """How much of the time between two moments the home was not heard, in whole hours, as far as it is known."""
        first = max(int(begin_at // 3600) + 1, self._hours[0] if self._hours else 0)
        last = int(end_at // 3600)
        if not self._hours or last <= first:
            return 0.0
        return 3600.0 * (last - first - (bisect_left(self._hours, last) - bisect_left(self._hours, first)))

    def heard_throughout(self, begin_at: float, end_at: float) -> bool:
        """Whether the home was heard in every whole hour between two times."""
        first, last = int(begin_at // 3600) + 1, int(end_at // 3600)
        return last <= first or bisect_left(self._hours, last) - bisect_left(self._hours, first) == last - first

    def acts(
        self,
        since_at: float,
        rooms: Callable[[str], str],
        doors: Iterable[str],
        without: Mapping[str, float] = NOBODY,
    ) -> list[Act]:
        """All acts from the step of `since_at` on, oldest first. `rooms` names a device's room. What devices in
        `without` noticed from the time given there on is no act."""
        first = int(since_at // STEP_S) - 1
        steps = self._joined(first, without)
        doorways = frozenset(doors)
        names = [rooms(device) for device in self.devices]
        is_door = [device in doorways for device in self.devices]
        acts = []
        before_number, before = -9, _Step()
        for number in sorted(steps):
            step = steps[number]
            beside = before if number == before_number + 1 else None
            if number > first:
                acts.append(self._act(number, step, beside, names, is_door))
            before_number, before = number, step
        return acts

    def seen(self, begin_at: float, end_at: float) -> dict[int, set[str]]:
        """Which devices noticed somebody in each step between two times; steps are counted since 1970."""
        first, last = int(begin_at // STEP_S), int(end_at // STEP_S)
        return {
            number: {device for code, device in enumerate(self.devices) if step.devices >> code & 1}
            for number, step in self._joined(first).items()
            if number < last
        }

    def signs(self, since_at: float, without: Mapping[str, float] = NOBODY) -> list[Sign]:
        """What was noticed from the step of `since_at` on, by steps, oldest first; `without` as in `acts`."""
        steps = self._joined(int(since_at // STEP_S), without)
        sets: dict[int, frozenset[str]] = {}
        signs = []
        for number in sorted(steps):
            step = steps[number]
            devices = sets.get(step.devices)
            if devices is None:
                seen = (code for code in range(len(self.devices)) if step.devices >> code & 1)
                devices = sets[step.devices] = frozenset(self.devices[code] for code in seen)
            begin = number * STEP_S
            last = self.devices[step.last_code]
            signs.append(Sign(begin + step.first / 1000, begin + step.last / 1000, last, devices))
        return signs

    def upto(self, at: float) -> Activity:
        """What was known when the step of that time was over, but for what came late. Not to be added to."""
        number = int(at // STEP_S)
        past = Activity()
        past.devices, past.version = self.devices, self.version
        steps = bisect_right(self._steps, number)
        past._steps, past._masks, past._packed = self._steps[:steps], self._masks[:steps], self._packed[:steps]
        past._changes = self._changes[: self._first_change((number + 1) * STEP_S)]
        past._hours = self._hours
        return past

    def masks(self, since_at: float) -> list[tuple[int, int]]:
        """Steps from that of `since_at` on, with a bit for each of `devices` that was noticed, oldest first."""
        first = int(since_at // STEP_S)
        start = bisect_left(self._steps, first)
        found = dict(zip(self._steps[start:], self._masks[start:], strict=True))
        for change in self._changes[self._first_change(first * STEP_S) :]:
            number = change // _CHANGES_PER_STEP
            found[number] = found.get(number, 0) | 1 << (change >> 1 & _CODES - 1)
        return sorted(found.items())

    def last_at(self) -> float | None:
        """When anything was noticed for the last time."""
        lasts = list(map(_at_of, self._changes[-1:]))
        if self._steps:
            lasts.append(self._steps[-1] * STEP_S + self._step(-1).last / 1000)
        return max(lasts, default=None)

    def changes(self, device: str, since_at: float) -> list[Change]:
        """The changes of a device's state, oldest first."""
        code = self._known_code(device)
        return [
            Change(_at_of(change), bool(change & 1))
            for change in self._changes[self._first_change(since_at) :]
            if _code_of(change) == code
        ]

    def _first_change(self, at: float) -> int:
        """The place of the first change at that time or later."""
        # a product of floats may be a little more than the whole milliseconds that it stands for
        return bisect_left(self._changes, ceil(at * 1000 - 0.001) << _CHANGE_BITS)

    def _joined(self, first: int, without: Mapping[str, float] = NOBODY) -> dict[int, _Step]:
        start = bisect_left(self._steps, first)
        steps = {self._steps[place]: self._step(place) for place in range(start, len(self._steps))}
        for change in self._changes[self._first_change(first * STEP_S) :]:
            number, offset = divmod(change >> _CHANGE_BITS, STEP_MS)
            step = steps.get(number)
            if step is None:
                step = steps[number] = _Step()
            step.add(_code_of(change), offset, self.devices)
        for device, since_at in without.items():
            code, since = self._known_code(device), int(since_at // STEP_S)
            for number in [number for number, step in steps.items() if number >= since and step.devices >> code & 1]:
                if steps[number].devices == 1 << code:
                    del steps[number]
                else:
                    steps[number].drop(code)
        return steps

    def _act(self, number: int, step: _Step, beside: _Step | None, names: list[str], is_door: list[bool]) -> Act:
        mask = step.devices | (beside.devices if beside else 0)
        lines = step.count() + (beside.count() if beside else 0)
        seen = [code for code in range(len(names)) if mask >> code & 1]
        strong = lines >= STRONG_LINES or len({names[code] for code in seen}) > 1
        last = step.last_code
        begin = number * STEP_S
        door = any(is_door[code] for code in seen)
        return Act(begin + step.first / 1000, begin + step.last / 1000, self.devices[last], names[last], door, strong)

    def forget_before(self, at: float) -> None:
        """Lets go of what is older."""
        self._forget_steps(bisect_left(self._steps, int(at // STEP_S)))
        del self._changes[: self._first_change(at)]
        del self._hours[: bisect_left(self._hours, int(at // 3600))]

    def _forget_steps(self, count: int) -> None:
        for column in (self._steps, self._masks, self._packed):
            del column[:count]
