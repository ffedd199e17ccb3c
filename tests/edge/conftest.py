"""A hub with real parts round it: Mosquitto, a pty pendant, a virtual radio, and a desk that answers when told to."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from devices.rejection import Rejection
from edge.agent import Agent
from edge.clock import Clock, boot_id
from edge.config import load_config
from edge.enrolment import load_enrolment
from gateway.broker import Broker, start_broker
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, Command, CommandOutcome, HubState, Measurements, Stage
from gateway.contract.senml import decode_measurements
from gateway.contract.topics import Channel, everyone, read_topic, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received

HUB = "h-17"
PENDANT = 0x00A1B2C3
BUTTON_ADDRESS = "A4:C1:38:00:00:02"
BUTTON_KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
MOTION_ADDRESS = "A4:C1:38:00:00:01"
PATIENCE_S = 60.0

ENROLMENT = f"""
[[device]]
id = "pendant"
model = "serial_pendant"
link = "serial"
address = "{PENDANT:08x}"
room = "neck"
place_code = 0

[[device]]
id = "bath-button"
model = "bthome_pendant"
link = "ble_advert"
address = "{BUTTON_ADDRESS}"
room = "bathroom"
place_code = 3
key = "{BUTTON_KEY.hex()}"

[[device]]
id = "hall-motion"
model = "bthome_motion"
link = "ble_advert"
address = "{MOTION_ADDRESS}"
room = "hall"
"""


async def until(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds; fails after the deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.01)


class Desk:
    """The centre's side of the wire: records what hubs say, and answers each alarm with `receipts` switched on."""

    def __init__(self, broker: Broker) -> None:
        self.receipts = True
        self.alarms: list[Alarm] = []
        self.packs: list[Measurements] = []
        self.states: list[HubState] = []
        self.outcomes: list[CommandOutcome] = []
        self.heartbeats = 0
        settings = BrokerSettings(broker.host, broker.port, "desk", "desk", "desk-word")
        channels = (Channel.ALARM, Channel.STATE, Channel.HEARTBEAT, Channel.COMMAND_OUTCOME)
        self.client = MqttClient(
            settings,
            subscriptions=[everyone(channel) for channel in channels],
            on_message=self._on_message,
            on_connection=lambda _up, _why: None,
        )
        # measurements are the receiver's to read
        self.receiver = MqttClient(
            BrokerSettings(broker.host, broker.port, "receiver", "receiver", "receiver-word"),
            subscriptions=[everyone(Channel.MEASUREMENTS)],
            on_message=self._on_pack,
            on_connection=lambda _up, _why: None,
        )

    def _on_pack(self, received: Received) -> None:
        pack = decode_measurements(HUB, received.payload, time.time())
        assert not isinstance(pack, Rejection)
        self.packs.append(pack)
        self.receiver.acknowledge(received)

    def _on_message(self, received: Received) -> None:
        address = read_topic(received.topic)
        assert address is not None
        match address.channel:
            case Channel.ALARM:
                alarm = decode(Alarm, received.payload)
                assert isinstance(alarm, Alarm)
                self.alarms.append(alarm)
                if self.receipts:
                    self.answer(alarm.ref)
            case Channel.STATE:
                state = decode(HubState, received.payload)
                assert isinstance(state, HubState)
                self.states.append(state)
            case Channel.HEARTBEAT:
                self.heartbeats += 1
            case Channel.COMMAND_OUTCOME:
                outcome = decode(CommandOutcome, received.payload)
                assert isinstance(outcome, CommandOutcome)
                self.outcomes.append(outcome)
            case _:
                raise AssertionError(address)
        self.client.acknowledge(received)

    @property
    def refs(self) -> set[str]:
        return {alarm.ref for alarm in self.alarms}

    @property
    def readings(self) -> list[tuple[str, str, object]]:
        return [(r.device, r.kind, r.value) for pack in self.packs for r in pack.readings]

    def answer(self, ref: str, stage: Stage = Stage.RECEIVED, snu: int = 0, **more: object) -> None:
        answer = AlarmAnswer(ref, snu, time.time(), stage, case="C-1", **more)  # type: ignore[arg-type]
        assert self.client.publish(topic(HUB, Channel.ALARM_ANSWER, ref), encode(answer))

    def command(self, command: Command) -> None:
        assert self.client.publish(topic(HUB, Channel.COMMAND, command.id), encode(command))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with start_broker(folder, {"desk": "desk-word", "receiver": "receiver-word", HUB: "hub-word"}) as running:
        yield running


@pytest.fixture
async def desk(broker: Broker) -> AsyncIterator[Desk]:
    desk = Desk(broker)
    desk.client.start()
    desk.receiver.start()
    await until(lambda: desk.client.connected and desk.receiver.connected, "the desk reaches the broker")
    yield desk
    desk.client.stop()
    desk.receiver.stop()


@pytest.fixture
def write_config(tmp_path: Path, broker: Broker) -> Callable[[str], Path]:
    """Writes a hub's files; the text names its radios and screen."""

    def write(more: str) -> Path:
        (tmp_path / "enrolment.toml").write_text(ENROLMENT)
        (tmp_path / "password").write_text("hub-word\n")
        path = tmp_path / "edge.toml"
        path.write_text(
            f'enrolment = "enrolment.toml"\n[hub]\nid = "{HUB}"\nlanguage = "en"\n'
            f'[broker]\nhost = "{broker.host}"\nport = {broker.port}\ntls = false\npassword_file = "password"\n'
            f'[storage]\nfolder = "store"\n{more}\n'
        )
        return path

    return write


def trusted_clock() -> Clock:
    return Clock(boot_id(), is_trusted=lambda: True)


@asynccontextmanager
async def running(path: Path, clock: Clock | None = None) -> AsyncIterator[Agent]:
    """The agent of that configuration, until the block ends."""
    config = load_config(path)
    agent = Agent(config, load_enrolment(config.enrolment), "hub-word", clock or trusted_clock())
    task = asyncio.create_task(agent.run())
    try:
        yield agent
    finally:
        agent.stop()
        await task


async def listening(port: int) -> None:
    """Waits until somebody listens there: a hub shows its page some time after it has begun."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:
        return str(response.read().decode())


def scenes(text: str) -> list[dict[str, object]]:
    """The scenes in a piece of the page's event stream."""
    found = [block for block in text.split("\n\n") if block.startswith("event: scene")]
    return [json.loads(block.split("data: ", 1)[1]) for block in found]
