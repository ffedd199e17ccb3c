"""What the agent takes of a small computer: resident memory, start to ready; and a flood of adverts on its radio.

One agent in each set-up, with every library in use: a press on the wire and one on the air have arrived.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.broker_line import Listener, open_socket
from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target, percentile
from benchmarks.processes import Child
from benchmarks.servers import LISTENER, PASSWORD, mosquitto
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, Heartbeat
from gateway.contract.topics import Channel, topic
from simulators.advert_flood import Jammer, bthome_report, pour
from simulators.bthome_bytes import ButtonPress, ObjectId, encrypted, plain
from simulators.machines import bluez
from simulators.machines.bluez import BluezMachine
from simulators.pendant_tty import PendantTty
from simulators.radio import BTHomeSensor, HubController, VirtualAir
from tools.guest_kernel import Guest, NoGuestError, initramfs, kernel

HUB: Final = "bench-agent"
PENDANT: Final = 0x00A1B200
BUTTON: Final = "A4:C1:38:00:00:02"
MOTION: Final = "A4:C1:38:00:00:01"
KEY: Final = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
RESIDENT_MAX_MB: Final = 60.0
READY_MAX_MS: Final = 2000.0
MB_PER_MIB: Final = 2**20 / 1e6
SETTLE_S: Final = 3.0
FLOOD_PER_S: Final = 1000
FLOOD_S: Final = 60
PRESS_EVERY_S: Final = 11.0
"""Presses of one pendant within ten seconds are one alarm."""
ADVERTS_OF_A_PRESS: Final = 25
ARRIVES_S: Final = 30.0

_SERIAL: Final = '[[serial]]\nport = "{tty}"\n'
_SCREEN: Final = "[screen]\nport = 0\n"


class _Found(msgspec.Struct):
    """Of one agent."""

    ready_ms: float = 0.0
    resident_mb: float = 0.0
    before_mb: float = 0.0
    after_mb: float = 0.0
    adverts: int = 0
    pressed: int = 0
    arrived: int = 0
    waits_ms: list[float] = []
    refused: dict[str, int] = {}


class _Ear:
    """Hears the agent's alarms and heartbeats at the broker, and gives receipts."""

    def __init__(self) -> None:
        self.line = Listener(self.hear)
        self.alarms: dict[str, tuple[str, float]] = {}
        self.refused: dict[str, int] = {}

    def hear(self, name: str, payload: bytes) -> None:
        if name == topic(HUB, Channel.ALARM):
            alarm = decode(Alarm, payload)
            assert isinstance(alarm, Alarm)
            self.alarms.setdefault(alarm.ref, (alarm.did, time.monotonic()))
            # a call without a receipt takes up what is pressed after it
            answer = AlarmAnswer(alarm.ref, 0, time.time())
            self.line.publish(topic(HUB, Channel.ALARM_ANSWER, alarm.ref), encode(answer))
        else:
            beat = decode(Heartbeat, payload)
            assert isinstance(beat, Heartbeat)
            self.refused = beat.refused

    def of(self, device: str) -> int:
        return sum(did == device for did, _ in self.alarms.values())


