"""When a case is over, those who may know how alarms end get one calm word: once, in their language, not at night."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from central.alarm_cases.case import CaseEvent, EventType, Facts
from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import Address, Profile, RotaContact, Share
from central.alarm_cases.summary import RECEIPT_WAIT_S, after_the_night, recipients, worth_telling
from central.carer_desk import CarerDesk
from central.case_desk import CaseDesk, Done
from central.delivery_desk import DeliveryDesk
from central.notification.delivery import DeliveryState, Sent, Verdict
from central.notification.sender import Sender
from central.storage import deliveries, people, push, rota
from central.storage.people import Contact
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON as T
from .conftest import Town, alarm_of
from .test_carer_desk import FakeChannel

MADRID = ZoneInfo("Europe/Madrid")
WELL = Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK, explanation="many calls")
NIGHT = datetime(2026, 11, 21, 23, 30, tzinfo=MADRID).timestamp()
MORNING = datetime(2026, 11, 22, 8, 0, tzinfo=MADRID).timestamp()


class Family:
    """The town's first home with Joana, its neighbour, who reads Catalan; pol and marc are as the town has them."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.mail = FakeChannel("email")
        with town.database.begin() as connection:
            joana = Contact("joana", "home-1", 5, "Joana", "veïna", "", "joana@example.org", language="ca")
            people.add_contact(connection, joana)
        self.shares("joana", "alarms", "history")

    def shares(self, contact_id: str, *shares: Share, muted_until_at: float = 0.0) -> None:
        with self.town.database.begin() as connection:
            profile = Profile(consent=shares, muted_until_at=muted_until_at)
            rota.keep_profile(connection, contact_id, profile, T, "maria")

    def case(self, at: float = T, kind: AlarmKind = AlarmKind.HELP, ref: str = "A1") -> int:
        """A case that Ana has in hand and has spoken in."""
        case_id = int(self.town.receive(alarm_of(kind, ref, at), at).case)
        self.town.desk.take(case_id, "ana", at + 5)
        self.town.desk.talk(case_id, "ana", at + 10)
        return case_id

    def close(self, case_id: int, at: float, closing: Closing = WELL) -> None:
        result = self.town.desk.close(case_id, "ana", closing, at)
        assert isinstance(result, Done), result

    def send(self, at: float) -> None:
        messages = DeliveryDesk(self.town.desk)
        Sender(self.town.database, messages, {"email": self.mail}, clock=lambda: at).work_due(at)

    def said(self) -> list[tuple[str, str]]:
        """To whom, and what, of all that was sent but alarms."""
        return [(it.to, it.short) for it in self.mail.messages if it.purpose == "summary"]

    def queued(self, case_id: int) -> list[tuple[str, str]]:
        with self.town.database.read() as connection:
            rows = deliveries.of_case(connection, case_id)
        return [(it.contact_id, it.state.value) for it in rows if it.purpose == deliveries.SUMMARY]


@pytest.fixture
def family(town: Town) -> Family:
    return Family(town)


def test_who_may_know_how_alarms_end_is_told_once_in_their_language_and_nobody_else(family: Family) -> None:
    case_id = family.case()
    family.close(case_id, T + 60)
    family.send(T + 61)
    family.send(T + 3600)
    assert family.said() == [
        ("joana@example.org", "13:00: Maria ha avisat la central. Ana, de la central, ha parlat amb Maria; tot va bé.")
    ]
    message = family.mail.messages[0]
    assert (message.urgent, message.link, message.language) == (False, "", "ca")
    assert "perquè Maria us deixa saber com acaben els avisos" in message.text
    assert family.queued(case_id) == [("joana", "sent")]


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.HELPED_AT_HOME, "tot va bé"),
        (Outcome.HOSPITAL, "La central se n'ha ocupat i us en pot dir més."),
        (Outcome.UNKNOWN, "La central se n'ha ocupat i us en pot dir més."),
    ],
)
def test_all_is_well_is_said_only_where_it_is_and_nothing_of_health(
    family: Family, outcome: Outcome, says: str
) -> None:
    case_id = family.case(kind=AlarmKind.FALL)
    family.close(case_id, T + 60, Closing(Cause.UNWELL, Action.TALKED, outcome, note="fractura de maluc"))
    family.send(T + 61)
    ((_, short),) = family.said()
    assert says in short
    assert "hi ha hagut un avís des de casa de Maria" in short
    for word in ("caigu", "hospital", "fractura", "maluc"):
        assert word not in (short + family.mail.messages[0].text).lower()


