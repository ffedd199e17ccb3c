"""The one table of what may happen to a case, in which state, and what becomes of it.

The theory
----------
A case is **in hand** when a person has it, or **ringing** when it asks for one (`ring_at` says since when). The two are
not states of their own: a case that Ana holds rings again when something new and grave joins it, and Ana keeps it
while it rings, because she may be speaking with the resident.

- An alarm opens a case, ringing. Only a named person taking it stops the ringing. Time never closes, takes or parks a
  case: all that time can do is ask more people (`escalated`), or make it ring again (`recalled`).
- `wake_at` is set in every open case: in a ringing one it is the next step of the ladder, in one in hand the time
  after which silence is suspicious, in a parked one the recall.
- An alarm of the same home joins. The priority may only rise. A joining alarm that raises the priority, that is a
  matter of life of another kind, or that meets a parked case, makes the case ring again, from the first step of its
  ladder, whoever holds it: a P1 is never hidden in what somebody already has. Repeats of the same kind in the hands of
  a person who is at it only count up.
- While a case in hand rings, its owner acknowledges by taking it again; anybody else may take it over. It cannot be
  closed until one of them has: nobody closes over an alarm that they have not seen.
- The home may withdraw alarms. A case nobody took, in which none stands any more, is `withdrawn`: it does not ring,
  but wants a check call, must be taken like any other and is closed by a person. Anything new in it makes it `new`.
- A life case is closed only with an outcome, and only after speech, an arrival, or a reason written down.
- A closed case never changes. An alarm after it opens a new one.

What is not in `TABLE` is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.priority import Priority


@dataclass(frozen=True, slots=True)
class Decided:
    """The event happened: the case after it. The caller stores both in one transaction."""

    case: Case
    event: CaseEvent


@dataclass(frozen=True, slots=True)
class Refused:
    """The event may not happen; the case is unchanged.

    Attributes:
        reason: `not_possible` (not in the table), `taken`, `already_yours`, `not_yours`, `ringing`, `no_outcome`,
            `no_speech`, `bad_recall`, `no_reason`, `not_due`, `no_such_case`, `no_such_contact`, `no_such_operator`,
            `already_asked`, `unreachable`.
        who: id of the operator who holds the case, where one does.
        before_s: for `taken`: how many seconds earlier they took it.
        called: the name of `who`, filled in by the desk.
    """

    reason: str
    who: str = ""
    before_s: float = 0.0
    called: str = ""


Rule = Callable[[Case, CaseEvent], "Case | Refused"]


def opening(case_id: int, event: CaseEvent) -> Decided:
    """The case that `opened` begins: ringing, or withdrawn when the home took back an alarm never seen here."""
    facts = event.facts
    blank = Case(
        id=case_id,
        home_id=facts.home,
        state=State.NEW if facts.standing else State.WITHDRAWN,
        priority=facts.priority,
        kind=facts.kind,
        owner_id=None,
        place=facts.place,
        repeats=1,
        standing=facts.standing,
        late_s=facts.late_s,
        opened_at=event.at,
        last_alarm_at=event.at,
        ring_at=None,
        taken_at=None,
        spoken_at=None,
        helper_id="",
        eta_at=None,
        arrived_at=None,
        closed_at=None,
        wake_at=None,
        wake_step="",
        version=1,
    )
    return Decided(_ringing(blank, event.at) if facts.standing else _withdrawn(blank, event.at), event)


def transition(case: Case, event: CaseEvent) -> Decided | Refused:
    """What becomes of `case` by `event` (which carries its time), or why it may not happen."""
    rule = TABLE.get((case.state, event.type))
    if rule is None:
        return Refused("not_possible", case.owner_id or "")
    after = rule(case, event)
    if isinstance(after, Refused):
        return after
    return Decided(replace(after, version=case.version + 1), event)


def rebuild(case_id: int, events: Iterable[CaseEvent]) -> Case:
    """The case that a log adds up to, exactly as it stands in the database.

    Raises:
        ValueError: the log does not begin with `opened`, or holds an event that the table refuses.
    """
    log = iter(events)
    first = next(log, None)
    if first is None or first.type is not EventType.OPENED:
        raise ValueError("a case's log begins with `opened`")
    case = opening(case_id, first).case
    for event in log:
        decided = transition(case, event)
        if isinstance(decided, Refused):
            raise ValueError(  # noqa: TRY004 - the log is wrong, not a type
                f"case {case_id}: {event.type} in state {case.state} is refused: {decided.reason}"
            )
        case = decided.case
    return case


def _ringing(case: Case, now: float) -> Case:
    first = escalation.ladder(case)[0]
    return replace(case, ring_at=now, wake_at=now + first.after_s, wake_step=first.name)


def _in_hand(case: Case, now: float) -> Case:
    return replace(case, ring_at=None, wake_at=now + escalation.review_s(case.priority), wake_step=escalation.REVIEW)


def _withdrawn(case: Case, now: float) -> Case:
    return replace(
        case,
        state=State.WITHDRAWN,
        ring_at=None,
        wake_at=now + escalation.CHECK_CALL_S,
        wake_step=escalation.CHECK_CALL,
    )


def _kept(case: Case, _event: CaseEvent) -> Case:
    """Written in the log; nothing else changes."""
    return case


def _kept_in_hand(case: Case, event: CaseEvent) -> Case:
    """Written in the log by a person at work: if the case is in its owner's hands, the time of silence begins anew."""
    if case.ring_at is None and case.wake_step == escalation.REVIEW and event.actor == case.owner_id:
        return _in_hand(case, event.at)
    return case


