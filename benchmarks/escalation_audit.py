"""What months of escalation are checked for: every deadline of every case, by its log."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from central.alarm_cases.case import Case, CaseEvent, EventType
from central.alarm_cases.transitions import Decided, opening, transition


@dataclass
class Findings:
    """What the audit counted; `faults` are broken promises, in words."""

    days: float = 0.0
    cases: int = 0
    events: int = 0
    deadlines: int = 0
    late: int = 0
    worst_late_s: float = 0.0
    worst_late_alive_s: float = 0.0
    longest_both_down_s: float = 0.0
    deaths: int = 0
    messages: int = 0
    sent_twice: int = 0
    faults: list[str] = field(default_factory=list)


class Complaints(logging.Handler):
    """What the desk itself calls an error while a life goes on: a due-time that cannot be acted on. Warnings, of
    thousands of cases for which nobody can be reached, are not shown."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps it."""
        self.heard.append(f"the desk complains: {record.getMessage()}: {record.exc_info[1] if record.exc_info else ''}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hears the whole centre, and nobody else does."""
        logger = logging.getLogger("central")
        passed_on, logger.propagate = logger.propagate, False
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.propagate = passed_on


def audit_case(
    case_id: int, log: list[CaseEvent], worked: list[float], blackouts: list[tuple[float, float]], found: Findings
) -> None:
    """Plays a log again and looks at every deadline in it: acted on once, and as soon as a process lived.

    Args:
        case_id, log: the case.
        worked: when a process had worked all that was due, in order.
        blackouts: from when to when no process lived, until one had worked again.
        found: is added to.
    """
    case: Case = opening(case_id, log[0]).case
    acted: Counter[tuple[str, float]] = Counter()
    for event in log[1:]:
        by_time = event.type in {EventType.ESCALATED, EventType.RECALLED, EventType.PROMPTED}
        for timer in case.timers:
            overdue = event.at > _first_after(worked, timer.due_at) + 1e-6
            if overdue:
                found.faults.append(f"case {case_id}: {timer.step} still waited when {event.type} happened")
            if by_time and timer.step == event.facts.step:
                late_s = event.at - timer.due_at
                acted[timer.step, timer.due_at] += 1
                found.deadlines += 1
                found.late += late_s > 1.0
                found.worst_late_s = max(found.worst_late_s, late_s)
                dead_s = sum(max(0.0, min(until, event.at) - max(since, timer.due_at)) for since, until in blackouts)
                found.worst_late_alive_s = max(found.worst_late_alive_s, late_s - dead_s)
                if abs(late_s - event.facts.late_s) > 1e-6:
                    found.faults.append(f"case {case_id}: {timer.step} says another lateness than it had")
        decided = transition(case, event)
        assert isinstance(decided, Decided), decided
        case = decided.case
    found.faults += [
        f"case {case_id}: {step} was done {times} times" for (step, _), times in acted.items() if times > 1
    ]


def _first_after(worked: list[float], at: float) -> float:
    """When a process next had worked everything that was due at a moment."""
    place = bisect_left(worked, at)
    return worked[place] if place < len(worked) else float("inf")
