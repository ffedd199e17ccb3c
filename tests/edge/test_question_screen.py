"""The question on the screen: the answer counts from the page on the hub, and from nobody else's."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect
from starlette.testclient import TestClient

from edge.clock import Clock
from edge.config import LANGUAGES, ScreenConfig
from edge.home.presence import Presence
from edge.home.question import About, Answer
from edge.home.screen.server import create_app, serve
from edge.home.wording import put_in_words
from edge.outbox import StoredAlarm
from gateway.contract.messages import Alarm
from simulators.demo.home_screen import HomeScreen
from simulators.pendant_tty import PendantTty
from tests.edge.conftest import PATIENCE_S, PENDANT, Desk, broker, desk, listening, running, scenes, until, write_config
from tests.edge.test_screen_browser import assert_fits, page

__all__ = ["broker", "desk", "page", "write_config"]

pytestmark = pytest.mark.slow

LONG = b'{"question": "q1", "answer": "fine"}' + b" " * 1_000_000
CLOCK = Clock("b1", monotonic=lambda: 1000.0, wall=lambda: 1.8e9, is_trusted=lambda: True)


class Screen:
    """A page that asks, and what was answered on it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.presence = Presence(CLOCK)
        self.answers: list[tuple[str, Answer]] = []
        self.presence.on_answer = lambda question, answer: self.answers.append((question, answer))
        self.presence.asked("q1", About.FALL, 1000.0, 1020.0)

    @property
    def here(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def post(self, *, question: str = "q1", host: str = "", **headers: str) -> int:
        host = host or self.here
        sent = {"host": host, "origin": f"http://{host}", "content-type": "application/json"} | headers
        async with httpx.AsyncClient(timeout=PATIENCE_S) as browser:
            body = json.dumps({"question": question, "answer": "fine"})
            reply = await browser.post(f"http://{self.here}/answer", content=body, headers=sent)
        return reply.status_code


@pytest.fixture
async def screen() -> AsyncIterator[Screen]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = int(one.getsockname()[1])
    screen = Screen(port)
    serving = asyncio.create_task(serve(ScreenConfig("127.0.0.1", port), create_app(screen.presence, lambda: "en")))
    await listening(port)
    yield screen
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def test_an_answer_counts_once_from_the_own_page_and_not_from_anybody_elses(screen: Screen) -> None:
    assert await screen.post(origin="https://evil.example") == 403
    assert await screen.post(origin="null") == 403
    assert await screen.post(host="evil.example") == 403, "a name bent to this machine"
    assert await screen.post(host="127.0.0.1.evil.example") == 403
    assert await screen.post(**{"sec-fetch-site": "cross-site"}) == 403
    assert await screen.post(**{"content-type": "text/plain"}) == 403, "a form of another page can send this"
    assert await screen.post(question="another") == 409
    assert screen.answers == []
    assert await screen.post() == 204
    assert screen.answers == [("q1", Answer.FINE)]


def test_who_looks_on_from_elsewhere_can_neither_answer_nor_see_what_to_answer_to() -> None:
    presence = Presence(CLOCK)
    presence.asked("q1", About.FALL, 1000.0, 1020.0)
    answers: list[str] = []
    presence.on_answer = lambda question, _answer: answers.append(question)
    headers = {"origin": "http://127.0.0.1", "content-type": "application/json"}
    for client, status in (("192.0.2.7", 403), ("127.0.0.1", 204)):
        is_here = client == "127.0.0.1"
        browser = TestClient(create_app(presence, lambda: "en"), "http://127.0.0.1", client=(client, 40_000))
        assert ('"q1"' in browser.get("/?lang=en").text) is is_here
        reply = browser.post("/answer", json={"question": "q1", "answer": "fine"}, headers=headers)
        assert reply.status_code == status
    assert answers == ["q1"]


async def test_what_is_no_answer_is_refused(screen: Screen) -> None:
    headers = {"origin": f"http://{screen.here}", "content-type": "application/json"}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as browser:
        for body in (b"", b"{", b"[]", b'{"question": "q1", "answer": "perhaps"}', b"[" * 100_000, LONG):
            reply = await browser.post(f"http://{screen.here}/answer", content=body, headers=headers)
            assert reply.status_code == 400
        assert (await browser.get(f"http://{screen.here}/answer")).status_code == 405
    assert screen.answers == []


def said(screen: Screen, language: str) -> str:
    return put_in_words(screen.presence.scene(), language, screen.presence.called).sentence


async def assert_easy_to_touch(page: Page, name: str) -> None:
    box = await page.locator(name).bounding_box()
    assert box is not None
    assert box["height"] >= 48
    assert box["y"] + box["height"] <= 844


@pytest.mark.browser
async def test_the_green_button_fits_every_screen_and_answers(screen: Screen, page: Page) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    screen.presence.live_by("Maria Desemparats M.", 60.0)
    for language in LANGUAGES:
        await page.goto(f"http://{screen.here}/?lang={language}")
        for about, question in ((About.QUIET, "q2"), (About.FALL, "q1")):
            screen.presence.asked(question, about, 1000.0, 1020.0)
            await expect(page.locator("#sentence")).to_have_text(said(screen, language))
            await assert_fits(page, f"the question of {about} in {language}")
            for name in ("#fine", "#help"):
                await assert_easy_to_touch(page, name)
            await expect(page.locator("#mistake")).to_be_hidden()
    await page.locator("#fine").click()
    await until(lambda: screen.answers, "the press arrives")
    assert screen.answers == [("q1", Answer.FINE)]
    screen.presence.not_asked(is_well=True)
    await expect(page.locator("#sentence")).to_contain_text("glad")
    await expect(page.locator("#fine")).to_be_hidden()
    screen.presence.heard(StoredAlarm(Alarm("A1", 3, 1.8e9, 10), CLOCK.now(), received=False, answer=None))
    await assert_fits(page, "the way back after a press")
    await assert_easy_to_touch(page, "#mistake")
    await expect(page.locator("#help")).to_be_hidden()
    await page.locator("#mistake").click()
    await expect(page.locator("#sentence")).to_contain_text("No trouble")
    assert faults == []


async def seen(events: AsyncIterator[str], scene: str) -> dict[str, object]:
    """The first scene of that name in the page's stream."""
    async for text in events:
        for shown in scenes(text):
            if shown["scene"] == scene:
                return shown
    raise AssertionError(f"the stream ended without {scene}")


async def test_a_fall_in_a_home_with_a_screen_asks_first_and_a_press_on_the_page_ends_it(
    tmp_path: Path, write_config: Callable[[str], Path], desk: Desk
) -> None:
    """Through everything: the pendant's own fall sensor, the hub, its page, Mosquitto."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = int(one.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    pendant = PendantTty(tmp_path / "tty", PENDANT)
    pendant.plug_in()
    path = write_config(f'[[serial]]\nport = "{pendant.path}"\n[screen]\nport = {port}\n')
    async with running(path) as agent, httpx.AsyncClient(timeout=PATIENCE_S) as browser:
        await until(lambda: desk.states, "the hub says that it is there")
        await listening(port)
        async with browser.stream("GET", f"{url}/events?lang=en") as stream:
            events = stream.aiter_text()
            await anext(events)
            assert agent._presence.can_ask
            async with asyncio.timeout(PATIENCE_S):
                await pendant.acknowledged(pendant.fall())
            shown = await seen(events, "asking")
            assert shown["sentence"] == "Have you fallen?"
            body = {"question": shown["question"], "answer": "fine"}
            reply = await browser.post(f"{url}/answer", json=body, headers={"origin": url})
            assert reply.status_code == 204
            await seen(events, "glad")
        await until(lambda: ("pendant", "fall", "fine") in desk.readings, "the centre is told what was answered")
        assert desk.alarms == []
        await until(lambda: not agent._presence.can_ask, "the page is gone")
        pendant.fall()
        await until(lambda: desk.alarms, "no page is open: it is an alarm at once")
    pendant.unplug()
    assert len(desk.refs) == 1


async def test_the_demos_green_button_is_the_screens(screen: Screen) -> None:
    demo = HomeScreen(screen.port)
    watching = asyncio.create_task(demo.watch())
    await until(lambda: demo.scene == "asking" and demo.question, "the question is shown")
    await demo.answer("fine")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert screen.answers == [("q1", Answer.FINE)]
