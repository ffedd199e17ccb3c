"""A hundred outages and power cuts: every press that a hub has acknowledged is exactly one alarm at the centre.

Two homes live at once: one hub is a process here, the other one an emulated computer whose power is cut while it
writes. Both hang on one real broker and one real centre, which are killed as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from benchmarks.centre import Centre, enrol
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.outage_homes import PRESENT_S, Home, ProcessHub, agent_command, kill, until
from benchmarks.outage_verdict import ArrivedAlarm, Verdict, judge_beats, judge_door, judge_presses
from benchmarks.processes import Child
from benchmarks.servers import PASSWORD
from central.storage import homes
from central.storage.database import Database
from central.storage.tables import alarm_messages, alarms
from central.telemetry.embedded import EmbeddedStore
from gateway.broker import Broker, start_broker
from simulators.machines.power import HOST, STORE, HubMachine, NoGuestError, make_disk
from simulators.network import Line
from simulators.outages import PENDANTS, Fault, Outage, RestlessHome, enrolment, plan

HOUSE: Final = Path(__file__).resolve().parents[1]
PROCESS_HUB: Final = "hub-process"
MACHINE_HUB: Final = "hub-machine"
FULL: Final[Mapping[Fault, int]] = {
    Fault.AGENT_KILLED: 50,
    Fault.LINE_CUT: 10,
    Fault.LINE_FROZEN: 5,
    Fault.BROKER_KILLED: 8,
    Fault.CENTRE_KILLED: 7,
    Fault.POWER_CUT: 20,
}
QUICK: Final[Mapping[Fault, int]] = {Fault.AGENT_KILLED: 3, Fault.LINE_CUT: 1, Fault.BROKER_KILLED: 1}
SEED: Final = 7
CENTRE_WAIT_S: Final = 60.0
DRAIN_S: Final = 150.0
"""By then after the last outage everything must be at the centre; an alarm is sent again every 5 to 20 s."""
LAST_WORDS_S: Final = 0.2
MACHINE_SETTLES_S: Final = 3.0
"""So long after its first acknowledgement an emulated hub has read what the terminal kept for it while it started, or
had no room to keep; a real wire keeps nothing."""
PRESSES_MIN: Final = 20
"""A home lives on after its last outage until it has pressed so often: fewer presses prove little."""
CALM_MAX_S: Final = 2.5
MACHINE_CALM_MAX_S: Final = 8.0
SILENCE_MAX_S: Final = 86_400.0


class World:
    """Broker, centre and homes of one run; `folder` keeps everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        hubs = (PROCESS_HUB, MACHINE_HUB)
        registry = enrol(folder / "registry", 0, more=hubs)
        _enrol_devices(registry, hubs)
        (folder / "broker").mkdir()
        users = dict.fromkeys(("desk", "receiver", *hubs), PASSWORD)
        self.broker: Broker = start_broker(folder / "broker", users, kind="mosquitto")
        self.line = Line(self.broker.port)
        self._centre = Centre(folder / "centre", registry, self.broker.port)
        self._processes: dict[str, Child] = {}
        self.homes: list[Home] = []
        self.struck: Counter[Fault] = Counter()

    async def start_centre(self) -> None:
        """Starts desk and receiver, and waits until they hear."""
        begins = {part: log.stat().st_size if log.exists() else 0 for part, log in self._logs().items()}
        self._processes = {part: self._centre.start(part) for part in begins}

        def hear() -> bool:
            return all(b": connected" in log.read_bytes()[begins[part] :] for part, log in self._logs().items())

        await until(hear, "the centre hears", CENTRE_WAIT_S)

    def _logs(self) -> dict[str, Path]:
        return {part: self._centre.folder / f"{part}.log" for part in ("desk", "receiver")}

    def settle(self) -> None:
        """The broker has written down who subscribes, as it does every minute, and so knows it when killed."""
        os.kill(self.broker.pid, signal.SIGUSR1)
        saved = self.broker.folder / "mosquitto.db"
        self._processes["desk"].await_true(saved.exists, "saved sessions")

    def kill_centre(self) -> None:
        """Kills both where they stand."""
        for process in self._processes.values():
            kill(process)

    async def process_home(self) -> Home:
        """The home whose hub is a process here, on a line that can be cut."""
        await self.line.restore()
        folder = self.folder / PROCESS_HUB
        config = _configure(folder, PROCESS_HUB, "127.0.0.1", self.line.port, "store", folder / "wire")
        life = RestlessHome(folder / "wire", press_every_s=0.5, beat_every_s=0.5, seed=SEED)
        return self._move_in(Home(PROCESS_HUB, life, ProcessHub(config, folder / "edge.log")))

    def machine_home(self) -> Home:
        """The home whose hub is an emulated computer.

        Raises:
            NoGuestError: there can be none on this computer.
        """
        folder = self.folder / MACHINE_HUB
        config = _configure(folder, MACHINE_HUB, HOST, self.broker.port, f"{STORE}/outbox", Path("/dev/ttyS1"))
        make_disk(folder / "disk.img")
        machine = HubMachine(folder, agent_command(config), cwd=HOUSE, disk=folder / "disk.img", serial=folder / "wire")
        life = RestlessHome(folder / "wire", press_every_s=1.0, beat_every_s=1.0, seed=SEED + 1)
        return self._move_in(Home(MACHINE_HUB, life, machine, settles_s=MACHINE_SETTLES_S))

    def _move_in(self, home: Home) -> Home:
        self.homes.append(home)
        home.life.begin()
        return home

    async def live(self, home: Home, outages: list[Outage]) -> None:
        """Lives through the outages, one after the other, and long enough; the hub works at the end."""
        await home.power_on()
        for outage in outages:
            await asyncio.sleep(outage.after_s)
            await self._strike(home, outage)
            self.struck[outage.fault] += 1
            done = sum(self.struck.values())
            print(f"  {done:3d} {home.name}: {outage.fault.value}", file=sys.stderr, flush=True)
        await until(lambda: len(home.life.presses) >= PRESSES_MIN, f"{home.name} presses its buttons", PRESENT_S)

    async def _strike(self, home: Home, outage: Outage) -> None:
        match outage.fault:
            case Fault.AGENT_KILLED | Fault.POWER_CUT:
                home.cut_power()
                # a computer takes its time to start anyway; what the dead one had still said is heard before
                await asyncio.sleep(max(outage.for_s if outage.fault is Fault.AGENT_KILLED else 0.0, LAST_WORDS_S))
                await home.power_on()
            case Fault.LINE_CUT:
                await self.line.cut()
                await asyncio.sleep(outage.for_s)
                await self.line.restore()
            case Fault.LINE_FROZEN:
                self.line.freeze()
                await asyncio.sleep(outage.for_s + 1.0)
                await self.line.restore()
            case Fault.BROKER_KILLED:
                self.broker.kill()
                await asyncio.sleep(outage.for_s)
                self.broker.restart()
            case Fault.CENTRE_KILLED:
                self.kill_centre()
                await asyncio.sleep(outage.for_s)
                await self.start_centre()

    async def drain(self) -> float:
        """Nobody does anything new; waits until the centre has what it should. Seconds that it took."""
        began = time.monotonic()
        for home in self.homes:
            await home.life.rest()
        for home in self.homes:
            await until(lambda home=home: home.life.wire.waiting == 0, f"{home.name} acknowledges all", PRESENT_S)  # type: ignore[misc]
        # what does not come at all is for the verdict to say
        with contextlib.suppress(RuntimeError):
            await until(lambda: all(map(self.complete, self.homes)), "the centre has everything", DRAIN_S, look_s=1.0)
        drained = time.monotonic() - began
        # what comes twice comes after the first time
        await asyncio.sleep(5.0)
        return drained

    def complete(self, home: Home) -> bool:
        """Whether the centre has as many alarms and acknowledged readings of a home as were made."""
        missing = len(home.life.presses) - len(self.alarms(home.name))
        return missing <= 0 and len(self.points(home.name, "door", "open")) >= home.life.door_changes

    def alarms(self, hub: str) -> list[ArrivedAlarm]:
        """The alarms of a hub that the centre has, with how many messages and rows each has."""
        database = Database.open(f"sqlite:///{self._centre.folder}/central.sqlite3")
        try:
            with database.read() as connection:
                rows = connection.execute(sa.select(alarm_messages.c.body).where(alarm_messages.c.hub == hub)).scalars()
                told = [msgspec.json.decode(body) for body in rows]
                known = set(connection.execute(sa.select(alarms.c.ref).where(alarms.c.hub == hub)).scalars())
        finally:
            database.close()
        copies = Counter(alarm["ref"] for alarm in told)
        found = {alarm["ref"]: alarm for alarm in told if alarm["ref"] in known and alarm["did"].startswith("pendant-")}
        return [
            ArrivedAlarm(alarm["seq"], alarm["ep"], int(alarm["did"].rpartition("-")[2]), ref, copies[ref])
            for ref, alarm in found.items()
        ]

    def points(self, hub: str, device: str, kind: str) -> list[tuple[float, float]]:
        """A series of a hub's home as (time, value)."""
        store = EmbeddedStore(self._centre.telemetry, read_only=True)
        try:
            return [(p.at, p.value) for p in store.points(hub, device, kind, time.time() - 86_400, time.time() + 600)]
        finally:
            store.close()

    def judge(self, home: Home) -> Verdict:
        """What became of a home's presses and readings."""
        verdict = Verdict()
        judge_presses(verdict, home.life.presses, self.alarms(home.name))
        judge_door(verdict, home.life.door_changes, [value for _, value in self.points(home.name, "door", "open")])
        beats = {int(value): at for at, value in self.points(home.name, "beating", "heartbeat")}
        judge_beats(verdict, home.life.beats, beats, [*home.lives, home.life_now()])
        return verdict

    def errors(self) -> list[str]:
        """Stack traces and sayings about lost or damaged storage in the hubs' logs."""
        texts = [path.read_text(errors="replace") for path in self.folder.glob("hub-*/*.log")]
        return [line for text in texts for line in text.splitlines() if re.search("Traceback|outbox:|damaged", line)]

    async def close(self) -> None:
        """Ends everything."""
        for home in self.homes:
            home.hub.cut_power()
            home.life.end()
        self.kill_centre()
        await self.line.cut()
        self.broker.stop()


