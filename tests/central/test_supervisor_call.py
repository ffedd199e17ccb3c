"""When no operator takes a case, whoever is on call is really called, and the log says who was, and when nobody is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi import FastAPI

from central.alarm_cases.case import EventType
from central.case_desk import NOBODY_ON_CALL
from central.config import PhoneConfig
from central.console import wording
from central.console.wording import Names
from central.notification.channels.sms import SmsChannel
from central.notification.channels.voice import VoiceChannel
from central.notification.phone_gateway import PhoneGateway
from central.service_settings import OnCall, OnCallPerson
from central.storage import cases, settings
from central.supervisor_call import AGAIN_S, PAUSE_MAX_S, SupervisorCall
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind
from simulators.phone_company import PhoneCompany
from tests.central.console_setting import Clock, Setting
from tests.central.desk_people import Person
from tests.central.test_console_people import setting as setting

from .conftest import NOON as T
from .conftest import Town, alarm_of

NURIA, JORDI = "+34600000011", "+34600000012"
ON_CALL = OnCall((OnCallPerson("Núria", "voice", NURIA, "en"), OnCallPerson("Jordi", "sms", JORDI, "ca")))


class Night:
    """A desk, those on call, and the phone company that reaches them. Time is virtual."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town, self.now = town, T
        self.company = PhoneCompany("a word")
        (folder / "token").write_text("a word")
        gateway = PhoneGateway(PhoneConfig(self.company.url, str(folder / "token")))
        channels = {channel.name: channel for channel in (SmsChannel(gateway), VoiceChannel(gateway))}
        self.calling = SupervisorCall(town.desk, channels, clock=lambda: self.now)

    def goes_on(self, to_s: float) -> None:
        """Works everything that is due until so many seconds after noon."""
        self.now = T + to_s
        self.town.desk.work_due(self.now)
        for change in self.town.changes:
            self.calling.on_change(change)
        self.town.changes.clear()
        self.calling.work(self.now)

    def log(self, case_id: int = 1) -> list[str]:
        """What the log says of the supervisor's step and of who was called, oldest first, in English."""
        with self.town.database.read() as connection:
            log = cases.events_of(connection, case_id)
        lines = wording.timeline(log, Names("Maria", {}, {}, {}), translator("en"), "Europe/Madrid")
        return [line.sentence for line in reversed(lines) if line.type in {"escalated", "told"}]


@pytest.fixture
def night(town: Town, tmp_path: Path) -> Iterator[Night]:
    made = Night(town, tmp_path)
    yield made
    made.company.stop()


def keep(town: Town, on_call: OnCall) -> None:
    with town.database.begin() as connection:
        settings.keep(connection, "on_call", on_call, T - 10, "pol", 0)


