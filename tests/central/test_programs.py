"""`llar-central` as it is run: two processes kept alive and ended together; one plain sentence when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from fastapi import FastAPI

from central import pulse, restarts, supervisor, wiring
from central.__main__ import main
from central.console import access
from central.console.live import Live
from central.storage import homes, people
from central.storage.database import Database
from central.supervisor import CANNOT_START
from gateway.broker import start_broker
from tests.central.fresh_database import fresh_database

HOUSE = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(900)
Wait = Callable[[Callable[[], bool]], None]
PASSWORD = "sense presses"


def configure(folder: Path, extra: str = "") -> Path:
    path = folder / "central.toml"
    path.write_text(f'data_folder = "data"\n[console]\nport = 0\n{extra}')
    return path


IMPATIENT = """
from central import __main__, supervisor
supervisor.SILENT_MAX_S = 12.0
raise SystemExit(__main__.main())
"""


HALF_A_REQUEST = b"""POST /login HTTP/1.1\r
Host: 127.0.0.1\r
Sec-Fetch-Site: same-origin\r
Content-Type: application/x-www-form-urlencoded\r
Content-Length: 5\r
\r
"""


@pytest.fixture
def program() -> tuple[str, ...]:
    return ("-m", "central")


@pytest.fixture
def centre(tmp_path: Path, program: tuple[str, ...]) -> Iterator[psutil.Process]:
    (tmp_path / "broker").mkdir()
    with start_broker(tmp_path / "broker", {"desk": "desk-word", "receiver": "receiver-word"}) as broker:
        for name in ("desk", "receiver"):
            (tmp_path / name).write_text(f"{name}-word")
        files = 'desk_password_file = "desk"\nreceiver_password_file = "receiver"'
        config = configure(tmp_path, f"[broker]\nport = {broker.port}\n{files}\n")
        (tmp_path / "data").mkdir()
        fresh_database(tmp_path / "data" / "central.sqlite3")
        command = [sys.executable, *program, "run", "--config", str(config)]
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(command, cwd=HOUSE, stderr=log, process_group=0)
        watched = psutil.Process(process.pid)
        children: list[psutil.Process] = []
        try:
            yield watched
        finally:
            children = watched.children() if watched.is_running() else []
            for one in (*children, process):
                one.kill()
            process.wait()
            psutil.wait_procs(children, 10)
            log.close()


def child(centre: psutil.Process, name: str) -> psutil.Process | None:
    return next((one for one in centre.children() if name in one.cmdline()), None)


def told(folder: Path, words: str, times: int = 1) -> bool:
    return (folder / "log").read_text().count(words) >= times


@pytest.mark.slow
def test_both_processes_run_a_dead_one_is_started_again_and_both_end_together(
    centre: psutil.Process, tmp_path: Path, wait_until: Wait
) -> None:
    wait_until(lambda: told(tmp_path, "ready: console at") and child(centre, "receiver") is not None)
    desk = child(centre, "desk")
    assert desk is not None
    desk.kill()
    wait_until(lambda: told(tmp_path, "ready: console at", 2))
    children = centre.children()
    assert len(children) == 2
    port = int((tmp_path / "log").read_text().rpartition("ready: console at http://127.0.0.1:")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as slow:  # a request that takes its time
        slow.sendall(HALF_A_REQUEST)
        os.killpg(centre.pid, signal.SIGINT)  # Ctrl-C in a terminal reaches all that runs there
        assert centre.wait(60) == 0
    assert not [one for one in children if one.is_running()]
    assert not told(tmp_path, "Traceback")


@pytest.mark.slow
def test_the_processes_end_when_the_one_that_watches_them_is_killed(
    centre: psutil.Process, tmp_path: Path, wait_until: Wait
) -> None:
    wait_until(lambda: told(tmp_path, "ready: console at") and child(centre, "receiver") is not None)
    children = centre.children()
    centre.kill()
    centre.wait(60)
    assert psutil.wait_procs(children, 60)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize("program", [("-c", IMPATIENT)], ids=["twelve seconds without a beat"])
@pytest.mark.parametrize("name", ["desk", "receiver"])
def test_a_process_that_is_there_and_does_nothing_is_killed_and_started_again(
    centre: psutil.Process, tmp_path: Path, wait_until: Wait, name: str
) -> None:
    wait_until(lambda: told(tmp_path, "ready: console at") and told(tmp_path, "central.receiver: ready"))
    stopped = child(centre, name)
    assert stopped is not None
    stopped.suspend()
    wait_until(lambda: told(tmp_path, f"{name} has not been heard for"))
    wait_until(lambda: told(tmp_path, "ready: console at" if name == "desk" else "central.receiver: ready", 2))
    assert (name, "stuck") in {(noted.name, noted.why) for noted in restarts.read(tmp_path / "data")}


STANDING_STILL = """
import threading
from central import pulse
pulse.STUCK_AFTER_S = 0.5

def never_comes_back():
    pulse.PULSE.at_work()
    threading.Event().wait()

