"""Promise: duplicate, late, reordered, ill-timed and malformed messages change nothing that is right."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from devices.vocabulary import Reading
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm, MessageType
from gateway.contract.senml import encode_measurements
from gateway.contract.topics import Channel, topic
from tests.journeys.raw_hub import HELP_TYPE, RawHub
from tests.journeys.town import Town, wait_until

YEAR_S = 365 * 86_400.0


@pytest.mark.slow
def test_a_hundred_copies_are_one_case(build_town: Callable[..., Town]) -> None:
    town = build_town().start()
    hub = RawHub(town)
    try:
        alarm = encode(Alarm(ref="copies1", dty=HELP_TYPE, tim=time.time()))
        for _ in range(100):
            hub.post(Channel.ALARM, alarm)
        hub.wait_for("copies1")
        hub.press("last1", tim=time.time())
        hub.wait_for("last1")
        assert len(town.cases()) == 1
        assert town.log_of(town.cases()[0]["id"]).count("opened") == 1
        assert town.cases()[0]["repeats"] == 2, "the copies count as one, the new press as another"
    finally:
        hub.stop()


@pytest.mark.slow
def test_withdrawal_before_its_alarm_still_shows_a_check_call(build_town: Callable[..., Town]) -> None:
    town = build_town().start()
    hub = RawHub(town)
    try:
        now = time.time()
        hub.press("turned1", tim=now, mty=MessageType.WITHDRAWN, seq=2)
        hub.wait_for("turned1")
        hub.press("turned1", tim=now, seq=1)
        wait_until(lambda: len(town.cases()) == 1, "one case")
        assert town.cases()[0]["state"] in {"withdrawn", "new"}, "somebody is asked to call, whatever the order"
    finally:
        hub.stop()


@pytest.mark.slow
@pytest.mark.parametrize(("wrong_by_s", "trusted"), [(-YEAR_S, False), (YEAR_S, False), (YEAR_S, True)])
def test_a_clock_wrong_by_a_year_moves_no_alarm(
    build_town: Callable[..., Town], wrong_by_s: float, trusted: bool
) -> None:
    town = build_town().start()
    hub = RawHub(town)
    try:
        pressed_at = time.time() - 4.0
        hub.press("clock1", tim=pressed_at + wrong_by_s, trusted=trusted, age=4.0)
        hub.wait_for("clock1")
        case = town.cases()[0]
        assert abs(case["opened_at"] - time.time()) < YEAR_S / 2
        with town.database.read() as connection:
            event_at = connection.exec_driver_sql("SELECT event_at FROM alarms").scalar()
        assert event_at is not None
        assert abs(event_at - pressed_at) < YEAR_S / 2, "placed by the hub's stop-watch, not by its calendar"
    finally:
        hub.stop()


@pytest.mark.slow
def test_rubbish_on_every_topic_is_counted_and_harmless(build_town: Callable[..., Town]) -> None:
    town = build_town().start(receiver=True)
    hub = RawHub(town)
    dice = random.Random(7)
    channels = (Channel.MEASUREMENTS, Channel.ALARM, Channel.STATE, Channel.HEARTBEAT)
    rubbish = [dice.randbytes(dice.randrange(0, 300)) for _ in range(200)]
    rubbish += [b"", b"[]", b"{}", b"null", b'{"ref":"x"}', b"[" * 5_000, b'[{"bver":99,"n":"a","v":1}]', b"9" * 19_000]
    rubbish += [encode_measurements("h-2", [Reading("hall", "motion", True, time.time())])]
    rubbish += [encode_measurements("h-1", [Reading("hall", "motion", True, time.time() + YEAR_S)])]
    rubbish += [encode_measurements("h-1", [Reading("hall", "motion", True, 1.0e9)])]
    try:
        for payload in rubbish:
            for channel in channels:
                hub.post(channel, payload)
        hub.send_to(topic("h-1", Channel.COMMAND_OUTCOME, "c1"), b"\xff\xfe")
        hub.press("clean1", tim=time.time())
        hub.wait_for("clean1")
        assert town.desk.running
        assert town.receiver.running
        assert [case["kind"] for case in town.cases()] == ["help"], "rubbish opens no case and hides none"
        wait_until(lambda: "bad_json" in refusal_reasons(town), "the refusals are counted where people look")
        assert town.desk.said().count("Traceback") == 0
        assert town.receiver.said().count("Traceback") == 0
    finally:
        hub.stop()


def refusal_reasons(town: Town) -> set[str]:
    with town.database.read() as connection:
        return {row[0] for row in connection.exec_driver_sql("SELECT reason FROM refusals")}
