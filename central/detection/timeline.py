"""What is known of one home, in bounded memory, in a form that does not depend on the order of arrival.

Everything here is a maximum or the newest part of a set: lost readings are simply absent, doubled ones change
nothing, and late ones land in their place. The same readings give the same timeline in any order (for a single
device, as long as no more than `TRACE_MAX` newer ones came before).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple

from central.detection.activity import NOBODY, Activity
from central.detection.habits import Habits
from central.detection.measured import MEASURED_KINDS, Measured
from central.detection.silence import Expectation
from central.detection.suspicion import Suspicion
from central.detection.traces import ACTS_MAX, TRACE_MAX, Acts, Trace
from devices.vocabulary import KINDS, Reading, ValueType
from gateway.contract.senml import FUTURE_MAX_S

if TYPE_CHECKING:
    from central.detection.presence import Presence

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


class Timeline:
    """One home: when its hub and devices were last heard, and what people did lately.

    Attributes:
        heard_at: when anything last came from the hub, by the centre's clock; None = never.
        marked_at: the newest such time that went into the store (at most `MARK_EVERY_S` older than `heard_at`).
        back_at: when the hub was heard again after being away, the first time in an hour; None = not seen to be away.
        online: False after the hub's last will, until it is heard again.
        device_heard_at: device -> when it last gave a sign of life, by the clock of its hub.
        activity: when somebody was about in the last days; habits: what was learned from all days before.
        measured: what was measured of body, rooms, doses and positions.
        expectation: what was last reckoned of the silence that is going on; suspicion: of sensors that fire too much;
            presence: of where somebody is.
    """

    __slots__ = (
        "_acts",
        "_states",
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
        # by kind and, of states, by device
        self._acts: dict[str, Acts] = {}
        self._states: dict[str, dict[str, Trace]] = {}

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

    def recall(self, marked_at: float, marks: Iterable[float] = ()) -> None:
        """Takes over a mark from the store, after a restart; `marks` are those of the last hours, or none."""
        for before, after in pairwise(sorted(marks)):
            if after - before > AWAY_AFTER_S and (self.back_at is None or after - self.back_at >= BACK_AGAIN_S):
                self.back_at = after
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
            self.device_heard_at[intern(device)] = at

    def take(self, readings: Iterable[Reading], received_at: float) -> None:
        """Notes readings. Those that nobody judges count only as signs of life. A microsecond each: the hot path."""
        heard = self.device_heard_at
        for reading in readings:
            device, at = reading.device, reading.measured_at
            # a hub's clock may be a little ahead; where it is not its time counts, which is the same after a restart
            at = min(at, received_at + FUTURE_MAX_S)
            before = heard.get(device, 0.0)
            if at > before:
                heard[device if before else intern(device)] = at
            kind = reading.kind
            if kind in TRACED_KINDS:
                self._note(device, kind, at, bool(reading.value) if kind in YES_OR_NO else True)
            elif kind in MEASURED_KINDS:
                self.measured.take(device, kind, at, reading.value)

    def _note(self, device: str, kind: str, at: float, value: bool) -> None:
        if kind in STATE_KINDS:
            trace = self._trace(device, kind)
            for turned_at, turned, on in trace.turns(trace.add(at, value)) if trace is not None else ():
                self.activity.change(device, turned_at, turned, on=on)
            return
        acts = self._acts_with(device, kind)
        # "no motion" is no act, but whoever says so is a sensor that watches
        if acts is not None and (value or kind != "motion"):
            acts.add(device, at, value)
            self.activity.move(device, at)

    def _trace(self, device: str, kind: str) -> Trace | None:
        traces = self._states.setdefault(kind, {})
        if device not in traces and self._has_room():
            traces[intern(device)] = Trace()
        return traces.get(device)

    def _acts_with(self, device: str, kind: str) -> Acts | None:
        acts = self._acts.setdefault(kind, Acts())
        if device not in acts.devices:
            if not self._has_room():
                return None
            acts.watch(intern(device))
        return acts

    def recall_state(self, state: Sighting) -> None:
        """Takes over a change of state that may be older than what is read of the past."""
        trace = self._trace(state.device, state.kind)
        for turned_at, turned, on in trace.recall(state.at, state.value > 0) if trace is not None else ():
            self.activity.change(state.device, turned_at, turned, on=on)

    def states(self, until: float) -> list[Sighting]:
        """The last change of each state up to that time, as far as it is known."""
        found = []
        for kind, traces in self._states.items():
            for device, trace in traces.items():
                before = [change for change in trace.changes(TRACE_MAX) if change[0] <= until]
                found += [Sighting(at, device, kind, value) for at, value in before[-1:]]
        return found

    def _has_room(self) -> bool:
        states = sum(len(traces) for traces in self._states.values())
        return states + sum(len(acts.devices) for acts in self._acts.values()) < TRACES_MAX

    def watching(self) -> list[str]:
        """The devices that see daily life here, in name order."""
        found = {device for kind in STATE_KINDS for device in self._states.get(kind, ())}
        return sorted(found.union(*(acts.devices for kind, acts in self._acts.items() if kind in WATCHING_KINDS)))

    def state(self, device: str, kind: str) -> Sighting | None:
        """The last state of a device and since when it is known to hold; None where it never changed."""
        trace = self._states.get(kind, {}).get(device)
        changes = trace.changes(1) if trace is not None else []
        return Sighting(changes[0][0], device, kind, changes[0][1]) if changes else None

    def sightings(self, count: int = 1, without: Mapping[str, float] = NOBODY) -> list[Sighting]:
        """The newest `count` things that somebody did, oldest first, but for what devices in `without` noticed from
        the time given there on."""
        found = [
            *(
                Sighting(at, device, kind, value)
                for kind, traces in self._states.items()
                for device, trace in traces.items()
                for at, value in trace.changes(count)
            ),
            *self._sightings_of_acts(count),
        ]
        return sorted(seen for seen in found if seen.at < without.get(seen.device, float("inf")))[-count:]

    def _sightings_of_acts(self, count: int) -> list[Sighting]:
        return [
            Sighting(at, device, kind, value)
            for kind, acts in self._acts.items()
            for device in acts.devices
            for at, value in acts.newest(device, count)
        ]

    def first_known_at(self) -> float | None:
        """The oldest reading that is kept: what is known of the home begins here."""
        firsts = [trace.newest(TRACE_MAX)[0][0] for traces in self._states.values() for trace in traces.values()]
        return min([*firsts, *(seen.at for seen in self._sightings_of_acts(ACTS_MAX))], default=None)