def run(scale: Scale) -> Outcome:
    """Each set-up once a round; the flood once."""
    seconds = scale.choose(FLOOD_S, 3)
    found: dict[str, list[_Found]] = {}
    skipped: list[str] = []
    for _ in range(scale.rounds):
        for name, one in asyncio.run(_round(skipped, 0)).items():
            found.setdefault(name, []).append(one)
    flood = asyncio.run(_round([], seconds))["HCI transport, serial"]
    columns = ["resident MB", "start to ready ms"]
    rows = [
        Row(
            name,
            {
                "resident MB": Figure([one.resident_mb for one in many]),
                "start to ready ms": Figure([one.ready_ms for one in many]),
            },
        )
        for name, many in found.items()
    ]
    told = {"before MB": flood.before_mb, "after MB": flood.after_mb, "growth x": flood.after_mb / flood.before_mb}
    cells: dict[str, Figure | str] = {name: Figure([value]) for name, value in told.items()}
    cells |= {"presses": f"{flood.arrived} of {flood.pressed}", "p50 ms": Figure([percentile(flood.waits_ms, 0.5)])}
    targets = [
        Target(f"{name}: resident MB", RESIDENT_MAX_MB, Figure([one.resident_mb for one in many]).median)
        for name, many in found.items()
    ]
    slowest = max(Figure([one.ready_ms for one in many]).median for many in found.values())
    refused = ", ".join(f"{reason} {count:,}" for reason, count in sorted(flood.refused.items()))
    return Outcome(
        title="the agent's size, and a flood of adverts",
        tables=[
            Table("llar-edge run: MQTT, outbox, and", columns, rows),
            Table(
                f"{seconds} s of {FLOOD_PER_S:,} adverts/s ({flood.adverts:,} sent)", list(cells), [Row("flood", cells)]
            ),
        ],
        targets=[
            *targets,
            Target("start to ready ms, the slowest set-up", READY_MAX_MS, slowest),
            Target("presses lost in the flood", 0.0, float(flood.pressed - flood.arrived)),
        ],
        notes=[
            "MB are 10^6 bytes. Every set-up has had a press on each of its links before it is weighed.",
            f"The flood mixes strangers, garbage, recordings and truncated adverts; refused by reason: {refused}.",
        ],
        skipped=skipped,
    )


async def _round(skipped: list[str], flood_s: int) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    with tempfile.TemporaryDirectory(prefix="llar-agent-") as name:
        folder = Path(name)
        with mosquitto(folder / "broker", HUB) as broker:
            air = VirtualAir()
            controller = HubController(air)
            await controller.start()
            by_hci = f'[ble]\nadapter = "{controller.transport}"\n{_SERIAL}'
            found["HCI transport, serial"] = await _one(
                folder / "hci", broker.port, by_hci, air, controller if flood_s else None, flood_s
            )
            await controller.die()
            if flood_s:
                return found
            found["serial"] = await _one(folder / "serial", broker.port, _SERIAL, None)
            found["serial, page"] = await _one(folder / "page", broker.port, _SERIAL + _SCREEN, None)
            try:
                async with _machine(air := VirtualAir()) as machine:
                    by_bluez = f'[ble]\nadapter = "hci0"\n{_SERIAL}'
                    found["BlueZ, serial"] = await _one(
                        folder / "bluez", broker.port, by_bluez, air, environment=machine.environment
                    )
            except NoGuestError as error:
                skipped[:] = [f"the agent on BlueZ: {error}"]
    return found


@asynccontextmanager
async def _machine(air: VirtualAir) -> AsyncIterator[BluezMachine]:
    found = kernel()
    guest = Guest(
        "bluez",
        init=bluez.INIT,
        programs=bluez.PROGRAMS,
        applets=bluez.APPLETS,
        modules=bluez.MODULES,
        files=bluez.files(),
    )
    machine = BluezMachine(found.image, initramfs(guest, found), air)
    await machine.start()
    try:
        yield machine
    finally:
        await machine.kill()


async def _one(
    folder: Path,
    port: int,
    radios: str,
    air: VirtualAir | None,
    jammed: HubController | None = None,
    seconds: int = 0,
    environment: Mapping[str, str] | None = None,
) -> _Found:
    """Starts an agent, has it use all it has, weighs it; with `jammed`, floods it."""
    ear, found = _Ear(), _Found()
    listening = [topic(HUB, Channel.ALARM), topic(HUB, Channel.HEARTBEAT)]
    await ear.line.subscribe(open_socket(port, "listener", LISTENER, PASSWORD), listening)
    config = _files(folder, port, radios)
    pendant = PendantTty(folder / "tty", PENDANT, heartbeat_s=3600.0)
    pendant.plug_in()
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    began = time.perf_counter()
    with Child(command, folder / "log", environment=environment) as agent:
        await asyncio.to_thread(agent.await_log, "ready")
        found.ready_ms = (time.perf_counter() - began) * 1000
        await asyncio.to_thread(agent.await_log, "listening on")
        await asyncio.to_thread(agent.await_log, "connected to the broker")
        pendant.press()
        await _await(lambda: ear.of("pendant"), "the press on the wire")
        if air is not None:
            await asyncio.to_thread(agent.await_log, "scanning on")
            await _say(air, ear)
        await asyncio.sleep(SETTLE_S)
        found.resident_mb = agent.resident_mib() * MB_PER_MIB
        if jammed is not None:
            await _flood(jammed, ear, seconds, found, lambda: agent.resident_mib() * MB_PER_MIB)
    ear.line.close()
    pendant.unplug()
    return found