def _enrol_devices(registry: Path, hubs: tuple[str, ...]) -> None:
    names = [f"pendant-{number}" for number in range(PENDANTS)] + ["door", "beating"]
    devices = [homes.DeviceAtHome(name, "serial", "hall", SILENCE_MAX_S) for name in names]
    database = Database.open(f"sqlite:///{registry}")
    with database.begin() as connection:
        for hub in hubs:
            homes.enrol_devices(connection, hub, devices, time.time())
    database.close()


def _configure(folder: Path, hub: str, host: str, port: int, store: str, wire: Path) -> Path:
    folder.mkdir()
    (folder / "enrolment.toml").write_text(enrolment())
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    config = folder / "edge.toml"
    config.write_text(
        f'enrolment = "enrolment.toml"\n[hub]\nid = "{hub}"\n[broker]\nhost = "{host}"\nport = {port}\ntls = false\n'
        f'password_file = "password"\n[storage]\nfolder = "{store}"\n[[serial]]\nport = "{wire}"\n'
    )
    return config


class Result(msgspec.Struct):
    """One run. `skipped` says why the emulated computer could not take part."""

    struck: dict[str, int]
    verdicts: dict[str, Verdict]
    starts_s: dict[str, list[float]]
    drained_s: float
    errors: list[str]
    skipped: str = ""


