"""The demo's page and the home's screen in docs/screenshots: LLAR_PICTURES=1 pytest <this file> makes them."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.small_png import picture
from tests.simulators.test_demo import free_base, start, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(450),
    pytest.mark.skipif(not os.environ.get("LLAR_PICTURES"), reason="pictures are made only with LLAR_PICTURES=1"),
]


def opened(browser: Browser, url: str, width: int = 1440, height: int = 900) -> Page:
    context = browser.new_context(
        locale="ca-ES",
        timezone_id="Europe/Madrid",
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    return page


def test_pictures_of_the_demo(browser: Browser, tmp_path: Path) -> None:
    base = free_base()
    process = start(tmp_path / "state", base, "--homes", "12", "--seconds", "400")
    console, screen, stage = (f"http://127.0.0.1:{base + number}" for number in range(3))
    try:
        assert process.stdout is not None
        while "Stop with Ctrl-C" not in process.stdout.readline():
            assert process.poll() is None

        def scene() -> str:
            return str(httpx.get(f"{stage}/api/state", timeout=60).json()["home"]["scene"])

        until(lambda: scene() == "idle")
        home = opened(browser, screen, 1280, 800)
        home.wait_for_timeout(1_500)
        picture(home, "home-calm")
        httpx.post(f"{stage}/api/do/fall", timeout=20)
        until(lambda: scene() == "asking")
        home.wait_for_timeout(1_500)
        picture(home, "home-asked")
        until(lambda: bool(httpx.post(f"{stage}/api/do/say_fine", timeout=20)) and scene() not in {"asking", "lost"})
        httpx.post(f"{stage}/api/do/press", timeout=20)
        until(lambda: scene() == "received")
        home.wait_for_timeout(1_500)
        picture(home, "home-received")
        mailbox = opened(browser, f"{stage}/mail")
        expect(mailbox.locator(".mails li").first).to_be_visible(timeout=150_000)
        picture(mailbox, "demo-mailbox")
        page = opened(browser, f"{console}/login")
        page.fill("#name", "ana")
        page.fill("#password", httpx.get(f"{stage}/api/state", timeout=60).json()["links"]["password"])
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator("[data-heard]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".card.ringing").first).to_be_visible(timeout=60_000)
        page.keyboard.press("F2")
        until(lambda: scene() == "taken")
        home.wait_for_timeout(1_500)
        picture(home, "home-taken")
        demo = opened(browser, stage)
        demo.wait_for_timeout(1_500)
        expect(demo.locator("#lost")).to_be_hidden()
        picture(demo, "demo-page")
        demo.emulate_media(color_scheme="dark", reduced_motion="reduce")
        expect(demo.locator("#lost")).to_be_hidden()
        picture(demo, "demo-page-dark")
        small = opened(browser, stage, 390, 844)
        small.wait_for_timeout(1_500)
        picture(small, "demo-page-phone")
    finally:
        process.terminate()
        process.wait(60)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
