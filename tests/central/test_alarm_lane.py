"""The alarm lane against a real broker: receipt after commit, progress to the home, refusals by value, survival."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from central import internal
from central.alarm_cases.closing import Cause, Closing, Outcome
from central.alarm_lane import AlarmLane
from central.case_desk import CaseChange, CaseDesk
from central.detection.finding import Finding
from central.progress import CLOSED_TOLD_S
from central.refusals import RefusalCounter
from central.storage import cases, health, homes, incidents
from central.storage.database import Database
from devices.rejection import Rejection
from gateway.broker import Broker, start_broker
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, Command, HubState, Stage
from gateway.contract.topics import Channel, everyone, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received

from .conftest import Town, alarm_of

pytestmark = pytest.mark.slow
Wait = Callable[[Callable[[], bool]], None]
USERS = {"desk": "desk-word", "receiver": "receiver-word", "hub-1": "hub-word", "hub-2": "hub-word-2"}


def settings_of(broker: Broker, name: str) -> BrokerSettings:
    return BrokerSettings(broker.host, broker.port, name, name, USERS[name], reconnect_max_s=0.5)


class Hub:
    """A home's unit on the wire: sends bytes, keeps what it is told."""

    def __init__(self, broker: Broker, name: str = "hub-1") -> None:
        self.name = name
        self.answers: list[AlarmAnswer] = []
        self.commands: list[Command] = []
        self.announced = threading.Event()
        self.client = MqttClient(
            settings_of(broker, name),
            subscriptions=(everyone(Channel.ALARM_ANSWER).replace("+/+/dn", f"+/{name}/dn"),)
            if name == "receiver"
            else (topic(name, Channel.ALARM_ANSWER, "x")[:-1] + "+", topic(name, Channel.COMMAND, "x")[:-1] + "+"),
            on_message=self.hear,
            on_connection=self.tell_state,
        )
        self.client.start()

    def tell_state(self, up: bool, _reason: str) -> None:
        if up and self.name != "receiver":
            self.client.publish(
                topic(self.name, Channel.STATE),
                encode(HubState(online=True)),
                retain=True,
                on_done=lambda done: self.announced.set() if done else None,
            )

    def hear(self, received: Received) -> None:
        if "/dn/cmd/" in received.topic:
            command = decode(Command, received.payload)
            assert not isinstance(command, Rejection)
            self.commands.append(command)
        else:
            answer = decode(AlarmAnswer, received.payload)
            assert not isinstance(answer, Rejection)
            self.answers.append(answer)
        self.client.acknowledge(received)

    def send(self, payload: bytes, retain: bool = False) -> None:
        assert self.client.publish(topic(self.name, Channel.ALARM), payload, retain=retain)

    def alarm(self, ref: str, kind: AlarmKind = AlarmKind.HELP) -> None:
        self.send(encode(alarm_of(kind, ref, time.time())))

    def stages(self, ref: str) -> list[Stage]:
        return [answer.stage for answer in self.answers if answer.ref == ref]


class Centre:
    """A desk with its lane, on a database."""

    def __init__(self, broker: Broker, database: Database) -> None:
        self.database = database
        self.refusals = RefusalCounter()
        self.desk = CaseDesk(database, self._announce)
        self.lane = AlarmLane(settings_of(broker, "desk"), self.desk, self.refusals)
        self.lane.start()

    def _announce(self, change: CaseChange) -> None:
        self.lane.on_change(change)

    def refused(self) -> dict[tuple[str, str], int]:
        self.refusals.flush(self.database)
        with self.database.read() as connection:
            return {key: refusal.times for key, refusal in health.refusals_by_reason(connection).items()}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, USERS) as running:
        yield running


@pytest.fixture
def town(tmp_path: Path, sqlite_template: Path) -> Iterator[Town]:
    path = tmp_path / "central.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database.open(f"sqlite:///{path}")
    yield Town(database)
    database.close()


@pytest.fixture
def centre(broker: Broker, town: Town, wait_until: Wait) -> Iterator[Centre]:
    running = Centre(broker, town.database)
    wait_until(lambda: running.lane.connected)
    yield running
    running.lane.stop()


@pytest.fixture
def hub(broker: Broker, wait_until: Wait) -> Iterator[Hub]:
    running = Hub(broker)
    wait_until(running.announced.is_set)  # or the desk, hearing of it later, would say again what it has said
    yield running
    running.client.stop()


def case_count(database: Database) -> int:
    with database.read() as connection:
        return len(cases.open_cases(connection))


