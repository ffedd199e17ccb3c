"""A case at a console that is lost goes back to everybody; nobody who is there loses anything."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, State
from central.alarm_cases.lost_console import LOST_S
from central.case_desk import Done
from central.console.live import Live
from central.console_watch import ConsoleWatch
from central.storage import cases
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.conftest import NOON as T
from tests.central.conftest import Town, alarm_of
from tests.central.console_setting import Clock
from tests.central.desk_people import Person
from tests.central.test_case_table import after, joined, refused, taken
from tests.central.test_console_people import Setting
from tests.central.test_console_people import setting as setting


def lost(case: Case, since_at: float, at: float) -> Case:
    return after(case, EventType.CONSOLE_LOST, at, "desk", operator="ana", event_at=since_at)


def test_a_life_at_a_lost_console_rings_as_if_nobody_had_heard_it_since_and_the_supervisor_hears_at_once() -> None:
    case = lost(after(taken(), EventType.SPOKEN, T + 8), T + 100, T + 131)
    assert (case.state, case.owner_id, case.ring_at, case.spoken_at) == (State.NEW, None, T + 100, T + 8)
    assert (case.wake_step, case.wake_at) == (escalation.SUPERVISOR, T + 131)
    case = after(case, EventType.ESCALATED, T + 131, "desk", step=escalation.SUPERVISOR)
    assert (case.wake_step, case.wake_at) == (escalation.FIRST_CARER, T + 160)


def test_an_urgent_case_goes_on_with_the_step_that_is_not_over_yet() -> None:
    case = lost(taken(AlarmKind.INACTIVITY), T + 100, T + 131)
    assert (case.wake_step, case.wake_at) == (escalation.EVERY_OPERATOR, T + 160)


def test_nothing_is_taken_from_who_is_at_it_nor_what_can_wait() -> None:
    facts = {"operator": "ana", "event_at": T + 100}
    worked = after(taken(), EventType.NOTED, T + 120, text="x")
    assert refused(worked, EventType.CONSOLE_LOST, T + 131, "desk", **facts).reason == "not_lost"
    joans = after(lost(taken(), T + 50, T + 81), EventType.TAKEN, T + 90, "joan")
    assert refused(joans, EventType.CONSOLE_LOST, T + 131, "desk", **facts).reason == "not_yours"
    routine = taken(AlarmKind.VITAL_SIGN)
    assert refused(routine, EventType.CONSOLE_LOST, T + 131, "desk", **facts).reason == "not_yours"
    parked = after(taken(), EventType.PARKED, T + 60, recall_at=T + 600, reason="x")
    assert refused(parked, EventType.CONSOLE_LOST, T + 131, "desk", **facts).reason == "not_possible"


def test_a_case_that_rings_already_goes_on_ringing_as_it_does() -> None:
    ringing = joined(taken(), AlarmKind.SMOKE, T + 110)
    case = lost(ringing, T + 100, T + 131)
    assert (case.owner_id, case.ring_at, case.wake_at) == (None, T + 110, ringing.wake_at)


class Centre:
    """A process of the centre in virtual time: its consoles, and its watch over them."""

    def __init__(self, town: Town, clock: Clock) -> None:
        self.town, self.clock = town, clock
        self.live = Live(clock)
        self.watch = ConsoleWatch(town.desk, self.live)

    def run(self, seconds: float, *here: str) -> None:
        """Time passes, with the consoles of these operators there."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now += 2
            for operator in here:
                self.live.sign(operator)
            self.watch.work(self.clock.now)


@pytest.fixture
def clock() -> Clock:
    return Clock(T)


@pytest.fixture
def centre(town: Town, clock: Clock) -> Centre:
    centre = Centre(town, clock)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    centre.run(2, "ana", "joan")
    assert isinstance(town.desk.take(1, "ana", clock.now), Done)
    centre.run(120, "ana", "joan")
    assert owner(town) == "ana"
    return centre


def owner(town: Town) -> str | None:
    with town.database.read() as connection:
        case = cases.find(connection, 1)
    assert case is not None
    return case.owner_id


