"""The strip of the console, the wallboard and the page of quality count today's answers alike."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from central.alarm_cases.home_question import ASK_S
from central.case_desk import CaseDesk
from central.detection.finding import Finding
from central.service_figures import answers
from central.service_settings import Targets
from central.storage import service_quality, settings
from central.storage.service_quality import Scope
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import MessageType
from tests.central.conftest import NOON, Town, alarm_of
from tests.central.console_setting import Clock, Setting, enrol
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting
from tests.central.test_home_asking import Homes
from tests.central.test_home_asking import home as home


def strip_of(person: Person) -> dict[str, object]:
    answers: dict[str, object] = person.get("/api/queue")[1]["answers"]
    return answers


def test_a_home_that_is_asked_and_a_call_taken_back_are_no_late_answers(
    setting: Setting, app: FastAPI, clock: Clock
) -> None:
    enrol(setting, "nora", "Verdi 3", "", [], [])
    quick = setting.alarm("carme", AlarmKind.HELP)
    setting.desk.take(quick, "ana", clock.now + 30)
    clock.now += 5_000
    setting.alarm("carme", AlarmKind.HELP, ref="A2")
    setting.alarm("carme", AlarmKind.HELP, ref="A2", mty=MessageType.WITHDRAWN, at=clock.now + 5)
    asking = CaseDesk(setting.database, lambda _: None, can_ask=lambda _: True)
    clock.now += 5_000
    quiet = Finding("q", "nora", AlarmKind.INACTIVITY, clock.now - 9_000, clock.now, "quiet_indoors", {"room": "a"})
    asking.receive_finding(quiet, clock.now)
    clock.now += ASK_S - 1
    supervisor = Person(app, "x-supervisor")
    assert [one["state"] for one in supervisor.get("/api/queue")[1]["cards"]] == ["taken", "new", "withdrawn"]
    strip, today = strip_of(supervisor), supervisor.get("/api/wallboard")[1]["today"]
    assert (strip["counted"], strip["within_60_s"], strip["within_180_s"]) == (1, 1, 1)
    assert (today["counted"], today["share_60"], today["share_180"]) == (1, 1.0, 1.0)


def test_everybody_sees_the_answers_of_their_own_municipalities(setting: Setting, app: FastAPI, clock: Clock) -> None:
    setting.desk.take(setting.alarm("carme", AlarmKind.HELP), "ana", clock.now + 70)
    setting.desk.take(setting.alarm("pere", AlarmKind.HELP, ref="P1"), "ana", clock.now + 10)
    setting.desk.take(setting.alarm("pere", AlarmKind.HELP, ref="P2", at=clock.now + 900), "ana", clock.now + 910)
    clock.now += 2_000
    near, everywhere = strip_of(Person(app, "x-operator")), strip_of(Person(app, "ana"))
    assert (near["counted"], near["within_60_s"], near["within_180_s"]) == (1, 0, 1)
    assert (everywhere["counted"], everywhere["within_60_s"]) == (3, 2)


def test_the_strip_names_the_targets_that_the_service_has_set(setting: Setting, app: FastAPI, clock: Clock) -> None:
    assert strip_of(Person(app, "ana"))["aims"] == {"50": 95.0, "60": 97.5, "180": 99.0}
    with setting.database.begin() as conn:
        settings.keep(conn, "targets", Targets(share_60=98.5), clock.now, "x-supervisor", 0)
    assert strip_of(Person(app, "ana"))["aims"] == {"50": 95.0, "60": 98.5, "180": 99.0}


@pytest.mark.parametrize("ends", ["fine", "seen again"])
def test_what_the_home_settled_itself_is_no_call_that_somebody_gave_up(home: Homes, ends: str) -> None:
    home.finds()
    home.says("asking")
    home.now = NOON + 60
    home.says("done", "fine") if ends == "fine" else home.finds(active=False)
    home.now = NOON + 20_000
    town: Town = home.town
    town.receive(alarm_of(AlarmKind.HELP, "A1", home.now), home.now)
    scope = Scope(NOON - 86_400, NOON + 86_400, None)
    with town.database.read() as connection:
        found = answers(service_quality.calls(connection, scope), home.now + 5)
        settled, called = (row["settled_at_home"] for row in service_quality.exported(connection, scope))
    assert (found.calls, found.abandoned, found.settled_at_home) == (1, 0, 1)
    assert (settled, called) == (1, 0)


@pytest.mark.parametrize(
    ("again_after_s", "given_back", "answered_by", "waited_s"), [(30, False, "ana", 0), (100, True, "joan", 20)]
)
def test_who_calls_again_while_the_check_call_is_made_is_a_call_that_nobody_waited_with(
    town: Town, again_after_s: float, given_back: bool, answered_by: str, waited_s: float
) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), NOON)
    town.receive(alarm_of(AlarmKind.HELP, "A1", mty=MessageType.WITHDRAWN, seq=2), NOON + 5)
    town.desk.take(1, "ana", NOON + 300)
    if given_back:
        town.desk.release(1, "ana", "the next shift has it", NOON + 310)
    again_at = NOON + 300 + again_after_s
    town.receive(alarm_of(AlarmKind.HELP, "A2", again_at), again_at)
    if given_back:
        town.desk.take(1, "joan", again_at + 20)
    with town.database.read() as connection:
        (call,) = service_quality.calls(connection, Scope(NOON - 1, NOON + 1_000))
    found = answers([call], NOON + 2_000)
    assert (found.counted, found.abandoned, found.max_s) == (1, 0, waited_s)
    assert call.operator == answered_by