async def endure(
    folder: Path, counts: Mapping[Fault, int], *, seed: int = SEED, machine_calm_max_s: float = MACHINE_CALM_MAX_S
) -> Result:
    """Lives through so many outages of each kind, in `folder`, and judges.

    One failure follows the other when all is well again; only the emulated hub's power goes whenever it likes.
    """
    world, skipped = World(folder), ""
    try:
        await world.start_centre()
        world.settle()
        cuts = plan({Fault.POWER_CUT: counts.get(Fault.POWER_CUT, 0)}, seed, calm_max_s=machine_calm_max_s)
        others: dict[Fault, int] = {fault: count for fault, count in counts.items() if fault is not Fault.POWER_CUT}
        async with asyncio.TaskGroup() as homes_living:
            homes_living.create_task(world.live(await world.process_home(), plan(others, seed, calm_max_s=CALM_MAX_S)))
            if cuts:
                try:
                    machine = world.machine_home()
                except NoGuestError as error:
                    skipped = str(error)
                else:
                    homes_living.create_task(world.live(machine, cuts))
        drained_s = await world.drain()
        return Result(
            {fault.value: count for fault, count in world.struck.items()},
            {home.name: world.judge(home) for home in world.homes},
            {home.name: home.starts_s for home in world.homes},
            drained_s,
            world.errors(),
            skipped,
        )
    finally:
        await world.close()


