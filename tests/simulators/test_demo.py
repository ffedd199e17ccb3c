"""`llar-demo` from the command line to the home's screen: a press reaches the console, and the home says so."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

READY_S = 60
DEADLINE_S = 60


def until(happened: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def free_base() -> int:
    """Three free ports in a row."""
    for base in range(21_000, 29_000, 10):
        try:
            for port in range(base, base + 3):
                with socket.create_server(("127.0.0.1", port)):
                    pass
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


@dataclass
class Demo:
    process: subprocess.Popen[str]
    base: int
    state: Path

    def do(self, action: str) -> None:
        answer = httpx.post(f"http://127.0.0.1:{self.base + 2}/api/do/{action}", timeout=60)
        assert answer.status_code == 200, answer.text

    def now(self) -> dict[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.base + 2}/api/state", timeout=60)
        found: dict[str, Any] = answer.json()
        return found

    def console(self) -> httpx.Client:
        """A console with Ana logged in, as her browser would."""
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.base}", follow_redirects=True, timeout=60)
        form = re.search(r'name="form" value="([^"]+)"', client.get("/login").text)
        assert form is not None
        password = self.now()["links"]["password"]
        page = client.post("/login", data={"name": "ana", "password": password, "form": form[1]})
        assert page.status_code == 200
        assert client.get("/api/me").status_code == 200
        return client


def start(state: Path, base: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulators.demo", "--state", str(state), "--port-base", str(base), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state, base = tmp_path_factory.mktemp("demo") / "state", free_base()
    process = start(state, base, "--homes", "3", "--seconds", "400")
    try:
        assert process.stdout is not None
        said = ""
        while "Stop with Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            said += line
        assert "log in as  ana" in said
        assert ("runs its C firmware" in said) == (shutil.which("cc") is not None)
        yield Demo(process, base, state)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive, "children outlive the demo"
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def test_a_press_reaches_the_console_and_the_home_says_who_is_there(demo: Demo) -> None:
    until(lambda: demo.now()["parts"]["radio"] == "up" and demo.now()["home"]["scene"] == "idle")
    with contextlib.closing(demo.console()) as console:
        demo.do("press")
        until(lambda: demo.now()["home"]["scene"] == "received")
        (card,) = until(lambda: [c for c in console.get("/api/queue").json()["cards"] if c["home_id"] == "h-1"])
        assert card["kind"] == "help"
        token = re.search(r'"form_token": ?"([0-9a-f]+)"', console.get("/").text)
        assert token is not None
        headers = {"X-Form-Token": token[1]}
        assert console.post(f"/api/cases/{card['id']}/take", headers=headers).status_code == 200
        until(lambda: demo.now()["home"]["scene"] == "taken")
        assert all("Ana" in words for words in demo.now()["home"]["words"].values())
    keys = [entry["key"] for entry in demo.now()["log"]]
    assert "did_press" in keys
    assert "home_says" in keys


def test_the_pendant_on_the_wire_is_heard_and_acknowledged_while_the_line_is_cut(demo: Demo) -> None:
    demo.do("line_cut")
    until(lambda: demo.now()["parts"]["line"] == "cut")
    demo.do("hub_off")
    demo.do("hub_on")
    until(lambda: demo.now()["home"]["scene"] != "lost")
    demo.do("press_serial")
    until(lambda: demo.now()["home"]["scene"] in {"heard", "trying"})
    demo.do("line_restore")
    until(lambda: demo.now()["home"]["scene"] in {"received", "taken"})


def messages(demo: Demo, phone: str) -> list[dict[str, Any]]:
    """What a telephone on the page shows."""
    (shown,) = [each["messages"] for each in demo.now()["phones"] if each["id"] == phone]
    found: list[dict[str, Any]] = shown
    return found


def close_all(console: httpx.Client) -> None:
    """Ana takes and closes what is open at Maria's."""
    token = re.search(r'"form_token": ?"([0-9a-f]+)"', console.get("/").text)
    assert token is not None
    headers = {"X-Form-Token": token[1]}
    closing = {"cause": "mistake", "action": "talked", "outcome": "resolved_by_talk", "label": "false"}
    for card in [card for card in console.get("/api/queue").json()["cards"] if card["home_id"] == "h-1"]:
        for step in ("take", "talk"):
            console.post(f"/api/cases/{card['id']}/{step}", headers=headers)
        answer = console.post(f"/api/cases/{card['id']}/close", headers=headers, json=closing)
        assert answer.status_code == 200, answer.text


