"""Carers answer for themselves: who goes, who is left in peace, who is asked next; messages tell how far they came."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from central.alarm_cases.case import Case, CaseEvent, EventType
from central.alarm_cases.closing import Cause, Closing, Outcome
from central.alarm_cases.rota import Address, Profile
from central.alarm_cases.transitions import Refused
from central.carer_desk import CarerDesk
from central.case_desk import CaseDesk, Done
from central.delivery_desk import NO_RECEIPT, DeliveryDesk
from central.notification.channel import Message
from central.notification.delivery import Delivery, DeliveryState, Retry, Sent, Verdict, after_attempt
from central.notification.sender import Sender
from central.storage import cases, deliveries, drills, rota
from central.storage.carer_links import LIVES_S
from central.storage.desk_tables import carer_links
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON as T
from .conftest import Town, alarm_of

CLOSED = Closing(Cause.FALL, outcome=Outcome.HELPED_AT_HOME, note="x", explanation="many calls")


TAKEN = Sent(Verdict.TAKEN)


@dataclass
class FakeChannel:
    """Keeps what it takes; `answer` is what it says."""

    name: str
    receipts: frozenset[DeliveryState] = frozenset({DeliveryState.DELIVERED})
    retry: Retry = field(default_factory=Retry)
    receipt_wait_s: float | None = 45.0
    answer: Sent = TAKEN
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> Sent:
        self.messages.append(message)
        return self.answer._replace(provider_ref=message.key)


class Office:
    """The town's desk with two channels; marc can be reached by both."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.channels = {name: FakeChannel(name) for name in ("sms", "email")}
        self.desk = CaseDesk(town.database, town.changes.append, tuple(self.channels))
        self.carers, self.deliveries = CarerDesk(self.desk), DeliveryDesk(self.desk)
        ways = (Address("sms", "+34600000001"), Address("email", "marc@example.org"))
        with town.database.begin() as connection:
            rota.keep_profile(connection, "marc", Profile(addresses=ways), T, "marc")
        town.desk = self.desk
        town.receive(alarm_of(AlarmKind.HELP, "A1"), T)

    def send(self, now: float) -> float | None:
        address = "https://llar.example.org/"
        sender = Sender(self.town.database, self.deliveries, self.channels, clock=lambda: now, address=address)
        return sender.work_due(now)

    def run_to(self, now: float) -> None:
        self.desk.work_due(now)
        self.send(now)

    @property
    def case(self) -> Case:
        with self.town.database.read() as connection:
            case = cases.find(connection, 1)
        assert case is not None
        return case

    @property
    def log(self) -> list[CaseEvent]:
        with self.town.database.read() as connection:
            return cases.events_of(connection, 1)

    def messages(self) -> list[tuple[str, str, str, str]]:
        with self.town.database.read() as connection:
            return [(it.contact_id, it.channel, it.purpose, it.state.value) for it in deliveries.of_case(connection, 1)]

    def delivery(self, contact_id: str = "marc") -> Delivery:
        with self.town.database.read() as connection:
            return deliveries.of_contact(connection, 1, contact_id)[0]


@pytest.fixture
def office(town: Town) -> Office:
    return Office(town)


def done(result: Done | Refused) -> Case:
    assert isinstance(result, Done), result
    return result.case


def test_who_goes_is_told_to_the_home_and_the_others_are_left_in_peace(office: Office) -> None:
    for at in (60, 90):
        office.run_to(T + at)
    done(office.carers.accepted(1, "marc", 12, T + 100))
    office.send(T + 101)
    assert (office.case.helper_id, office.case.eta_at) == ("marc", T + 100 + 720)
    assert ("pol", "email", "stand_down", "sent") in office.messages()
    calm = office.channels["email"].messages[-1]
    assert "Marc is going to Maria" in calm.short
    assert not calm.urgent
    assert office.case.ring_at is not None, "the desk still has to take it"
    office.run_to(T + 600)
    assert [it for it in office.messages() if it[2] == "alarm"] == [
        ("marc", "sms", "alarm", "accepted"), ("pol", "email", "alarm", "sent"),
    ]  # fmt: skip


