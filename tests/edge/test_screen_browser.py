"""The page in a real browser: everything fits on every screen, in every language, and is large enough to be read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from playwright.async_api import Page, async_playwright, expect

from benchmarks import browsers
from edge.clock import Clock, Stamp
from edge.config import LANGUAGES, ScreenConfig
from edge.home.presence import Presence
from edge.home.screen.server import create_app, serve
from edge.outbox import StoredAlarm
from gateway.contract.messages import Alarm, AlarmAnswer, Stage
from tests.edge.conftest import PATIENCE_S, listening

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SIZES = [(1280, 720), (1024, 600), (800, 480), (800, 1280), (390, 844)]
LONG_NAME = "Maria Assumpció"
OVERFLOWING = """() => [...document.querySelectorAll('p, figcaption, .ring svg')].filter(e => {
  const box = e.getBoundingClientRect(); const style = getComputedStyle(e);
  const shown = box.width > 0 && style.visibility !== 'hidden' && (e.textContent.trim() || e.tagName === 'svg');
  return shown && (box.left < 0 || box.top < 0 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1
    || e.scrollWidth > e.clientWidth + 1);
}).map(e => `${e.id || e.tagName}: ${e.textContent.trim()}`)"""


def alarm_clock() -> Clock:
    return Clock("b1", monotonic=lambda: 1000.0, wall=lambda: 1.8e9, is_trusted=lambda: True)


def pressed(dty: int = 3, stc: int = 10) -> StoredAlarm:
    return StoredAlarm(
        Alarm("a1", dty, 1.8e9, stc), Stamp("b1", 1000.0, 1.8e9, trusted=True), received=False, answer=None
    )


@asynccontextmanager
async def serving(presence: Presence, voice: str = "") -> AsyncIterator[int]:
    """Serves the page in Catalan; its port."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = int(one.getsockname()[1])
    server = asyncio.create_task(serve(ScreenConfig("127.0.0.1", port), create_app(presence, lambda: "ca", voice)))
    await listening(port)
    yield port
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server


@pytest.fixture
async def port_and_presence() -> AsyncIterator[tuple[int, Presence]]:
    presence = Presence(alarm_clock())
    async with serving(presence) as port:
        yield port, presence


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    program = browsers.program()
    if program is None:
        pytest.skip(f"the home's page was NOT tested: {browsers.ABSENT}")
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = await browser.new_context(reduced_motion="reduce")
        yield await context.new_page()
        await browser.close()


async def assert_fits(page: Page, what: str) -> None:
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate(OVERFLOWING) == [], f"{what} on {width} x {height}"
        size = await page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('#sentence')).fontSize)")
        assert size >= 0.065 * min(width, height), f"{what} on {width} x {height}: {size} px is too small"


async def test_every_stage_fits_every_screen_and_language(port_and_presence: tuple[int, Presence], page: Page) -> None:
    port, presence = port_and_presence
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    answers = [
        None,
        AlarmAnswer("a1", 0, 1.8e9),
        AlarmAnswer("a1", 0, 1.8e9, Stage.TAKEN, who=LONG_NAME),
        AlarmAnswer("a1", 0, 1.8e9, Stage.ON_THE_WAY, who=LONG_NAME, eta_minutes=12),
        AlarmAnswer("a1", 0, 1.8e9, Stage.ARRIVED, who=LONG_NAME),
        AlarmAnswer("a1", 0, 1.8e9, Stage.CLOSED),
    ]
    for language in LANGUAGES:
        await page.goto(f"http://127.0.0.1:{port}/?lang={language}")
        await assert_fits(page, f"idle in {language}")
    presence.line(connected=True)
    presence.heard(pressed(dty=23, stc=9))
    for answer in answers:
        if answer is not None:
            presence.answered(answer)
        for language in LANGUAGES:
            await page.goto(f"http://127.0.0.1:{port}/?lang={language}")
            assert await page.get_attribute("html", "lang") == language
            await assert_fits(page, f"{answer.stage.value if answer else 'smoke'} in {language}")
    assert faults == []


async def test_the_open_page_changes_by_itself_and_says_so_when_the_agent_is_gone(
    port_and_presence: tuple[int, Presence], page: Page
) -> None:
    port, presence = port_and_presence
    await page.clock.install()
    await page.goto(f"http://127.0.0.1:{port}/?lang=en")
    presence.line(connected=True)
    presence.heard(pressed())
    await expect(page.locator("#sentence")).to_contain_text("I have heard you.")
    presence.answered(AlarmAnswer("a1", 0, 1.8e9, Stage.TAKEN, who="Ana"))
    await expect(page.locator("#sentence")).to_contain_text("Ana is with you now.")
    shapes = "[...document.querySelectorAll('.shape')].filter(s => s.style.display === 'inline').length"
    assert await page.evaluate(shapes) == 1
    await page.route("**/events*", lambda route: route.abort())
    presence._tell()
    await page.evaluate("source.close()")
    await page.clock.run_for(14_000)
    await expect(page.locator("#sentence")).to_contain_text("One moment, please.")
    await page.unroute("**/events*")
    await page.clock.run_for(14_000)
    await expect(page.locator("#sentence")).to_contain_text("Ana is with you now.")


SOUNDS = """
window.played = []; window.spoken = [];
const make = AudioContext.prototype.createGain;
AudioContext.prototype.createGain = function () {
  const gain = make.call(this); const rise = gain.gain.exponentialRampToValueAtTime.bind(gain.gain);
  gain.gain.exponentialRampToValueAtTime = (level, at) => {
    if (level > 0.01) window.played.push(level);
    return rise(level, at);
  };
  return gain;
};
speechSynthesis.getVoices = () => [{ lang: "en-GB", localService: true }];
speechSynthesis.speak = (words) => window.spoken.push([words.text, words.lang, words.volume]);
"""
"""Notes what the page asks the browser's loudspeaker and voice to do; an emulated machine has neither."""


async def holds(page: Page, expression: str) -> None:
    """Waits until an expression is true on the page, which lets nobody evaluate one from within."""
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.02)


async def test_each_step_of_help_sounds_and_is_read_aloud_louder_once_somebody_is_there(
    port_and_presence: tuple[int, Presence], page: Page
) -> None:
    port, presence = port_and_presence
    await page.add_init_script(SOUNDS)
    await page.goto(f"http://127.0.0.1:{port}/?lang=en")
    await page.mouse.click(5, 5)
    presence.line(connected=True)
    await expect(page.locator("body")).to_have_attribute("data-line", "yes")
    assert await page.evaluate("[played.length, spoken.length]") == [0, 0]  # the clock is silent
    presence.heard(pressed())
    await holds(page, "played.length === 2 && spoken.length === 1")
    assert (await page.evaluate("spoken[0]"))[:2] == ["I have heard you. I am calling for help. I am here.", "en"]
    presence.answered(AlarmAnswer("a1", 0, 1.8e9, Stage.TAKEN, who="Ana"))
    await holds(page, "spoken.length === 2 && played.length === 5")
    (before, after), (quiet, louder) = (
        await page.evaluate("spoken.map((one) => one[2])"),
        await page.evaluate("[played[0], played[4]]"),
    )
    assert after > before
    assert louder > quiet
