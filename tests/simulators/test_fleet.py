"""Simulated hubs keep the contract of the wire with a real broker: state, beat, numbers, alarms until the receipt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.broker import Broker, start_broker
from gateway.contract import encoding, senml, topics
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, Heartbeat, HubState, Measurements, Stage
from gateway.contract.topics import Channel
from gateway.mqtt_client import BrokerSettings, MqttClient, Received
from simulators.fleet import Load, Street, offer, past_readings
from simulators.hub import SimulatedHub

pytestmark = pytest.mark.slow

DEADLINE_S = 30
HUBS = {"s-1": "one", "s-2": "two", "s-3": "three"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder: Path = tmp_path_factory.mktemp("broker")
    with start_broker(folder, {"desk": "desk-secret", "receiver": "other-secret", **HUBS}) as broker:
        yield broker


class Centre:
    """Hears everything, and answers alarms only when told to."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[topics.Address, bytes, bool]] = []
        settings = BrokerSettings("127.0.0.1", port, "centre-double", "desk", "desk-secret")
        filters = [
            topics.everyone(channel)
            for channel in (Channel.ALARM, Channel.STATE, Channel.MEASUREMENTS, Channel.HEARTBEAT)
        ]
        self.client = MqttClient(settings, subscriptions=filters, on_message=self._take, on_connection=_ignore)

    def _take(self, received: Received) -> None:
        address = topics.read_topic(received.topic)
        assert address is not None
        self.heard.append((address, received.payload, received.retained))
        self.client.acknowledge(received)

    def of(self, channel: Channel, hub: str) -> list[bytes]:
        return [payload for address, payload, _ in list(self.heard) if (address.channel, address.hub) == (channel, hub)]

    def packs(self, hub: str) -> list[Measurements]:
        read = [senml.decode_measurements(hub, p, time.time()) for p in self.of(Channel.MEASUREMENTS, hub)]
        return [pack for pack in read if isinstance(pack, Measurements)]


def _ignore(_up: bool, _reason: str) -> None:
    pass


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def centre(broker: Broker) -> AsyncIterator[Centre]:
    double = Centre(broker.port)
    double.client.start()
    try:
        await until(lambda: double.client.connected)
        yield double
    finally:
        double.client.stop()


@asynccontextmanager
async def living(hub: SimulatedHub) -> AsyncIterator[None]:
    task = asyncio.create_task(hub.run())
    try:
        await until(lambda: hub.online)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_hub_says_that_it_is_there_and_the_broker_says_when_it_is_not(broker: Broker) -> None:
    hub = SimulatedHub("s-1", "one", port=broker.port)
    async with centre(broker) as desk:
        async with living(hub):
            await until(lambda: desk.of(Channel.STATE, "s-1") and desk.of(Channel.HEARTBEAT, "s-1"))
            state = encoding.decode(HubState, desk.of(Channel.STATE, "s-1")[-1])
            beat = encoding.decode(Heartbeat, desk.of(Channel.HEARTBEAT, "s-1")[-1])
            assert isinstance(state, HubState)
            assert state.online
            assert isinstance(beat, Heartbeat)
        await until(lambda: b'"online":false' in desk.of(Channel.STATE, "s-1")[-1])


async def test_an_alarm_is_sent_again_until_the_receipt_even_over_a_new_connection(broker: Broker) -> None:
    told: list[tuple[str, AlarmAnswer]] = []
    hub = SimulatedHub("s-2", "two", port=broker.port, on_answer=lambda who, answer: told.append((who, answer)))
    async with centre(broker) as desk, living(hub):
        ref = hub.alarm(AlarmKind.SMOKE, device="kitchen-smoke", place="kitchen")
        await until(lambda: desk.of(Channel.ALARM, "s-2"))
        hub.vanish()
        await until(lambda: len(desk.of(Channel.ALARM, "s-2")) >= 2)
        alarms = [encoding.decode(Alarm, payload) for payload in desk.of(Channel.ALARM, "s-2")]
        assert {(a.ref, a.seq, kind_of(a.dty, a.stc)) for a in alarms if isinstance(a, Alarm)} == {
            (ref, 1, AlarmKind.SMOKE)
        }
        assert hub.unanswered == (ref,)
        answer = AlarmAnswer(ref=ref, snu=0, at=time.time(), stage=Stage.RECEIVED)
        desk.client.publish(topics.topic("s-2", Channel.ALARM_ANSWER, ref), encoding.encode(answer))
        await until(lambda: told)
        assert told == [("s-2", answer)]
        assert not hub.unanswered


async def test_a_street_tells_its_past_without_gap_and_in_order_of_numbers(broker: Broker) -> None:
    street = Street({"s-3": "three"}, port=broker.port)
    hub, home = street.hubs["s-3"], street.homes["s-3"]
    past_readings(hub, home, hours=24, until_at=time.time())
    async with centre(broker) as desk:
        life = asyncio.create_task(street.run())
        await until(lambda: street.online == 1)
        await until(lambda: desk.packs("s-3") and not hub.backlog)
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        await until(lambda: hub.log.acknowledged)
    packs = desk.packs("s-3")
    assert [pack.sequence for pack in packs] == list(range(1, len(packs) + 1))
    assert {pack.epoch for pack in packs} == {hub.epoch}
    assert not [fault for pack in packs for fault in pack.refused]
    assert sum(len(pack.readings) for pack in packs) > 200


async def test_a_load_is_offered_in_full_and_acknowledged(broker: Broker) -> None:
    result = await offer(Load(rate=500, seconds=1.0, passwords=HUBS, port=broker.port))
    assert result.offered > 100
    assert result.offered == result.sent == result.acknowledged
    assert 0 < result.share(0.5) <= result.share(0.99)


async def test_a_load_with_a_wrong_password_says_so(broker: Broker) -> None:
    with pytest.raises(ConnectionError, match="password"):
        await offer(Load(rate=10, seconds=1.0, passwords={"s-1": "wrong"}, port=broker.port))
