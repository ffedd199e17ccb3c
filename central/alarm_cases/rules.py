"""The rules of the table in `transitions`: what each event makes of a case, or why it may not happen."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from central.alarm_cases import escalation, lost_console, protocol
from central.alarm_cases.case import (
    ASK_UNANSWERED,
    ASK_UNHEARD,
    FINE,
    RING_LIMIT,
    STEP_TIMER,
    Case,
    CaseEvent,
    EventType,
    State,
)
from central.alarm_cases.decision import Refused
from central.alarm_cases.priority import Priority
from gateway.contract.alarm_kinds import SILENT_KINDS

REOPEN_WITHIN_S: Final = 86_400.0
"""How long after closing a case may be opened again: a shift and the next one. Later it is another story."""


DURESS: Final = "duress"
"""The checklist where somebody is threatened."""
ASK_HEARD_S: Final = 20.0
"""A home that was told to ask says so within this time, or people are called at once."""


def ringing(case: Case, now: float) -> Case:
    first = escalation.ladder(case)[0]
    after = _people_wanted(case, now)
    return replace(after, ring_at=now, wake_at=now + first.after_s, wake_step=first.name)


def asking(case: Case, now: float) -> Case:
    """The home is told to ask whether all is well before people are called."""
    return replace(case, wake_at=now + ASK_HEARD_S, wake_step=ASK_UNHEARD)


def _people_wanted(case: Case, now: float) -> Case:
    """Where only the home was asked so far, the people's time begins now."""
    return replace(case, opened_at=now) if case.asked_first else case


def in_hand(case: Case, now: float) -> Case:
    return replace(case, ring_at=None, wake_at=now + escalation.review_s(case.priority), wake_step=escalation.REVIEW)


def withdrawn(case: Case, now: float) -> Case:
    return replace(
        case,
        state=State.WITHDRAWN,
        ring_at=None,
        wake_at=now + escalation.CHECK_CALL_S,
        wake_step=escalation.CHECK_CALL,
        abandoned_at=case.abandoned_at or now,
    )


def kept(case: Case, _event: CaseEvent) -> Case:
    """Written in the log; nothing else changes."""
    return case


def kept_in_hand(case: Case, event: CaseEvent) -> Case:
    """Written in the log by a person at work: if the case is in its owner's hands, the time of silence begins anew."""
    if case.ring_at is None and case.wake_step == escalation.REVIEW and event.actor == case.owner_id:
        return in_hand(case, event.at)
    return case


def joined(case: Case, event: CaseEvent) -> Case:
    """More of the same situation. Once somebody is threatened, the case stays one of which nothing is heard at home."""
    facts = event.facts
    leads = facts.priority <= case.priority
    raised = facts.priority < case.priority
    grave = facts.priority is Priority.LIFE and facts.kind is not case.kind
    first = event.type is EventType.JOINED
    after = replace(
        case,
        priority=min(case.priority, facts.priority),
        kind=facts.kind if leads and case.kind not in SILENT_KINDS else case.kind,
        place=(facts.place or case.place) if leads else case.place,
        repeats=case.repeats + first,
        standing=case.standing + facts.standing,
        late_s=max(case.late_s, facts.late_s),
        last_alarm_at=event.at,
    )
    if after.priority is Priority.LIFE:
        after = replace(after, incident_id=None)
    if case.protocol and after.kind in SILENT_KINDS and case.kind not in SILENT_KINDS:
        after = _following(after, DURESS, event.at)
    planned = replace(after, plan=facts.plan if leads else case.plan)
    if case.state is State.WITHDRAWN or case.asked_first:
        after = ringing(replace(planned, state=State.NEW), event.at)
    elif raised or (case.ring_at is None and (grave or case.state is State.WAITING)):
        after = ringing(planned, event.at)
    taken_back = case.abandoned_at is not None and case.standing == 0 < facts.standing
    if case.state is State.WITHDRAWN or taken_back:
        # a call again: it waits from now on, or for nobody where somebody has it in hand
        in_hand_since = case.taken_at if after.ring_at is None else None
        after = replace(after, opened_at=in_hand_since or event.at, abandoned_at=None)
    return after


