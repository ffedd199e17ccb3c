"""What every MQTT client of ours promises over every broker that we start ourselves.

Where the embedded broker differs: it keeps everything in memory, so that a stop or a kill loses what waits; it has no
access list; it hangs up on a wrong password without a word; and it sends at most 100 messages ahead of their
acknowledgements. Mosquitto saves at an orderly stop; a kill loses what came since its last saving.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import gateway.mqtt_client
from gateway.broker import Broker
from gateway.contract.topics import Channel, everyone, topic
from gateway.mqtt_client import PUBLISH_BYTES_MAX, Will
from tests.conformance.harness import PASSWORDS, Driven, Line, Party, eventually, settings_for

pytestmark = pytest.mark.slow

Join = Callable[..., Party]
MEAS = topic("h-17", Channel.MEASUREMENTS)
STATE = topic("h-17", Channel.STATE)
ALL_MEAS = everyone(Channel.MEASUREMENTS)


def numbered(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last)]


def test_messages_arrive_once_and_in_order(broker: Broker, join: Join) -> None:
    desk = join("desk", broker.port, subscriptions=[ALL_MEAS]).up()
    hub = join("h-17", broker.port).up()
    for payload in numbered(0, 2000):
        hub.send(MEAS, payload)
    eventually(lambda: len(desk.received) >= 2000, "2000 messages")
    hub.confirmed(2000)
    assert desk.payloads == numbered(0, 2000)
    assert desk.received[0].topic == MEAS
    assert not desk.received[0].retained


def test_what_was_not_acknowledged_comes_again_after_the_line_broke(broker: Broker, line: Line, join: Join) -> None:
    desk = join("desk", line.port, subscriptions=[ALL_MEAS], acknowledges=False).up()
    hub = join("h-17", broker.port).up()
    for payload in numbered(0, 10):
        hub.send(MEAS, payload)
    eventually(lambda: len(desk.received) == 10, "10 messages")
    for message in desk.received[:5]:
        desk.client.acknowledge(message)
    # the broker handles our packets in order: once it confirms this, it has our acknowledgements too
    desk.send(topic("h-17", Channel.COMMAND, "x"), b"after the acknowledgements")
    desk.confirmed(1)
    line.cut()
    eventually(lambda: not desk.client.connected, "the loss noticed")
    line.mend()
    eventually(lambda: len(desk.received) == 15, "the unacknowledged five again")
    assert desk.payloads[10:] == numbered(5, 10)


def test_what_a_killed_process_had_not_acknowledged_goes_to_its_successor(broker: Broker, join: Join) -> None:
    program = (
        "import sys\n"
        "from gateway.mqtt_client import BrokerSettings, MqttClient\n"
        "settings = BrokerSettings('127.0.0.1', int(sys.argv[1]), 'desk', 'desk', sys.argv[2])\n"
        "client = MqttClient(settings, subscriptions=[sys.argv[3]],\n"
        "    on_message=lambda m: print(m.payload.decode(), flush=True),\n"
        "    on_connection=lambda up, r: print(up, flush=True))\n"
        "while True: client.poll(1.0)\n"
    )
    command = [sys.executable, "-c", program, str(broker.port), PASSWORDS["desk"], ALL_MEAS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "True\n"
            hub = join("h-17", broker.port).up()
            for payload in numbered(0, 3):
                hub.send(MEAS, payload)
            assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
        finally:
            process.kill()
    successor = join("desk", broker.port, subscriptions=[ALL_MEAS])
    eventually(lambda: len(successor.received) >= 3, "the three messages again")
    assert successor.payloads == numbered(0, 3)


def test_messages_wait_while_the_receiver_is_away(broker: Broker, join: Join) -> None:
    join("desk", broker.port, subscriptions=[ALL_MEAS]).up().stop()
    hub = join("h-17", broker.port).up()
    for payload in numbered(0, 3000):
        hub.send(MEAS, payload)
    hub.confirmed(3000)
    desk = join("desk", broker.port, subscriptions=[ALL_MEAS])
    eventually(lambda: len(desk.received) >= 3000, "all that waited")
    assert desk.payloads == numbered(0, 3000)


def test_acknowledging_from_other_threads_in_any_order(broker: Broker, line: Line, join: Join) -> None:
    desk = join("desk", line.port, subscriptions=[ALL_MEAS], acknowledges=False).up()
    hub = join("h-17", broker.port).up()
    for payload in numbered(0, 80):
        hub.send(MEAS, payload)
    eventually(lambda: len(desk.received) == 80, "80 messages")
    backwards = list(reversed(desk.received))
    threads = [
        threading.Thread(target=lambda part: [desk.client.acknowledge(m) for m in part], args=(backwards[start::4],))
        for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.send(topic("h-17", Channel.COMMAND, "x"), b"after the acknowledgements")
    desk.confirmed(1)
    line.cut()
    eventually(lambda: not desk.client.connected, "the loss noticed")
    line.mend()
    desk.up()
    hub.send(MEAS, b"fresh")
    eventually(lambda: len(desk.received) > 80, "the next message")
    assert desk.payloads[80:] == [b"fresh"]


def test_an_acknowledgement_from_before_a_reconnect_does_not_hit_another_message(
    broker: Broker, line: Line, join: Join
) -> None:
    desk = join("desk", line.port, subscriptions=[ALL_MEAS], acknowledges=False).up()
    hub = join("h-17", broker.port).up()
    hub.send(MEAS, b"first")
    eventually(lambda: desk.payloads == [b"first"], "the message")
    line.cut()
    eventually(lambda: not desk.client.connected, "the loss noticed")
    line.mend()
    eventually(lambda: len(desk.received) == 2, "the message again")
    desk.client.acknowledge(desk.received[0])
    desk.send(topic("h-17", Channel.COMMAND, "x"), b"after the acknowledgement")
    desk.confirmed(1)
    line.cut()
    eventually(lambda: not desk.client.connected, "the loss noticed")
    line.mend()
    eventually(lambda: len(desk.received) == 3, "the message once more: it was never acknowledged")


def test_last_will_when_the_line_breaks_and_none_at_an_orderly_stop(broker: Broker, line: Line, join: Join) -> None:
    desk = join("desk", broker.port, subscriptions=[everyone(Channel.STATE)]).up()
    will = Will(STATE, b"gone")
    hub = join("h-17", line.port, will=will).up()
    hub.send(STATE, b"here", retain=True)
    eventually(lambda: desk.payloads == [b"here"], "the hub's state")
    hub.stop()
    hub = join("h-17", line.port, will=will).up()
    hub.send(STATE, b"here again", retain=True)
    eventually(lambda: desk.payloads[1:] == [b"here again"], "no will after an orderly stop")
    line.cut()
    eventually(lambda: desk.payloads[2:] == [b"gone"], "the last will")


def test_a_retained_message_reaches_who_comes_later(broker: Broker, join: Join) -> None:
    hub = join("h-17", broker.port).up()
    hub.send(STATE, b"old", retain=True)
    hub.send(STATE, b"new", retain=True)
    hub.confirmed(2)
    desk = join("desk", broker.port, subscriptions=[everyone(Channel.STATE)])
    eventually(lambda: desk.received, "the retained state")
    assert (desk.received[0].payload, desk.received[0].retained) == (b"new", True)


def test_everything_works_again_after_the_broker_was_killed(broker: Broker, join: Join) -> None:
    desk = join("desk", broker.port, subscriptions=[ALL_MEAS]).up()
    hub = join("h-17", broker.port).up()
    broker.kill()
    eventually(lambda: not hub.client.connected and not desk.client.connected, "the loss noticed")
    assert not hub.client.publish(MEAS, b"lost?")
    eventually(lambda: any("nothing listens" in reason for _, reason in hub.told), "a reason in plain words")
    broker.restart()
    desk.up()
    hub.up().send(MEAS, b"back")
    eventually(lambda: desk.payloads == [b"back"], "the message after the restart, and only it")
    assert [up for up, _ in hub.told][-1] is True


def test_mosquitto_keeps_what_waits_over_an_orderly_stop(mosquitto: Broker, join: Join) -> None:
    join("desk", mosquitto.port, subscriptions=[ALL_MEAS]).up().stop()
    hub = join("h-17", mosquitto.port).up()
    for payload in numbered(0, 100):
        hub.send(MEAS, payload)
    hub.confirmed(100)
    mosquitto.stop()
    mosquitto.restart()
    desk = join("desk", mosquitto.port, subscriptions=[ALL_MEAS])
    eventually(lambda: len(desk.received) >= 100, "what waited")
    assert desk.payloads == numbered(0, 100)


def test_a_wrong_password_is_told(broker: Broker, join: Join) -> None:
    hub = join("h-17", broker.port, {"password": "wrong"})
    eventually(lambda: hub.told, "a word about the connection")
    assert not hub.told[0][0]
    assert "user name" in hub.told[0][1]
    assert "password" in hub.told[0][1]
    assert not hub.client.publish(MEAS, b"1")
    assert not hub.client.connected


def test_a_broker_that_is_not_there_is_told_and_found_when_it_comes(broker: Broker, join: Join) -> None:
    broker.stop()
    hub = join("h-17", broker.port)
    eventually(lambda: hub.told, "a word about the connection")
    assert hub.told[0] == (False, f"nothing listens at 127.0.0.1:{broker.port}: is the broker running?")
    broker.restart()
    hub.up()


def test_hurrying_ends_a_long_wait(broker: Broker, join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.mqtt_client, "BACKOFF_FIRST_S", 3600.0)
    broker.stop()
    hub = join("h-17", broker.port)
    eventually(lambda: hub.told, "the failure told")
    broker.restart()
    hub.client.hurry()
    hub.up()


def test_a_full_window_takes_nothing_more(broker: Broker, line: Line, join: Join) -> None:
    desk = join("desk", broker.port, subscriptions=[ALL_MEAS]).up()
    hub = join("h-17", line.port, {"inflight_max": 5}).up()
    line.freeze()
    taken = [hub.client.publish(MEAS, payload, on_done=hub.done.append) for payload in numbered(0, 7)]
    assert taken == [True] * 5 + [False] * 2
    line.thaw()
    hub.confirmed(5)
    hub.send(MEAS, b"next")
    eventually(lambda: len(desk.received) >= 6, "six messages")
    assert desk.payloads == [*numbered(0, 5), b"next"]


def test_what_was_in_flight_when_the_line_broke_is_given_back(broker: Broker, line: Line, join: Join) -> None:
    hub = join("h-17", line.port).up()
    line.freeze()
    for payload in numbered(0, 3):
        assert hub.client.publish(MEAS, payload, on_done=hub.done.append)
    line.cut()
    eventually(lambda: hub.done == [False] * 3, "all three reported as not done")
    line.thaw()
    line.mend()
    hub.up().send(MEAS, b"again")
    hub.confirmed(1)


def test_nothing_is_taken_before_the_connection_stands(broker: Broker, line: Line, join: Join) -> None:
    line.cut()
    hub = join("h-17", line.port)
    assert not hub.client.publish(MEAS, b"early", on_done=hub.done.append)
    eventually(lambda: hub.told, "the failure told")
    assert not hub.client.publish(MEAS, b"early", on_done=hub.done.append)
    assert hub.done == []


def test_the_largest_payload_passes_and_a_larger_one_is_refused_before_sending(broker: Broker, join: Join) -> None:
    desk = join("desk", broker.port, subscriptions=[ALL_MEAS]).up()
    hub = join("h-17", broker.port).up()
    with pytest.raises(ValueError, match="at most 20000"):
        hub.client.publish(MEAS, bytes(PUBLISH_BYTES_MAX + 1))
    hub.send(MEAS, bytes(PUBLISH_BYTES_MAX))
    eventually(lambda: desk.received, "the largest payload")
    assert desk.payloads == [bytes(PUBLISH_BYTES_MAX)]
    assert hub.client.connected


def test_a_silent_line_is_noticed_by_keep_alive(broker: Broker, line: Line, join: Join) -> None:
    hub = join("h-17", line.port, {"keepalive_s": 1}).up()
    line.freeze()
    eventually(lambda: (False, "no sign of life from the broker") in hub.told, "the silence told")
    line.thaw()
    hub.up()


def test_a_broker_that_confirms_nothing_is_given_up(
    broker: Broker, line: Line, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.mqtt_client, "RECEIPT_WAIT_S", 0.5)
    hub = join("h-17", line.port).up()
    line.freeze()
    assert hub.client.publish(MEAS, b"1", on_done=hub.done.append)
    eventually(lambda: hub.done == [False], "the message given back")
    assert "has not confirmed" in hub.told[1][1]
    line.thaw()
    hub.up()


def test_a_broker_that_accepts_but_never_answers_is_told(
    broker: Broker, line: Line, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.mqtt_client, "GREETING_WAIT_S", 0.3)
    line.freeze()
    hub = join("h-17", line.port)
    eventually(lambda: hub.told, "the failure told")
    assert hub.told[0] == (False, "the broker accepts connections but does not answer")
    monkeypatch.setattr(gateway.mqtt_client, "GREETING_WAIT_S", 10.0)
    line.thaw()
    hub.up()


def test_a_subscription_that_the_broker_refuses_is_told(driven: Driven) -> None:
    """No broker here refuses one by its access list, so a stand-in answers: welcome, then refusal."""
    with socket.create_server(("127.0.0.1", 0)) as stand_in:
        hub = Party(settings_for("h-17", stand_in.getsockname()[1]), driven, subscriptions=[MEAS])
        connection, _ = stand_in.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"\x20\x02\x00\x00")
            subscribe = connection.recv(4096)
            connection.sendall(b"\x90\x03" + subscribe[2:4] + b"\x80")
            eventually(lambda: hub.told, "the refusal told")
        hub.stop()
    assert hub.told[0] == (False, f"the broker refused the subscription to {MEAS}: check the access list")


def test_messages_that_meet_a_bug_do_not_block_those_behind_them(
    broker: Broker, line: Line, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    desk = join("desk", line.port, subscriptions=[ALL_MEAS]).up()
    hub = join("h-17", broker.port).up()
    healthy, desk.received = desk.received, None  # type: ignore[assignment]
    for _ in range(3):
        hub.send(MEAS, b"poison")
    eventually(lambda: caplog.text.count("on_message failed") == 3, "the faults in the log")
    desk.received = healthy
    hub.send(MEAS, b"good")
    eventually(lambda: desk.payloads == [b"good"], "the next message")
    desk.send(topic("h-17", Channel.COMMAND, "x"), b"after the acknowledgements")
    desk.confirmed(1)
    line.cut()
    eventually(lambda: not desk.client.connected, "the loss noticed")
    line.mend()
    desk.up()
    hub.send(MEAS, b"better")
    eventually(lambda: len(desk.received) == 2, "a message after the reconnect")
    assert desk.payloads == [b"good", b"better"]


def test_a_broker_that_throws_us_out_again_and_again_is_asked_ever_more_rarely(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two programs run with one client id."""
    monkeypatch.setattr(gateway.mqtt_client, "BACKOFF_FIRST_S", 0.005)
    with socket.create_server(("127.0.0.1", 0)) as stand_in:
        hub = Party(settings_for("h-17", stand_in.getsockname()[1], reconnect_max_s=3600.0), driven)
        for welcomes in range(1, 7):
            connection, _ = stand_in.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"\x20\x02\x00\x00")
                eventually(lambda n=welcomes: hub.told.count((True, "")) == n, "the welcome seen")  # type: ignore[misc]
        eventually(lambda: not hub.client.connected, "the loss noticed")
        assert hub.client._delay_s == 0.005 * 2**6
        monkeypatch.setattr(gateway.mqtt_client, "STABLE_AFTER_S", 0.0)
        connection, _ = stand_in.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"\x20\x02\x00\x00")
            eventually(lambda: hub.client.connected, "the welcome seen")
        eventually(lambda: not hub.client.connected, "the loss noticed")
        assert hub.client._delay_s == 0.005 * 2, "a connection that held starts anew"
        hub.stop()