def test_a_second_one_learns_who_goes_already(office: Office) -> None:
    office.run_to(T + 90)
    done(office.carers.accepted(1, "marc", 12, T + 100))
    assert office.carers.accepted(1, "pol", 5, T + 101) == Refused("already_going", "marc", called="Marc")
    done(office.carers.accepted(1, "marc", 20, T + 110))
    assert office.case.eta_at == T + 110 + 1_200


def test_one_who_cannot_is_followed_by_the_next_at_once(office: Office) -> None:
    office.run_to(T + 60)
    done(office.carers.declined(1, "marc", T + 65))
    assert [it[:2] for it in office.messages()] == [("marc", "sms"), ("pol", "email")]
    assert (office.log[-1].type, office.log[-1].facts.contacts) == (EventType.DECLINED, ("pol",))


def test_one_who_turns_back_makes_it_ring_again(office: Office) -> None:
    office.run_to(T + 60)
    office.desk.take(1, "ana", T + 70)
    done(office.carers.accepted(1, "marc", 12, T + 80))
    assert office.case.ring_at is None
    done(office.carers.declined(1, "marc", T + 120))
    assert (office.case.ring_at, office.case.helper_id, office.case.owner_id) == (T + 120, "", "ana")
    assert office.delivery().state is DeliveryState.DECLINED


def test_there_and_all_well_or_not(office: Office) -> None:
    office.desk.take(1, "ana", T + 5)
    done(office.carers.arrived(1, "marc", T + 300))
    assert office.case.arrived_at == T + 300
    done(office.carers.all_well(1, "marc", T + 310))
    assert office.case.open, "a person at the desk closes"
    done(office.carers.needs_help(1, "marc", "ambulance", T + 320))
    assert (office.case.ring_at, office.log[-1].facts.state) == (T + 320, "ambulance")


def test_strangers_and_closed_cases_are_refused(office: Office) -> None:
    assert office.carers.accepted(1, "stranger", 5, T) == Refused("no_such_contact")
    assert office.carers.accepted(9, "marc", 5, T) == Refused("no_such_case")
    office.desk.take(1, "ana", T + 5)
    done(office.desk.close(1, "ana", CLOSED, T + 9))
    assert office.carers.accepted(1, "marc", 5, T + 10) == Refused("not_possible")
    assert office.carers.needs_help(1, "marc", "ambulance", T + 10) == Refused("not_possible")


def test_a_link_opens_one_case_for_one_carer_for_a_day_and_is_kept_as_a_fingerprint(office: Office) -> None:
    office.run_to(T + 60)
    (message,) = office.channels["sms"].messages
    assert message.link.startswith("https://llar.example.org/c/")
    token = message.link.rpartition("/")[2]
    linked = office.carers.linked(token, T + 61)
    assert linked is not None
    assert (linked.case_id, linked.contact_id, linked.called) == (1, "marc", "Marc")
    assert office.carers.linked(token, T + 60 + LIVES_S) is None
    assert office.carers.linked(token[:-1], T + 61) is None
    with office.town.database.read() as connection:
        assert token not in str(connection.execute(sa.select(carer_links)).all())
    assert office.delivery().opened_at is None, "a mail program that looks at a link has opened nothing"
    done(office.carers.opened(1, "marc", T + 70, linked.delivery_id))
    done(office.carers.opened(1, "marc", T + 71, linked.delivery_id))
    assert (office.delivery().state, office.delivery().opened_at) == (DeliveryState.OPENED, T + 70)
    assert [event.facts.state for event in office.log].count("opened") == 1


def test_nothing_about_health_stands_on_a_lock_screen(office: Office) -> None:
    office.run_to(T + 60)
    (message,) = office.channels["sms"].messages
    assert "Maria" in message.short
    assert "1" in message.short
    for word in ("fall", "help", "health", "button"):
        assert word not in message.short.lower()


def test_no_receipt_in_time_is_another_way(office: Office) -> None:
    office.run_to(T + 60)
    office.send(T + 104)
    assert [it[:2] for it in office.messages()] == [("marc", "sms")]
    office.send(T + 105)
    assert office.messages() == [("marc", "sms", "alarm", "sent"), ("marc", "email", "alarm", "sent")]
    missed = next(event for event in office.log if event.facts.state == NO_RECEIPT)
    assert (missed.facts.contact, missed.facts.channel, missed.facts.reason) == ("marc", "sms", "email")
    office.send(T + 106)
    assert len(office.messages()) == 2


