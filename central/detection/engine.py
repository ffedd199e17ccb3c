"""Runs the detectors over all homes and says what is new, what still holds, and what has ended.

Level-triggered: a judgement looks only at the home's timeline and the time. The engine compares it with what is open.
So nothing that was lost, doubled, late or out of order, and no restart, leaves a finding standing that is not true,
or lets one pass that is.
"""

from __future__ import annotations

import heapq
import pkgutil
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Final, NamedTuple

import msgspec

from central.detection import detectors
from central.detection.finding import Finding
from central.detection.habits import Habits, Kept
from central.detection.learning import learn, learnable_day, midnight
from central.detection.profile import Limits
from central.detection.reliving import relive
from central.detection.situation import Detector, Moment, Situation, can_judge_absence, finding_of
from central.detection.suspicion import suspicion_of
from central.detection.timeline import Sighting, Timeline
from devices.vocabulary import Reading

JUDGE_EVERY_S: Final = 60.0
"""Each home is judged so often: limits are minutes to hours."""
RESTATE_EVERY_S: Final = 300.0
"""An open finding is said again so often, in case the desk has missed it; its key makes that harmless."""
SETTLE_AFTER_OUTAGE_S: Final = 600.0
"""After the centre was deaf, hubs need at most so long to come back, jittered as they are; after a short time half as
long as it was. So a line that comes and goes keeps silence from being judged only while it is down most of the time."""
LEARN_AT_ONCE: Final = 2
"""Homes that learn a day in one call of `due`: some tens of milliseconds each, and all have the same mornings."""
LEARN_AGAIN_S: Final = 0.1
"""So many more have their turn after this time: until then nothing is judged there that goes by habits."""
BLIND_S: Final = 6 * 3600.0
"""Where the store cannot tell the past, what was open of measurements stays so for so long: new ones have come then."""
FRESH_S: Final = 5.0
"""A message this young did not wait at the broker, nor did those behind it in the queue."""
WAITED_MAX_S: Final = 172_800.0
"""Brokers keep messages for us for two days; what says that it is older comes from a wrong clock."""


_TOLD_BY_OPENS: Final = frozenset({"hub_silent", "sensor_silent", "inactivity"})
"""Detectors whose open findings say all that `Engine.recall_nothing` needs to find them again."""


def load_detectors() -> tuple[Detector, ...]:
    """The detectors of `central.detection.detectors`, in name order."""
    names = sorted(module.name for module in pkgutil.iter_modules(detectors.__path__))
    return tuple(import_module(f"{detectors.__name__}.{name}").DETECTOR for name in names)


class _Subject(NamedTuple):
    home: str
    detector: str
    subject: str


class Open(msgspec.Struct):
    """A finding that is open: what is kept over a restart, so that the same situation keeps its key."""

    detector: str
    subject: str
    finding: Finding
    stated_at: float = 0.0


class _Home:
    __slots__ = ("blind_until", "due_at", "known", "limits", "open", "timeline", "tried_to_learn")

    def __init__(self, limits: Limits, due_at: float) -> None:
        self.limits = limits
        self.timeline = Timeline()
        self.open: dict[_Subject, Open] = {}
        self.due_at = due_at
        self.known = False
        self.blind_until = 0.0
        # from which activity, and without which devices, no day could be learned
        self.tried_to_learn: tuple[object, ...] = ()