def _joined(case: Case, event: CaseEvent) -> Case:
    facts = event.facts
    leads = facts.priority <= case.priority
    raised = facts.priority < case.priority
    grave = facts.priority is Priority.LIFE and facts.kind is not case.kind
    first = event.type is EventType.JOINED
    after = replace(
        case,
        priority=min(case.priority, facts.priority),
        kind=facts.kind if leads else case.kind,
        place=(facts.place or case.place) if leads else case.place,
        repeats=case.repeats + first,
        standing=case.standing + facts.standing,
        late_s=max(case.late_s, facts.late_s),
        last_alarm_at=event.at,
    )
    if case.state is State.WITHDRAWN:
        return _ringing(replace(after, state=State.NEW), event.at)
    if raised or (case.ring_at is None and (grave or case.state is State.WAITING)):
        return _ringing(after, event.at)
    return after


def _retracted(case: Case, event: CaseEvent) -> Case:
    after = replace(case, standing=case.standing + event.facts.standing)
    return _withdrawn(after, event.at) if case.state is State.NEW and after.standing == 0 else after


def _taken(case: Case, event: CaseEvent) -> Case | Refused:
    """First come, first served; a ringing case that somebody holds may be acknowledged by them or taken over."""
    mine = case.owner_id == event.actor
    held = case.owner_id is not None and case.state is not State.WAITING
    if held and case.ring_at is None:
        earlier_s = event.at - (case.taken_at or event.at)
        return Refused("already_yours" if mine else "taken", case.owner_id or "", max(0.0, earlier_s))
    state = case.state if mine and held else State.TAKEN
    taken_at = case.taken_at if mine else event.at
    return _in_hand(replace(case, state=state, owner_id=event.actor, taken_at=taken_at), event.at)


def _spoken(case: Case, event: CaseEvent) -> Case | Refused:
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    after = replace(case, state=State.TALKING, spoken_at=case.spoken_at or event.at)
    return after if case.ring_at is not None else _in_hand(after, event.at)


def _parked(case: Case, event: CaseEvent) -> Case | Refused:
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    if case.ring_at is not None:
        return Refused("ringing", case.owner_id or "")
    recall_at = event.facts.recall_at
    if not event.at < recall_at <= event.at + escalation.PARKED_MAX_S[case.priority]:
        return Refused("bad_recall", case.owner_id or "")
    if not event.facts.reason.strip():
        return Refused("no_reason", case.owner_id or "")
    return replace(case, state=State.WAITING, ring_at=None, wake_at=recall_at, wake_step=escalation.RECALL)


