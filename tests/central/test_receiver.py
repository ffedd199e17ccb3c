"""Promises of the receiver process, with a real broker and real files."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from central import receiver as receiver_module
from central.detection.finding import Finding
from central.detection.profile import Limits
from central.ingest import Refusals
from central.internal import FINDING_FILTER, HEALTH_TOPIC, ReceiverHealth, decode_finding, decode_health
from central.receiver import REGISTRY_AGAIN_S, Parts, Receiver
from central.receiver import Clock as ReceiverClock
from central.storage.homes import DeviceAtHome, EnrolledHome
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.spool import Spool
from central.telemetry.store import Point, Row, StoreUnavailable, TelemetryStore
from devices.vocabulary import Reading
from gateway.broker import Broker, start_broker
from gateway.contract.encoding import encode
from gateway.contract.messages import Heartbeat
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, shard_of, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received

pytestmark = pytest.mark.slow

USERS = {"receiver": "receiver-secret", "desk": "desk-secret", "h-1": "hub-one-secret", "h-9": "hub-nine-secret"}
WAIT_S = 60.0


_OPENED: list[EmbeddedStore] = []


def opened(folder: Path, *, read_only: bool = False) -> EmbeddedStore:
    """A store that is closed after the test, also one that the test left as a crash would."""
    _OPENED.append(EmbeddedStore(folder, read_only=read_only))
    return _OPENED[-1]


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, USERS) as broker:
        yield broker


def settings(broker: Broker, name: str) -> BrokerSettings:
    return BrokerSettings(host=broker.host, port=broker.port, client_id=name, username=name, password=USERS[name])


class Street:
    """A receiver with one enrolled home, its hub, and the desk's ear."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder = folder
        self.broker = broker
        self.enrolled = [home("flat-1", "h-1")]
        self.store: TelemetryStore = opened(folder / "telemetry")
        self.spool_cap = 10_000_000
        self.limits = Limits()
        self.clock: ReceiverClock = time
        self.health: list[ReceiverHealth] = []
        self.findings: list[Finding] = []
        self.receiver: Receiver | None = None
        self.clients: list[MqttClient] = []
        self.desk = self._client("desk", [FINDING_FILTER, HEALTH_TOPIC], self._on_desk)
        self.hub = self._client("h-1", [], lambda _: None)

    def _client(self, name: str, filters: Sequence[str], on_message: Callable[[Received], None]) -> MqttClient:
        client = MqttClient(
            settings(self.broker, name), subscriptions=filters, on_message=on_message, on_connection=lambda *_: None
        )
        client.start()
        self.clients.append(client)
        return client

    def _on_desk(self, received: Received) -> None:
        if received.topic == HEALTH_TOPIC:
            health = decode_health(received.payload)
            assert isinstance(health, ReceiverHealth)
            self.health.append(health)
        else:
            finding = decode_finding(received.payload)
            assert isinstance(finding, Finding)
            self.findings.append(finding)
        self.desk.acknowledge(received)

    def start(self) -> Receiver:
        self.receiver = Receiver(
            Parts(
                broker=settings(self.broker, "receiver"),
                store=self.store,
                spool=Spool(self.folder / "spool", self.spool_cap),
                registry=lambda: list(self.enrolled),
                kept_file=self.folder / "findings.json",
                limits=self.limits,
                grace_s=0.0,
                refusals=Refusals(),
                clock=self.clock,
            )
        )
        before = len(self.health)
        self.until(lambda: len(self.health) > before, "the receiver's health")
        return self.receiver

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Turns the receiver until the condition holds."""
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, f"in vain waited for: {what}"
            if self.receiver is not None:
                self.receiver.turn()

    def send(self, payload: bytes, channel: Channel = Channel.MEASUREMENTS, hub: str = "h-1") -> None:
        done: list[bool] = []
        self.until(lambda: self.hub.publish(topic(hub, channel), payload, on_done=done.append), "the hub's window")
        self.until(lambda: done, "the broker's receipt")

    def stored(self) -> list[Row]:
        reader = opened(self.folder / "telemetry", read_only=True)
        return [row for row in reader.last("flat-1") if row.device != "hub"]

    def close(self) -> None:
        if self.receiver is not None:
            self.receiver.close()
        for client in self.clients:
            client.stop()


@pytest.fixture
def street(tmp_path: Path, broker: Broker) -> Iterator[Street]:
    street = Street(tmp_path, broker)
    yield street
    street.close()


def home(home_id: str, hub: str) -> EnrolledHome:
    devices = [DeviceAtHome("hall", "motion", "hall", 86_400.0)]
    return EnrolledHome(home_id, hub, shard_of(hub), "Europe/Madrid", "ca", {}, devices)


def pack(value: float, at: float) -> bytes:
    return encode_measurements("h-1", [Reading("hall", "temperature", value, at)])


class Broken:
    """A store that is down."""

    def write(self, _: Sequence[Row]) -> None:
        raise StoreUnavailable("down for repair")

    def last(self, _: str) -> list[Row]:
        raise StoreUnavailable("down for repair")

    def points(self, *_: object, **__: object) -> list[Point]:
        raise StoreUnavailable("down for repair")

    def events(self, *_: object, **__: object) -> list[Row]:
        raise StoreUnavailable("down for repair")

    def close(self) -> None:
        pass


def test_measurements_of_an_enrolled_home_are_stored(street: Street) -> None:
    street.start()
    at = round(time.time(), 3)
    street.send(pack(21.5, at))
    street.until(street.stored, "the row in the store")
    assert street.stored() == [Row("flat-1", "hall", "temperature", at, 21.5)]


def test_nothing_is_acknowledged_before_it_is_durable(street: Street) -> None:
    street.store, street.spool_cap = Broken(), 10
    receiver = street.start()
    street.send(pack(21.5, time.time()))
    street.until(lambda: "the cap is 10" in receiver.health().store, "word of the full spool")
    for _ in range(20):
        receiver.turn()
    # killed here, and started again when the store is repaired
    receiver._client.stop()
    street.store = opened(street.folder / "telemetry")
    street.start()
    street.until(street.stored, "the row that the broker kept")


class Switched(EmbeddedStore):
    """A store that can be switched off."""

    on = False

    def write(self, rows: Sequence[Row]) -> None:
        if not self.on:
            raise StoreUnavailable("switched off")
        super().write(rows)


def test_what_exceeds_the_memory_for_held_messages_comes_again(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "HELD_MESSAGES_MAX", 5)
    street.store, street.spool_cap = Switched(street.folder / "telemetry"), 10
    receiver = street.start()
    start = round(time.time()) - 100
    for number in range(20):
        street.send(pack(20.0, start + number))
    street.until(lambda: receiver._overflowed, "more than can be held")
    assert len(receiver._unacknowledged) <= 5
    street.store.on = True
    street.until(
        lambda: len(street.store.points("flat-1", "hall", "temperature", start, start + 100)) == 20, "all of them"
    )


def test_while_the_store_is_down_readings_wait_on_disk_and_it_shows(street: Street) -> None:
    street.store = Broken()
    receiver = street.start()
    for number in range(5):
        street.send(pack(20.0 + number, time.time()))
    street.until(lambda: receiver.health().spooled >= 5, "rows in the spool")
    street.until(lambda: any(health.store == "down for repair" for health in street.health), "word to the desk")
    receiver.close()
    street.store = opened(street.folder / "telemetry")
    receiver = street.start()
    street.until(lambda: street.stored() and receiver.health().spooled == 0, "the rows in the store")
    assert street.stored()[0].value == 24.0
    assert receiver.health().store == "ok"


def test_a_hub_that_was_enrolled_just_now_loses_nothing(street: Street) -> None:
    street.start()
    street.hub = street._client("h-9", [], lambda _: None)
    # let the registry be as old as it may be when a message of a stranger makes it be read again
    deadline = time.monotonic() + REGISTRY_AGAIN_S
    street.until(lambda: time.monotonic() > deadline, "time to pass")
    street.enrolled.append(home("flat-1", "h-9"))
    del street.enrolled[0]
    at = round(time.time(), 3)
    street.send(encode_measurements("h-9", [Reading("hall", "temperature", 19.0, at)]), hub="h-9")
    street.until(street.stored, "the first reading of the new hub")


def test_a_flood_of_garbage_is_counted_and_good_readings_still_arrive(street: Street) -> None:
    receiver = street.start()
    for number in range(300):
        for channel in (Channel.MEASUREMENTS, Channel.HEARTBEAT, Channel.STATE):
            street.until(
                lambda c=channel, n=number: street.hub.publish(topic("h-1", c), b"\xff{garbage %d" % n),
                "the hub's window",
            )
    street.send(pack(21.5, time.time()))
    street.until(street.stored, "the good reading")
    refused = receiver.health().refused
    assert sum(refused.values()) == 900
    assert set(refused) == {"bad_cbor", "heartbeat_bad_json", "state_bad_json"}


def test_a_finding_reaches_the_desk_and_keeps_its_key_over_a_restart(street: Street) -> None:
    clock = street.clock = Clock()
    street.store.write([Row("flat-1", "hub", "heartbeat", time.time() - 3600, 0.0)])
    receiver = street.start()
    # judged once a minute; the first time perhaps before the line stood
    clock.pass_by(receiver, 60, 10.0)
    street.until(lambda: street.findings, "the finding")
    assert [(finding.home, finding.reason) for finding in street.findings] == [("flat-1", "hub_silent")]
    receiver.close()
    street.store = opened(street.folder / "telemetry")
    street.start()
    street.send(encode(Heartbeat(at=time.time())), Channel.HEARTBEAT)
    street.until(lambda: not street.findings[-1].active, "the end of the finding")
    assert len({finding.key for finding in street.findings}) == 1


def test_the_process_stops_at_sigterm_with_everything_stored(street: Street, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(USERS["receiver"])
    program = textwrap.dedent("""
        import logging, sys, time
        from pathlib import Path
        from central.config import BrokerConfig, CentralConfig, DatabaseConfig
        from central.receiver import run
        from central.storage import homes
        from central.storage.database import Database, migrate
        folder, port = Path(sys.argv[1]), int(sys.argv[2])
        url = f"sqlite:///{folder / 'central.sqlite3'}"
        migrate(url)
        database = Database.open(url)
        with database.begin() as connection:
            homes.enrol_home(connection, "flat-1", address="Carrer Major 1", now=time.time())
            homes.enrol_hub(connection, "h-1", "flat-1", time.time())
        database.close()
        logging.basicConfig(level=logging.INFO)
        broker = BrokerConfig(port=port, receiver_password_file=str(folder / "secret"))
        run(CentralConfig(folder, DatabaseConfig(url), broker))
    """)
    command = [sys.executable, "-c", program, str(tmp_path), str(street.broker.port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        street.until(lambda: street.health, "the receiver's health")
        for number in range(50):
            street.send(pack(20.0 + number / 100, time.time()))
        street.until(lambda: street.health[-1].readings == 50, "all taken")
        process.terminate()
        _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, log
    assert log.rstrip().endswith("stopped")
    assert street.stored()[0].value == 20.49


class Clock:
    """A wall clock that can be set ahead; the steady one goes on as it is."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.monotonic, self.sleep = time.monotonic, time.sleep

    def time(self) -> float:
        return time.time() + self.ahead_s

    def pass_by(self, receiver: Receiver, seconds: float, step_s: float) -> None:
        """Time passes in steps; in each the receiver turns and judges."""
        end_s = self.ahead_s + seconds
        while self.ahead_s < end_s:
            self.ahead_s += step_s
            receiver.turn()


