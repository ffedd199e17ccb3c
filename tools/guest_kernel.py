"""Debian's kernel and small initramfs images for the emulated machines that some tests start.

    python3 tools/guest_kernel.py            # fetches the kernel into .cache/guest, unless it is there
    python3 tools/guest_kernel.py --renew    # asks apt for the newest one

The kernel comes by `apt-get download` and is only unpacked: nothing is installed, and no right beyond an ordinary
user's is needed. An image is built from a `Guest`: programs of this system with the libraries that they load, kernel
modules with those that they need, files, and an init script. Both are kept in `.cache/guest` and made again only when
what they are made of has changed; deleting that folder is safe at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).resolve().parent.parent / ".cache" / "guest"
MACHINE: Final = "x86_64"
PROGRAMS_NEEDED: Final = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "cpio": "cpio",
    "ldd": "libc-bin",
    "qemu-system-x86_64": "qemu-system-x86",
}
"""Program -> the Debian package that has it."""
APT_S: Final = 600.0
"""Longest time for one dealing with apt: 70 MB over a slow line."""
_SYSTEM_PATH: Final = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin:/usr/libexec/bluetooth"
_LEFT_OUT: Final = ("drivers/gpu", "drivers/media", "drivers/net/wireless", "drivers/net/ethernet", "drivers/scsi")
"""Kernel folders that no guest here needs and that would fill half of the cache."""


class NoGuestError(Exception):
    """The kernel or an image cannot be had on this machine; the sentence says why and what would help."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel: `image` is what QEMU takes as `-kernel`, `root` the folder above `lib/modules`.

    The image is inflated where that can be done here: to inflate itself takes an emulated machine half of its start.
    """

    version: str
    image: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Guest:
    """What an initramfs is made of.

    Args:
        name: of the image's file.
        init: text of `/init`, a script of busybox's shell. It mounts /proc, /sys and /dev itself, and loads
            `/modules/*` in the order of their names.
        programs: names on the PATH, or full paths. Scripts are copied without their interpreter.
        applets: commands of busybox that the init script uses.
        modules: names of kernel modules; those that they need come along.
        files: path in the guest -> text, or a file of this system to copy.
    """

    name: str
    init: str
    programs: Sequence[str] = ()
    applets: Sequence[str] = ("sh", "mount", "insmod", "mkdir", "cat", "echo", "sleep", "poweroff")
    modules: Sequence[str] = ()
    files: Mapping[str, str | Path] = field(default_factory=dict)


def kernel(*, cache: Path = CACHE, renew: bool = False) -> Kernel:
    """The kernel from the cache; fetched first when none is there or `renew` is set.

    Raises:
        NoGuestError: with a sentence for the reader of a skipped test.
    """
    _check_machine()
    cache = cache.resolve()
    with _locked(cache):
        if not renew and (found := _cached(cache)):
            return found
        _fetch(cache)
        found = _cached(cache)
        if found is None:
            raise NoGuestError("Debian's kernel package was unpacked but holds no kernel")
        return found


def initramfs(guest: Guest, kernel: Kernel, *, cache: Path = CACHE) -> Path:
    """The image for `guest`, for QEMU's `-initrd`.

    Raises:
        NoGuestError: a program, module or file that it is made of is missing here.
    """
    programs = [_program(name) for name in ("busybox", *guest.programs)]
    copies = {path: text if isinstance(text, str) else _readable(text) for path, text in guest.files.items()}
    image = cache.resolve() / f"{guest.name}-{_fingerprint(guest, kernel, programs, copies)}.cpio"
    with _locked(cache):
        if not image.exists():
            with tempfile.TemporaryDirectory(dir=cache) as name:
                root = Path(name) / "root"
                _fill(root, guest, kernel, programs, copies)
                _pack(root, image)
    return image


def _check_machine() -> None:
    if os.uname().machine != MACHINE:
        raise NoGuestError(f"the emulated machines are {MACHINE}; this computer is {os.uname().machine}")
    missing = {package for name, package in PROGRAMS_NEEDED.items() if shutil.which(name, path=_SYSTEM_PATH) is None}
    if missing:
        raise NoGuestError(f"missing here: sudo apt install {' '.join(sorted(missing))}")


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Two test runs do not build the same thing at once."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / "lock").open("w")
    except OSError as error:
        raise NoGuestError(f"the cache cannot be written: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# the kernel


def _cached(cache: Path) -> Kernel | None:
    found = [
        Kernel(image.name.removeprefix("vmlinuz-"), _inflated(image), folder)
        for folder in cache.glob("kernel-*")
        for image in folder.glob("boot/vmlinuz-*")
    ]
    return max(found, key=lambda kernel: [int(part) for part in re.findall(r"\d+", kernel.version)], default=None)


def _inflated(image: Path) -> Path:
    """The kernel without what inflates it, from the image of Linux' boot protocol; the image itself where it is not xz.

    https://docs.kernel.org/arch/x86/boot.html: `setup_sects` at 0x1f1, `payload_offset` and `payload_length` at 0x248.
    """
    plain = image.with_name(image.name.replace("vmlinuz", "vmlinux"))
    if not plain.exists():
        packed = image.read_bytes()
        begin, length = struct.unpack_from("<II", packed, 0x248)
        begin += (packed[0x1F1] + 1) * 512
        payload = packed[begin : begin + length]
        if not payload.startswith(b"\xfd7zXZ"):
            return image
        part = plain.with_name("part")
        part.write_bytes(lzma.LZMADecompressor().decompress(payload))
        part.rename(plain)
    return plain


def _fetch(cache: Path) -> None:
    package = _newest_package()
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        # apt as root would drop its rights and complain that it may not write here
        _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package], folder, timeout_s=APT_S)
        archive = next(folder.glob("*.deb"))
        root = folder / "root"
        root.mkdir()
        excluded = [f"--exclude=*/kernel/{part}" for part in _LEFT_OUT]
        # the owners in the archive are root's: an ordinary user cannot give files away
        tar = ["tar", "-x", "--no-same-owner", "-C", str(root), *excluded]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpack:
            done = subprocess.run(tar, stdin=unpack.stdout, capture_output=True, check=False)
        if unpack.returncode or done.returncode:
            raise NoGuestError(f"{package} cannot be unpacked: {done.stderr.decode(errors='replace')[-300:]}")
        if not (root / "lib").exists():
            (root / "lib").symlink_to("usr/lib")
        _run(["depmod", "-b", str(root), package.removeprefix("linux-image-")], folder)
        home = cache / f"kernel-{archive.stem}"
        shutil.rmtree(home, ignore_errors=True)
        root.rename(home)


def _newest_package() -> str:
    found = _dependency()
    if not found and os.geteuid() == 0:
        # a fresh container has no lists of packages yet
        subprocess.run(["apt-get", "-qq", "update"], capture_output=True, timeout=APT_S, check=False)
        found = _dependency()
    if not found:
        raise NoGuestError("apt knows no package linux-image-amd64: is this Debian, and was `apt-get update` run?")
    return found


def _dependency() -> str:
    told = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
    match = re.search(r"Depends: (linux-image-\d\S*)", told.stdout)
    return match[1] if match else ""


# an image


def _program(name: str) -> Path:
    found = shutil.which(name, path=_SYSTEM_PATH)
    if found is None:
        raise NoGuestError(f"missing here: the program {name}")
    return Path(found)


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise NoGuestError(f"missing here: the file {path}")
    return path


def _fingerprint(guest: Guest, kernel: Kernel, programs: Sequence[Path], files: Mapping[str, str | Path]) -> str:
    parts = [Path(__file__).read_text(), kernel.root.name, guest.init, *guest.applets, "", *guest.modules, ""]
    for path, text in files.items():
        parts += [path, text if isinstance(text, str) else text.read_bytes().hex()]
    for program in programs:
        about = program.stat()
        parts += [str(program), str(about.st_size), str(about.st_mtime_ns)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _fill(root: Path, guest: Guest, kernel: Kernel, programs: Sequence[Path], files: Mapping[str, str | Path]) -> None:
    for folder in ("bin", "proc", "sys", "dev", "run", "tmp", "modules", "etc"):
        (root / folder).mkdir(parents=True)
    for program in programs:
        for path in (program, *_libraries(program)):
            _copy(path, root)
    shutil.copy(programs[0], root / "bin" / "busybox")
    for applet in guest.applets:
        (root / "bin" / applet).symlink_to("busybox")
    for number, module in enumerate(_modules(kernel, guest.modules)):
        raw = module.read_bytes()
        plain = lzma.decompress(raw) if module.suffix == ".xz" else raw
        (root / "modules" / f"{number:03d}-{module.name.removesuffix('.xz')}").write_bytes(plain)
    for where, text in files.items():
        place = root / where.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text.read_bytes())
    init = root / "init"
    init.write_text(guest.init)
    init.chmod(0o755)


def _libraries(program: Path) -> list[Path]:
    """The shared libraries and the loader of a program, where the loader looks for them."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", told)]