def _released(case: Case, event: CaseEvent) -> Case | Refused:
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    return _ringing(replace(case, state=State.NEW, owner_id=None, taken_at=None), event.at)


def _on_the_way(case: Case, event: CaseEvent) -> Case:
    eta_at = event.at + 60.0 * event.facts.eta_minutes
    return _kept_in_hand(replace(case, helper_id=event.facts.contact, eta_at=eta_at, arrived_at=None), event)


def _arrived(case: Case, event: CaseEvent) -> Case:
    return _kept_in_hand(replace(case, helper_id=event.facts.contact or case.helper_id, arrived_at=event.at), event)


def _due(case: Case, event: CaseEvent) -> bool:
    return case.wake_at is not None and event.at >= case.wake_at and event.facts.step == case.wake_step


def _escalated(case: Case, event: CaseEvent) -> Case | Refused:
    """A step of the ladder was due while nobody had the case in hand."""
    if case.ring_at is None or not _due(case, event):
        return Refused("not_due", case.owner_id or "")
    step, due_at = escalation.step_after(case, case.wake_step, event.at)
    return replace(case, wake_at=due_at, wake_step=step)


def _recalled(case: Case, event: CaseEvent) -> Case | Refused:
    """Silence in somebody's hands, the end of parking, or a check call not made: the case rings (again)."""
    if case.ring_at is not None or not _due(case, event):
        return Refused("not_due", case.owner_id or "")
    return _ringing(case, event.at)


def _closed(case: Case, event: CaseEvent) -> Case | Refused:
    facts, owner = event.facts, case.owner_id or ""
    if event.actor != owner:
        return Refused("not_yours", owner)
    if case.ring_at is not None:
        return Refused("ringing", owner)
    if case.priority is Priority.LIFE:
        if not facts.outcome:
            return Refused("no_outcome", owner)
        if case.spoken_at is None and case.arrived_at is None and not facts.text.strip():
            return Refused("no_speech", owner)
    return replace(case, state=State.CLOSED, ring_at=None, closed_at=event.at, wake_at=None, wake_step="")


_NEW, _TAKEN, _TALKING, _WAITING = State.NEW, State.TAKEN, State.TALKING, State.WAITING
_OPEN: Final = (_NEW, _TAKEN, _TALKING, _WAITING, State.WITHDRAWN)
_HELD: Final = (_TAKEN, _TALKING, _WAITING)

_ROWS: Final[tuple[tuple[EventType, tuple[State, ...], Rule], ...]] = (
    # from the home
    (EventType.JOINED, _OPEN, _joined),
    (EventType.UPDATED, _OPEN, _joined),
    (EventType.RETRACTED, _OPEN, _retracted),
    (EventType.COPIED, _OPEN, _kept),
    (EventType.ENDED, _OPEN, _kept),
    # by a person
    (EventType.TAKEN, _OPEN, _taken),
    (EventType.SPOKEN, (_TAKEN, _WAITING), _spoken),
    (EventType.NOTED, _OPEN, _kept_in_hand),
    (EventType.PARKED, _HELD, _parked),
    (EventType.RELEASED, _HELD, _released),
    (EventType.CALLED, _OPEN, _kept_in_hand),
    (EventType.ON_THE_WAY, _HELD, _on_the_way),
    (EventType.ARRIVED, _HELD, _arrived),
    (EventType.CLOSED, _HELD, _closed),
    # by the desk itself
    (EventType.TOLD, _OPEN, _kept),
    (EventType.ESCALATED, _OPEN, _escalated),
    (EventType.RECALLED, (*_HELD, State.WITHDRAWN), _recalled),
)

TABLE: Final[dict[tuple[State, EventType], Rule]] = {
    (state, event_type): rule for event_type, states, rule in _ROWS for state in states
}