def test_a_death_is_told_by_a_person(family: Family) -> None:
    case_id = family.case()
    family.close(case_id, T + 60, Closing(Cause.UNWELL, Action.CLINICIAN, Outcome.DIED))
    assert family.queued(case_id) == []


@pytest.mark.parametrize("kind", [AlarmKind.TEST, AlarmKind.BATTERY_LOW, AlarmKind.VITAL_MISSING])
def test_tests_equipment_and_daily_routine_are_not_told(family: Family, kind: AlarmKind) -> None:
    case_id = family.case(kind=kind)
    family.close(case_id, T + 60)
    assert family.queued(case_id) == []


@pytest.mark.parametrize("cause", [Cause.TEST, Cause.EQUIPMENT])
def test_what_turned_out_to_be_a_test_or_a_fault_is_not_told(family: Family, cause: Cause) -> None:
    case_id = family.case()
    family.close(case_id, T + 60, Closing(cause, Action.TALKED, Outcome.RESOLVED_BY_TALK))
    assert family.queued(case_id) == []


def test_who_came_who_was_told_and_who_wants_peace_get_nothing(family: Family) -> None:
    for name in ("marc", "pol"):
        family.shares(name, "alarms", "history")
    case_id = family.case()
    family.town.desk.arrived(case_id, "ana", "marc", T + 30)
    family.shares("joana", "history", muted_until_at=T + 7200)
    told = Closing(Cause.FALL, Action.CONTACT_SENT, Outcome.HELPED_AT_HOME, told=("pol",))
    family.close(case_id, T + 60, told)
    assert family.queued(case_id) == []


def test_at_night_nobody_is_woken_and_in_the_morning_it_is_told(family: Family) -> None:
    case_id = family.case(NIGHT)
    family.close(case_id, NIGHT + 60)
    family.send(MORNING - 1)
    assert family.said() == []
    family.send(MORNING)
    assert [to for to, _ in family.said()] == ["joana@example.org"]


def test_what_could_not_be_sent_in_the_evening_waits_for_the_morning_too(family: Family) -> None:
    evening = NIGHT - 2 * 3600
    family.mail.answer = Sent(Verdict.NOT_NOW, "the mail server is away")
    case_id = family.case(evening)
    family.close(case_id, evening + 60)
    family.send(evening + 61)
    family.mail.answer = Sent(Verdict.TAKEN)
    family.mail.messages.clear()
    family.send(NIGHT)
    assert family.said() == []
    family.send(MORNING)
    assert len(family.said()) == 1


def test_who_was_asked_to_come_at_night_hears_at_once_how_it_ended(family: Family) -> None:
    case_id = family.case(NIGHT)
    assert isinstance(family.town.desk.notify_contact(case_id, "ana", "joana", NIGHT + 20), Done)
    family.send(NIGHT + 21)
    family.close(case_id, NIGHT + 60)
    family.send(NIGHT + 61)
    assert [to for to, _ in family.said()] == ["joana@example.org"]


def test_what_is_shared_no_more_in_the_morning_is_not_told(family: Family) -> None:
    case_id = family.case(NIGHT)
    family.close(case_id, NIGHT + 60)
    family.shares("joana", "alarms")
    family.send(MORNING)
    assert family.said() == []
    assert family.queued(case_id) == [("joana", "cancelled")]


