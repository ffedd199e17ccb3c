"""Nothing that axe can find stands in the way of anybody, in day and night colours and high contrast."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from central.storage.health import Refusal, add_refusals
from gateway.contract.messages import HubState, Outcome, Problem
from tests.browser.conftest import Console
from tests.browser.seeing import THEMES, fits, look
from tests.browser.street import furnish
from tests.central.console_setting import Setting

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_log_in(console: Console) -> None:
    page = console.page()
    page.goto(f"{console.url}/login")
    page.fill("#name", "ana")
    page.fill("#password", "no")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    look(page, THEMES)


def test_console_with_an_open_case_and_its_windows(console: Console) -> None:
    case_id = furnish(console.setting)
    page = console.log_in()
    look(page, THEMES)
    page.keyboard.press("Enter")
    expect(page.locator("[data-heard]")).to_be_focused()
    page.keyboard.press("Enter")
    page.locator(f'[data-case="{case_id}"]').click()
    expect(page.locator("figure.plot")).to_have_count(2)
    look(page, THEMES)
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog[open]")).to_be_visible()
    look(page, THEMES)


CONTRAST = """(selector) => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => rgb(text).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  return [...document.querySelectorAll(selector)].filter((one) => one.offsetParent).map((one) => {
    let behind = one;
    while ((rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
    const pair = [light(getComputedStyle(one).color), light(getComputedStyle(behind).backgroundColor)];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""


def test_the_answer_clock_stands_out_seven_to_one(console: Console) -> None:
    case_id = furnish(console.setting)
    page = console.seat()
    page.locator(f'[data-case="{case_id}"]').click()
    expect(page.locator(".case-head .waits")).to_be_visible()
    page.emulate_media(reduced_motion="reduce")
    for theme in THEMES:
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found = page.evaluate(CONTRAST, ".waits > span, #longest-wait")
        assert len(found) > 5
        assert min(found) >= 7, theme


def test_everything_to_press_at_the_case_is_large_enough(console: Console) -> None:
    case_id = furnish(console.setting)
    page = console.seat()
    page.locator(f'[data-case="{case_id}"]').click()
    expect(page.locator("#contact-marta")).to_be_visible()
    page.keyboard.press("5")
    expect(page.locator(".checklist")).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, a.button, .strip a, input")]
            .filter((one) => one.offsetParent && !one.matches(".as-link, .skip"))
            .filter((one) => one.getBoundingClientRect().height < 43.5)
            .map((one) => one.outerHTML.slice(0, 90))"""
    )
    assert small == []


def complain(setting: Setting) -> None:
    """Carme's hub has every gravity of trouble, and something was refused."""
    now = setting.clock()
    problems = [
        Problem("ble_deaf", now - 190, "ble"),
        Problem("adapter_reset", now - 120, "ble", outcome=Outcome.FAILED),
        Problem("device_battery_low", now - 90_000, "hall", "8 %"),
        Problem("clock_untrusted", now - 300),
    ]
    setting.states.hear("hub-carme", HubState(True, now, hearing={"ble": 190.0}, problems=problems), now)
    with setting.database.begin() as connection:
        add_refusals(connection, {("sms", "bad_mac"): Refusal(3, now, "hub-carme: not written with the hub's key")})


def test_health(console: Console) -> None:
    complain(console.setting)
    page = console.seat()
    page.goto(f"{console.url}/health")
    expect(page.locator(".sign")).to_have_count(10)
    expect(page.locator(".home.bad h3")).to_have_text("Carrer de Verdi 112, 3r 2a")
    expect(page.locator(".detail").first).to_be_hidden()  # a machine's own English is not what a reader meets
    look(page, THEMES)


def test_the_health_page_is_not_cut_off_sideways(console: Console) -> None:
    complain(console.setting)
    page = console.seat(viewport={"width": 320, "height": 800})
    page.goto(f"{console.url}/health")
    expect(page.locator(".trouble")).to_have_count(4)
    fits(page, (320, 400, 720, 1440))


def test_nothing_is_cut_off_sideways_at_any_width(console: Console) -> None:
    case_id = furnish(console.setting)
    page = console.seat(viewport={"width": 320, "height": 800})
    page.locator(f'[data-case="{case_id}"]').click()
    expect(page.locator("figure.plot")).to_have_count(2)
    fits(page, (320, 400, 720, 1024, 1440))
