"""The pictures of all other pages in docs/screenshots, made anew when asked: LLAR_PICTURES=1 pytest <this file>."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
import pytest
from playwright.sync_api import Page, expect

from central import seeding
from central.agenda.desk import AgendaDesk
from central.console.access import SESSION_COOKIE, token_hash
from central.console.pages.quality_page import VIEWS
from central.console.pages.resident_file import TABS
from central.history import History
from central.history_import import import_history
from central.register import Seed
from central.storage import breaches, invitations, people, reach_tests, webhooks
from gateway.contract.alarm_kinds import AlarmKind
from gateway.contract.messages import HubState, Problem
from simulators.demo import city
from tests.browser.conftest import Console
from tests.browser.seeing import look
from tests.browser.small_png import picture
from tests.central.carers_setting import furnish_carers, link
from tests.central.console_setting import PASSWORD, Setting

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("LLAR_PICTURES"), reason="pictures are made only with LLAR_PICTURES=1"),
]
HOMES = 24
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
OFFICE: Mapping[str, tuple[str, str]] = {
    "residents": ("pol", "/residents"),
    **{f"file-{tab}": ("pol", f"/residents/h-1?tab={tab}") for tab in TABS},
    "paper-list": ("pol", "/paper-list?municipality=*"),
    "agenda": ("pol", "/agenda?show=week"),
    "keys": ("pol", "/keys"),
    "drills": ("pol", "/drills"),
    "requests": ("pol", "/requests"),
    "devices": ("irene", "/devices?which=all"),
    "device": ("irene", "/devices/h-1"),
    "repairs": ("irene", "/repairs"),
    "console-health": ("irene", "/health"),
    "wallboard": ("nuria", "/wallboard"),
    "wallboard-wall": ("nuria", "/wallboard?big=true"),
    "quality": ("nuria", "/quality?period=month"),
    **{f"quality-{view}": ("nuria", f"/quality?show={view}&period=month") for view in list(VIEWS)[1:]},
    "quality-report": ("nuria", "/quality/report"),
    "settings": ("nuria", "/settings"),
    "accounts": ("nuria", "/accounts"),
    "interfaces": ("nuria", "/settings/api"),
    "webhook": ("nuria", "/settings/api/webhooks/1"),
    "api-docs": ("nuria", "/api/docs"),
    "own-account": ("nuria", "/me"),
    "audit": ("olga", "/audit"),
    "retention": ("olga", "/retention"),
    "breaches": ("olga", "/breaches"),
}
CARER = {
    "carer-home": "/family",
    "carer-rota": "/family/rota",
    "carer-phone": "/family/phone",
    "carer-looked": "/family/looked/carme",
    "carer-offline": "/family/offline",
}
NARROW = ("residents", "file-overview", "agenda", "wallboard")
DARK = ("quality", "wallboard-wall")


def settle(console: Console) -> None:
    """The demo's city with its past, some of its hubs with something to say, two cases of now."""
    setting, now = console.setting, console.setting.clock()
    register = city.register(HOMES, {name: PASSWORD for name, *_ in city.ACCOUNTS})
    seeding.import_homes(setting.database, msgspec.convert(register, Seed), now)
    import_history(setting.database, msgspec.convert(city.past(HOMES, now), History), now)
    for number, home in enumerate(("h-1", *city.street(HOMES))):
        problems = [Problem("device_battery_low", now - 90_000, "hall-motion", "8 %")] if number % 9 == 4 else []
        setting.states.hear(home, HubState(True, now, hearing={"ble": 3.0}, problems=problems), now)
    AgendaDesk(setting.desk).work(now)
    setting.alarm("h-1", AlarmKind.HELP, "penjoll", ref="N1", at=now - 40, hub="h-1")
    case = setting.alarm("s-003", AlarmKind.FALL, "bany", ref="N2", at=now - 200, hub="s-003")
    setting.desk.take(case, "ana", now - 180)
    with setting.database.begin() as conn:
        lost = {"what": "Un portàtil perdut al metro", "data": "Noms i adreces de 12 domicilis"}
        breaches.add(conn, {"detected_at": now - 36_000, **lost}, now, "olga")
        hook = {"label": "Ajuntament", "url": "https://example.org/avisos", "events": ["case.opened", "case.closed"]}
        webhooks.add(conn, **hook, municipalities=["*"], secret_sealed="", made_by="nuria", made_at=now - 86_400)


