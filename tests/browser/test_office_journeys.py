"""The office in a browser: two people edit one file, a call is taken and ended, and no press is lost."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Error, Page, Route, expect

from central.agenda.desk import AgendaDesk
from central.agenda.rules import Rule
from central.storage import agenda, people
from tests.browser.conftest import PATIENCE_MS, Console

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def senior(console: Console) -> None:
    with console.setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE operators SET role = 'coordinator'")


def test_the_second_editor_sees_what_the_first_wrote_and_loses_nothing(console: Console) -> None:
    senior(console)
    first, second = console.seat("ana"), console.seat("marc")
    for page in (first, second):
        page.goto(f"{console.url}/residents/carme?tab=people")
    first.fill("#carme-called", "Carmeta")
    with first.expect_navigation():
        first.locator("form[data-edit] button[type=submit]").click()
    second.fill("#carme-full", "Carme Puig Soler")
    second.locator("form[data-edit] button[type=submit]").click()
    expect(second.locator("form[data-edit] .form-fault")).to_contain_text("Ana")
    expect(second.locator("#carme-called")).to_have_value("Carmeta")
    expect(second.locator("#carme-full")).to_have_value("Carme Puig Soler")
    with second.expect_navigation():
        second.locator("form[data-edit] button[type=submit]").click()
    with console.setting.database.read() as conn:
        (carme,) = people.residents_of(conn, "carme")
    assert (carme.called, carme.full_name) == ("Carmeta", "Carme Puig Soler")


def test_a_call_is_taken_and_ended_from_the_agenda(console: Console) -> None:
    now = console.setting.clock()
    with console.setting.database.begin() as conn:
        item = agenda.add_item(
            conn, "carme", "courtesy", Rule(starts_on="2020-01-01", repeat="days", at="00:00"), now=now, by="ana",
            timezone="Europe/Madrid", resident_id="carme", from_at=now - 86_400,
        )  # fmt: skip
    AgendaDesk(console.setting.desk).work(now)
    page = console.seat()
    page.goto(f"{console.url}/agenda")
    with page.expect_navigation():
        page.locator(".call .button.main").click()
    page.locator("[data-open^=call-]").click()
    page.locator("dialog[open] .choice input").first.check()
    with page.expect_navigation():
        page.locator("dialog[open] button[type=submit]").first.click()
    with console.setting.database.read() as conn:
        done = agenda.calls(conn, None, states=("done",), until_at=now + 1)
    assert [(call.item_id, call.outcome, call.done_by) for call in done] == [(item, "reached", "ana")]


def asked_for(page: Page, held: list[Route]) -> None:
    """Waits until the page has asked for what is held back."""
    deadline = time.monotonic() + PATIENCE_MS / 1_000
    while not held:
        assert time.monotonic() < deadline, "the page asks for its script"
        page.wait_for_timeout(20)


def test_what_is_pressed_before_the_page_can_do_it_is_not_lost(console: Console) -> None:
    senior(console)
    page = console.seat()
    page.goto(f"{console.url}/residents/carme")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/js/office.js", hold)
    page.goto(f"{console.url}/residents/carme?tab=contacts", wait_until="commit")
    asked_for(page, held)
    with pytest.raises(Error, match="Timeout"):  # nothing to press is shown
        page.click("[data-open=contact-joan]", timeout=1_000)
    held.pop().continue_()
    page.click("[data-open=contact-joan]")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.locator("#joan-from").fill("2035-08-01T10:00")  # whatever language the browser itself speaks
    expect(page.locator("#joan-from")).to_have_accessible_description("dimecres, 1 d’agost del 2035")
    page.route("**/js/desk.js", hold)
    page.goto(console.url, wait_until="commit")
    asked_for(page, held)
    page.click(".menu-button")
    with pytest.raises(Error, match="Timeout"):
        page.click("#help", timeout=1_000)
    held.pop().continue_()
    expect(page.locator("#menu")).not_to_have_attribute("inert", "")


def test_on_a_telephone_the_parts_of_a_file_are_one_line_with_the_open_one_in_sight(console: Console) -> None:
    senior(console)
    page = console.seat(viewport={"width": 390, "height": 844})
    page.goto(f"{console.url}/residents/carme?tab=measurements")
    tabs = page.locator(".tabs")
    assert tabs.evaluate("(line) => line.offsetHeight < 2 * line.firstElementChild.offsetHeight")
    expect(tabs.locator("[aria-current]")).to_be_in_viewport(ratio=1)
    first = tabs.get_by_role("link").first
    expect(first).not_to_be_in_viewport()
    first.focus()
    expect(first).to_be_in_viewport(ratio=1)
