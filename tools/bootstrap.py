"""Makes a checkout ready to run: `python3 tools/bootstrap.py demo` or `... test`. Needs Python only.

Python packages go into `.venv`, pinned by `requirements/lock.txt`. The tests also use real servers and a browser from
Debian; they are installed through apt when this user may do so, and named in a message otherwise (the tests that need
them are then skipped, and say so). A second run finds everything in place and needs no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
VENV = HOUSE / ".venv"
EXTRAS = {"demo": "edge,central,simulators", "test": "dev"}
PYTHON_MIN = (3, 11)
SYSTEM_PACKAGES = {
    "mosquitto": ("mosquitto",),
    "influxdb": ("influxd",),
    "victoria-metrics": ("victoria-metrics",),
    "libatomic1": ("/usr/lib/*/libatomic.so.1",),
    "postgresql": ("/usr/lib/postgresql/*/bin/initdb",),
    "chromium-headless-shell": ("chromium-headless-shell",),
    "qemu-system-x86": ("qemu-system-x86_64",),
    "bluez": ("btattach",),
    "dbus": ("dbus-daemon",),
    "socat": ("socat",),
    "busybox-static": ("busybox",),
    "kmod": ("depmod",),
    "cpio": ("cpio",),
    "e2fsprogs": ("mkfs.ext4",),
    "gcc": ("cc",),
    "libc6-dev": ("/usr/include/stdio.h",),
    "gcc-arm-none-eabi": ("arm-none-eabi-gcc",),
    "qemu-system-arm": ("qemu-system-arm",),
}
"""Debian package -> the programs of which one must be found."""
DEMO_PACKAGES = ("gcc", "libc6-dev")
"""The demo builds the pendant's firmware; without a compiler it does without, and says so."""


def main() -> int:
    """Runs the steps; returns the exit code."""
    purpose = sys.argv[1] if len(sys.argv) == 2 else ""
    if purpose not in EXTRAS:
        return fail("usage: python3 tools/bootstrap.py demo|test")
    if sys.version_info < PYTHON_MIN:
        return fail(f"Llar needs Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or newer; this is {sys.version.split()[0]}.")
    if not os.access(HOUSE, os.W_OK):
        return fail(f"No permission to write in {HOUSE}: copy the checkout to a folder of yours.")
    if purpose == "test":
        install_system_packages(missing_packages())
    elif missing := [package for package in missing_packages() if package in DEMO_PACKAGES]:
        apt_install(missing)
    return make_venv() or install_python_packages(purpose)


def fail(sentence: str) -> int:
    """Prints one sentence and gives the exit code of a failure."""
    print(sentence, file=sys.stderr)
    return 1


def make_venv() -> int:
    """Creates `.venv` unless it works already."""
    if (VENV / "bin" / "pip").exists():
        return 0
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return 0
    shutil.rmtree(VENV, ignore_errors=True)
    apt_install(["python3-venv"])
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return 0
    shutil.rmtree(VENV, ignore_errors=True)
    return fail("Python's venv module is missing. Run: sudo apt install python3-venv")


def install_python_packages(purpose: str) -> int:
    """Installs the pinned packages unless the stamp says that they are there."""
    lock, project = HOUSE / "requirements" / "lock.txt", HOUSE / "pyproject.toml"
    fingerprint = hashlib.sha256(lock.read_bytes() + project.read_bytes()).hexdigest()
    stamp = VENV / f"llar-{purpose}.stamp"
    newer = [VENV / "llar-test.stamp", stamp]
    if any(path.exists() and path.read_text() == fingerprint for path in newer):
        return 0
    print("Installing Python packages into .venv (once; a few minutes on a slow line) ...", flush=True)
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--use-pep517",
    ]
    command += ["-c", str(lock), "-e", f"{HOUSE}[{EXTRAS[purpose]}]"]
    if subprocess.run(command, check=False).returncode != 0:
        return fail("Python packages could not be installed: see the lines above. Is there a network?")
    stamp.write_text(fingerprint)
    return 0


def missing_packages() -> list[str]:
    """The Debian packages none of whose programs is found."""
    return [package for package, programs in SYSTEM_PACKAGES.items() if not any(map(present, programs))]


def present(program: str) -> bool:
    """Whether a program is on the PATH, in a system folder, or matches an absolute pattern."""
    if program.startswith("/"):
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin") is not None


def install_system_packages(packages: list[str]) -> None:
    """Installs packages through apt when allowed; says what is missing and what follows otherwise."""
    if not packages:
        return
    apt_install(packages)
    if left := missing_packages():
        print(
            f"Not installed: {', '.join(left)}. Tests that need them will be skipped and say so.\n"
            f"To run them all: sudo apt install {' '.join(left)}",
            flush=True,
        )


def apt_install(packages: list[str]) -> None:
    """Tries apt without ever asking for a password. Services are not started: the tests start their own servers."""
    if os.environ.get("LLAR_NO_APT") or shutil.which("apt-get") is None:
        return
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if become and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0:
        return
    print(f"Installing through apt: {', '.join(packages)} (LLAR_NO_APT=1 prevents it) ...", flush=True)
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
    subprocess.run([*become, *quiet, "apt-get", "-qq", "update"], capture_output=True, check=False)
    install = [*become, *quiet, "apt-get", "-qq", "install", "-y", "--no-install-recommends"]
    if subprocess.run([*install, *packages], capture_output=True, check=False).returncode == 0:
        return
    for package in packages:
        subprocess.run([*install, package], capture_output=True, check=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError as missing:
        sys.exit(fail(f"Not found: {missing.filename}. Is this a complete checkout?"))
