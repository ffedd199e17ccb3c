"""Makes a Debian or Raspberry Pi OS machine a hub, ready to be claimed: `sudo python3 tools/install_hub.py`.

Needs Python only. A second run changes what is different and nothing else. `--dry-run` says what would be done;
`--uninstall` takes the program away and leaves the home's files, unless `--purge` is given too; `--root FOLDER` works
on the files of an unpacked system (an SD card image) and leaves its packages, users and services to the first start.
"""

from __future__ import annotations

import argparse
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
PYTHON_MIN = (3, 11)
USER = "llar"
GROUPS = ("dialout", "bluetooth", "input", "gpio")
"""Serial ports, BlueZ over D-Bus, USB buttons, wired buttons; those that the system has."""
PACKAGES = ("python3-venv", "bluez", "dbus", "rfkill")
PIN_LIBRARY = "python3-lgpio"
"""Where there is a group gpio. Debian's, because the one of PyPI must be compiled on a newer Python."""
DEBIANS_PYTHON = Path("/usr/lib/python3/dist-packages")
PROGRAM = Path("/opt/llar")
SETTINGS = Path("/etc/llar")
OUTBOX = Path("/var/lib/llar-edge")
COMMAND = Path("/usr/local/bin/llar-edge")
UNIT = Path("/etc/systemd/system/llar-edge.service")
WANTED = Path("/etc/systemd/system/multi-user.target.wants/llar-edge.service")
"""By this link it starts with the machine."""
GPIO = Path("/etc/systemd/system/llar-edge.service.d/gpio.conf")
WATCHDOG = Path("/etc/systemd/system.conf.d/llar-watchdog.conf")
JOURNAL = Path("/etc/systemd/journald.conf.d/llar.conf")
APT_INSTALL = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y", "--no-install-recommends")
TIME_DAEMONS = ("systemd-timesyncd.service", "chrony.service", "ntpsec.service")

WATCHDOG_TEXT = """# A hub that hangs is started again by its hardware. A Raspberry Pi's watchdog ends at 15 s.
[Manager]
RuntimeWatchdogSec=15s
RebootWatchdogSec=2min
"""
JOURNAL_TEXT = """# Small, and seldom written, so that the SD card lives.
[Journal]
Storage={storage}
SystemMaxUse=64M
RuntimeMaxUse=16M
SyncIntervalSec=10min
MaxRetentionSec=1month
"""
GPIO_TEXT = "[Service]\nSupplementaryGroups=gpio\n"


class Machine:
    """The machine that is changed: what differs is told and done, or only told.

    Args:
        root: "/" or the folder of an unpacked system.
        dry_run: only tell.
    """

    def __init__(self, root: Path, *, dry_run: bool) -> None:
        self.root = root
        self.dry_run = dry_run
        self.changes = 0

    @property
    def live(self) -> bool:
        """Whether this is the machine that runs."""
        return self.root == Path("/")

    def at(self, path: Path) -> Path:
        """Where a path of the machine lies for us."""
        return self.root / path.relative_to("/")

    def say(self, sentence: str) -> None:
        """Tells of a change."""
        self.changes += 1
        print(("would " if self.dry_run else "") + sentence, flush=True)

    def run(self, *command: str, what: str) -> None:
        """Runs a program on the machine that runs; on another system it is left to the first start.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        if not self.live:
            return
        self.say(f"{what}: {' '.join(command)}")
        if not self.dry_run:
            subprocess.run(command, check=True)

    def try_to_run(self, *command: str) -> bool:
        """Runs a program that may fail, without a word; true when it succeeded."""
        if not self.live or self.dry_run or shutil.which(command[0]) is None:
            return False
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def write(self, path: Path, text: str) -> bool:
        """Makes a file have this text; true when it had not."""
        file = self.at(path)
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            return False
        self.say(f"write {path}")
        if not self.dry_run:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o644)
        return True

    def link(self, path: Path, target: Path) -> None:
        """Makes a link where there is none."""
        link = self.at(path)
        if link.is_symlink():
            return
        self.say(f"link {path}")
        if not self.dry_run:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)

    def remove(self, path: Path) -> None:
        """Takes a file or folder away."""
        file = self.at(path)
        if not file.exists() and not file.is_symlink():
            return
        self.say(f"remove {path}")
        if self.dry_run:
            return
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 1 when something failed; 2 when this machine cannot be a hub."""
    options = parser().parse_args(arguments)
    machine = Machine(options.root.resolve(), dry_run=options.dry_run)
    if fault := cannot(machine):
        print(fault, file=sys.stderr)
        return 2
    try:
        if options.uninstall:
            uninstall(machine, purge=options.purge)
        else:
            install(machine, source=options.source, storage=options.log)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"Stopped: {error}. Put it right and run this again.", file=sys.stderr)
        return 1
    if not machine.changes:
        print("Everything is in place; nothing was changed.")
    return 0


