"""What may happen to a case, and what never."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from central.alarm_cases import escalation, protocol
from central.alarm_cases.care_plan import CarePlan
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts, State
from central.alarm_cases.joining import event_time, joins, lateness_s
from central.alarm_cases.priority import MARKS, Priority, priority_of
from central.alarm_cases.transitions import TABLE, Decided, Refused, opening, rebuild, transition
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, Stage

T = 1_795_262_400.0


def opened(kind: AlarmKind = AlarmKind.HELP, standing: int = 1) -> Case:
    facts = Facts(home="home-1", hub="hub-1", ref="A1", kind=kind, priority=priority_of(kind), standing=standing)
    return opening(7, CaseEvent(EventType.OPENED, T, "hub", facts)).case


def after(case: Case, event_type: EventType, at: float, actor: str = "ana", **facts: object) -> Case:
    decided = transition(case, CaseEvent(event_type, at, actor, Facts(**facts)))  # type: ignore[arg-type]
    assert isinstance(decided, Decided), decided
    return decided.case


def refused(case: Case, event_type: EventType, at: float, actor: str = "ana", **facts: object) -> Refused:
    decided = transition(case, CaseEvent(event_type, at, actor, Facts(**facts)))  # type: ignore[arg-type]
    assert isinstance(decided, Refused), decided
    return decided


def joined(case: Case, kind: AlarmKind, at: float) -> Case:
    return after(case, EventType.JOINED, at, "hub", kind=kind, priority=priority_of(kind), standing=1)


def taken(kind: AlarmKind = AlarmKind.HELP) -> Case:
    return after(opened(kind), EventType.TAKEN, T + 5)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("event_type", list(EventType))
def test_what_is_not_in_the_table_is_refused(state: State, event_type: EventType) -> None:
    case = replace(taken(), state=state)
    decided = transition(case, CaseEvent(event_type, T + 10, "ana"))
    if (state, event_type) not in TABLE:
        assert decided == Refused("not_possible", "ana")
    elif isinstance(decided, Refused):
        assert decided.reason != "not_possible"


def test_nothing_happens_to_a_closed_case_but_opening_it_again() -> None:
    assert [event_type for state, event_type in TABLE if state is State.CLOSED] == [EventType.REOPENED]


def test_the_home_and_the_clock_never_close_take_or_park() -> None:
    for event_type in (EventType.JOINED, EventType.UPDATED, EventType.RETRACTED, EventType.ENDED, EventType.TOLD):
        for state in (State.NEW, State.TAKEN, State.TALKING, State.WAITING, State.WITHDRAWN):
            decided = transition(replace(taken(), state=state), CaseEvent(event_type, T + 10, "hub"))
            assert isinstance(decided, Decided)
            assert decided.case.open
            assert decided.case.owner_id == "ana"


def test_first_come_first_served() -> None:
    answer = refused(taken(), EventType.TAKEN, T + 5.25, "joan")
    assert answer == Refused("taken", "ana", pytest.approx(0.25))


def test_only_the_owner_talks_parks_releases_and_closes() -> None:
    for event_type in (EventType.SPOKEN, EventType.PARKED, EventType.RELEASED, EventType.CLOSED):
        assert refused(taken(), event_type, T + 6, "joan").reason == "not_yours"


def test_a_life_case_is_not_closed_without_outcome_nor_without_speech_arrival_or_reason() -> None:
    case = taken()
    assert refused(case, EventType.CLOSED, T + 9, cause="fall").reason == "no_outcome"
    assert refused(case, EventType.CLOSED, T + 9, cause="fall", outcome="hospital").reason == "no_speech"
    assert refused(case, EventType.CLOSED, T + 9, cause="fall", outcome="hospital", text="  ").reason == "no_speech"
    written = after(case, EventType.CLOSED, T + 9, cause="fall", outcome="hospital", text="the neighbour told us")
    spoken = after(after(case, EventType.SPOKEN, T + 7), EventType.CLOSED, T + 9, cause="fall", outcome="hospital")
    there = after(after(case, EventType.ARRIVED, T + 7), EventType.CLOSED, T + 9, cause="fall", outcome="hospital")
    assert {written.state, spoken.state, there.state} == {State.CLOSED}
    assert spoken.owner_id == "ana"
    assert spoken.wake_at is None


def test_a_technical_case_is_closed_with_a_cause_alone() -> None:
    case = after(opened(AlarmKind.BATTERY_LOW), EventType.TAKEN, T)
    assert after(case, EventType.CLOSED, T + 9, cause="equipment").state is State.CLOSED


def test_joining_raises_and_never_lowers() -> None:
    case = joined(opened(AlarmKind.BATTERY_LOW), AlarmKind.FALL, T + 60)
    assert (case.priority, case.kind, case.repeats) == (Priority.LIFE, AlarmKind.FALL, 2)
    calm = joined(case, AlarmKind.BATTERY_LOW, T + 90)
    assert (calm.priority, calm.kind, calm.repeats) == (Priority.LIFE, AlarmKind.FALL, 3)


def test_a_life_alarm_rings_again_in_a_case_that_somebody_has() -> None:
    lower = joined(taken(AlarmKind.FLOOD), AlarmKind.HELP, T + 60)
    assert (lower.ring_at, lower.owner_id, lower.wake_step) == (T + 60, "ana", escalation.SECOND_BURST)
    graver = joined(taken(AlarmKind.HELP), AlarmKind.SMOKE, T + 60)
    assert graver.ring_at == T + 60
    parked = after(taken(), EventType.PARKED, T + 6, recall_at=T + 600, reason="son is coming")
    assert joined(parked, AlarmKind.HELP, T + 60).ring_at == T + 60


def test_a_repeated_press_does_not_ring_at_the_operator_who_is_speaking() -> None:
    talking = after(taken(), EventType.SPOKEN, T + 6)
    again = joined(talking, AlarmKind.HELP, T + 30)
    assert again.ring_at is None
    assert again.repeats == 2


def test_nobody_closes_or_parks_over_an_alarm_not_seen_and_the_owner_acknowledges_by_taking() -> None:
    talking = after(taken(), EventType.SPOKEN, T + 6)
    rings = joined(talking, AlarmKind.SMOKE, T + 30)
    assert refused(rings, EventType.CLOSED, T + 31, cause="fall", outcome="hospital").reason == "ringing"
    assert refused(rings, EventType.PARKED, T + 31, recall_at=T + 60, reason="x").reason == "ringing"
    seen = after(rings, EventType.TAKEN, T + 32)
    assert (seen.state, seen.ring_at, seen.taken_at) == (State.TALKING, None, T + 5)
    other = after(rings, EventType.TAKEN, T + 32, "joan")
    assert (other.state, other.owner_id) == (State.TAKEN, "joan")


def test_speaking_does_not_silence_what_joined_meanwhile() -> None:
    rings = joined(taken(), AlarmKind.SMOKE, T + 30)
    assert after(rings, EventType.SPOKEN, T + 31).ring_at == T + 30


def test_parking_needs_a_reason_and_a_time_not_too_far() -> None:
    assert refused(taken(), EventType.PARKED, T + 6, recall_at=T + 60).reason == "no_reason"
    for recall_at in (T + 6, T - 60, T + 86_400):
        assert refused(taken(), EventType.PARKED, T + 6, recall_at=recall_at, reason="son").reason == "bad_recall"


def test_a_parked_case_rings_at_its_recall_and_stays_its_owners() -> None:
    parked = after(taken(), EventType.PARKED, T + 6, recall_at=T + 600, reason="son is coming")
    assert (parked.wake_at, parked.wake_step) == (T + 600, escalation.RECALL)
    assert refused(parked, EventType.RECALLED, T + 599, "desk", step=escalation.RECALL).reason == "not_due"
    rings = after(parked, EventType.RECALLED, T + 600, "desk", step=escalation.RECALL)
    assert (rings.ring_at, rings.owner_id) == (T + 600, "ana")


def test_silence_in_somebodys_hands_rings_again() -> None:
    rings = after(taken(), EventType.RECALLED, T + 305, "desk", step=escalation.REVIEW)
    assert rings.ring_at == T + 305
    busy = after(taken(), EventType.NOTED, T + 200, text="still speaking")
    assert refused(busy, EventType.RECALLED, T + 305, "desk", step=escalation.REVIEW).reason == "not_due"


def test_a_withdrawn_alarm_wants_a_check_call_and_a_person_to_close_it() -> None:
    case = after(opened(), EventType.RETRACTED, T + 3, "hub", standing=-1)
    assert (case.state, case.ring_at, case.wake_step) == (State.WITHDRAWN, None, escalation.CHECK_CALL)
    assert refused(case, EventType.CLOSED, T + 4, cause="mistake", outcome="resolved_by_talk").reason == "not_possible"
    assert after(case, EventType.RECALLED, T + 303, "desk", step=escalation.CHECK_CALL).ring_at == T + 303
    assert joined(case, AlarmKind.HELP, T + 60).state is State.NEW


def test_a_check_call_that_nobody_makes_keeps_asking_at_the_pace_of_routine() -> None:
    case = after(opened(), EventType.RETRACTED, T + 3, "hub", standing=-1)
    case = after(case, EventType.RECALLED, T + 303, "desk", step=escalation.CHECK_CALL)
    moments = [T + 303]
    for _ in range(5):
        assert case.wake_at is not None
        moments.append(case.wake_at)
        case = after(case, EventType.ESCALATED, case.wake_at, "desk", step=case.wake_step)
    assert min(later - earlier for earlier, later in pairwise(moments)) >= 900


def test_a_case_with_another_alarm_standing_is_not_withdrawn() -> None:
    case = after(joined(opened(), AlarmKind.HELP, T + 2), EventType.RETRACTED, T + 3, "hub", standing=-1)
    assert (case.state, case.standing) == (State.NEW, 1)
    assert after(taken(), EventType.RETRACTED, T + 6, "hub", standing=-1).state is State.TAKEN


def test_released_rings_for_all() -> None:
    case = after(taken(), EventType.RELEASED, T + 60)
    assert (case.state, case.owner_id, case.ring_at, case.stage) == (State.NEW, None, T + 60, Stage.RECEIVED)


def test_the_stage_that_the_home_may_say() -> None:
    case = taken()
    stages = [opened().stage, case.stage]
    case = after(case, EventType.ON_THE_WAY, T + 10, contact="marc", eta_minutes=12)
    stages.append(case.stage)
    case = after(case, EventType.ARRIVED, T + 600)
    stages.append(case.stage)
    stages.append(after(case, EventType.CLOSED, T + 700, cause="fall", outcome="helped_at_home").stage)
    assert stages == list(Stage)
    assert case.eta_at == T + 10 + 12 * 60


def test_a_log_that_no_desk_can_have_written_is_found_out() -> None:
    first = CaseEvent(EventType.OPENED, T, "hub", Facts(home="home-1", standing=1))
    with pytest.raises(ValueError, match="refused"):
        rebuild(1, [first, CaseEvent(EventType.CLOSED, T + 1, "ana")])
    with pytest.raises(ValueError, match="begins"):
        rebuild(1, [])


def test_the_ladder_of_a_life_alarm_that_nobody_takes() -> None:
    case, steps = opened(), []
    for _ in range(8):
        assert case.wake_at is not None
        steps.append((case.wake_step, case.wake_at - T))
        case = after(case, EventType.ESCALATED, case.wake_at, "desk", step=case.wake_step)
    assert steps == [
        ("second_burst", 10), ("every_operator", 20), ("supervisor", 30), ("first_carer", 60),
        ("every_carer", 90), ("home_reassured", 120), ("exception", 180), ("still_ringing", 240),
    ]  # fmt: skip


def test_every_priority_keeps_asking_until_a_person_takes_it() -> None:
    for kind in AlarmKind:
        case = opened(kind)
        for _ in range(12):
            assert case.wake_at is not None
            case = after(case, EventType.ESCALATED, case.wake_at, "desk", step=case.wake_step)
        assert case.state is State.NEW
        assert case.wake_step == escalation.STILL_RINGING


def test_alarms_join_within_ten_minutes_and_tests_keep_to_themselves() -> None:
    real, test = opened(), replace(opened(AlarmKind.TEST), id=8)
    assert joins([real, test], Priority.TECHNICAL, T + 600) is real
    assert joins([real, test], Priority.LIFE, T + 601) is None
    assert joins([real], Priority.LIFE, T - 601) is None
    assert joins([real], Priority.LIFE, T - 2) is real
    assert joins([real, test], Priority.TEST, T + 60) is test
    assert joins([real], Priority.TEST, T + 60) is None
    assert joins([test], Priority.LIFE, T + 60) is None
    graver = replace(opened(AlarmKind.SMOKE), id=9)
    assert joins([replace(real, priority=Priority.URGENT), graver], Priority.LIFE, T + 60) is graver


def test_when_it_happened_by_the_best_clock_there_is() -> None:
    def at(tim: float, trusted: bool = True, age: float | None = None) -> float:
        return event_time(Alarm("A1", 3, tim, trusted=trusted, age=age), T)

    assert at(T - 90) == T - 90
    assert at(T - 90, trusted=False, age=20) == T - 20
    assert at(T + 31_536_000, age=20) == T - 20
    assert at(T - 31_536_000, age=20) == T - 20
    assert at(0.0, trusted=False) == T
    assert lateness_s(T - 240, T) == 240
    assert lateness_s(T - 5, T) == 0


def test_the_sender_may_raise_a_priority_and_never_lower_it() -> None:
    assert priority_of(AlarmKind.HELP, 1) is Priority.LIFE
    assert priority_of(AlarmKind.BATTERY_LOW, 9) is Priority.LIFE
    assert priority_of(AlarmKind.BATTERY_LOW, 5) is Priority.URGENT
    assert priority_of(AlarmKind.TEST, 9) is Priority.TEST
    assert priority_of(AlarmKind.OTHER) is Priority.URGENT
    assert priority_of(kind_of(2, 991)) is Priority.ROUTINE
    assert priority_of(kind_of(2, 991), 9) is Priority.LIFE


def test_marks_differ_without_their_colour() -> None:
    assert len(set(MARKS.values())) == len(Priority)


def planned(**changes: object) -> Case:
    facts = Facts(home="home-1", kind=AlarmKind.HELP, priority=Priority.LIFE, standing=1, plan=CarePlan(**changes))  # type: ignore[arg-type]
    return opening(7, CaseEvent(EventType.OPENED, T, "hub", facts)).case


def test_a_care_plan_says_who_is_asked_first_and_how_fast() -> None:
    def steps(case: Case) -> list[tuple[str, float]]:
        return [tuple(step) for step in escalation.ladder(case)]

    assert steps(planned(first="family"))[:2] == [("first_carer", 5), ("second_burst", 10)]
    moved = steps(planned(after_s={"supervisor": 15, "exception": 999}))
    assert moved[1] == ("supervisor", 15)
    assert ("exception", 180) in moved, "no plan moves a promise to everybody"
    assert "every_carer" not in dict(steps(planned(carers="in_turn")))
    assert escalation.carers_wanted(planned(carers="parallel"), escalation.FIRST_CARER) == -1
    assert escalation.carers_wanted(planned(), escalation.FIRST_CARER) == 1
    assert escalation.carers_wanted(replace(planned(), helper_id="marc"), escalation.EVERY_CARER) == 0
    quiet = replace(planned(first="family"), state=State.WITHDRAWN)
    assert "first_carer" not in dict(steps(quiet))


def test_a_plan_of_what_joins_holds_from_when_it_rings_anew() -> None:
    family = CarePlan(first="family")
    facts = {"kind": AlarmKind.SMOKE, "priority": Priority.LIFE, "standing": 1, "plan": family}
    assert after(taken(), EventType.JOINED, T + 60, "hub", **facts).plan == family
    same = {**facts, "kind": AlarmKind.HELP}
    assert after(taken(), EventType.JOINED, T + 60, "hub", **same).plan == CarePlan()


def test_no_answer_begins_the_checklist_each_step_with_its_own_time() -> None:
    case = after(taken(), EventType.TRIAGED, T + 10, triage=5)
    assert [timer.step for timer in case.timers] == ["review", "step:call_out"]
    assert refused(case, EventType.STEPPED, T + 11, step="listen", state="done").reason == "bad_step"
    assert refused(case, EventType.STEPPED, T + 11, step="call_out", state="skipped").reason == "no_reason"
    assert refused(case, EventType.STEPPED, T + 11, "joan", step="call_out", state="done").reason == "not_yours"
    assert refused(case, EventType.PROMPTED, T + 11, "desk", step="step:call_out").reason == "not_due"
    prompted = after(case, EventType.PROMPTED, T + 40, "desk", step="step:call_out")
    assert (prompted.step_due_at, prompted.protocol_step) == (None, "call_out")
    case = after(prompted, EventType.STEPPED, T + 45, "desk", step="call_out", state="by_system")
    assert (case.protocol_step, case.step_due_at) == ("raise_volume", T + 55)
    names = []
    while case.protocol_step:
        names.append(case.protocol_step)
        case = after(case, EventType.STEPPED, T + 50, step=case.protocol_step, state="done")
    assert names[-3:] == ["contacts", "response_team", "emergency_112"]
    assert case.step_due_at is None


def test_a_silent_line_sends_somebody_before_the_contacts_are_called() -> None:
    case = after(taken(), EventType.TRIAGED, T + 10, triage=5, silent=True)
    order = [step.name for step in protocol.PROTOCOLS[case.protocol]]
    assert order.index("response_team") < order.index("contacts")


def test_an_answer_ends_the_checklist() -> None:
    case = after(after(taken(), EventType.TRIAGED, T + 10, triage=5), EventType.TRIAGED, T + 20, triage=1)
    assert (case.protocol, case.step_due_at, case.triage) == ("", None, 1)
    assert refused(case, EventType.TRIAGED, T + 30, triage=6).reason == "bad_triage"


def unanswered() -> Case:
    case = opened()
    while case.exception_at is None:
        assert case.wake_at is not None
        case = after(case, EventType.ESCALATED, case.wake_at, "desk", step=case.wake_step)
    assert case.exception_at == T + 180
    return after(case, EventType.SPOKEN, T + 210) if case.owner_id else after(case, EventType.TAKEN, T + 200)


def test_what_nobody_took_in_three_minutes_must_be_explained_before_it_is_closed() -> None:
    case = unanswered()
    said = {"cause": "fall", "outcome": "hospital", "text": "x"}
    assert refused(case, EventType.CLOSED, T + 300, **said).reason == "no_explanation"
    assert refused(case, EventType.EXPLAINED, T + 300, explanation=" ").reason == "no_reason"
    explained = after(case, EventType.EXPLAINED, T + 300, "joan", explanation="forty calls in the storm")
    assert after(explained, EventType.CLOSED, T + 310, **said).explained_at == T + 300
    at_once = after(case, EventType.CLOSED, T + 310, **said, explanation="forty calls")
    assert at_once.explained_at == T + 310
    assert refused(taken(), EventType.EXPLAINED, T + 9, explanation="x").reason == "no_exception"


def test_it_must_be_explained_too_when_no_process_lived_to_see_the_time_pass() -> None:
    assert after(opened(), EventType.TAKEN, T + 179).exception_at is None
    assert after(opened(), EventType.TAKEN, T + 180).exception_at == T + 180


def test_a_closed_case_is_opened_again_by_a_named_person_with_a_reason_within_a_day() -> None:
    closed = after(after(taken(), EventType.SPOKEN, T + 6), EventType.CLOSED, T + 9, cause="fall", outcome="hospital")
    assert refused(closed, EventType.REOPENED, T + 60).reason == "no_reason"
    assert refused(closed, EventType.REOPENED, T + 9 + 86_401, reason="x").reason == "too_late"
    again = after(closed, EventType.REOPENED, T + 60, "joan", reason="she called us back")
    assert (again.state, again.owner_id, again.closed_at, again.reopened) == (State.TAKEN, "joan", None, 1)
    assert again.wake_step == escalation.REVIEW


def test_who_hangs_up_before_an_answer_is_counted_and_still_called() -> None:
    case = after(opened(), EventType.ABANDONED, T + 20, "desk")
    assert (case.abandoned_at, case.ring_at) == (T + 20, T)
    assert after(opened(), EventType.RETRACTED, T + 3, "hub", standing=-1).abandoned_at == T + 3
    assert refused(taken(), EventType.ABANDONED, T + 20, "desk").reason == "not_possible"


def test_a_shift_that_ends_leaves_a_reason_and_rings_for_all() -> None:
    assert refused(taken(), EventType.HANDED_OVER, T + 60, "desk").reason == "no_reason"
    case = after(taken(), EventType.HANDED_OVER, T + 60, "desk", reason="shift end", operator="joan")
    assert (case.state, case.owner_id, case.ring_at) == (State.NEW, None, T + 60)
