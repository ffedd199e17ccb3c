"""The demo's page: every word in three languages, nothing that axe finds in the way, and it works by pressing."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks import browsers
from gateway.free_ports import free_ports
from simulators.demo import city
from simulators.demo.actions import ACTIONS
from simulators.demo.page import serve
from simulators.demo.phones import TELEPHONES
from simulators.demo.stage import Stage
from simulators.demo.state_folder import Ports, open_folder

LANGUAGES = ("ca", "es", "en")
MESSAGE = "Llar: Maria demana ajuda a casa, ara mateix."
SIZES = ((1440, 900), (390, 844), (320, 640))


def words() -> dict[str, dict[str, str]]:
    text = files("simulators.demo").joinpath("static", "words.js").read_text(encoding="utf-8")
    blocks = re.split(r"^  (ca|es|en): \{$", text, flags=re.MULTILINE)
    pairs = re.compile(r'(?:^|[,{]|\n)\s*(\w+): "((?:[^"\\]|\\.)*)"')
    return {blocks[at]: dict(pairs.findall(blocks[at + 1])) for at in range(1, len(blocks), 2)}


def test_every_word_exists_in_all_languages_with_the_same_blanks() -> None:
    found = words()
    assert set(found) == set(LANGUAGES)
    for key, english in found["en"].items():
        for language in LANGUAGES:
            assert key in found[language], f"{language} lacks {key}"
            assert set(re.findall(r"\{\w+\}", found[language][key])) == set(re.findall(r"\{\w+\}", english)), key
    assert {len(found[language]) for language in LANGUAGES} == {len(found["en"])}


def test_everything_that_can_be_done_has_a_name_and_says_what_to_expect() -> None:
    for action in ACTIONS:
        assert f"do_{action}" in words()["en"]
        assert f"expect_{action}" in words()["en"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a stage on which only the line and the telephones are set up, and two SMS were written."""
    folder = open_folder(tmp_path_factory.mktemp("page"))
    ports = Ports(*free_ports(7))
    stop = threading.Event()
    ready = threading.Event()

    async def run() -> None:
        stage = Stage(folder, ports, 2)
        await stage.line.restore()
        stage.phones.plug_in()
        stage.phones.network.travel_s = 0.0
        stage.phones.network.carry(city.SIM_NUMBER, TELEPHONES["montse"], MESSAGE)
        stage.phones.network.refuse(city.SIM_NUMBER, TELEPHONES["paquita"], MESSAGE)
        stage.note("demo", "ready")
        serving = asyncio.create_task(serve(stage, ports.page))
        ready.set()
        await asyncio.to_thread(stop.wait)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await stage.phones.stop()
        await stage.line.cut()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(30)
    yield f"http://127.0.0.1:{ports.page}"
    stop.set()
    thread.join(30)
    folder.lock.close()


@pytest.fixture
def page() -> Iterator[Page]:
    program = browsers.program()
    if program is None:
        pytest.skip(f"the demo's page was NOT tested: {browsers.ABSENT}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_context(locale="en-GB", reduced_motion="reduce").new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        browser.close()
        assert not faults


@pytest.mark.slow
@pytest.mark.browser
def test_a_press_is_done_shown_and_can_be_undone_in_another_language(address: str, page: Page) -> None:
    page.goto(address)
    expect(page.locator("#parts li")).to_have_count(10)
    page.get_by_role("button", name="Freeze the line").click()
    expect(page.locator("#log")).to_contain_text("You: Freeze the line")
    expect(page.locator('#parts li[data-how="warn"]')).to_contain_text("frozen")
    page.get_by_role("button", name="Català").click()
    page.get_by_role("button", name="Restableix la línia").click()
    expect(page.locator("#log")).to_contain_text("Vós: Restableix la línia")
    expect(page.locator("#parts")).to_contain_text("oberta")


@pytest.mark.slow
@pytest.mark.browser
def test_each_telephone_shows_its_sms_and_how_far_it_came(address: str, page: Page) -> None:
    page.goto(address)
    phones = page.locator("#phones > li")
    expect(phones).to_have_count(3)
    expect(phones.filter(has_text="The centre")).to_contain_text("No SMS")
    expect(phones.filter(has_text="Montse")).to_contain_text(MESSAGE)
    expect(phones.filter(has_text="Montse")).to_contain_text("delivered")
    expect(phones.filter(has_text="Paquita")).to_contain_text("refused by the network")
    page.get_by_role("button", name="Castellano").click()
    expect(phones.filter(has_text="La central")).to_contain_text("Ningún SMS")
    expect(phones.filter(has_text="Paquita")).to_contain_text("la red lo ha rechazado")


@pytest.mark.slow
@pytest.mark.browser
def test_a_modem_without_credit_shows_it_and_can_be_topped_up(address: str, page: Page) -> None:
    page.goto(address)
    page.get_by_role("button", name="The SIM runs out of credit").click()
    expect(page.locator('#parts li[data-how="warn"]').filter(has_text="SMS modem")).to_contain_text("no credit")
    expect(page.get_by_role("button", name="Take the SIM out")).to_be_disabled()
    page.get_by_role("button", name="Top up the SIM").click()
    expect(page.locator("#parts li").filter(has_text="SMS modem")).to_contain_text("works")
    expect(page.get_by_role("button", name="Take the SIM out")).to_be_enabled()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/mail"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_anybody(address: str, page: Page, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address + path)
    expect(page.locator("[data-t]").first).not_to_be_empty()
    if path == "/":
        expect(page.locator("#parts li")).to_have_count(10)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), width
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_the_folder_of_a_demo_is_private(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "state")
    assert (folder.path / "secrets").stat().st_mode & 0o077 == 0
    folder.lock.close()
