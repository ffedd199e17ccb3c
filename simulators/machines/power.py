"""A hub whose power can be cut: an emulated PC with Debian's kernel and an ext4 disk of its own, killed in mid-write.

The guest sees this system's files, read-only, and so runs the very Python and checkout of the test; what it writes
goes to a RAM disk, but for `/hub`, which is the ext4 disk. A cut is a SIGKILL of the emulator: what the guest's kernel
had not yet written is gone, as on a real hub. What QEMU had written stays with the host's kernel: a disk that lies
about its flushes is not modelled.
"""

from __future__ import annotations

import ctypes
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.guest_kernel import Guest, Kernel, NoGuestError, initramfs, kernel

__all__ = ["HOST", "STORE", "HubMachine", "NoGuestError", "make_disk"]

HOST: Final = "10.0.2.2"
"""Under this address the guest reaches the loopback interface of this computer."""
STORE: Final = "/hub"
"""Where the guest's disk is."""
MEMORY_MB: Final = 384
DISK_MB: Final = 48
_MODULES: Final = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "9pnet_virtio",
    "9p",
    "overlay",
    "crc32c_generic",
    "ext4",
    "uinput",
    "evdev",
)
_INIT: Final = """#!/bin/sh
export PATH=/bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
for m in /modules/*; do insmod $m || echo "cannot load $m"; done
mkdir -p /host /over /root
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /host || echo "no host files"
mount -t tmpfs t /over; mkdir /over/u /over/w
mount -t overlay -o lowerdir=/host,upperdir=/over/u,workdir=/over/w o /root
mkdir -p /root/hub
[ -b /dev/vda ] && { mount -t ext4 -o "$disk_options" /dev/vda /root/hub || echo "no disk"; }
for f in proc sys dev; do mount -o move /$f /root/$f; done
mkdir -p /root/dev/shm /root/dev/pts
ip link set lo up; ip link set eth0 up 2>/dev/null
ip addr add 10.0.2.15/24 dev eth0 2>/dev/null; ip route add default via 10.0.2.2 2>/dev/null
cd /root; exec chroot /root /bin/sh "$script"
"""
"""The kernel hands on the words that it does not know, as variables: one image serves every test."""
_KERNEL_WORDS: Final = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check random.trust_cpu=on"
"""`no_timer_check`: on a busy computer the emulated timer comes late, and the kernel would give up for that."""
_APPLETS: Final = ("sh", "mount", "insmod", "mkdir", "echo", "chroot", "ip", "sleep")


def make_disk(path: Path, megabytes: int = DISK_MB) -> None:
    """Makes an empty ext4 disk.

    Raises:
        NoGuestError: `mkfs.ext4` is missing here.
    """
    program = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise NoGuestError("missing here: sudo apt install e2fsprogs")
    with path.open("wb") as disk:
        disk.truncate(megabytes << 20)
    subprocess.run([program, "-q", "-F", "-m", "0", str(path)], check=True, capture_output=True)


class HubMachine:
    """One emulated hub; without power until `power_on`.

    Args:
        folder: for the script that it runs and its log.
        command: what it runs, as one would here; relative paths count from `cwd`.
        cwd: working folder of the command.
        disk: its ext4 disk, see `make_disk`; None for none.
        serial: a terminal of this system that becomes its second serial port, `/dev/ttyS1`.
        disk_options: of the mount.

    Raises:
        NoGuestError: a part of it cannot be had on this system.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        *,
        cwd: Path,
        disk: Path | None = None,
        serial: Path | None = None,
        disk_options: str = "rw",
    ) -> None:
        self.log = folder / "machine.log"
        self._script = folder / "machine.sh"
        self._disk, self._serial, self._disk_options = disk, serial, disk_options
        self._process: subprocess.Popen[bytes] | None = None
        self._kernel: Kernel = kernel()
        self.run_next(command, cwd)

    def run_next(self, command: Sequence[str], cwd: Path) -> None:
        """What it runs from the next start on."""
        # a file of its own each time: the guest may have read the former one
        self._script.write_text(
            f"cd {shlex.quote(str(cwd))}\nexport PYTHONDONTWRITEBYTECODE=1 HOME=/tmp\n"
            f"{{ {shlex.join(command)}; echo ENDED $?; }} &\n"
            'while read -r order; do eval "$order"; echo "DONE $order"; done\n'
        )

    def power_on(self) -> None:
        """Starts it; returns at once."""
        image = initramfs(Guest("hub", _INIT, applets=_APPLETS, modules=_MODULES), self._kernel)
        words = f'{_KERNEL_WORDS} disk_options={self._disk_options} script="{self._script}"'
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "max", "-m", str(MEMORY_MB)),
                    *("-nodefaults", "-no-user-config", "-nographic", "-no-reboot"),
                    *("-kernel", str(self._kernel.image), "-initrd", str(image)),
                    *("-append", words),
                    *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
                    *("-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="),
                    *("-serial", "stdio"),
                    *(
                        ("-serial", "chardev:port", "-chardev", f"serial,id=port,path={self._serial}")
                        if self._serial
                        else ()
                    ),
                    *(("-drive", f"file={self._disk},if=virtio,format=raw,cache=writeback") if self._disk else ()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call into the kernel, no Python lock
            )

    def order(self, command: str) -> None:
        """Types a line of shell at its console; `DONE` and the line stand in the log afterwards."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def cut_power(self) -> None:
        """Ends it in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None

    @property
    def running(self) -> bool:
        """Whether it has power and has not crashed."""
        return self._process is not None and self._process.poll() is None

    def said(self, begin: int = 0) -> str:
        """Its console from byte `begin` on."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
