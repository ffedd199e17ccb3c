"""From a thumb on a pendant, and from the desk's taking of an alarm, to the card painted on every open console.

Real pendant's wire, agent, broker, desk, receiver and ten consoles in Chromium, while measurements flow. Painted means:
the frame after the one in which the card entered the page has begun, by the browser's clock, which is this machine's.
Where others use the machine, read the CPU: it says what an alarm and an idle minute cost, however long they took.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
import psutil
from playwright.async_api import Page, async_playwright

from benchmarks import browsers
from benchmarks.alarm_latency import help_alarm, telemetry_load
from benchmarks.broker_line import Listener, open_socket
from benchmarks.centre import DATABASE_FILE, Centre, console_port, enrol, log_in
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target, percentile
from benchmarks.packs import hub_name
from benchmarks.press import FIRST_PENDANT, HUB, agent
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto
from gateway.contract.encoding import encode
from gateway.contract.topics import Channel, topic
from simulators.pendant_tty import PendantTty

CONSOLES: Final = 10
RATE: Final = 1_000
"""Measurement messages a second meanwhile, of three records each."""
PITCH_S: Final = 1.0
"""Between two alarms: five times what a centre of 100,000 people gets in its busiest hour."""
PAINT_WAIT_S: Final = 10.0
"""After the last alarm or press; what is not painted then is counted as not painted, and named."""
LOAD_SLACK_S: Final = 6.0
"""For starting the home's agent, while the load flows."""
RUN_MAX_S: Final = 180.0
"""A run that has not ended then is broken off, and says where it stood."""
NAMED_MAX: Final = 5
COMMIT_TO_PAINTED_MS: Final = 300.0
PRESS_TO_PAINTED_MS: Final = 1_000.0


