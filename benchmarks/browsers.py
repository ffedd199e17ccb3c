"""Consoles in a real Chromium: each a browser profile of its own, what each has painted, and what all of it costs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection
from typing import Final

import msgspec
import psutil
from playwright.async_api import Browser, Page

from central.console.access import SESSION_COOKIE

CHROMIUM: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is Chromium without tabs and windows of its own, which nobody would see here: pages cost half as much."""
ABSENT: Final = "Chromium is not installed (apt-get install chromium-headless-shell)"
HEIGHT_PX: Final = 900

_WATCH: Final = """
window.painted = {};
window.inSight = [];
addEventListener("DOMContentLoaded", () => {
  const queue = document.getElementById("queue");
  if (!queue) return;
  const note = (cards) => {
    for (const card of cards) {
      const times = (painted[card.dataset.case] ??= []);
      if (!times.length && card.getBoundingClientRect().top < innerHeight) inSight.push(Number(card.dataset.case));
      const count = Number(/×(\\d+)/.exec(card.textContent)?.[1] ?? 1);
      while (times.length < count) times.push(Date.now() / 1000);
    }
  };
  new MutationObserver((records) => {
    const cards = new Set();
    for (const { target, addedNodes } of records) {
      cards.add(target.closest("[data-case]"));
      for (const node of addedNodes)
        if (node.nodeType === 1) for (const card of node.querySelectorAll("[data-case]")) cards.add(card);
    }
    cards.delete(null);
    if (cards.size) requestAnimationFrame(() => requestAnimationFrame(() => note(cards)));
  }).observe(queue, { childList: true, subtree: true });
});
"""
"""Notes by case when its card was painted with one alarm, with two, and so on, and whether it stood in the window then.

A card that stands below the window is laid out and painted by the browser when somebody scrolls to it: of such a card
the time says when the list that holds it was painted.
"""


def program() -> str | None:
    """Where Chromium is; None when not installed."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


async def sit_down(browser: Browser, port: int, cookie: str) -> Page:
    """A console of its own that has heard the tone and is ready."""
    context = await browser.new_context(viewport={"width": 1440, "height": HEIGHT_PX})
    value = cookie.partition("=")[2]
    await context.add_cookies([{"name": SESSION_COOKIE, "value": value, "url": f"http://127.0.0.1:{port}"}])
    page = await context.new_page()
    await page.add_init_script(_WATCH)
    await page.goto(f"http://127.0.0.1:{port}/")
    await page.wait_for_selector("dialog[open] button.main")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-heard]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".state-switch button[value=ready][aria-pressed=true]")
    return page


async def painted(pages: Collection[Page]) -> list[dict[int, list[float]]]:
    """Of each page, by case: when its card had been painted with so many alarms; Unix seconds."""

    async def of(page: Page) -> dict[int, list[float]]:
        return {int(case): times for case, times in (await page.evaluate("() => painted")).items()}

    return await asyncio.gather(*map(of, pages))


async def in_sight(pages: Collection[Page]) -> set[int]:
    """The cases whose card stood in the window of every page when it was first painted."""
    found: list[list[int]] = await asyncio.gather(*(page.evaluate("() => inSight") for page in pages))
    return set.intersection(*map(set, found))


class BrowserCpu(msgspec.Struct, frozen=True):
    """CPU seconds so far of all processes that draw pages, and of the browser's others (windows, network, sound)."""

    pages: float
    rest: float


def browser_cpu(beside: Collection[int]) -> BrowserCpu:
    """Of every Chromium that this process started; `beside` are its other children."""
    pages = rest = 0.0
    for process in psutil.Process().children(recursive=True):
        if process.pid in beside:
            continue
        try:
            command, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        if not command or "chrom" not in command[0]:
            continue
        if "--type=renderer" in command:
            pages += times.user + times.system
        else:
            rest += times.user + times.system
    return BrowserCpu(pages, rest)
