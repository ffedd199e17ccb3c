"""A small emulated machine with Debian's kernel and BlueZ, whose Bluetooth radio is the virtual one of `radio.py`.

Its HCI UART is a TCP port of this process (the kernel attaches it as a Raspberry Pi attaches its own), and its system
bus is offered on a loopback port: a program under test that is given `environment` finds a real bluetoothd there and
need not know. Only the air is simulated.

The image is described here as plain values; whoever builds it (the tests do) fetches a kernel for it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.free_ports import free_port
from simulators.child import tied
from simulators.radio import HubController, VirtualAir

PROGRAMS: Final = ("dbus-daemon", "dbus-send", "bluetoothd", "btattach", "socat")
APPLETS: Final = ("sh", "mount", "insmod", "mkdir", "ls", "sleep", "ifconfig", "poweroff", "stty", "kill", "rm", "grep")
MODULES: Final = (
    "virtio_pci",
    "virtio_net",
    "virtio_rng",
    # what the kernel's Security Manager (pairing) takes its keys and checks from
    *("hmac", "sha256_generic", "sha512_generic", "ctr", "jitterentropy_rng", "drbg", "ccm", "cmac", "ecb"),
    *("aes_generic", "algif_hash", "algif_skcipher"),
    "hci_uart",
)
INIT: Final = """#!/bin/sh
export PATH=/bin:/usr/bin:/usr/sbin:/usr/libexec/bluetooth
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
for m in /modules/*; do insmod $m; done
ifconfig lo 127.0.0.1 up; ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
stty -echo < /dev/ttyS0

bus_up() {
  rm -f /run/dbus/*; dbus-daemon --config-file=/usr/share/dbus-1/system.conf --nofork --nopidfile & bus=$!
  until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
}
bluetoothd_up() { bluetoothd -n & bluetoothd=$!; }
die() { kill -9 $1; wait $1 2>/dev/null; return 0; }
known() {
  dbus-send --system --print-reply --dest=org.bluez /org/bluez/hci0 \
    org.freedesktop.DBus.Properties.Get string:org.bluez.Adapter1 string:Address > /dev/null 2>&1
}
attach() {
  while :; do
    btattach -B /dev/ttyS1 -P h4 -S 921600 & attached=$!
    n_tries=0
    while [ $n_tries -lt 20 ]; do known && return 0; sleep 0.3; n_tries=$((n_tries + 1)); done
    detach
  done
}
detach() { die $attached; until [ ! -e /sys/class/bluetooth/hci0 ]; do sleep 0.1; done; }

mkdir -p /run/dbus /var/lib/bluetooth
bus_up
bluetoothd_up
socat TCP-LISTEN:5555,fork,reuseaddr UNIX-CONNECT:/run/dbus/system_bus_socket &
attach
until grep -q ":15B3 .* 0A " /proc/net/tcp; do sleep 0.1; done
echo; echo "UP"
n=0
while read -r line; do
  n=$((n + 1)); eval "$line"; echo; echo "DID $n $?"
done < /dev/ttyS0
poweroff -f
"""
"""The console reads commands, one a line, and answers each with its number and exit status.

The kernel gives a radio up that answers its first questions late, as on a busy machine (`Opcode 0x1001 failed: -110`):
its adapter is there and BlueZ never hears of it. So it is attached again until BlueZ knows it.
"""

_POLICIES: Final = ("/etc/dbus-1/system.d/bluetooth.conf", "/usr/share/dbus-1/system.d/bluetooth.conf")
_MAIN_CONF: Final = "[General]\nTemporaryTimeout=30\n[GATT]\nCache=no\n[Policy]\nAutoEnable=false\n"
"""BlueZ leaves the adapter off, as older ones do: the agent has to switch it on."""
_BUS_PORT: Final = 5555
"""In the guest; the init script knows it as 0x15B3 too, in state 0A: listening."""
_STARTS_S: Final = 240.0
_ANSWERS_S: Final = 120.0
_LOG_LINES_MAX: Final = 2000
_KERNEL_LINE: Final = (
    "console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check random.trust_cpu=on"
)


def files() -> dict[str, str | Path]:
    """What stands in the image besides programs: path in the guest -> text, or a file of this system."""
    policy = next((Path(path) for path in _POLICIES if Path(path).is_file()), Path(_POLICIES[0]))
    return {
        "/usr/share/dbus-1/system.conf": Path("/usr/share/dbus-1/system.conf"),
        "/etc/dbus-1/system.d/bluetooth.conf": policy,
        "/etc/bluetooth/main.conf": _MAIN_CONF,
        "/etc/passwd": "root:x:0:0:root:/:/bin/sh\nmessagebus:x:100:100::/:/bin/false\n",
        "/etc/group": "root:x:0:\nmessagebus:x:100:\nbluetooth:x:101:\nnetdev:x:102:\n",
    }


class MachineError(Exception):
    """The machine did not start, or did not do what it was told; carries the end of its log."""


class BluezMachine:
    """One machine; `start` and `kill` may alternate. Everything on 127.0.0.1, on free ports.

    Args:
        kernel: for QEMU's `-kernel`.
        initramfs: the image made of the values above.
        air: where its radio hears and is heard.
    """

    def __init__(self, kernel: Path, initramfs: Path, air: VirtualAir) -> None:
        self.controller = HubController(air)
        self.log: list[str] = []
        self._kernel, self._initramfs = kernel, initramfs
        self._bus_port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._done: dict[int, int] = {}
        self._told = 0
        self._news = asyncio.Condition()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to take this machine's system bus for its own."""
        return {
            "DBUS_SYSTEM_BUS_ADDRESS": f"tcp:host=127.0.0.1,port={self._bus_port}",
            "BLEAK_DBUS_AUTH_UID": "0",
        }

    async def start(self) -> None:
        """Boots; returns when BlueZ has its adapter, which is still switched off.

        Raises:
            MachineError: it does not come up.
        """
        await self.controller.start()
        self._bus_port = self._bus_port or free_port()
        self._up.clear()
        self._done.clear()
        self._told = 0
        self._process = await asyncio.create_subprocess_exec(
            # gives way to what is tested
            *tied([shutil.which("nice") or "/usr/bin/nice", "-n", "5", *self._command()]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read(self._process))
        try:
            async with asyncio.timeout(_STARTS_S):
                await self._up.wait()
        except TimeoutError:
            await self.kill()
            raise self._failure("the machine did not start") from None

    async def kill(self) -> None:
        """Pulls the plug; the radio goes too. Nothing happens when it is off already."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading
        self._process = self._reading = None
        await self.controller.die()

    @asynccontextmanager
    async def without_controller(self) -> AsyncIterator[None]:
        """The radio no longer answers, and the kernel is not told, as with a chip that hangs.

        When it answers again it has forgotten all that it was told.
        """
        await self.controller.die()
        try:
            yield
        finally:
            await self.controller.start()

    @asynccontextmanager
    async def without_adapter(self) -> AsyncIterator[None]:
        """The kernel loses the adapter, as when a dongle is pulled out."""
        await self._tell("detach")
        try:
            yield
        finally:
            await self._tell("attach")

    @asynccontextmanager
    async def without_bluetoothd(self) -> AsyncIterator[None]:
        """BlueZ is killed, and started again at the end."""
        await self._tell("die $bluetoothd")
        try:
            yield
        finally:
            await self._tell("bluetoothd_up")

    @asynccontextmanager
    async def without_bus(self) -> AsyncIterator[None]:
        """The system bus is killed, and BlueZ ends with it; both are started again at the end."""
        await self._tell("die $bus; wait $bluetoothd")
        try:
            yield
        finally:
            await self._tell("bus_up; bluetoothd_up")

    async def _tell(self, command: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._told += 1
        number = self._told
        self._process.stdin.write(f"{command}\n".encode())
        try:
            async with asyncio.timeout(_ANSWERS_S), self._news:
                await self._news.wait_for(lambda: number in self._done)
        except TimeoutError:
            raise self._failure(f"the machine does not answer to: {command}") from None
        if self._done[number]:
            raise self._failure(f"exit status {self._done[number]}: {command}")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while raw := await process.stdout.readline():
            line = raw.decode(errors="replace").strip()
            if not line:
                continue
            self.log.append(line)
            del self.log[:-_LOG_LINES_MAX]
            words = line.split()
            if words == ["UP"]:
                self._up.set()
            elif words[0] == "DID" and len(words) == 3:
                async with self._news:
                    self._done[int(words[1])] = int(words[2])
                    self._news.notify_all()

    def _failure(self, sentence: str) -> MachineError:
        return MachineError("\n".join([sentence, *self.log[-30:]]))

    def _command(self) -> list[str]:
        forward = f"hostfwd=tcp:127.0.0.1:{self._bus_port}-:{_BUS_PORT}"
        return [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", "256"),
            *("-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio"),
            *("-chardev", f"socket,id=hci,host=127.0.0.1,port={self.controller.port},reconnect=1"),
            *("-device", "isa-serial,chardev=hci", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=n,restrict=on,{forward}", "-device", "virtio-net-pci,netdev=n,romfile="),
            *("-kernel", str(self._kernel), "-initrd", str(self._initramfs), "-append", _KERNEL_LINE),
        ]
