"""What is announced of a case after each commit, to whoever listens: home, consoles, timers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.priority import Priority
from central.alarm_cases.transitions import Decided
from central.storage import cases
from central.storage.cases import AlarmRef
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Stage

REPEATED: Final = "repeated"


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What is announced after a commit.

    Attributes:
        case_id, home_id: which case, whose.
        hub: the hub of its newest alarm, "" when only findings made it.
        refs: its alarms, newest first.
        state, priority, kind, place, ringing, version: the case as it stands now.
        owner_id: who holds it.
        stage, who, eta_minutes: how far help has come, as the home may say it.
        event_type, actor, at, step: what happened; `repeated` when nothing did (`CaseDesk.standing`).
        to, reason: the colleague for whom a case is meant that is handed over, "" for none; and why.
    """

    case_id: int
    home_id: str
    hub: str
    refs: tuple[AlarmRef, ...]
    state: State
    priority: Priority
    kind: AlarmKind
    place: str
    ringing: bool
    version: int
    owner_id: str | None
    stage: Stage
    who: str
    eta_minutes: int | None
    event_type: str
    actor: str
    at: float
    step: str = ""
    to: str = ""
    reason: str = ""


def change_of(
    connection: sa.Connection, decided: Decided, only: AlarmRef | None = None, event_type: str = ""
) -> CaseChange:
    """What to announce. `only` spares the look-up when a new case has just this alarm."""
    case, event = decided.case, decided.event
    to = event.facts.operator if event.type is EventType.HANDED_OVER else ""
    fresh = only is not None and case.version == 1
    refs = (only,) if fresh and only else tuple(cases.alarms_of(connection, case.id))
    who, eta_minutes = _helper(connection, case, event.at)
    return CaseChange(
        case_id=case.id,
        home_id=case.home_id,
        hub=refs[0].hub if refs else "",
        refs=refs,
        state=case.state,
        priority=case.priority,
        kind=case.kind,
        place=case.place,
        ringing=case.ring_at is not None,
        version=case.version,
        owner_id=case.owner_id,
        stage=case.stage,
        who=who,
        eta_minutes=eta_minutes,
        event_type=event_type or event.type.value,
        actor=event.actor,
        at=event.at,
        step=event.facts.step,
        to=to,
        reason=event.facts.reason if to else "",
    )


def repeated(connection: sa.Connection, case: Case, now: float) -> CaseChange:
    """How a case stands, as a change that changes nothing."""
    return change_of(connection, Decided(case, CaseEvent(EventType.NOTED, now, "desk")), event_type=REPEATED)


def _helper(connection: sa.Connection, case: Case, now: float) -> tuple[str, int | None]:
    """The name of the person who helps at this stage, and in how many minutes they come."""
    if case.stage in {Stage.ON_THE_WAY, Stage.ARRIVED} and case.helper_id:
        who = cases.contact_called(connection, case.home_id, case.helper_id) or ""
        coming = case.stage is Stage.ON_THE_WAY and case.eta_at is not None
        return who[:64], max(0, round(((case.eta_at or now) - now) / 60)) if coming else None
    if case.owner_id is None:
        return "", None
    return (cases.operator_called(connection, case.owner_id) or "")[:64], None
