"""Measurements per second from the broker to the committed store, and what a message costs, beside others.

Each subject has one core of its own; broker and database share the rest. The messages wait at the broker before the
clock runs, so each subject works through a backlog and shows what it can do at most.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.centre import Centre, enrol
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.packs import hub_name
from benchmarks.peers import node_red
from benchmarks.processes import Child
from benchmarks.sampling import START_SIGNAL, split
from benchmarks.servers import PASSWORD, Influx, cores, influx, influxd_path, mosquitto, publisher
from benchmarks.sinks import CounterSink, EmbeddedSink, InfluxSink, Sink, await_home, await_total

EMBEDDED: Final = "Llar receiver, embedded store"
INFLUX: Final = "Llar receiver, InfluxDB 1.x"
BARE: Final = "bare paho: counts, acknowledges"
USUAL: Final = "Node-RED, usual flow, InfluxDB 1.x"
BATCHED: Final = "Node-RED, batched flow, InfluxDB 1.x"
COLUMNS: Final = (
    *("messages/s", "CPU us/message", "core busy %", "broker us/message", "database us/message"),
    *("resident MiB", "lost", "x speed", "x CPU"),
)
CONNECTED: Final = "connected to the broker"
WAIT_S: Final = 120.0
WARM_UPS_MAX: Final = 3
"""A subject that has said "connected" may have subscribed a moment later."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is published: packs of `records` readings by `homes` homes in turn."""

    homes: int
    records: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one subject."""

    per_second: float
    cpu_us: float
    broker_us: float
    database_us: float
    resident_mib: float
    lost: float


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all runs share."""

    folder: Path
    registry: Path
    influx: Influx | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One receiver under measurement. `start` gives the ready process and where its readings arrive."""

    name: str
    packs_per_home: int
    start: Callable[[Workshop, Path, int, Load], tuple[Child, Sink]]


def run(scale: Scale) -> Outcome:
    """All subjects that can run here, with packs of 3 and of 8 records."""
    outcome = Outcome(title="measurements, broker to committed store, QoS 1")
    subjects = _subjects(scale, outcome.skipped)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llar-bench-")))
        before = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, cores()[1])
        loads = [Load(scale.choose(1000, 50), records) for records in (3, 8)]
        registry = enrol(folder / "registry", loads[0].homes)
        server = stack.enter_context(influx(folder / "influx")) if influxd_path() else None
        shop = Workshop(folder, registry, server)
        for load in loads:
            found = _interleaved(shop, subjects, load, scale.rounds)
            outcome.tables.append(_table(load, found))
            outcome.targets += _targets(load, found)
            outcome.tables.append(_split_table(shop, load, scale.choose(40, 10)))
    outcome.notes += [
        "x speed and x CPU: against the receiver with the embedded store, in the same round.",
        "The messages wait at the broker, the subject held still; the clock runs from letting it go until all is in.",
        "core busy: well under 100 means that broker or database held the subject up, or others its core.",
        "bare paho only parses and acknowledges: read its CPU; its speed may be the broker's limit.",
        "Node-RED writes one point with a field for each record; the receiver one row for each record.",
        "Slower subjects get the first part of the same messages. Lost: values published and never found in the store.",
    ]
    return outcome


def _subjects(scale: Scale, skipped: list[str]) -> list[Subject]:
    quick = scale.quick
    subjects = [
        Subject(EMBEDDED, 10 if quick else 60, _start_embedded),
        Subject(BARE, 10 if quick else 60, _start_bare),
    ]
    if influxd_path() is None:
        skipped.append("everything with InfluxDB: influxd 1.x is not installed (Debian package influxdb)")
        return subjects
    subjects.append(Subject(INFLUX, 10 if quick else 60, _start_influx))
    if not node_red.installed():
        skipped.append("Node-RED: fetch it with `python -m benchmarks.peers.install` (needs npm)")
        return subjects
    subjects.append(Subject(BATCHED, 10 if quick else 30, _start_batched))
    subjects.append(Subject(USUAL, 10, _start_usual))
    return subjects


def _interleaved(shop: Workshop, subjects: list[Subject], load: Load, rounds: int) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {subject.name: [] for subject in subjects}
    for turn in range(rounds):
        for subject in subjects if turn % 2 == 0 else subjects[::-1]:
            place = Path(tempfile.mkdtemp(prefix="run-", dir=shop.folder))
            found[subject.name].append(_measure(shop, subject, load, place))
    return found


def _measure(shop: Workshop, subject: Subject, load: Load, place: Path) -> Measured:
    if shop.influx:
        shop.influx.recreate()
    last_home = hub_name(load.homes - 1)
    with mosquitto(place / "broker") as broker:
        child, sink = subject.start(shop, place, broker.port, load)
        with child:
            start_at = _warm_up(broker.port, place, load, sink)
            child.await_idle()
            before, packs_before = sink.total(), sink.of_home(last_home)
            messages = load.homes * subject.packs_per_home
            bystanders = [psutil.Process(broker.pid), *([psutil.Process(shop.influx.child.pid)] if shop.influx else [])]
            cpu, others = child.cpu_s(), [_cpu_s(process) for process in bystanders]
            # the publisher costs as much as a subject: it must be done before the clock runs
            child.hold()
            _publish(broker.port, place, load, subject.packs_per_home, start_at)
            began = time.monotonic()
            child.let_go()
            done = await_home(sink, last_home, packs_before + subject.packs_per_home, WAIT_S)
            others = [_cpu_s(process) - first for process, first in zip(bystanders, others, strict=True)]
            expected = before + messages * load.records
            if sink.total() < expected:
                done = max(done, await_total(sink, expected, WAIT_S))
            cpu, resident = child.cpu_s() - cpu, child.resident_mib()
            lost = expected - sink.total()
    each = 1e6 / messages
    broker_us, *database_us = (cpu * each for cpu in others)
    return Measured(messages / (done - began), cpu * each, broker_us, sum(database_us), resident, lost)


def _warm_up(port: int, place: Path, load: Load, sink: Sink) -> float:
    """One pack of each home, so that all series exist and all code has run; from when the measured packs count."""
    start_at = time.time() - 7200
    for _ in range(WARM_UPS_MAX):
        _publish(port, place, load, 1, start_at)
        start_at += 1
        await_total(sink, load.homes * load.records, WAIT_S)
        if sink.total():
            return start_at
    raise RuntimeError(f"nothing arrives in the store: see the logs in {place}")


def _publish(port: int, place: Path, load: Load, packs_per_home: int, start_at: float) -> None:
    """Publishes and waits until all is acknowledged by the broker."""
    count = load.homes * packs_per_home
    child = publisher(
        port, place / "publisher.log", homes=load.homes, records=load.records, messages=count, start_at=start_at
    )
    with child:
        child.say("go")
        child.hear()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _start_embedded(shop: Workshop, place: Path, port: int, load: Load) -> tuple[Child, Sink]:
    centre = Centre(place / "centre", shop.registry, port)
    return _ready(centre.start("receiver", core=cores()[0]), CONNECTED), EmbeddedSink(centre.telemetry)


def _start_influx(shop: Workshop, place: Path, port: int, load: Load) -> tuple[Child, Sink]:
    assert shop.influx
    centre = Centre(place / "centre", shop.registry, port, influx_url=shop.influx.url)
    return _ready(centre.start("receiver", core=cores()[0]), CONNECTED), InfluxSink(shop.influx, load.records)


def _start_bare(_shop: Workshop, place: Path, port: int, load: Load) -> tuple[Child, Sink]:
    counter = place / "counter"
    sink = CounterSink(counter, load.records, load.homes)
    command = [sys.executable, "-m", "benchmarks.peers.paho_subscriber", str(port), "receiver", PASSWORD, str(counter)]
    return _ready(Child(command, place / "bare.log", core=cores()[0]), "ready"), sink


def _start_usual(shop: Workshop, place: Path, port: int, load: Load) -> tuple[Child, Sink]:
    return _start_node_red(shop, place, port, load, batched=False)


def _start_batched(shop: Workshop, place: Path, port: int, load: Load) -> tuple[Child, Sink]:
    return _start_node_red(shop, place, port, load, batched=True)


def _start_node_red(shop: Workshop, place: Path, port: int, load: Load, *, batched: bool) -> tuple[Child, Sink]:
    assert shop.influx
    command = node_red.prepare(
        place / "node-red",
        batched=batched,
        port=port,
        user="receiver",
        password=PASSWORD,
        influx_url=shop.influx.url,
        database=shop.influx.database,
    )
    child = Child(command, place / "node-red.log", core=cores()[0])
    return _ready(child, "Connected to broker"), InfluxSink(shop.influx, load.records)


def _ready(child: Child, word: str) -> Child:
    try:
        child.await_log(word)
    except BaseException:
        child.stop()
        raise
    return child


def _table(load: Load, found: dict[str, list[Measured]]) -> Table:
    rows = []
    speed = Figure([run.per_second for run in found[EMBEDDED]])
    cpu = Figure([run.cpu_us for run in found[EMBEDDED]])
    for name, runs in found.items():
        own_speed, own_cpu = Figure([run.per_second for run in runs]), Figure([run.cpu_us for run in runs])
        cells: dict[str, Figure | str] = {
            "messages/s": own_speed,
            "CPU us/message": own_cpu,
            "core busy %": Figure([run.per_second * run.cpu_us / 1e4 for run in runs]),
            "broker us/message": Figure([run.broker_us for run in runs]),
            "resident MiB": Figure([run.resident_mib for run in runs]),
            "lost": f"{sum(run.lost for run in runs):.0f}",
            "x speed": own_speed.over(speed),
            "x CPU": own_cpu.over(cpu),
        }
        if name in {INFLUX, USUAL, BATCHED}:
            cells["database us/message"] = Figure([run.database_us for run in runs])
        rows.append(Row(name, cells))
    return Table(f"{load.records} records, {load.homes:,} homes", list(COLUMNS), rows)


def _targets(load: Load, found: dict[str, list[Measured]]) -> list[Target]:
    def speed(name: str) -> Figure:
        return Figure([run.per_second for run in found[name]])

    ours, cpu = speed(EMBEDDED), Figure([run.cpu_us for run in found[EMBEDDED]])
    lost = sum(run.lost for name in (EMBEDDED, INFLUX) for run in found.get(name, []))
    what = f"{load.records} records: "
    targets = [Target(what + "none lost by the receiver", 0.0, lost)]
    if load.records == 8:
        targets.append(Target(what + "at least 12,000 messages/s", 12_000.0, ours.median, at_least=True))
    else:
        targets.append(Target(what + "at most 40 us CPU a message", 40.0, cpu.median))
    for peer, times in ((BATCHED, 2.0), (USUAL, 8.0)):
        if peer in found:
            text = f"{what}at least {times:.0f} x {peer}"
            targets.append(Target(text, times, ours.over(speed(peer)).median, at_least=True))
    return targets


def _split_table(shop: Workshop, load: Load, packs_per_home: int) -> Table:
    """Where the receiver's time goes: one more run with a sampler inside."""
    place = Path(tempfile.mkdtemp(prefix="split-", dir=shop.folder))
    with mosquitto(place / "broker") as broker:
        centre = Centre(place / "centre", shop.registry, broker.port)
        sink = EmbeddedSink(centre.telemetry)
        page = place / "split.json"
        command = [sys.executable, "-m", "benchmarks.sampling", str(page), *centre.command("receiver")[2:]]
        with _ready(Child(command, place / "receiver.log", core=cores()[0]), CONNECTED) as receiver:
            receiver.await_idle()
            os.kill(receiver.pid, START_SIGNAL)
            _publish(broker.port, place, load, packs_per_home, time.time() - 7200)
            await_home(sink, hub_name(load.homes - 1), packs_per_home, WAIT_S)
    shares = split(page)
    rows = [Row(name, {"share %": Figure([100 * share])}) for name, share in shares.items()]
    return Table(f"where the receiver's CPU goes, {load.records} records", ["share %"], rows)
