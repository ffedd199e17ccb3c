"""What is known of one home, in bounded memory, in a form that does not depend on the order of arrival.

Everything here is a maximum or the newest part of a set: lost readings are simply absent, doubled ones change
nothing, and late ones land in their place. The same readings give the same timeline in any order (for a single
device, as long as no more than `TRACE_MAX` newer ones came before).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from central.detection.activity import NOBODY, Activity
from central.detection.habits import Habits
from central.detection.measured import MEASURED_KINDS, Measured
from central.detection.silence import Expectation
from central.detection.suspicion import Suspicion
from devices.vocabulary import KINDS, Reading, ValueType

if TYPE_CHECKING:
    from central.detection.presence import Presence

TRACE_MAX: Final = 128
"""Readings kept of one device and kind: a lively day of a door, and 2.1 kB."""
ACTS_MAX: Final = 16
"""Of movements and other acts, which need no comparing with those before: the last walk through the home."""
TRACES_MAX: Final = 32
"""Most devices with such a trace in one home; a home of eight rooms has about twelve."""
MARK_EVERY_S: Final = 60.0
"""A hub that is heard leaves a mark in the store this often, so that a restart knows when it was last heard."""
AWAY_AFTER_S: Final = 180.0
"""A hub unheard for longer than this was away; what it measured meanwhile comes afterwards."""
BACK_AGAIN_S: Final = 3_600.0
"""A hub that comes and goes is given time to catch up once in so long, or its home would never be judged."""

STATE_KINDS: Final = frozenset({"open", "presence"})
"""Kinds whose *change* is somebody's doing; sensors repeat the state itself every few minutes."""
ACT_KINDS: Final = frozenset({"motion", "press", "fall"})
"""Kinds of which every true reading is somebody's doing."""
TRACED_KINDS: Final = STATE_KINDS | ACT_KINDS
WATCHING_KINDS: Final = STATE_KINDS | {"motion"}
"""Kinds of sensors that see daily life. A home with none of them cannot be judged quiet."""


YES_OR_NO: Final = frozenset(name for name in TRACED_KINDS if KINDS[name].value_type is ValueType.BOOLEAN)


class Sighting(NamedTuple):
    """Something that somebody at home did."""

    at: float
    device: str
    kind: str
    value: float


class Trace:
    """The newest readings of one device and kind, by time, each time once."""

    __slots__ = ("_ats", "_folded", "_most", "_values")

    def __init__(self, most: int = TRACE_MAX) -> None:
        self._most = most
        self._ats = array("d")
        # all that is traced is yes or no
        self._values = array("B")
        # the last change among those that had to make room
        self._folded: tuple[float, float] | None = None

    def add(self, at: float, value: bool) -> int:
        """Puts a reading in its place, which is returned. Of two for one time yes stands, whichever came first."""
        ats = self._ats
        if not ats or at > ats[-1]:
            ats.append(at)
            self._values.append(value)
            place = len(ats) - 1
        else:
            place = bisect_left(ats, at)
            if ats[place] == at:
                self._values[place] = max(self._values[place], value)
                return place
            ats.insert(place, at)
            self._values.insert(place, value)
        if len(ats) > self._most:
            self._fold()
            place -= 1
        return place

    def turns(self, place: int) -> list[tuple[float, bool, bool]]:
        """Whether the value changed at this place, and at the next, as (at, changed, new value); nothing where it is
        not known."""
        ats, values = self._ats, self._values
        places = (number for number in (place, place + 1) if 0 < number < len(ats))
        return [(ats[number], values[number] != values[number - 1], values[number] > 0) for number in places]

    def _fold(self) -> None:
        self._ats.pop(0)
        before = self._values.pop(0)
        change = self._ats[0], self._values[0]
        if before != change[1] and (self._folded is None or change > self._folded):
            self._folded = change

    def newest(self, count: int) -> list[tuple[float, float]]:
        """The newest `count` readings as (at, value), oldest first."""
        return list(zip(self._ats[-count:], self._values[-count:], strict=True))

    def last_at(self) -> float | None:
        """When the newest reading was measured."""
        return self._ats[-1] if self._ats else None

    def changes(self, count: int) -> list[tuple[float, float]]:
        """The newest `count` changes of value as (at, new value), oldest first. The first reading ever is none."""
        ats, values = self._ats, self._values
        found: list[tuple[float, float]] = []
        for place in range(len(ats) - 1, 0, -1):
            if values[place] != values[place - 1]:
                found.append((ats[place], values[place]))
                if len(found) == count:
                    break
        else:
            if self._folded is not None and len(found) < count:
                found.append(self._folded)
        found.reverse()
        return found


