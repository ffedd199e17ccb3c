"""A press on a real pendant's wire until the home has the centre's receipt: real agent, broker and desk.

The pendant writes its frame into a pseudo-terminal; a listener at the broker hears the alarm and the receipt go by.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.broker_line import Listener, open_socket
from benchmarks.centre import Centre, enrol
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, percentile
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto
from edge.clock import Stamp
from edge.outbox_file import open_outbox
from edge.uplink import drill
from gateway.contract.encoding import decode
from gateway.contract.messages import Alarm
from gateway.contract.topics import Channel, everyone, topic
from simulators.pendant_tty import PendantTty

HUB: Final = "bench-press"
FIRST_PENDANT: Final = 0x00A1B200
PENDANTS_MAX: Final = 60
"""A home has at most 64 devices, and a second press of one pendant within ten seconds is the same alarm."""
RECEIPT_WAIT_S: Final = 10.0
COMMITS: Final = 100
READINGS_MAX: Final = 10_000


class Presses(msgspec.Struct):
    """One run; times in milliseconds."""

    to_alarm: list[float]
    to_receipt: list[float]
    ready: float
    hears: float
    resident_mib: float
    commit: float


def run(scale: Scale) -> Outcome:
    """Presses one after the other, each of another pendant of the home, with an idle and freshly started system."""
    with tempfile.TemporaryDirectory(prefix="llar-bench-") as name:
        folder = Path(name)
        registry = enrol(folder / "registry", 0, more=[HUB])
        count = scale.choose(PENDANTS_MAX, 5)
        runs = [_one_run(folder / f"run-{turn}", registry, count) for turn in range(scale.rounds)]

    def row(subject: str, times: list[list[float]]) -> Row:
        shares = {"p50 ms": 0.5, "p99 ms": 0.99, "max ms": 1.0}
        return Row(subject, {name: Figure([percentile(run, share) for run in times]) for name, share in shares.items()})

    whole, commit = Figure([percentile(run.to_receipt, 0.5) for run in runs]), Figure([run.commit for run in runs])
    agent: dict[str, Figure | str] = {
        "start to ready, ms": Figure([run.ready for run in runs]),
        "to its serial port open, ms": Figure([run.hears for run in runs]),
        "resident MiB": Figure([run.resident_mib for run in runs]),
        "outbox commit p50 ms": commit,
        "commit / press to receipt": commit.over(whole),
    }
    return Outcome(
        title="press on the pendant's wire to the centre's receipt",
        tables=[
            Table(
                f"{count} presses a run",
                ["p50 ms", "p99 ms", "max ms"],
                [
                    row("press to alarm at the broker (agent, outbox commit)", [run.to_alarm for run in runs]),
                    row("press to receipt (and the desk's commit)", [run.to_receipt for run in runs]),
                ],
            ),
            Table("the agent", list(agent), [Row("llar-edge run, one serial port", agent)]),
        ],
        notes=[
            "The outbox commit is measured alone, on the same disk. An SD card syncs 50 to 200 times slower than this.",
            "The radio's own time, from the thumb to the wire, is not in it.",
        ],
    )


def _one_run(folder: Path, registry: Path, count: int) -> Presses:
    folder.mkdir()
    with mosquitto(folder / "broker", HUB) as broker:
        centre = Centre(folder / "centre", registry, broker.port)
        with centre.start("desk") as desk:
            desk.await_log("ready")
            return asyncio.run(_press(folder, broker.port, count))


async def _press(folder: Path, port: int, count: int) -> Presses:
    heard: dict[str, float] = {}
    refs: dict[str, str] = {}
    received = asyncio.Condition()
    done = Presses([], [], 0.0, 0.0, 0.0, _commit_ms(folder / "disk"))

    async def tell() -> None:
        async with received:
            received.notify_all()

    tasks: set[asyncio.Task[None]] = set()

    def on_message(name: str, payload: bytes) -> None:
        now = time.perf_counter()
        if name == alarms:
            alarm = decode(Alarm, payload)
            assert isinstance(alarm, Alarm)
            refs.setdefault(alarm.did, alarm.ref)
            heard.setdefault(alarm.did, now)
        else:
            heard.setdefault(name.rpartition("/")[2], now)
            task = asyncio.get_running_loop().create_task(tell())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    alarms = topic(HUB, Channel.ALARM)
    listener = Listener(on_message)
    await listener.subscribe(
        open_socket(port, "listener", LISTENER, PASSWORD), [alarms, everyone(Channel.ALARM_ANSWER)]
    )
    pendant = PendantTty(folder / "tty", FIRST_PENDANT, heartbeat_s=3600.0)
    pendant.plug_in()
    began = time.perf_counter()
    with agent(folder, port, count) as hub:
        hub.await_log("ready")
        done.ready = (time.perf_counter() - began) * 1000
        hub.await_log("listening on")
        done.hears = (time.perf_counter() - began) * 1000
        hub.await_log("connected to the broker")
        for number in range(count):
            pendant.device, device = FIRST_PENDANT + number, f"pendant-{number}"
            pressed = time.perf_counter()
            pendant.press()
            async with asyncio.timeout(RECEIPT_WAIT_S), received:
                await received.wait_for(lambda device=device: refs.get(device) in heard)  # type: ignore[misc]
            done.to_alarm.append((heard[device] - pressed) * 1000)
            done.to_receipt.append((heard[refs[device]] - pressed) * 1000)
        done.resident_mib = hub.resident_mib()
    pendant.unplug()
    listener.close()
    return done


def agent(folder: Path, port: int, count: int) -> Child:
    """A real agent at the broker with `count` pendants on the wire `folder`/tty."""
    devices = [
        f'[[device]]\nid = "pendant-{number}"\nmodel = "serial_pendant"\nlink = "serial"\n'
        f'address = "{FIRST_PENDANT + number:08x}"\n'
        for number in range(count)
    ]
    (folder / "enrolment.toml").write_text("\n".join(devices))
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    config = folder / "edge.toml"
    config.write_text(f"""enrolment = "enrolment.toml"
[hub]
id = "{HUB}"
[broker]
host = "127.0.0.1"
port = {port}
tls = false
password_file = "password"
[storage]
folder = "store"
[screen]
port = 0
[[serial]]
port = "{folder / "tty"}"
""")
    return Child([sys.executable, "-m", "edge", "run", "--config", str(config)], folder / "edge.log")


def _commit_ms(folder: Path) -> float:
    """Median time in which an outbox on this disk takes an alarm durably."""
    box, faults = open_outbox(folder, "bench", READINGS_MAX)
    if faults:
        raise RuntimeError("; ".join(faults))
    stamp = Stamp("boot", 1.0, time.time(), trusted=True)
    times = []
    for _ in range(COMMITS):
        began = time.perf_counter()
        box.keep(alarms=[drill(stamp, "")])
        times.append((time.perf_counter() - began) * 1000)
    box.close()
    return percentile(times, 0.5)
