"""A fault in the engine costs a connection, never the network thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.broker import start_broker
from gateway.contract.topics import Channel, everyone, topic
from gateway.mqtt_client import MqttClient
from gateway.paho_line import PahoLine
from tests.conformance.harness import PASSWORDS, Driven, Party, eventually, settings_for

FAULTS = 3


class Stumbling(PahoLine):
    """An engine with a bug that shows when it is told to send a certain message."""

    stumbled = 0

    def publish(self, topic: str, payload: bytes, retain: bool) -> int:
        if payload == b"bug" and self.stumbled < FAULTS:
            self.stumbled += 1
            raise RuntimeError("the bug")
        return super().publish(topic, payload, retain)


class StumblingClient(MqttClient):
    line_kind = Stumbling


@pytest.mark.slow
def test_after_a_fault_of_the_engine_the_open_messages_are_given_back_and_the_next_goes_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meas = topic("h-17", Channel.MEASUREMENTS)
    with start_broker(tmp_path, PASSWORDS, kind="mosquitto") as broker:
        desk = Party(
            settings_for("desk", broker.port),
            Driven("thread", polled=False),
            subscriptions=[everyone(Channel.MEASUREMENTS)],
        ).up()
        hub = Party(settings_for("h-17", broker.port), Driven("thread", polled=False, kind=StumblingClient)).up()
        for times in range(1, FAULTS + 1):
            hub.send(meas, b"bug")
            eventually(lambda n=times: hub.done == [False] * n, "the message given back")  # type: ignore[misc]
        hub.send(meas, b"alarm")
        eventually(lambda: desk.payloads == [b"alarm"], "the next message")
        hub.stop()
        desk.stop()
    assert hub.told.count((True, "")) == FAULTS + 1
    assert caplog.text.count("the bug") >= FAULTS
