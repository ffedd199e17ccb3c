"""One real flat of a town: the agent in its own process, a serial and a BLE pendant, sensors on a virtual radio."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

from gateway.free_ports import free_port
from simulators.network import Line
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tests.edge.conftest import listening
from tests.journeys.town import DEADLINE_S, Program, Town

PENDANT_NUMBER = 0x0000_1A2B
PENDANT_KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
PENDANT_ADDRESS, MOTION_ADDRESS = "A4:C1:38:00:00:02", "A4:C1:38:00:00:01"
T = TypeVar("T")


async def soon(condition: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """The first true value of `condition`, while this loop's simulators go on."""
    end = asyncio.get_running_loop().time() + deadline_s
    while asyncio.get_running_loop().time() < end:
        if found := condition():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {deadline_s:.0f} s: {what}")


class Flat:
    """The flat of the town's first hub. `line` is the cable to the broker: it can be cut."""

    def __init__(self, town: Town) -> None:
        folder = town.folder / "flat"
        folder.mkdir()
        self.town = town
        self.hub = town.hubs[0]
        self.air = VirtualAir()
        self.controller = HubController(self.air)
        self.pendant = BTHomeSensor(self.air, "pendant", PENDANT_ADDRESS, key=PENDANT_KEY, counter=1_000)
        self.motion = BTHomeSensor(self.air, "motion", MOTION_ADDRESS)
        self.serial_pendant = PendantTty(folder / "tty", PENDANT_NUMBER)
        self.line = Line(town.broker.port)
        self.screen_port = free_port()
        self.outbox = folder / "outbox"
        self.agent = Program("edge", ["-m", "edge", "run", "--config", str(folder / "edge.toml")], town.folder)
        town.programs.append(self.agent)

    async def move_in(self) -> None:
        """Powers everything but the agent."""
        self.serial_pendant.plug_in()
        await self.controller.start()
        await self.line.restore()
        for sensor in (self.pendant, self.motion):
            await sensor.power_on()
        folder = self.serial_pendant.path.parent
        (folder / "password").write_text(self.town.passwords[self.hub])
        (folder / "edge.toml").write_text(
            f'enrolment = "enrolment.toml"\n[hub]\nid = "{self.hub}"\nlanguage = "ca"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {self.line.port}\ntls = false\npassword_file = "password"\n'
            f'[storage]\nfolder = "outbox"\n[ble]\nadapter = "{self.controller.transport}"\n'
            f'[[serial]]\nport = "{self.serial_pendant.path}"\n[screen]\nport = {self.screen_port}\n'
        )
        (folder / "enrolment.toml").write_text(
            f'[[device]]\nid = "neck"\nmodel = "bthome_pendant"\nlink = "ble_advert"\naddress = "{PENDANT_ADDRESS}"\n'
            f'key = "{PENDANT_KEY.hex()}"\n'
            f'[[device]]\nid = "hall"\nmodel = "bthome_motion"\nlink = "ble_advert"\naddress = "{MOTION_ADDRESS}"\n'
            f'room = "hall"\nplace_code = 42\n'
            f'[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "{PENDANT_NUMBER:08x}"\n'
        )

    async def start(self) -> None:
        """Starts the agent and waits until it works."""
        await asyncio.to_thread(self.agent.start, ready="ready")
        await soon(lambda: self.controller.listening, "the agent listens to the radio")
        await listening(self.screen_port)

    async def says(self, sentence: str) -> None:
        """Waits until the home's page says so."""

        async def now() -> str:
            async with httpx.AsyncClient() as http, http.stream("GET", self.events_url, timeout=5) as answer:
                scene = False
                async for line in answer.aiter_lines():
                    scene = scene or line == "event: scene"
                    if scene and line.startswith("data:"):
                        return json.dumps(json.loads(line[5:]), ensure_ascii=False)
            return ""

        end = asyncio.get_running_loop().time() + DEADLINE_S
        said = ""
        while asyncio.get_running_loop().time() < end:
            with contextlib.suppress(httpx.HTTPError):
                said = await now()
            if sentence in said:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"the home never said {sentence!r}; last {said}")

    @property
    def events_url(self) -> str:
        return f"http://127.0.0.1:{self.screen_port}/events"

    async def move_out(self) -> None:
        """Switches everything off."""
        self.agent.kill()
        for sensor in (self.pendant, self.motion):
            await sensor.power_off()
        self.serial_pendant.unplug()
        await self.controller.die()
        await self.line.cut()


@asynccontextmanager
async def flat(town: Town) -> AsyncIterator[Flat]:
    """A flat that is empty again after the block."""
    made = Flat(town)
    await made.move_in()
    try:
        yield made
    finally:
        await made.move_out()
