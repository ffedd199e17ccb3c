"""Promise: whatever a real disk does, a press reaches the centre once, and the centre hears of the disk.

An emulated hub with a small ext4 disk: it is filled, turns read-only as a worn card does, loses its power, and bytes
in the middle of its files are overwritten.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.broker import Broker
from simulators.machines.power import HOST, STORE, HubMachine, NoGuestError, make_disk
from simulators.outages import BEATING, FIRST_PENDANT, enrolment
from simulators.pendant_tty import PendantTty
from tests.edge.conftest import HUB, Desk

HOUSE = Path(__file__).resolve().parents[2]
PATIENCE_S = 180.0
SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def until(condition: Callable[[], object], what: str) -> None:
    """Waits until `condition` holds; an emulated computer takes its time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.05)


class SmallHub:
    """The agent on an emulated computer with a disk of 8 MB, and sixty pendants on its wire."""

    def __init__(self, folder: Path, broker: Broker, desk: Desk) -> None:
        self.desk = desk
        self.disk = folder / "disk.img"
        self.wire = PendantTty(folder / "wire", BEATING, heartbeat_s=86_400.0)
        (folder / "enrolment.toml").write_text(enrolment())
        (folder / "password").write_text("hub-word")
        config = folder / "edge.toml"
        config.write_text(
            f'enrolment = "enrolment.toml"\n[hub]\nid = "{HUB}"\n[broker]\nhost = "{HOST}"\nport = {broker.port}\n'
            f'tls = false\npassword_file = "password"\n[storage]\nfolder = "{STORE}/outbox"\n'
            '[[serial]]\nport = "/dev/ttyS1"\n'
        )
        make_disk(self.disk, 8)
        command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
        self.machine = HubMachine(
            folder,
            command,
            cwd=HOUSE,
            disk=self.disk,
            serial=folder / "wire",
            disk_options="rw,errors=remount-ro",
        )
        self.pressed = 0

    def press(self) -> str:
        """Another pendant each time; its name."""
        self.wire.device = FIRST_PENDANT + self.pressed
        self.wire.press()
        self.pressed += 1
        return f"pendant-{self.pressed - 1}"

    async def start(self) -> None:
        """Powers it on and waits until it has stored a press."""
        self.machine.power_on()
        self.press()
        await until(lambda: self.wire.waiting == 0, "the hub acknowledges a press")

    async def order(self, command: str) -> None:
        """Runs a command in the hub."""
        begin = len(self.machine.said())
        self.machine.order(command)
        await until(lambda: f"DONE {command}" in self.machine.said()[begin:], command)

    @property
    def faults(self) -> list[str]:
        """What the hub said last of what is wrong with it."""
        return self.desk.states[-1].faults if self.desk.states else []

    async def arrives(self, pendant: str) -> None:
        """Waits until the centre has that pendant's alarm."""
        await until(lambda: any(alarm.did == pendant for alarm in self.desk.alarms), f"the alarm of {pendant}")

    def each_press_is_one_alarm(self) -> bool:
        """Whether the centre has one alarm, in any number of copies, for each press."""
        of = Counter(did for did, _ in {(alarm.did, alarm.ref) for alarm in self.desk.alarms})
        return of == Counter({f"pendant-{number}": 1 for number in range(self.pressed)})


@pytest.fixture
async def hub(tmp_path: Path, broker: Broker, desk: Desk) -> AsyncIterator[SmallHub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    try:
        made = SmallHub(folder, broker, desk)
    except NoGuestError as error:
        pytest.skip(f"NOT TESTED on a real disk: {error}")
    made.wire.plug_in()
    yield made
    made.machine.cut_power()
    made.wire.unplug()


async def fill_and_make_room(hub: SmallHub) -> None:
    """A full disk holds up no call, the centre is told, and the disk is used again when there is room."""
    await hub.order(f"dd if=/dev/zero of={STORE}/fill bs=16k 2>/dev/null; sync")

    async def press_until_it_shows() -> None:
        while not any("memory only" in fault for fault in hub.faults):
            await hub.arrives(hub.press())

    async with asyncio.timeout(PATIENCE_S):
        await press_until_it_shows()
    unkept = hub.press()
    await hub.arrives(unkept)
    assert hub.wire.waiting, "what is not on disk is not acknowledged to the pendant"
    await hub.order(f"rm {STORE}/fill")
    await until(lambda: not any("outbox" in fault for fault in hub.faults), "the hub says that it is well again")
    await until(lambda: hub.wire.waiting == 0, "the pendants get their acknowledgement")


@pytest.mark.long
async def test_a_disk_that_was_full_loses_and_doubles_nothing_in_a_power_cut(hub: SmallHub) -> None:
    await hub.start()
    await fill_and_make_room(hub)
    hub.machine.cut_power()
    await hub.start()
    await hub.arrives(f"pendant-{hub.pressed - 1}")
    assert hub.each_press_is_one_alarm(), hub.desk.alarms


async def test_a_full_disk_one_that_turns_read_only_and_a_damaged_file_hold_up_no_call(hub: SmallHub) -> None:
    await hub.start()
    await fill_and_make_room(hub)
    for _ in range(12):
        hub.press()
        await until(lambda: hub.wire.waiting == 0, "the hub acknowledges a press")
    await hub.order("echo 1 > /sys/fs/ext4/vda/trigger_fs_error")
    unkept = hub.press()
    await hub.arrives(unkept)
    await until(lambda: any("memory only" in fault for fault in hub.faults), "the hub tells of its disk")
    assert hub.wire.waiting == 1, "what is not on disk is not acknowledged to the pendant"
    hub.machine.cut_power()
    hub.desk.states.clear()
    refs_before = hub.desk.refs
    overwrite(hub.disk, f"{STORE}/outbox/outbox.sqlite", f"{STORE}/outbox/outbox.sqlite-wal")
    await hub.start()
    await until(lambda: any("damaged" in fault for fault in hub.faults), "the hub tells of the damaged file")
    await hub.arrives(f"pendant-{hub.pressed - 1}")
    new = {alarm.ref for alarm in hub.desk.alarms if alarm.did == f"pendant-{hub.pressed - 1}"}
    assert not new & refs_before, "no new call looks like an old one"


def overwrite(disk: Path, *files: str) -> None:
    """Random bytes into the middle of files on an ext4 disk that has no power."""
    fsck, debugfs = (shutil.which(name, path=SYSTEM) for name in ("e2fsck", "debugfs"))
    assert fsck
    assert debugfs
    subprocess.run([fsck, "-fy", str(disk)], capture_output=True, check=False)
    block_bytes = 1024
    for file in files:
        inside = file.removeprefix(STORE)
        told = subprocess.run(
            [debugfs, "-R", f"blocks {inside}", str(disk)], capture_output=True, text=True, check=True
        )
        blocks = [int(word) for word in told.stdout.split()]
        assert blocks, (file, told)
        with disk.open("r+b") as image:
            for block in blocks[len(blocks) // 3 :][:3]:
                image.seek(block * block_bytes)
                image.write(random.Random(block).randbytes(block_bytes))
