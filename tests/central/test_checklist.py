"""The checklist when nobody answers: it knows what was done already, by whomever and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from central.alarm_cases import protocol
from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.carer_desk import CarerDesk
from central.case_change import CaseChange
from central.case_desk import Done, Refused
from central.service_settings import Team
from central.storage import service_quality, settings
from central.storage.service_quality import Scope
from central.storage.tables import residents
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import Stage
from tests.central.conftest import NOON
from tests.central.console_setting import Clock, Setting, open_setting
from tests.central.desk_people import Person

BEFORE_CONTACTS = ("call_out", "raise_volume", "listen", "ring_home", "ring_mobile")


class Desk:
    """Ana at her console, with a case of Carme in hand, of whom nothing is heard."""

    def __init__(self, setting: Setting, clock: Clock) -> None:
        self.setting, self.clock = setting, clock
        self.ana = Person(setting.app(), "ana")
        self.case = setting.alarm("carme")
        self.post("take")

    def post(self, path: str, status: int = 200, **body: object) -> Any:
        answer = self.ana.post(f"/api/cases/{self.case}/{path}", **body)
        assert answer[0] == status, answer
        return answer[1]

    def nobody_answers(self, *done: str) -> None:
        self.post("triage", choice=5)
        for step in done:
            self.post("step", step=step)

    def rings_in_vain(self, contact: str) -> None:
        self.post(f"contacts/{contact}/call")
        self.post(f"contacts/{contact}/call-ended", result="no_answer")

    @property
    def steps(self) -> dict[str, str]:
        view = self.ana.get(f"/api/cases/{self.case}")[1]
        return {step["name"]: step["state"] for step in view["checklist"]["steps"]}

    def step(self, name: str) -> dict[str, Any]:
        view = self.ana.get(f"/api/cases/{self.case}")[1]
        return next(dict(step) for step in view["checklist"]["steps"] if step["name"] == name)

    @property
    def at_hand(self) -> str:
        return next(name for name, state in self.steps.items() if state == "now")


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_setting(tmp_path, clock) as setting:
        yield Desk(setting, clock)


@pytest.mark.parametrize("word", ["going", "here", "told_ana"])
def test_who_goes_ends_the_calling_of_contacts(desk: Desk, word: str) -> None:
    desk.nobody_answers(*BEFORE_CONTACTS)
    assert desk.at_hand == "contacts"
    carers = CarerDesk(desk.setting.desk)
    if word == "going":
        carers.accepted(desk.case, "marta", 12, NOON + 5)
    elif word == "here":
        carers.arrived(desk.case, "marta", NOON + 5)
    else:
        desk.clock.now = NOON + 5
        desk.post("contacts/marta/on-the-way", eta_minutes=12)
    told = {"state": "by_system", "at": NOON + 5, "reason": "Marta Puig hi va o ja hi és."}
    assert {name: desk.step("contacts")[name] for name in told} == told
    assert desk.at_hand == "response_team"


def test_who_said_so_before_the_step_began_counts_when_it_is_reached(desk: Desk) -> None:
    CarerDesk(desk.setting.desk).accepted(desk.case, "marta", 12, NOON)
    desk.nobody_answers(*BEFORE_CONTACTS)
    assert (desk.steps["contacts"], desk.at_hand) == ("by_system", "response_team")


def test_who_turned_back_does_not_count(desk: Desk) -> None:
    carers = CarerDesk(desk.setting.desk)
    carers.accepted(desk.case, "marta", 12, NOON)
    carers.declined(desk.case, "marta", NOON + 1)
    desk.nobody_answers(*BEFORE_CONTACTS)
    assert desk.at_hand == "contacts"


def test_contacts_called_in_vain_before_the_step_are_not_called_anew_but_tomorrow_they_are(desk: Desk) -> None:
    for contact in ("marta", "joan", "marta", "joan"):
        desk.rings_in_vain(contact)
    desk.nobody_answers(*BEFORE_CONTACTS)
    assert (desk.steps["contacts"], desk.at_hand) == ("by_system", "response_team")
    desk.clock.now = NOON + protocol.CALLS_KEPT_S + 60
    desk.ana.sit_down()
    desk.nobody_answers(*BEFORE_CONTACTS)
    assert desk.at_hand == "contacts"


def test_a_contact_who_cannot_come_need_not_be_called_twice(desk: Desk) -> None:
    desk.nobody_answers(*BEFORE_CONTACTS)
    desk.post("contacts/marta/cannot")
    desk.rings_in_vain("joan")
    assert desk.at_hand == "contacts"
    desk.rings_in_vain("joan")
    assert desk.at_hand == "response_team"


def test_ringing_the_home_and_the_mobile_ticks_their_steps_and_is_written_down(desk: Desk) -> None:
    desk.nobody_answers(*BEFORE_CONTACTS[:3])
    desk.post("rung", what="home")
    assert (desk.steps["ring_home"], desk.at_hand) == ("by_system", "ring_mobile")
    view = desk.post("rung", what="mobile")
    assert desk.at_hand == "contacts"
    said = [line["sentence"] for line in view["timeline"]]
    assert any("Ana truca al domicili" in sentence for sentence in said), said
    desk.post("rung", 422, what="bell")


def test_who_was_rung_before_the_checklist_is_not_rung_anew_unless_they_answered_or_it_is_long_ago(
    desk: Desk,
) -> None:
    desk.post("rung", what="home")
    desk.clock.now = NOON + 60
    desk.nobody_answers(*BEFORE_CONTACTS[:3])
    assert (desk.step("ring_home")["at"], desk.at_hand) == (NOON, "ring_mobile")
    desk.post("talk")
    desk.nobody_answers(*BEFORE_CONTACTS[:3])
    assert desk.at_hand == "ring_home"
    desk.post("rung", what="home")
    desk.clock.now = NOON + 60 + protocol.ASKED_KEPT_S + 1
    desk.nobody_answers(*BEFORE_CONTACTS[:3])
    assert desk.at_hand == "ring_home"


def test_while_somebody_comes_the_team_waits_until_they_should_be_there(desk: Desk) -> None:
    desk.nobody_answers(*BEFORE_CONTACTS)
    CarerDesk(desk.setting.desk).accepted(desk.case, "marta", 12, NOON)
    view = desk.ana.get(f"/api/cases/{desk.case}")[1]
    assert view["checklist"]["due_at"] == NOON + 12 * 60
    CarerDesk(desk.setting.desk).declined(desk.case, "marta", NOON + 30)
    view = desk.ana.get(f"/api/cases/{desk.case}")[1]
    assert view["checklist"]["due_at"] == NOON + 30 + 120


def test_what_was_done_in_a_case_that_was_closed_and_opened_again_does_not_count() -> None:
    called = CaseEvent(EventType.CALL_ENDED, 10.0, "ana", Facts(contact="marta", channel="phone", state="no_answer"))
    going = CaseEvent(EventType.ON_THE_WAY, 20.0, "carer", Facts(contact="marta", eta_minutes=12))
    again = CaseEvent(EventType.REOPENED, 30.0, "ana", Facts(reason="she rang"))
    for log in ([called, called], [going]):
        assert protocol.done_before("contacts", log, ["marta"], 40.0)
        assert protocol.done_before("contacts", [*log, again], ["marta"], 40.0) is None


def test_the_response_team_is_called_comes_and_is_there_as_a_contact_does(desk: Desk) -> None:
    announced: list[CaseChange] = []
    desk.setting.desk._announce = announced.append
    with desk.setting.database.begin() as conn:
        settings.keep(conn, "team", Team("Unitat mòbil", "93 555 01 99"), NOON, "ana", 0)
    desk.nobody_answers(*BEFORE_CONTACTS)
    desk.post("step", step="contacts")
    view = desk.post("contacts/~team/call")
    assert (view["ringing_contact"], view["team"]["phone"]) == ("~team", "93 555 01 99")
    desk.post("contacts/~team/call-ended", result="answered")
    assert desk.at_hand == "response_team"
    view = desk.post("contacts/~team/on-the-way", eta_minutes=12)
    assert (desk.steps["response_team"], view["card"]["helper"]) == ("by_system", "Unitat mòbil")
    told = next(change for change in announced if change.event_type == "on_the_way")
    assert (told.stage, told.who, told.eta_minutes) == (Stage.ON_THE_WAY, "Unitat mòbil", 12)
    assert desk.at_hand == "emergency_112"
    assert view["checklist"]["due_at"] == NOON + 12 * 60
    desk.post("contacts/~team/inside", 409)
    desk.clock.now = NOON + 700
    view = desk.post("contacts/~team/arrived")
    assert (view["card"]["arrived_at"], view["team"]["state"]) == (NOON + 700, "arrived")
    assert desk.post("contacts/~team/inside")["team"]["state"] == "inside"
    said = [line["sentence"] for line in desk.ana.get(f"/api/cases/{desk.case}")[1]["timeline"]]
    assert "Unitat mòbil ja és a dins." in said


def test_a_team_that_the_service_has_not_named_can_be_sent_too_but_not_written_to(desk: Desk) -> None:
    view = desk.post("contacts/~team/on-the-way", eta_minutes=20)
    assert view["card"]["helper"] == "La unitat mòbil"
    desk.post("contacts/~team/notify", 409)
    view = desk.post("contacts/~team/cannot")
    assert (view["card"]["helper_id"], view["card"]["ring_at"]) == ("", NOON)


def test_a_carer_who_has_arrived_says_that_they_are_inside_and_nobody_before(desk: Desk) -> None:
    carers = CarerDesk(desk.setting.desk)
    carers.accepted(desk.case, "marta", 12, NOON)
    assert isinstance(carers.inside(desk.case, "marta", NOON + 1), Refused)
    carers.arrived(desk.case, "marta", NOON + 600)
    assert isinstance(carers.inside(desk.case, "marta", NOON + 700), Done)
    view = desk.ana.get(f"/api/cases/{desk.case}")[1]
    assert {one["id"]: one["state"] for one in view["contacts"]}["marta"] == "inside"


def test_the_residents_own_mobile_is_on_the_card_and_not_where_they_are_threatened(desk: Desk) -> None:
    with desk.setting.database.begin() as conn:
        conn.execute(update(residents).values(mobile="600 555 042"))
    card = desk.ana.get(f"/api/cases/{desk.case}/emergency-card")[1]
    assert [one["mobile"] for one in card["people"]] == ["600 555 042"]
    threatened = desk.setting.alarm("carme", AlarmKind.DURESS, ref="D1")
    card = desk.ana.get(f"/api/cases/{threatened}/emergency-card")[1]
    assert [one["mobile"] for one in card["people"]] == [""]


def test_the_figures_count_from_the_first_decision_to_send_and_from_the_door_to_the_inside(desk: Desk) -> None:
    def at(seconds: float, path: str, **body: object) -> None:
        desk.clock.now = NOON + seconds
        desk.post(path, **body)

    at(60, "contacts/~team/call")
    at(70, "contacts/~team/on-the-way", eta_minutes=12)
    at(700, "contacts/~team/arrived")
    at(800, "contacts/~team/inside")
    at(900, "contacts/marta/arrived")
    with desk.setting.database.read() as conn:
        (call,) = service_quality.calls(conn, Scope(NOON - 1, NOON + 1))
    assert (call.sent_at, call.arrived_at, call.inside_at) == (NOON + 60, NOON + 700, NOON + 800)