class Cost(msgspec.Struct, frozen=True):
    """CPU seconds of a stretch of time: the desk, the receiver, all pages, the rest of the browser, broker and load."""

    seconds: float
    desk: float
    receiver: float
    pages: float
    browser: float
    load: float

    @property
    def cores(self) -> float:
        """How many cores all of them kept busy."""
        return (self.desk + self.receiver + self.pages + self.browser + self.load) / self.seconds

    def since(self, before: Cost) -> Cost:
        """What came after `before`."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(before), strict=True)
        return Cost(*(now - then for now, then in pairs))


class Painted(msgspec.Struct):
    """One run.

    Attributes:
        taken, pressed: milliseconds on the slowest console, one value for each alarm and each press.
        in_sight: those of `taken` whose card stood in the window of every console, and not below it.
        missing: what some console had not painted in time, in words.
        idle: nothing open, no load; busy: while the alarms came; ringing: their cases ring, nothing comes, load flows.
        load_per_s: messages a second that the broker took.
        covered: share of the time from the first alarm to the last press in which the load flowed.
    """

    taken: list[float] = []
    in_sight: list[float] = []
    pressed: list[float] = []
    missing: list[str] = []
    idle: Cost | None = None
    busy: Cost | None = None
    ringing: Cost | None = None
    load_per_s: float = 0.0
    covered: float = 0.0


class Plan(msgspec.Struct, frozen=True):
    """How much one run does."""

    alarms: int
    presses: int
    still_s: float

    @property
    def load_s(self) -> float:
        """How long the load must flow."""
        return (self.alarms + self.presses) * PITCH_S + self.still_s + LOAD_SLACK_S


def run(scale: Scale) -> Outcome:
    """Alarms of many homes, then presses in one home, on ten consoles."""
    if browsers.program() is None:
        return Outcome(title="press to painted", skipped=[browsers.ABSENT])
    plan = Plan(scale.choose(40, 3), scale.choose(20, 2), scale.choose(10, 2))
    with tempfile.TemporaryDirectory(prefix="llar-bench-") as name:
        registry = enrol(Path(name) / "registry", scale.choose(1_000, 20), more=[HUB])
        runs = [_one_run(Path(name) / f"run-{turn}", registry, plan) for turn in range(scale.rounds)]
    return _outcome(runs, plan)


def _outcome(runs: list[Painted], plan: Plan) -> Outcome:
    def row(subject: str, times: Iterable[list[float]]) -> Row:
        found = list(times)
        shares = {"p50 ms": 0.5, "p95 ms": 0.95, "max ms": 1.0}
        return Row(
            subject, {name: Figure([percentile(each, share) for each in found]) for name, share in shares.items()}
        )

    taken = row(f"{plan.alarms} alarms: taken by the desk to painted on all", (each.taken for each in runs))
    in_sight = row("of these, the first, whose cards stand in sight", (each.in_sight for each in runs))
    pressed = row(f"{plan.presses} presses: on the pendant's wire to painted on all", (each.pressed for each in runs))
    p95 = [cell for line in (taken, pressed) if isinstance(cell := line.cells["p95 ms"], Figure)]
    missing = [words for each in runs for words in each.missing]
    load, covered = Figure([each.load_per_s for each in runs]), Figure([each.covered for each in runs])
    return Outcome(
        title=f"alarm and press to painted on {CONSOLES} consoles, {RATE:,} msg/s flowing",
        tables=[
            Table("the slowest of the consoles", list(taken.cells), [taken, in_sight, pressed]),
            _costs(runs, plan),
        ],
        targets=[
            Target("commit to every console painted, p95", COMMIT_TO_PAINTED_MS, p95[0].median),
            Target("press to painted, p95", PRESS_TO_PAINTED_MS, p95[1].median),
            Target("cards not painted on some console", 0.0, float(len(missing))),
        ],
        notes=[
            *(f"not painted within {PAINT_WAIT_S:.0f} s of the last: {words}" for words in missing[:NAMED_MAX]),
            f"The load was {load.median:,.0f} messages a second, for {covered.median:.0%} of the time.",
            "Counted from the moment at which the desk has the message in hand, before its commit: that much too long.",
            "All browsers share the cores of this machine with the centre and the load; their frames last 16 ms.",
            "They paint without a graphics card, and each plays the alarm.",
            f"Nobody takes the cases. Cards that {browsers.HEIGHT_PX} pixels do not hold are painted when scrolled to:",
            "of these the list is timed, which they have entered.",
        ],
    )


def _costs(runs: list[Painted], plan: Plan) -> Table:
    def row(subject: str, stretch: Callable[[Painted], Cost | None], per: Callable[[Cost], float]) -> Row:
        costs = [cost for each in runs if (cost := stretch(each)) is not None]
        parts: dict[str, Callable[[Cost], float]] = {
            "desk": lambda cost: cost.desk,
            "receiver": lambda cost: cost.receiver,
            "a page": lambda cost: cost.pages / CONSOLES,
            "rest of the browser": lambda cost: cost.browser,
            "broker and load": lambda cost: cost.load,
        }
        cells = {name: Figure([1000 * part(cost) / per(cost) for cost in costs]) for name, part in parts.items()}
        return Row(subject, {**cells, "cores busy": Figure([cost.cores for cost in costs])})

    def minutes(cost: Cost) -> float:
        return cost.seconds / 60

    rows = [
        row("a minute, nothing open, no load", lambda each: each.idle, minutes),
        row(f"a minute, {plan.alarms} cases ring, load flows", lambda each: each.ringing, minutes),
        row("an alarm, with all else meanwhile", lambda each: each.busy, lambda _cost: plan.alarms),
    ]
    return Table("CPU ms", list(rows[0].cells), rows)


def _one_run(folder: Path, registry: Path, plan: Plan) -> Painted:
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
        load = stack.enter_context(telemetry_load(folder, broker.port, 20, plan.load_s, RATE))
        assert load
        return asyncio.run(_Run(broker.port, broker.pid, port, centre, (desk, receiver), load, plan).whole(cookies))


class _Run:
    """One run: what it works with, and how far it is."""

    def __init__(
        self,
        broker_port: int,
        broker_pid: int,
        port: int,
        centre: Centre,
        processes: tuple[Child, Child],
        load: Child,
        plan: Plan,
    ) -> None:
        self._broker_port = broker_port
        self._broker = psutil.Process(broker_pid)
        self._port = port
        self._centre = centre
        self._processes = processes
        self._load = load
        self._plan = plan
        self._pages: list[Page] = []
        self._stage = "starting"
        self._found = Painted()

    async def whole(self, cookies: list[str]) -> Painted:
        """All stages, within `RUN_MAX_S`.

        Raises:
            RuntimeError: it did not end in time; says in which stage it stood and what was not painted.
        """
        try:
            async with asyncio.timeout(RUN_MAX_S), async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=browsers.program(), args=["--no-sandbox"])
                self._stage = "opening the consoles"
                self._pages = [await browsers.sit_down(browser, self._port, cookie) for cookie in cookies]
                await self._stages()
                self._stage = "closing the browser"
                await browser.close()
        except TimeoutError as error:
            missing = "; ".join(self._found.missing[:NAMED_MAX]) or "nothing missing so far"
            raise RuntimeError(f"not done in {RUN_MAX_S:.0f} s, while {self._stage}: {missing}") from error
        return self._found

    async def _stages(self) -> None:
        found, plan = self._found, self._plan
        found.idle = await self._cost("standing idle", asyncio.sleep(plan.still_s))
        self._load.say("go")
        began = time.monotonic()
        found.busy = await self._cost("alarms come", self._alarms())
        found.ringing = await self._cost("cases ring", asyncio.sleep(plan.still_s))
        self._stage = "pendants are pressed"
        await self._presses()
        took = time.monotonic() - began
        self._stage = "the load ends"
        done = msgspec.json.decode(await asyncio.to_thread(self._load.hear), type=dict[str, float])
        lasted = done["ended_at"] - done["began_at"]
        found.load_per_s, found.covered = done["sent"] / lasted, min(1.0, lasted / took)

    async def _cost(self, stage: str, work: Awaitable[None]) -> Cost:
        self._stage = stage
        before = self._spent()
        await work
        return self._spent().since(before)

    def _spent(self) -> Cost:
        desk, receiver = (process.cpu_s() for process in self._processes)
        browser = browsers.browser_cpu([*(process.pid for process in (*self._processes, self._load)), self._broker.pid])
        broker = self._broker.cpu_times()
        load = self._load.cpu_s() + broker.user + broker.system
        return Cost(time.monotonic(), desk, receiver, browser.pages, browser.rest, load)

    async def _alarms(self) -> None:
        count = self._plan.alarms
        listener = Listener(lambda _topic, _payload: None)
        line = open_socket(self._broker_port, "alarms", LISTENER, PASSWORD)
        await listener.subscribe(line, [topic(HUB, Channel.STATE)])
        for number in range(count):
            listener.publish(topic(hub_name(number), Channel.ALARM), encode(help_alarm(number)))
            await asyncio.sleep(PITCH_S)
        since_at = dict(await self._taken(count))
        listener.close()
        took = await self._await_painted([(case, 1, at) for case, at in since_at.items()])
        visible = await browsers.in_sight(self._pages)
        self._found.taken += [milliseconds for _, milliseconds in took]
        self._found.in_sight += [milliseconds for case, milliseconds in took if case in visible]

    async def _taken(self, count: int) -> list[tuple[int, float]]:
        """The cases of the alarms, and when the desk had each in hand."""
        known: list[tuple[int, float]] = []
        for _ in range(int(PAINT_WAIT_S / 0.1)):
            known = [(case, at) for home, (case, at) in _cases(self._centre).items() if home != HUB]
            if len(known) >= count:
                break
            await asyncio.sleep(0.1)
        lost = count - len(known)
        self._found.missing += [f"{lost} alarms for which the desk opened no case"] if lost else []
        return known

    async def _presses(self) -> None:
        """Each press is of another pendant of one home: they join one case, whose card counts them."""
        folder, count = self._centre.folder / "home", self._plan.presses
        folder.mkdir()
        pendant = PendantTty(folder / "tty", FIRST_PENDANT, heartbeat_s=3600.0)
        pendant.plug_in()
        with agent(folder, self._broker_port, count) as hub:
            for line in ("ready", "listening on", "connected to the broker"):
                await asyncio.to_thread(hub.await_log, line)
            pressed_at = []
            for number in range(count):
                pendant.device = FIRST_PENDANT + number
                pressed_at.append(time.time())
                pendant.press()
                await asyncio.sleep(PITCH_S)
            case, _ = _cases(self._centre).get(HUB, (0, 0.0))
            took = await self._await_painted([(case, number, at) for number, at in enumerate(pressed_at, 1)])
            self._found.pressed += [milliseconds for _, milliseconds in took]
        pendant.unplug()

    async def _await_painted(self, wanted: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
        """Waits until every page has painted each (case, number of alarms); milliseconds from `since_at` of each that
        was painted, with its case."""
        deadline = time.monotonic() + PAINT_WAIT_S
        while True:
            pages = await browsers.painted(self._pages)
            late = [
                (case, number, [place for place, seen in enumerate(pages, 1) if len(seen.get(case, ())) < number])
                for case, number, _ in wanted
            ]
            late = [one for one in late if one[2]]
            if not late or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        self._found.missing += [f"case {case} with {number} alarms on {places}" for case, number, places in late]
        unpainted = {(case, number) for case, number, _ in late}
        return [
            (case, (max(seen[case][number - 1] for seen in pages) - since_at) * 1000)
            for case, number, since_at in wanted
            if (case, number) not in unpainted
        ]


def _cases(centre: Centre) -> dict[str, tuple[int, float]]:
    """By home: its case, and when the desk had the alarm in hand."""
    connection = sqlite3.connect(f"file:{centre.folder / DATABASE_FILE}?mode=ro", uri=True)
    try:
        found = connection.execute("select home_id, id, opened_at from cases")
        return {home: (case, at) for home, case, at in found}
    finally:
        connection.close()
