"""News reaches every open console, and a console that falls behind knows it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.console.live import WAITING_MAX, Live
from central.console.offers import HANDED_S
from gateway.contract.alarm_kinds import AlarmKind
from tests.central.console_setting import DEADLINE_S, PASSWORD, Clock, Setting, open_setting, serve, wait_until


def sign() -> object:
    return {"sign": 1}


async def until(stream: AsyncIterator[bytes], name: str) -> dict[str, object]:
    """The next event of that name."""
    async for event in stream:
        if event.startswith(f"event: {name}\n".encode()):
            found: dict[str, object] = json.loads(event.split(b"data: ")[1])
            return found
    raise AssertionError(f"the stream ended without {name}")


async def opened(live: Live, session: str = "s1", operator: str = "ana") -> AsyncIterator[bytes]:
    live.attach(asyncio.get_running_loop())
    stream = live.stream(session, operator, sign)
    await until(stream, "beat")
    return stream


async def test_an_event_published_by_any_thread_reaches_every_console() -> None:
    live = Live()
    streams = [await opened(live, f"s{number}") for number in range(3)]
    thread = threading.Thread(target=live.publish, args=("case", {"id": 7, "place": "lavabo\n\n"}))
    thread.start()
    for stream in streams:
        async with asyncio.timeout(20):
            assert await until(stream, "case") == {"id": 7, "place": "lavabo\n\n"}
    thread.join()


async def test_a_console_that_does_not_keep_up_is_told_to_load_anew_and_the_others_go_on() -> None:
    live = Live()
    slow, quick = await opened(live, "slow"), await opened(live, "quick")
    for number in range(WAITING_MAX + 5):
        live.publish("case", number)
        async with asyncio.timeout(20):
            assert await until(quick, "case") == number
    async with asyncio.timeout(20):
        assert await until(slow, "reload") == {}
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert live.dropped == 1
    assert live.clients() == 1


async def test_ending_a_session_ends_its_streams_only() -> None:
    live = Live()
    ended, other = await opened(live, "s1"), await opened(live, "s2")
    live.close_session("s1")
    async with asyncio.timeout(20):
        await until(ended, "reload")
    live.publish("case", 1)
    async with asyncio.timeout(20):
        assert await until(other, "case") == 1


async def test_a_session_that_has_run_out_ends_the_stream_with_the_next_sign_of_life() -> None:
    live = Live()
    live.attach(asyncio.get_running_loop())
    stream = live.stream("s1", "ana", lambda: None)
    async with asyncio.timeout(20):
        await until(stream, "reload")


async def test_an_operator_counts_as_ready_only_with_an_open_console() -> None:
    live = Live()
    stream = await opened(live)
    assert live.ready_operators() == 0
    live.set_state("s1", "ready")
    assert live.ready_operators() == 1
    live.set_state("s1", "break")
    assert live.ready_operators() == 0
    live.set_state("s1", "ready")
    await stream.aclose()  # type: ignore[attr-defined]
    assert live.ready_operators() == 0


async def test_stopping_lets_all_go_and_takes_nobody_more() -> None:
    live = Live()
    stream = await opened(live)
    live.stop()
    async with asyncio.timeout(20):
        await until(stream, "reload")
    assert [event async for event in live.stream("s2", "ana", sign)] == []


def test_publishing_before_the_server_runs_harms_nobody() -> None:
    Live().publish("case", {})


def _log_in(client: httpx.Client) -> None:
    page = client.get("/login").text
    form = page.split('name="form" value="')[1].split('"')[0]
    client.post("/login", data={"name": "ana", "password": PASSWORD, "form": form})


@pytest.mark.slow
def test_an_alarm_is_on_the_line_with_all_that_a_card_needs(tmp_path: Path) -> None:
    with open_setting(tmp_path) as setting, serve(setting.app(), setting.live) as url:
        found: list[dict[str, object]] = []
        with httpx.Client(base_url=url, timeout=30) as client:
            _log_in(client)
            listener = threading.Thread(target=_listen, args=(client, setting, found))
            listener.start()
            wait_until(lambda: setting.live.clients() == 1)
            setting.alarm("carme", AlarmKind.FALL, "bany")
            listener.join(DEADLINE_S)
    card = found[0]["card"]
    assert isinstance(card, dict)
    assert (card["mark"], card["kind"], card["place"], card["person"]["called"]) == ("P1", "fall", "bany", "Carme")


@pytest.mark.slow
def test_a_sign_of_life_never_tells_of_an_older_queue_than_the_events_before_it(tmp_path: Path) -> None:
    # the clock stands: what is kept for all consoles is never too old, only overtaken
    with (
        open_setting(tmp_path, Clock(1_790_000_000.0)) as setting,
        serve(setting.app(), setting.live) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        _log_in(client)
        assert _first_sign(client)["stamp"] == "0.0"
        with client.stream("GET", "/live"):
            wait_until(lambda: setting.live.clients() == 1)
            setting.alarm("carme", AlarmKind.FALL, "bany")
            sign = _first_sign(client)
    assert sign["stamp"].startswith("1.")
    assert sign["answers"]["counted"] == 0


@pytest.mark.slow
def test_who_gave_a_case_to_a_colleague_is_told_once_that_it_was_not_taken(tmp_path: Path) -> None:
    clock = Clock(1_790_000_000.0)
    with (
        open_setting(tmp_path, clock) as setting,
        serve(setting.app(), setting.live) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        _log_in(client)
        with client.stream("GET", "/live"):
            wait_until(lambda: setting.live.clients() == 1)
            case = setting.alarm("carme")
            setting.desk.take(case, "ana", clock())
            setting.desk.hand_over("ana", "Acabo", clock(), by="ana", to="marc")
        wait_until(lambda: setting.live.clients() == 0)
        assert _first_sign(client)["untaken"] == []
        clock.now += HANDED_S
        told = [_first_sign(client)["untaken"] for _ in range(2)]
    assert told == [[f"Marc no ha agafat el cas {case} a temps. Espera que l'agafi algú."], []]


def _first_sign(client: httpx.Client) -> dict[str, Any]:
    with client.stream("GET", "/live") as answer:
        lines = answer.iter_lines()
        while next(lines) != "event: beat":
            pass
        found: dict[str, Any] = json.loads(next(lines).removeprefix("data: "))
        return found


def _listen(client: httpx.Client, _setting: Setting, found: list[dict[str, object]]) -> None:
    with client.stream("GET", "/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: ") and name == "case":
                found.append(json.loads(line[6:]))
                return
