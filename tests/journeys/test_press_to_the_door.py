"""Promise: a press in the flat brings somebody to the door, and every screen on the way says how far it is.

The hub, the centre and the three screens are real: the operator's console, the home's own, a carer's telephone.
Simulated are the radio, the telephone company and who is called.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from benchmarks import browsers
from central.alarm_cases.care_plan import AFTER_S_BOUNDS, CarePlan
from central.alarm_cases.rota import Address, Profile
from central.storage import people, rota
from simulators.bthome_bytes import ObjectId
from simulators.phone_company import Does, Person, PhoneCompany
from tests.journeys.flat import flat, soon
from tests.journeys.town import PASSWORD, Town

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

PRESS = (ObjectId.BUTTON, 1)
JORDI, MARTA = "+34600000001", "+34600000002"
CAN_COME = ("alarms", "access_notes")
PATIENCE_MS = 120_000
"""No timing is tested: on a busy machine a page takes its time."""
ON_AIR_S = PATIENCE_MS / 1_000
"""A press is repeated until a hub that is short of time hears it: it stays one press."""
TABS_MAX = 200
COUNT_NOTES = """() => {
  const { start } = OscillatorNode.prototype;
  window.notes = 0;
  OscillatorNode.prototype.start = function (...at) { window.notes += 1; return start.apply(this, at); };
}"""
KEEP_SENTENCES = """() => {
  const place = document.getElementById("sentence");
  window.sentences = [place.textContent];
  const keep = () => sentences.push(place.textContent);
  new MutationObserver(keep).observe(place, { childList: true, characterData: true, subtree: true });
}"""


@contextmanager
def telephones(town: Town) -> Iterator[PhoneCompany]:
    """Jordi and Marta can be called, Jordi first. The ladder takes its time, as far as a plan may let it: only the
    operator asks anybody here, however slow the machine."""
    company = PhoneCompany("a word", f"http://127.0.0.1:{town.console_port}/phone/report", "a key")
    for name, secret in (("token", "a word"), ("reports", "a key")):
        (town.folder / name).write_text(secret)
    with town.config.open("a") as config:
        config.write(
            f'[phone]\nurl = "{company.url}"\ntoken_file = "token"\nreport_key_file = "reports"\n'
            f'[carers]\naddress = "http://127.0.0.1:{town.console_port}"\n'
        )
    with town.database.begin() as connection:
        people.add_contact(connection, people.Contact("c-2", "home-1", 2, "Marta", "filla", minutes_away=12))
        for contact, number in (("c-1", JORDI), ("c-2", MARTA)):
            profile = Profile(addresses=(Address("voice", number),), consent=CAN_COME)
            rota.keep_profile(connection, contact, profile, 0.0, "test")
        latest = {step: most_s for step, (_, most_s) in AFTER_S_BOUNDS.items()}
        rota.add_plan(connection, "home-1", CarePlan(after_s=latest, order="agreed"), now=0.0, by="test")
    try:
        yield company
    finally:
        company.stop()


class Screens:
    """Pages of a browser, each in a profile of its own. `faults` are script errors on any of them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.faults: list[str] = []

    async def open(self, url: str, **context: Any) -> Page:
        page = await (await self._browser.new_context(locale="ca-ES", **context)).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(f"{url}: {error}"))
        await page.goto(url)
        return page


@asynccontextmanager
async def chromium() -> AsyncIterator[Screens]:
    program = browsers.program()
    if program is None:
        pytest.skip(f"the way from a press to the door was NOT tested: {browsers.ABSENT}")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=user-gesture-required"]
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        screens = Screens(browser)
        yield screens
        await browser.close()
    assert screens.faults == []


async def operator(screens: Screens, town: Town) -> Page:
    """Ana at her console, by keys alone; it counts the notes that it plays."""
    size = {"width": 1440, "height": 900}
    page = await screens.open(f"http://127.0.0.1:{town.console_port}/login", viewport=size)
    await expect(page.locator("#name")).to_be_focused()
    await page.keyboard.type("ana")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-heard]")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".state-switch button[value=ready]")).to_have_attribute("aria-pressed", "true")
    await page.evaluate(COUNT_NOTES)
    return page


async def take(page: Page) -> None:
    await page.keyboard.press("F2")
    await expect(page.locator(".case-head")).to_contain_text("Teniu aquest cas")
    await expect(page.locator("#contact-c-1")).to_be_visible()


async def ask(page: Page, contact: str) -> None:
    """Sends the contact a message by their way, which is a call; the button is found with the Tab key."""
    for _ in range(TABS_MAX):
        if await page.evaluate("document.activeElement.dataset.act") == f"notify:{contact}":
            return await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to ask {contact}")


async def heard_at_home(screen: Page, sentence: str) -> None:
    await screen.wait_for_function("(said) => sentences.some((one) => one.includes(said))", arg=sentence)


