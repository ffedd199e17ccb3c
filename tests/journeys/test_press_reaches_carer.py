"""Promise: a press in the flat reaches the operator and the carer, and the home tells the truth at every step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from simulators.bthome_bytes import ObjectId
from simulators.smtp_sink import MailSink
from tests.journeys.console_seat import Seat
from tests.journeys.flat import flat, soon
from tests.journeys.town import Town

PRESS = (ObjectId.BUTTON, 1)


@pytest.mark.slow
async def test_a_press_is_answered_by_people(build_town: Callable[..., Town]) -> None:
    mails = MailSink()
    await mails.start()
    town = build_town(mail_port=mails.port)
    await asyncio.to_thread(town.start)
    async with flat(town) as home:
        await home.start()
        ana = await asyncio.to_thread(Seat, town)
        await home.pendant.say(PRESS)
        await home.says("La central ja té la seva trucada.")
        card = (await asyncio.to_thread(ana.queue))[0]
        assert (card["kind"], card["priority"], card["person"]["called"]) == ("help", 1, "Maria 1")
        assert (await asyncio.to_thread(ana.do, card["id"], "take")).is_success
        await home.says("Ana ja és amb vostè.")
        assert (await asyncio.to_thread(ana.do, card["id"], "contacts/c-1/notify")).is_success
        await soon(lambda: mails.mails, "the carer gets a mail")
        assert mails.mails[0].recipients == ("jordi1@example.org",)
        assert "Maria 1" in mails.mails[0].text
        await asyncio.to_thread(ana.do, card["id"], "contacts/c-1/on-the-way", {"eta_minutes": 12})
        await home.says("Jordi ve cap aquí. Uns 12 minuts.")
        await asyncio.to_thread(ana.do, card["id"], "contacts/c-1/arrived")
        await home.says("Jordi ja és aquí.")
        closing = {"cause": "help_needed", "action": "contact_sent", "outcome": "helped_at_home", "label": "true"}
        closed = await asyncio.to_thread(ana.do, card["id"], "close", closing)
        assert closed.is_success, closed.text
        await home.says("La trucada s’ha acabat.")
        assert await asyncio.to_thread(ana.queue) == []
        assert len(mails.mails) == 1, "nobody was told anything that this story does not need"
        ana.close()
    await mails.stop()


@pytest.mark.slow
async def test_both_pendants_and_their_repeats_are_one_case(build_town: Callable[..., Town]) -> None:
    town = build_town()
    await asyncio.to_thread(town.start)
    async with flat(town) as home:
        await home.start()
        # the agent dies while the pendant on the air still repeats its advert
        await home.pendant.say(PRESS, for_s=30.0)
        await soon(lambda: len(town.cases()) == 1, "the press on the air")
        home.agent.kill()
        await home.start()
        assert home.pendant.on_air, "still repeating when the agent is back"
        home.serial_pendant.press()
        await soon(lambda: town.cases()[0]["repeats"] >= 2, "a press after the restart joins")
        await soon(lambda: not home.serial_pendant.waiting, "the serial pendant got its acknowledgement")
        assert len(town.cases()) == 1
        assert town.cases()[0]["repeats"] == 2, "the repeats from before the restart invented no press"


@pytest.mark.slow
async def test_the_home_says_that_it_is_still_trying(build_town: Callable[..., Town]) -> None:
    town = build_town()
    async with flat(town) as home:
        await home.start()
        home.serial_pendant.press()
        await home.says("Encara ho estic intentant.")
        home.agent.kill()
        await asyncio.to_thread(town.start)
        await home.start()
        await home.says("La central ja té la seva trucada.")
        assert len(town.cases()) == 1, "the press survived the hub's power cut and the centre's absence"
