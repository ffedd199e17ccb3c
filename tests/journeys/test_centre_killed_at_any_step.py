"""Promise: whatever dies on the way, one press is exactly one case, and the home hears of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm
from gateway.contract.topics import Channel
from tests.journeys.raw_hub import HELP_TYPE, RawHub
from tests.journeys.town import HOUSE, Program, Town, wait_until

STEPS = ("received", "decided", "committed", "receipt_sent", "acknowledged")
"""Where `dying_desk.py` dies: before storing, within the transaction, after the commit, after the receipt to the home,
after the acknowledgement to the broker."""


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_desk_killed_at_a_step(build_town: Callable[..., Town], step: str) -> None:
    town = build_town()
    arguments = [str(HOUSE / "tests/journeys/dying_desk.py"), step, str(town.config)]
    doomed = Program("doomed", arguments, town.folder)
    town.programs.append(doomed)
    doomed.start(ready="broker: connected", environment={"PYTHONPATH": str(HOUSE)})
    hub = RawHub(town)
    try:
        alarm = Alarm(ref="killed1", dty=HELP_TYPE, tim=time.time(), did="pendant")
        hub.alarm(alarm)
        wait_until(lambda: not doomed.running, f"the desk dies at {step}")
        town.desk.start(ready="ready")
        receipt = hub.wait_for("killed1")
        wait_until(lambda: len(town.cases()) == 1, "one case")
        assert receipt.case
        assert [case["state"] for case in town.cases()] == ["new"]
        assert town.log_of(town.cases()[0]["id"]).count("opened") == 1
    finally:
        hub.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_desk_killed_again_and_again_under_alarms(build_town: Callable[..., Town]) -> None:
    """Twelve homes press while the desk is killed and started five times: twelve cases, each with its receipt."""
    town = build_town(count=12).start()
    hubs = [RawHub(town, hub) for hub in town.hubs]
    try:
        for turn in range(5):
            for hub in hubs[turn::5]:
                hub.post(Channel.ALARM, encode(Alarm(ref=f"storm{hub.id[2:]}", dty=HELP_TYPE, tim=time.time())))
            town.desk.kill()
            town.desk.start(ready="ready")
        for hub in hubs:
            hub.press(f"storm{hub.id[2:]}", tim=time.time())
            hub.wait_for(f"storm{hub.id[2:]}")
        assert {hub.id: len(town.cases(hub.id)) for hub in hubs} == {hub.id: 1 for hub in hubs}
    finally:
        for hub in hubs:
            hub.stop()


@pytest.mark.slow
def test_broker_killed_while_alarms_come(build_town: Callable[..., Town]) -> None:
    town = build_town().start()
    hub = RawHub(town)
    try:
        hub.press("before1", tim=time.time())
        hub.wait_for("before1")
        town.broker.kill()
        town.broker.restart()
        hub.press("after1", tim=time.time())
        assert hub.wait_for("after1").case == hub.wait_for("before1").case, "the same situation is the same case"
        assert len(town.cases()) == 1
        assert town.cases()[0]["repeats"] == 2
    finally:
        hub.stop()
