"""Promise: a press in the flat is one case whatever fails on its way, and the home says no more than is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from simulators.bthome_bytes import ObjectId
from tests.journeys.flat import flat, soon
from tests.journeys.town import Town

PRESS = (ObjectId.BUTTON, 1)


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
        await home.says("Ho continuo intentant.")
        home.agent.kill()
        await asyncio.to_thread(town.start)
        await home.start()
        await home.says("La central ja té la seva trucada.")
        assert len(town.cases()) == 1, "the press survived the hub's power cut and the centre's absence"
