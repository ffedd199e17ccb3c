"""A firmware on the bench: its portable code loaded into this process, in virtual time, its lines in our hands."""

from __future__ import annotations

import ctypes
import shutil
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest
from cobs import cobs

from simulators.firmware_build import FirmwareToolMissing, host_library
from simulators.serial_bytes import cobs_encode, crc16

NUMBER = 0xA117
BOOT, HEARTBEAT, BUTTON, STATE, FALL, WINDOW = 1, 2, 3, 4, 5, 6
CONTACT, FALL_LINE = 1, 2
WAKE_TIME, WAKE_INPUT, WAKE_SERIAL = 1, 2, 4
SENT_MAX = 65_536
CLOCK = 1 << 32


class Sleep(ctypes.Structure):
    """`struct sleep` of product.h."""

    _fields_ = (("for_ms", ctypes.c_uint32), ("wake_by", ctypes.c_uint8))


class Message(ctypes.Structure):
    """`struct message` of wire.h."""

    _fields_ = (
        ("uptime_ms", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("battery_mv", ctypes.c_uint16),
        ("type", ctypes.c_uint8),
        ("argument", ctypes.c_uint8),
    )


class Told(NamedTuple):
    """One frame that the firmware sent, and when (ms of virtual time since the bench began)."""

    at: int
    type: int
    argument: int
    sequence: int
    uptime: int
    battery: int
    more: bytes
    frame: bytes


def load(product: str) -> ctypes.CDLL:
    """A copy of the library of its own: its state is nobody else's."""
    try:
        library = host_library(product)
    except FirmwareToolMissing as error:
        pytest.skip(f"NOT TESTED: the firmware cannot be built here: {error}")
    with tempfile.TemporaryDirectory() as folder:
        own = shutil.copy(library, Path(folder) / library.name)
        loaded = ctypes.CDLL(own)
    loaded.product_sleep.restype = Sleep
    loaded.product_sleep.argtypes = (ctypes.c_uint32,)
    loaded.product_start.argtypes = (ctypes.c_uint32, ctypes.c_uint16, ctypes.c_uint32)
    loaded.product_step.argtypes = (ctypes.c_uint32, ctypes.c_uint8)
    loaded.product_receive.argtypes = (ctypes.c_uint8, ctypes.c_uint32)
    loaded.library_fetch.restype = ctypes.c_size_t
    loaded.library_frame.restype = ctypes.c_size_t
    loaded.library_acknowledged.restype = ctypes.c_int32
    return loaded


def acknowledgement(sequence: int) -> bytes:
    """What the hub answers."""
    body = b"A" + struct.pack("<H", sequence)
    return cobs_encode(body + struct.pack("<H", crc16(body))) + b"\0"


def read(frame: bytes, at: int) -> Told:
    """One frame without its zero, read by nothing that firmware or product use."""
    body = cobs.decode(frame)
    assert crc16(body[:-2]) == int.from_bytes(body[-2:], "little")
    version, kind, number, sequence, uptime, battery, argument = struct.unpack_from("<BBIHIHB", body)
    assert (version, number) == (1, NUMBER)
    return Told(at, kind, argument, sequence, uptime, battery, body[15:-2], frame)


class Bench:
    """One device. Time passes only by `run`; the hub answers by itself while `hub_listens`.

    Attributes:
        told: every frame sent, copies included.
        heard: those that a listening hub got.
        now: virtual ms since the bench began; the device's own clock is `clock`.
        wakings: how often the device was awake.
    """

    def __init__(self, library: ctypes.CDLL, *, clock: int = 0, entropy: int = 1, hub_listens: bool = True) -> None:
        self._library = library
        self.hub_listens = hub_listens
        self.told: list[Told] = []
        self.heard: list[Told] = []
        self.inputs = 0
        self.now = 0
        self.wakings = 0
        self._epoch = clock
        self.every_ms = False
        self.battery(3_000)
        self._fetch()
        self.told.clear()
        library.product_start(NUMBER, entropy & 0xFFFF, self.clock)
        self._hear()

    @property
    def clock(self) -> int:
        return (self._epoch + self.now) % CLOCK

    def battery(self, millivolts: int) -> None:
        self._library.library_battery(ctypes.c_uint16(millivolts))

    def acceleration(self, x: int, y: int, z: int) -> None:
        self._library.library_acceleration(*(ctypes.c_int16(value) for value in (x, y, z)))

    def sleep(self) -> Sleep:
        found: Sleep = self._library.product_sleep(self.clock)
        return found

    def run(self, milliseconds: int) -> None:
        """Lets time pass as a board does: step, sleep as long as allowed, step again; or, with `every_ms`, each ms."""
        end = self.now + milliseconds
        while self.now < end:
            wanted = self.sleep().for_ms
            self.now += 1 if self.every_ms else max(1, min(wanted, end - self.now))
            self._step()

    def line(self, inputs: int) -> None:
        """A line changes: that wakes the board."""
        self.inputs = inputs
        self._step()

    def bounce(self, inputs: int, pauses: Iterable[int]) -> None:
        """The line goes to `inputs` and back in these pauses (ms), and stays at `inputs`."""
        before = self.inputs
        for number, pause in enumerate(pauses):
            self.line(before if number % 2 else inputs)
            self.run(pause)
        self.line(inputs)

    def press(self, hold_ms: int = 100, after_ms: int = 600) -> None:
        """A clean press, with time to let go."""
        self.line(CONTACT)
        self.run(hold_ms)
        self.line(0)
        self.run(after_ms)

    def receive(self, data: bytes) -> None:
        for byte in data:
            self._library.product_receive(byte, self.clock)
        self._step()

    def of(self, *kinds: int) -> list[Told]:
        """The frames of these types, copies included."""
        return [told for told in self.told if told.type in kinds]

    def presses(self) -> list[Told]:
        """The presses, each once however often it was sent."""
        first: dict[int, Told] = {}
        for told in self.of(BUTTON):
            if told.argument != 3:
                first.setdefault(told.sequence, told)
        return list(first.values())

    def _step(self) -> None:
        self.wakings += 1
        self._library.product_step(self.clock, self.inputs)
        self._hear()

    def _hear(self) -> None:
        fresh = self._fetch()
        self.told += fresh
        if self.hub_listens:
            self.heard += fresh
            for told in fresh:
                if told.type in {BUTTON, STATE, FALL, WINDOW}:
                    for byte in acknowledgement(told.sequence):
                        self._library.product_receive(byte, self.clock)

    def _fetch(self) -> list[Told]:
        buffer = (ctypes.c_uint8 * SENT_MAX)()
        length = self._library.library_fetch(buffer, ctypes.c_size_t(SENT_MAX))
        return [read(frame, self.now) for frame in bytes(buffer[:length]).split(b"\0")[:-1]]
