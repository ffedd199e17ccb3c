"""A supervisor's day in a real browser: the wallboard lives, a case changes hands, a late call gets its reason."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from central.alarm_cases.care_plan import CarePlan
from central.alarm_cases.incidents import HOMES_MIN
from central.console.access import hash_password
from central.service_settings import read_setting
from central.storage import homes, people, rota, settings
from central.storage.people import Operator
from gateway.contract.alarm_kinds import AlarmKind
from tests.browser.conftest import PATIENCE_MS, Console
from tests.central.console_setting import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REASON = "Tres alarmes alhora i dues persones."


def supervisor(console: Console) -> Page:
    """Núria at her wallboard."""
    with console.setting.database.begin() as conn:
        people.add_operator(conn, Operator("nuria", "Núria", hash_password(PASSWORD), "supervisor", language="en"))
    page = console.page()
    page.goto(f"{console.url}/login")
    page.fill("#name", "nuria")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{console.url}/")
    page.goto(f"{console.url}/wallboard")
    expect(page.locator("#as-of")).to_have_text("Live")
    return page


def test_the_wallboard_lives_and_a_case_changes_hands(console: Console) -> None:
    page = supervisor(console)
    expect(page.locator("#cases")).to_contain_text("No case is open.")
    case = console.setting.alarm("carme", AlarmKind.HELP, place="bany")
    expect(page.locator("#cases")).to_contain_text("Help button")
    expect(page.locator("#cases")).to_contain_text("waits for somebody")
    console.setting.desk.take(case, "ana", time.time())
    expect(page.locator("#workers")).to_contain_text("Ana")
    page.get_by_role("button", name=f"Give case {case} to somebody else").press("Enter")
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("For").select_option("marc")
    dialog.get_by_label("Reason").fill("Ana has another call")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator("#cases")).to_contain_text("waits for somebody")


def test_the_wallboard_names_what_many_silent_homes_share(console: Console) -> None:
    at = time.time()
    with console.setting.database.begin() as conn:
        for number in range(HOMES_MIN):
            homes.enrol_home(conn, f"home-{number}", address="x", now=at, district="Gràcia", provider=f"line-{number}")
    for number in range(HOMES_MIN):
        console.setting.finding(f"home-{number}", AlarmKind.HUB_SILENT, "hub_silent", {}, at + number)
    page = supervisor(console)
    expect(page.locator("#else")).to_contain_text("Area Gràcia")


def test_a_late_call_stands_on_the_wall_until_its_reason_is_written(console: Console) -> None:
    setting = console.setting
    case = setting.alarm("carme", AlarmKind.HELP, at=time.time() - 90_000)  # also when it was yesterday
    setting.desk.work_due(time.time())
    setting.desk.take(case, "ana", time.time())
    page = supervisor(console)
    expect(page.locator("#exceptions")).to_contain_text(str(case))
    page.get_by_role("link", name="Write the reasons").click()
    page.get_by_text("Write the reason", exact=True).click()
    page.get_by_label("Why did call").fill(REASON)
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".reason-cell").first).to_contain_text(REASON)
    page.goto(f"{console.url}/wallboard")
    expect(page.locator("#as-of")).to_have_text("Live")
    expect(page.locator("#exceptions")).to_be_hidden()


def test_what_nobody_has_taken_by_its_own_plan_calls_the_supervisor_at_the_wallboard(console: Console) -> None:
    with console.setting.database.begin() as conn:
        rota.add_plan(conn, "carme", CarePlan(after_s={"supervisor": 12.0}), now=0.0, by="núria")
    page = supervisor(console)
    sounding = """() => { const made = AudioContext.prototype.createOscillator; window.tones = 0;
        AudioContext.prototype.createOscillator = function () { window.tones += 1; return made.call(this); }; }"""
    page.evaluate(sounding)
    page.get_by_role("button", name="Sound off: turn it on").press("Enter")
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    tested = page.evaluate("window.tones")
    case = console.setting.alarm("carme", AlarmKind.HELP, at=time.time() - 20)
    expect(page.locator("#say-now")).to_have_text(f"Nobody has taken case {case}: Help button.")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert page.evaluate("window.tones") > tested > 0
    console.setting.desk.take(case, "ana", time.time())
    expect(page).to_have_title(re.compile(r"^Wallboard"))


def test_the_board_says_so_when_the_desk_is_away(console: Console) -> None:
    page = supervisor(console)
    page.context.set_offline(True)
    expect(page.locator("#as-of")).to_contain_text("No line to the desk", timeout=2 * PATIENCE_MS)
    page.context.set_offline(False)
    expect(page.locator("#as-of")).to_have_text("Live", timeout=2 * PATIENCE_MS)


def test_paper_is_white_and_what_is_chosen_stays_seen_in_the_few_colours_of_a_system(console: Console) -> None:
    page = supervisor(console)
    page.goto(f"{console.url}/quality/report")
    page.emulate_media(media="print")
    for theme in ("dark", "contrast"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        ink = page.locator("h1").evaluate("(one) => getComputedStyle(one).color")
        assert all(int(part) < 80 for part in re.findall(r"\d+", ink)[:3]), (theme, ink)
    page.emulate_media(media="screen", forced_colors="active")
    page.goto(f"{console.url}/quality?period=month")
    background = "(one) => getComputedStyle(one).backgroundColor"
    here, elsewhere = page.locator(".tabs a[aria-current]"), page.locator(".tabs a:not([aria-current])").first
    assert here.evaluate(background) != elsewhere.evaluate(background)
    page.fill("#since", "2026-11-10")
    expect(page.locator("label[for=since]")).to_contain_text("Nov")


def test_a_template_of_the_service_is_offered_when_a_case_is_closed(console: Console) -> None:
    setting = console.setting
    with setting.database.begin() as conn:
        given = {
            "name": "Neighbour with a key",
            "cause": "help_needed",
            "action": "contact_sent",
            "note": "Came at once",
        }
        wanted = read_setting("closings", {"templates": [given]})
        assert not isinstance(wanted, str)
        settings.keep(conn, "closings", wanted, time.time(), "nuria", 0)
    page = console.seat()
    setting.alarm("carme", AlarmKind.FLOOD, place="cuina")
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")
    page.keyboard.press("Control+Enter")
    dialog = page.locator("dialog[open]")
    dialog.get_by_role("button", name="Neighbour").click()
    expect(dialog.locator('[name="cause"][value="help_needed"]')).to_be_checked()
    expect(dialog.locator('[name="action"][value="contact_sent"]')).to_be_checked()
    expect(dialog.locator('[name="note"]')).to_have_value("Came at once")
