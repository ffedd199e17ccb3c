"""The C firmware at work: a real device behind a serial port, with a finger on its button.

Two ways of running it have one shape. `HostFirmware` is the firmware as a process of this machine; `EmulatedFirmware`
is the micro:bit's own image in QEMU, its button pressed at the pin. In both, the serial line ends in a `SerialPort`, a
pseudo-terminal that can be unplugged while the device behind it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Final

from simulators.child import tied
from simulators.firmware_build import FirmwareToolMissing, arm_image, host_program
from simulators.qemu import MachineLine, Monitor
from simulators.serial_bytes import FrameCutter, PendantMessage, acknowledged, message_of
from simulators.serial_port import SerialPort

CONTACT: Final = 1
"""The button, the mat, the door's magnet; as a bit of the lines."""
FALL: Final = 2
"""The pendant's fall line."""
HOLD_S: Final = 0.07
"""A short press of a finger."""
BOUNCE_MAX_S: Final = 0.004
BOUNCES: Final = 4
"""Contacts of a worn switch: four times open and closed again, each for up to four milliseconds."""
_ANSWER_WAIT_S: Final = 20.0
_LOOK_S: Final = 0.005
_BOUNCE_SEEN_MAX_MS: Final = 25
"""Shorter than what the firmware takes for a press."""
_READ_BYTES: Final = 4096
_PINS: Final = {CONTACT: 17, FALL: 26}
_UICR_DEVICE_NUMBER: Final = 0x10001080


class Firmware(ABC):
    """A device that runs the firmware of `product`, behind a serial port.

    Attributes:
        number: the device's, 32 bits.
        port: its serial port.
        damage_next: how many of the next pieces that it sends get one bit flipped on their way.
        muffled: whether what the hub answers is lost on its way.
        copies: how often each message was sent since the battery was put in, in the order of the first time.
        answered: the numbers of the messages whose acknowledgement reached the device since then.
    """

    def __init__(self, product: str, path: Path, number: int, *, seed: int = 1) -> None:
        """Nothing happens before `start`; the port appears at `path`."""
        self.product, self.number = product, number
        self.damage_next = 0
        self.muffled = False
        self.copies: Counter[PendantMessage] = Counter()
        self.answered: set[int] = set()
        self._from_hub, self._from_us = FrameCutter(), FrameCutter()
        self.port = SerialPort(path, self._to_device)
        self._dice = random.Random(seed)
        self._lines = 0
        self._finger = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._serial: socket.socket | None = None

    @property
    def path(self) -> Path:
        """Where the port appears."""
        return self.port.path

    @property
    def plugged_in(self) -> bool:
        """Whether the port exists."""
        return self.port.plugged_in

    @property
    def running(self) -> bool:
        """Whether the device has power."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Plugs the port in and puts the battery in: the device boots.

        Raises:
            FirmwareNotBuilt: something is missing that it takes to build or to run it.
        """
        self.port.plug_in()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._serial = ours
        self.copies.clear()
        self.answered.clear()
        self._from_hub, self._from_us = FrameCutter(), FrameCutter()
        asyncio.get_running_loop().add_reader(ours, self._from_device)
        try:
            with theirs:
                await self._boot(theirs)
            await self._begin()
        except BaseException:
            self.stop()
            raise

    async def reset(self) -> None:
        """Battery out, battery in: what was in its memory is gone. Lines stay as they are."""
        self._power_off()
        await self.start()
        if self._lines:
            await self.set_lines(self._lines)

    def stop(self) -> None:
        """Battery out, port unplugged."""
        self._power_off()
        self.port.unplug()

    def plug_in(self) -> None:
        """Plugs the receiver in again; the device behind it has gone on."""
        self.port.plug_in()

    def unplug(self) -> None:
        """Pulls the receiver out of the hub; the device behind it goes on."""
        self.port.unplug()

    async def press(self, *, hold_s: float = HOLD_S, bounces: int = BOUNCES, line: int = CONTACT) -> None:
        """Presses and lets go, with a contact that bounces both times."""
        async with self._finger:
            await self.hold(bounces=bounces, line=line)
            await self._wait(hold_s)
            await self.let_go(bounces=bounces, line=line)

    async def hold(self, *, bounces: int = BOUNCES, line: int = CONTACT) -> None:
        """Presses and does not let go yet."""
        await self._change(self._lines | line, bounces)

    async def let_go(self, *, bounces: int = BOUNCES, line: int = CONTACT) -> None:
        """Lets go."""
        await self._change(self._lines & ~line, bounces)

    async def _change(self, lines: int, bounces: int) -> None:
        for _ in range(bounces):
            if not await self._bounce(lines, self._dice.uniform(0, BOUNCE_MAX_S)):
                break
            await asyncio.sleep(self._dice.uniform(0, BOUNCE_MAX_S))
        await self.set_lines(lines)

    async def set_lines(self, lines: int) -> None:
        """Sets the lines, as bits of CONTACT and FALL, without any bounce."""
        self._lines = lines
        await self._set_lines(lines)

    @abstractmethod
    async def battery(self, millivolts: int) -> None:
        """Changes the supply voltage."""

    @abstractmethod
    async def idle(self, seconds: float) -> None:
        """Lets time pass for the device at once, with nobody near it."""

    @abstractmethod
    async def _bounce(self, lines: int, seconds: float) -> bool:
        """Sets the lines for a moment, as the device counts it, and back again.

        False when they stay as they are now: on a busy machine the moment grew too long to pass for a bounce.
        """

    @abstractmethod
    async def _wait(self, seconds: float) -> None:
        """Waits while the device works for so long: on a busy machine it may stand still meanwhile, no finger would."""

    @abstractmethod
    async def _boot(self, serial: socket.socket) -> None:
        """Starts the process, with `serial` as the device's end of the line."""

    @abstractmethod
    async def _begin(self) -> None:
        """Lets it run, now that somebody listens."""

    @abstractmethod
    async def _set_lines(self, lines: int) -> None: ...

    @abstractmethod
    def _disconnect(self) -> None:
        """Closes what leads to the process besides its serial line."""

    def _run(self, command: list[str], kept: list[socket.socket], orders: socket.socket | None = None) -> None:
        """Starts the process, with these sockets open in it; `orders` becomes its stdin and stdout."""
        own = subprocess.DEVNULL if orders is None else orders.fileno()
        files = [end.fileno() for end in kept]
        self._process = subprocess.Popen(tied(command), stdin=own, stdout=own, pass_fds=files)

    def _power_off(self) -> None:
        if self._serial is not None:
            asyncio.get_running_loop().remove_reader(self._serial)
            self._serial.close()
            self._serial = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._disconnect()

    def _to_device(self, data: bytes) -> None:
        if self._serial is None or self.muffled:
            return
        self.answered.update(n for n in map(acknowledged, self._from_hub.feed(data)) if n is not None)
        with contextlib.suppress(OSError):
            self._serial.send(data)

    def _from_device(self) -> None:
        assert self._serial is not None
        try:
            data = bytearray(self._serial.recv(_READ_BYTES))
        except OSError:
            data = bytearray()
        if not data:
            asyncio.get_running_loop().remove_reader(self._serial)
            return
        self.copies.update(m for m in map(message_of, self._from_us.feed(bytes(data))) if m is not None)
        if self.damage_next:
            self.damage_next -= 1
            data[self._dice.randrange(len(data))] ^= 1 << self._dice.randrange(8)
        self.port.write(bytes(data))