def enter(console: Console, name: str, family: str = "", **context: object) -> Page:
    page = console.page(**{"reduced_motion": "reduce", **context})
    page.goto(f"{console.url}/login{family}")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def ready(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_load_state("load")
    if "/wallboard" in url:
        expect(page.locator("#cases tbody tr").first).to_be_visible()
    if "measurements" in url:
        expect(page.locator("#rooms")).not_to_be_empty()
        expect(page.locator("#charts")).not_to_be_empty()
    if url.endswith("/health"):
        expect(page.locator(".sign").first).to_be_visible()


def test_pictures_of_the_office(console: Console) -> None:
    settle(console)
    login = console.page(reduced_motion="reduce")
    login.goto(f"{console.url}/login")
    picture(login, "console-login")
    pages = {name: enter(console, name) for name in ("nuria", "pol", "irene", "olga")}
    for name, (who, path) in OFFICE.items():
        page = pages[who]
        ready(page, console.url + path)
        picture(page, name)
        look(page)  # of a whole city, where the tests of every day look at one home
        if name in DARK:
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            picture(page, f"{name}-dark")
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
        if name in NARROW:
            page.set_viewport_size({"width": 390, "height": 844})
            picture(page, f"{name}-phone")
            page.set_viewport_size({"width": 1440, "height": 900})


def invited(setting: Setting) -> dict[str, str]:
    """Pages behind links that somebody was sent, and of Ana between her password and her code."""
    now = setting.clock()
    with setting.database.begin() as conn:
        people.start_session(conn, token_hash("half"), "ana", now, now + 600, kind="code")
        test = reach_tests.queue(conn, "joan", "email", "desk", now)
        assert test is not None
        return {
            "carer-test": f"/c/test/{reach_tests.claim(conn, test, now, now + 60)}",
            "carer-invited": f"/c/invite/{invitations.make(conn, 'joan', 'cap', now)}",
            "hub-claim": "/claim",
            "console-code": "/login/code",
        }


def test_pictures_of_carers_and_rights(console: Console) -> None:
    furnish_carers(console.setting)
    login = console.page(**PHONE)
    login.goto(f"{console.url}/login?to=family")
    picture(login, "carer-login")
    office = enter(console, "cap")
    ready(office, f"{console.url}/residents/carme?tab=health")  # which Carme and Marta can see
    family = enter(console, "marta-acc", "?to=family", **PHONE)
    for name, path in CARER.items():
        ready(family, console.url + path)
        picture(family, name)
    stranger = console.page(**PHONE)
    stranger.context.add_cookies([{"name": SESSION_COOKIE, "value": "half", "url": console.url}])
    for name, path in invited(console.setting).items():
        ready(stranger, console.url + path)
        picture(stranger, name)
    case = console.setting.alarm("carme", AlarmKind.FALL, "bany")
    page, other = console.page(**PHONE), console.page(**PHONE)
    page.goto(f"{console.url}/c/{link(console.setting, case, 'marta')}")
    other.goto(f"{console.url}/c/{link(console.setting, case, 'joan')}")
    picture(page, "carer-alert")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    picture(page, "carer-alert-dark")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.tap("button[data-eta='5']")
    expect(page.locator(".way-in")).to_be_visible()
    picture(page, "carer-accepted")
    expect(other.locator("#note")).to_contain_text("ja hi va")
    picture(other, "carer-other-going")
    resident = enter(console, "carme-acc", "?to=family", **PHONE)
    for name, path in {"rights-phone": "/rights", "rights-export": "/rights/carme/export"}.items():
        ready(resident, console.url + path)
        picture(resident, name)
    resident.set_viewport_size({"width": 1440, "height": 900})
    ready(resident, f"{console.url}/rights")
    picture(resident, "rights")
