"""A hub that sends exactly what a journey tells it to, and remembers what it is told.

Like every hub it sends an alarm again, with the same `ref`, until the centre's receipt: a broker's word is not enough.
"""

from __future__ import annotations

import time
from collections import defaultdict

from devices.rejection import Rejection
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, Stage
from gateway.contract.topics import Channel, everyone, read_topic, topic
from gateway.mqtt_client import BrokerSettings, MqttClient, Received
from tests.journeys.town import Town, wait_until

HELP_TYPE = 3
RESEND_S = 1.0


class RawHub:
    """Connected as one hub of the town until `stop`."""

    def __init__(self, town: Town, hub: str = "h-1") -> None:
        self.id = hub
        self.answers: dict[str, list[AlarmAnswer]] = defaultdict(list)
        self._unanswered: dict[str, bytes] = {}
        self._client = MqttClient(
            BrokerSettings("127.0.0.1", town.broker.port, hub, hub, town.passwords[hub]),
            subscriptions=[topic(hub, Channel.ALARM_ANSWER, "x").replace("/x", "/+")],
            on_message=self._on_message,
            on_connection=lambda _up, _reason: None,
        )
        self._client.start()
        wait_until(lambda: self._client.connected, f"{hub} is connected")

    def _on_message(self, received: Received) -> None:
        address = read_topic(received.topic)
        assert address is not None
        answer = decode(AlarmAnswer, received.payload)
        assert not isinstance(answer, Rejection), answer
        self.answers[address.tail].append(answer)
        self._client.acknowledge(received)

    def send(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        """Publishes until the broker's receipt: again when the connection is lost before it."""
        self.send_to(topic(self.id, channel), payload, retain=retain)

    def send_to(self, full_topic: str, payload: bytes, *, retain: bool = False) -> None:
        done: list[bool] = []
        tried = 0

        def received() -> bool:
            nonlocal tried
            if len(done) == tried and True not in done:
                tried += self._client.publish(full_topic, payload, retain=retain, on_done=done.append)
            return True in done

        wait_until(received, "the broker's receipt")

    def post(self, channel: Channel, payload: bytes) -> None:
        """Publishes without waiting for a receipt."""
        wait_until(lambda: self._client.publish(topic(self.id, channel), payload), "the broker takes a message")

    def press(self, ref: str, *, tim: float, **more: object) -> Alarm:
        """A press of the pendant."""
        alarm = Alarm(ref=ref, dty=HELP_TYPE, tim=tim, did="pendant", **more)  # type: ignore[arg-type]
        self.alarm(alarm)
        return alarm

    def alarm(self, alarm: Alarm) -> None:
        """Sends an alarm, to be sent again by `wait_for`."""
        self._unanswered[alarm.ref] = encode(alarm)
        self.send(Channel.ALARM, encode(alarm))

    def stages(self, ref: str) -> list[Stage]:
        return [answer.stage for answer in self.answers[ref] if answer.snu == 0]

    def wait_for(self, ref: str, stage: Stage = Stage.RECEIVED) -> AlarmAnswer:
        """The centre's answer of that stage; until there is any, the alarm is sent again."""
        again_at = time.monotonic() + RESEND_S

        def heard() -> bool:
            nonlocal again_at
            if not self.stages(ref) and ref in self._unanswered and time.monotonic() >= again_at:
                again_at = time.monotonic() + RESEND_S
                self._client.publish(topic(self.id, Channel.ALARM), self._unanswered[ref])
            return stage in self.stages(ref)

        wait_until(heard, f"{stage} for {ref}")
        return next(answer for answer in self.answers[ref] if answer.snu == 0 and answer.stage is stage)

    def stop(self) -> None:
        self._client.stop()


ALARMS = everyone(Channel.ALARM)
