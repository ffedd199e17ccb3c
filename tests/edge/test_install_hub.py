"""The installer does what it says, twice is as once, a dry run touches nothing, and systemd takes its unit."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from edge.health import STUCK_AFTER_S

HOUSE = Path(__file__).resolve().parents[2]
UNIT = HOUSE / "deploy" / "llar-edge.service"


@pytest.fixture(scope="module")
def installer() -> ModuleType:
    """The script, which imports nothing of the house."""
    spec = importlib.util.spec_from_file_location("install_hub", HOUSE / "tools" / "install_hub.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files_in(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() if path.exists() else str(path.readlink())
        for path in sorted(root.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


def test_a_dry_run_tells_everything_and_touches_nothing(
    installer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installer.main(["--root", str(tmp_path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "would write /etc/systemd/system/llar-edge.service" in said
    assert "would make /etc/llar" in said
    assert list(tmp_path.iterdir()) == []


def test_an_unpacked_system_gets_its_files_once(
    installer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installer.main(["--root", str(tmp_path), "--log", "volatile"]) == 0
    written = files_in(tmp_path)
    assert written["etc/systemd/system/llar-edge.service"] == UNIT.read_text()
    assert "Storage=volatile" in written["etc/systemd/journald.conf.d/llar.conf"]
    assert "RuntimeWatchdogSec=15s" in written["etc/systemd/system.conf.d/llar-watchdog.conf"]
    assert (tmp_path / "etc/llar").stat().st_mode & 0o007 == 0
    wanted = tmp_path / "etc/systemd/system/multi-user.target.wants/llar-edge.service"
    assert wanted.readlink() == Path("/etc/systemd/system/llar-edge.service")
    capsys.readouterr()
    assert installer.main(["--root", str(tmp_path), "--log", "volatile"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert files_in(tmp_path) == written


def test_the_program_finds_the_boards_pin_library_that_debian_brings(installer: ModuleType, tmp_path: Path) -> None:
    debian = tmp_path / "usr/lib/python3/dist-packages"
    ours = tmp_path / "opt/llar/lib/python3.11/site-packages"
    for folder in (debian, ours):
        folder.mkdir(parents=True)
    for name in ("lgpio.py", "_lgpio.cpython-311-aarch64-linux-gnu.so", "six.py"):
        (debian / name).write_text("pins")
    machine = installer.Machine(tmp_path, dry_run=False)
    for changes in (2, 2):
        installer.link_pin_library(machine)
        assert machine.changes == changes, "the second time nothing is to be done"
    assert {file.name for file in ours.iterdir()} == {"lgpio.py", "_lgpio.cpython-311-aarch64-linux-gnu.so"}
    assert (ours / "lgpio.py").readlink() == Path("/usr/lib/python3/dist-packages/lgpio.py")


def test_another_wheel_of_the_same_version_is_taken_too(installer: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "llar-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert ["--force-reinstall", "--no-deps", str(wheel)] in [list(one) for one in installer.pip_steps(str(wheel), "")]


def test_what_a_home_needs_besides_is_asked_for_and_makes_another_version(
    installer: ModuleType, tmp_path: Path
) -> None:
    wheel = tmp_path / "llar-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert f"{wheel}[edge,falls]" in installer.pip_steps(str(wheel), ",falls")[0]
    assert installer.fingerprint_of(wheel, ",falls") != installer.fingerprint_of(wheel, "")


def test_taking_the_program_away_leaves_the_homes_files(installer: ModuleType, tmp_path: Path) -> None:
    assert installer.main(["--root", str(tmp_path)]) == 0
    (tmp_path / "etc/llar/edge.toml").write_text("")
    assert installer.main(["--root", str(tmp_path), "--uninstall"]) == 0
    assert set(files_in(tmp_path)) == {"etc/llar/edge.toml"}
    assert installer.main(["--root", str(tmp_path), "--uninstall", "--purge"]) == 0
    assert files_in(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_without_the_right_to_it_one_sentence_says_so(
    installer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installer.main([]) == 2
    assert "sudo" in capsys.readouterr().err


def test_it_needs_nothing_but_python() -> None:
    code = (
        "import runpy, sys; sys.argv = ['install_hub.py', '--help'];"
        "runpy.run_path('tools/install_hub.py', run_name='__main__')"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_watchdog_is_slower_than_what_feeds_it() -> None:
    unit = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] != "#")
    assert float(unit["WatchdogSec"]) > STUCK_AFTER_S
    assert (unit["Type"], unit["Restart"], unit["StartLimitIntervalSec"]) == ("notify", "always", "0")
    # ProtectClock and call filters forbid adjtimex, by which the agent knows whether its clock is right
    assert not {"ProtectClock", "SystemCallFilter", "PrivateDevices", "ProcSubset"} & set(unit)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NOT TESTED: systemd-analyze is missing")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "llar-edge"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "llar-edge.service"
    unit.write_text(UNIT.read_text().replace("/opt/llar/bin/llar-edge", str(program)))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in ended.stderr.splitlines() if "llar-edge" in line]
    assert (ended.returncode, about_ours) == (0, []), ended.stderr