class Timeline:
    """One home: when its hub and devices were last heard, and what people did lately.

    Attributes:
        heard_at: when anything last came from the hub, by the centre's clock; None = never.
        marked_at: the newest such time that went into the store (at most `MARK_EVERY_S` older than `heard_at`).
        back_at: when the hub was heard again after being away, the first time in an hour; None = not seen to be away.
        online: False after the hub's last will, until it is heard again.
        device_heard_at: device -> when it last gave a sign of life, never later than the hub was heard.
        activity: when somebody was about in the last days; habits: what was learned from all days before.
        measured: what was measured of body, rooms, doses and positions.
        expectation: what was last reckoned of the silence that is going on; suspicion: of sensors that fire too much;
            presence: of where somebody is.
    """

    __slots__ = (
        "_traces",
        "activity",
        "back_at",
        "device_heard_at",
        "expectation",
        "habits",
        "heard_at",
        "marked_at",
        "measured",
        "online",
        "presence",
        "suspicion",
    )

    def __init__(self) -> None:
        self.heard_at: float | None = None
        self.marked_at: float | None = None
        self.back_at: float | None = None
        self.online = True
        self.device_heard_at: dict[str, float] = {}
        self.activity = Activity()
        self.habits = Habits()
        self.measured = Measured()
        self.expectation: Expectation | None = None
        self.suspicion: Suspicion | None = None
        self.presence: Presence | None = None
        self._traces: dict[tuple[str, str], Trace] = {}

    def hear(self, received_at: float) -> bool:
        """Notes that something came from the hub; True when a mark of it is due in the store."""
        if self.heard_at is None or received_at > self.heard_at:
            was_away = self.heard_at is not None and received_at - self.heard_at > AWAY_AFTER_S
            if was_away and (self.back_at is None or received_at - self.back_at >= BACK_AGAIN_S):
                self.back_at = received_at
            self.heard_at = received_at
        self.online = True
        self.activity.hear(received_at)
        marked_at = self.marked_at
        # each hour that was heard needs a mark of its own: nothing is learned of hours without
        if marked_at is not None and received_at < min(marked_at + MARK_EVERY_S, (marked_at // 3600 + 1) * 3600):
            return False
        self.marked_at = received_at
        return True

    def recall(self, marked_at: float) -> None:
        """Takes over a mark from the store, after a restart."""
        self.marked_at = max(marked_at, self.marked_at or marked_at)
        if self.heard_at is None or self.heard_at < marked_at:
            self.heard_at = marked_at
        elif self.back_at is None and self.heard_at - marked_at > AWAY_AFTER_S:
            self.back_at = self.heard_at

    def clock_set_back(self, now: float) -> None:
        """What was heard in a time that is still to come counts as heard now: else it would hide silence until then."""
        self.heard_at = None if self.heard_at is None else min(self.heard_at, now)
        self.marked_at = None if self.marked_at is None else min(self.marked_at, now)
        self.back_at = None if self.back_at is None else min(self.back_at, now)
        self.device_heard_at = {device: min(at, now) for device, at in self.device_heard_at.items()}
        self.measured.drop_after(now)

    def hear_device(self, device: str, at: float) -> None:
        """Notes a sign of life of a device."""
        if at > self.device_heard_at.get(device, 0.0):
            self.device_heard_at[device] = at

    def take(self, readings: Iterable[Reading], received_at: float) -> None:
        """Notes readings. Those that nobody judges count only as signs of life. A microsecond each: the hot path."""
        heard = self.device_heard_at
        for reading in readings:
            device, at = reading.device, reading.measured_at
            at = min(at, received_at)
            if at > heard.get(device, 0.0):
                heard[device] = at
            kind = reading.kind
            if kind in TRACED_KINDS:
                self._note(device, kind, at, bool(reading.value) if kind in YES_OR_NO else True)
            elif kind in MEASURED_KINDS:
                self.measured.take(device, kind, at, reading.value)

    def _note(self, device: str, kind: str, at: float, value: bool) -> None:
        trace = self._trace(device, kind)
        # "no motion" is no act, but whoever says so is a sensor that watches: it has a trace, though an empty one
        if trace is None or (not value and kind == "motion"):
            return
        place = trace.add(at, value)
        if kind not in STATE_KINDS:
            self.activity.move(device, at)
            return
        for turned_at, turned, on in trace.turns(place):
            self.activity.change(device, turned_at, turned, on=on)

    def _trace(self, device: str, kind: str) -> Trace | None:
        trace = self._traces.get((device, kind))
        if trace is None and len(self._traces) < TRACES_MAX:
            trace = self._traces[device, kind] = Trace(TRACE_MAX if kind in STATE_KINDS else ACTS_MAX)
        return trace

    def watching(self) -> list[str]:
        """The devices that see daily life here, in name order."""
        return sorted({device for device, kind in self._traces if kind in WATCHING_KINDS})

    def state(self, device: str, kind: str) -> Sighting | None:
        """The last state of a device and since when it is known to hold; None where it never changed."""
        trace = self._traces.get((device, kind))
        changes = trace.changes(1) if trace is not None else []
        return Sighting(changes[0][0], device, kind, changes[0][1]) if changes else None

    def sightings(self, count: int = 1, without: Mapping[str, float] = NOBODY) -> list[Sighting]:
        """The newest `count` things that somebody did, oldest first, but for what devices in `without` noticed from
        the time given there on."""
        found = [
            Sighting(at, device, kind, value)
            for (device, kind), trace in self._traces.items()
            for at, value in (trace.changes(count) if kind in STATE_KINDS else trace.newest(count))
            if device not in without or at < without[device]
        ]
        found.sort()
        return found[-count:]

    def first_known_at(self) -> float | None:
        """The oldest reading that is kept: what is known of the home begins here."""
        firsts = [trace.newest(TRACE_MAX)[0][0] for trace in self._traces.values() if trace.last_at() is not None]
        return min(firsts, default=None)