async def _say(air: VirtualAir, ear: _Ear) -> None:
    """A press and a movement on the air."""
    button = BTHomeSensor(air, "button", BUTTON, key=KEY)
    motion = BTHomeSensor(air, "motion", MOTION)
    for sensor in (button, motion):
        await sensor.power_on()
    await button.say((ObjectId.BUTTON, ButtonPress.SINGLE), for_s=ARRIVES_S)
    await motion.say((ObjectId.MOTION, 1), for_s=ARRIVES_S)
    await _await(lambda: ear.of("button"), "the press on the air")
    for sensor in (button, motion):
        await sensor.power_off()


async def _flood(controller: HubController, ear: _Ear, seconds: int, found: _Found, weigh: Callable[[], float]) -> None:
    recorded = encrypted([(ObjectId.BUTTON, ButtonPress.SINGLE)], key=KEY, address=BUTTON, counter=999)
    jammer = Jammer({BUTTON: recorded, MOTION: plain([(ObjectId.MOTION, 1)])})
    # caches and pools fill first
    found.adverts = await pour(controller, jammer.mixture, per_s=FLOOD_PER_S, for_s=max(seconds / 5, 1))
    found.before_mb = weigh()
    pouring = asyncio.create_task(pour(controller, jammer.mixture, per_s=FLOOD_PER_S, for_s=seconds))
    counter = 1000
    while not pouring.done():
        await asyncio.wait([pouring], timeout=PRESS_EVERY_S)
        if not pouring.done():
            await _press(controller, ear, counter, found)
            counter += 1
    found.adverts += await pouring
    found.after_mb = weigh()
    # the next heartbeat tells what was refused
    seen = dict(ear.refused)
    await _await(lambda: ear.refused != seen or seconds < FLOOD_S, "a heartbeat", 70.0)
    found.refused = ear.refused


async def _press(controller: HubController, ear: _Ear, counter: int, found: _Found) -> None:
    advert = encrypted([(ObjectId.BUTTON, ButtonPress.SINGLE)], key=KEY, address=BUTTON, counter=counter)
    before, at = ear.of("button"), time.monotonic()
    found.pressed += 1
    for _ in range(ADVERTS_OF_A_PRESS):
        controller.hand_over(bthome_report(BUTTON, advert))
        await asyncio.sleep(0.1)
        if ear.of("button") > before:
            break
    await _await(lambda: ear.of("button") > before, "the press on the air")
    found.arrived += 1
    found.waits_ms.append((max(heard for did, heard in ear.alarms.values() if did == "button") - at) * 1000)


async def _await(condition: Callable[[], object], what: str, wait_s: float = ARRIVES_S) -> None:
    deadline = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not arrive")
        await asyncio.sleep(0.005)


def _files(folder: Path, port: int, radios: str) -> Path:
    folder.mkdir()
    (folder / "enrolment.toml").write_text(
        f'[[device]]\nid = "pendant"\nmodel = "serial_pendant"\nlink = "serial"\naddress = "{PENDANT:08x}"\n'
        f'[[device]]\nid = "button"\nmodel = "bthome_pendant"\nlink = "ble_advert"\naddress = "{BUTTON}"\n'
        f'key = "{KEY.hex()}"\n'
        f'[[device]]\nid = "motion"\nmodel = "bthome_motion"\nlink = "ble_advert"\naddress = "{MOTION}"\n'
    )
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    config = folder / "edge.toml"
    config.write_text(
        f'enrolment = "enrolment.toml"\n[hub]\nid = "{HUB}"\n[broker]\nhost = "127.0.0.1"\nport = {port}\ntls = false\n'
        f'password_file = "password"\n[storage]\nfolder = "store"\n' + radios.format(tty=folder / "tty")
    )
    return config
