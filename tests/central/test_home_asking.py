"""Quiet at home is asked about at home first; and whatever is answered, or dies, nobody lies there unheard."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from central.alarm_cases.case import FINE, LOST, NOT_SAID, SAID, SHOWN, Case, EventType, State
from central.alarm_cases.home_question import ASK_S, ASK_SHORT_S, ask_s
from central.alarm_cases.priority import Priority
from central.alarm_cases.rules import ASK_HEARD_S
from central.case_change import CaseChange
from central.case_desk import CaseDesk
from central.console.desk_words import sentence
from central.detection.finding import Finding
from central.home_asking import HomeAsking
from central.hub_states import HubStates
from central.refusals import RefusalCounter
from central.service_figures import answers as figures
from central.storage import cases, service_quality
from central.storage.service_quality import Scope
from central.texts import translator
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Command, CommandOutcome, HubState, Record
from gateway.contract.topics import Channel, read_topic, topic

from .conftest import NOON as T
from .conftest import Town, alarm_of
from .test_case_desk import all_cases, events, one_case

MADRID = ZoneInfo("Europe/Madrid")


class Homes:
    """The desk, and the homes that it can ask; `sent` is what hubs were told."""

    def __init__(self, town: Town) -> None:
        self.town, self.states = town, HubStates()
        self.sent: list[tuple[str, Command]] = []
        self.now = T
        town.desk = CaseDesk(town.database, self._announce, can_ask=self.states.can_ask, speaks=self.states.speaks)
        self.asking = HomeAsking(
            town.desk,
            RefusalCounter(),
            lambda hub, command: self.sent.append((hub, command)),
            lambda: self.now,
            self.states,
        )
        self.hear(asks=True)

    def _announce(self, change: CaseChange) -> None:
        self.town.changes.append(change)
        self.asking.on_change(change)

    def hear(self, *, asks: bool, online: bool = True, mute: bool = False) -> None:
        self.states.hear("hub-1", HubState(online, asks=asks, speaks=not mute), T)

    def finds(self, reason: str = "quiet_indoors", *, active: bool = True, **facts: object) -> None:
        told = {"room": "kitchen", "kind": AlarmKind.INACTIVITY, "found_at": self.now, "key": "quiet:1"} | facts
        room = str(told.pop("room"))
        finding = Finding(home="home-1", since_at=T - 9_000, reason=reason, facts={"room": room}, active=active, **told)  # type: ignore[arg-type]
        self.town.desk.receive_finding(finding, self.now)

    def says(self, outcome: str, answer: str = "", *, hub: str = "hub-1", case: int = 1, name: str = "") -> None:
        name = name or f"check-in-{case}"
        address = read_topic(topic(hub, Channel.COMMAND_OUTCOME, name))
        assert address is not None
        self.asking.take(address, encode(CommandOutcome(name, self.now, outcome, answer=answer)))

    def at(self, seconds: float) -> Case:
        """The case, after all that was due by then."""
        self.now = T + seconds
        self.town.desk.work_due(self.now)
        return one_case(self.town)


@pytest.fixture
def home(town: Town) -> Homes:
    return Homes(town)


def test_a_quiet_home_is_asked_and_nobody_is_called_until_it_has_not_answered(home: Homes) -> None:
    home.finds()
    ((hub, command),) = home.sent
    assert (hub, command.verb, command.expires) == ("hub-1", "check_in", T + ASK_HEARD_S)
    assert ASK_S - 10 <= command.wait_s < ASK_S
    home.now = T + 1
    home.says("asking")
    case = home.at(ASK_S - 1)
    assert (case.state, case.ring_at, case.priority) == (State.NEW, None, Priority.URGENT)
    assert home.at(ASK_S).ring_at == T + ASK_S


def test_no_answer_and_a_wish_for_help_call_people_at_once(home: Homes) -> None:
    for case_id, answer in enumerate(("none", "help"), 1):
        home.now = T + 10_000 * case_id
        home.finds(key=f"quiet:{case_id}")
        home.says("asking", case=case_id)
        home.now += 60
        home.says("done", answer, case=case_id)
        case = all_cases(home.town)[-1]
        assert (case.state, case.ring_at) == (State.NEW, home.now)


def test_i_am_fine_leaves_a_check_call_and_is_in_the_log(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.now = T + 60
    for _ in range(2):
        home.says("done", "fine")
    case = one_case(home.town)
    assert (case.state, case.ring_at) == (State.WITHDRAWN, None)
    said = [(event.type, event.facts.state) for event in events(home.town)]
    assert said == [(EventType.OPENED, ""), (EventType.ASKED, ""), (EventType.ANSWERED, FINE)]
    assert home.at(60 + 300).ring_at is not None, "somebody rings to hear how they are"


def test_seen_about_again_ends_the_question_at_home_too(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.now = T + 30
    home.finds(active=False)
    assert one_case(home.town).state is State.WITHDRAWN
    hub, command = home.sent[-1]
    assert (hub, command.verb, command.text) == ("hub-1", "check_in_over", home.sent[0][1].id)


@pytest.mark.parametrize("outcome", ["", "failed", "expired", "unsupported"])
def test_a_home_that_does_not_say_that_it_asks_costs_seconds_and_no_more(home: Homes, outcome: str) -> None:
    home.finds()
    if outcome:
        home.says(outcome)
    assert home.at(ASK_HEARD_S).ring_at == (T if outcome else T + ASK_HEARD_S)


@pytest.mark.parametrize("has_said_so", [True, False])
def test_a_hub_that_is_lost_while_it_asks_calls_people_at_once(home: Homes, has_said_so: bool) -> None:
    home.finds()
    if has_said_so:
        home.says("asking")
    home.now = T + 15
    home.hear(asks=True, online=False)
    home.asking.hub_lost("hub-1")
    case = one_case(home.town)
    assert (case.state, case.ring_at) == (State.NEW, T + 15)
    assert events(home.town)[-1].facts.state == LOST, "and the log says why nobody waited for the answer"
    home.now = T + 60
    home.says("done", "fine")
    assert one_case(home.town).ring_at == T + 15, "what is answered afterwards takes nobody off"


def test_a_line_that_is_back_or_a_hub_that_asks_nothing_calls_nobody(home: Homes) -> None:
    home.asking.hub_lost("hub-1")
    assert all_cases(home.town) == []
    home.finds()
    home.says("asking")
    for hub in ("hub-2", "nobody's"):
        home.asking.hub_lost(hub)
    home.hear(asks=True)
    home.asking.hub_lost("hub-1")
    assert one_case(home.town).ring_at is None


@pytest.mark.parametrize(
    ("outcome", "answer", "states"),
    [
        ("done", "said", [SAID]),
        ("done", "shown", [SHOWN]),
        ("failed", "", [NOT_SAID]),
        ("expired", "", [NOT_SAID]),
        ("done", "", []),
    ],
)
def test_the_log_says_that_comfort_was_heard_only_when_the_home_says_so(
    home: Homes, outcome: str, answer: str, states: list[str]
) -> None:
    home.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    home.says(outcome, answer, name="reassure-1-2")
    for second in range(0, 125, 5):
        home.at(second)
    *_, asked = [event for event in events(home.town) if event.type is EventType.ESCALATED]
    assert (asked.facts.step, comforted(home)) == ("home_reassured", [])
    for hub in ("hub-2", "hub-1", "hub-1"):  # not of another home, and one that is told twice is one
        home.says(outcome, answer, hub=hub, name="reassure-1-8")
    assert comforted(home) == states
    assert one_case(home.town).ring_at == T, "a word of comfort is no help"


def comforted(home: Homes) -> list[str]:
    return [event.facts.state for event in events(home.town) if event.type is EventType.COMFORTED]


def test_nobody_is_asked_where_nobody_would_hear_it_or_it_is_late(home: Homes) -> None:
    home.hear(asks=True, online=False)
    home.finds(key="a")
    home.hear(asks=False)
    home.now = T + 1_000
    home.finds(key="b")
    home.hear(asks=True)
    home.now = T + 2_000
    home.finds(reason="not_home_yet", key="c")
    home.now = T + 3_000
    home.finds(found_at=home.now - 3_600, key="d")
    assert [case.ring_at for case in all_cases(home.town)] == [T, T + 1_000, T + 2_000, T + 3_000]
    assert home.sent == []


def test_a_home_where_a_matter_of_life_is_open_is_not_asked(home: Homes) -> None:
    """An operator may be speaking there; and where somebody is threatened nothing may be heard."""
    home.town.receive(alarm_of(AlarmKind.HELP, "A1"), T)
    home.town.desk.take(1, "ana", T + 10)
    home.now = T + 1_200
    home.finds()
    assert (all_cases(home.town)[-1].ring_at, home.sent) == (T + 1_200, [])


@pytest.mark.parametrize("kind", [kind for kind in AlarmKind if kind is not AlarmKind.INACTIVITY])
def test_nothing_else_ever_waits_for_an_answer_at_home(home: Homes, kind: AlarmKind) -> None:
    home.finds(kind=kind)
    assert one_case(home.town).ring_at == T


def test_a_press_or_a_fall_meanwhile_calls_people_at_once_as_a_matter_of_life(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.town.receive(alarm_of(AlarmKind.FALL, "A1"), T + 40)
    case = one_case(home.town)
    assert (case.priority, case.ring_at, case.opened_at) == (Priority.LIFE, T + 40, T + 40)
    home.now = T + 50
    home.says("done", "fine")
    assert one_case(home.town).ring_at == T + 40, "what is answered afterwards takes nobody off"


def test_whatever_else_is_found_meanwhile_calls_people_at_once(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.now = T + 100
    home.finds(kind=AlarmKind.BATHROOM_STAY, key="bathroom:1")
    assert one_case(home.town).ring_at == T + 100


def test_an_operator_may_take_it_while_the_home_is_asked(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.town.desk.take(1, "ana", T + 200)
    home.now = T + 220
    home.says("done", "fine")
    case = home.at(ASK_S)
    assert (case.state, case.owner_id) == (State.TAKEN, "ana")
    assert events(home.town)[-1].facts.state == FINE


def test_the_time_at_home_is_no_waiting_for_an_operator(home: Homes) -> None:
    home.finds()
    home.says("asking")
    scope = Scope(T - 86_400, T + 86_400, None)
    with home.town.database.read() as connection:
        assert figures(service_quality.calls(connection, scope), T + ASK_S - 1).counted == 0
    home.at(ASK_S)
    home.town.desk.take(1, "ana", T + ASK_S + 20)
    with home.town.database.read() as connection:
        answered = figures(service_quality.calls(connection, scope), T + ASK_S + 30)
    assert (answered.counted, answered.max_s) == (1, 20.0)


def test_any_surviving_process_calls_people_and_only_once(home: Homes) -> None:
    """The process that has asked is gone: neither its memory nor its listeners are needed."""
    home.finds()
    home.says("asking")
    told: list[CaseChange] = []
    CaseDesk(home.town.database, told.append).work_due(T + ASK_S + 5)
    CaseDesk(home.town.database, told.append).work_due(T + ASK_S + 6)
    assert [change.event_type for change in told] == [EventType.RECALLED]
    assert one_case(home.town).ring_at == T + ASK_S + 5


def test_a_hub_speaks_for_its_own_home_only(home: Homes) -> None:
    home.finds()
    home.says("asking")
    home.says("done", "fine", hub="hub-2")
    home.says("done", "fine", case=77)
    assert one_case(home.town).state is State.NEW
    address = read_topic(topic("hub-1", Channel.COMMAND_OUTCOME, "check-in-1"))
    assert address is not None
    for payload in (b"", b"{", b"[]", b"\xff", encode(CommandOutcome("other", T, "done", answer="fine"))):
        assert home.asking.take(address, payload)
    assert one_case(home.town).state is State.NEW


def test_by_night_and_after_the_bathroom_the_wait_is_short() -> None:
    noon = T  # 13:00 in Madrid
    assert ask_s("kitchen", noon, MADRID) == ASK_S
    assert ask_s("bany", noon, MADRID) == ASK_SHORT_S
    for hours, expected in ((8.9, ASK_S), (9.1, ASK_SHORT_S), (18.9, ASK_SHORT_S), (19.1, ASK_S)):
        assert ask_s("kitchen", noon + hours * 3_600, MADRID) == expected


@pytest.mark.parametrize(
    ("answer", "last"), [("none", EventType.STEPPED), ("", EventType.STEPPED), ("help", EventType.TRIAGED)]
)
def test_the_checklist_does_not_call_out_anew_to_who_left_the_homes_question_unanswered(
    home: Homes, answer: str, last: EventType
) -> None:
    home.finds()
    home.says("asking")
    if answer:
        home.says("done", answer)
    case = home.at(30 if answer else ASK_S)
    home.town.desk.take(case.id, "ana", home.now)
    home.town.desk.triage(case.id, "ana", 5, home.now + 5)
    assert events(home.town)[-1].type is last


def asked_in_vain(home: Homes) -> int:
    home.finds()
    home.says("asking")
    home.hear(asks=True)  # a voice that comes afterwards has said nothing
    home.says("done", "none")
    return 1


def fallen_in_vain(home: Homes) -> int:
    home.town.receive(alarm_of(AlarmKind.FALL, "F1", evidence=[Record("p/fall", vs="unanswered", t=T)]), T)
    return 1


@pytest.mark.parametrize("nobody_answers", [asked_in_vain, fallen_in_vain])
@pytest.mark.parametrize("mute", [True, False])
def test_a_home_that_could_only_show_its_question_has_not_called_out(
    home: Homes, nobody_answers: Callable[[Homes], int], mute: bool
) -> None:
    home.hear(asks=True, mute=mute)
    case = nobody_answers(home)
    home.town.desk.take(case, "ana", T + 5)
    home.town.desk.triage(case, "ana", 5, T + 10)
    with home.town.database.read() as connection:
        at_hand = cases.find(connection, case)
    assert at_hand is not None
    assert at_hand.protocol_step == ("call_out" if mute else "raise_volume")


@pytest.mark.parametrize(("mute", "said"), [(True, "The home shows the question"), (False, "The home asks")])
def test_the_log_says_that_a_home_asks_only_where_it_has_a_voice(home: Homes, mute: bool, said: str) -> None:
    home.hear(asks=True, mute=mute)
    home.finds()
    home.says("asking")
    asked = events(home.town)[-1]
    assert sentence(asked, "", "", "", "", translator("en")).startswith(said)


def test_of_a_hub_that_has_not_said_how_it_is_nobody_knows_that_it_speaks() -> None:
    states = HubStates()
    assert not states.speaks("hub-1")
    states.hear("hub-1", HubState(True, asks=True), T)
    assert not states.speaks("hub-1"), "its page may just have been opened"
    states.hear("hub-1", HubState(True, asks=True, speaks=True), T)
    assert states.speaks("hub-1")
