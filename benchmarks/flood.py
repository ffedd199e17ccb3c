"""Ten minutes of malformed messages of every kind: memory, answers to presses meanwhile, and whether all is counted.

Not among the benchmarks that run by default, because it takes its ten minutes: `python -m benchmarks flood`.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.broker_line import Listener, open_socket
from benchmarks.centre import Centre, console_port, enrol
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target, percentile
from benchmarks.packs import hub_name, pack
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm
from gateway.contract.topics import Channel, everyone, topic

RUN_S: Final = 600
RATE_PER_S: Final = 500
HOMES: Final = 100
PRESS_EVERY_S: Final = 5.0
SETTLED_SHARE: Final = 0.2
"""Memory is compared from here on: caches and pools have filled by then."""
GROWTH_MAX: Final = 1.05
_CHANNELS: Final = (Channel.MEASUREMENTS, Channel.ALARM, Channel.STATE, Channel.HEARTBEAT)
_YEAR_S: Final = 365 * 86_400.0


def run(scale: Scale) -> Outcome:
    """Floods a fresh centre once."""
    seconds = scale.choose(RUN_S, 4)
    with tempfile.TemporaryDirectory(prefix="llar-flood-") as name, ExitStack() as stack:
        folder = Path(name)
        registry = enrol(folder / "registry", HOMES)
        broker = stack.enter_context(mosquitto(folder / "broker"))
        centre = Centre(folder / "centre", registry, broker.port)
        processes = {part: stack.enter_context(centre.start(part)) for part in ("desk", "receiver")}
        console_port(processes["desk"])
        for process in processes.values():
            process.await_log("connected")
        memory, waits_ms, sent, unanswered = asyncio.run(_flood(broker.port, processes, seconds))
        tracebacks = sum(process.log.read_text(errors="replace").count("Traceback") for process in processes.values())
        lines = sum(process.log.read_text(errors="replace").count("\n") for process in processes.values())
    growth = {part: Figure([_growth(found)]) for part, found in memory.items()}
    rows = [
        Row(
            part,
            {
                "settled MiB": Figure([_settled(found)]),
                "at the end MiB": Figure([found[-1]]),
                "growth x": growth[part],
            },
        )
        for part, found in memory.items()
    ]
    presses = Row(
        "presses",
        {"receipt p50 ms": Figure([percentile(waits_ms, 0.5)]), "receipt p99 ms": Figure([percentile(waits_ms, 0.99)])},
    )
    return Outcome(
        title=f"{seconds} s of malformed messages, {RATE_PER_S} a second ({sent:,} sent)",
        tables=[
            Table("memory resident", ["settled MiB", "at the end MiB", "growth x"], rows),
            Table(f"{len(waits_ms)} presses meanwhile", ["receipt p50 ms", "receipt p99 ms"], [presses]),
        ],
        targets=[
            Target("memory flat: the desk grows by at most", GROWTH_MAX, growth["desk"].median),
            Target("memory flat: the receiver grows by at most", GROWTH_MAX, growth["receiver"].median),
            Target("presses without receipt", 0.0, float(unanswered)),
            Target("stack traces in the logs", 0.0, float(tracebacks)),
        ],
        notes=[f"{lines} log lines in all: a kind of refusal is logged once a minute."],
    )


def _settled(found: list[float]) -> float:
    return found[int(len(found) * SETTLED_SHARE)]


def _growth(found: list[float]) -> float:
    return found[-1] / _settled(found)


async def _flood(
    port: int, processes: dict[str, Child], seconds: float
) -> tuple[dict[str, list[float]], list[float], int, int]:
    memory: dict[str, list[float]] = {part: [] for part in processes}
    pressed: dict[str, float] = {}
    waits_ms: list[float] = []

    def hear(name: str, _payload: bytes) -> None:
        at = pressed.pop(name.rpartition("/")[2], None)
        if at is not None:
            waits_ms.append((time.perf_counter() - at) * 1000)

    line = Listener(hear)
    await line.subscribe(open_socket(port, "flood", LISTENER, PASSWORD), [everyone(Channel.ALARM_ANSWER)])
    dice = random.Random(11)
    began, sent, presses = time.perf_counter(), 0, 0
    while (passed := time.perf_counter() - began) < seconds:
        while sent < passed * RATE_PER_S:
            line.publish(*_rubbish(dice))
            sent += 1
        if passed >= presses * PRESS_EVERY_S:
            ref, hub = f"flood{presses}", hub_name(presses % HOMES)
            pressed[ref] = time.perf_counter()
            line.publish(topic(hub, Channel.ALARM), encode(_press(ref)))
            presses += 1
            for part, process in processes.items():
                memory[part].append(process.resident_mib())
        await asyncio.sleep(0.01)
    await asyncio.sleep(2.0)
    line.close()
    return memory, waits_ms, sent, len(pressed)


def _press(ref: str) -> Alarm:
    dty, stc = SCAIP_CODES[AlarmKind.HELP]
    return Alarm(ref=ref, dty=dty, stc=stc, tim=time.time(), did="pendant")


def _rubbish(dice: random.Random) -> tuple[str, bytes]:
    """One malformed message: a topic and a payload."""
    hub = hub_name(dice.randrange(HOMES))
    channel = dice.choice(_CHANNELS)
    now = time.time()
    payload = dice.choice(
        (
            lambda: dice.randbytes(dice.randrange(200)),
            lambda: b"",
            lambda: b"[" * dice.randrange(1, 5_000),
            lambda: b"x" * dice.randrange(16_000, 19_000),
            lambda: pack(hub_name(dice.randrange(HOMES)), 3, 1, now),
            lambda: pack(hub, 3, dice.randrange(10**6), now + _YEAR_S),
            lambda: pack(hub, 3, dice.randrange(10**6), now - _YEAR_S),
            lambda: pack(hub, 3, 1, now).replace(b'"n":"', b'"n":"%d' % dice.randrange(10**9)),
            lambda: b'[{"bver":%d,"n":"a","v":1}]' % dice.randrange(11, 999),
            lambda: b'[{"n":"a","v":1,"future_":1}]',
            lambda: b'{"ref":"r%d","dty":"x"}' % dice.randrange(10**9),
            lambda: b'{"online":%d}' % dice.randrange(9),
        )
    )()
    stranger = f"care/v1/{dice.randrange(256):02x}/stranger-{dice.randrange(10**6)}/{channel.value}"
    return stranger if dice.random() < 0.1 else topic(hub, channel), payload