def test_a_case_that_is_opened_again_is_told_when_it_is_really_over_and_once(family: Family) -> None:
    case_id = family.case(NIGHT)
    family.close(case_id, NIGHT + 60)
    assert isinstance(family.town.desk.reopen(case_id, "ana", "ha tornat a trucar", NIGHT + 120), Done)
    family.send(MORNING)
    assert family.said() == []
    family.close(case_id, MORNING + 60)
    family.send(MORNING + 61)
    family.town.desk.reopen(case_id, "ana", "una altra vegada", MORNING + 120)
    family.close(case_id, MORNING + 180)
    family.send(MORNING + 181)
    assert len(family.said()) == 1
    assert family.queued(case_id) == [("joana", "cancelled"), ("joana", "sent")]


def test_a_carer_who_is_on_the_way_when_it_ends_knows_it(family: Family) -> None:
    case_id = family.case()
    family.town.desk.notify_contact(case_id, "ana", "joana", T + 20)
    family.send(T + 21)
    assert isinstance(CarerDesk(family.town.desk).accepted(case_id, "joana", 5, T + 30), Done)
    family.close(case_id, T + 60)
    assert family.queued(case_id) == []


def test_the_night_is_that_of_the_home_and_ends_at_eight_by_its_clock() -> None:
    def at(*when: int) -> float:
        return datetime(*when, tzinfo=MADRID).timestamp()  # type: ignore[arg-type, misc]

    assert after_the_night(at(2026, 11, 21, 21, 59), "Europe/Madrid") == at(2026, 11, 21, 21, 59)
    assert after_the_night(at(2026, 11, 21, 22, 0), "Europe/Madrid") == at(2026, 11, 22, 8, 0)
    assert after_the_night(at(2026, 11, 22, 7, 59), "Europe/Madrid") == at(2026, 11, 22, 8, 0)
    assert after_the_night(at(2026, 10, 24, 23, 0), "Europe/Madrid") == at(2026, 10, 25, 8, 0), "the clocks went back"
    assert after_the_night(at(2026, 11, 21, 22, 30), "Atlantic/Canary") == at(2026, 11, 21, 22, 30)


def test_whom_an_operator_spoke_with_by_telephone_at_night_is_awake() -> None:
    contact = RotaContact("joana", 1, "Joana", 5, True, (Address("sms", "1"),), Profile(consent=("history",)))
    rung = CaseEvent(EventType.CALL_ENDED, NIGHT, "ana", Facts(contact="joana", channel="phone", state="answered"))
    (found,) = recipients([contact], [rung], "", (), (), NIGHT + 60, "Europe/Madrid")
    assert (found.channel, found.due_at) == ("sms", NIGHT + 60)
    assert worth_telling(Priority.URGENT)


