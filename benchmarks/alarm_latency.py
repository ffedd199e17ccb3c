"""From an alarm's publishing to the operator's console, and to the home's receipt, while telemetry flows.

Real broker, desk and receiver, nothing pinned. Consoles are logged in and listen to server-sent events as a browser's
page does. Alarms come from distinct enrolled homes, so that each is a new case with a new card.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import msgspec

from benchmarks.broker_line import Listener, open_socket
from benchmarks.centre import Centre, console_port, enrol, log_in
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target, percentile
from benchmarks.packs import hub_name
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto, publisher
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm
from gateway.contract.topics import Channel, everyone, topic

RATES: Final = (0, 5_000, 20_000)
"""Measurement messages a second, of three records each."""
ALARMS_PER_S: Final = 25.0
CONSOLES: Final = 6
LAST_WAIT_S: Final = 10.0
LOAD_LEAD_S: Final = 1.5
LINE_MAX: Final = 2**20
IDLE_P99_MS: Final = 10.0
LOADED_TIMES: Final = 5.0
OVERLOAD_P99_MS: Final = 250.0

_event_decoder = msgspec.json.Decoder()


class Latencies(msgspec.Struct):
    """One run. Milliseconds from publishing, of the commit within the desk; CPU in percent of a core."""

    console: list[float] = []
    receipt: list[float] = []
    echo: list[float] = []
    commit_p50: float = 0.0
    commit_p99: float = 0.0
    missing: int = 0
    telemetry_per_s: float = 0.0
    desk_cpu: float = 0.0
    receiver_cpu: float = 0.0


def run(scale: Scale) -> Outcome:
    """Alarms with no, with much and with too much telemetry, each in a fresh centre."""
    homes, alarms = scale.choose(1000, 50), scale.choose(200, 20)
    # a quick run shows that it works: a tenth of the load does that as well
    share = scale.choose(1, 10)
    runs: dict[int, list[Latencies]] = {rate: [] for rate in RATES}
    with tempfile.TemporaryDirectory(prefix="llar-bench-") as name:
        registry = enrol(Path(name) / "registry", homes)
        for turn in range(scale.rounds):
            for rate in RATES if turn % 2 == 0 else RATES[::-1]:
                runs[rate].append(_one_run(Path(name) / f"run-{turn}-{rate}", registry, homes, alarms, rate // share))
    idle, loaded, overload = (Figure([percentile(r.console, 0.99) for r in runs[rate]]) for rate in RATES)
    outcome = Outcome(title="alarm published to console event, and to receipt")
    outcome.tables = [_latency_table(f"{alarms} alarms a run, {CONSOLES} consoles", runs, idle), _share_table(runs)]
    outcome.targets = [
        Target(f"p99 at most {IDLE_P99_MS:.0f} ms idle", IDLE_P99_MS, idle.median),
        Target("p99 under 5,000 msg/s at most 5 x the idle p99", LOADED_TIMES, loaded.over(idle).median),
        Target(f"p99 under 20,000 msg/s at most {OVERLOAD_P99_MS:.0f} ms", OVERLOAD_P99_MS, overload.median),
        Target(
            "every alarm on the console and with a receipt: missing",
            0.0,
            sum(r.missing for rs in runs.values() for r in rs),
        ),
    ]
    outcome.notes = [
        "Measured at the console that was opened last; all processes share the same cores.",
        "broker echo: the alarm as its own publisher hears it, the share of broker and machine; commit: by the desk.",
        "telemetry/s is what the publisher got acknowledged; CPU in percent of one core.",
    ]
    return outcome


def _latency_table(caption: str, runs: dict[int, list[Latencies]], idle: Figure) -> Table:
    rows = []
    for rate, found in runs.items():
        p99 = Figure([percentile(r.console, 0.99) for r in found])
        cells: dict[str, Figure | str] = {
            "console p50 ms": Figure([percentile(r.console, 0.5) for r in found]),
            "console p99 ms": p99,
            "console max ms": Figure([percentile(r.console, 1.0) for r in found]),
            "p99 x idle": p99.over(idle),
            "receipt p50 ms": Figure([percentile(r.receipt, 0.5) for r in found]),
            "receipt p99 ms": Figure([percentile(r.receipt, 0.99) for r in found]),
        }
        rows.append(Row(_name(rate), cells))
    return Table(caption, list(rows[0].cells), rows)


def _share_table(runs: dict[int, list[Latencies]]) -> Table:
    rows = []
    for rate, found in runs.items():
        cells: dict[str, Figure | str] = {
            "broker echo p50 ms": Figure([percentile(r.echo, 0.5) for r in found]),
            "broker echo p99 ms": Figure([percentile(r.echo, 0.99) for r in found]),
            "desk commit p50 ms": Figure([r.commit_p50 for r in found]),
            "desk commit p99 ms": Figure([r.commit_p99 for r in found]),
            "telemetry/s": Figure([r.telemetry_per_s for r in found]),
            "desk CPU %": Figure([r.desk_cpu for r in found]),
            "receiver CPU %": Figure([r.receiver_cpu for r in found]),
        }
        rows.append(Row(_name(rate), cells))
    return Table("where the time goes", list(rows[0].cells), rows)


def _name(rate: int) -> str:
    return f"{rate:,} msg/s" if rate else "idle"


def _one_run(folder: Path, registry: Path, homes: int, alarms: int, rate: int) -> Latencies:
    folder.mkdir()
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto(folder / "broker"))
        centre = Centre(folder / "centre", registry, broker.port)
        processes = centre.start_both(stack)
        port = console_port(processes[0])
        cookie = log_in(port)
        with telemetry_load(folder, broker.port, homes, alarms / ALARMS_PER_S, rate) as load:
            found = asyncio.run(_watch(broker.port, port, cookie, alarms, load, processes))
        found.commit_p50, found.commit_p99 = _commits(port, cookie)
        return found


def _commits(port: int, cookie: str) -> tuple[float, float]:
    """The desk's own figures of its commits, p50 and p99 in milliseconds, from its health page."""
    health = httpx.get(f"http://127.0.0.1:{port}/api/health", headers={"cookie": cookie}, timeout=10.0).json()
    return health["commit_p50_ms"] or 0.0, health["commit_p99_ms"] or 0.0


