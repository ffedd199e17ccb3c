"""The simulated phone network: how far an SMS has come is told truly, also when the gateway is down for a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from simulators.phone_network import PhoneNetwork, SmsProgress
from simulators.web_server import Answer, Asked, WebServer

HUB, CENTRE, MONTSE = "+000300001", "+000900112", "+000200021"
DEADLINE_S = 60


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.02)


@pytest.fixture
def webhook() -> Iterator[str]:
    """A centre that answers each SMS."""

    def reply(asked: Asked) -> Answer:
        return Answer(200, json.dumps({"reply": f"got {json.loads(asked.body)['text']}"}).encode())

    server = WebServer(reply)
    yield f"{server.url}/sms/in"
    server.stop()


async def test_what_waits_for_a_gateway_that_is_down_arrives_when_it_is_up(webhook: str) -> None:
    network, heard = PhoneNetwork(), list[tuple[str, str]]()
    network.add_gateway(CENTRE, webhook, "word")
    network.connect(HUB, lambda sender, text: heard.append((sender, text)))
    network.shut.add(CENTRE)
    network.carry(HUB, CENTRE, "help")
    network.carry(HUB, MONTSE, "Maria asks for help")
    alarm, to_montse = network.carried
    assert alarm.progress is SmsProgress.TAKEN
    await until(lambda: to_montse.progress is SmsProgress.DELIVERED)
    assert alarm.progress is SmsProgress.TAKEN, "nobody has it"
    network.shut.clear()
    await until(lambda: heard == [(CENTRE, "got help")])
    assert alarm.progress is SmsProgress.ANSWERED
    await network.close()