def parser() -> argparse.ArgumentParser:
    """What may be asked for."""
    made = argparse.ArgumentParser(prog="install_hub.py", description="Makes this machine a Llar hub.")
    made.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    made.add_argument("--source", default="", help="a wheel, or a checkout; default: the one that this program lies in")
    made.add_argument(
        "--log", choices=("persistent", "volatile"), default="persistent", help="volatile: log in memory only"
    )
    made.add_argument("--root", type=Path, default=Path("/"), help="folder of an unpacked system instead of this one")
    made.add_argument("--uninstall", action="store_true", help="take the program away; the home's files stay")
    made.add_argument("--purge", action="store_true", help="with --uninstall: the home's files and calls too")
    return made


def cannot(machine: Machine) -> str:
    """Why this machine cannot be a hub, in a sentence; "" when it can."""
    if sys.version_info < PYTHON_MIN:
        return f"A hub needs Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or newer: Raspberry Pi OS 12 (bookworm) or later."
    if machine.live and not machine.dry_run and os.geteuid() != 0:
        return "Run this with sudo: sudo python3 tools/install_hub.py"
    if machine.live and shutil.which("apt-get") is None:
        return "This is neither Debian nor Raspberry Pi OS: apt-get is missing."
    if not machine.root.is_dir():
        return f"There is no folder {machine.root}."
    return ""


def install(machine: Machine, *, source: str, storage: str) -> None:
    """All steps, each of which may have been done already."""
    install_packages(machine)
    make_user(machine)
    make_folders(machine)
    if machine.live:
        install_program(machine, source)
        link_pin_library(machine)
    units = write_files(machine, storage)
    keep_time(machine)
    # a Pi may come with its Bluetooth switched off
    machine.try_to_run("rfkill", "unblock", "bluetooth")
    start(machine, units)
    if machine.live and not machine.dry_run and not (SETTINGS / "edge.toml").exists():
        print("Ready to be claimed: sudo llar-edge claim CODE --centre https://...")


def install_packages(machine: Machine) -> None:
    """Debian's packages that are missing."""
    missing = [name for name in PACKAGES if machine.live and not is_installed(name)]
    if missing:
        machine.run("apt-get", "-qq", "update", what="look for packages")
        machine.run(*APT_INSTALL, *missing, what="install packages")
    if machine.live and has_group("gpio") and not is_installed(PIN_LIBRARY):
        machine.say(f"install {PIN_LIBRARY}")
        if not machine.dry_run and not machine.try_to_run(*APT_INSTALL, PIN_LIBRARY):
            # boards of other makers have the group and not always the package; all but wired buttons works
            print(f"{PIN_LIBRARY} cannot be installed: wired buttons will not work.", file=sys.stderr)


def is_installed(package: str) -> bool:
    """Whether dpkg knows it as installed."""
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    return found.stdout.strip() == "install ok installed"


def make_user(machine: Machine) -> None:
    """The user that the agent runs as, in the groups of its devices."""
    if not machine.live:
        return
    if not has_user():
        shell = ("--shell", "/usr/sbin/nologin", "--no-create-home", "--home-dir", str(OUTBOX))
        machine.run("useradd", "--system", "--user-group", *shell, USER, what="make the user")
    wanted = [name for name in GROUPS if has_group(name) and not in_group(name)]
    if wanted:
        machine.run("usermod", "--append", "--groups", ",".join(wanted), USER, what="let it use its devices")


def has_user() -> bool:
    """Whether the agent's user exists."""
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def has_group(name: str) -> bool:
    """Whether the system has this group."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def in_group(name: str) -> bool:
    """Whether the agent's user is in this group."""
    return USER in grp.getgrnam(name).gr_mem


def make_folders(machine: Machine) -> None:
    """The folder of the home's files: the agent's, and nobody else's, because keys lie there."""
    folder = machine.at(SETTINGS)
    if not folder.is_dir():
        machine.say(f"make {SETTINGS}")
        if not machine.dry_run:
            folder.mkdir(parents=True, mode=0o750)
    if machine.live and not machine.dry_run:
        shutil.chown(folder, USER, USER)
        folder.chmod(0o750)


def install_program(machine: Machine, source: str) -> None:
    """The program in a Python environment of its own."""
    python = PROGRAM / "bin" / "python"
    if not python.exists():
        machine.run(sys.executable, "-m", "venv", str(PROGRAM), what="make the program's folder")
    source = source or str(HOUSE)
    extras = board_extras(SETTINGS)
    fingerprint = fingerprint_of(Path(source), extras)
    stamp = PROGRAM / "installed.stamp"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint:
        return
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for step in pip_steps(source, extras):
        machine.run(*pip, *step, what="install the program")
    if not machine.dry_run:
        stamp.write_text(fingerprint, encoding="utf-8")
    machine.link(COMMAND, PROGRAM / "bin" / "llar-edge")


