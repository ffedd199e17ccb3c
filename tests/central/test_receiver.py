"""Promises of the receiver process, with a real broker and real files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from central.detection.finding import Finding
from central.detection.profile import Limits
from central.ingest import Refusals
from central.internal import FINDING_FILTER, HEALTH_TOPIC, ReceiverHealth, decode_finding, decode_health
from central.receiver import Parts, Receiver
from central.storage.homes import DeviceAtHome, EnrolledHome
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.spool import Spool
from central.telemetry.store import Row, TelemetryStore
from devices.vocabulary import Reading
from gateway.broker import Broker, start_broker
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, shard_of, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received

pytestmark = pytest.mark.slow

USERS = {"receiver": "receiver-secret", "desk": "desk-secret", "h-1": "hub-one-secret", "h-9": "hub-nine-secret"}
WAIT_S = 20.0


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
        self.store: TelemetryStore = EmbeddedStore(folder / "telemetry")
        self.spool_cap = 10_000_000
        self.limits = Limits()
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
        reader = EmbeddedStore(self.folder / "telemetry", read_only=True)
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


def test_measurements_of_an_enrolled_home_are_stored(street: Street) -> None:
    street.start()
    at = round(time.time(), 3)
    street.send(pack(21.5, at))
    street.until(street.stored, "the row in the store")
    assert street.stored() == [Row("flat-1", "hall", "temperature", at, 21.5)]
