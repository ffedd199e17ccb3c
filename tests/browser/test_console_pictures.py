"""The pictures of the console in docs/screenshots, made anew when asked: LLAR_PICTURES=1 pytest <this file>."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from central.alarm_cases.placed_call import Leg
from central.storage import operator_settings
from tests.browser import small_png, test_placed_calls
from tests.browser.conftest import Console
from tests.browser.street import furnish

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("LLAR_PICTURES"), reason="pictures are made only with LLAR_PICTURES=1"),
]
NARROW = {"console-tablet": (1024, 768), "console-zoom-200": (720, 900), "console-phone": (390, 844)}
line, dialling = test_placed_calls.line, test_placed_calls.console


def picture(page: Page, name: str) -> None:
    page.locator(".queue").evaluate("(queue) => { queue.scrollTop = 0 }")
    small_png.picture(page, name)


def opened(page: Page, case_id: int) -> None:
    page.locator(f'[data-case="{case_id}"]').click()
    expect(page.locator("figure.plot")).to_have_count(2)


def test_pictures_of_a_desk(console: Console) -> None:
    case_id = furnish(console.setting)
    page = console.log_in(reduced_motion="reduce")
    picture(page, "console-sound-test")
    page = console.seat(reduced_motion="reduce")
    opened(page, case_id)
    picture(page, "console")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    picture(page, "console-dark")
    page.evaluate("document.documentElement.dataset.theme = 'contrast'")
    picture(page, "console-contrast")
    page.evaluate("delete document.documentElement.dataset.theme")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.keyboard.press("F4")
    expect(page.locator(".emergency")).to_be_visible()
    picture(page, "console-emergency-card")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-template=mistake]")).to_be_focused()
    picture(page, "console-closing")
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    expect(page.locator(".checklist")).to_be_visible()
    page.keyboard.press("F8")
    expect(page.locator(".call a")).to_be_focused()
    picture(page, "console-checklist")
    page.keyboard.press("?")
    page.get_by_role("button", name="Canvia les tecles").click()
    expect(page.locator("#key-take")).to_be_visible()
    picture(page, "console-keys")


@pytest.mark.parametrize("name", NARROW)
def test_pictures_of_narrower_screens(console: Console, name: str) -> None:
    case_id = furnish(console.setting)
    width, height = NARROW[name]
    page = console.seat(reduced_motion="reduce", viewport={"width": width, "height": height})
    if name != "console-tablet":
        expect(page.locator("#longest-wait")).not_to_have_text("–")
        picture(page, f"{name}-queue")
    opened(page, case_id)
    picture(page, name)


def test_pictures_of_a_call_that_the_centre_places(dialling: Console, line: test_placed_calls.Line) -> None:
    with dialling.setting.database.begin() as conn:
        operator_settings.keep_telephone(conn, "ana", "201", dialling.setting.clock())
    page = dialling.seat(reduced_motion="reduce")
    opened(page, furnish(dialling.setting))
    page.keyboard.press("F8")
    call = page.locator(".call.placed")
    expect(call).to_be_visible()
    line.told(dialling, Leg.OWN, "ringing")
    expect(call).to_contain_text("despengeu el vostre telèfon")
    line.told(dialling, Leg.OWN, "answered")
    line.told(dialling, Leg.OTHER, "ringing", "answered")
    expect(call).to_contain_text("en línia")
    picture(page, "console-call")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "console-call-phone")