def test_while_nothing_can_be_stored_no_hub_is_called_silent(street: Street) -> None:
    clock = street.clock = Clock()
    street.store, street.spool_cap = Switched(street.folder / "telemetry"), 10
    receiver = street.start()
    street.send(pack(21.5, time.time()))
    street.until(lambda: "the cap is 10" in receiver.health().store, "word of the full spool")
    clock.pass_by(receiver, 3 * 3600, 50.0)
    assert receiver._engine.opens() == []
    street.store.on = True
    street.until(street.stored, "the row")
    clock.pass_by(receiver, 3600, 50.0)
    assert [open_.subject for open_ in receiver._engine.opens()][:1] == ["technical"], "and then it is, if it is"


def test_a_receiver_that_stood_still_does_not_take_that_for_silence(street: Street) -> None:
    clock = street.clock = Clock()
    receiver = street.start()
    street.send(pack(21.5, time.time()))
    street.until(street.stored, "the row")
    clock.pass_by(receiver, 3 * 3600, 3 * 3600)
    clock.pass_by(receiver, 300, 50.0)
    assert receiver._engine.opens() == []
    clock.pass_by(receiver, 600, 50.0)
    assert len(receiver._engine.opens()) == 2, "the hub does not come back"


def test_a_store_that_cannot_tell_the_past_is_not_asked_for_each_home(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "RECALL_WAIT_S", 0.0)
    asked: list[str] = []

    class Slow(Broken):
        def last(self, home: str) -> list[Row]:
            asked.append(home)
            raise StoreUnavailable("no answer in 5 s")

    street.store = Slow()
    street.enrolled = [home(f"flat-{number}", f"h-{number}") for number in range(50)]
    receiver = street.start()
    street.until(lambda: not receiver._to_recall, "all homes to be judged")
    assert len(asked) == 1
