"""What a drill proved: a test of a home's whole path, from a press there to a person who answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.closing import Label
from central.alarm_cases.priority import Priority


class Drill(NamedTuple):
    """How far a test came; times are None where it did not.

    Attributes:
        heard_at: when an alarm of the home reached the centre.
        taken_at: when a person took it.
        spoken_at: when they spoke with the resident.
        proven_at: when it was closed with the path found good: heard, taken, and not said to be wrong.
    """

    heard_at: float | None
    taken_at: float | None
    spoken_at: float | None
    proven_at: float | None


def devices_proven(log: Iterable[CaseEvent], priority: Priority) -> dict[str, float]:
    """Device -> when an alarm of it last came in a case that a person took: its press has gone the whole way.

    A test counts only when it was not found wrong; a press by mistake proves as much as one in need.
    """
    events = list(log)
    drill = drill_of(events, priority)
    answered = any(event.type is EventType.TAKEN for event in events)
    if not answered or (drill is not None and drill.proven_at is None):
        return {}
    came = [event for event in events if event.type in _CAME and event.facts.ref and event.facts.device]
    return {event.facts.device: event.at for event in came}


_CAME: Final = frozenset({EventType.OPENED, EventType.JOINED})


def drill_of(log: Iterable[CaseEvent], priority: Priority) -> Drill | None:
    """What the log of a test proves; None for a case that is no test."""
    if priority is not Priority.TEST:
        return None
    first: dict[str, float] = {}
    proven_at = None
    for event in log:
        if event.type in _CAME and event.facts.ref:
            first.setdefault("heard", event.at)
        elif event.type in {EventType.TAKEN, EventType.SPOKEN}:
            first.setdefault(event.type.value, event.at)
        elif event.type is EventType.CLOSED:
            good = event.facts.label != Label.FALSE.value and "heard" in first
            proven_at = event.at if good else None
    return Drill(first.get("heard"), first.get("taken"), first.get("spoken"), proven_at)
