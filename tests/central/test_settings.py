"""What a hub should go by: checked before it is sent, kept at the broker, sent again when lost, never forced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from central.__main__ import main
from central.alarm_lane import AlarmLane
from central.case_desk import CaseDesk
from central.hub_states import HubStates
from central.refusals import RefusalCounter
from central.settings_desk import AGAIN_S, BadSettings, SettingsDesk, body_of, change, checked, flat
from central.storage import homes, hub_settings
from central.storage.database import Database
from central.storage.hub_settings import Desired, next_version
from central.supervisor import CANNOT_START
from devices.rejection import Rejection
from gateway.broker import Broker, start_broker
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import HubState, Problem, ProblemCode
from gateway.contract.settings import Contact, DeviceSettings, HubSettings
from gateway.contract.topics import Channel, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received, Will

from .conftest import NOON, Town

Wait = Callable[[Callable[[], bool]], None]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
HUB = "hub-1"


def desired(database: Database) -> Desired:
    with database.read() as connection:
        found = hub_settings.desired_of(connection, HUB)
    assert found is not None
    return found


def put(database: Database, settings: HubSettings, now: float = NOON) -> None:
    with database.begin() as connection:
        hub_settings.keep(connection, HUB, settings, now)


# making them


def test_settings_are_written_as_they_are_shown() -> None:
    given = [
        "language=es",
        "centre_number=+34930000112",
        "contacts=Marta:+34600555010, Joan:+34600555011",
        "device.hall-door.room=rebedor",
        "device.hall-door.silence_max_s=172800",
        "device.bed.place_code=12",
        "called=Rosa",
        "mistake_s=20",
    ]
    made = checked(change({}, given, []), {"hall-door", "bed"}, 4)
    assert made == HubSettings(
        4,
        "es",
        "+34930000112",
        [Contact("Marta", "+34600555010"), Contact("Joan", "+34600555011")],
        {"hall-door": DeviceSettings("rebedor", silence_max_s=172_800.0), "bed": DeviceSettings(place_code=12)},
        called="Rosa",
        mistake_s=20.0,
    )
    again = checked(change({}, [f"{name}={value}" for name, value in flat(made)], []), {"hall-door", "bed"}, 4)
    assert again == made
    body = body_of(Desired(HUB, made, 0.0, 0, None, 0))
    names = ["language", "device.hall-door.room", "device.hall-door.silence_max_s"]
    assert "hall-door" not in checked(change(body, [], names), {"bed"}, 5).devices


@pytest.mark.parametrize(
    "given",
    [
        "colour=blue",
        "language",
        "language=xx",
        "centre_number=930000112",
        "contacts=Marta",
        "contacts=Marta:+34600555010,Joan:+34600555010",
        "device.ghost.room=attic",
        "device.bed.silence_max_s=soon",
        "device.bed.silence_max_s=1",
        "device.bed.key=00",
        "called=" + "R" * 21,
        "mistake_s=61",
    ],
)
def test_what_the_hub_would_refuse_is_not_set(given: str) -> None:
    with pytest.raises(BadSettings):
        checked(change({}, [given], []), {"bed"}, 1)


def test_more_than_one_message_can_carry_is_not_set() -> None:
    devices = [f"device-{number}" for number in range(64)]
    body = {"devices": {name: {"room": "é" * 64} for name in devices}}
    with pytest.raises(BadSettings, match="bytes"):
        checked(body, devices, 1)


def test_a_version_rises_also_when_the_hub_is_ahead_of_a_database_set_back() -> None:
    assert next_version(None) == 1
    assert next_version(Desired(HUB, HubSettings(3), 0.0, 3, None, 3)) == 4
    assert next_version(Desired(HUB, HubSettings(3), 0.0, 3, None, 9)) == 10


def test_the_command_sets_shows_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "central.toml"
    config.write_text('data_folder = "data"\n')

    def run(*command: str) -> int:
        return main([command[0], "--config", str(config), *command[1:]])

    assert run("import-homes", str(DEPLOY / "homes.example.json")) == 0
    assert run("settings", "--hub", "h-17") == 0
    assert "nothing is set" in capsys.readouterr().out
    assert run("settings", "--hub", "h-17", "--set", "language=es", "--set", "device.hall-motion.room=hall") == 0
    assert run("settings", "--hub", "h-17", "--from-register") == 0
    said = capsys.readouterr().out
    assert "version 1" in said
    assert "version 2" in said
    assert "contacts = Marta Puig:+34600555010" in said
    assert "called = " in said, "the home speaks to who lives there by name"
    assert run("settings", "--hub", "h-17", "--from-register") == 0
    assert "version 2" in capsys.readouterr().out, "what changes nothing is no new version"
    assert run("settings", "--hub", "h-17", "--set", "device.attic.room=x") == CANNOT_START
    assert run("settings", "--hub", "h-99", "--set", "language=es") == CANNOT_START
    said = capsys.readouterr().err
    assert "no device attic" in said
    assert "Nobody enrolled" in said


# giving them


class Post:
    """Stands where the broker is: takes what is published, and confirms when told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, HubSettings]] = []
        self.waiting: list[Callable[[bool], None]] = []
        self.open = True

    def __call__(self, to: str, payload: bytes, on_done: Callable[[bool], None]) -> bool:
        if not self.open:
            return False
        body = decode(HubSettings, payload)
        assert isinstance(body, HubSettings)
        self.sent.append((to, body))
        self.waiting.append(on_done)
        return True

    def confirm(self, done: bool = True) -> None:
        for on_done in self.waiting:
            on_done(done)
        self.waiting.clear()

    def versions(self) -> list[int]:
        return [body.version for _, body in self.sent]


