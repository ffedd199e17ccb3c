"""The desk on its database: one situation is one case, nothing is lost or doubled, however often it is said."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.closing import Cause, Closing, Outcome
from central.alarm_cases.priority import Priority
from central.alarm_cases.transitions import Refused, rebuild
from central.case_desk import CaseDesk, Done
from central.detection.finding import Finding
from central.service_figures import answers
from central.storage import cases, deliveries, homes, service_quality
from central.storage.cases import AlarmRef
from central.storage.database import Database
from central.storage.service_quality import Scope
from central.storage.tables import alarm_messages, due_times
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Alarm, MessageType, Record, Stage

from .conftest import NOON as T
from .conftest import Town, alarm_of

HELPED = Closing(Cause.FALL, outcome=Outcome.HELPED_AT_HOME, note="found her sitting on the floor")


def all_cases(town: Town) -> list[Case]:
    """Every case, each checked against its log and its due-time."""
    found = []
    with town.database.read() as connection:
        for number in range(1, 50):
            case = cases.find(connection, number)
            if case is None:
                continue
            assert rebuild(number, cases.events_of(connection, number)) == case
            waiting = connection.execute(
                sa.select(due_times.c.step, due_times.c.due_at).where(
                    due_times.c.case_id == number, due_times.c.done_at.is_(None)
                )
            ).all()
            assert [tuple(row) for row in waiting] == ([(case.wake_step, case.wake_at)] if case.open else [])
            found.append(case)
    return found


def one_case(town: Town) -> Case:
    found = all_cases(town)
    assert len(found) == 1
    return found[0]


def events(town: Town, case_id: int = 1) -> list[CaseEvent]:
    with town.database.read() as connection:
        return cases.events_of(connection, case_id)


def done(result: Done | Refused | None) -> Case:
    assert isinstance(result, Done), result
    return result.case


def test_a_press_is_a_case_and_an_answer(town: Town) -> None:
    answer = town.receive(alarm_of(AlarmKind.HELP, "A1", lte="bathroom"), T)
    assert (answer.ref, answer.snu, answer.stage, answer.case) == ("A1", 0, Stage.RECEIVED, "1")
    case = one_case(town)
    assert (case.home_id, case.priority, case.place, case.state) == ("home-1", Priority.LIFE, "bathroom", State.NEW)
    assert [(change.event_type, change.refs) for change in town.changes] == [("opened", (AlarmRef("hub-1", "A1"),))]


def test_a_thousand_copies_are_one_case_with_one_answer(town: Town) -> None:
    answers = [town.receive(alarm_of(AlarmKind.HELP, "A1", seq=n % 7, age=float(n)), T + n) for n in range(1000)]
    assert len(set(map(str, answers))) == 1
    assert one_case(town).repeats == 1
    assert len(town.changes) == 1
    with town.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(alarm_messages)).scalar() == 1


def test_copies_at_the_same_time_are_one_case(town: Town) -> None:
    start = threading.Barrier(4)
    answers: list[str] = []

    def send() -> None:
        start.wait()
        answers.extend(town.receive(alarm_of(AlarmKind.HELP, "A1"), T).case for _ in range(5))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["1"] * 20
    assert one_case(town).repeats == 1


def test_different_alarms_of_one_home_at_the_same_time_are_one_case(town: Town) -> None:
    start = threading.Barrier(4)

    def send(number: int) -> None:
        start.wait()
        town.receive(alarm_of(AlarmKind.HELP, f"A{number}"), T)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one_case(town).repeats == 4


def test_a_copy_of_an_alarm_that_somebody_has_taken_says_so(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", T + 3)
    answer = town.receive(alarm_of(AlarmKind.HELP, "A1"), T + 9)
    assert (answer.snu, answer.stage, answer.who) == (0, Stage.TAKEN, "Ana")


def test_alarms_within_ten_minutes_join_and_later_ones_do_not(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.BATTERY_LOW, "A1"), T)
    town.receive(alarm_of(AlarmKind.FALL, "A2", lte="hall"), T + 500)
    town.receive(alarm_of(AlarmKind.HELP, "B1"), T + 500, "hub-2")
    town.receive(alarm_of(AlarmKind.HELP, "A3"), T + 1_200)
    summary = [(case.home_id, case.kind, case.priority, case.repeats) for case in all_cases(town)]
    assert summary == [
        ("home-1", AlarmKind.FALL, Priority.LIFE, 2),
        ("home-2", AlarmKind.HELP, Priority.LIFE, 1),
        ("home-1", AlarmKind.HELP, Priority.LIFE, 1),
    ]


def test_tests_and_real_alarms_never_share_a_case(town: Town) -> None:
    for number, kind in enumerate((AlarmKind.TEST, AlarmKind.HELP, AlarmKind.TEST)):
        town.receive(alarm_of(kind, f"A{number}"), T + number)
    assert [(case.priority, case.repeats) for case in all_cases(town)] == [(Priority.TEST, 2), (Priority.LIFE, 1)]


def test_a_periodic_test_is_answered_and_asks_nobody(town: Town) -> None:
    answer = town.receive(alarm_of(AlarmKind.TEST, "P1", mty=MessageType.TEST), T)
    assert (answer.snu, answer.case) == (0, "")
    assert all_cases(town) == []


def test_updates_and_withdrawals_go_by_reference_however_late(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    update = alarm_of(AlarmKind.FALL, "A1", mty=MessageType.UPDATE, seq=2, text="on the floor")
    for at in (T + 5, T + 6, T + 7):
        town.receive(update, at)
    case = one_case(town)
    assert (case.kind, case.repeats, case.version) == (AlarmKind.FALL, 1, 2)
    withdrawal = alarm_of(AlarmKind.HELP, "A1", mty=MessageType.WITHDRAWN, seq=3)
    for at in (T + 1_000, T + 1_001):
        town.receive(withdrawal, at)
    case = one_case(town)
    assert (case.state, case.standing, case.version) == (State.WITHDRAWN, 0, 3)


def test_two_updates_of_a_hub_that_does_not_number_are_two(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1", seq=0, ep=""), T)
    for text in ("still here", "louder"):
        town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.UPDATE, seq=0, ep="", text=text), T + 5)
    assert [event.facts.text for event in events(town)] == ["", "still here", "louder"]


def test_an_update_of_an_alarm_never_heard_is_an_alarm(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.UPDATE, seq=2), T)
    town.receive(alarm_of(AlarmKind.HELP, "A1", seq=1), T + 1)
    case = one_case(town)
    assert (case.state, case.repeats) == (State.NEW, 1)


def test_a_withdrawal_of_an_alarm_never_heard_is_a_check_call(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.WITHDRAWN, seq=2), T)
    assert one_case(town).state is State.WITHDRAWN
    town.receive(alarm_of(AlarmKind.HELP, "A2"), T + 30)
    assert one_case(town).state is State.NEW


def test_what_comes_after_closing_opens_a_new_case(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", T + 3)
    done(town.desk.close(1, "ana", HELPED, T + 60))
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T + 61)
    town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.WITHDRAWN, seq=2), T + 62)
    assert one_case(town).state is State.CLOSED
    answer = town.receive(alarm_of(AlarmKind.FALL, "A1", mty=MessageType.UPDATE, seq=3), T + 63)
    assert answer.case == "2"
    assert [case.state for case in all_cases(town)] == [State.CLOSED, State.NEW]


def test_a_hub_that_nobody_enrolled_is_never_met_with_silence(town: Town) -> None:
    for ref in ("X1", "X2"):
        town.receive(alarm_of(AlarmKind.HELP, ref), T, "hub-unheard-of")
    town.receive(alarm_of(AlarmKind.HELP, "Y1"), T, "hub-other")
    assert [(homes.is_unknown(case.home_id), case.repeats) for case in all_cases(town)] == [(True, 2), (True, 1)]
    with town.database.begin() as connection:
        assert homes.list_hubs(connection) == ["hub-1", "hub-2"]
        assert {home.hub_id for home in homes.list_enrolled(connection)} == {"hub-1", "hub-2"}
        homes.enrol_home(connection, "home-3", address="found out", now=T)
        homes.enrol_hub(connection, "hub-unheard-of", "home-3", T)
    town.receive(alarm_of(AlarmKind.HELP, "X3"), T + 60, "hub-unheard-of")
    assert all_cases(town)[-1].home_id == "home-3"


def test_a_late_alarm_is_marked(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1", T - 240), T)
    assert one_case(town).late_s == 240
    town.receive(alarm_of(AlarmKind.HELP, "B1", T - 5), T, "hub-2")
    assert all_cases(town)[1].late_s == 0


def test_control_characters_do_not_stop_an_alarm(town: Town) -> None:
    evidence = [Record(n="a\0/motion", vs="\0")]
    town.receive(alarm_of(AlarmKind.HELP, "A1", lte="ba\0th\nroom", text="\0", did="\0", evidence=evidence), T)
    assert one_case(town).place == "bathroom"
    town.desk.receive_finding(finding(home="home-2", facts={"room": "ha\0ll", "device": "\0"}), T)
    assert all_cases(town)[1].place == "hall"


def finding(key: str = "home-1:inactivity::1", **changes: object) -> Finding:
    values = {"home": "home-1", "kind": AlarmKind.INACTIVITY, "since_at": T - 36_000, "found_at": T, "reason": "quiet"}
    facts = {"facts": {"hours": 10.0}, "evidence": [Record(n="hall/motion", vb=True, t=-36_000.0)]}
    return Finding(**{"key": key, **values, **facts, **changes})  # type: ignore[arg-type]


def test_a_finding_said_again_and_again_is_one_case_and_its_end_is_noted(town: Town) -> None:
    for at in range(5):
        town.desk.receive_finding(finding(), T + at)
    assert (one_case(town).priority, one_case(town).repeats) == (Priority.URGENT, 1)
    for at in range(5, 9):
        town.desk.receive_finding(finding(active=False), T + at)
    town.desk.receive_finding(finding(), T + 10)
    assert [event.type for event in events(town)] == [EventType.OPENED, EventType.ENDED]
    assert one_case(town).state is State.NEW
    assert events(town)[0].facts.details == {"hours": 10.0}
    assert events(town)[0].facts.evidence[0].n == "hall/motion"


def test_a_finding_that_ended_before_it_was_heard_asks_nobody(town: Town) -> None:
    assert town.desk.receive_finding(finding(active=False), T) is None
    assert all_cases(town) == []


def test_a_finding_about_no_home_is_refused(town: Town) -> None:
    assert town.desk.receive_finding(finding(home="nowhere"), T) == Refused("no_such_home")


def test_a_hub_silent_over_its_limit_is_urgent_and_before_that_technical(town: Town) -> None:
    town.desk.receive_finding(finding("a", kind=AlarmKind.HUB_SILENT, reason="hub_silent"), T)
    town.desk.receive_finding(finding("b", home="home-2", kind=AlarmKind.HUB_SILENT, reason="hub_silent_long"), T)
    assert [case.priority for case in all_cases(town)] == [Priority.TECHNICAL, Priority.URGENT]


def test_two_operators_take_at_once_and_the_loser_learns_who_was_first(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    start = threading.Barrier(2)
    results: dict[str, Done | Refused] = {}

    def take(who: str, at: float) -> None:
        start.wait()
        results[who] = town.desk.take(1, who, at)

    threads = [threading.Thread(target=take, args=pair) for pair in (("ana", T + 3), ("joan", T + 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [who for who, result in results.items() if isinstance(result, Done)]
    assert len(winners) == 1
    assert one_case(town).owner_id == winners[0]
    loser = next(result for result in results.values() if isinstance(result, Refused))
    assert (loser.reason, loser.who, loser.called) == ("taken", winners[0], winners[0].title())
    late = town.desk.take(1, "joan" if winners == ["ana"] else "ana", T + 3.2)
    assert isinstance(late, Refused)
    assert late.before_s == pytest.approx(0.2)


def test_from_press_to_closing(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    desk = town.desk
    done(desk.take(1, "ana", T + 3))
    done(desk.talk(1, "ana", T + 5))
    done(desk.note(1, "joan", "her son phoned us", T + 20))
    done(desk.notify_contact(1, "ana", "marc", T + 25))
    done(desk.on_the_way(1, "ana", "marc", 12, T + 30))
    done(desk.wait(1, "ana", T + 900, "marc is coming", T + 40))
    done(desk.arrived(1, "ana", "", T + 700))
    done(desk.close(1, "ana", HELPED, T + 800))
    said = [(change.event_type, change.stage, change.who, change.eta_minutes) for change in town.changes]
    assert said[1] == ("taken", Stage.TAKEN, "Ana", None)
    assert said[5] == ("on_the_way", Stage.ON_THE_WAY, "Marc", 12)
    assert said[7] == ("arrived", Stage.ARRIVED, "Marc", None)
    assert said[8][:2] == ("closed", Stage.CLOSED)
    assert one_case(town).state is State.CLOSED
    assert town.desk.work_due(T + 1_000_000) is None


def test_only_known_people_act_and_only_on_contacts_of_the_home(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    desk = town.desk
    assert desk.take(1, "nobody", T) == Refused("no_such_operator")
    assert desk.take(9, "ana", T) == Refused("no_such_case")
    desk.take(1, "ana", T)
    assert desk.notify_contact(1, "ana", "stranger", T) == Refused("no_such_contact")
    assert desk.notify_contact(1, "ana", "nobody", T) == Refused("unreachable")
    assert desk.on_the_way(1, "ana", "", 5, T) == Refused("no_such_contact")
    done(desk.notify_contact(1, "ana", "marc", T))
    assert desk.notify_contact(1, "ana", "marc", T) == Refused("already_asked")


def test_a_refused_command_changes_nothing(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    before = one_case(town)
    assert town.desk.close(1, "ana", HELPED, T + 1) == Refused("not_possible")
    assert one_case(town) == before
    assert len(town.changes) == 1


def test_nobody_takes_it_so_more_and_more_people_are_asked(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    at, steps = T, []
    while len(steps) < 8:
        next_at = town.desk.work_due(at)
        assert next_at is not None
        assert next_at > at
        at = next_at
        steps = [(event.facts.step, event.at - T, event.facts.late_s) for event in events(town)[1:]]
    assert [step[:2] for step in steps] == [
        ("second_burst", 10), ("every_operator", 20), ("supervisor", 30), ("first_carer", 60),
        ("every_carer", 90), ("home_reassured", 120), ("exception", 180), ("still_ringing", 240),
    ]  # fmt: skip
    assert {late_s for _, _, late_s in steps} == {0.0}
    with town.database.read() as connection:
        queued = deliveries.of_case(connection, 1)
    assert [(delivery.contact_id, delivery.due_at, delivery.round) for delivery in queued] == [
        ("marc", T + 60, 1), ("pol", T + 90, 1), ("marc", T + 180, 2), ("pol", T + 240, 2),
    ]  # fmt: skip


def test_taking_stops_the_ladder(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.work_due(T + 15)
    town.desk.take(1, "ana", T + 16)
    town.desk.work_due(T + 200)
    assert [event.facts.step for event in events(town)] == ["", "second_burst", ""]


def test_after_an_outage_the_overdue_is_done_once_and_marked_late(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    restarted = CaseDesk(town.database, town.changes.append)
    restarted.work_due(T + 150)
    restarted.work_due(T + 150)
    town.desk.work_due(T + 151)
    steps = [(event.facts.step, event.facts.late_s) for event in events(town)[1:]]
    assert steps == [
        ("second_burst", 140), ("every_operator", 130), ("supervisor", 120), ("first_carer", 90),
        ("every_carer", 60), ("home_reassured", 30),
    ]  # fmt: skip
    one_case(town)


def test_several_processes_work_due_times_once(town: Town, database_url: str) -> None:
    for number in range(20):
        town.receive(alarm_of(AlarmKind.HELP, f"A{number}"), T + number * 700)
    others = [Database.open(database_url) for _ in range(3)]
    threads = [
        threading.Thread(target=CaseDesk(other, lambda _change: None).work_due, args=(T + 20 * 700,))
        for other in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.close()
    for case in all_cases(town):
        steps = [
            event.facts.step for event in events(town, case.id)[1:] if event.facts.step != escalation.STILL_RINGING
        ]
        assert steps == [step.name for step in escalation.ladder(case)]


def test_a_case_that_meets_a_fault_of_ours_does_not_hold_up_the_others(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.receive(alarm_of(AlarmKind.HELP, "B1"), T + 1, "hub-2")
    original = cases.claim

    def stumble(connection: sa.Connection, item: cases.Due, now: float) -> bool:
        if item.case_id == 1:
            raise KeyError("bug")
        return original(connection, item, now)

    with monkeypatch.context() as patched:
        patched.setattr(cases, "claim", stumble)
        assert town.desk.work_due(T + 15) == T + 21, "the other case's next step is not held up"
    assert [case.version for case in all_cases(town)] == [1, 2]
    town.desk.work_due(T + 45)
    assert events(town)[1].facts.late_s == 35


def test_a_case_that_the_database_refuses_does_not_hold_up_the_others(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.receive(alarm_of(AlarmKind.HELP, "B1"), T + 1, "hub-2")
    original = cases.claim

    def refuse(connection: sa.Connection, item: cases.Due, now: float) -> bool:
        if item.case_id == 1:
            raise sa.exc.IntegrityError("UPDATE", {}, sqlite3.IntegrityError("constraint failed"))
        return original(connection, item, now)

    monkeypatch.setattr(cases, "claim", refuse)
    town.desk.work_due(T + 15)
    assert [case.version for case in all_cases(town)] == [1, 2]


def test_when_nobody_can_be_reached_the_log_says_so(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "B1"), T, "hub-2")
    town.desk.work_due(T + 60)
    assert events(town)[-1].facts.state == "nobody_reachable"


def test_a_parked_case_comes_back_at_its_recall(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", T + 3)
    done(town.desk.wait(1, "ana", T + 600, "marc is coming", T + 5))
    assert town.desk.work_due(T + 599) == T + 600
    assert one_case(town).ring_at is None
    town.desk.work_due(T + 600)
    assert (one_case(town).ring_at, one_case(town).owner_id) == (T + 600, "ana")
    done(town.desk.take(1, "joan", T + 610))


def test_a_listener_that_fails_does_not_undo_the_command(town: Town) -> None:
    def fail(_change: object) -> None:
        raise RuntimeError("listener")

    answer = CaseDesk(town.database, fail).receive_alarm("hub-1", alarm_of(AlarmKind.HELP, "A1"), b"{}", T)
    assert answer.snu == 0
    assert one_case(town).state is State.NEW


def test_those_who_start_learn_how_open_cases_stand(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.receive(alarm_of(AlarmKind.HELP, "B1"), T, "hub-2")
    town.desk.take(1, "ana", T + 3)
    standing = {change.case_id: (change.stage, change.who, change.refs) for change in town.desk.standing(T + 9)}
    assert standing == {
        1: (Stage.TAKEN, "Ana", (AlarmRef("hub-1", "A1"),)),
        2: (Stage.RECEIVED, "", (AlarmRef("hub-2", "B1"),)),
    }


def test_a_failure_in_the_middle_leaves_no_half_of_anything(
    town: Town, monkeypatch: pytest.MonkeyPatch, make_alarm: Callable[..., Alarm]
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(cases, "add_alarm", full)
        with pytest.raises(sa.exc.OperationalError):
            town.receive(make_alarm(AlarmKind.HELP, "A1"), T)
    assert all_cases(town) == []
    assert town.changes == []
    town.receive(make_alarm(AlarmKind.HELP, "A1"), T + 5)
    assert one_case(town).repeats == 1


def test_who_takes_a_call_back_and_calls_again_is_a_call_in_the_figures_from_then_on(town: Town) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", T + 5)
    town.desk.release(1, "ana", "the next shift has it", T + 8)
    town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.WITHDRAWN, seq=2), T + 10)
    town.receive(alarm_of(AlarmKind.HELP, "A2", T + 400), T + 400)
    scope = Scope(T - 1, T + 1_000)
    with town.database.read() as connection:
        waiting = answers(service_quality.calls(connection, scope), T + 600)
        (late,) = service_quality.late_answers(connection, scope, T + 600)
    assert (waiting.counted, waiting.abandoned, waiting.max_s) == (1, 0, 200.0)
    assert (late.wait_s, late.operator, late.answered_at) == (200.0, "", None)
    town.desk.take(1, "joan", T + 620)
    with town.database.read() as connection:
        (call,) = service_quality.calls(connection, scope)
    assert (call.opened_at, call.answered_at, call.operator, call.abandoned_at) == (T + 400, T + 620, "joan", None)
