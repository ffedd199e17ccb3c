"""Who says by a key of their telephone that they go gets the way in by a link, and never by a voice."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from central.alarm_cases.rota import Address, Profile, Share
from central.carer_desk import CarerDesk
from central.case_desk import CaseDesk
from central.config import PhoneConfig
from central.delivery_desk import DeliveryDesk
from central.notification.delivery import DeliveryState, Sent, Verdict
from central.notification.phone_gateway import make_reference
from central.notification.sender import Sender
from central.phone_desk import PhoneDesk, Report, Say, Told
from central.storage import carer_links, deliveries, rota
from central.storage.tables import homes
from gateway.contract.alarm_kinds import AlarmKind

from .conftest import NOON as T
from .conftest import Town, alarm_of
from .test_carer_desk import FakeChannel

NUMBER, CODE = "+34600000001", "Codi 4412"
ADDRESS = "https://llar.example.org"


class Caller:
    """The town's desk; Marc is called, and has an e-mail address too. `address` is the centre's for carers."""

    def __init__(
        self, town: Town, address: str = ADDRESS, consent: tuple[Share, ...] = ("alarms", "access_notes")
    ) -> None:
        self.town, self.address = town, address
        self.channels = {name: FakeChannel(name) for name in ("voice", "sms", "email")}
        self.desk = town.desk = CaseDesk(town.database, town.changes.append, tuple(self.channels))
        self.messages, self.carers = DeliveryDesk(self.desk), CarerDesk(self.desk)
        self.phone = PhoneDesk(town.database, self.messages, self.carers, PhoneConfig(), address)
        ways = (Address("voice", NUMBER), Address("sms", NUMBER), Address("email", "marc@example.org"))
        with town.database.begin() as connection:
            rota.keep_profile(connection, "marc", Profile(addresses=ways, consent=consent), T, "marc")
            connection.execute(sa.update(homes).values(access_notes=CODE))
        town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
        self.run_to(T + 60)

    def run_to(self, at: float) -> None:
        self.desk.work_due(at)
        Sender(self.town.database, self.messages, self.channels, clock=lambda: at, address=self.address).work_due(at)

    def press(self, digit: str, at: float, report: str = "r") -> str:
        """What the voice says then."""
        asked = next(it for it in self.channels["voice"].messages if it.purpose == "alarm")
        key = make_reference(asked.key, NUMBER)
        said = self.phone.take(Report(f"{report}-{digit}", key, Told.DIGIT, at, digit), at)
        assert isinstance(said, Say)
        return said.say

    def written(self, channel: str) -> list[tuple[str, str]]:
        """The texts about the way in that went out by a channel, with their links."""
        return [(it.short, it.link) for it in self.channels[channel].messages if it.purpose == "way_in"]


@pytest.fixture
def caller(town: Town) -> Caller:
    return Caller(town)


def test_who_presses_one_is_written_to_on_that_telephone_and_hears_no_code(caller: Caller) -> None:
    said = caller.press("1", T + 70)
    assert "comes by text message to this telephone" in said
    assert "4412" not in said
    caller.run_to(T + 71)
    ((text, link),) = caller.written("voice")
    assert text == "You are going to Maria. Open this for what you need, and to tell us that you are there."
    assert "4412" not in text
    with caller.town.database.read() as connection:
        found = carer_links.find(connection, link.rpartition("/")[2], T + 72)
    assert found is not None
    assert (found.case_id, found.contact_id) == (1, "marc"), "the page shows the code to who goes, and notes it"
    assert caller.press("1", T + 80).endswith("Thank you."), "the gateway asks again"
    caller.run_to(T + 90)
    assert len(caller.written("voice")) == 1


def test_a_text_that_does_not_come_is_followed_by_another_way_but_not_to_the_same_number(caller: Caller) -> None:
    caller.channels["voice"].answer = Sent(Verdict.NEVER, "a landline")
    caller.press("1", T + 70)
    caller.run_to(T + 71)
    assert (len(caller.written("voice")), len(caller.written("sms")), len(caller.written("email"))) == (1, 0, 1)


def test_who_turns_back_gets_no_way_in(caller: Caller) -> None:
    caller.press("1", T + 70)
    caller.carers.declined(1, "marc", T + 70)
    caller.run_to(T + 71)
    assert caller.written("voice") == []
    with caller.town.database.read() as connection:
        (state,) = [it.state for it in deliveries.of_case(connection, 1) if it.purpose == deliveries.WAY_IN]
    assert state is DeliveryState.FAILED_FOR_GOOD


def test_a_no_and_an_answer_by_sms_need_none(caller: Caller) -> None:
    assert "text message" not in caller.press("2", T + 70)
    with caller.town.database.begin() as connection:
        deliveries.queue(connection, 1, "marc", "sms", deliveries.ALARM, T + 71, 2)
    caller.run_to(T + 72)
    answer = caller.phone.answer_sms(NUMBER, "1", T + 80)
    assert answer == "Thank you. We are telling everybody that you are going."
    caller.run_to(T + 90)
    assert caller.written("voice") == caller.written("sms") == caller.written("email") == []


def test_a_centre_without_an_address_for_carers_says_whom_to_ask(town: Town) -> None:
    caller = Caller(town, "")
    assert "Call the centre to hear how to get in." in caller.press("1", T + 70)
    caller.run_to(T + 71)
    assert caller.written("voice") == []


def test_whom_the_way_in_is_not_shared_with_asks_the_centre_and_still_gets_the_page(town: Town) -> None:
    caller = Caller(town, consent=("alarms",))
    assert "Call the centre to hear how to get in." in caller.press("1", T + 70)
    caller.run_to(T + 71)
    assert len(caller.written("voice")) == 1, "there they say that they have come, and how it is"