class Desk:
    """A settings desk on a database, with its clock in the test's hand."""

    def __init__(self, database: Database) -> None:
        self.post, self.states, self.now = Post(), HubStates(), NOON
        self.desk = SettingsDesk(database, self.post, self.states)

    def work(self, later_s: float = 0.0) -> None:
        self.now += later_s
        self.desk.work(self.now)

    def say(self, cfg: int, *, online: bool = True, problem: ProblemCode | None = None) -> None:
        problems = [Problem(problem.value, NOON)] if problem else []
        self.states.hear(HUB, HubState(online, self.now, cfg=cfg, problems=problems), self.now)


@pytest.fixture
def desk(town: Town) -> Desk:
    return Desk(town.database)


def test_new_settings_go_out_once_and_what_the_hub_says_is_noted(town: Town, desk: Desk) -> None:
    put(town.database, HubSettings(7, "es"))
    desk.work()
    desk.work(20)
    assert desk.post.sent == [(topic(HUB, Channel.SETTINGS), HubSettings(7, "es"))]
    desk.post.confirm()
    desk.work(20)
    assert (desired(town.database).published_version, desired(town.database).in_force) == (7, 0)
    desk.say(7)
    desk.work(20)
    desk.work(2 * AGAIN_S)
    assert desired(town.database).in_force == 7
    assert desk.post.versions() == [7]


def test_what_the_line_did_not_take_is_sent_again(town: Town, desk: Desk) -> None:
    put(town.database, HubSettings(1))
    desk.post.open = False
    desk.work()
    desk.post.open = True
    desk.work(15)
    desk.post.confirm(done=False)
    desk.work(15)
    assert desk.post.versions() == [1, 1]


def test_a_hub_that_is_there_without_its_settings_gets_them_again_in_time(town: Town, desk: Desk) -> None:
    put(town.database, HubSettings(5))
    desk.work()
    desk.post.confirm()
    desk.say(4)
    for _ in range(10):
        desk.work(AGAIN_S / 20)
    assert desk.post.versions() == [5]
    desk.work(AGAIN_S)
    assert desk.post.versions() == [5, 5]
    desk.post.confirm()
    desk.say(5, online=False)
    desk.work(2 * AGAIN_S)
    assert desk.post.versions() == [5, 5], "who is away gets them from the broker"


@pytest.mark.parametrize("problem", [ProblemCode.SETTINGS_REFUSED, ProblemCode.SETTINGS_ROLLED_BACK])
def test_what_a_hub_took_back_is_not_sent_again_but_a_higher_version_is(
    town: Town, desk: Desk, problem: ProblemCode
) -> None:
    put(town.database, HubSettings(5))
    desk.work()
    desk.post.confirm()
    desk.say(4, problem=problem)
    desk.work(2 * AGAIN_S)
    assert desk.post.versions() == [5]
    put(town.database, HubSettings(6))
    desk.work(1)
    assert desk.post.versions() == [5, 6]


