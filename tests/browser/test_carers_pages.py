"""Carers and the resident in a real browser, on a telephone: with one thumb, at night, and without a connection."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from central.storage import cases, deliveries
from tests.browser.conftest import Console
from tests.browser.seeing import fits, look
from tests.central.carers_setting import furnish_carers, link, share
from tests.central.console_setting import PASSWORD, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

KEEP_WHAT_IS_SENT = """
window.sent = [];
const send = window.fetch;
window.fetch = (...given) => { sent.push(String(given[1]?.body ?? "")); return send(...given); };
"""
SCROLL_BY_ITSELF = """() => {
  window.heard = new Set();
  for (const sign of ["scroll", "pointermove"]) addEventListener(sign, () => heard.add(sign), true);
  document.body.style.minHeight = "3000px";
  scrollBy(0, 50);
}"""


@pytest.fixture
def town(console: Console) -> Console:
    furnish_carers(console.setting)
    return console


def enter(town: Console, name: str, path: str, **context: object) -> Page:
    page = town.page(**{**PHONE, **context})
    page.goto(f"{town.url}/login?to=family")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{town.url}{path}")
    return page


def text_doubled(page: Page) -> None:
    """At 320 px with letters of twice the size nothing is cut off."""
    page.set_viewport_size({"width": 320, "height": 800})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size({"width": 390, "height": 844})


def test_going_by_the_link_of_a_message_with_one_tap(town: Console) -> None:
    case = town.setting.alarm("carme", place="bany")
    page, other = town.page(**PHONE), town.page(**PHONE)
    page.goto(f"{town.url}/c/{link(town.setting, case, 'marta')}")
    other.goto(f"{town.url}/c/{link(town.setting, case, 'joan')}")
    assert page.title().startswith("Avís, ")
    look(page)
    fits(page)
    text_doubled(page)
    box = page.locator("button[data-eta='5']").bounding_box()
    assert box is not None
    assert box["height"] >= 44
    page.tap("button[data-eta='5']")
    expect(page.locator(".way-in")).to_contain_text("4412")
    look(page)
    expect(other.locator("#note")).to_contain_text("Marta Puig ja hi va")
    expect(other.locator("button[data-eta]")).to_have_count(0)
    page.tap("button[data-answer=here]")
    expect(page.locator("button[data-answer=well]")).to_be_visible()
    look(page)
    page.tap("button[data-answer=well]")
    expect(page.locator("#note")).to_contain_text("Gràcies")
    with town.setting.database.read() as conn:
        assert [event.type.value for event in cases.events_of(conn, case)][-1] == "all_well"


def test_two_thumbs_at_the_same_moment_and_one_goes(town: Console) -> None:
    case = town.setting.alarm("carme")
    pages = [town.page(**PHONE), town.page(**PHONE)]
    for page, contact in zip(pages, ("marta", "joan"), strict=True):
        page.route("**/now", lambda route: route.abort())  # neither hears of the other before the tap
        page.goto(f"{town.url}/c/{link(town.setting, case, contact)}")
    pages[0].tap("button[data-eta='15']")
    wait_until(lambda: _helper(town, case) != "")
    pages[1].tap("button[data-eta='15']")
    expect(pages[1].locator("#said")).to_contain_text("Marta Puig ja hi va")
    pages[1].unroute("**/now")
    expect(pages[1].locator("#note")).to_contain_text("ja hi va")
    assert _helper(town, case) == "marta"


def _helper(town: Console, case_id: int) -> str:
    with town.setting.database.read() as conn:
        case = cases.find(conn, case_id)
    assert case is not None
    return case.helper_id


def test_it_counts_as_opened_when_a_person_touches_it(town: Console) -> None:
    case = town.setting.alarm("carme")
    page = town.page(**PHONE)
    page.add_init_script(KEEP_WHAT_IS_SENT)
    page.goto(f"{town.url}/c/{link(town.setting, case, 'marta')}")
    expect(page.locator("#note")).to_be_visible()
    page.evaluate(SCROLL_BY_ITSELF)
    page.mouse.move(0, 0)  # where it is: as a browser says it of a pointer at rest, beneath which a page appears
    page.wait_for_function("heard.has('scroll') && heard.has('pointermove')")
    assert not [body for body in page.evaluate("sent") if "opened" in body]
    assert _opened(town, case) is None
    page.tap("h1")
    wait_until(lambda: _opened(town, case) is not None)


def _opened(town: Console, case_id: int) -> float | None:
    with town.setting.database.read() as conn:
        return deliveries.of_contact(conn, case_id, "marta")[0].opened_at


def test_consent_taken_back_hides_on_the_open_page_at_once(town: Console) -> None:
    case = town.setting.alarm("carme", place="bany")
    page = town.page(**PHONE)
    page.goto(f"{town.url}/c/{link(town.setting, case, 'marta')}")
    page.tap("button[data-eta='5']")
    expect(page.locator(".way-in")).to_be_visible()
    carme = enter(town, "carme-acc", "/rights")
    carme.locator("#of-marta > summary").tap()
    carme.locator("form[data-api$='/shares/marta']", has=carme.locator("input[value=access_notes]")).get_by_role(
        "button"
    ).tap()
    expect(carme.locator("#of-marta")).to_contain_text("Marta Puig no ho veu")
    expect(carme.locator("#of-marta")).to_have_attribute("open", "")
    expect(page.locator(".way-in")).to_have_count(0)


def test_without_a_connection_the_phone_says_so_and_nothing_is_pretended(town: Console) -> None:
    page = enter(town, "marta-acc", "/family")
    context: BrowserContext = page.context
    page.evaluate("navigator.serviceWorker.ready")
    case = town.setting.alarm("carme")
    page.reload()
    expect(page.locator("a.door")).to_be_visible()
    page.tap("a.door")
    expect(page.locator("button[data-eta='5']")).to_be_visible()
    context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    page.tap("button[data-eta='5']")
    expect(page.locator("#said")).to_contain_text("NO s'ha enviat")
    assert _helper(town, case) == ""
    page.reload()
    expect(page.locator("h1")).to_contain_text("no té connexió")
    look(page)
    context.set_offline(False)
    page.tap("main a.no")
    page.tap("button[data-eta='5']")
    wait_until(lambda: _helper(town, case) == "marta")


def test_the_familys_page_between_alarms_and_with_one(town: Console) -> None:
    share(town.setting, "joan", ())
    page = enter(town, "marta-acc", "/family")
    look(page)
    fits(page)
    text_doubled(page)
    town.setting.alarm("carme", place="bany")
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(page.locator("a.door")).to_contain_text("Carme")
    look(page)


def test_the_rota_by_keyboard_and_thumb(town: Console) -> None:
    page = enter(town, "marta-acc", "/family/rota")
    look(page)
    fits(page)
    page.locator(".week input").first.check()
    expect(page.locator("input[value=week]")).to_be_checked()
    page.locator("form[data-api$=grid] button").tap()
    expect(page.locator("#said")).to_contain_text("Desat")
    page.fill("#from_at", "2035-08-01")
    page.fill("#until_at", "2035-08-15")
    expect(page.locator("label[for=from_at]")).to_contain_text("dimecres, 1 d’agost del 2035")
    expect(page.locator("#until_at")).to_have_accessible_description("dimecres, 15 d’agost del 2035")
    page.keyboard.press("Enter")
    expect(page.locator("form[data-api$=absences] .fault")).not_to_be_empty()
    page.goto(f"{town.url}/family/phone")
    expect(page.locator("#push-state")).to_contain_text("encara no envia notificacions")
    look(page)
    fits(page)


def test_the_residents_page_in_large_print(town: Console) -> None:
    page = enter(town, "carme-acc", "/rights")
    look(page)
    fits(page)
    text_doubled(page)
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 20
    page.locator("input[value=correct]").check()
    page.fill("#text", "El meu cognom és Soler.")
    page.locator("form[data-api$=requests] button").tap()
    expect(page.locator("body")).to_contain_text("El meu cognom és Soler.")
    page.goto(f"{town.url}/rights/carme/export")
    expect(page.locator("body")).to_contain_text("Carrer de Verdi")
    look(page)
    fits(page)
    cap = enter(town, "cap", "/requests", viewport={"width": 1280, "height": 800}, is_mobile=False)
    look(cap)
    cap.fill("textarea[name=answer]", "Ja està corregit.")
    cap.get_by_role("button", name=re.compile("Enviar")).click()
    expect(cap.locator(".chip")).to_contain_text("fet")
    page.goto(f"{town.url}/rights")
    expect(page.locator("body")).to_contain_text("Ja està corregit.")
