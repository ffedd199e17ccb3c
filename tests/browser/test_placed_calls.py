"""Calls that the centre places, in a real browser: one key calls, and the page says by itself how it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from central.alarm_cases.placed_call import Leg
from central.config import PhoneConfig
from central.dial_desk import DialDesk
from central.notification.phone_gateway import PhoneGateway
from central.storage import operator_settings
from simulators.web_server import Answer, Asked, WebFault, WebServer
from tests.browser.conftest import Console
from tests.central.console_setting import open_setting, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass
class Line:
    """A gateway that takes every call; `told` says what became of the last one."""

    calls: DialDesk | None = None
    gateway: WebServer = field(init=False)
    keys: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gateway = WebServer(self._take)

    def _take(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            self.keys.append(json.loads(asked.body)["key"])
        return Answer(202)

    def told(self, console: Console, leg: Leg, *words: str) -> None:
        assert self.calls is not None
        now = console.setting.clock()
        assert all(self.calls.take(self.keys[-1], leg, word, now, now) for word in words)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.gateway.stop()


@pytest.fixture
def console(browser: Browser, tmp_path: Path, line: Line) -> Iterator[Console]:
    """A console whose centre dials."""
    (tmp_path / "token").write_text("a word")
    with open_setting(tmp_path) as setting:
        gateway = PhoneGateway(PhoneConfig(line.gateway.url, str(tmp_path / "token")))
        line.calls = DialDesk(setting.desk, gateway, lambda case_id: setting.live.publish("call", {"case_id": case_id}))
        with serve(setting.app(calls=line.calls), setting.live) as url:
            yield Console(url, setting, browser)
            for context in browser.contexts:
                context.close()


def test_f8_calls_and_the_page_says_how_it_goes(console: Console, line: Line) -> None:
    page = console.seat()
    page.locator("[popovertarget=menu]").click()
    page.locator("#telephone").click()
    page.locator("#own-telephone").fill("201")
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    case_id = console.setting.alarm("carme")
    expect(page.locator(f'[data-case="{case_id}"]')).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator("#contact-marta")).to_be_visible()
    page.keyboard.press("F8")
    call, row = page.locator(".call"), page.locator("#contact-joan")
    expect(call).to_contain_text("Trucada a Joan Ferrer")
    line.told(console, Leg.OWN, "ringing")
    expect(call).to_contain_text("despengeu el vostre telèfon")
    page.keyboard.press("F8")
    expect(page.locator("#toasts")).to_contain_text("Ja esteu al telèfon")
    line.told(console, Leg.OWN, "answered")
    line.told(console, Leg.OTHER, "ringing")
    expect(row).to_contain_text("sona")
    expect(page.locator("[data-act=call-answered]")).to_have_count(0)
    line.told(console, Leg.OTHER, "answered")
    expect(row).to_contain_text("en línia")
    expect(call.locator("[data-act='going:joan']")).to_be_visible()
    page.keyboard.press("x")
    expect(row).to_contain_text("ha acabat al cap de")
    expect(page.locator(".timeline")).to_contain_text("Joan Ferrer: ha contestat.")


def test_where_the_gateway_is_away_the_number_is_there_to_be_dialled_by_hand(console: Console, line: Line) -> None:
    with console.setting.database.begin() as conn:
        operator_settings.keep_telephone(conn, "ana", "201", console.setting.clock())
    page = console.seat()
    case_id = console.setting.alarm("carme")
    expect(page.locator(f'[data-case="{case_id}"]')).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator(".speech [data-act='dial:home:']")).to_be_visible()
    line.gateway.fault = WebFault.BUSY
    page.keyboard.press("F8")
    expect(page.locator("#toasts")).to_contain_text("Marqueu a mà")
    expect(page.locator(".call a[href^='tel:']")).to_be_focused()
    expect(page.locator(".speech a[href^='tel:93']")).to_be_visible()


def test_where_the_gateway_goes_away_while_somebody_is_called_the_next_one_is_called_by_hand(
    console: Console, line: Line
) -> None:
    with console.setting.database.begin() as conn:
        operator_settings.keep_telephone(conn, "ana", "201", console.setting.clock())
    page = console.seat()
    case_id = console.setting.alarm("carme")
    expect(page.locator(f'[data-case="{case_id}"]')).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator("#contact-marta")).to_be_visible()
    page.keyboard.press("F8")
    call = page.locator(".call")
    expect(call).to_contain_text("Trucada a Joan Ferrer")
    line.told(console, Leg.OTHER, "ringing")
    expect(page.locator("#contact-joan")).to_contain_text("sona")
    line.gateway.fault = WebFault.BUSY
    page.keyboard.press("x")
    expect(page.locator("#toasts")).to_contain_text("Pengeu el vostre telèfon")
    expect(call.locator("[data-act=call-answered]")).to_be_visible()
    page.keyboard.press("F8")
    expect(call).to_contain_text("Trucada a Marta Puig")
    expect(call.locator("a[href^='tel:']")).to_be_focused()
