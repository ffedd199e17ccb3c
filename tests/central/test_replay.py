"""A home that is replayed over a real broker is learned from and judged as one that lives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from central.detection.engine import Engine
from central.detection.finding import Finding
from central.detection.habits import Habits
from central.detection.profile import Limits
from central.ingest import Refusals
from central.internal import FINDING_FILTER, decode_finding
from central.receiver import Parts, Receiver
from central.storage.homes import DeviceAtHome, EnrolledHome
from central.telemetry.embedded import EmbeddedStore
from central.telemetry.spool import Spool
from gateway.broker import Broker, start_broker
from gateway.contract.topics import shard_of
from gateway.mqtt_client import BrokerSettings, MqttClient, Received
from simulators import recorded_homes
from simulators.replay.sources import home_of, stretch
from simulators.replay.to_broker import lessons

pytestmark = pytest.mark.slow

USERS = {"receiver": "receiver-word", "desk": "desk-word", "h-1": "hub-word"}
WAIT_S = 200.0
AHEAD_MAX_S = 130.0
"""A hub that said nothing for three minutes is silent, and its home is not judged."""


class AheadClock:
    """A wall clock that can be set ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.monotonic, self.sleep = time.monotonic, time.sleep

    def time(self) -> float:
        return time.time() + self.ahead_s


class Centre:
    """A receiver with one home, and the desk's ear."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.clock = AheadClock()
        self.findings: list[Finding] = []
        self.store = EmbeddedStore(folder / "telemetry")

        def settings(name: str) -> BrokerSettings:
            return BrokerSettings(broker.host, broker.port, name, name, USERS[name])

        def hear(received: Received) -> None:
            finding = decode_finding(received.payload)
            assert isinstance(finding, Finding)
            self.findings.append(finding)
            self.desk.acknowledge(received)

        self.desk = MqttClient(
            settings("desk"), subscriptions=[FINDING_FILTER], on_message=hear, on_connection=lambda *_: None
        )
        self.desk.start()
        devices = [DeviceAtHome("bedroom-motion", "bthome_motion", "bedroom", 86_400.0)]
        home = EnrolledHome("flat", "h-1", shard_of("h-1"), "Europe/Madrid", "ca", {}, devices)
        parts = Parts(
            broker=settings("receiver"),
            store=self.store,
            spool=Spool(folder / "spool"),
            registry=lambda: [home],
            kept_file=folder / "findings.json",
            limits=Limits(),
            grace_s=0.0,
            refusals=Refusals(),
            clock=self.clock,
        )
        self.receiver = Receiver(parts)

    def close(self) -> None:
        self.receiver.close()
        self.desk.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, USERS) as broker:
        yield broker


@pytest.fixture
def centre(tmp_path: Path, broker: Broker) -> Iterator[Centre]:
    centre = Centre(tmp_path, broker)
    yield centre
    centre.close()


INACTIVE = {"quiet_too_long", "not_back", "quiet_indoors", "not_up_yet", "not_home_yet"}


def await_inactive(centre: Centre) -> None:
    deadline = time.monotonic() + WAIT_S
    there = False
    while not any(finding.reason in INACTIVE for finding in centre.findings):
        assert time.monotonic() < deadline, centre.findings
        centre.receiver.turn()
        there = there or bool(centre.store.last("flat"))
        if there and centre.clock.ahead_s < AHEAD_MAX_S:
            # homes are judged once a minute
            centre.clock.ahead_s += 1.0


@pytest.mark.parametrize("name", ["simulated:1", pytest.param("hh101", marks=pytest.mark.long)])
def test_a_home_in_which_nobody_is_noticed_any_more_is_found_inactive(
    name: str, centre: Centre, broker: Broker, tmp_path: Path
) -> None:
    if ":" not in name and name not in recorded_homes.names():
        pytest.skip(f"NOT TESTED: no recordings in {recorded_homes.folder()}; LLAR_DATA says where they are")
    (tmp_path / "word").write_text(USERS["h-1"])
    command = [sys.executable, "-m", "simulators.replay", "home", name, "--to", "broker", "--port", str(broker.port)]
    command += ["--hub", "h-1", "--password-file", str(tmp_path / "word"), "--days", "3", "--still", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as replay:
        try:
            await_inactive(centre)
            assert replay.poll() is None, "it lives on until it is stopped"
        finally:
            replay.send_signal(signal.SIGINT)
        said, _ = replay.communicate(timeout=WAIT_S)
    assert replay.returncode == 0
    assert "readings of the past are with the broker" in said
    assert said.rstrip().endswith("stopped")
    finding = next(found for found in centre.findings if found.reason in INACTIVE)
    assert time.time() - finding.since_at > 19.9 * 3600


@pytest.mark.parametrize(("seed", "heard_before"), [(1, False), (7, False), (7, True)])
def test_the_pace_of_lessons_is_one_at_which_every_day_is_learned(seed: int, heard_before: bool) -> None:
    now = datetime(2026, 5, 20, 13, tzinfo=UTC).timestamp()
    home = home_of(f"simulated:{seed}", 18, "Europe/Madrid", now)
    past, _ = stretch(home, now, 18)
    engine = Engine(now - 7200, 0.0)
    engine.enrol("flat", Limits(timezone="Europe/Madrid"), now - 7200)
    engine.recall("flat", None, (), now - 7200)
    if heard_before:
        engine.hear("flat", now - 3600)
        engine.due(now)
    learned_days = []
    for lesson, pause_s in lessons(past, first_time=not heard_before):
        engine.take("flat", [heard.reading for heard in lesson], now)
        # a hub beats each minute, and homes are judged as often
        for at in (*range(int(now), int(now + pause_s), 60), int(now + pause_s)):
            engine.hear("flat", at)
            engine.due(at)
        now += pause_s
        learned_days.append(habits_of(engine).days)
    engine.due(now + 60)
    assert habits_of(engine).days >= 17
    # each lesson by itself: a lively home has more in a fortnight than is kept
    assert all(later > before for before, later in pairwise(learned_days[:-1]))


def habits_of(engine: Engine) -> Habits:
    timeline = engine.timeline("flat")
    assert timeline is not None
    return timeline.habits