def losses(town: Town) -> list[CaseEvent]:
    with town.database.read() as connection:
        return [event for event in cases.events_of(connection, 1) if event.type is EventType.CONSOLE_LOST]


def test_after_half_a_minute_without_a_sign_of_life_it_goes_back(centre: Centre) -> None:
    silent_from = centre.clock.now
    centre.run(LOST_S - 2, "joan")
    assert owner(centre.town) == "ana"
    centre.run(4, "joan")
    assert owner(centre.town) is None
    (event,) = losses(centre.town)
    assert (event.actor, event.facts.operator, event.facts.event_at) == ("desk", "ana", silent_from)


def test_who_still_gives_commands_has_lost_nothing(centre: Centre) -> None:
    for _ in range(4):
        centre.run(20, "joan")
        centre.live.acted("ana")
    assert owner(centre.town) == "ana"


def test_whoever_took_it_without_a_console_cannot_lose_one(town: Town, clock: Clock) -> None:
    centre = Centre(town, clock)
    town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    town.desk.take(1, "ana", clock.now)
    centre.run(120)
    assert owner(town) == "ana"
    centre.run(20, "ana")  # now there is one, and it is lost
    centre.run(60)
    assert owner(town) is None
    town.desk.take(1, "ana", clock.now)
    centre.run(120)
    assert owner(town) == "ana"


def test_a_restart_takes_nothing_from_who_comes_back_and_forgets_nobody_who_does_not(centre: Centre) -> None:
    centre.clock.now += 600  # the centre was down for ten minutes
    again = Centre(centre.town, centre.clock)
    again.run(50, "joan")
    again.run(90, "ana", "joan")
    assert owner(again.town) == "ana"
    once_more = Centre(centre.town, centre.clock)
    once_more.run(64, "joan")
    assert owner(once_more.town) is None


def test_a_process_that_stood_still_gives_the_consoles_their_time(centre: Centre) -> None:
    centre.clock.now += 90
    centre.watch.work(centre.clock.now)
    centre.run(20, "joan")
    centre.run(10, "ana")
    assert owner(centre.town) == "ana"


def test_a_process_that_survives_does_it_for_another_once(centre: Centre) -> None:
    other = Centre(centre.town, centre.clock)
    for _ in range(40):
        centre.run(2, "ana", "joan")
        other.watch.work(centre.clock.now)
    assert owner(centre.town) == "ana"
    other.run(60)  # the process with the consoles is gone, and does not come back
    centre.watch.work(centre.clock.now)
    assert owner(centre.town) is None
    assert len(losses(centre.town)) == 1


def test_the_operator_reads_of_it_when_back_and_all_in_the_log(setting: Setting, app: FastAPI, clock: Clock) -> None:
    ana, marc = Person(app, "ana"), Person(app, "marc")
    watch = ConsoleWatch(setting.desk, setting.live)
    case_id = setting.alarm("carme", AlarmKind.HELP, at=clock.now)
    assert ana.post("/api/me/state", state="ready")[1]["lost"] == []
    assert ana.post(f"/api/cases/{case_id}/take")[0] == 200
    for _ in range(13):
        clock.now += 5
        marc.post("/api/me/state", state="ready")
        watch.work(clock.now)
    card = next(one for one in marc.get("/api/queue")[1]["cards"] if one["id"] == case_id)
    assert (card["state"], card["owner_id"], card["ring_at"] is not None) == ("new", "", True)
    said = [line["sentence"] for line in marc.get(f"/api/cases/{case_id}")[1]["timeline"]]
    assert "The console of Ana was lost. The case goes back to everybody." in said
    setting.desk.work_due(clock.now)
    with setting.database.read() as conn:
        assert cases.events_of(conn, case_id)[-1].facts.step == escalation.SUPERVISOR
    told = [ana.post("/api/me/state", state="ready")[1]["lost"] for _ in range(2)]
    assert told == [[f"S'ha perdut la connexió amb la vostra consola. El cas {case_id} ha tornat a tothom."], []]
    assert ana.post(f"/api/cases/{case_id}/take")[0] == 200
