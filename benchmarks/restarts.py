"""Whether kills and restarts change what is found: a month of homes, once undisturbed and once killed again and again.

Persons live, collapse and go away, sensors die, hubs lose their power or their line; packs come twice, late and in
disorder. And a city: all hubs live on while the receiver is down for hours; no living one may be called silent.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from benchmarks.figures import Figure, Outcome, Row, Scale, Table, Target
from benchmarks.virtual_month import (
    MINUTE_S,
    Centre,
    Kill,
    Message,
    VirtualBroker,
    VirtualTime,
    changes,
    some_kills,
)
from central.detection.finding import Finding
from central.storage.homes import DeviceAtHome, EnrolledHome
from devices.vocabulary import Reading
from gateway.contract import encoding, senml
from gateway.contract.messages import Heartbeat, HubState
from gateway.contract.topics import Channel, shard_of, topic
from simulators.clock import VirtualClock
from simulators.home import STANDARD_SENSORS, Home
from simulators.person import someone

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
ZONE: Final = "Europe/Madrid"
BEGIN_AT: Final = datetime(2026, 3, 2, tzinfo=ZoneInfo(ZONE)).timestamp()
BEAT_S: Final = 120.0
SILENCE_MAX_S: Final = 3 * HOUR_S
TWICE: Final = 0.05
LATE: Final = 0.05
"""Shares of packs that come twice or some minutes late, behind those after them."""
DEAD_OF_CITY: Final = 5


class Trouble(NamedTuple):
    """Something goes wrong in a home for a time."""

    what: str
    begin_at: float
    end_at: float

    def holds(self, at: float) -> bool:
        """Whether it is so at that time."""
        return self.begin_at <= at < self.end_at


@dataclass
class _Hub:
    """Gathers what a home says, and sends it as a hub does."""

    home: Home
    dice: random.Random
    troubles: Sequence[Trouble]
    sent: list[Message] = field(default_factory=list)
    _said: list[Reading] = field(default_factory=list)
    _heard_at: dict[str, float] = field(default_factory=dict)
    _sequence: int = 0
    _online: bool = False

    def hear(self, reading: Reading) -> None:
        """A sensor spoke; without power nobody listens."""
        if not self._is("power cut", reading.measured_at):
            self._said.append(reading)
            self._heard_at[reading.device] = reading.measured_at

    def _is(self, what: str, at: float) -> bool:
        return any(trouble.what == what and trouble.holds(at) for trouble in self.troubles)

    def beat(self, at: float) -> None:
        """Every two minutes: what is due, as far as there is power and a line."""
        self.home.person_still = self._is("collapse", at) or self._is("absence", at)
        for trouble in self.troubles:
            if trouble.what in {sensor.id for sensor in self.home.sensors}:
                (self.home.silent.add if trouble.holds(at) else self.home.silent.discard)(trouble.what)
        online = not self._is("power cut", at) and not self._is("line cut", at)
        if online != self._online:
            self._send(Channel.STATE, encoding.encode(HubState(online=online, at=at)), at)
            self._online = online
        if not online:
            return
        heard = {device: at - heard_at for device, heard_at in self._heard_at.items()}
        self._send(Channel.HEARTBEAT, encoding.encode(Heartbeat(at=at, uptime_s=at - BEGIN_AT, heard=heard)), at)
        said, self._said = self._said[::-1], []
        for first in range(0, len(said), 100):
            self._sequence += 1
            pack = senml.encode_measurements(
                self.home.id, said[first : first + 100], sequence=self._sequence, epoch="first"
            )
            self._send(Channel.MEASUREMENTS, pack, at + (self._later() if self.dice.random() < LATE else 0.0))
            if self.dice.random() < TWICE:
                self._send(Channel.MEASUREMENTS, pack, at + self._later())

    def _later(self) -> float:
        return MINUTE_S * self.dice.randint(1, 5)

    def _send(self, channel: Channel, payload: bytes, at: float) -> None:
        self.sent.append(Message(at, topic(self.home.id, channel), payload))


def enrolled(name: str) -> EnrolledHome:
    """A home with the standard sensors, under the id of its hub."""
    devices = [DeviceAtHome(sensor.id, "bthome", str(sensor.room), SILENCE_MAX_S) for sensor in STANDARD_SENSORS]
    return EnrolledHome(name, name, shard_of(name), ZONE, "ca", {}, devices, BEGIN_AT)


def some_troubles(days: int, dice: random.Random) -> list[Trouble]:
    """What goes wrong in a month of one home, each well apart from the others, and long enough to be found."""
    kinds = [
        ("collapse", 16, 22),
        ("front-door", 5, 40),
        ("kitchen-motion", 5, 40),
        ("power cut", 1, 6),
        ("line cut", 1, 6),
        ("absence", 40, 80),
        ("collapse", 16, 22),
    ]
    dice.shuffle(kinds)
    found, at = [], BEGIN_AT + dice.uniform(0.5, 2) * DAY_S
    for what, shortest_h, longest_h in kinds:
        end_at = at + dice.uniform(shortest_h, longest_h) * HOUR_S
        if end_at > BEGIN_AT + (days - 0.5) * DAY_S:
            break
        found.append(Trouble(what, at, end_at))
        at = end_at + dice.uniform(0.6, days / 10) * DAY_S
    return found


def month(names: Sequence[str], days: int, seed: int) -> list[Message]:
    """All that the hubs of these homes send, in the order in which it arrives."""
    sent: list[Message] = []
    for number, name in enumerate(names):
        dice = random.Random(f"month-{seed}-{name}")
        clock = VirtualClock(BEGIN_AT)
        home = Home(name, someone(seed * 100 + number), clock, lambda _reading: None)
        hub = _Hub(home, dice, some_troubles(days, dice))
        home.say = hub.hear
        home.start()
        for trouble in hub.troubles:
            if trouble.what == "absence":
                clock.at(trouble.begin_at, lambda home=home: home.fire_astray(STANDARD_SENSORS[0], 5, 7 * HOUR_S))  # type: ignore[misc]
        for beat in range(1, int(days * DAY_S / BEAT_S)):
            at = BEGIN_AT + beat * BEAT_S
            clock.advance_to(at)
            hub.beat(at)
        sent += hub.sent
    return sorted(sent, key=lambda message: message.at)


Told = list[tuple[float, Finding]]


class Lived(NamedTuple):
    """What the desk heard, how often the receiver was killed, and from when to when it could judge nothing for that."""

    told: Told
    kills: int
    blind: list[tuple[float, float]]


def live(folder: Path, names: Sequence[str], messages: Sequence[Message], kills: Sequence[Kill]) -> Lived:
    """The month through a centre."""
    broker, clock = VirtualBroker(messages), VirtualTime(BEGIN_AT)
    centre = Centre(folder, [enrolled(name) for name in names], broker, clock)
    centre.live(messages[-1].at, kills)
    centre.close()
    return Lived(broker.told, centre.kills, centre.blind)


class Difference(NamedTuple):
    """What kills changed, by key: not found any more, found besides, begun or ended more than once, left open. `over`
    is no fault: what began and ended before the killed receiver could judge again."""

    lost: list[str]
    besides: list[str]
    repeated: list[str]
    unended: list[str]
    over: list[str]

    @property
    def total(self) -> int:
        """How many faults in all."""
        return sum(map(len, self)) - len(self.over)


def difference(undisturbed: Told, killed: Told, blind: Sequence[tuple[float, float]]) -> Difference:
    """Compares what the desk heard of the same month, while the killed receiver was blind at these times."""
    ours, theirs = changes(undisturbed), changes(killed)
    missing = ours.keys() - theirs.keys()
    ended = {key: (ours[key][0][0], ours[key][-1][0]) for key in missing if not ours[key][-1][1]}
    over = {
        key
        for key, (begun_at, ended_at) in ended.items()
        for since, until in blind
        if since <= begun_at and ended_at <= until
    }
    return Difference(
        sorted(missing - over),
        sorted(theirs.keys() - ours.keys()),
        sorted(key for key, words in theirs.items() if len(words) > 2),
        sorted(key for key in ours.keys() & theirs.keys() if ours[key][-1][1] != theirs[key][-1][1]),
        sorted(over),
    )


def city(folder: Path, count: int, down_s: float, *, kept: bool) -> tuple[list[str], int]:
    """All hubs beat; the receiver is killed for hours, and a few hubs die meanwhile.

    Args:
        kept: whether the broker keeps what comes meanwhile, or loses it.

    Returns:
        The homes that were found silent, and how often the desk was told of one for the first time.
    """
    names = [f"h-{number:05d}" for number in range(count)]
    before_s, after_s = 1_200.0, 3_000.0
    end_at = BEGIN_AT + before_s + down_s + after_s
    messages = []
    for number, name in enumerate(names):
        dies_at = BEGIN_AT + before_s + 60 if number < DEAD_OF_CITY else end_at
        at = BEGIN_AT + number % 30
        while at < dies_at:
            down = BEGIN_AT + before_s <= at < BEGIN_AT + before_s + down_s
            if kept or not down:
                payload = encoding.encode(Heartbeat(at=at, uptime_s=1.0))
                messages.append(Message(at, topic(name, Channel.HEARTBEAT), payload))
            at += BEAT_S
    messages.sort(key=lambda message: message.at)
    broker, clock = VirtualBroker(messages), VirtualTime(BEGIN_AT)
    homes = [enrolled(name)._replace(devices=[]) for name in names]
    centre = Centre(folder, homes, broker, clock)
    centre.live(BEGIN_AT + before_s)
    centre.restart(down_s)
    centre.live(end_at)
    centre.close()
    begun = [key for key, words in changes(broker.told).items() for _, active in words if active]
    return sorted({finding.home for _, finding in broker.told}), len(begun)


def memory_folder() -> Path | None:
    """Where files cost no disk: a month is 20,000 batches, and no power is cut in it."""
    path = Path("/dev/shm")
    return path if path.is_dir() else None


def run(scale: Scale) -> Outcome:
    """Several months, each with its own kills, and a city."""
    rows, differences = [], 0
    days, names = scale.choose(31, 4), [f"h-{number}" for number in range(scale.choose(4, 1))]
    for seed in range(scale.choose(4, 1)):
        row, changed = _month_row(seed, names, days, scale.choose(60, 6))
        rows.append(row)
        differences += changed
    outcome = Outcome(
        title="kill and restart at any instant of a simulated month",
        tables=[Table(f"{len(names)} homes, {days} days, all detectors", list(rows[0].cells), rows)],
        targets=[Target("findings lost, doubled, or left open by kills", 0.0, float(differences))],
        notes=[
            "A kill: at a random call of the receiver's own functions, every second one where something is said.",
            "The broker stands in memory; store, habits and findings are the receiver's own files.",
            "Over meanwhile: true for minutes only, and no longer when the receiver could judge again. It is not told.",
        ],
    )
    _city_rows(scale.choose(2_000, 50), outcome)
    return outcome


def _month_row(seed: int, names: Sequence[str], days: int, count: int) -> tuple[Row, int]:
    messages = month(names, days, seed)
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        started = time.process_time()
        undisturbed = live(Path(folder) / "undisturbed", names, messages, ()).told
        plain_s = time.process_time() - started
        kills = some_kills(undisturbed, BEGIN_AT, messages[-1].at, count, seed)
        started = time.process_time()
        killed, times, blind = live(Path(folder) / "killed", names, messages, kills)
        killed_s = time.process_time() - started
    found = difference(undisturbed, killed, blind)
    cells: dict[str, Figure | str] = {
        "messages": f"{len(messages):,}",
        "findings": str(len(changes(undisturbed))),
        "kills": str(times),
        "lost": str(len(found.lost)),
        "besides": str(len(found.besides)),
        "repeated": str(len(found.repeated)),
        "left open": str(len(found.unended)),
        "over meanwhile": str(len(found.over)),
        "CPU s, undisturbed": Figure([plain_s]),
        "CPU s, killed": Figure([killed_s]),
    }
    return Row(f"seed {seed}", cells), found.total


def _city_rows(count: int, outcome: Outcome) -> None:
    rows, wrong = [], 0
    for kept in (True, False):
        with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
            found, begun = city(Path(folder) / "city", count, 3 * HOUR_S, kept=kept)
        # each dead hub has two stages
        wrong += abs(len(found) - DEAD_OF_CITY) + abs(begun - 2 * DEAD_OF_CITY)
        cells: dict[str, Figure | str] = {"found silent": str(len(found)), "findings": str(begun)}
        rows.append(Row(f"the broker {'keeps' if kept else 'loses'} three hours", cells))
    caption = f"{count:,} hubs, {DEAD_OF_CITY} die while the receiver is down"
    outcome.tables.append(Table(caption, list(rows[0].cells), rows))
    outcome.targets.append(Target("living hubs called silent, or dead ones not", 0.0, float(wrong)))
