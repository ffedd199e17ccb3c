"""What the queue paints, and what it leaves alone: never an older card, no element anew that says the same."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from central.alarm_cases.closing import Action, Cause, Closing, Outcome
from central.console.access import hash_password
from central.storage import accounts, people
from central.storage.people import Operator, Resident
from gateway.contract.alarm_kinds import AlarmKind
from tests.browser.conftest import Console
from tests.central.console_setting import PASSWORD, enrol, wait_until
from tests.central.desk_people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TWO_PICTURES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
SHADOW = "(element) => getComputedStyle(element).boxShadow"


def card(page: Page, case_id: int) -> Locator:
    return page.locator(f'[data-case="{case_id}"]')


def neighbour(console: Console, home: str) -> None:
    """Another home of the street."""
    person = Resident(home, home, home.capitalize(), home.capitalize(), 1940)
    enrol(console.setting, home, f"Carrer de Verdi {len(home)}", "Gràcia", [person], [])


def test_a_new_card_leaves_the_others_their_elements_and_the_focus(console: Console) -> None:
    neighbour(console, "pere")
    neighbour(console, "joana")
    page = console.seat()
    first = console.setting.alarm("carme", AlarmKind.HELP, "bany")
    card(page, first).focus()
    card(page, first).evaluate("(element) => { element.firstChild.kept = element.kept = true; }")

    technical = console.setting.alarm("joana", AlarmKind.BATTERY_LOW)
    expect(card(page, technical)).to_be_visible()
    assert page.locator("#say-soon").text_content() == ""  # no sound, no words, no title: a card, and counted
    second = console.setting.alarm("pere", AlarmKind.SMOKE, "cuina")
    expect(card(page, second)).to_contain_text("Fum, cuina")
    expect(page.locator("#queue h2").first).to_contain_text("3")
    expect(page).to_have_title(re.compile(r"^\(2\) BOTÓ D'AJUDA, BANY"))
    assert card(page, first).evaluate("(element) => element.firstChild.kept")
    expect(card(page, first)).to_be_focused()

    # into another group: the same element, painted anew, the focus still on it
    console.setting.desk.take(first, "marc", console.setting.clock())
    expect(page.locator("#queue h2")).to_have_count(2)
    expect(card(page, first)).to_have_class(re.compile("calm"))
    assert card(page, first).evaluate("(element) => element.kept && !element.firstChild.kept")
    expect(card(page, first)).to_be_focused()
    for number in (second, technical):
        console.setting.desk.take(number, "marc", console.setting.clock())
    expect(page.locator("#queue .empty")).to_be_visible()
    order = "(cards) => cards.map((one) => Number(one.dataset.case))"
    wait_until(lambda: page.locator("#queue .card").evaluate_all(order) == [first, second, technical])


def test_an_answer_that_was_overtaken_does_not_bring_back_an_older_card(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme")
    expect(card(page, case_id)).to_be_visible()

    def overtaken(route: Route) -> None:
        answer = route.fetch()
        console.setting.desk.talk(case_id, "ana", console.setting.clock())
        expect(card(page, case_id).locator(".holder")).to_contain_text("parlant")
        route.fulfill(response=answer)

    page.route("**/take", overtaken)
    with page.expect_response("**/take") as answered:
        page.keyboard.press("F2")
    answered.value.finished()
    page.evaluate(TWO_PICTURES)
    assert "parlant" in card(page, case_id).locator(".holder").inner_text()


def test_an_answer_that_was_overtaken_does_not_bring_back_a_case_that_is_closed(console: Console) -> None:
    page = console.seat()
    case_id = console.setting.alarm("carme")
    expect(card(page, case_id)).to_be_visible()

    def overtaken(route: Route) -> None:
        answer = route.fetch()
        now = console.setting.clock()
        console.setting.desk.talk(case_id, "ana", now)
        console.setting.desk.close(case_id, "ana", Closing(Cause.MISTAKE, Action.TALKED, Outcome.RESOLVED_BY_TALK), now)
        expect(card(page, case_id)).to_have_count(0)
        route.fulfill(response=answer)

    page.route("**/take", overtaken)
    page.route("**/api/queue", lambda route: route.abort())
    with page.expect_response("**/take") as answered:
        page.keyboard.press("F2")
    answered.value.finished()
    page.evaluate(TWO_PICTURES)
    assert card(page, case_id).count() == 0


def test_a_break_of_the_line_too_short_to_be_called_lost_loads_the_queue_anew(console: Console) -> None:
    page = console.seat()
    loads: list[Route] = []

    def slow_at_first(route: Route) -> None:
        loads.append(route)
        if len(loads) > 1:
            route.continue_()

    page.route("**/api/queue", slow_at_first)
    live = console.setting.live
    # as it is let go it asks; the first sign of life of the new line comes while that is still unanswered
    with page.expect_request("**/api/me/state"), page.expect_request("**/api/queue"):
        live._in_loop(live._end_all)
    page.evaluate(TWO_PICTURES)
    loads[0].continue_()

    def loaded_once_more() -> bool:
        page.evaluate(TWO_PICTURES)  # what the browser does is told meanwhile
        return len(loads) == 2

    wait_until(loaded_once_more)  # as it is back
    expect(page.locator("#lost")).to_be_hidden()


def test_whoever_logs_in_again_in_the_same_tab_begins_ready(console: Console) -> None:
    page = console.seat()
    page.locator(".state-switch button[value=break]").click()
    wait_until(lambda: [one.state for one in console.setting.live.at_desk()] == ["break"])
    with console.setting.database.begin() as conn:
        accounts.end_sessions(conn, "ana")
    page.wait_for_url("**/login*")
    page.locator("#name").fill("ana")
    page.locator("#name").press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-heard]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".state-switch button[value=ready]")).to_have_attribute("aria-pressed", "true")


def test_what_rings_pulses_and_not_for_those_who_ask_for_no_movement(console: Console) -> None:
    page, still = console.seat(), console.seat("marc", reduced_motion="reduce")
    case_id = console.setting.alarm("carme")
    for each in (page, still):
        expect(card(each, case_id)).to_have_class(re.compile("ringing"))
    card(page, case_id).evaluate("(element) => element.blur()")
    for lit in (page.locator("#queue.lit"), page.locator("#queue:not(.lit)"), still.locator("#queue.lit")):
        expect(lit).to_have_count(1)
    seen: set[str] = set()
    wait_until(lambda: len(seen.add(card(page, case_id).evaluate(SHADOW)) or seen) == 2)  # type: ignore[func-returns-value]
    expect(still.locator("#queue.lit")).to_have_count(1)
    assert card(still, case_id).evaluate(SHADOW) == "none"


def test_the_clock_of_a_card_out_of_sight_is_right_when_the_card_is_scrolled_to(console: Console) -> None:
    page = console.seat(viewport={"width": 1440, "height": 400})
    began = console.setting.clock() - 90
    for number in range(14):
        neighbour(console, f"casa{number}")
        last = console.setting.alarm(f"casa{number}", AlarmKind.HELP, "bany", at=began + number)
    clock = card(page, last).locator("[data-since]")
    expect(clock).to_have_text(re.compile(r"[1-9]:\d\d"))
    expect(clock).not_to_be_in_viewport()
    clock.evaluate("(element) => { element.firstChild.data = '0:00' }")
    card(page, last).scroll_into_view_if_needed()
    expect(clock).to_have_text(re.compile(r"[1-9]:\d\d"))


def test_an_operator_who_loads_the_page_again_goes_on_writing_up(console: Console) -> None:
    """For as long as the service says at that moment."""
    with console.setting.database.begin() as conn:
        people.add_operator(conn, Operator("sol", "Sol", hash_password(PASSWORD), "supervisor"))
    page = console.seat()
    with page.expect_response(lambda answer: "/api/queue" in answer.url and answer.json()["wrap_up_s"] == 300):
        sol = Person(console.setting.app(), "sol")
        assert sol.put("/api/settings/desk", version=0, value={"wrap_up_s": 300})[0] == 200
    console.setting.alarm("carme")
    expect(page.locator(".card")).to_be_visible()
    page.keyboard.press("F2")
    expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")
    page.keyboard.press("s")
    expect(page.locator(".case-head")).to_contain_text("Hi esteu parlant")
    page.keyboard.press("Control+Enter")
    page.locator("[data-template]").first.click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".state-switch .wrap_up")).to_be_visible()

    page.reload()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-heard]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".state-switch .wrap_up")).to_contain_text(re.compile(r"[1-5]:[0-5]\d"))
    wait_until(lambda: [one.state for one in console.setting.live.at_desk()] == ["wrap_up"])
    page.locator(".state-switch .wrap_up").click()
    wait_until(lambda: [one.state for one in console.setting.live.at_desk()] == ["ready"])
    page.reload()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-heard]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".state-switch button[value=ready]")).to_contain_text("A punt")