def test_a_press_gets_its_receipt_and_hears_how_far_help_has_come(centre: Centre, hub: Hub, wait_until: Wait) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    now = time.time()
    centre.desk.take(1, "ana", now)
    centre.desk.on_the_way(1, "ana", "marc", 12, now)
    centre.desk.arrived(1, "ana", "", now)
    centre.desk.close(1, "ana", Closing(Cause.FALL, outcome=Outcome.HELPED_AT_HOME), now)
    wait_until(lambda: hub.stages("A1") == list(Stage))
    assert [answer.who for answer in hub.answers] == ["", "Ana", "Marc", "Marc", "Ana"]
    assert hub.answers[2].eta_minutes == 12
    assert {answer.case for answer in hub.answers} == {"1"}
    assert centre.lane.commits == 1
    assert centre.lane.commit_ms(0.99) is not None


def test_a_home_where_somebody_is_threatened_hears_no_more_than_the_receipt(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.alarm("A1", AlarmKind.DURESS)
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    now = time.time()
    for second in range(0, 600, 15):  # all that is due while nobody takes it: the home is reassured then
        centre.desk.work_due(now + second)
    centre.desk.take(1, "ana", now + 600)
    centre.lane.tell_again()
    centre.desk.arrived(1, "ana", "", now + 601)
    hub.alarm("T1", AlarmKind.TEST)
    wait_until(lambda: hub.stages("T1") == [Stage.RECEIVED])
    centre.desk.take(2, "ana", now + 602)
    wait_until(lambda: hub.stages("T1") == [Stage.RECEIVED, Stage.TAKEN])  # told after all that went before
    assert hub.stages("A1") == [Stage.RECEIVED]
    assert hub.commands == []


def test_malformed_alarms_are_counted_answered_and_do_not_stop_the_next(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.send(b"\xff\xfe not json")
    hub.send(b'{"ref":"BAD1","dty":"three","tim":1}')
    hub.send(b'{"ref":"BAD 2","dty":3,"tim":1}')
    hub.send(b"[" * 5_000)
    hub.send(b'{"ref":"BAD3",' + b" " * 9_000 + b'"tim":1}')
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    assert {answer.ref: answer.snu for answer in hub.answers} == {"BAD1": 3, "BAD3": 2, "A1": 0}
    assert centre.refused() == {("alarm", "bad_json"): 1, ("alarm", "bad_content"): 3, ("alarm", "too_large"): 1}
    assert case_count(centre.database) == 1


def test_a_press_with_a_faulty_ornament_is_still_a_press(centre: Centre, hub: Hub, wait_until: Wait) -> None:
    hub.send(b'{"ref":"ORN1","dty":3,"tim":"noon","geo":[],"text":"' + b"x" * 9_000 + b'"}')
    wait_until(lambda: hub.stages("ORN1") == [Stage.RECEIVED])
    with centre.database.read() as connection:
        (case,) = cases.open_cases(connection)
    assert (case.kind, case.priority) == (AlarmKind.HELP, 1)
    assert abs(case.opened_at - time.time()) < 60, "a time that cannot be read is the time of arrival"
    assert centre.refused() == {("alarm", "too_large"): 1}, "and a technician can see what was wrong"


def test_a_reference_that_no_topic_can_carry_does_not_deafen_the_desk(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.send(b'{"ref":"A0\\n","dty":3,"tim":1}')
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    assert centre.refused() == {("alarm", "bad_content"): 1}
    assert case_count(centre.database) == 1


def test_a_fault_in_refusing_does_not_deafen_the_desk(
    centre: Centre, hub: Hub, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_args: object, **_kwargs: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(centre.lane, "_refuse", stumble)
    hub.send(b"nonsense")
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])


def test_a_retained_alarm_is_refused_since_it_would_ring_for_ever(
    broker: Broker, town: Town, hub: Hub, wait_until: Wait
) -> None:
    hub.send(encode(alarm_of(AlarmKind.HELP, "A1")), retain=True)
    hub.alarm("A2")
    running = Centre(broker, town.database)
    wait_until(lambda: bool(running.refused()))
    running.lane.stop()
    assert running.refused() == {("alarm", "retained"): 1}


def test_findings_and_health_come_from_the_receiver_alone(
    broker: Broker, centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    receiver = Hub(broker, "receiver")
    wait_until(lambda: receiver.client.connected)
    finding = Finding("home-1:inactivity::1", "home-1", AlarmKind.INACTIVITY, 1.0, time.time(), "quiet_too_long")
    for payload in (internal.encode(finding), b"nonsense", internal.encode(finding)):
        receiver.client.publish(internal.finding_topic("home-1"), payload)
        hub.client.publish(internal.finding_topic("home-2"), internal.encode(finding).replace(b"home-1", b"home-2"))
    nowhere = internal.encode(finding).replace(b"home-1", b"nowhere")
    receiver.client.publish(internal.finding_topic("nowhere"), nowhere)
    receiver.client.publish(internal.HEALTH_TOPIC, internal.encode(internal.ReceiverHealth(time.time(), messages=7)))
    wait_until(lambda: centre.lane.receiver is not None and len(centre.refused()) == 2)
    receiver.client.stop()
    assert centre.lane.receiver is not None
    assert centre.lane.receiver.messages == 7
    assert centre.refused() == {("finding", "bad_finding"): 1, ("finding", "no_such_home"): 1}
    with centre.database.read() as connection:
        assert [case.home_id for case in cases.open_cases(connection)] == ["home-1"]


def test_while_the_receiver_hears_not_one_home_a_flood_is_of_our_own_broker(
    broker: Broker, centre: Centre, wait_until: Wait
) -> None:
    with centre.database.begin() as connection:
        for number in range(3, 8):
            homes.enrol_home(connection, f"home-{number}", address="x", now=0.0, district=f"d{number}")
    receiver = Hub(broker, "receiver")
    wait_until(lambda: receiver.client.connected)
    deaf = internal.ReceiverHealth(time.time(), hubs_online=0, hubs_silent=7)
    receiver.client.publish(internal.HEALTH_TOPIC, internal.encode(deaf))
    wait_until(lambda: centre.lane.receiver is not None)
    for number in range(3, 8):
        now, home = time.time(), f"home-{number}"
        found = Finding(f"silent-{number}", home, AlarmKind.HUB_SILENT, now - 1_800, now, "hub_silent")
        receiver.client.publish(internal.finding_topic(home), internal.encode(found))

    def causes() -> list[str]:
        with centre.database.read() as connection:
            return [one.cause for one in incidents.open_incidents(connection, time.time())]

    wait_until(lambda: case_count(centre.database) == 5 and causes() == ["broker"])
    receiver.client.stop()


def test_an_alarm_overtakes_the_findings_of_a_thousand_silent_homes(
    broker: Broker, centre: Centre, hub: Hub, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, handled = threading.Event(), []
    take_finding, take_alarm = centre.desk.receive_finding, centre.desk.receive_alarm

    def slow_finding(finding: Finding, at: float, *, none_heard: bool) -> object:
        may_go_on.wait(120)
        handled.append(finding.key)
        return take_finding(finding, at, none_heard=none_heard)

    def alarm(name: str, alarm: Alarm, payload: bytes, at: float) -> AlarmAnswer:
        handled.append(alarm.ref)
        return take_alarm(name, alarm, payload, at)

    monkeypatch.setattr(centre.desk, "receive_finding", slow_finding)
    monkeypatch.setattr(centre.desk, "receive_alarm", alarm)
    receiver = Hub(broker, "receiver")
    wait_until(lambda: receiver.client.connected)
    for number in range(20):
        finding = Finding(f"f{number}", "home-1", AlarmKind.HUB_SILENT, 1.0, time.time(), "hub_silent")
        receiver.client.publish(internal.finding_topic("home-1"), internal.encode(finding))
    wait_until(lambda: centre.lane._waiting.qsize() == 19)
    hub.alarm("A1")
    wait_until(lambda: centre.lane._waiting.qsize() == 20)
    may_go_on.set()
    wait_until(lambda: len(handled) == 21)
    receiver.client.stop()
    assert handled[1] == "A1"
    assert handled[2:] == [f"f{number}" for number in range(1, 20)], "the others keep their order"


def test_while_the_database_fails_nothing_is_acknowledged_and_then_everything_is_stored(
    centre: Centre, hub: Hub, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(cases, "add_alarm", away)
        hub.alarm("A1")
        hub.alarm("A2")
        wait_until(lambda: "disk I/O error" in centre.lane.database_fault)
        assert hub.answers == []
    wait_until(lambda: hub.stages("A1") + hub.stages("A2") == [Stage.RECEIVED] * 2)
    assert centre.lane.database_fault == ""
    with centre.database.read() as connection:
        (case,) = cases.open_cases(connection)
    assert case.repeats == 2


def test_a_fault_of_ours_in_one_alarm_does_not_silence_the_next_and_is_answered(
    centre: Centre, hub: Hub, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = centre.desk.receive_alarm

    def stumble(name: str, alarm: Alarm, payload: bytes, at: float) -> AlarmAnswer:
        if alarm.ref == "BUG":
            raise KeyError("bug")
        return original(name, alarm, payload, at)

    monkeypatch.setattr(centre.desk, "receive_alarm", stumble)
    hub.alarm("BUG")
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    assert {answer.ref: answer.snu for answer in hub.answers} == {"BUG": 5, "A1": 0}
    assert centre.refused() == {("alarm", "not_treated"): 1}


def test_what_the_home_missed_while_the_broker_was_away_is_told_afterwards(
    broker: Broker, centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    broker.kill()
    wait_until(lambda: not centre.lane.connected and not hub.client.connected)
    centre.desk.take(1, "ana", time.time())
    broker.restart()
    wait_until(lambda: Stage.TAKEN in hub.stages("A1"))
    assert hub.answers[-1].who == "Ana"


def test_a_new_desk_tells_homes_how_their_cases_stand(broker: Broker, town: Town, hub: Hub, wait_until: Wait) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), time.time())
    town.desk.take(1, "ana", time.time())
    running = Centre(broker, town.database)
    wait_until(lambda: hub.stages("A1") == [Stage.TAKEN])
    running.lane.stop()


def test_a_desk_that_died_before_it_said_that_a_case_is_closed_says_so_at_its_next_start(
    broker: Broker, town: Town, hub: Hub, wait_until: Wait
) -> None:
    closed_at = time.time() - 3_600
    for ref, at in (("OLD", closed_at - 86_400), ("A1", closed_at)):
        case = int(town.receive(alarm_of(AlarmKind.HELP, ref), at - 60).case)
        town.desk.take(case, "ana", at - 50)
        town.desk.close(case, "ana", Closing(Cause.MISTAKE, outcome=Outcome.RESOLVED_BY_TALK, note="fine"), at)
    running = Centre(broker, town.database)
    wait_until(lambda: hub.stages("A1") == [Stage.CLOSED])
    running.lane.stop()
    assert (hub.answers[0].at, hub.answers[0].who) == (closed_at, "Ana")
    assert hub.stages("OLD") == []


def test_a_desk_that_died_before_it_said_that_a_case_was_handed_back_says_so_at_its_next_start(
    broker: Broker, town: Town, hub: Hub, wait_until: Wait
) -> None:
    now = time.time()
    town.receive(alarm_of(AlarmKind.HELP, "A1"), now - 60)
    town.desk.take(1, "ana", now - 50)
    town.desk.release(1, "ana", "", now - 40)
    running = Centre(broker, town.database)
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    running.lane.stop()
    assert hub.answers[0].at > now - 40, "later than the word that it takes back"


def test_a_home_hears_of_the_closing_when_it_comes_back_and_the_memory_of_it_ends(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    now = time.time()
    centre.desk.take(1, "ana", now)
    centre.desk.close(1, "ana", Closing(Cause.MISTAKE, outcome=Outcome.RESOLVED_BY_TALK, note="fine"), now)
    wait_until(lambda: Stage.CLOSED in hub.stages("A1"))
    hub.tell_state(True, "")
    wait_until(lambda: hub.stages("A1").count(Stage.CLOSED) == 2)
    hub.alarm("A2")
    wait_until(lambda: hub.stages("A2") == [Stage.RECEIVED])
    centre.desk.take(2, "ana", now + CLOSED_TOLD_S + 60)
    assert [name.ref for name in centre.lane._progress.all()] == ["A2"]


def test_changes_announced_in_the_wrong_order_leave_the_latest_word(
    centre: Centre, town: Town, hub: Hub, wait_until: Wait
) -> None:
    town.receive(alarm_of(AlarmKind.HELP, "A1"), time.time())
    town.desk.take(1, "ana", time.time())
    town.desk.on_the_way(1, "ana", "marc", 5, time.time())
    for change in reversed(town.changes):
        centre.lane.on_change(change)
    hub.tell_state(True, "")
    wait_until(lambda: hub.stages("A1") == [Stage.ON_THE_WAY] * 2)


def test_more_answers_than_the_window_holds_all_reach_the_home(
    broker: Broker, town: Town, hub: Hub, wait_until: Wait
) -> None:
    for number in range(30):
        town.receive(alarm_of(AlarmKind.HELP, f"A{number}"), time.time())
    town.desk.take(1, "ana", time.time())
    desk = CaseDesk(town.database, lambda _change: None)
    lane = AlarmLane(replace(settings_of(broker, "desk"), inflight_max=5), desk, RefusalCounter())
    lane.start()
    wait_until(lambda: {answer.ref for answer in hub.answers} == {f"A{number}" for number in range(30)})
    lane.stop()


def test_a_home_is_asked_to_reassure_even_when_the_broker_was_away_at_that_moment(
    broker: Broker, centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    broker.kill()
    wait_until(lambda: not centre.lane.connected and not hub.client.connected)
    centre.desk.work_due(time.time() + 125)
    broker.restart()
    wait_until(lambda: bool(hub.commands))
    assert hub.commands[0].verb == "reassure"


def test_a_home_that_waits_long_is_told_that_help_is_coming(centre: Centre, hub: Hub, wait_until: Wait) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    centre.desk.work_due(time.time() + 125)
    wait_until(lambda: bool(hub.commands))
    assert hub.commands[0].verb == "reassure"


def test_a_hub_that_the_broker_says_is_gone_ends_the_question_at_its_home(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    now = time.time()
    asking = CaseDesk(centre.database, lambda _change: None, can_ask=lambda _hub: True)
    asking.receive_finding(Finding("quiet:1", "home-1", AlarmKind.INACTIVITY, now - 9_000, now, "quiet_indoors"), now)
    hub.client.publish(topic(hub.name, Channel.STATE), encode(HubState(online=False)), retain=True)

    def rings() -> bool:
        with centre.database.read() as connection:
            (case,) = cases.open_cases(connection)
        return case.ring_at is not None

    wait_until(rings)


def test_what_was_stored_without_a_word_is_told_when_the_desk_tells_again(
    centre: Centre, hub: Hub, wait_until: Wait
) -> None:
    hub.alarm("A1")
    wait_until(lambda: hub.stages("A1") == [Stage.RECEIVED])
    CaseDesk(centre.database, lambda _change: None).take(1, "ana", time.time())
    centre.lane.tell_again()
    wait_until(lambda: hub.stages("A1")[-1] == Stage.TAKEN)


KILLED = """
import os, signal, sys
from central import wiring
from central.alarm_lane import AlarmLane
from central.case_desk import CaseChange, CaseDesk
from central.refusals import RefusalCounter
from central.storage.database import Database
from gateway.mqtt_client import BrokerSettings

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

AlarmLane._send = die
port, url = int(sys.argv[1]), sys.argv[2]
desk = CaseDesk(Database.open(url), lambda change: None)
lane = AlarmLane(BrokerSettings("127.0.0.1", port, "desk", "desk", "desk-word"), desk, RefusalCounter())
lane.start()
signal.pause()
"""


def test_killed_between_commit_and_acknowledgement_there_is_one_case_and_a_receipt(
    broker: Broker, town: Town, hub: Hub, wait_until: Wait
) -> None:
    url = str(town.database.engine.url)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(broker.port), url], cwd=Path(__file__).resolve().parents[2]
    )
    try:
        while process.poll() is None:
            hub.alarm("A1")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert case_count(town.database) == 1
    assert hub.answers == []
    running = Centre(broker, town.database)
    wait_until(lambda: running.lane.commits > 0 and bool(hub.answers))
    running.lane.stop()
    assert set(hub.stages("A1")) == {Stage.RECEIVED}
    with town.database.read() as connection:
        (case,) = cases.open_cases(connection)
    assert (case.repeats, case.version) == (1, 1)


def test_a_flood_of_nonsense_costs_one_log_line_and_few_counters(caplog: pytest.LogCaptureFixture) -> None:
    counter = RefusalCounter()
    for number in range(10_000):
        counter.count("alarm", Rejection("bad_json", f"at {number}"), 1_000.0 + number / 1_000, sender="hub-1")
    assert len(caplog.records) == 1
    counter.count("alarm", Rejection("bad_json", "later"), 1_061.0)
    assert len(caplog.records) == 2


def test_answers_kept_for_an_absent_broker_are_bounded(
    broker: Broker, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.alarm_lane.UNSENT_MAX", 10)
    running = Centre(broker, town.database)
    running.lane.stop()
    kept: deque[AlarmAnswer] = deque(maxlen=10)
    for number in range(30):
        answer = AlarmAnswer(f"A{number}", 0, float(number), Stage.CLOSED)
        running.lane._keep(cases.AlarmRef("hub-1", answer.ref), answer)
        kept.append(answer)
    assert list(running.lane._unsent.values()) == list(kept)