def retracted(case: Case, event: CaseEvent) -> Case:
    after = replace(case, standing=case.standing + event.facts.standing)
    return withdrawn(after, event.at) if case.state is State.NEW and after.standing == 0 else after


def asked(case: Case, event: CaseEvent) -> Case:
    """The home asks: people are called when nobody has answered in time."""
    if case.wake_step != ASK_UNHEARD:
        return case
    return replace(case, wake_at=case.opened_at + event.facts.ask_s, wake_step=ASK_UNANSWERED)


def answered(case: Case, event: CaseEvent) -> Case:
    """What became of the home's question. It decides only as long as nobody was called."""
    if not case.asked_first:
        return case
    if event.facts.state == FINE:
        return withdrawn(replace(case, standing=0), event.at)
    return ringing(case, event.at)


def ended(case: Case, event: CaseEvent) -> Case:
    """The situation is over by itself. That takes nothing back from people who were called."""
    return withdrawn(replace(case, standing=0), event.at) if case.asked_first else case


def abandoned(case: Case, event: CaseEvent) -> Case:
    """The home hung up before anybody had taken it; it rings on, since nobody knows why they did."""
    return replace(case, abandoned_at=case.abandoned_at or event.at)


def taken(case: Case, event: CaseEvent) -> Case | Refused:
    """First come, first served; a ringing case that somebody holds may be acknowledged by them or taken over."""
    mine = case.owner_id == event.actor
    held = case.owner_id is not None and case.state is not State.WAITING
    if held and case.ring_at is None:
        earlier_s = event.at - (case.taken_at or event.at)
        return Refused("already_yours" if mine else "taken", case.owner_id or "", max(0.0, earlier_s))
    state = case.state if mine and held else State.TAKEN
    taken_at = case.taken_at if mine else event.at
    after = _people_wanted(_exceptional(case, event.at), event.at)
    return in_hand(replace(after, state=state, owner_id=event.actor, taken_at=taken_at), event.at)


def _exceptional(case: Case, now: float) -> Case:
    """Opens the record of why nobody took a case in time, also when no process lived to count the seconds."""
    limit_s = escalation.exception_after_s(case)
    if case.exception_at is not None or case.owner_id is not None or limit_s is None or case.ring_at is None:
        return case
    return replace(case, exception_at=now) if now - case.ring_at >= limit_s else case


def spoken(case: Case, event: CaseEvent) -> Case | Refused:
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    after = replace(case, state=State.TALKING, spoken_at=case.spoken_at or event.at)
    return after if case.ring_at is not None else in_hand(after, event.at)


def parked(case: Case, event: CaseEvent) -> Case | Refused:
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


def released(case: Case, event: CaseEvent) -> Case | Refused:
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    return ringing(replace(case, state=State.NEW, owner_id=None, taken_at=None), event.at)


def handed_over(case: Case, event: CaseEvent) -> Case | Refused:
    """A shift ends: what its operator held rings for all, with the reason in the log."""
    if not event.facts.reason.strip():
        return Refused("no_reason", case.owner_id or "")
    return ringing(replace(case, state=State.NEW, owner_id=None, taken_at=None), event.at)


def console_lost(case: Case, event: CaseEvent) -> Case | Refused:
    """The console is lost at which its owner holds it: it has rung unheard since then, and goes on from there."""
    facts = event.facts
    if not facts.operator or lost_console.holder(case) != facts.operator:
        return Refused("not_yours", case.owner_id or "")
    if lost_console.touched_at(case) > facts.event_at:
        return Refused("not_lost", case.owner_id or "")
    after = replace(case, state=State.NEW, owner_id=None, taken_at=None)
    if case.ring_at is not None:
        return after
    after = replace(after, ring_at=facts.event_at)
    step, due_at = escalation.entered(after, event.at)
    return replace(after, wake_at=due_at, wake_step=step)