class HostFirmware(Firmware):
    """The firmware as a process of this machine; its orders are described in `firmware_stubs/boards/host.c`."""

    _orders: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def battery(self, millivolts: int) -> None:
        """Changes the supply voltage."""
        await self._order(f"battery {millivolts}")

    async def idle(self, seconds: float) -> None:
        """Lets time pass for the device at once: it wakes as often as it wants to, and sends what it has to."""
        await self._order(f"idle {round(seconds * 1000)}")

    async def move(self, samples: list[tuple[int, int, int]]) -> None:
        """Queues what the accelerometer will measure, sample by sample, 1/2048 g per step; the last one stays."""
        for x, y, z in samples:
            await self._order(f"acceleration {x} {y} {z}")

    async def _boot(self, serial: socket.socket) -> None:
        program = await asyncio.to_thread(host_program, self.product)
        ours, theirs = socket.socketpair()
        with theirs:
            self._run([str(program), str(self.number), str(serial.fileno())], [serial], orders=theirs)
        self._orders = await asyncio.open_connection(sock=ours)

    async def _bounce(self, lines: int, seconds: float) -> bool:
        await self._order(f"bounce {lines} {round(seconds * 1000)}")
        return True

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # with each order it first looks at what was until then

    async def _begin(self) -> None:
        await self._order("inputs 0")

    async def _set_lines(self, lines: int) -> None:
        await self._order(f"inputs {lines}")

    async def _order(self, order: str) -> None:
        assert self._orders is not None, "it has no power"
        reader, writer = self._orders
        writer.write(f"{order}\n".encode())
        async with asyncio.timeout(_ANSWER_WAIT_S):
            answer = await reader.readline()
        if answer != b"ok\n":
            raise ConnectionError(f"the firmware answers {answer!r} to {order!r}")

    def _disconnect(self) -> None:
        if self._orders is not None:
            self._orders[1].close()
            self._orders = None