threading.Thread(target=never_comes_back, name="due-times", daemon=True).start()
pulse.PULSE.start()
threading.Event().wait()
"""


@pytest.mark.slow
def test_a_process_of_which_a_loop_stands_still_says_where_and_ends() -> None:
    command = [sys.executable, "-c", STANDING_STILL]
    ended = subprocess.run(
        command, cwd=HOUSE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode == pulse.STOOD_STILL
    assert "due-times has stood still" in ended.stderr
    assert "never_comes_back" in ended.stderr


def test_a_loop_that_waits_or_comes_on_does_not_stand_still() -> None:
    now_s = 0.0
    watched = pulse.Pulse(lambda: now_s)
    watched.goes_on()
    now_s = 1_000.0
    assert watched.stuck() == {}, "a thread that is not at work is not watched"
    watched.at_work()
    now_s += pulse.STUCK_AFTER_S
    watched.goes_on()
    now_s += pulse.STUCK_AFTER_S
    assert watched.stuck() == {}
    now_s += 1.0
    assert list(watched.stuck().values()) == [pulse.STUCK_AFTER_S + 1.0]
    watched.waits()
    assert watched.stuck() == {}


def test_a_pause_of_the_machine_makes_no_loop_stand_still() -> None:
    now_s = 0.0
    watched = pulse.Pulse(lambda: now_s)

    def look_for(span_s: float) -> dict[str, float]:
        nonlocal now_s
        for _ in range(int(span_s / pulse.BEAT_EVERY_S)):
            now_s += pulse.BEAT_EVERY_S
            found = watched.look()
        return found

    watched.at_work()
    assert look_for(60.0) == {}
    now_s += 3_600.0
    assert look_for(60.0) == {}, "it goes on, and so may the loop"
    assert look_for(pulse.STUCK_AFTER_S), "it did not"


def test_a_clock_that_is_set_back_does_not_make_the_web_servers_loop_stand_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s, wall_s = 0.0, time.time()
    watched = pulse.Pulse(lambda: now_s)
    monkeypatch.setattr(wiring, "PULSE", watched)
    monkeypatch.setattr("uvicorn.server.time.time", lambda: wall_s)
    server = wiring._Console(wiring._web_settings(FastAPI()), Live())
    asyncio.run(server.on_tick(0))
    now_s, wall_s = now_s + 100.0, wall_s - 7_200.0
    asyncio.run(server.on_tick(10))
    now_s += 100.0
    assert watched.stuck() == {}


def test_a_process_that_is_still_being_loaded_after_a_pause_has_its_time(tmp_path: Path) -> None:
    loading = supervisor._Child("desk", [sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor._keep_running(loading, tmp_path)
    now_s = supervisor._forgive([loading], time.monotonic() - 3_600)
    try:
        assert supervisor._silent_s(loading, now_s + supervisor.FIRST_BEAT_S - 1.0) == 0.0
        assert supervisor._silent_s(loading, now_s + supervisor.FIRST_BEAT_S + 1.0) > 0.0
    finally:
        supervisor._end([loading])


def test_a_machine_that_is_too_slow_to_load_a_process_in_time_is_not_too_slow_for_ever(tmp_path: Path) -> None:
    slow = supervisor._Child("desk", [sys.executable, "-c", "import time; time.sleep(60)"])

    def loads_for(span_s: float) -> bool:
        if slow.process is None:
            slow.start_at_s = 0.0
            supervisor._keep_running(slow, tmp_path)
        slow.started_s = time.monotonic() - span_s
        supervisor._keep_running(slow, tmp_path)
        return slow.process is not None

    try:
        assert not loads_for(1.5 * supervisor.FIRST_BEAT_S), "this long is a hang, at first"
        assert loads_for(1.5 * supervisor.FIRST_BEAT_S), "killed at each start, the desk would never come up"
        slow.began, slow.heard_s = True, time.monotonic() - 1.5 * supervisor.SILENT_MAX_S
        supervisor._keep_running(slow, tmp_path)
        assert slow.process is None, "once it has begun, silence is a hang as before"
    finally:
        supervisor._end([slow])


def test_after_a_pause_of_the_machine_nobody_is_killed_for_the_silence_in_it(tmp_path: Path) -> None:
    sleeper = supervisor._Child("desk", [sys.executable, "-c", "import time; time.sleep(60)"])
    supervisor._keep_running(sleeper, tmp_path)
    assert sleeper.process is not None
    hour_ago_s = time.monotonic() - 3_600
    try:
        sleeper.heard_s = hour_ago_s
        supervisor._forgive([sleeper], hour_ago_s)
        supervisor._keep_running(sleeper, tmp_path)
        assert sleeper.process is not None
        sleeper.heard_s = hour_ago_s
        supervisor._keep_running(sleeper, tmp_path)
        assert sleeper.process is None
    finally:
        supervisor._end([sleeper])


def test_a_process_that_cannot_be_started_now_is_tried_again_and_takes_no_other_down(tmp_path: Path) -> None:
    child = supervisor._Child("desk", [str(tmp_path / "missing")])
    assert supervisor._keep_running(child, tmp_path) is None
    assert child.process is None
    assert child.start_at_s > time.monotonic()


def test_an_operator_is_added_once_and_can_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configure(tmp_path)
    read, write = os.pipe()
    os.write(write, f"{PASSWORD}\n{PASSWORD}\nshort\n".encode())
    os.close(write)
    with os.fdopen(read) as words:
        monkeypatch.setattr(sys, "stdin", words)
        command = ["add-operator", "--config", str(config), "--called", "Ana"]
        assert main([*command, "ana"]) == 0
        assert main([*command, "ana"]) == CANNOT_START
        assert main([*command, "joan"]) == CANNOT_START
    said = capsys.readouterr()
    assert "ana already" in said.err
    assert "at least" in said.err
    database = Database.open(f"sqlite:///{tmp_path}/data/central.sqlite3")
    with database.read() as connection:
        stored = people.operator(connection, "ana")
    assert stored is not None
    assert stored.password_hash.startswith("$argon2id$")
    assert not isinstance(access.log_in(database, "ana", PASSWORD, 1.0), access.LoginRefused)
    database.close()


def test_the_brokers_files_know_every_hub_and_keep_passwords_once_given(tmp_path: Path) -> None:
    config = configure(tmp_path)
    assert main(["migrate", "--config", str(config)]) == 0
    database = Database.open(f"sqlite:///{tmp_path}/data/central.sqlite3")
    out = tmp_path / "out"
    command = [
        "broker-config",
        "--config",
        str(config),
        "--out",
        str(out),
        "--certificate",
        "/c.pem",
        "--key",
        "/k.pem",
    ]
    known: dict[str, str] = {}
    for number in (1, 2):
        with database.begin() as connection:
            homes.enrol_home(connection, f"home-{number}", address="x", now=1.0)
            homes.enrol_hub(connection, f"hub-{number}", f"home-{number}", 1.0)
        assert main(command) == 0
        secrets = json.loads((out / "secrets.json").read_text())
        assert known.items() <= secrets.items()
        known = secrets
    database.close()
    assert set(known) == {"desk", "receiver", "hub-1", "hub-2"}
    assert (out / "secrets.json").stat().st_mode & 0o077 == 0
    assert "hub-2" in (out / "access.acl").read_text() + (out / "passwords").read_text()


def test_a_full_disk_does_not_cost_the_hubs_their_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configure(tmp_path)
    assert main(["migrate", "--config", str(config)]) == 0
    out = tmp_path / "out"
    command = ["broker-config", "--config", str(config), "--out", str(out), "--certificate", "/c", "--key", "/k"]
    assert main(command) == 0
    before = (out / "secrets.json").read_text()

    original = Path.write_text

    def full(path: Path, text: str, **more: str) -> int:
        if "secrets" not in path.name:
            return original(path, text, **more)
        path.write_bytes(b"")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="space"):
            main(command)
    assert (out / "secrets.json").read_text() == before


@pytest.mark.parametrize("name", ["desk", "Ana Soler", "a" * 40, ""])
def test_an_operator_cannot_take_a_name_that_means_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["add-operator", "--config", str(configure(tmp_path)), "--called", "Ana", name]) == CANNOT_START
    assert "log-in name" in capsys.readouterr().err


def test_what_cannot_start_says_why_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "file").touch()
        good = 'data_folder = "data"\n[console]\nport = 0\n'
        cases = {
            "Cannot read the configuration": "",
            "cannot listen on 127.0.0.1": f'data_folder = "data"\n[console]\nport = {port}\n',
            "Cannot write to the data folder": 'data_folder = "file/data"\n',
            "database.url must begin": 'data_folder = "data"\n[database]\nurl = "mysql://x"\n',
            "The database cannot be used": 'data_folder = "data"\n[database]\nurl = "sqlite:////nowhere/x.sqlite3"\n',
            "Cannot read the secret file": f'{good}[broker]\ndesk_password_file = "no"\n',
        }
        for sentence, text in cases.items():
            config = tmp_path / f"{len(text)}.toml"
            if text:
                config.write_text(text)
            assert main(["desk", "--config", str(config)]) == CANNOT_START
            said = capsys.readouterr().err.strip()
            assert sentence in said
            assert "Traceback" not in said
            assert len(said.splitlines()) == 1


def test_an_older_program_leaves_a_newer_database_alone_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["migrate", "--config", str(configure(tmp_path))]
    assert main(command) == 0
    with sqlite3.connect(tmp_path / "data" / "central.sqlite3") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999_of_next_year'")
    newer.close()
    assert main(command) == CANNOT_START
    said = capsys.readouterr().err.strip()
    assert "written by another version of Llar" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_configuration_that_cannot_work_is_not_tried_again_and_again(tmp_path: Path) -> None:
    config = configure(tmp_path, '[broker]\ndesk_password_file = "missing"\nreceiver_password_file = "missing"\n')
    command = [sys.executable, "-m", "central", "run", "--config", str(config)]
    ended = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == CANNOT_START
    assert "Cannot read the secret file" in ended.stderr
