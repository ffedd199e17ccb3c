"""How the running agent is, for `llar-edge check` on the same machine: one small file, written anew every second.

Under systemd it lies in the unit's folder in /run, which is memory; otherwise beside the outbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from devices.enrolment import EnrolledDevice
from devices.frames import Frame
from devices.vocabulary import Reading
from edge.clock import boot_id
from edge.config import Config
from gateway.contract.messages import HubState

FILE_NAME: Final = "status.json"
RUN_FOLDER: Final = Path("/run/llar-edge")
"""RuntimeDirectory of the systemd unit."""
WRITE_EVERY_S: Final = 1.0
FRESH_S: Final = 15.0
"""An agent that has not written for so long does not run, or is stuck."""
_BYTES_MAX: Final = 100_000


class DeviceStatus(msgspec.Struct):
    """One device as it was heard by this run of the agent.

    Attributes:
        heard_at: monotonic seconds when it was last heard; None for not yet.
        pressed_at: monotonic seconds when it last raised an alarm.
        times: how often it was heard.
        rssi_dbm: signal strength of the last frame, where the link has one.
        battery_percent: its last word about its battery.
    """

    heard_at: float | None = None
    pressed_at: float | None = None
    times: int = 0
    rssi_dbm: float | None = None
    battery_percent: float | None = None


class AgentStatus(msgspec.Struct):
    """The file.

    Attributes:
        hub, pid: which agent wrote it.
        boot, written_at: when, by the monotonic clock of that boot.
        connected: whether the broker is connected.
        calls_waiting: calls without the centre's receipt.
        state: the state as the centre gets it.
        devices: device id -> what is known.
    """

    hub: str
    pid: int
    boot: str
    written_at: float
    connected: bool
    calls_waiting: int
    state: HubState
    devices: dict[str, DeviceStatus]


class HeardBoard:
    """Notes who was heard, how strongly and with which battery."""

    def __init__(self) -> None:
        self.devices: dict[str, DeviceStatus] = {}

    def heard(self, device: EnrolledDevice, frame: Frame, readings: Sequence[Reading]) -> None:
        """A good frame of an enrolled device."""
        known = self.devices.setdefault(device.id, DeviceStatus())
        known.heard_at = time.monotonic()
        known.times += 1
        if frame.rssi_dbm is not None:
            known.rssi_dbm = frame.rssi_dbm
        for reading in readings:
            if reading.kind == "battery" and isinstance(reading.value, int | float):
                known.battery_percent = float(reading.value)
            elif reading.kind == "press":
                known.pressed_at = known.heard_at


async def keep_writing(file: Path, status: Callable[[], AgentStatus], on_progress: Callable[[], None]) -> None:
    """Writes the status every second until cancelled; the agent works without it, so a full disk is no fault here."""
    may_put = threading.Lock()
    try:
        while True:
            on_progress()
            with contextlib.suppress(OSError):
                await asyncio.to_thread(_write, file, msgspec.json.encode(status()), may_put)
            await asyncio.sleep(WRITE_EVERY_S)
    finally:
        # for good: what a thread still writes is not put there any more
        may_put.acquire()
        file.unlink(missing_ok=True)  # noqa: ASYNC240 - cancelled, it must not wait for another thread


def status_file(config: Config) -> Path:
    """Where an agent of this configuration writes."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(folder or config.storage.folder) / FILE_NAME


def read_status(config: Config) -> AgentStatus | None:
    """What the running agent of this hub wrote just now; None when none runs, or it is stuck."""
    for folder in (RUN_FOLDER, Path(config.storage.folder)):
        try:
            status = msgspec.json.decode((folder / FILE_NAME).read_bytes()[:_BYTES_MAX], type=AgentStatus)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        now = time.monotonic()
        fresh = status.boot == boot_id() and 0 <= now - status.written_at < FRESH_S
        if status.hub == config.hub.id and fresh and _lives(status.pid):
            return status
    return None


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _write(file: Path, content: bytes, may_put: threading.Lock) -> None:
    """In one step, and not forced to the disk: after a power cut nobody asks for it."""
    beside = file.with_name(f".{file.name}.new")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(number, "wb") as stream:
        stream.write(content)
    if may_put.acquire(blocking=False):
        try:
            beside.replace(file)
        finally:
            may_put.release()
