"""Carers' telephones: notifications for who came by the link of a message, and honest words where there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from central.config import PushConfig
from central.delivery_desk import DeliveryDesk
from central.notification.channels.webpush import open_vapid
from central.push_desk import PushDesk
from central.sealing import Sealer
from central.storage import push
from simulators.push_service import PushService
from tests.browser.conftest import Console
from tests.browser.seeing import fits, look
from tests.browser.test_carers_pages import PHONE, enter, text_doubled
from tests.central.carers_setting import furnish_carers, link
from tests.central.console_setting import open_setting, serve, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"
_SUBSCRIBES = """
(() => {
  const given = SUBSCRIPTION;
  const held = new WeakMap();
  const here = () => { const { endpoint, keys } = given; return { endpoint, toJSON: () => ({ endpoint, keys }) }; };
  PushManager.prototype.subscribe = async function () {
    const one = here();
    one.unsubscribe = async () => held.delete(this);
    held.set(this, one);
    return one;
  };
  PushManager.prototype.getSubscription = async function () { return held.get(this) ?? null; };
  Object.defineProperty(Notification, "permission", { get: () => "default" });
})();
"""
"""Stands for the browser maker's service, which a browser without a display does not reach."""


@pytest.fixture
def pushes() -> Iterator[PushService]:
    service = PushService()
    yield service
    service.stop()


@pytest.fixture
def town(browser: Browser, tmp_path: Path, pushes: PushService) -> Iterator[Console]:
    """A console that sends notifications to browsers."""
    with open_setting(tmp_path) as setting:
        furnish_carers(setting)
        config = PushConfig("mailto:it@example.org", (pushes.server.url,))
        desk = PushDesk(setting.database, DeliveryDesk(setting.desk), config, open_vapid(tmp_path, Sealer()))
        with serve(setting.app(push=desk), setting.live) as url:
            yield Console(url, setting, browser)
            for context in browser.contexts:
                context.close()


def able(page: Page, pushes: PushService) -> Page:
    """The page's browser can be sent notifications."""
    page.add_init_script(_SUBSCRIBES.replace("SUBSCRIPTION", json.dumps(pushes.subscribe().subscription())))
    return page


def browsers_of(town: Console, contact: str) -> int:
    with town.setting.database.read() as conn:
        return len(push.of_contacts(conn, [contact]).get(contact, ()))


def test_who_came_by_a_link_turns_notifications_on_and_off(town: Console, pushes: PushService) -> None:
    case = town.setting.alarm("carme")
    page = able(town.page(**PHONE), pushes)
    page.goto(f"{town.url}/c/{link(town.setting, case, 'joan')}")
    expect(page.locator("#push-state")).to_contain_text("desactivades")
    look(page)
    fits(page)
    text_doubled(page)
    page.tap("#push")
    expect(page.locator("#push-state")).to_have_text("Les notificacions estan activades.")
    assert browsers_of(town, "joan") == 1
    assert browsers_of(town, "marta") == 0
    page.tap("#push")
    wait_until(lambda: browsers_of(town, "joan") == 0)
    expect(page.locator("#push-state")).to_contain_text("desactivades")


def test_an_account_takes_them_on_its_own_page(town: Console, pushes: PushService) -> None:
    page = enter(town, "marta-acc", "/family/phone")
    able(page, pushes).reload()
    page.tap("#push")
    wait_until(lambda: browsers_of(town, "marta") == 1)
    look(page)


def test_an_iphone_is_told_to_use_the_home_screen_first(town: Console) -> None:
    case = town.setting.alarm("carme")
    page = town.page(**PHONE, user_agent=IPHONE)
    page.add_init_script("delete window.PushManager")
    token = link(town.setting, case, "joan")
    page.goto(f"{town.url}/c/{token}")
    expect(page.locator("#push-state")).to_contain_text("pantalla d'inici")
    expect(page.locator("#push")).to_be_hidden()
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((it) => it.json())")
    assert manifest["start_url"] == f"/c/{token}"
    look(page)


def test_a_browser_that_cannot_says_how_one_is_reached_instead(town: Console) -> None:
    case = town.setting.alarm("carme")
    page = town.page(**PHONE)
    page.add_init_script("delete window.PushManager")
    page.goto(f"{town.url}/c/{link(town.setting, case, 'joan')}")
    expect(page.locator("#push-state")).to_contain_text("missatge, trucada o correu")
    expect(page.locator("#push")).to_be_hidden()


def test_a_coordinator_invites_and_the_contact_is_in_by_their_own_password(town: Console) -> None:
    cap = enter(town, "cap", "/residents/carme?tab=contacts", viewport={"width": 1280, "height": 900}, is_mobile=False)
    cap.click("[data-open=contact-joan]")
    cap.click("dialog[open] button[data-hands]:not([data-body])")
    expect(cap.locator("#invited-link")).to_contain_text("/c/invite/")
    look(cap)
    address = cap.locator("#invited-link").inner_text()
    page = town.page(**PHONE)
    page.goto(address)
    look(page)
    fits(page)
    text_doubled(page)
    page.fill("#name", "ana")
    page.fill("#password", "cinc llimones verdes")
    page.tap("button.yes")
    expect(page.locator(".fault")).to_contain_text("Algú ja té")
    look(page)
    page.fill("#name", "joan")
    page.fill("#password", "cinc llimones verdes")
    page.tap("button.yes")
    page.wait_for_url("**/family")
    expect(page.locator("body")).to_contain_text("Carme")
    cap.click("#invited-done")
    cap.click("[data-open=contact-joan]")
    expect(cap.locator("dialog[open]")).to_contain_text("Entra com a joan")


def test_a_coordinator_takes_a_consent_back_by_what_the_resident_said(town: Console) -> None:
    cap = enter(town, "cap", "/residents/carme?tab=consents", viewport={"width": 1280, "height": 900}, is_mobile=False)
    look(cap)
    form = cap.locator("form[data-api$='/shares/marta']")
    form.locator("input[value=location]").uncheck(force=True)
    form.locator("input[name=said_by]").fill("Carme")
    form.locator("button").click()
    expect(cap.locator("table tbody tr").first).to_contain_text("retirat")
    look(cap)