@contextmanager
def telemetry_load(folder: Path, port: int, homes: int, seconds: float, rate: int) -> Iterator[Child | None]:
    """A publisher that is ready to give `rate` for so many seconds; None for no rate."""
    if not rate:
        yield None
        return
    count = int(rate * (seconds + LOAD_LEAD_S))
    start_at = time.time() - 7200
    log = folder / "publisher.log"
    with publisher(port, log, homes=homes, records=3, messages=count, start_at=start_at, rate=rate) as load:
        yield load


class _Board:
    """When each alarm was sent, shown and answered, by hub; times of the performance counter."""

    def __init__(self, alarms: int) -> None:
        self.alarms = alarms
        self.sent: dict[str, float] = {}
        self.shown: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self.echoed: dict[str, float] = {}
        self.complete = asyncio.Event()

    def show(self, hub: str) -> None:
        self._note(self.shown, hub)

    def hear(self, name: str, _payload: bytes) -> None:
        into = self.echoed if name.endswith(Channel.ALARM) else self.answered
        self._note(into, name.split("/")[3])

    def _note(self, into: dict[str, float], hub: str) -> None:
        into.setdefault(hub, time.perf_counter())
        if min(len(self.shown), len(self.answered)) >= self.alarms:
            self.complete.set()

    def milliseconds(self, arrived: dict[str, float]) -> list[float]:
        return [(arrived[hub] - at) * 1000 for hub, at in self.sent.items() if hub in arrived]


async def _watch(
    port: int, console: int, cookie: str, alarms: int, load: Child | None, processes: tuple[Child, Child]
) -> Latencies:
    board = _Board(alarms)
    listener = Listener(board.hear)
    line = open_socket(port, "alarms", LISTENER, PASSWORD)
    await listener.subscribe(line, [everyone(Channel.ALARM), everyone(Channel.ALARM_ANSWER)])
    async with asyncio.TaskGroup() as group:
        readers = []
        for number in range(CONSOLES):
            ready, is_measured = asyncio.Event(), number == CONSOLES - 1
            reader = _console(console, cookie, board.show if is_measured else _look_away, ready)
            readers.append(group.create_task(reader))
            async with asyncio.timeout(LAST_WAIT_S):
                await ready.wait()
        if load:
            load.say("go")
            await asyncio.sleep(LOAD_LEAD_S / 2)
        shares = await _send(board, listener, processes)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WAIT_S):
                await board.complete.wait()
        for task in readers:
            task.cancel()
    listener.close()
    return Latencies(
        console=board.milliseconds(board.shown),
        receipt=board.milliseconds(board.answered),
        echo=board.milliseconds(board.echoed),
        missing=2 * alarms - len(board.shown) - len(board.answered),
        telemetry_per_s=await asyncio.to_thread(_rate, load) if load else 0.0,
        desk_cpu=shares[0],
        receiver_cpu=shares[1],
    )


async def _send(board: _Board, listener: Listener, processes: tuple[Child, Child]) -> list[float]:
    """Publishes the alarms at their pace; the CPU that each process took meanwhile, in percent of a core."""
    cpu, began = [process.cpu_s() for process in processes], time.perf_counter()
    for number in range(board.alarms):
        await asyncio.sleep(max(0.0, began + number / ALARMS_PER_S - time.perf_counter()))
        hub, payload = hub_name(number), encode(help_alarm(number))
        board.sent[hub] = time.perf_counter()
        listener.publish(topic(hub, Channel.ALARM), payload)
    took = time.perf_counter() - began
    return [100 * (process.cpu_s() - before) / took for process, before in zip(processes, cpu, strict=True)]


def _rate(load: Child) -> float:
    done = msgspec.json.decode(load.hear(), type=dict[str, float])
    return done["sent"] / (done["ended_at"] - done["began_at"])


def help_alarm(number: int) -> Alarm:
    """The help alarm of home `number`."""
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    return Alarm(
        ref=f"bench{number}", dty=dty, stc=stc, tim=time.time(), seq=number + 1, ep="bench", did="pendant", pri=9
    )


def _look_away(_home: str) -> None:
    """What a console does that is open and not measured."""


async def _console(port: int, cookie: str, on_case: Callable[[str], None], ready: asyncio.Event) -> None:
    """One open console: reads events for ever, and says of which home each case is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE_MAX)
    writer.write(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
    try:
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"the console does not let us listen: {status!r}")
        is_case = False
        while line := await reader.readline():
            if line.startswith(b"event: "):
                ready.set()
                is_case = line.startswith(b"event: case")
            elif is_case and line.startswith(b"data: "):
                on_case(_event_decoder.decode(line[6:])["card"]["home_id"])
    finally:
        writer.close()