class TwoWays(Family):
    """Joana by SMS first, whose network tells what became of it, and by e-mail."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.sms = FakeChannel("sms")
        self.desk = town.desk = CaseDesk(town.database, town.changes.append, ("sms", "voice", "email"))
        self.mail.receipts, self.mail.receipt_wait_s = frozenset(), None
        self.shares("joana", "alarms", "history")

    def shares(self, contact_id: str, *shares: Share, muted_until_at: float = 0.0) -> None:
        ways = (Address("sms", "+34600000009"), Address("voice", "+34600000009"), Address("email", "joana@example.org"))
        with self.town.database.begin() as connection:
            profile = Profile(addresses=ways, consent=shares, muted_until_at=muted_until_at)
            rota.keep_profile(connection, contact_id, profile, T, "maria")

    def send(self, at: float) -> None:
        channels = {"sms": self.sms, "voice": FakeChannel("voice"), "email": self.mail}
        Sender(self.town.database, DeliveryDesk(self.town.desk), channels, clock=lambda: at).work_due(at)

    def mailed(self) -> int:
        return len(self.mail.messages)


@pytest.fixture
def two_ways(town: Town) -> TwoWays:
    return TwoWays(town)


def test_a_word_of_which_nothing_is_heard_goes_by_the_next_way_once_and_not_twice_to_one_number(
    two_ways: TwoWays,
) -> None:
    case_id = two_ways.case()
    two_ways.close(case_id, T + 60)
    two_ways.send(T + 61)
    two_ways.send(T + 61 + RECEIPT_WAIT_S - 1)
    assert (len(two_ways.sms.messages), two_ways.mailed()) == (1, 0), "it may lie in a drawer for a while"
    two_ways.send(T + 61 + RECEIPT_WAIT_S)
    two_ways.send(T + 10_000)
    assert (len(two_ways.sms.messages), two_ways.mailed()) == (1, 1)
    assert two_ways.mail.messages[0].short == two_ways.sms.messages[0].short
    assert two_ways.queued(case_id) == [("joana", "sent"), ("joana", "sent")]


def test_a_word_that_has_come_needs_no_second_way(two_ways: TwoWays) -> None:
    case_id = two_ways.case()
    two_ways.close(case_id, T + 60)
    two_ways.send(T + 61)
    messages = DeliveryDesk(two_ways.town.desk)
    key = two_ways.sms.messages[0].key
    assert messages.report("sms", "r1", DeliveryState.DELIVERED, T + 70, T + 70, provider_ref=key)
    two_ways.send(T + 10_000)
    assert two_ways.mailed() == 0


def test_a_word_that_comes_late_after_all_calls_the_second_way_off(two_ways: TwoWays) -> None:
    evening = NIGHT - 5_700
    case_id = two_ways.case(evening)
    two_ways.close(case_id, evening + 60)
    two_ways.send(evening + 61)
    two_ways.send(NIGHT)
    assert two_ways.queued(case_id) == [("joana", "sent"), ("joana", "queued")], "it waits for the morning"
    key = two_ways.sms.messages[0].key
    DeliveryDesk(two_ways.town.desk).report("sms", "r1", DeliveryState.DELIVERED, NIGHT, NIGHT + 5, provider_ref=key)
    two_ways.send(MORNING)
    assert two_ways.mailed() == 0


def test_a_word_that_cannot_be_sent_goes_by_the_next_way_but_never_at_night(two_ways: TwoWays) -> None:
    two_ways.sms.answer = Sent(Verdict.NEVER, "no such number")
    case_id = two_ways.case(NIGHT)
    assert isinstance(two_ways.town.desk.notify_contact(case_id, "ana", "joana", NIGHT + 20, "sms"), Done)
    two_ways.sms.answer = Sent(Verdict.TAKEN)
    two_ways.send(NIGHT + 21)
    two_ways.sms.answer = Sent(Verdict.NEVER, "no such number")
    two_ways.close(case_id, NIGHT + 60)
    two_ways.send(NIGHT + 61)
    assert [it.purpose for it in two_ways.sms.messages] == ["alarm", "summary"], "who was woken anyway hears at once"
    two_ways.send(MORNING - 1)
    assert two_ways.mailed() == 0, "but is not woken a second time"
    two_ways.send(MORNING)
    assert two_ways.mailed() == 1


def test_the_second_way_is_not_taken_for_who_may_not_know_any_more_or_when_it_was_opened_again(
    two_ways: TwoWays,
) -> None:
    first = two_ways.case()
    two_ways.close(first, T + 60)
    two_ways.send(T + 61)
    two_ways.shares("joana", "alarms")
    two_ways.send(T + 5_000)
    two_ways.shares("joana", "alarms", "history")
    two_ways.town.desk.reopen(first, "ana", "ha tornat a trucar", T + 5_001)
    two_ways.send(T + 10_000)
    assert two_ways.mailed() == 0


def test_a_browser_tells_by_its_link_that_a_word_has_come(town: Town) -> None:
    family, browser = Family(town), FakeChannel("push")
    town.desk = CaseDesk(town.database, town.changes.append, ("push", "email"))
    with town.database.begin() as connection:
        push.keep(connection, "https://push.example.org/1", "{}", T, contact_id="joana")
    case_id = family.case()
    family.close(case_id, T + 60)
    channels = {"push": browser, "email": family.mail}
    messages = DeliveryDesk(town.desk)
    for at in (T + 61, T + 61 + RECEIPT_WAIT_S):
        Sender(town.database, messages, channels, clock=lambda at=at: at, address="https://llar.example.org").work_due(
            at
        )
    (word,) = browser.messages
    assert word.link.startswith("https://llar.example.org/c/"), "its service worker has nothing else to confirm by"
    assert [it.link for it in family.mail.messages] == [""]