def test_a_receipt_in_time_is_no_other_way(office: Office) -> None:
    office.run_to(T + 60)
    key = office.delivery().provider_ref
    for _ in range(3):
        assert office.deliveries.report("sms", "r1", DeliveryState.DELIVERED, T + 64, T + 65, provider_ref=key)
    office.send(T + 200)
    assert [it[:2] for it in office.messages()] == [("marc", "sms")]
    assert office.delivery().delivered_at == T + 64
    assert [event.facts.state for event in office.log].count("delivered") == 1
    assert not office.deliveries.report("sms", "r2", DeliveryState.DELIVERED, T, T, provider_ref="nobody's")
    assert not office.deliveries.report("email", "r3", DeliveryState.DELIVERED, T, T, provider_ref=key)


def test_a_network_that_gives_up_is_another_way_at_once(office: Office) -> None:
    office.run_to(T + 60)
    key = office.delivery().provider_ref
    failed = DeliveryState.FAILED_FOR_GOOD
    office.deliveries.report("sms", "r1", failed, T + 64, T + 65, provider_ref=key, detail="no such number")
    assert [it[:2] for it in office.messages()] == [("marc", "sms"), ("marc", "email")]
    assert office.log[-1].facts.text == "no such number"


def test_a_report_that_comes_while_the_attempt_is_under_way_is_kept(office: Office) -> None:
    office.desk.work_due(T + 60)
    queued = office.delivery()
    done(office.carers.accepted(1, "marc", 5, T + 61, queued.id))
    office.deliveries.record(after_attempt(queued, Sent(Verdict.NOT_NOW, "busy"), T + 62), T + 62)
    assert (office.delivery().state, office.delivery().due_at) == (DeliveryState.ACCEPTED, None)


def test_what_waits_is_called_off_when_the_case_is_closed(office: Office) -> None:
    office.desk.work_due(T + 60)
    office.desk.take(1, "ana", T + 61)
    done(office.desk.close(1, "ana", CLOSED, T + 62))
    office.send(T + 63)
    assert office.messages() == [("marc", "sms", "alarm", "cancelled")]


def test_the_operator_calls_contacts_in_turn_and_the_protocol_goes_on_by_itself(office: Office) -> None:
    desk = office.desk
    desk.take(1, "ana", T + 5)
    desk.triage(1, "ana", 5, T + 6)
    for step in ("call_out", "raise_volume", "listen", "ring_home", "ring_mobile"):
        done(desk.step(1, "ana", step, T + 10))
    at = T + 20.0
    for _ in range(2):
        for contact_id in ("nobody", "marc", "pol"):
            done(desk.call_contact(1, "ana", contact_id, at))
            assert office.case.ring_limit_at == at + 30
            desk.work_due(at + 30)
            assert office.log[-1].type is EventType.PROMPTED
            done(desk.call_ended(1, "ana", contact_id, "no_answer", at + 31))
            at += 35
    assert office.case.protocol_step == "response_team"
    assert (office.log[-1].facts.step, office.log[-1].facts.state) == ("contacts", "by_system")


def test_a_drill_proves_the_path_once_the_homes_own_test_was_answered(office: Office) -> None:
    case_id = done(office.desk.start_drill("home-1", "ana", T + 1_000)).id
    office.town.receive(alarm_of(AlarmKind.TEST, "T1"), T + 1_020)
    with office.town.database.read() as connection:
        assert drills.last_proven_at(connection, "home-1") is None
    office.desk.take(case_id, "ana", T + 1_030)
    done(office.desk.close(case_id, "ana", Closing(Cause.TEST), T + 1_060))
    with office.town.database.read() as connection:
        assert drills.last_proven_at(connection, "home-1") == T + 1_060
        (line,) = drills.drills_of(connection, "home-1")
    assert (line.drill.heard_at, line.drill.taken_at) == (T + 1_020, T + 1_030)


def test_what_an_operator_held_rings_for_all_when_their_console_is_lost(office: Office) -> None:
    office.desk.take(1, "ana", T + 5)
    (handed,) = office.desk.hand_over("ana", "the console was lost", T + 50)
    assert (done(handed).owner_id, office.case.ring_at) == (None, T + 50)
    assert office.desk.hand_over("ana", "again", T + 51) == []