def run(scale: Scale) -> Outcome:
    """Lives through a hundred outages, or a few."""
    with tempfile.TemporaryDirectory(prefix="llar-outages-") as name:
        result = asyncio.run(endure(Path(name), QUICK if scale.quick else FULL))
    return outcome_of(result)


_COLUMNS: Final = {
    "presses": "presses",
    "acknowledged": "acknowledged",
    "lost": "lost",
    "doubled": "doubled",
    "misordered": "out of order",
    "gaps": "numbers missing",
    "door_changes": "door changes",
    "door_wrong": "lost or wrong",
    "beats": "heartbeats",
    "beats_arrived": "arrived",
    "beats_heard_lost": "lost beyond 5 s",
    "lost_before_death_s": "lost reach back s",
    "shifted_s": "time off by s",
}


def outcome_of(result: Result) -> Outcome:
    """The figures of a run."""
    rows = [
        Row(name, {title: Figure([float(getattr(verdict, key))]) for key, title in _COLUMNS.items()})
        for name, verdict in result.verdicts.items()
    ]
    verdicts = result.verdicts.values()
    struck = [Row(fault, {"times": Figure([float(count)])}) for fault, count in sorted(result.struck.items())]
    return Outcome(
        title=f"{sum(result.struck.values())} outages and power cuts",
        tables=[Table("struck", ["times"], struck), Table("what became of it", list(_COLUMNS.values()), rows)],
        targets=[
            Target("alarms lost", 0.0, float(sum(verdict.lost for verdict in verdicts))),
            Target("alarms doubled", 0.0, float(sum(verdict.doubled for verdict in verdicts))),
            Target("alarms out of order", 0.0, float(sum(verdict.misordered for verdict in verdicts))),
            Target("acknowledged readings lost", 0.0, float(sum(verdict.door_wrong for verdict in verdicts))),
            Target("other readings lost beyond the buffer", 0.0, float(sum(v.beats_heard_lost for v in verdicts))),
            Target("reports of a damaged outbox or stack traces in the hubs' logs", 0.0, float(len(result.errors))),
        ],
        notes=[
            f"Everything was at the centre {result.drained_s:.0f} s after the last outage.",
            *(
                f"{name}: from its start to its first acknowledgement, median {sorted(starts)[len(starts) // 2]:.1f} s."
                for name, starts in result.starts_s.items()
            ),
            *result.errors[:5],
        ],
        skipped=[result.skipped] if result.skipped else [],
    )