def test_a_restart_of_the_desk_sends_nothing_that_the_broker_has(town: Town, desk: Desk) -> None:
    put(town.database, HubSettings(5))
    desk.work()
    desk.post.confirm()
    desk.work()
    after = Desk(town.database)
    after.work(1)
    assert after.post.versions() == []


def test_what_could_not_be_noted_is_noted_later(town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    put(town.database, HubSettings(5))
    desk.work()
    desk.post.confirm()
    desk.say(5)

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(hub_settings, "mark_in_force", full)
        with pytest.raises(sa.exc.OperationalError):
            desk.work()
    desk.work()
    assert (desired(town.database).published_version, desired(town.database).in_force) == (5, 5)


def test_a_hub_that_goes_offline_leaves_what_is_known_of_it() -> None:
    states = HubStates()
    states.hear(HUB, HubState(True, 10.0, cfg=3, hearing={"ble": 2.0}), 10.0)
    states.hear(HUB, HubState(False), 20.0)
    heard = states.of(HUB)
    assert heard is not None
    assert (heard.state.online, heard.state.cfg, heard.received_at) == (False, 3, 10.0)
    assert states.take_changed() == {HUB: 3}


# over a real broker

USERS = {"desk": "desk-word", HUB: "hub-word"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    with start_broker(tmp_path / "broker", USERS) as running:
        yield running


@pytest.mark.slow
def test_the_broker_keeps_settings_for_a_hub_that_comes_later_and_its_state_for_a_desk_that_does(
    town: Town, broker: Broker, wait_until: Wait
) -> None:
    def session(name: str) -> BrokerSettings:
        return BrokerSettings(broker.host, broker.port, name, name, USERS[name], reconnect_max_s=0.5)

    put(town.database, HubSettings(2, "es"))
    states = HubStates()
    lane = AlarmLane(session("desk"), CaseDesk(town.database, lambda change: None), RefusalCounter(), states)
    desk = SettingsDesk(town.database, lane.publish_kept, states)
    lane.start()
    heard: list[tuple[HubSettings | Rejection, bool]] = []

    def on_message(received: Received) -> None:
        heard.append((decode(HubSettings, received.payload), received.retained))
        hub.acknowledge(received)
        hub.publish(topic(HUB, Channel.STATE), encode(HubState(True, time.time(), cfg=2)), retain=True)

    hub = MqttClient(
        session(HUB),
        subscriptions=[topic(HUB, Channel.SETTINGS)],
        on_message=on_message,
        on_connection=lambda _up, _why: None,
        will=Will(topic(HUB, Channel.STATE), encode(HubState(False)), retain=True),
    )

    def published() -> bool:
        desk.work(time.time())
        return desired(town.database).published_version == 2

    def in_force() -> bool:
        desk.work(time.time())
        return desired(town.database).in_force == 2

    try:
        wait_until(lambda: lane.connected)
        wait_until(published)
        hub.start()
        wait_until(in_force)
        assert heard[0] == (HubSettings(2, "es"), True)
        lane.stop()
        states = HubStates()
        lane = AlarmLane(session("desk"), CaseDesk(town.database, lambda change: None), RefusalCounter(), states)
        lane.start()
        wait_until(lambda: (said := states.of(HUB)) is not None and said.state.cfg == 2)
    finally:
        hub.stop()
        lane.stop()


def test_a_hub_that_leaves_takes_its_settings_with_it(town: Town) -> None:
    put(town.database, HubSettings(2))
    with town.database.begin() as connection:
        homes.enrol_hub(connection, "hub-9", "home-1", NOON)
        assert hub_settings.desired_of(connection, HUB) is None


def test_a_hub_that_moves_leaves_the_people_of_the_former_home_behind(town: Town, desk: Desk) -> None:
    put(town.database, HubSettings(4, contacts=[Contact("Marta", "+34600555010")]))
    with town.database.begin() as connection:
        homes.enrol_home(connection, "home-2", address="x", now=NOON)
        homes.enrol_hub(connection, HUB, "home-1", NOON)
        kept = hub_settings.desired_of(connection, HUB)
        assert kept is not None
        assert kept.settings.contacts, "the same home again changes nothing"
        homes.enrol_hub(connection, HUB, "home-2", NOON)
        moved = hub_settings.desired_of(connection, HUB)
    assert moved is not None
    assert moved.settings == HubSettings(5), "a higher version, or the hub would keep the former"
    desk.work()
    assert desk.post.versions() == [5]