def test_a_life_alarm_that_nobody_takes_rings_who_is_on_call_at_30_s_and_again(
    night: Night, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    keep(night.town, ON_CALL)
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.goes_on(29)
    assert not night.company.calls
    night.goes_on(30)
    wait_until(lambda: len(night.company.calls) == 1 and len(night.company.texts) == 1)
    (call,), (text,) = night.company.calls, night.company.texts
    assert (call.to, call.language, text.to) == (NURIA, "en", JORDI)
    assert "nobody has taken case 1, which has been ringing since 13:00" in call.say
    assert "Maria" not in call.say + text.text
    assert night.log()[-2:] == ["Message to Núria: sent.", "Message to Jordi: sent."]
    night.goes_on(180)  # the exception record
    wait_until(lambda: len(night.company.calls) == 2)
    night.goes_on(240)  # still ringing
    wait_until(lambda: len(night.company.calls) == 3)
    night.town.desk.take(1, "ana", T + 245)
    night.goes_on(290)
    assert len(night.company.calls) == 3


def test_a_clock_that_was_set_back_holds_up_no_call(
    night: Night, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    keep(night.town, OnCall(ON_CALL.people[1:]))
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.goes_on(30)
    wait_until(lambda: len(night.company.texts) == 1)
    night.town.receive(alarm_of(AlarmKind.HELP, "B1"), T - 3_600, hub="hub-2")
    night.goes_on(-3_570)
    wait_until(lambda: len(night.company.texts) == 2)


def test_a_call_that_a_dying_process_lost_or_a_way_refused_goes_out_at_the_next_step(
    night: Night, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    keep(night.town, OnCall(ON_CALL.people[1:]))
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.town.desk.work_due(T + 30)
    night.town.changes.clear()  # the process that worked the step ends before it calls
    night.goes_on(60)
    wait_until(lambda: len(night.company.texts) == 1)
    night.goes_on(120)
    assert len(night.company.texts) == 1, "who was told is let be until the exception record"


def test_the_same_holds_when_the_case_rings_anew(
    night: Night, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    keep(night.town, OnCall(ON_CALL.people[1:]))
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.goes_on(30)
    wait_until(lambda: len(night.company.texts) == 1)
    night.town.desk.take(1, "ana", T + 40)
    night.town.desk.release(1, "ana", "", T + 50)
    night.town.desk.work_due(T + 80)
    night.town.changes.clear()
    night.goes_on(110)
    wait_until(lambda: len(night.company.texts) == 2)


def test_who_is_called_in_vain_for_hours_can_still_use_their_telephone(night: Night) -> None:
    keep(night.town, OnCall(ON_CALL.people[1:]))
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    for minute in range(1, 181):
        night.goes_on(60 * minute)
    with night.town.database.read() as connection:
        log = cases.events_of(connection, 1)
    told = [event.at - T for event in log if event.type is EventType.TOLD and event.facts.operator]
    assert [sum(hour <= at / 3_600 < hour + 1 for at in told) for hour in (0, 1, 2)] == [13, 4, 4]
    assert max(later - before for before, later in pairwise(told)) <= PAUSE_MAX_S + 60, "and is never let be"


def test_who_takes_it_in_time_spares_them_the_call(night: Night) -> None:
    keep(night.town, ON_CALL)
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.now = T + 30
    night.town.desk.work_due(night.now)
    night.town.desk.take(1, "ana", T + 30.5)
    night.goes_on(31)
    assert not [line for line in night.log() if line.startswith("Message")]


def test_many_cases_at_once_are_one_call(night: Night, wait_until: Callable[[Callable[[], bool]], None]) -> None:
    keep(night.town, OnCall(ON_CALL.people[1:]))
    for number in (1, 2):
        night.town.receive(alarm_of(AlarmKind.SMOKE, f"B{number}"), T + number, hub=f"hub-{number}")
    night.goes_on(32)
    wait_until(lambda: len(night.company.texts) == 1)
    assert "2" in night.company.texts[0].text
    assert [night.log(case)[-1] for case in (1, 2)] == ["Message to Jordi: sent."] * 2
    assert AGAIN_S <= 60  # at the pace of the steps that follow


def test_the_log_says_so_when_nobody_is_on_call(night: Night) -> None:
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.goes_on(31)
    assert night.log()[-1].endswith("nobody is on call. It stands on the wallboard.")
    with night.town.database.read() as connection:
        assert cases.events_of(connection, 1)[-1].facts.state == NOBODY_ON_CALL


def test_a_way_that_is_not_set_up_fails_for_all_to_see(night: Night) -> None:
    keep(night.town, OnCall((OnCallPerson("Núria", "email", "nuria@example.org"),)))
    night.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    night.goes_on(31)
    assert night.log()[-1] == "Message to Núria: failed."


def test_a_coordinator_writes_down_who_is_on_call(setting: Setting, app: FastAPI, clock: Clock) -> None:
    coordinator = Person(app, "x-coordinator")
    path = "/api/settings/on_call/people"
    who = {"called": "Núria", "channel": "sms", "address": NURIA, "language": "ca"}
    assert Person(app, "x-operator").post(path, version=0, **who)[0] == 403
    assert "ningú no està de guàrdia" in coordinator.get("/settings")[1].lower()
    assert coordinator.post(path, version=0, **{**who, "channel": "pigeon"})[0] == 422
    assert coordinator.post(path, version=0, **who)[0] == 200
    assert coordinator.post(path, version=1, **who)[0] == 422  # twice the same
    assert coordinator.post(path, version=0, **{**who, "address": JORDI})[0] == 409
    status, page = coordinator.get("/settings")
    assert status == 200
    assert NURIA in page
    assert "no està configurat aquí" in page  # this centre sends no SMS
    assert coordinator.post(f"{path}/remove", version=1, channel="sms", address=NURIA)[0] == 200
    assert coordinator.get("/api/settings/on_call")[1]["value"] == {"people": []}
