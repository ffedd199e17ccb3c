"""Promise: a home that is quiet for too long is asked first; "I am fine" leaves people a friendly call to make."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from central.detection.finding import Finding
from central.internal import encode, finding_topic
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.encoding import decode
from gateway.contract.messages import HubState
from gateway.contract.topics import Channel, everyone
from gateway.mqtt_client import BrokerSettings, MqttClient, Received
from simulators.demo.home_screen import HomeScreen
from tests.journeys.console_seat import Seat
from tests.journeys.flat import flat, soon
from tests.journeys.town import Town


async def find_quiet(town: Town) -> None:
    """As the receiver does when it finds that nobody moves; here when the hub has said that somebody can be asked."""
    heard: list[bool] = []

    def on_message(received: Received) -> None:
        state = decode(HubState, received.payload)
        heard.append(isinstance(state, HubState) and state.asks)

    receiver = MqttClient(
        BrokerSettings("127.0.0.1", town.broker.port, "receiver", "receiver", town.passwords["receiver"]),
        subscriptions=[everyone(Channel.STATE)],
        on_message=on_message,
        on_connection=lambda _up, _reason: None,
    )
    receiver.start()
    await soon(lambda: any(heard), "the hub says so, and the desk has heard it before what comes now")
    now = time.time()
    room: dict[str, str | float] = {"room": "hall", "device": "hall", "quiet_s": 9_000.0}
    finding = Finding("home-1:q", "home-1", AlarmKind.INACTIVITY, now - 9_000, now, "quiet_too_long", room)
    await soon(lambda: receiver.publish(finding_topic("home-1"), encode(finding)), "the finding goes out")
    await soon(town.cases, "the case stands at once")
    receiver.stop()


@pytest.mark.slow
async def test_the_home_asks_and_i_am_fine_reaches_the_operator(build_town: Callable[..., Town]) -> None:
    town = build_town()
    await asyncio.to_thread(town.start)
    async with flat(town) as home:
        await home.start()
        screen = HomeScreen(home.screen_port)
        watching = asyncio.create_task(screen.watch())
        await soon(lambda: "Soc aquí" in screen.words.get("ca", ""), "somebody can be asked, and there is a line")
        ana = await asyncio.to_thread(Seat, town)
        await find_quiet(town)
        await soon(lambda: "Està bé?" in screen.words.get("ca", ""), "the home asks")
        await soon(lambda: town.log_of(1) == ["opened", "asked"], "the centre knows that it does")
        (card,) = await asyncio.to_thread(ana.queue)
        assert (card["kind"], card["state"], card["ring_at"]) == ("inactivity", "new", None), "nobody is called yet"
        await screen.say_fine()
        await soon(lambda: town.cases()[0]["state"] == "withdrawn", "the answer reaches the centre")
        await soon(lambda: "M'alegro que estigui bé" in screen.words.get("ca", ""), "the home is glad")
        view = await asyncio.to_thread(ana.get, "/api/cases/1")
        assert "estic bé" in str(view["timeline"]), "and stands in the case, in the operator's language"
        ana.close()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
