"""Promise: with the line cut, a press reaches the centre by telephone, and the home hears of it; it is one case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from central.sealing import Sealer
from central.storage.hub_secrets import keep_password
from edge.agent import Agent
from edge.clock import Clock, boot_id
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.home.stages import SceneName
from simulators.modem import ModemTty
from simulators.network import Line
from simulators.pendant_tty import PendantTty
from simulators.phone_network import PhoneNetwork
from tests.journeys.console_seat import Seat
from tests.journeys.flat import soon
from tests.journeys.town import DEADLINE_S, Town

pytestmark = pytest.mark.slow

PENDANT_NUMBER = 0x0000_1A2B
HUB_NUMBER, CENTRE, JORDI = "+34600000001", "+34930000000", "+34600111222"
TOKEN = "the gateway's word"


class FlatWithModem:
    """The agent in this process, so that its clock can be put on; a pendant, a modem, and a cable that can be cut."""

    def __init__(self, town: Town, agent: Agent, pendant: PendantTty, line: Line, clock: list[float]) -> None:
        self.town, self.agent, self.pendant, self.line, self._clock = town, agent, pendant, line, clock

    def later(self, seconds: float) -> None:
        """Puts the hub's clock on."""
        self._clock[0] += seconds

    async def press(self) -> None:
        """Presses; the hub has it on disk afterwards."""
        async with asyncio.timeout(DEADLINE_S):
            await self.pendant.acknowledged(self.pendant.press())

    async def shows(self, name: SceneName) -> None:
        await soon(lambda: self.agent._presence.scene().name is name, f"the home shows {name}")

    async def has_second_path(self) -> None:
        await soon(lambda: self.agent._sms is not None and self.agent._sms.ready, "the modem is ready")


def write_files(folder: Path, town: Town, port: int) -> Path:
    hub = town.hubs[0]
    (folder / "password").write_text(town.passwords[hub])
    (folder / "enrolment.toml").write_text(
        f'[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "{PENDANT_NUMBER:08x}"\n'
        f'room = "bathroom"\n'
    )
    path = folder / "edge.toml"
    path.write_text(
        f'enrolment = "enrolment.toml"\n[hub]\nid = "{hub}"\nlanguage = "ca"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\npassword_file = "password"\n'
        f'[storage]\nfolder = "store"\n[[serial]]\nport = "{folder}/pendant"\n'
        f'[modem]\nport = "{folder}/modem"\ncentre_number = "{CENTRE}"\nperson = "Maria"\n'
        f'[[contact]]\nname = "Jordi"\nnumber = "{JORDI}"\n'
    )
    return path


@asynccontextmanager
async def flat_with_modem(town: Town, network: PhoneNetwork) -> AsyncIterator[FlatWithModem]:
    folder = town.folder / "flat"
    folder.mkdir()
    line, pendant = Line(town.broker.port), PendantTty(folder / "pendant", PENDANT_NUMBER)
    modem = ModemTty(folder / "modem", HUB_NUMBER, network)
    await line.restore()
    pendant.plug_in()
    modem.plug_in()
    added = [0.0]
    clock = Clock(
        boot_id(),
        monotonic=lambda: time.monotonic() + added[0],
        wall=lambda: time.time() + added[0],
        is_trusted=lambda: True,
    )
    config = load_config(write_files(folder, town, line.port))
    agent = Agent(config, load_enrolment(config.enrolment), town.passwords[town.hubs[0]], clock)
    task = asyncio.create_task(agent.run())
    try:
        yield FlatWithModem(town, agent, pendant, line, added)
    finally:
        agent.stop()
        await task
        pendant.unplug()
        modem.unplug()
        await line.cut()


@pytest.fixture
async def network() -> AsyncIterator[PhoneNetwork]:
    made = PhoneNetwork()
    yield made
    await made.close()


@pytest.fixture
def town(build_town: Callable[..., Town], tmp_path: Path, network: PhoneNetwork) -> Town:
    (tmp_path / "sms.token").write_text(TOKEN)
    made = build_town(extra='[sms]\ntoken_file = "sms.token"\n')
    with made.database.begin() as connection:
        keep_password(connection, Sealer(), made.hubs[0], made.passwords[made.hubs[0]], time.time())
    network.add_gateway(CENTRE, f"http://127.0.0.1:{made.console_port}/sms/in", TOKEN)
    return made


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.dispatch.STEP_S", 0.05)


async def test_a_press_on_a_cut_line_is_a_case_and_the_home_hears_of_it(town: Town, network: PhoneNetwork) -> None:
    await asyncio.to_thread(town.start)
    async with flat_with_modem(town, network) as home:
        await home.has_second_path()
        await home.line.cut()
        await soon(lambda: not home.agent._client.connected, "the hub notices")
        home.later(20)
        await home.press()
        await home.shows(SceneName.RECEIVED)
        [case] = town.cases()
        ana = await asyncio.to_thread(Seat, town)
        [card] = await asyncio.to_thread(ana.queue)
        assert (card["kind"], card["priority"]) == ("help", 1)
        assert (await asyncio.to_thread(ana.do, case["id"], "take")).is_success
        await home.line.restore()
        await soon(lambda: home.agent._presence.scene().who == "Ana", "what was said meanwhile arrives by the line")
        ana.close()
    [one] = town.cases()
    assert one["repeats"] == case["repeats"], "the line's return opened and repeated nothing"
    assert network.texts_to(JORDI) == [], "the family was not frightened"
    assert network.refusals == []


async def test_when_the_answer_is_lost_the_copy_by_the_line_joins_the_same_case(
    town: Town, network: PhoneNetwork
) -> None:
    network.lost.add(HUB_NUMBER)
    await asyncio.to_thread(town.start)
    async with flat_with_modem(town, network) as home:
        await home.has_second_path()
        await home.line.cut()
        await soon(lambda: not home.agent._client.connected, "the hub notices")
        home.later(20)
        await home.press()
        await soon(lambda: len(town.cases()) == 1, "the case is there")
        home.later(12)
        await home.shows(SceneName.MESSAGED)
        await home.line.restore()
        await home.shows(SceneName.RECEIVED)
        assert len({one.alarm.ref for one in await home.agent._outbox.call(lambda box: box.recent_alarms(8))}) == 1
    [case] = town.cases()
    assert case["repeats"] == 1, "two copies of one call are not two calls"


async def test_while_the_centre_is_down_the_gateway_delivers_again_and_the_family_is_told(
    town: Town, network: PhoneNetwork
) -> None:
    async with flat_with_modem(town, network) as home:
        await home.has_second_path()
        home.later(20)
        await home.press()
        home.later(26)
        await soon(lambda: network.texts_to(CENTRE), "no receipt, though there is a line: by telephone too")
        await home.shows(SceneName.MESSAGED)
        home.later(40)
        await soon(lambda: network.texts_to(JORDI), "Jordi is told")
        assert "Maria demana ajuda" in network.texts_to(JORDI)[0]
        await asyncio.to_thread(town.start)
        await home.shows(SceneName.RECEIVED)
        await soon(lambda: len(town.cases()) == 1, "one case")
    assert len(town.cases()) == 1