def triaged(case: Case, event: CaseEvent) -> Case | Refused:
    """What is needed; "no answer" begins the checklist, any other answer ends it."""
    if event.actor != case.owner_id:
        return Refused("not_yours", case.owner_id or "")
    facts = event.facts
    if not protocol.FINE <= facts.triage <= protocol.NO_ANSWER:
        return Refused("bad_triage", case.owner_id or "")
    after = replace(case, triage=facts.triage, protocol="", protocol_step="", step_due_at=None)
    if facts.triage == protocol.NO_ANSWER:
        name = DURESS if case.kind in SILENT_KINDS else "silent" if facts.silent else "no_answer"
        after = _following(after, name, event.at)
    return kept_in_hand(after, event)


def _following(case: Case, name: str, now: float) -> Case:
    """At the first step of a checklist."""
    return _timed(replace(case, protocol=name, protocol_step=protocol.first_step(name).name), now)


def stepped(case: Case, event: CaseEvent) -> Case | Refused:
    """The step at hand was done, or skipped for a reason, or the system did it itself; the next one begins."""
    facts, owner = event.facts, case.owner_id or ""
    by_system = facts.state == protocol.BY_SYSTEM
    if not by_system and event.actor != owner:
        return Refused("not_yours", owner)
    if facts.step != case.protocol_step or not facts.step or facts.state not in protocol.STEP_STATES:
        return Refused("bad_step", owner)
    if facts.state == protocol.SKIPPED and not facts.reason.strip():
        return Refused("no_reason", owner)
    after = replace(case, protocol_step=protocol.step_following(case.protocol, facts.step))
    return kept_in_hand(_timed(after, event.at), event)


def _timed(case: Case, now: float) -> Case:
    """With the time of the step at hand begun. What is for when nobody comes waits until who comes should be there, and
    while they are."""
    if not case.protocol_step:
        return replace(case, step_due_at=None)
    due_at = now + protocol.limit_s(case.protocol, case.protocol_step, case.plan.step_s)
    if protocol.for_nobody(case.protocol, case.protocol_step):
        there_until = case.arrived_at + protocol.CALLS_KEPT_S if case.arrived_at is not None else 0.0
        coming = case.eta_at if case.helper_id and case.eta_at is not None else 0.0
        due_at = max(due_at, there_until, coming)
    return replace(case, step_due_at=due_at)


def _timed_anew(case: Case, now: float) -> Case:
    """Who comes has changed: what waits for them has another time."""
    waits = case.protocol_step and protocol.for_nobody(case.protocol, case.protocol_step)
    return _timed(case, now) if waits else case


def called(case: Case, event: CaseEvent) -> Case:
    """A contact is asked by an operator; a telephone that rings has its limit."""
    if event.facts.channel != "phone":
        return kept_in_hand(case, event)
    limit_s = event.facts.limit_s or protocol.RING_LIMIT_S
    return kept_in_hand(replace(case, ring_limit_at=event.at + limit_s), event)


def call_ended(case: Case, event: CaseEvent) -> Case:
    """A contact was reached by telephone, or was not."""
    return kept_in_hand(replace(case, ring_limit_at=None), event)


def prompted(case: Case, event: CaseEvent) -> Case | Refused:
    """A step of the protocol, or a ringing telephone, has taken its time: the operator is told once."""
    if not any(timer.step == event.facts.step and event.at >= timer.due_at for timer in case.timers[1:]):
        return Refused("not_due", case.owner_id or "")
    if event.facts.step == RING_LIMIT:
        return replace(case, ring_limit_at=None)
    assert event.facts.step == STEP_TIMER + case.protocol_step
    return replace(case, step_due_at=None)


def explained(case: Case, event: CaseEvent) -> Case | Refused:
    """Somebody wrote why nobody took it in time."""
    if case.exception_at is None:
        return Refused("no_exception", case.owner_id or "")
    if not event.facts.explanation.strip():
        return Refused("no_reason", case.owner_id or "")
    return kept_in_hand(replace(case, explained_at=event.at), event)


def grouped(case: Case, event: CaseEvent) -> Case | Refused:
    """Put under an incident, where it keeps its own life; a matter of life stands alone."""
    if case.priority is Priority.LIFE:
        return Refused("life_alone", case.owner_id or "")
    return replace(case, incident_id=event.facts.incident or None)


