"""When the console at which a case is held counts as lost, so that the case goes back to everybody."""

from __future__ import annotations

from typing import Final

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, State
from central.alarm_cases.priority import Priority

LOST_S: Final = 30.0
"""A console that has shown no sign of life for so long is lost. It shows one every two seconds, and has tried twice by
then to begin its line anew: what is back was a hiccup."""


def holder(case: Case) -> str:
    """Who holds a case that must not lie at a console that is lost; "" for nobody. What is parked rings by itself when
    its recall comes, and the rest can wait for its review."""
    at_work = case.state in {State.TAKEN, State.TALKING} and case.priority <= Priority.URGENT
    return (case.owner_id or "") if at_work else ""


def touched_at(case: Case) -> float:
    """When its owner last did anything in a case that they have in hand; 0 where it rings."""
    in_hand = case.wake_step == escalation.REVIEW and case.wake_at is not None
    return case.wake_at - escalation.review_s(case.priority) if in_hand and case.wake_at is not None else 0.0


def silent_since(case: Case, seen_at: float | None, listening_since: float) -> float | None:
    """Since when nobody is known to be at the console that holds a case; None where no console holds it.

    Args:
        seen_at: the last sign of life of its owner's consoles, None when there was never any. Who has taken it
            without a console (by a program, before the last one was lost) cannot lose one.
        listening_since: since when somebody listens for such signs: while the centre itself was away, or stood still,
            no console could show any.
    """
    if not holder(case) or seen_at is None or seen_at < (case.taken_at or 0.0) - LOST_S:
        return None
    return max(seen_at, touched_at(case), listening_since)