def pip_steps(source: str, extras: str) -> list[list[str]]:
    """What pip is asked for, one call each."""
    lock = HOUSE / "requirements" / "lock.txt"
    pins = ["-c", str(lock)] if lock.exists() else []
    steps = [[*pins, f"{source}[edge{extras}]"]]
    if Path(source).is_file():
        # pip leaves a wheel of the version that is there alone, whatever is in it
        steps.append(["--force-reinstall", "--no-deps", source])
    return steps


def link_pin_library(machine: Machine) -> None:
    """Lets the program's own environment, which sees nothing of Debian's Python packages, see the one for pins."""
    found = sorted(machine.at(DEBIANS_PYTHON).glob("*lgpio*"))
    for folder in machine.at(PROGRAM).glob("lib/python3*/site-packages"):
        for file in found:
            if file.is_file() and not (folder / file.name).exists():
                machine.link("/" / (folder / file.name).relative_to(machine.root), DEBIANS_PYTHON / file.name)


def fingerprint_of(source: Path, extras: str) -> str:
    """What tells this version of the program from another: the wheel, or the files of a checkout that a hub uses."""
    rooms = ("devices", "gateway", "edge", "pyproject.toml", "requirements/lock.txt")
    files = (
        [source] if source.is_file() else sorted(f for room in rooms for f in (source / room).rglob("*") if f.is_file())
    )
    files += [source / name for name in rooms[3:] if (source / name).is_file()]
    digest = hashlib.sha256(extras.encode())
    for file in files:
        if "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(source)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def board_extras(settings: Path) -> str:
    """Extras that only some hubs need: wired buttons on a Raspberry Pi, and numpy where somebody's falls are found."""
    return (",gpio" if has_group("gpio") else "") + (",falls" if looks_for_falls(settings) else "")


def looks_for_falls(settings: Path) -> bool:
    """Whether the home's configuration names somebody who wears a sensor of movement."""
    import tomllib  # not before it was seen that this Python has it

    try:
        return bool(tomllib.loads((settings / "edge.toml").read_text(encoding="utf-8")).get("worn"))
    except (OSError, ValueError):
        return False


def write_files(machine: Machine, storage: str) -> bool:
    """The unit, the hardware watchdog, the journal's size; true when systemd must read them anew."""
    unit = (HOUSE / "deploy" / "llar-edge.service").read_text(encoding="utf-8")
    changed = [
        machine.write(UNIT, unit),
        machine.write(WATCHDOG, WATCHDOG_TEXT),
        machine.write(JOURNAL, JOURNAL_TEXT.format(storage=storage)),
    ]
    if machine.live and has_group("gpio"):
        changed.append(machine.write(GPIO, GPIO_TEXT))
    return any(changed)


def keep_time(machine: Machine) -> None:
    """Something must set the clock: a Pi has none that outlives a power cut."""
    if not machine.live or not has_systemd():
        return
    if not any(machine.try_to_run("systemctl", "is-enabled", "--quiet", daemon) for daemon in TIME_DAEMONS):
        if not is_installed("systemd-timesyncd"):
            machine.run(*APT_INSTALL, "systemd-timesyncd", what="install what sets the clock")
        machine.try_to_run("systemctl", "enable", "--now", TIME_DAEMONS[0])


def start(machine: Machine, units_changed: bool) -> None:
    """Starts the agent now and at every start of the machine."""
    if not machine.live:
        machine.link(WANTED, UNIT)
        return
    if not has_systemd():
        print("systemd does not run here: the unit is in place, and nothing was started.")
        return
    if units_changed:
        machine.run("systemctl", "daemon-reload", what="read the units")
        machine.try_to_run("systemctl", "restart", "systemd-journald")
    machine.run("systemctl", "enable", "--quiet", "llar-edge", what="let the agent start with the machine")
    machine.run("systemctl", "restart", "llar-edge", what="start the agent")


def has_systemd() -> bool:
    """Whether systemd is what runs this machine (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def uninstall(machine: Machine, *, purge: bool) -> None:
    """Takes away what `install` brought; packages stay."""
    if machine.live and has_systemd():
        machine.try_to_run("systemctl", "disable", "--now", "llar-edge")
    for path in (WANTED, UNIT, GPIO.parent, WATCHDOG, JOURNAL, COMMAND, PROGRAM):
        machine.remove(path)
    if machine.live and has_systemd():
        machine.try_to_run("systemctl", "daemon-reload")
    if purge:
        machine.remove(SETTINGS)
        machine.remove(OUTBOX)
        if machine.live and has_user():
            machine.run("userdel", USER, what="remove the user")
    elif machine.at(SETTINGS).exists():
        print(f"The home's files stay in {SETTINGS} and {OUTBOX}; --purge removes them too.")


if __name__ == "__main__":
    sys.exit(main())
