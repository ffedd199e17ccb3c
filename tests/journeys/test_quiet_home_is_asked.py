"""Promise: a quiet home is asked first, by name; "I am fine", and a press by mistake, leave people a friendly call."""

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
async def test_what_is_answered_at_home_reaches_the_operator(build_town: Callable[..., Town]) -> None:
    town = build_town()
    await asyncio.to_thread(town.start)
    async with flat(town) as home:
        config = town.folder / "flat" / "edge.toml"
        config.write_text(config.read_text().replace("[hub]\n", '[hub]\ncalled = "Maria"\nmistake_s = 60.0\n'))
        await home.start()
        screen = HomeScreen(home.screen_port)
        watching = asyncio.create_task(screen.watch())
        await soon(lambda: "Soc aquí" in screen.words.get("ca", ""), "somebody can be asked, and there is a line")
        ana = await asyncio.to_thread(Seat, town)
        await find_quiet(town)
        await soon(lambda: "No sento res, Maria. Està bé?" in screen.words.get("ca", ""), "it asks")
        await soon(lambda: town.log_of(1) == ["opened", "asked"], "the centre knows that it does")
        (card,) = await asyncio.to_thread(ana.queue)
        assert (card["kind"], card["state"], card["ring_at"]) == ("inactivity", "new", None), "nobody is called yet"
        await screen.answer("fine")
        await soon(lambda: town.cases()[0]["state"] == "withdrawn", "the answer reaches the centre")
        await soon(lambda: "M’alegro que estigui bé" in screen.words.get("ca", ""), "the home is glad")
        view = await asyncio.to_thread(ana.get, "/api/cases/1")
        assert "estic bé" in str(view["timeline"]), "and stands in the case, in the operator's language"
        home.serial_pendant.press()
        await soon(lambda: "La central ja té" in screen.words.get("ca", "") and screen.question, "a way back is shown")
        assert town.cases()[0]["priority"] == 1, "the press is no less of a call"
        await screen.answer("mistake")
        await soon(lambda: town.cases()[0]["state"] == "withdrawn", "that it was a mistake reaches the centre")
        await soon(lambda: "Potser la central li truca" in screen.words.get("ca", ""), "the home says what comes")
        assert town.log_of(1)[-2:] == ["joined", "retracted"]
        ana.close()
        watching.cancel()
        await asyncio.wait([watching])
