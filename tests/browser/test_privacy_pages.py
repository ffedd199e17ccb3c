"""What is kept and deleted, and the register of breaches, in a browser: done by hand, read by everybody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from central.privacy.purge import PurgeDesk
from tests.browser.conftest import Console
from tests.browser.seeing import fits, look
from tests.browser.test_console_people import enter
from tests.browser.test_console_people import town as town

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_coordinator_holds_a_file_and_writes_down_a_breach(town: Console, tmp_path: Path) -> None:
    PurgeDesk(town.setting.database, tmp_path).purge(time.time())
    cap = enter(town, "cap")
    cap.goto(f"{town.url}/residents/carme?tab=people")
    cap.get_by_role("link", name="Fi del servei i bloquejos legals").first.click()
    expect(cap.locator(".people-found h3").first).to_contain_text("Carme Puig i Soler")
    cap.fill("#hold-carme-reason", "Plet 12/2026 del jutjat 4")
    cap.keyboard.press("Enter")
    expect(cap.locator("main")).to_contain_text("vigent")
    cap.fill("#term-cases", "72")
    cap.get_by_role("button", name="Desa aquests terminis").click()
    expect(cap.locator("main")).to_contain_text("versió 1")
    expect(cap.locator("#term-cases")).to_have_value("72")
    look(cap)
    fits(cap)
    cap.goto(f"{town.url}/breaches")
    cap.get_by_text("Anota una violació de dades").click()
    cap.fill("#new-what", "Un portàtil perdut al metro")
    cap.fill("#new-detected", "2026-01-05T09:00")
    cap.get_by_role("button", name="Anota-ho").click()
    expect(cap.locator(".chip.bad")).to_be_visible()
    cap.fill("#since", "2026-01-01T00:00")
    cap.fill("#until", "2036-01-01T00:00")
    cap.get_by_role("button", name="Cerca", exact=True).click()
    expect(cap.locator("main")).to_contain_text("Carme Puig i Soler")
    look(cap)
    fits(cap)
