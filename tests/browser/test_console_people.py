"""Accounts, one's own account and the audit log in a browser: done by hand, read by everybody."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.sync_api import Page, expect

from central.storage import people
from central.storage.people import Operator
from tests.browser.conftest import Console
from tests.browser.seeing import fits, look
from tests.central.console_setting import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def town(console: Console) -> Console:
    """Carme's home lies in Gràcia; a coordinator, and an operator of another municipality."""
    with console.setting.database.begin() as conn:
        conn.exec_driver_sql("UPDATE homes SET municipality = 'Gràcia'")
        known = people.operator(conn, "ana")
        assert known is not None
        people.add_operator(conn, Operator("cap", "Montse", known.password_hash, "coordinator"))
        people.add_operator(conn, Operator("pol", "Pol", known.password_hash, municipalities=("Sants",)))
    return console


def enter(console: Console, name: str, password: str = PASSWORD, **context: object) -> Page:
    page = console.page(**context)
    page.goto(f"{console.url}/login")
    page.fill("#name", name)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/login"))
    return page


def test_a_new_operator_from_the_coordinators_page_to_the_own_password(town: Console) -> None:
    cap = enter(town, "cap")
    cap.goto(f"{town.url}/accounts")
    cap.click("[data-open=new-account]")
    cap.fill("#new-id", "pau")
    cap.fill("#new-called", "Pau")
    look(cap)
    cap.click("#new-account button[type=submit]")
    expect(cap.locator("#handed")).to_be_visible()
    first = cap.locator("#handed-secret").inner_text()
    pau = enter(town, "pau", first)
    expect(pau).to_have_url(f"{town.url}/me")
    look(pau)
    pau.fill("#old", first)
    pau.fill("#new", "quatre paraules ben llargues")
    pau.click("form[data-api='/api/me/password'] button")
    expect(pau.locator(".notice.warn")).to_have_count(0)
    pau.goto(town.url)
    expect(pau.locator("dialog[open]")).to_be_visible()


def test_a_telephone_as_second_factor_is_set_up_and_asked_for(town: Console) -> None:
    cap = enter(town, "cap")
    cap.goto(f"{town.url}/me")
    cap.click("#factor-new")
    secret = cap.locator(".secret").inner_text().replace(" ", "")
    look(cap)
    cap.fill("#code", pyotp.TOTP(secret).now())
    cap.fill("#factor-password", PASSWORD)
    cap.click("#factor button[type=submit]")
    expect(cap.locator(".codes li")).to_have_count(10)
    again = enter(town, "cap")
    expect(again.locator("#code")).to_be_focused()
    look(again)
    again.keyboard.type(pyotp.TOTP(secret).at(int(time.time()) + 30))
    again.keyboard.press("Enter")
    again.wait_for_url(f"{town.url}/")


def test_the_audit_log_shows_emergency_access_and_is_not_cut_off(town: Console) -> None:
    pol = enter(town, "pol")
    pol.goto(f"{town.url}/me")
    answer = pol.evaluate(
        """async () => {
          const token = JSON.parse(document.getElementById("page").textContent).form_token;
          const headers = { "content-type": "application/json", "x-form-token": token };
          const body = JSON.stringify({ reason: "La filla truca, ningú no contesta" });
          return (await fetch("/api/homes/carme/glass", { method: "POST", headers, body })).status;
        }"""
    )
    assert answer == 200
    cap = enter(town, "cap", viewport={"width": 320, "height": 800})
    for path in ("audit", "accounts", "me"):
        cap.goto(f"{town.url}/{path}")
        look(cap)
        fits(cap, (320, 720, 1440))
        for width in (720, 1440):
            cap.set_viewport_size({"width": width, "height": 800})
            look(cap, ("light",))
    cap.goto(f"{town.url}/audit?outcome=glass")
    expect(cap.locator(".opening.open .reason")).to_have_text("La filla truca, ningú no contesta")
    expect(cap.locator("tr.glass")).to_have_count(1)