def test_with_the_line_cut_a_press_takes_the_second_path_and_is_the_same_case_afterwards(demo: Demo) -> None:
    with contextlib.closing(demo.console()) as console:
        close_all(console)
        until(lambda: demo.now()["home"]["scene"] in {"closed", "idle"})
        until(lambda: demo.now()["parts"]["modem"] == "up")
        demo.do("line_cut")
        until(lambda: demo.now()["parts"]["line"] == "cut")
        demo.do("press")
        until(lambda: messages(demo, "centre"))
        until(lambda: any(sms["out"] and sms["state"] == "delivered" for sms in messages(demo, "centre")))
        until(lambda: demo.now()["home"]["scene"] == "received")
        assert demo.now()["parts"]["line"] == "cut"
        # the word after an earlier call asks nobody to come
        assert [sms for sms in messages(demo, "montse") if "tot va bé" not in sms["text"]] == []
        (card,) = [card for card in console.get("/api/queue").json()["cards"] if card["home_id"] == "h-1"]
        assert "SMS" in console.get(f"/api/cases/{card['id']}").text
        demo.do("line_restore")
        until(lambda: demo.now()["parts"]["line"] == "open")
        until(lambda: any(entry["key"] == "sms_answer" for entry in demo.now()["log"]))
        after = [card for card in console.get("/api/queue").json()["cards"] if card["home_id"] == "h-1"]
        assert [each["id"] for each in after] == [card["id"]]


def test_cuff_and_oximeter_are_read_and_the_console_draws_the_pulse(demo: Demo) -> None:
    def said(what: str) -> Any:
        return next((entry["facts"] for entry in demo.now()["log"] if entry["key"] == what), None)

    def drawn(console: httpx.Client) -> list[float]:
        series = console.get("/api/homes/h-1/charts").json()["series"]
        return [curve["last"] for curve in series if curve["device"] == "cuff" and curve["kind"] == "heart_rate"]

    demo.do("pressure")
    with contextlib.closing(demo.console()) as console:
        until(lambda: drawn(console) == [said("pressure")["pulse"]])
    demo.do("oxygen")
    until(lambda: said("oxygen"))


def test_the_street_is_connected_and_its_alarms_are_answered(demo: Demo) -> None:
    until(lambda: demo.now()["street"]["online"] == 3)
    demo.do("street_press")
    until(lambda: any(entry["key"] == "answer_received" for entry in demo.now()["log"]))


def test_the_street_has_a_past_from_the_first_start_on(demo: Demo) -> None:
    """What homes tell before the receiver has ever listened would be lost at the broker."""
    with contextlib.closing(demo.console()) as console:
        until(lambda: console.get("/api/health").json()["readings"] > 100)


def test_a_hub_whose_program_ends_by_itself_is_started_again(demo: Demo) -> None:
    (hub,) = [child for child in psutil.Process(demo.process.pid).children() if "edge" in child.cmdline()]
    hub.terminate()
    until(lambda: any(e["key"] == "part_down" and e["source"] == "hub" for e in demo.now()["log"]))
    until(lambda: demo.now()["parts"]["hub"] == "up")


def test_a_killed_desk_comes_back(demo: Demo) -> None:
    demo.do("desk_kill")
    until(lambda: any(e["key"] == "part_down" and e["source"] == "desk" for e in demo.now()["log"]))
    until(lambda: demo.now()["parts"]["desk"] == "up")
    until(lambda: _answers(demo.base))


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def test_an_unknown_action_and_another_sites_page_are_refused(demo: Demo) -> None:
    page = f"http://127.0.0.1:{demo.base + 2}"
    assert httpx.post(f"{page}/api/do/explode").status_code == 404
    assert httpx.post(f"{page}/api/do/press", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert httpx.get(f"{page}/", headers={"Host": "evil.example"}).status_code == 400


def test_a_second_demo_says_in_one_sentence_what_is_in_its_way(demo: Demo, tmp_path: Path) -> None:
    for state, base, word in (
        (demo.state, free_base(), "Another demo"),
        (tmp_path / "own", demo.base, f"Port {demo.base} for the console is in use"),
        (Path("/proc/llar"), free_base(), "Cannot write"),
    ):
        process = start(state, base, "--seconds", "1")
        _, told = process.communicate(timeout=60)
        assert process.returncode == 1
        assert word in told
        assert len(told.strip().splitlines()) == 1
