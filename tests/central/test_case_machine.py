"""Whatever happens, in whatever order, a case keeps its promises; and the search would find a broken one."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from central.alarm_cases import escalation, rules, transitions
from central.alarm_cases.care_plan import STANDARD, CarePlan
from central.alarm_cases.case import ANSWERS, Case, CaseEvent, EventType, Facts, State
from central.alarm_cases.priority import Priority, priority_of
from central.alarm_cases.rules import ASK_HEARD_S
from central.alarm_cases.transitions import Decided, opening, rebuild, transition
from gateway.contract.alarm_kinds import AlarmKind

PEOPLE = ("ana", "joan")
BY_PEOPLE = (
    EventType.TAKEN, EventType.SPOKEN, EventType.NOTED, EventType.PARKED, EventType.RELEASED, EventType.CALLED,
    EventType.ON_THE_WAY, EventType.ARRIVED, EventType.CLOSED, EventType.TRIAGED, EventType.STEPPED,
    EventType.EXPLAINED, EventType.HANDED_OVER, EventType.CALL_ENDED, EventType.REOPENED,
    EventType.RUNG, EventType.INSIDE,
)  # fmt: skip
BY_CARERS = (
    EventType.ON_THE_WAY, EventType.DECLINED, EventType.ARRIVED, EventType.INSIDE, EventType.ALL_WELL,
    EventType.NEEDS_HELP,
)  # fmt: skip
PLANS = (
    STANDARD,
    CarePlan(first="family", after_s={"supervisor": 90.0}),
    CarePlan(carers="parallel"),
    CarePlan(carers="in_turn"),
)


class CaseLife(RuleBasedStateMachine):
    """One case, through whatever people, the home and the clock do."""

    @initialize(
        kind=st.sampled_from(AlarmKind),
        withdrawn=st.booleans(),
        plan=st.sampled_from(PLANS),
        ask_s=st.sampled_from([0.0, 180.0, 600.0]),
    )
    def open_it(self, kind: AlarmKind, withdrawn: bool, plan: CarePlan, ask_s: float) -> None:
        priority, standing = priority_of(kind), int(not withdrawn)
        facts = Facts(home="home-1", kind=kind, priority=priority, standing=standing, plan=plan, ask_s=ask_s)
        event = CaseEvent(EventType.OPENED, 1_000_000.0, "hub", facts)
        self.case, self.log, self.now = opening(1, event).case, [event], event.at
        self.last: tuple[Case, CaseEvent] | None = None
        self.closed_by_person = False

    def happen(self, event: CaseEvent) -> None:
        decided = transition(self.case, event)
        if isinstance(decided, Decided):
            self.last = (self.case, event)
            self.case = decided.case
            self.log.append(decided.event)

    @rule(seconds=st.floats(0.0, 4_000.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_desk_wakes(self) -> None:
        if self.case.wake_at is not None:
            self.now = max(self.now, self.case.wake_at)
            event_type = EventType.RECALLED if self.case.ring_at is None else EventType.ESCALATED
            self.happen(CaseEvent(event_type, self.now, "desk", Facts(step=self.case.wake_step)))

    @rule()
    def the_desk_prompts(self) -> None:
        for timer in self.case.timers[1:]:
            self.now = max(self.now, timer.due_at)
            self.happen(CaseEvent(EventType.PROMPTED, self.now, "desk", Facts(step=timer.step)))

    @rule(who=st.sampled_from(PEOPLE), ago_s=st.floats(0.0, 100.0))
    def a_console_is_lost(self, who: str, ago_s: float) -> None:
        facts = Facts(operator=who, event_at=self.now - ago_s)
        self.happen(CaseEvent(EventType.CONSOLE_LOST, self.now, "desk", facts))

    @rule(event_type=st.sampled_from(BY_CARERS), who=st.sampled_from(["marc", "pol"]))
    def a_carer_acts(self, event_type: EventType, who: str) -> None:
        self.happen(CaseEvent(event_type, self.now, "carer", Facts(contact=who, eta_minutes=5)))

    @rule(incident=st.integers(0, 2))
    def the_desk_groups_or_a_caller_gives_up(self, incident: int) -> None:
        event_type = EventType.GROUPED if incident else EventType.ABANDONED
        self.happen(CaseEvent(event_type, self.now, "desk", Facts(incident=incident)))

    @rule(step=st.sampled_from(["review", "recall", "supervisor", "check_call", ""]))
    def the_desk_errs(self, step: str) -> None:
        for event_type in (EventType.ESCALATED, EventType.RECALLED):
            self.happen(CaseEvent(event_type, self.now, "desk", Facts(step=step)))

    @rule(kind=st.sampled_from(AlarmKind), again=st.booleans())
    def the_home_calls(self, kind: AlarmKind, again: bool) -> None:
        standing = 0 if again and self.case.standing else 1
        facts = Facts(kind=kind, priority=priority_of(kind), standing=standing)
        self.happen(CaseEvent(EventType.UPDATED if again else EventType.JOINED, self.now, "hub", facts))

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_takes(self, who: str) -> None:
        self.happen(CaseEvent(EventType.TAKEN, self.now, who))

    @rule(kind=st.sampled_from([AlarmKind.HELP, AlarmKind.SMOKE]))
    def the_home_calls_for_its_life(self, kind: AlarmKind) -> None:
        facts = Facts(kind=kind, priority=Priority.LIFE, standing=1)
        self.happen(CaseEvent(EventType.JOINED, self.now, "hub", facts))

    @rule()
    def the_home_takes_back(self) -> None:
        self.happen(CaseEvent(EventType.RETRACTED, self.now, "hub", Facts(standing=-min(1, self.case.standing))))

    @rule(answer=st.sampled_from(["", *ANSWERS]))
    def the_home_asks_and_answers(self, answer: str) -> None:
        event_type = EventType.ANSWERED if answer else EventType.ASKED
        facts = Facts(state=answer, ask_s=self.log[0].facts.ask_s)
        self.happen(CaseEvent(event_type, self.now, "hub", facts))

    @rule()
    def the_quiet_ends(self) -> None:
        self.happen(CaseEvent(EventType.ENDED, self.now, "desk", Facts()))

    @rule(
        event_type=st.sampled_from(BY_PEOPLE),
        who=st.sampled_from(PEOPLE),
        ahead_s=st.floats(-10.0, 1_800.0),
        words=st.sampled_from(["", "written down"]),
        number=st.integers(0, 6),
    )
    def somebody_acts(self, event_type: EventType, who: str, ahead_s: float, words: str, number: int) -> None:
        facts = Facts(
            recall_at=self.now + ahead_s, reason=words, text=words, contact="marc", cause="fall", outcome=words,
            triage=number, silent=number % 2 == 0, step=self.case.protocol_step, explanation=words,
            state="skipped" if number % 2 else "done", channel="phone" if number % 2 else "email",
        )  # fmt: skip
        self.happen(CaseEvent(event_type, self.now, who, facts))

    @invariant()
    def an_open_case_is_always_woken(self) -> None:
        if self.case.open:
            assert self.case.wake_at is not None
            assert self.case.wake_step
        else:
            assert self.case.wake_at is None
            assert self.case.ring_at is None

    @invariant()
    def an_owner_is_a_person_who_took_it(self) -> None:
        owners = {event.actor for event in self.log if event.type in {EventType.TAKEN, EventType.REOPENED}}
        assert self.case.owner_id is None or self.case.owner_id in owners
        held = self.case.state in {State.TAKEN, State.TALKING, State.WAITING, State.CLOSED}
        assert (self.case.owner_id is not None) == held

    @invariant()
    def a_case_that_nobody_has_rings_or_is_asked_about_at_home_or_was_withdrawn(self) -> None:
        if self.case.state is State.NEW:
            assert (self.case.ring_at is None) == self.case.asked_first
        if self.case.asked_first:
            assert self.case.priority is not Priority.LIFE
            assert self.case.owner_id is None
            assert self.case.wake_at is not None
            assert self.case.wake_at <= self.log[0].at + max(self.log[0].facts.ask_s, ASK_HEARD_S)
        if self.case.state is State.WITHDRAWN:
            assert self.case.standing == 0

    @invariant()
    def what_is_answered_at_home_takes_nobody_off(self) -> None:
        """Nor does the end of the quiet: once people were called, a person looks."""
        if self.last is not None and self.last[1].type in {EventType.ANSWERED, EventType.ENDED, EventType.ASKED}:
            before, _ = self.last
            assert self.case.ring_at == before.ring_at or before.asked_first

    @invariant()
    def only_people_close_and_nothing_follows(self) -> None:
        if self.last is None:
            return
        before, event = self.last
        assert before.open or (event.type is EventType.REOPENED and event.actor in PEOPLE and event.facts.reason)
        if not self.case.open:
            assert event.type is EventType.CLOSED
            assert event.actor in PEOPLE
            if self.case.priority is Priority.LIFE:
                assert event.facts.outcome
                assert self.case.spoken_at is not None or self.case.arrived_at is not None or event.facts.text

    @invariant()
    def what_nobody_took_in_time_is_not_closed_unexplained(self) -> None:
        if not self.case.open and self.case.exception_at is not None:
            assert self.case.explained_at is not None

    @invariant()
    def a_life_is_never_in_an_incident(self) -> None:
        assert self.case.priority is not Priority.LIFE or self.case.incident_id is None

    @invariant()
    def a_closed_case_waits_for_nothing_and_prompts_stand_beside_the_wake(self) -> None:
        assert bool(self.case.timers) == self.case.open
        if self.case.open:
            assert self.case.timers[0] == (self.case.wake_step, self.case.wake_at)
        if self.case.step_due_at is not None:
            assert self.case.protocol_step

    @invariant()
    def time_and_carers_never_take_a_case(self) -> None:
        if self.last is not None and self.last[1].actor in {"desk", "carer", "hub"}:
            before, event = self.last
            assert self.case.owner_id == before.owner_id or event.type is EventType.CONSOLE_LOST
            assert self.case.owner_id in {before.owner_id, None}

    @invariant()
    def who_turns_back_or_asks_for_help_is_never_met_with_silence(self) -> None:
        if self.last is None:
            return
        before, event = self.last
        counted_on = before.helper_id == event.facts.contact and before.arrived_at is None
        if event.type is EventType.NEEDS_HELP or (event.type is EventType.DECLINED and counted_on):
            assert self.case.ring_at is not None or self.case.state is State.WITHDRAWN

    @invariant()
    def priority_only_rises_and_only_by_the_home(self) -> None:
        if self.last is not None:
            before, event = self.last
            assert self.case.priority <= before.priority
            if self.case.priority < before.priority:
                assert event.actor == "hub"
                assert self.case.ring_at == event.at

    @invariant()
    def a_grave_alarm_is_never_hidden(self) -> None:
        if self.last is not None and self.last[1].type is EventType.JOINED:
            before, event = self.last
            if event.facts.priority is Priority.LIFE and (
                before.priority is not Priority.LIFE or before.state in {State.WAITING, State.NEW, State.WITHDRAWN}
            ):
                assert self.case.ring_at is not None

    def teardown(self) -> None:
        """The log adds up to the case."""
        assert rebuild(1, self.log) == self.case
        assert self.case.version == len(self.log)


QUIET = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
SEARCH = settings(QUIET, max_examples=3_000, derandomize=True, phases=(Phase.generate,))
"""Long enough to meet every planted fault, and the same search each time; it ends at the first find."""


def test_a_case_keeps_its_promises() -> None:
    run_state_machine_as_test(CaseLife, settings=QUIET)


def _closes_by_time(case: Case, event: CaseEvent) -> Case:
    return replace(case, state=State.CLOSED, ring_at=None, closed_at=event.at, wake_at=None, wake_step="")


def _takes_by_time(case: Case, event: CaseEvent) -> Case:
    return replace(case, state=State.TAKEN, owner_id="desk", ring_at=None, wake_at=event.at + 60, wake_step="review")


def _forgets_to_wake(case: Case, _event: CaseEvent) -> Case:
    return replace(case, state=State.WAITING, ring_at=None, wake_at=None, wake_step=escalation.RECALL)


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ((State.NEW, EventType.ESCALATED), _closes_by_time),
        ((State.NEW, EventType.ESCALATED), _takes_by_time),
        ((State.TAKEN, EventType.PARKED), _forgets_to_wake),
        ((State.TAKEN, EventType.JOINED), lambda case, _event: case),
        ((State.NEW, EventType.JOINED), lambda case, _event: case),
        ((State.NEW, EventType.ASKED), lambda case, event: replace(case, wake_at=event.at + 86_400)),
        ((State.NEW, EventType.ANSWERED), lambda case, event: rules.withdrawn(replace(case, standing=0), event.at)),
    ],
)
def test_a_planted_fault_is_found(place: tuple[State, EventType], fault: transitions.Rule) -> None:
    with patch.dict(transitions.TABLE, {place: fault}), pytest.raises(AssertionError):
        run_state_machine_as_test(CaseLife, settings=SEARCH)
