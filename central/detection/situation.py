"""What a detector is: a pure function from a home's timeline to the situations that hold now."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from central.detection.finding import Finding
from central.detection.profile import Limits
from central.detection.timeline import ACT_KINDS, Sighting, Timeline
from devices.vocabulary import KINDS, Reading, Value, ValueType
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.senml import to_record

SETTLE_S = 600.0
"""After a hub was away its readings of that time need so long to arrive: absence is not judged before."""


class Situation(NamedTuple):
    """Something that a detector holds true now.

    Attributes:
        subject: what it is about within the home: "hub", a device's id. One situation a subject.
        kind: what an alarm of it is called.
        since_at: when it began; found_at: when its limit was passed. Both are event times.
        reason: key of the sentence; facts: what the sentence is filled with.
        evidence: what led to it, oldest first.
    """

    subject: str
    kind: AlarmKind
    since_at: float
    found_at: float
    reason: str
    facts: dict[str, str | float]
    evidence: tuple[Sighting, ...] = ()


class Moment(NamedTuple):
    """When a judgement is made. Before `hearing_from_at` the centre itself may have missed things (start, broker).
    Nothing is known to have been heard before `started_at` but what the store told."""

    now: float
    hearing_from_at: float
    started_at: float


Judge = Callable[[Timeline, Limits, Moment], list[Situation] | None]
"""Returns what holds, or None when that cannot be said now: what was open stays open, and nothing new is found."""


class Detector(NamedTuple):
    """A detector: its name stands in the keys of its findings and never changes. One that judges `by_habit` is not
    asked while a day waits to be learned: it could end what this day explains."""

    name: str
    judge: Judge
    by_habit: bool = False


def can_judge_absence(timeline: Timeline, limits: Limits, moment: Moment) -> bool:
    """Whether what was not heard from this home did not happen: it and the centre were hearing, and are up to date."""
    if moment.now < moment.hearing_from_at or timeline.heard_at is None:
        return False
    if moment.now - timeline.heard_at > limits.hub_silent_shown_s:
        return False
    return timeline.back_at is None or moment.now - timeline.back_at >= SETTLE_S


def finding_of(home: str, detector: str, situation: Situation) -> Finding:
    """What the desk is told of a situation; its key is made of event times, and the same after a restart."""
    limit_s = situation.found_at - situation.since_at
    return Finding(
        key=f"{home}:{detector}:{situation.subject}:{int(situation.since_at)}+{round(limit_s)}",
        home=home,
        kind=situation.kind,
        since_at=situation.since_at,
        found_at=situation.found_at,
        reason=situation.reason,
        facts=situation.facts,
        evidence=[to_record(_reading(sighting)) for sighting in situation.evidence],
    )


def _reading(sighting: Sighting) -> Reading:
    kind = KINDS[sighting.kind]
    value: Value
    match kind.value_type:
        case ValueType.BOOLEAN:
            value = bool(sighting.value)
        case ValueType.WORD:
            # of an act that it happened is kept, not how
            value = kind.words[0 if kind.name in ACT_KINDS else int(sighting.value)]
        case _:
            value = sighting.value
    return Reading(sighting.device, sighting.kind, value, sighting.at)
