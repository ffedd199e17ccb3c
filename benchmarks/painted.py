"""From a thumb on a pendant, and from the desk's taking of an alarm, to the card painted on every open console.

Real pendant's wire, agent, broker, desk, receiver and ten consoles in Chromium, while measurements flow. Painted means:
the frame after the one in which the card entered the page has begun, by the browser's clock, which is this machine's.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from benchmarks.alarm_latency import help_alarm, telemetry_load
from benchmarks.broker_line import Listener, open_socket
from benchmarks.centre import DATABASE_FILE, Centre, console_port, enrol, log_in
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target, percentile
from benchmarks.packs import hub_name
from benchmarks.press import FIRST_PENDANT, HUB, agent
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto
from central.console.access import SESSION_COOKIE
from gateway.contract.encoding import encode
from gateway.contract.topics import Channel, topic
from simulators.pendant_tty import PendantTty

CONSOLES: Final = 10
RATE: Final = 1_000
"""Measurement messages a second meanwhile, of three records each."""
ALARMS_PER_S: Final = 1.0
"""Five times what a centre of 100,000 people gets in its busiest hour."""
PAINT_WAIT_S: Final = 10.0
COMMIT_TO_PAINTED_MS: Final = 300.0
PRESS_TO_PAINTED_MS: Final = 1_000.0
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")

_WATCH: Final = """
window.painted = {};
addEventListener("DOMContentLoaded", () => {
  const queue = document.getElementById("queue");
  if (!queue) return;
  new MutationObserver(() => {
    const fresh = [];
    for (const card of queue.querySelectorAll("[data-case]")) {
      const key = card.dataset.case + "x" + (/×(\\d+)/.exec(card.textContent)?.[1] ?? "1");
      if (!(key in painted)) { painted[key] = 0; fresh.push(key); }
    }
    if (fresh.length) requestAnimationFrame(() => requestAnimationFrame(() => {
      for (const key of fresh) painted[key] = Date.now() / 1000;
    }));
  }).observe(queue, { childList: true, subtree: true, characterData: true });
});
"""
"""Notes for each card, and each number of repeats on it, when it was painted."""


class Painted(msgspec.Struct):
    """One run. Milliseconds, one value for each alarm (the slowest console) and for each press."""

    taken: list[float] = []
    pressed: list[float] = []
    unpainted: int = 0


def run(scale: Scale) -> Outcome:
    """Alarms of many homes, then presses in one home, on ten consoles."""
    program = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if program is None:
        return Outcome(title="press to painted", skipped=["Chromium is not installed"])
    alarms, presses = scale.choose(60, 3), scale.choose(30, 2)
    with tempfile.TemporaryDirectory(prefix="llar-bench-") as name:
        registry = enrol(Path(name) / "registry", scale.choose(1_000, 20), more=[HUB])
        runs = [
            _one_run(Path(name) / f"run-{turn}", registry, program, alarms, presses) for turn in range(scale.rounds)
        ]
    return _outcome(runs, alarms, presses)


def _outcome(runs: list[Painted], alarms: int, presses: int) -> Outcome:
    def row(subject: str, times: Iterable[list[float]]) -> Row:
        found = list(times)
        shares = {"p50 ms": 0.5, "p95 ms": 0.95, "max ms": 1.0}
        return Row(
            subject, {name: Figure([percentile(each, share) for each in found]) for name, share in shares.items()}
        )

    taken = row(f"{alarms} alarms: taken by the desk to painted on all", (each.taken for each in runs))
    pressed = row(f"{presses} presses: on the pendant's wire to painted on all", (each.pressed for each in runs))
    p95 = [cell for line in (taken, pressed) if isinstance(cell := line.cells["p95 ms"], Figure)]
    return Outcome(
        title=f"alarm and press to painted on {CONSOLES} consoles, {RATE:,} msg/s flowing",
        tables=[Table("the slowest of the consoles", list(taken.cells), [taken, pressed])],
        targets=[
            Target("commit to every console painted, p95", COMMIT_TO_PAINTED_MS, p95[0].median),
            Target("press to painted, p95", PRESS_TO_PAINTED_MS, p95[1].median),
            Target("cards not painted on some console", 0.0, float(sum(each.unpainted for each in runs))),
        ],
        notes=[
            "Counted from the moment at which the desk has the message in hand, before its commit: that much too long.",
            "All ten browsers share the cores of this machine with the centre and the load; their frames last 16 ms.",
        ],
    )


def _one_run(folder: Path, registry: Path, program: str, alarms: int, presses: int) -> Painted:
    folder.mkdir()
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto(folder / "broker", HUB))
        centre = Centre(folder / "centre", registry, broker.port)
        desk = stack.enter_context(centre.start("desk"))
        receiver = stack.enter_context(centre.start("receiver"))
        port = console_port(desk)
        for process in (desk, receiver):
            process.await_log("connected")
            process.await_idle()
        cookies = [log_in(port) for _ in range(CONSOLES)]
        seconds = alarms / ALARMS_PER_S + presses * 1.5
        load = stack.enter_context(telemetry_load(folder, broker.port, 20, seconds, RATE))
        return asyncio.run(_watch(broker.port, port, cookies, program, centre, load, alarms, presses))


async def _watch(
    broker_port: int,
    port: int,
    cookies: list[str],
    program: str,
    centre: Centre,
    load: Child | None,
    alarms: int,
    presses: int,
) -> Painted:
    found = Painted()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        pages = [await _sit_down(browser, port, cookie) for cookie in cookies]
        if load:
            load.say("go")
        await _alarms(found, pages, broker_port, centre, alarms)
        await _presses(found, pages, broker_port, centre, presses)
        await browser.close()
    return found


async def _alarms(found: Painted, pages: list[Page], broker_port: int, centre: Centre, count: int) -> None:
    listener = Listener(lambda _topic, _payload: None)
    await listener.subscribe(open_socket(broker_port, "alarms", LISTENER, PASSWORD), [topic(HUB, Channel.STATE)])
    for number in range(count):
        listener.publish(topic(hub_name(number), Channel.ALARM), encode(help_alarm(number)))
        await asyncio.sleep(1 / ALARMS_PER_S)
    listener.close()
    case_of = _cases(centre)
    for number in range(count):
        case, taken_at = case_of[hub_name(number)]
        await _note(found.taken, found, pages, f"{case}x1", taken_at)


async def _presses(found: Painted, pages: list[Page], broker_port: int, centre: Centre, count: int) -> None:
    """Each press is of another pendant of one home: they join one case, whose card counts them."""
    folder = centre.folder / "home"
    folder.mkdir()
    pendant = PendantTty(folder / "tty", FIRST_PENDANT, heartbeat_s=3600.0)
    pendant.plug_in()
    with agent(folder, broker_port, count) as hub:
        for line in ("ready", "listening on", "connected to the broker"):
            await asyncio.to_thread(hub.await_log, line)
        for number in range(count):
            pendant.device = FIRST_PENDANT + number
            pressed_at = time.time()
            pendant.press()
            case = await _case_of_presses(centre)
            await _note(found.pressed, found, pages, f"{case}x{number + 1}", pressed_at)
    pendant.unplug()


async def _sit_down(browser: Browser, port: int, cookie: str) -> Page:
    """A console of its own that has heard the tone and is ready."""
    context: BrowserContext = await browser.new_context(viewport={"width": 1440, "height": 900})
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


async def _note(into: list[float], found: Painted, pages: list[Page], key: str, since_at: float) -> None:
    """The time until the slowest page had painted `key`."""

    async def of(page: Page) -> float:
        try:
            handle = await page.wait_for_function("key => painted[key]", arg=key, timeout=PAINT_WAIT_S * 1000)
        except Exception:  # noqa: BLE001 - not painted in time, whatever the reason, is what is counted
            found.unpainted += 1
            return 0.0
        return float(await handle.json_value())

    painted = await asyncio.gather(*map(of, pages))
    if all(painted):
        into.append((max(painted) - since_at) * 1000)


def _rows(centre: Centre, query: str) -> list[tuple[str, int, float]]:
    connection = sqlite3.connect(f"file:{centre.folder / DATABASE_FILE}?mode=ro", uri=True)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def _cases(centre: Centre) -> dict[str, tuple[int, float]]:
    """By home: its case, and when the desk had the alarm in hand."""
    return {home: (case, at) for home, case, at in _rows(centre, "select home_id, id, opened_at from cases")}


async def _case_of_presses(centre: Centre) -> int:
    async with asyncio.timeout(PAINT_WAIT_S):
        while HUB not in (known := _cases(centre)):  # noqa: ASYNC110 - a file of another process tells nobody
            await asyncio.sleep(0.02)
    return known[HUB][0]
