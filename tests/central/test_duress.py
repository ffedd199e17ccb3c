"""Somebody who is threatened calls for help in secret: people are called, and nothing of it is heard at home."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi import FastAPI

from central.alarm_cases import escalation, protocol
from central.alarm_cases.care_plan import CarePlan
from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.alarm_cases.priority import Priority
from central.carer_desk import CarerDesk
from central.case_desk import Done
from central.delivery_desk import DeliveryDesk
from central.notification.sender import Sender
from central.storage import cases, deliveries, people
from central.storage.carer_cases import open_alarms
from central.storage.carer_links import make
from central.storage.people import Contact
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind, kind_of
from gateway.contract.messages import Alarm, Stage
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_carer_desk import FakeChannel
from tests.central.test_console_people import setting as setting


@pytest.mark.parametrize(("dty", "kind"), [(6, "duress"), (27, "duress"), (3, "help"), (4, "help"), (7, "help")])
def test_an_attack_pendant_and_a_bogus_caller_switch_call_in_secret(dty: int, kind: str) -> None:
    assert kind_of(dty, 10) == kind
    assert kind_of(*SCAIP_CODES[AlarmKind.DURESS]) is AlarmKind.DURESS


@pytest.mark.parametrize("plan", [CarePlan(), CarePlan(first="family", carers="parallel")])
def test_neither_family_nor_home_is_a_step_of_its_ladder(setting: Setting, plan: CarePlan) -> None:
    number = setting.alarm("carme", AlarmKind.DURESS)
    with setting.database.read() as conn:
        found = cases.find(conn, number)
    assert found is not None
    case = replace(found, plan=plan)
    assert case.priority is Priority.LIFE
    steps = [step.name for step in escalation.ladder(case)]
    assert steps == ["second_burst", "every_operator", "supervisor", "exception"]
    assert not any(escalation.carers_wanted(case, step) for step in (*steps, escalation.STILL_RINGING))


def test_nobody_of_the_family_is_told_or_sees_it_however_long_it_rings(setting: Setting, clock: Clock) -> None:
    setting.alarm("carme", AlarmKind.DURESS)
    for _ in range(40):
        clock.now += 15
        setting.desk.work_due(clock.now)
    with setting.database.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM deliveries").scalar() == 0
        assert open_alarms(conn, "carme") == []


def test_a_case_that_has_become_one_stays_one(setting: Setting, clock: Clock) -> None:
    first = setting.alarm("carme", AlarmKind.HELP)
    for ref, kind in (("A2", AlarmKind.DURESS), ("A3", AlarmKind.HELP), ("A4", AlarmKind.SMOKE)):
        clock.now += 5
        assert setting.alarm("carme", kind, ref=ref) == first
    with setting.database.read() as conn:
        case = cases.find(conn, first)
    assert case is not None
    assert case.kind is AlarmKind.DURESS


def test_a_repeat_of_the_call_is_told_no_more_than_that_it_is_stored(setting: Setting, clock: Clock) -> None:
    number = setting.alarm("carme", AlarmKind.DURESS)
    assert isinstance(setting.desk.take(number, "ana", clock.now + 1), Done)
    again = Alarm(ref="A1", dty=6, stc=10, tim=clock.now)
    answer = setting.desk.receive_alarm("hub-carme", again, b"{}", clock.now + 2)
    assert (answer.snu, answer.stage, answer.who) == (0, Stage.RECEIVED, "")


def test_a_desk_that_starts_anew_tells_no_home_that_such_a_case_is_closed(setting: Setting, clock: Clock) -> None:
    for home, kind in (("carme", AlarmKind.DURESS), ("pere", AlarmKind.HELP)):
        number = setting.alarm(home, kind, ref=home)
        setting.desk.take(number, "ana", clock.now)
        setting.desk.talk(number, "ana", clock.now)
        ended = Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK)
        assert isinstance(setting.desk.close(number, "ana", ended, clock.now), Done)
    assert [one.ref for one in setting.desk.closed_since(clock.now - 1)] == ["pere"]


def test_the_operator_reads_that_nobody_may_speak_and_follows_a_silent_protocol(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    number = setting.alarm("carme", AlarmKind.DURESS)
    ana = Person(app, "ana")
    assert "112" in ana.get(f"/api/cases/{number}")[1]["silence"]
    setting.desk.take(number, "ana", clock.now)
    assert isinstance(setting.desk.triage(number, "ana", protocol.NO_ANSWER, clock.now), Done)
    checklist = ana.get(f"/api/cases/{number}")[1]["checklist"]
    assert [step["name"] for step in checklist["steps"]] == ["stay_silent", "listen", "emergency_112"]
    card = ana.get(f"/api/cases/{number}/emergency-card")[1]  # whom the emergency services ring back is not the home
    assert card["home_phone"] == ""
    help_case = setting.alarm("pere", AlarmKind.HELP, ref="B1", at=clock.now + 1)
    assert Person(app, "ana").get(f"/api/cases/{help_case}")[1]["silence"] == ""


def became_one(setting: Setting, clock: Clock) -> int:
    """A call for help of which Marta was told, and then it is known that Carme is threatened; her case."""
    with setting.database.begin() as conn:
        people.add_contact(conn, Contact("nuria", "carme", 3, "Núria", "néta", "", "nuria@example.org"))
    number = setting.alarm("carme", AlarmKind.HELP)
    setting.desk.take(number, "ana", clock.now)
    assert isinstance(setting.desk.notify_contact(number, "ana", "marta", clock.now), Done)
    clock.now += 5
    assert setting.alarm("carme", AlarmKind.DURESS, ref="A2") == number
    return number


def asked(setting: Setting, number: int) -> list[str]:
    with setting.database.read() as conn:
        return [one.contact_id for one in deliveries.of_case(conn, number)]


@pytest.mark.parametrize("by_operator", [False, True])
def test_who_cannot_come_is_followed_by_nobody(setting: Setting, app: FastAPI, clock: Clock, by_operator: bool) -> None:
    number = became_one(setting, clock)
    if by_operator:
        assert Person(app, "ana").post(f"/api/cases/{number}/contacts/marta/cannot")[0] == 200
    else:
        assert isinstance(CarerDesk(setting.desk).declined(number, "marta", clock.now), Done)
    assert asked(setting, number) == ["marta"]


def test_no_message_goes_out_any_more_once_it_is_known(setting: Setting, clock: Clock) -> None:
    number = became_one(setting, clock)
    channel = FakeChannel("email")
    sender = Sender(setting.database, DeliveryDesk(setting.desk), {"email": channel}, clock)
    sender.work_due(clock.now)
    assert channel.messages == []
    with setting.database.read() as conn:
        assert [one.state for one in deliveries.of_case(conn, number)] == ["cancelled"]


def test_an_operator_cannot_have_a_contact_told_by_the_system(setting: Setting, app: FastAPI, clock: Clock) -> None:
    number = became_one(setting, clock)
    status, answer = Person(app, "ana").post(f"/api/cases/{number}/contacts/nuria/notify")
    assert (status, answer["reason"]) == (409, "silent_case")
    assert asked(setting, number) == ["marta"]


def test_a_link_that_went_out_before_tells_nothing_of_it(setting: Setting, app: FastAPI, clock: Clock) -> None:
    number = became_one(setting, clock)
    with setting.database.begin() as conn:
        token = make(conn, deliveries.of_case(conn, number)[0].id, clock.now)
    status, view = Person(app, "ana").get(f"/api/links/{token}")
    assert (status, view["stage"], view["phone"], view["entry"], view["others"]) == (200, "hidden", "", None, [])


def test_a_checklist_that_rings_the_home_gives_way_to_the_silent_one(setting: Setting, clock: Clock) -> None:
    number = setting.alarm("carme", AlarmKind.HELP)
    setting.desk.take(number, "ana", clock.now)
    assert isinstance(setting.desk.triage(number, "ana", protocol.NO_ANSWER, clock.now), Done)
    setting.alarm("carme", AlarmKind.DURESS, ref="A2")
    with setting.database.read() as conn:
        case = cases.find(conn, number)
    assert case is not None
    assert (case.protocol, case.protocol_step) == ("duress", "stay_silent")