async def test_one_cannot_come_the_next_goes_and_later_nobody_answers(build_town: Callable[..., Town]) -> None:
    town = build_town(count=1)
    with telephones(town) as company:
        await asyncio.to_thread(town.start)
        async with flat(town) as home, chromium() as screens:
            await home.start()
            screen = await screens.open(f"http://127.0.0.1:{home.screen_port}/")
            await screen.evaluate(KEEP_SENTENCES)
            page = await operator(screens, town)
            await expect(page.get_by_text("Tot està tranquil.")).to_be_visible()

            company.people = {JORDI: Person(Does.PICKS_UP, presses="2"), MARTA: Person(Does.PICKS_UP, presses="1")}
            await home.pendant.say(PRESS, for_s=ON_AIR_S)
            await appears(page)
            await heard_at_home(screen, "La central ja té la seva trucada.")
            await take(page)
            await expect(page).not_to_have_title(re.compile(r"^\(1\)"))
            await heard_at_home(screen, "Ana ja és amb vostè.")
            await somebody_goes(page)
            assert [call.to for call in company.calls] == [JORDI, MARTA]
            await heard_at_home(screen, "Marta ve cap aquí. Uns 1")

            (text,) = await soon(lambda: company.texts, "Marta is written how to get in")
            await at_the_door(screens, text.text, text.to)
            await heard_at_home(screen, "Marta ja és aquí.")
            await close(page)
            await heard_at_home(screen, "La trucada s’ha acabat.")
            assert town.cases()[0]["state"] == "closed"

            company.people = {JORDI: Person(Does.NO_ANSWER), MARTA: Person(Does.MAILBOX)}
            home.serial_pendant.press()
            await expect(page.locator(".card")).to_have_count(1)
            await take(page)
            await nobody_answers(page)


async def appears(page: Page) -> None:
    """The card, by mark, word and shape; the title, the line for those who listen, the sound."""
    card = page.locator(".card")
    await expect(card).to_contain_text("Botó d'ajuda")
    await expect(card).to_contain_text("Maria 1")
    await expect(card.locator(".mark-word")).to_have_text("Vida")
    await expect(card.locator(".mark-stars")).to_have_text("***")
    await expect(card.locator("svg.shape.p1 path")).to_have_count(1)
    await expect(page).to_have_title(re.compile(r"^\(1\) BOTÓ D'AJUDA"))
    await expect(page.locator("#say-now")).to_contain_text("Alarma nova: Botó d'ajuda")
    await page.wait_for_function("notes >= 10")


async def somebody_goes(page: Page) -> None:
    """She speaks, says what is needed, and asks the first; who comes is told by the telephones alone."""
    await expect(page.locator(".greeting")).to_contain_text("Maria 1, soc Ana")
    await page.keyboard.press("s")
    await expect(page.locator(".case-head")).to_contain_text("Hi esteu parlant.")
    await page.keyboard.press("3")
    await expect(page.locator('[data-act="triage-3"]')).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("n")
    await page.keyboard.type("Ha caigut al bany")
    await page.keyboard.press("Enter")
    await expect(page.locator(".timeline .words").first).to_have_text("Ha caigut al bany")
    await page.keyboard.press("Escape")
    await ask(page, "c-1")
    await expect(page.locator("#contact-c-1")).to_contain_text("no pot venir")
    await expect(page.locator("#contact-c-2")).to_contain_text(re.compile(r"de camí, \d?\d:\d\d"))
    await expect(page.locator(".case-head")).to_contain_text(re.compile(r"Marta ve de camí.* \d?\d:\d\d"))


async def at_the_door(screens: Screens, text: str, number: str) -> None:
    """The link of the message on Marta's telephone: how to get in, and what she says when she has."""
    assert number == MARTA
    link = re.search(r"http://\S+/c/\S+", text)
    assert link, text
    narrow = {"width": 390, "height": 844}
    phone = await screens.open(link[0], viewport=narrow, has_touch=True, is_mobile=True)
    await expect(phone.locator(".address")).to_have_text("Carrer de la Prova 1")
    await phone.tap("button[data-answer=here]")
    await phone.tap("button[data-answer=well]")
    await expect(phone.locator("#note")).to_contain_text("Gràcies")


async def close(page: Page) -> None:
    await expect(page.locator("#contact-c-2")).to_contain_text("ha arribat a les")
    await expect(page.locator("#contact-c-2")).to_contain_text("diu que tot va bé")
    await page.keyboard.press("Escape")
    await expect(page.locator(".card")).to_have_count(1)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("[data-template=mistake]")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator("[data-template=contact]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text(re.compile(r"El cas \d+ està tancat\."))).to_be_visible()
    await expect(page.locator(".card")).to_have_count(0)
    await expect(page.locator(".state-switch .wrap_up")).to_contain_text("Postrucada")


async def nobody_answers(page: Page) -> None:
    """Step by step to the contacts, whose telephones ring in vain, to the team, to 112."""
    await page.keyboard.press("5")
    await expect(page.locator(".step.now")).to_contain_text("Crida tres vegades")
    for done in range(1, 6):
        await page.keyboard.press("d")
        await expect(page.locator(".step.done")).to_have_count(done)
    await expect(page.locator(".step.now")).to_contain_text("Truca als contactes")
    for contact, missed, chip in (
        ("c-1", "Jordi no ha contestat al telèfon.", "no contesta"),
        ("c-2", "Marta no ha contestat: ha saltat la bústia de veu.", "bústia de veu"),
    ):
        await ask(page, contact)
        await expect(page.locator(".timeline")).to_contain_text(missed)
        await expect(page.locator(f"#contact-{contact} .chip.bad").first).to_contain_text(chip)
    await page.keyboard.press("d")
    await expect(page.locator(".step.now")).to_contain_text("unitat mòbil")
    await page.keyboard.press("d")
    await expect(page.locator(".step.now a")).to_have_attribute("href", "tel:112")
