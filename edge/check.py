"""`llar-edge check`: tells whoever installs a hub, in the home's language, what is heard and what is not, and why."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from devices.catalogue import CATALOGUE
from devices.device_model import NEVER_MISSED
from devices.enrolment import EnrolledDevice
from edge.clock import system_clock_is_trusted
from edge.config import Config
from edge.ear import listen
from edge.enrolment import Devices, not_worn, unheard_parts
from edge.home.voice import missing, recordings
from edge.outbox_file import devices_heard
from edge.status import AgentStatus, DeviceStatus, read_status
from edge.texts import Texts
from gateway.contract.messages import Problem, ProblemCode

CONNECT_S: Final = 3.0
WALK_LOOK_S: Final = 0.3
WEAK_DBM: Final = -88.0
"""Below this a person who stands in between takes the signal away: cheap receivers end at -94 dBm."""
FAIR_DBM: Final = -78.0
BATTERY_LOW_PERCENT: Final = 20.0

WELL, WRONG = 0, 1

_SAID_ELSEWHERE: Final = frozenset(
    {ProblemCode.DEVICE_SILENT, ProblemCode.DEVICE_NOT_LISTENED_TO, ProblemCode.DEVICE_NOT_WORN}
)
"""With the device, and by the files."""
_MILD: Final = frozenset(
    {
        ProblemCode.CLOCK_UNTRUSTED,
        ProblemCode.BLE_QUIET,
        ProblemCode.BLE_RESCANNED,
        ProblemCode.ADAPTER_RESET,
        ProblemCode.AGENT_RESTARTED,
        ProblemCode.VOICE_MISSING,
    }
)


class Line(NamedTuple):
    """One line of the report; `good` None is neither well nor wrong."""

    good: bool | None
    sentence: str


def describe(config: Config, devices: Devices, *, listen_s: float = 0.0) -> int:
    """Prints the report; exit status 1 when something is wrong.

    Args:
        config, devices: from the hub's files.
        listen_s: when no agent runs, listen for so long instead of it.
    """
    say = Texts(config.hub.language)
    status = read_status(config)
    heard: Mapping[str, DeviceStatus] | None = status.devices if status else None
    lines = list(_files(say, config, devices))
    if status is not None:
        lines += _agent(say, status)
    else:
        # whoever listens instead knows; without that a hub that hears nobody would be called well
        lines += [Line(None if listen_s > 0 else False, say("check.not_running")), *_parts(say, config, devices)]
    _print(say, lines)
    if status is None and listen_s > 0:
        print(say("check.listening", seconds=round(listen_s)), flush=True)
        heard = asyncio.run(listen(config, devices, listen_s))
    ever = devices_heard(Path(config.storage.folder)) if heard is None else frozenset()
    more = [_device(say, device, heard, ever, status) for device in devices.values()]
    _print(say, more)
    well = all(line.good is not False for line in [*lines, *more])
    print(say("check.well" if well else "check.wrong"))
    return WELL if well else WRONG


def walk(config: Config, devices: Devices, *, ends_at: float = float("inf")) -> int:
    """The walk test: names each device as it is heard, until all were or the installer stops (Ctrl-C).

    Returns:
        0 when all devices were heard and the centre has all calls, 1 when not, or when no agent runs.
    """
    say = Texts(config.hub.language)
    if read_status(config) is None:
        print(say("walk.no_agent"), file=sys.stderr)
        return WRONG
    if not devices:
        _print(say, [Line(False, say("check.enrolled", count=0, file=config.enrolment))])
        return WRONG
    print(say("walk.begin", count=len(devices)), flush=True)
    began, missing, calls = time.monotonic(), {device.id: device for device in devices.values()}, 0
    try:
        while missing and time.monotonic() < ends_at:
            status = read_status(config)
            for device_id in [name for name in missing if status and _was_heard(status, missing[name], began)]:
                assert status is not None
                calls += status.devices[device_id].pressed_at is not None
                print(f"{_mark(say, True)} {_heard_now(say, missing.pop(device_id), status)}", flush=True)
            time.sleep(WALK_LOOK_S)
        while calls and _without_receipt(config, calls) and time.monotonic() < ends_at:
            time.sleep(WALK_LOOK_S)
    except KeyboardInterrupt:
        print()
    waiting = _without_receipt(config, calls) if calls else 0
    if waiting:
        _print(say, [Line(False, say("check.calls_waiting", count=waiting))])
    elif calls:
        _print(say, [Line(True, say("walk.centre_has_all"))])
    for device in missing.values():
        print(f"{_mark(say, False)} {say('walk.missing', device=device.id, room=_room(say, device))}")
    print(say("walk.all") if not missing else say("walk.some", count=len(missing)))
    return WRONG if missing or waiting else WELL


def _was_heard(status: AgentStatus, device: EnrolledDevice, since: float) -> bool:
    """Whether it was heard since then; what calls for help must have been pressed."""
    known = status.devices.get(device.id)
    if known is None:
        return False
    at = known.pressed_at if "press" in CATALOGUE[device.model].kinds else known.heard_at
    return at is not None and at >= since


def _without_receipt(config: Config, calls: int) -> int:
    """How many calls the centre has not confirmed: all, when no agent is there to say."""
    status = read_status(config)
    return calls if status is None else status.calls_waiting


def _heard_now(say: Texts, device: EnrolledDevice, status: AgentStatus) -> str:
    return say("walk.heard", device=device.id, room=_room(say, device)) + _signal(say, status.devices[device.id])


# what the files say


def _files(say: Texts, config: Config, devices: Devices) -> Iterator[Line]:
    place = say("check.at", place=config.hub.place_address) if config.hub.place_address else ""
    yield Line(True, say("check.hub", hub=config.hub.id, place=place))
    yield Line(bool(devices), say("check.enrolled", count=len(devices), file=config.enrolment))
    for name, remedy in unheard_parts(config, devices):
        yield Line(False, say("check.unheard" if remedy else "check.vain_button", name=name, remedy=remedy))
    for name in not_worn(config, devices):
        yield Line(None, say("check.not_worn", name=name))
    if config.screen is not None:
        yield _voice(say, config.screen.voice, config.hub.language)


def _voice(say: Texts, folder: str, language: str) -> Line:
    lacking = missing(recordings(folder, language))
    if not folder:
        return Line(None, say("check.no_recordings"))
    if not lacking:
        return Line(True, say("check.recordings", folder=Path(folder, language)))
    return Line(False, say("check.lacking", folder=Path(folder, language), names=", ".join(lacking)))


def _parts(say: Texts, config: Config, devices: Devices) -> Iterator[Line]:
    """The parts that an agent would use, looked at from outside."""
    yield _broker(say, config)
    yield _folder(say, Path(config.storage.folder))
    for port in config.serial:
        there = os.access(port.port, os.R_OK | os.W_OK)
        yield Line(there, say("check.port" if there else "check.no_port", port=port.port))
    if config.ble is not None:
        yield Line(None, say("check.radio", adapter=config.ble.adapter))
    elif not config.serial and not config.button:
        yield Line(False, say("check.no_radio"))
    if not system_clock_is_trusted():
        yield Line(None, say("check.clock"))


def _broker(say: Texts, config: Config) -> Line:
    where = f"{config.broker.host}:{config.broker.port}"
    try:
        socket.create_connection((config.broker.host, config.broker.port), CONNECT_S).close()
    except OSError as error:
        return Line(False, say("check.no_broker", where=where, detail=error.strerror or error))
    return Line(True, say("check.broker" if config.broker.tls else "check.open_broker", where=where))


def _folder(say: Texts, folder: Path) -> Line:
    at = folder
    while not at.exists() and at != at.parent:
        at = at.parent
    good = os.access(at, os.W_OK)
    return Line(good, say("check.folder" if good else "check.no_folder", folder=folder))


# what the agent says


def _agent(say: Texts, status: AgentStatus) -> Iterator[Line]:
    yield Line(True, say("check.running", version=status.state.firmware))
    yield Line(status.connected, say("check.connected" if status.connected else "check.not_connected"))
    if status.calls_waiting:
        yield Line(False, say("check.calls_waiting", count=status.calls_waiting))
    if status.state.cfg:
        yield Line(None, say("check.settings", version=status.state.cfg))
    for link, silent_s in status.state.hearing.items():
        yield Line(None, say("check.link", link=say.link(link), seconds=round(silent_s)))
    problems = [problem for problem in status.state.problems if problem.code not in _SAID_ELSEWHERE]
    # one part can fail in two loops of the agent
    yield from dict.fromkeys(Line(None if one.code in _MILD else False, _problem(say, one)) for one in problems)


def _problem(say: Texts, problem: Problem) -> str:
    key = f"problem.{problem.code}"
    if not say.has(key):
        return problem.detail or problem.code
    subject = f" ({problem.subject})" if problem.subject else ""
    return say(key, detail=problem.detail) + subject


def _device(
    say: Texts,
    device: EnrolledDevice,
    heard: Mapping[str, DeviceStatus] | None,
    ever: frozenset[str],
    status: AgentStatus | None,
) -> Line:
    name = say("check.device", device=device.id, room=_room(say, device), model=device.model)
    if heard is None:
        return Line(None, name + say("check.heard_before" if device.id in ever else "check.never_heard"))
    problems = status.state.problems if status else ()
    missing = any(one.code == ProblemCode.DEVICE_SILENT and one.subject == device.id for one in problems)
    known = heard.get(device.id)
    if known is None or known.heard_at is None:
        if CATALOGUE[device.model].silence_max_s == NEVER_MISSED:
            return Line(None, name + say("check.not_used"))
        silence = say.span(CATALOGUE[device.model].silence_max_s)
        return Line(False, name + say("check.not_heard", silence=silence))
    words = name + say("check.heard", ago=say.ago(time.monotonic() - known.heard_at)) + _signal(say, known)
    good = not missing and not _is_weak(known)
    return Line(good, words + (say("check.missing") if missing else ""))


def _room(say: Texts, device: EnrolledDevice) -> str:
    return device.room or say("check.no_room")


def _is_weak(known: DeviceStatus) -> bool:
    low = known.battery_percent is not None and known.battery_percent < BATTERY_LOW_PERCENT
    return low or (known.rssi_dbm is not None and known.rssi_dbm < WEAK_DBM)


def _signal(say: Texts, known: DeviceStatus) -> str:
    words = ""
    if known.rssi_dbm is not None:
        strength = "weak" if known.rssi_dbm < WEAK_DBM else "fair" if known.rssi_dbm < FAIR_DBM else "good"
        words += say(f"check.signal_{strength}", dbm=round(known.rssi_dbm))
    if known.battery_percent is not None:
        low = known.battery_percent < BATTERY_LOW_PERCENT
        words += say("check.battery_low" if low else "check.battery", percent=round(known.battery_percent))
    return words


def _print(say: Texts, lines: list[Line]) -> None:
    for good, sentence in lines:
        print(f"{_mark(say, good)} {sentence}", flush=True)


def _mark(say: Texts, good: bool | None) -> str:
    word = {True: "check.mark_good", False: "check.mark_wrong", None: "check.mark_note"}[good]
    return f"{say(word):<8}"
