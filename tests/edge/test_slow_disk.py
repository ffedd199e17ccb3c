"""A disk that is slow is no reason for not taking a press, nor for being started again."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.health import STUCK_AFTER_S, STUCK_ON_DISK_S
from gateway.broker import Broker
from tests.edge.conftest import running, until

_PROGRAM = '''
import asyncio, sys, threading
from pathlib import Path

SLOW = {"bleak", "bumble", "dbus_fast", "serial", "serial_asyncio_fast"}
turned = threading.Event()
held_up = []

class SlowDisk:
    """Gives a library only when the event loop has turned meanwhile. A loop that is held up by it turns at no time."""

    def find_spec(self, name, path=None, target=None):
        if name in SLOW and loop is not None:
            turned.clear()
            if not turned.wait(25):
                held_up.append(name)
            read.add(name)

async def turn():
    while True:
        turned.set()
        await asyncio.sleep(0.01)

async def main():
    global loop
    loop = asyncio.get_running_loop()
    agent = Agent(config, load_enrolment(config.enrolment), "hub-word", system_clock())
    work, turning = asyncio.create_task(agent.run()), asyncio.create_task(turn())
    async with asyncio.timeout(80):
        while not SLOW_HERE <= read:
            await asyncio.sleep(0.01)
    agent.stop()
    await work

loop, read = None, set()
sys.meta_path.insert(0, SlowDisk())
from edge.agent import Agent
from edge.clock import system_clock
from edge.config import load_config
from edge.enrolment import load_enrolment
config = load_config(Path(sys.argv[1]))
SLOW_HERE = set(sys.argv[2].split(","))
asyncio.run(main())
print("held up by", held_up)
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("adapter", "libraries"),
    [("tcp-client:127.0.0.1:9", "bleak,bumble,serial_asyncio_fast"), ("hci0", "bleak,dbus_fast,serial_asyncio_fast")],
)
async def test_libraries_that_come_slowly_from_the_disk_do_not_hold_up_the_hub(
    write_config: Callable[[str], Path], adapter: str, libraries: str, tmp_path: Path
) -> None:
    config = write_config(f'[ble]\nadapter = "{adapter}"\n[[serial]]\nport = "{tmp_path / "none"}"\n')
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(program), str(config), libraries],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert "held up by []" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
async def test_a_slow_disk_does_not_starve_the_watchdog_and_one_that_hangs_does(
    write_config: Callable[[str], Path], broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.stop()
    monkeypatch.setitem(os.environ, "NOTIFY_SOCKET", str(tmp_path / "notify"))
    told: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        asyncio.get_running_loop().add_reader(listener.fileno(), lambda: told.append(listener.recv(100)))
        async with running(write_config("")) as agent:
            await until(lambda: b"WATCHDOG=1" in told, "ready and alive")
            goes_on = threading.Event()
            writing = asyncio.create_task(agent._outbox.call(lambda _box: goes_on.wait(60)))
            await until(lambda: agent._outbox.is_slow, "the disk stands still")
            now = agent._clock.monotonic
            # not one of its own loops, which moves when it has nothing to write
            agent._health.moved("waits for the disk", now - 2 * STUCK_AFTER_S)
            told.clear()
            await until(lambda: told.count(b"WATCHDOG=1") >= 2, "the watchdog is fed meanwhile")
            agent._health.moved("waits for the disk", now - STUCK_ON_DISK_S)
            told.clear()
            await asyncio.sleep(5)  # more than two rounds: silence is what is asserted
            assert told.count(b"WATCHDOG=1") <= 1
            goes_on.set()
            await writing
        asyncio.get_running_loop().remove_reader(listener.fileno())
