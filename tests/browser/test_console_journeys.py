"""An operator's evening, in a real browser: what is promised to somebody who sits at the console."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import select

from central.storage.database import Database
from central.storage.tables import sessions
from gateway.contract.alarm_kinds import AlarmKind
from tests.browser.conftest import PATIENCE_MS, Console
from tests.central.console_setting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def the_only_session(database: Database) -> str:
    with database.read() as conn:
        return str(conn.execute(select(sessions.c.token_hash)).scalar_one())


def card(page: Page, case_id: int) -> Locator:
    return page.locator(f'[data-case="{case_id}"]')


def test_sound_plays_until_the_case_is_taken_anywhere(console: Console) -> None:
    ana, marc = console.seat("ana"), console.seat("marc")
    for page in (ana, marc):
        page.evaluate(
            """() => {
            const { start, stop } = OscillatorNode.prototype;
            Object.assign(window, { notes: 0, hushed: 0 });
            OscillatorNode.prototype.start = function (...at) { window.notes += 1; return start.apply(this, at); };
            OscillatorNode.prototype.stop = function (...at) {
                if (at.length === 0) window.hushed += 1;
                return stop.apply(this, at);
            }; }"""
        )
    case_id = console.setting.alarm("carme")
    for page in (ana, marc):
        wait_until(lambda page=page: page.evaluate("window.notes >= 20"))
    ana.keyboard.press("F2")
    expect(card(marc, case_id)).to_contain_text("Ana")
    wait_until(lambda: marc.evaluate("window.hushed > 0"))


def test_two_operators_press_at_once_and_one_hears_why_not(console: Console) -> None:
    ana, marc = console.seat("ana"), console.seat("marc")
    case_id = console.setting.alarm("carme")
    for page in (ana, marc):
        expect(card(page, case_id)).to_be_visible()

    def ana_is_quicker(route: Route) -> None:
        ana.keyboard.press("F2")
        expect(card(ana, case_id)).to_contain_text("Vós")
        route.continue_()

    marc.route("**/api/cases/*/take", ana_is_quicker)
    marc.keyboard.press("F2")
    expect(marc.locator(".toast.bad")).to_contain_text(re.compile(r"Taken by Ana, [\d.]+ s before you\."))
    expect(marc.locator(".case-head")).to_contain_text("Ana")


def test_a_lost_line_is_said_loudly_and_heals_by_itself(console: Console) -> None:
    page = console.seat()
    page.context.set_offline(True)
    console.setting.live.close_session(the_only_session(console.setting.database))
    expect(page.locator("#lost")).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(page.locator("#lost")).to_contain_text("Connexió perduda")
    expect(page.locator(".not-ready")).to_be_visible()
    expect(page).to_have_title(re.compile("Connexió perduda"))

    case_id = console.setting.alarm("carme")
    page.context.set_offline(False)
    expect(page.locator("#lost")).to_be_hidden(timeout=2 * PATIENCE_MS)
    expect(card(page, case_id)).to_be_visible()
    expect(page.locator(".state-switch")).to_be_visible()


def test_nothing_is_called_quiet_while_no_home_is_heard(console: Console) -> None:
    page = console.seat()
    says = page.locator(".rest h1")
    expect(says).to_have_text("Tot està tranquil.")
    console.setting.health = replace(console.setting.health, broker_connected=False)
    expect(says).to_have_text("Sense línia amb els domicilis")
    console.setting.health = replace(console.setting.health, broker_connected=True)
    expect(says).to_have_text("Tot està tranquil.")


def test_a_silent_line_is_begun_anew_soon_and_then_ever_less_often(console: Console) -> None:
    page = console.page()
    page.goto(f"{console.url}/login")
    spans_ms = page.evaluate(
        """async () => {
        const begun = [];
        let now = 0;
        window.EventSource = class { constructor() { begun.push(now); } addEventListener() {} close() {} };
        window.Worker = class {};
        performance.now = () => now;
        const { Line } = await import("/static/js/live.js");
        const line = new Line({ lost() {} });
        for (; now < 180000; now += 500) line.watch();
        return begun.slice(1).map((at, index) => at - begun[index]); }"""
    )
    assert spans_ms == sorted(spans_ms)
    assert spans_ms[0] < 11_000, "a dead connection is not held for long"
    assert 20_000 < spans_ms[-1] < 30_000, "and a slow desk is not asked again just before it answers"


def test_the_console_is_not_ready_before_the_tone_was_heard_and_has_chosen_no_case_then(console: Console) -> None:
    console.setting.alarm("carme", AlarmKind.TEST)
    page = console.log_in()
    page.keyboard.press("Escape")
    expect(page.locator(".not-ready")).to_contain_text("No a punt")
    assert console.setting.live.ready_operators() == 0
    page.locator(".not-ready").click()
    page.keyboard.press("Enter")
    expect(page.locator("[data-heard]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#link")).to_contain_text("Totes les línies funcionen")
    wait_until(lambda: console.setting.live.ready_operators() == 1)  # the page shows a choice before the desk knows it
    graver = console.setting.alarm("carme", AlarmKind.HELP, ref="A2")
    expect(page.locator(".card")).to_have_count(2)
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text(f"Cas {graver}")


def test_parking_asks_what_for_and_shows_the_recall(console: Console) -> None:
    page = console.seat()
    console.setting.alarm("carme", AlarmKind.BATTERY_LOW)
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")
    page.keyboard.press("p")
    page.keyboard.press("Control+Enter")
    expect(page.locator("dialog [role=alert]")).to_have_text("Escriviu què s'espera.")
    page.fill("#park-reason", "El tècnic hi va")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".card .holder")).to_contain_text("aparcat")
    expect(page.locator(".case-head")).to_contain_text("Aparcat per vós")


def test_arrows_and_enter_choose_and_letters_in_the_note_are_only_letters(console: Console) -> None:
    page = console.seat()
    first = console.setting.alarm("carme", AlarmKind.HELP, "bany")
    test = console.setting.alarm("carme", AlarmKind.TEST, ref="T1")
    expect(page.locator(".card")).to_have_count(2)
    expect(card(page, test).locator(".dashed")).to_have_count(1)
    expect(card(page, test)).to_contain_text("PROVA")
    page.locator(".card").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".case-head")).to_contain_text(f"Cas {test}")
    page.keyboard.press("q")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".case-head")).to_contain_text(f"Cas {first}")
    page.keyboard.press("n")
    page.keyboard.type("snp1?")
    expect(page.locator(".case-foot input")).to_have_value("snp1?")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_change_of_language_changes_every_word(console: Console) -> None:
    page = console.seat()
    console.setting.alarm("carme", AlarmKind.SMOKE, "cuina")
    expect(page.locator(".card")).to_contain_text("Fum, cuina")
    page.locator(".menu-button:not(.rail-button)").click()
    page.locator("#language").select_option("es")
    expect(page.locator(".card")).to_contain_text("Humo, cuina")
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_no_movement_for_those_who_ask_for_none(console: Console) -> None:
    page = console.seat(reduced_motion="reduce")
    case_id = console.setting.alarm("carme")
    expect(card(page, case_id)).to_have_class(re.compile("ringing"))
    assert card(page, case_id).evaluate("(element) => getComputedStyle(element).animationName") == "none"
