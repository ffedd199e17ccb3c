"""A stop ends the agent within seconds, whatever does not answer, and loses nothing that was heard."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.frames import ButtonEvent, Frame, Link
from edge.agent import STOP_S, Agent
from edge.config import load_config
from edge.enrolment import load_enrolment
from edge.hub_session import GOODBYE_S
from simulators.pendant_tty import PendantTty
from tests.edge.conftest import PENDANT, Desk, running, trusted_clock, until

SECONDS = 60.0
"""Generous on a busy machine: what does not answer here takes ten minutes."""
KILLED_AFTER_S = 15.0
"""By systemd."""


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set when the test is over: what waits for it waits too long."""
    event = threading.Event()
    yield event
    event.set()


def test_all_that_a_stop_waits_for_takes_less_than_systemd_allows() -> None:
    assert STOP_S + GOODBYE_S < KILLED_AFTER_S


@pytest.mark.slow
async def test_a_stop_does_not_wait_for_a_name_that_nobody_knows(
    write_config: Callable[[str], Path], never: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def resolver_without_network(*_of_a_question: object, **_more: object) -> None:
        asked.set()
        never.wait(600)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolver_without_network)
    async with asyncio.timeout(SECONDS), running(write_config("")):
        await until(asked.is_set, "the name is asked for")


@pytest.mark.slow
async def test_a_stop_does_not_wait_for_a_loop_that_does_not_end_and_writes_what_was_heard(
    write_config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(write_config('[[button]]\nname = "cord"\nkind = "usb"\ndevice = "/dev/nothing-like-it"\n'))
    with (config.enrolment).open("a") as file:
        file.write('\n[[device]]\nid = "cord"\nmodel = "button"\nlink = "button"\naddress = "cord"\n')
    may_end = asyncio.Event()

    async def radio_that_does_not_answer(_progress: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_end.wait()

    agent = Agent(config, load_enrolment(config.enrolment), "hub-word", trusted_clock())
    monkeypatch.setattr(agent._listening, "loops", lambda *_: {"ble": radio_that_does_not_answer})
    async with asyncio.timeout(SECONDS):
        work = asyncio.create_task(agent.run())
        await until(lambda: agent._client.connected, "it works")
        agent.stop()
        agent._intake.take(Frame(Link.BUTTON, "cord", bytes((ButtonEvent.PRESS,)), None, 0.0))
        await work
    may_end.set()
    agent = Agent(config, load_enrolment(config.enrolment), "hub-word", trusted_clock())
    await agent._outbox.open(Path(config.storage.folder), 1000)
    assert len(await agent._outbox.call(lambda box: box.waiting_alarms())) == 1
    await agent._outbox.close()
    agent._client.stop()


async def test_an_agent_that_cannot_begin_leaves_nothing_open(
    write_config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(write_config(""))
    agent = Agent(config, load_enrolment(config.enrolment), "hub-word", trusted_clock())

    async def fault() -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(agent._settings, "load", fault)
    with pytest.raises(RuntimeError, match="of ours"):
        await agent.run()
    assert agent._client._wake_in.fileno() == -1
    await agent._outbox.close()


@pytest.mark.slow
async def test_a_call_that_is_only_in_memory_outlives_the_order_to_read_the_files_anew(
    write_config: Callable[[str], Path], desk: Desk, tmp_path: Path
) -> None:
    pendant = PendantTty(tmp_path / "tty-pendant", PENDANT)
    pendant.plug_in()
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n')
    # a disk that takes nothing
    (path.parent / "store").write_text("")
    desk.receipts = False
    program = (sys.executable, "-m", "edge", "run", "--verbose", "--config", str(path))
    agent = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.PIPE)
    assert agent.stderr is not None
    try:
        pendant.press()
        await until(lambda: desk.alarms, "the call arrives and gets no receipt")
        agent.send_signal(signal.SIGHUP)
        async with asyncio.timeout(SECONDS):
            while b"only in memory" not in await agent.stderr.readline():
                pass
        desk.alarms.clear()
        await until(lambda: desk.alarms, "the call is sent again")
        desk.receipts = True
        async with asyncio.timeout(SECONDS):
            while b"read anew" not in await agent.stderr.readline():
                pass
    finally:
        pendant.unplug()
        agent.kill()
        await agent.wait()
    assert len(desk.refs) == 1