def _copy(path: Path, root: Path) -> None:
    place = root / str(path).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        shutil.copy(path, place)


def _modules(kernel: Kernel, names: Sequence[str]) -> list[Path]:
    """The modules' files in the order of loading. What is built into the kernel has none."""
    ordered: dict[Path, None] = {}
    for name in names:
        command = ["modprobe", "-d", str(kernel.root), "-S", kernel.version, "--show-depends", name]
        for line in _run(command, kernel.root).splitlines():
            if line.startswith("insmod "):
                ordered[Path(line.split()[1])] = None
    return list(ordered)


def _pack(root: Path, image: Path) -> None:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    command = ["cpio", "--quiet", "-o", "-H", "newc", "-R", "+0:+0"]
    packed = subprocess.run(command, cwd=root, input="\n".join(names).encode(), capture_output=True, check=False)
    if packed.returncode:
        raise NoGuestError(f"the image {image.name} cannot be packed: {packed.stderr.decode(errors='replace')[-300:]}")
    part = image.with_suffix(".part")
    # not compressed, as the kernel: an emulated machine would inflate it at every start
    part.write_bytes(packed.stdout)
    part.rename(image)


def _run(command: Sequence[str], folder: Path, timeout_s: float = 60.0) -> str:
    environment = os.environ | {"PATH": _SYSTEM_PATH, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoGuestError(f"`{' '.join(command)}` took longer than {timeout_s:.0f} s") from None
    if done.returncode:
        raise NoGuestError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def main() -> int:
    """Fetches the kernel and says where it is."""
    try:
        found = kernel(renew="--renew" in sys.argv[1:])
    except NoGuestError as error:
        print(f"No kernel for the emulated machines: {error}", file=sys.stderr)
        return 1
    print(f"{found.version}: {found.image}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
