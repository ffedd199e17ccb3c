"""Everything that is known of a person, on a telephone and on paper."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console
from tests.central.carers_setting import furnish_carers
from tests.central.console_setting import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_it_fits_a_telephone_and_is_unfolded_on_paper(console: Console) -> None:
    furnish_carers(console.setting)
    page = console.page(viewport={"width": 390, "height": 844})
    page.goto(f"{console.url}/login")
    page.fill("#name", "carme-acc")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/rights")
    page.goto(f"{console.url}/rights/carme/export")
    expect(page.locator(".record .names").first).to_have_text("Carme Puig i Soler")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    folded = page.locator("details:not([open])")
    assert folded.count() > 0
    page.pdf()
    expect(folded).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