class EmulatedFirmware(Firmware):
    """The micro:bit's image in QEMU. Its time lags behind the wall's under load: judge by what it says, not when."""

    _monitor: Monitor | None = None
    _machine: MachineLine | None = None
    _symbols: dict[str, int]
    _levels: dict[int, int]

    async def battery(self, millivolts: int) -> None:
        """Changes the supply voltage: a variable, for the emulator has no ADC."""
        assert self._machine is not None, "it has no power"
        await self._machine.order(f"writew {self._symbols['emulated_battery_mv']:#x} {millivolts}")

    async def idle(self, seconds: float) -> None:
        """Puts the device's clock forward: to it, so much time has passed since it last looked."""
        assert self._machine is not None, "it has no power"
        passed = (await self._word("emulated_idle_ms") + round(seconds * 1000)) & 0xFFFFFFFF
        await self._machine.order(f"writel {self._symbols['emulated_idle_ms']:#x} {passed}")

    async def _word(self, name: str) -> int:
        """A 32-bit variable of the device."""
        assert self._machine is not None, "it has no power"
        return int((await self._machine.order(f"readl {self._symbols[name]:#x}")).split()[1], 16)

    async def memory(self, begin: str, end: str) -> bytes:
        """The device's memory between two symbols."""
        assert self._machine is not None, "it has no power"
        first, length = self._symbols[begin], self._symbols[end] - self._symbols[begin]
        answer = await self._machine.order(f"read {first:#x} {length:#x}")
        return bytes.fromhex(answer.split()[1].removeprefix("0x"))

    async def _bounce(self, lines: int, seconds: float) -> bool:
        assert self._monitor is not None, "it has no power"
        before = await self._word("looked_at_ms")
        await self._set_lines(lines)
        await asyncio.sleep(seconds)
        await self._monitor.order("stop")
        is_short = (await self._word("looked_at_ms") - before) & 0xFFFFFFFF < _BOUNCE_SEEN_MAX_MS
        if is_short:
            await self._set_lines(self._lines)
        await self._monitor.order("cont")
        return is_short

    async def _wait(self, seconds: float) -> None:
        before = start = await self._word("looked_at_ms")
        while start == before:
            await asyncio.sleep(_LOOK_S)
            start = await self._word("looked_at_ms")
        passed_ms = 0
        while passed_ms < seconds * 1000:
            await asyncio.sleep(_LOOK_S)
            passed_ms = (await self._word("looked_at_ms") - start) & 0xFFFFFFFF

    async def _boot(self, serial: socket.socket) -> None:
        qemu = shutil.which("qemu-system-arm")
        if qemu is None:
            raise FirmwareToolMissing("qemu-system-arm not found: sudo apt install qemu-system-arm")
        image = await asyncio.to_thread(arm_image, self.product)
        self._symbols = await asyncio.to_thread(_symbols, image)
        pairs = [socket.socketpair() for _ in range(2)]
        (monitor, their_monitor), (machine, their_machine) = pairs
        files = {"serial": serial, "monitor": their_monitor, "qtest": their_machine}
        chardevs = [f"socket,id={name},fd={end.fileno()}" for name, end in files.items()]
        with their_monitor, their_machine:
            self._run(
                [qemu, "-M", "microbit", "-display", "none", "-S", "-nodefaults", "-accel", "tcg"]
                + [word for chardev in chardevs for word in ("-chardev", chardev)]
                + ["-serial", "chardev:serial", "-mon", "chardev=monitor,mode=control"]
                + ["-qtest", "chardev:qtest", "-qtest-log", "none", "-device", f"loader,file={image}"],
                list(files.values()),
            )
        self._levels = {}
        self._monitor = await Monitor.open(monitor)
        self._machine = await MachineLine.open(machine)

    async def _begin(self) -> None:
        assert self._monitor is not None
        assert self._machine is not None
        await self._machine.order(f"writel {_UICR_DEVICE_NUMBER:#x} {self.number:#x}")
        await self._set_lines(0)
        await self._monitor.order("cont")

    async def _set_lines(self, lines: int) -> None:
        assert self._machine is not None, "it has no power"
        for line, pin in _PINS.items():
            level = 0 if lines & line else 1
            if self._levels.get(pin) != level:
                self._levels[pin] = level
                await self._machine.order(f"set_irq_in /machine/nrf51 unnamed-gpio-in {pin} {level}")

    def _disconnect(self) -> None:
        for line in (self._monitor, self._machine):
            if line is not None:
                line.close()
        self._monitor = self._machine = None


def _symbols(image: Path) -> dict[str, int]:
    listing = subprocess.run(["arm-none-eabi-nm", str(image)], check=True, capture_output=True, text=True).stdout
    parts = (line.split() for line in listing.splitlines())
    return {part[2]: int(part[0], 16) for part in parts if len(part) == 3}