def declined(case: Case, event: CaseEvent) -> Case:
    """A contact cannot come. If others counted on them, the case rings: it was in hand because of them."""
    if case.helper_id != event.facts.contact or case.arrived_at is not None:
        return case
    after = _timed_anew(replace(case, helper_id="", eta_at=None), event.at)
    return ringing(after, event.at) if case.ring_at is None and case.state is not State.WITHDRAWN else after


def needs_help(case: Case, event: CaseEvent) -> Case:
    """Somebody at the resident's side asks for more: it rings, whoever has it."""
    after = replace(case, helper_id=event.facts.contact, arrived_at=case.arrived_at or event.at)
    after = replace(after, state=State.NEW) if case.state is State.WITHDRAWN else after
    return ringing(after, event.at) if case.ring_at is None else after


def on_the_way(case: Case, event: CaseEvent) -> Case | Refused:
    going = case.helper_id and case.helper_id != event.facts.contact and case.arrived_at is None
    if going and event.actor == "carer":
        return Refused("already_going", case.helper_id)
    eta_at = event.at + 60.0 * event.facts.eta_minutes
    after = replace(case, helper_id=event.facts.contact, eta_at=eta_at, arrived_at=None)
    return kept_in_hand(_timed_anew(after, event.at), event)


def arrived(case: Case, event: CaseEvent) -> Case:
    after = replace(case, helper_id=event.facts.contact or case.helper_id, arrived_at=event.at)
    return kept_in_hand(_timed_anew(after, event.at), event)


def inside(case: Case, event: CaseEvent) -> Case | Refused:
    """Who has arrived has got in."""
    return Refused("not_there", case.helper_id) if case.arrived_at is None else kept_in_hand(case, event)


def due(case: Case, event: CaseEvent) -> bool:
    return case.wake_at is not None and event.at >= case.wake_at and event.facts.step == case.wake_step


def escalated(case: Case, event: CaseEvent) -> Case | Refused:
    """A step of the ladder was due while nobody had the case in hand."""
    if case.ring_at is None or not due(case, event):
        return Refused("not_due", case.owner_id or "")
    step, due_at = escalation.step_after(case, case.wake_step, event.at)
    after = _exceptional(case, event.at) if case.wake_step == escalation.EXCEPTION else case
    return replace(after, wake_at=due_at, wake_step=step)


def recalled(case: Case, event: CaseEvent) -> Case | Refused:
    """Silence at home or in somebody's hands, the end of parking, a check call not made: the case rings (again)."""
    if case.ring_at is not None or not due(case, event):
        return Refused("not_due", case.owner_id or "")
    return ringing(case, event.at)


def closed(case: Case, event: CaseEvent) -> Case | Refused:
    facts, owner = event.facts, case.owner_id or ""
    if event.actor != owner:
        return Refused("not_yours", owner)
    if case.ring_at is not None:
        return Refused("ringing", owner)
    if case.exception_at is not None and case.explained_at is None and not facts.explanation.strip():
        return Refused("no_explanation", owner)
    if case.priority is Priority.LIFE:
        if not facts.outcome:
            return Refused("no_outcome", owner)
        if case.spoken_at is None and case.arrived_at is None and not facts.text.strip():
            return Refused("no_speech", owner)
    explained_at = case.explained_at if case.exception_at is None else case.explained_at or event.at
    return replace(
        case,
        state=State.CLOSED,
        ring_at=None,
        closed_at=event.at,
        wake_at=None,
        wake_step="",
        explained_at=explained_at,
        step_due_at=None,
        ring_limit_at=None,
    )


def reopened(case: Case, event: CaseEvent) -> Case | Refused:
    """A named person opens a closed case again and has it in hand."""
    if not event.facts.reason.strip():
        return Refused("no_reason", case.owner_id or "")
    if case.closed_at is None or event.at - case.closed_at > REOPEN_WITHIN_S:
        return Refused("too_late", case.owner_id or "")
    again = replace(
        case,
        state=State.TAKEN,
        owner_id=event.actor,
        taken_at=event.at,
        closed_at=None,
        reopened=case.reopened + 1,
        protocol="",
        protocol_step="",
    )
    return in_hand(again, event.at)
