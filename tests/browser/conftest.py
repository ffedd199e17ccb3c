"""A console served on a free port and a real Chromium to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import browsers
from tests.central.console_setting import PASSWORD, Setting, open_setting, serve, wait_until

PATIENCE_MS = 60_000
"""No timing is tested by it: on a busy machine a page takes its time."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Console:
    """A served console and how to sit down at it."""

    url: str
    setting: Setting
    browser: Browser

    def page(self, **context: object) -> Page:
        """A page of a fresh browser profile, in Madrid; a script error on it fails the test."""
        options = {"locale": "ca-ES", "timezone_id": "Europe/Madrid", "viewport": {"width": 1440, "height": 900}}
        page = self.browser.new_context(**{**options, **context}).new_page()  # type: ignore[arg-type]
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: pytest.fail(f"script error on the page: {error}"))
        return page

    def log_in(self, name: str = "ana", **context: object) -> Page:
        """Logged in by keyboard, with the sound test still to do."""
        page = self.page(**context)
        page.goto(f"{self.url}/login")
        expect(page.locator("#name")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("dialog[open]")).to_be_visible()
        return page

    def seat(self, name: str = "ana", **context: object) -> Page:
        """An operator who has heard the tone and is ready."""
        page = self.log_in(name, **context)
        page.keyboard.press("Enter")
        expect(page.locator("[data-heard]")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".state-switch button[value=ready]")).to_have_attribute("aria-pressed", "true")
        # the page shows a choice at once; an alarm is offered to who the centre knows to be ready, or busy with a case
        seated = {(name, "ready"), (name, "busy")}
        wait_until(lambda: any((one.operator, one.state) in seated for one in self.setting.live.at_desk()))
        return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for each file; while it is open, its event loop bars tests that are coroutines."""
    program = browsers.program()
    if program is None:
        pytest.skip(f"the console was NOT tested in a browser: {browsers.ABSENT}")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=user-gesture-required"]
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def console(browser: Browser, tmp_path: Path) -> Iterator[Console]:
    """A console with one home, nothing open."""
    with open_setting(tmp_path) as setting, serve(setting.app(), setting.live) as url:
        yield Console(url, setting, browser)
        for context in browser.contexts:
            context.close()