class Engine:
    """All homes of one receiver.

    Args:
        started_at: now; `grace_s` after it silence is not judged, so that what waits at the broker can arrive.
        judges: the detectors.

    Attributes:
        catching_up: whether what comes may have waited at the broker.
    """

    def __init__(self, started_at: float, grace_s: float, judges: Sequence[Detector] | None = None) -> None:
        self._judges = tuple(judges) if judges is not None else load_detectors()
        self._homes: dict[str, _Home] = {}
        self._due: list[tuple[float, str]] = []
        self._started_at = started_at
        self._settled_at = started_at + grace_s
        self._deaf_since: float | None = None
        self._learned: set[str] = set()
        self._may_learn = self._wait_to_learn = 0
        self.catching_up = True

    # who there is

    def enrol(self, home: str, limits: Limits, now: float) -> None:
        """Adds a home or changes its limits. Its first judgement waits for `recall`."""
        known = self._homes.get(home)
        if known is not None:
            known.limits = limits
            return
        # spread over the minute, so that no turn of the loop judges all homes
        due_at = now + JUDGE_EVERY_S * (len(self._homes) % 60) / 60
        self._homes[home] = _Home(limits, due_at)
        heapq.heappush(self._due, (due_at, home))

    def dismiss(self, homes: Iterable[str]) -> list[Finding]:
        """Forgets homes that are no longer enrolled; what was open about them ends."""
        ended = []
        for home in homes:
            gone = self._homes.pop(home, None)
            if gone is not None:
                ended += [_ended(open_.finding) for open_ in gone.open.values()]
        return ended

    def homes(self) -> list[str]:
        """All homes, in the order of their enrolment."""
        return list(self._homes)

    def timeline(self, home: str) -> Timeline | None:
        """The timeline of a home, for reading."""
        known = self._homes.get(home)
        return None if known is None else known.timeline

    def limits(self, home: str) -> Limits | None:
        """The limits of a home."""
        return self._homes[home].limits if home in self._homes else None

    # what happens

    def lived_at(self, said_at: float | None, received_at: float) -> float:
        """When the sender of a message lived: now, or when it says, where the message may have waited at the broker."""
        settled = self._deaf_since is None and received_at >= self._settled_at
        if said_at is None or settled or not self.catching_up:
            return received_at
        return said_at if 0.0 < received_at - said_at <= WAITED_MAX_S else received_at

    def catch_up(self, beat_at: float, received_at: float) -> None:
        """A heartbeat of that time came: one that is fresh shows that no older message waits at the broker."""
        if abs(received_at - beat_at) <= FRESH_S:
            self.catching_up = False

    def hear(self, home: str, at: float) -> bool:
        """The home's hub lived at that time; True when a mark of it is due in the store."""
        known = self._homes[home]
        if known.open:
            self._judge_soon(home, known, at)
        return known.timeline.hear(at)

    def take(self, home: str, readings: Iterable[Reading], received_at: float) -> None:
        """Readings of a home arrived."""
        self._homes[home].timeline.take(readings, received_at)

    def hear_devices(self, home: str, heard: dict[str, float], at: float) -> None:
        """The hub said at that time how many seconds before it had heard each device."""
        timeline = self._homes[home].timeline
        for device in self._homes[home].limits.devices:
            ago_s = heard.get(device)
            if ago_s is not None and ago_s >= 0:
                timeline.hear_device(device, at - ago_s)

    def offline(self, home: str) -> None:
        """The broker published the hub's last will."""
        self._homes[home].timeline.online = False

    def outage_began(self, now: float) -> None:
        """The centre hears nothing any more: silence is not judged until `outage_ended`. Said again, it changes
        nothing."""
        if self._deaf_since is None:
            self._deaf_since = now
            self.catching_up = True

    def outage_ended(self, now: float) -> None:
        """The centre hears again: silence is not judged until the hubs had time to come back."""
        if self._deaf_since is None:
            return
        deaf_s = now - self._deaf_since
        self._deaf_since = None
        self._settled_at = max(self._settled_at, now + min(deaf_s / 2, SETTLE_AFTER_OUTAGE_S))

    # after a restart

    def recall(
        self,
        home: str,
        marked_at: float | None,
        rows: Iterable[Reading],
        now: float,
        *,
        heard: Iterable[float] = (),
        marks: Iterable[float] = (),
        habits: Habits | None = None,
        states: Iterable[Sighting] = (),
    ) -> None:
        """Takes over what is kept of a home.

        Args:
            marked_at: when its hub was last marked as heard; rows: recent readings.
            heard: times in whose hours it was heard; marks: all of the last hours; habits: what was learned before.
            states: how doors and beds were before these rows.
        """
        known = self._homes.get(home)
        if known is None:
            return
        if habits is not None and habits.learned_day > known.timeline.habits.learned_day:
            known.timeline.habits = habits
        heard = list(heard)
        for at in heard:
            known.timeline.activity.hear(at)
        if marked_at is not None:
            known.timeline.recall(min(marked_at, now), marks)
        for state in states:
            known.timeline.recall_state(state)
        if relive(known.timeline, known.limits, rows, heard, now):
            self._learned.add(home)
        known.known = True
        self._judge_soon(home, known, now)

    def recall_nothing(self, home: str, now: float, habits: Habits | None = None) -> None:
        """The store cannot tell the past: the hub counts as heard at the start, and what was open as it was then."""
        known = self._homes.get(home)
        if known is None:
            return
        marked_at, acts = self._started_at, []
        for open_ in known.open.values():
            since_at = open_.finding.since_at
            if open_.detector == "hub_silent":
                marked_at = min(marked_at, since_at)
            elif open_.detector == "sensor_silent":
                known.timeline.hear_device(open_.subject, since_at)
            elif open_.detector != "inactivity":
                known.blind_until = now + BLIND_S
            else:
                device = str(open_.finding.facts["device"])
                acts.append(Reading(device, "motion", True, since_at))
                acts += [
                    Reading((record.n or "").partition("/")[0], "motion", True, record.t or since_at)
                    for record in open_.finding.evidence
                ]
                for act in acts:
                    known.timeline.hear_device(act.device, self._started_at)
        self.recall(home, marked_at, acts, now, habits=habits)

    def reopen(self, opens: Iterable[Open]) -> list[Finding]:
        """Takes over the findings that were open before a restart; those of homes that are gone end."""
        ended = []
        for open_ in opens:
            known = self._homes.get(open_.finding.home)
            if known is None:
                ended.append(_ended(open_.finding))
            else:
                known.open[_Subject(open_.finding.home, open_.detector, open_.subject)] = open_
        return ended

    def opens(self) -> list[Open]:
        """All open findings: to be kept over a restart."""
        return [open_ for home in self._homes.values() for open_ in home.open.values()]

    # judging

    def _judge_soon(self, home: str, known: _Home, now: float) -> None:
        if known.due_at > now + 1.0:
            self._judge_at(home, known, now + 1.0)

    def _judge_at(self, home: str, known: _Home, at: float) -> None:
        known.due_at = at
        heapq.heappush(self._due, (at, home))

    def due(self, now: float, most: int = 500) -> list[Finding]:
        """Judges the homes whose time has come, at most `most` of them, and returns what is to be said."""
        said: list[Finding] = []
        self._may_learn, self._wait_to_learn = LEARN_AT_ONCE, 0
        if self._due and self._due[0][0] > now + JUDGE_EVERY_S:
            self._clock_set_back(now)
        while self._due and self._due[0][0] <= now and most > 0:
            due_at, home = heapq.heappop(self._due)
            known = self._homes.get(home)
            if known is None or known.due_at != due_at:
                continue
            # also after the loop stood still each in its own second
            self._judge_at(home, known, due_at + JUDGE_EVERY_S * ((now - due_at) // JUDGE_EVERY_S + 1))
            if known.known:
                waited = self._wait_to_learn
                said += self._judge(home, known, now)
                most -= 1
                if self._wait_to_learn > waited:
                    self._judge_at(home, known, now + LEARN_AGAIN_S * (1 + waited // LEARN_AT_ONCE))
        return said

    def _learn(self, home: str, known: _Home, moment: Moment) -> bool:
        """Makes habits of the days that are over; False where that must wait."""
        timeline, limits = known.timeline, known.limits
        if learnable_day(moment.now, limits.zone()) <= timeline.habits.learned_day:
            return True
        without = suspicion_of(timeline, limits, moment.now).without
        tried = timeline.activity.version, without, limits
        if tried == known.tried_to_learn:
            return True
        strong_at = timeline.activity.strong_at(limits.room_of, limits.entry_doors, moment.now, without)
        if strong_at is not None and learnable_day(strong_at, limits.zone()) > timeline.habits.learned_day:
            if not can_judge_absence(timeline, limits, moment):
                return False
            if not self._may_learn:
                self._wait_to_learn += 1
                return False
            if learn(timeline.habits, timeline.activity, limits, strong_at):
                self._may_learn -= 1
                self._learned.add(home)
        known.tried_to_learn = tried
        return True

    def learned(self) -> dict[str, Kept]:
        """The habits of the homes that have learned something since the last call: to be kept over a restart."""
        changed = {home: _kept(self._homes[home]) for home in self._learned if home in self._homes}
        self._learned.clear()
        return changed

    def _clock_set_back(self, now: float) -> None:
        self._started_at = min(self._started_at, now)
        self._settled_at = min(self._settled_at, now + SETTLE_AFTER_OUTAGE_S)
        self._due.clear()
        for home, known in self._homes.items():
            self._judge_at(home, known, now + (known.due_at - now) % JUDGE_EVERY_S)
            known.timeline.clock_set_back(now)
            for open_ in known.open.values():
                open_.stated_at = min(open_.stated_at, now)

    def _judge(self, home: str, known: _Home, now: float) -> list[Finding]:
        said: list[Finding] = []
        hearing_from_at = self._settled_at if self._deaf_since is None else float("inf")
        moment = Moment(now, hearing_from_at, self._started_at)
        knows = self._learn(home, known, moment)
        for detector in self._judges:
            if detector.by_habit and not knows:
                continue
            situations = detector.judge(known.timeline, known.limits, moment)
            if situations is not None:
                blind = now < known.blind_until and detector.name not in _TOLD_BY_OPENS
                said += _compare(home, detector.name, known.open, situations, now, may_end=not blind)
        for open_ in known.open.values():
            if now - open_.stated_at >= RESTATE_EVERY_S:
                open_.stated_at = now
                said.append(open_.finding)
        return said


def _compare(
    home: str,
    detector: str,
    opens: dict[_Subject, Open],
    situations: Sequence[Situation],
    now: float,
    *,
    may_end: bool = True,
) -> list[Finding]:
    """Opens what is new and ends what is over; returns both as findings. What goes on keeps its key."""
    said: list[Finding] = []
    if not situations and not opens:
        return said
    holding = {_Subject(home, detector, situation.subject): situation for situation in situations}
    over = [subject for subject in opens if subject.detector == detector and subject not in holding]
    if may_end:
        said += [_ended(opens.pop(subject).finding) for subject in over]
    for subject, situation in holding.items():
        if subject not in opens:
            finding = finding_of(home, detector, situation)
            opens[subject] = Open(detector, subject.subject, finding, now)
            said.append(finding)
    return said


def _kept(known: _Home) -> Kept:
    habits = known.timeline.habits
    states = known.timeline.states(midnight(habits.learned_day, known.limits.zone()))
    return msgspec.structs.replace(
        habits.kept(), states=[(state.device, state.kind, state.at, state.value > 0) for state in states]
    )


def _ended(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, active=False)
