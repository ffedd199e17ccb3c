"""Nothing that axe can find stands in anybody's way on any page, and nothing is cut off on a telephone or tablet."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from playwright.sync_api import Page, expect

from central.console import access
from central.storage import people, reach_tests, webhooks
from central.storage.people import Operator
from gateway.contract.alarm_kinds import AlarmKind
from tests.browser import every_page
from tests.browser.conftest import Console
from tests.browser.seeing import fits, look
from tests.central.carers_setting import furnish_carers
from tests.central.console_setting import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.parametrize("themes", [("light", "dark"), pytest.param(("contrast",), marks=pytest.mark.long)]),
]
WIDTHS = (390, 720, 820)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def enter(console: Console, name: str, role: str = "", **context: object) -> Page:
    """Logged in; with a role, by an account of their own."""
    if role:
        with console.setting.database.begin() as conn:
            people.add_operator(conn, Operator(name, name.title(), access.hash_password(PASSWORD), role))
    page = console.page(**context)
    page.goto(f"{console.url}/login")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def walk(console: Console, page: Page, paths: Iterable[str], themes: tuple[str, ...], **ids: object) -> None:
    for path in paths:
        address = console.url + path.format(**ids)
        shown = page.goto(address)
        assert shown is not None
        assert (shown.ok, page.url) == (True, address)
        if "wallboard" in path:
            expect(page.locator("#as-of")).to_have_text("En directe")
        if path == "/api/docs":
            # hundreds of operations of one pattern: all are looked at once, the first of each group in every colour
            look(page, themes[:1])
            fits(page, WIDTHS, height=844)
            page.evaluate("document.querySelectorAll('.operation ~ .operation').forEach((one) => one.remove())")
        look(page, themes)
        fits(page, WIDTHS, height=844)


def test_a_supervisors_pages(console: Console, themes: tuple[str, ...]) -> None:
    setting = console.setting
    for number, waited_s in enumerate((12, 240)):
        at = time.time() - 4_000 - number * 2_000
        case = setting.alarm("carme", AlarmKind.HELP, ref=f"A{number}", at=at)
        setting.desk.work_due(at + waited_s)
        setting.desk.take(case, "ana", at + waited_s)
    hook = {"label": "Ciutat", "url": "https://example.org/x", "events": ["case.opened"], "municipalities": ["*"]}
    with setting.database.begin() as conn:
        made = webhooks.add(conn, **hook, secret_sealed="", made_by="ana", made_at=time.time())
    walk(console, enter(console, "nuria", "supervisor"), every_page.SUPERVISOR, themes, hook_id=made)


def test_a_coordinators_pages(console: Console, themes: tuple[str, ...]) -> None:
    walk(console, enter(console, "pol", "coordinator"), every_page.COORDINATOR, themes)


def test_pages_of_carers_and_of_who_has_no_account(console: Console, themes: tuple[str, ...]) -> None:
    setting, now = console.setting, time.time()
    furnish_carers(setting)
    case = setting.alarm("carme", place="bany")
    walk(console, enter(console, "marta-acc", **PHONE), every_page.CARER, themes, case_id=case)
    with setting.database.begin() as conn:
        test = reach_tests.queue(conn, "joan", "email", "desk", now)
        assert test is not None
        token = reach_tests.claim(conn, test, now, now + 60)
        people.start_session(conn, access.token_hash("half"), "ana", now, now + 600, kind="code")
    page = console.page(**PHONE)
    page.context.add_cookies([{"name": access.SESSION_COOKIE, "value": "half", "url": console.url}])
    walk(console, page, every_page.STRANGER, themes, token=token)
