"""Many hubs in one process: a street of lived-in homes, or a load of measurements at a given rate.

python -m simulators.fleet --load 2000 --hubs 200 --seconds 30 --port 1883 --passwords hubs.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway.contract.messages import AlarmAnswer
from gateway.contract.topics import Channel, topic
from simulators import mqtt_wire
from simulators.clock import PacedClock
from simulators.home import Home
from simulators.hub import SimulatedHub
from simulators.person import Person, Room, day_of, someone

PACE_S: Final = 0.01
"""A load is offered in steps of this length."""
WINDOW: Final = 200
"""Messages on their way per connection; more wait, and are counted as behind."""
LAST_WAIT_S: Final = 10.0
"""The last acknowledgements are waited for this long."""
_CONNECTS_AT_ONCE: Final = 50
_SETTLED_S: Final = 600.0


class Street:
    """Lived-in homes with a hub each, all on one clock."""

    def __init__(self, passwords: Mapping[str, str], *, port: int, seed: int = 0, speed: float = 1.0) -> None:
        """`passwords`: hub id -> password; the homes are seeded by their place in it."""
        self.clock = PacedClock(time.time(), speed)
        self.hubs: dict[str, SimulatedHub] = {}
        self.homes: dict[str, Home] = {}
        self.answers: list[tuple[str, AlarmAnswer]] = []
        for number, (hub_id, password) in enumerate(passwords.items(), start=1):
            hub = SimulatedHub(hub_id, password, port=port, seed=seed, on_answer=self._note)
            self.hubs[hub_id] = hub
            self.homes[hub_id] = Home(hub_id, someone(seed * 10_000 + number), self.clock, hub.say)

    @property
    def online(self) -> int:
        """How many hubs the broker has taken in."""
        return sum(hub.online for hub in self.hubs.values())

    async def run(self) -> None:
        """Lives until cancelled."""
        for home in self.homes.values():
            home.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.clock.follow())
            for number, hub in enumerate(self.hubs.values()):
                group.create_task(_later(number * 0.02, hub))

    def _note(self, hub: str, answer: AlarmAnswer) -> None:
        self.answers.append((hub, answer))


async def _later(delay_s: float, hub: SimulatedHub) -> None:
    await asyncio.sleep(delay_s)
    await hub.run()


def past_readings(hub: SimulatedHub, home: Home, hours: float, until_at: float, still_h: float = 0.0) -> float:
    """Lets a home live `hours` up to `until_at` at once: its hub back-fills them, as after an outage of the line.

    Args:
        hub: what sends them.
        home: whose person and sensors live them.
        hours: how long.
        until_at: Unix seconds.
        still_h: for at least so many hours before the end nobody moves: the person fell where they were, at home.

    Returns:
        Since when nobody moves, Unix seconds; `until_at` where `still_h` is 0.
    """
    clock = PacedClock(until_at - hours * 3600)
    life = Home(home.id, home.person, clock, hub.say, home.sensors)
    life.start()
    still_from = _at_home_before(home.person, until_at - still_h * 3600) if still_h else until_at
    clock.advance_to(still_from)
    if still_h:
        life.stop_moving()
    clock.advance_to(until_at)
    return still_from


def _at_home_before(person: Person, at: float) -> float:
    """The latest moment up to `at` at which the person had been in one of their rooms for ten minutes."""
    zone = ZoneInfo(person.timezone)
    today = datetime.fromtimestamp(at, zone).date()
    stays = [*day_of(person, today - timedelta(days=1)), *day_of(person, today)]
    for stay in reversed(stays):
        moment = min(at, stay.end_at - 1)
        if stay.room not in (Room.OUT, Room.HALL) and moment - stay.begin_at > _SETTLED_S:
            return moment
    return at


@dataclass
class LoadResult:
    """What became of a load: messages offered, put on the wire, acknowledged; acknowledgement times in seconds."""

    offered: int = 0
    sent: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    waits_s: list[float] = field(default_factory=list)

    def share(self, fraction: float) -> float:
        """The acknowledgement time that `fraction` of the messages did not exceed; 0 when there were none."""
        ordered = sorted(self.waits_s)
        return ordered[min(int(len(ordered) * fraction), len(ordered) - 1)] if ordered else 0.0


class _LoadConnection:
    """One connection that publishes for one or more hubs, within its window."""

    def __init__(self, hubs: Sequence[str], result: LoadResult, epoch: str) -> None:
        self._result = result
        self._topics = [topic(hub, Channel.MEASUREMENTS) for hub in hubs]
        self._heads = [f'[{{"bn":"urn:dev:hub:{hub}:","bt":'.encode() for hub in hubs]
        self._tail = f',"ep":"{epoch}","n":"hall-motion/motion","vb":true}}]'.encode()
        self._turn = 0
        self._identifier = 0
        self._sent_at: dict[int, float] = {}
        self._sequence = [0] * len(hubs)
        self.owed = 0
        self.accepted = asyncio.Event()
        self.refused = False
        self.protocol = mqtt_wire.MqttProtocol(self._on_packet, self._on_lost)

    def pay(self) -> None:
        """Sends what is owed, as far as the window allows."""
        packets = []
        while self.owed and len(self._sent_at) < WINDOW:
            self.owed -= 1
            packets.append(self._message())
        if packets:
            self._result.sent += len(packets)
            self.protocol.write(b"".join(packets))

    @property
    def outstanding(self) -> int:
        """Messages not yet acknowledged or not yet sent."""
        return len(self._sent_at) + self.owed

    def _message(self) -> bytes:
        place = self._turn
        self._turn = (place + 1) % len(self._topics)
        self._sequence[place] += 1
        self._identifier = self._identifier % 0xFFFF + 1
        self._sent_at[self._identifier] = time.perf_counter()
        stamp = b'%.3f,"seq":%d' % (time.time(), self._sequence[place])
        return mqtt_wire.publish(self._identifier, self._topics[place], self._heads[place] + stamp + self._tail)

    def _on_packet(self, first: int, body: bytes) -> None:
        match first >> 4:
            case mqtt_wire.PUBACK:
                sent_at = self._sent_at.pop(int.from_bytes(body[:2], "big"), None)
                if sent_at is not None:
                    self._result.acknowledged += 1
                    self._result.waits_s.append(time.perf_counter() - sent_at)
                self.pay()
            case mqtt_wire.CONNACK:
                self.refused = bool(body[1])
                self.accepted.set()
            case _:
                pass

    def _on_lost(self) -> None:
        self.refused = self.refused or not self.accepted.is_set()
        self.accepted.set()


@dataclass(frozen=True, slots=True)
class Load:
    """What to offer: `rate` messages a second for `seconds`, by `hubs`, as the users given.

    With `user` set, the messages of all hubs go over `connections` connections of that one user (for brokers without
    an access list); else each hub has its own, as in the field.
    """

    rate: float
    seconds: float
    passwords: Mapping[str, str]
    host: str = "127.0.0.1"
    port: int = 1883
    user: str = ""
    user_password: str = ""
    connections: int = 4


async def offer(load: Load) -> LoadResult:
    """Offers a load and waits up to `LAST_WAIT_S` for the last acknowledgements.

    Raises:
        ConnectionError: the broker refused a connection.
    """
    result = LoadResult()
    connections = await _connections(load, result)
    begin = time.perf_counter()
    turn = 0
    while (elapsed := time.perf_counter() - begin) < load.seconds:
        due = int(load.rate * elapsed) - result.offered
        result.offered += due
        for _ in range(due):
            connections[turn].owed += 1
            turn = (turn + 1) % len(connections)
        for connection in connections:
            connection.pay()
        await asyncio.sleep(PACE_S)
    for _ in range(int(LAST_WAIT_S / PACE_S)):
        if not any(connection.outstanding for connection in connections):
            break
        await asyncio.sleep(PACE_S)
    result.seconds = time.perf_counter() - begin
    for connection in connections:
        connection.protocol.write(mqtt_wire.DISCONNECT)
        if connection.protocol.transport is not None:
            connection.protocol.transport.close()
    return result


async def _connections(load: Load, result: LoadResult) -> list[_LoadConnection]:
    hubs = list(load.passwords)
    epoch = f"load{int(time.time())}"
    if load.user:
        logins = [(f"{load.user}-{n}", load.user, load.user_password) for n in range(load.connections)]
        shares = [hubs[n :: load.connections] or hubs[:1] for n in range(load.connections)]
    else:
        logins = [(hub, hub, password) for hub, password in load.passwords.items()]
        shares = [[hub] for hub in hubs]
    made = [_LoadConnection(share, result, epoch) for share in shares]
    gate = asyncio.Semaphore(_CONNECTS_AT_ONCE)
    loop = asyncio.get_running_loop()

    async def open_one(connection: _LoadConnection, login: tuple[str, str, str]) -> None:
        async with gate:
            await loop.create_connection(lambda: connection.protocol, load.host, load.port)
            connection.protocol.write(mqtt_wire.connect(*login, clean=True))
            async with asyncio.timeout(20):
                await connection.accepted.wait()
            if connection.refused:
                raise ConnectionError(f"the broker refuses {login[1]}: is its password right?")

    try:
        await asyncio.gather(*(open_one(connection, login) for connection, login in zip(made, logins, strict=True)))
    except BaseException:
        for connection in made:
            connection.protocol.abort()
        raise
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulators.fleet", description=__doc__)
    parser.add_argument("--load", type=float, metavar="RATE", required=True, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--hubs", type=int, default=100, help="how many of the hubs in the password file to use")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--passwords", type=Path, help="JSON: hub id -> password")
    parser.add_argument("--user", default="", help="send for all hubs as this one user")
    parser.add_argument("--user-password", default="")
    parser.add_argument("--connections", type=int, default=4, help="with --user: how many connections")
    given = parser.parse_args(arguments)
    if given.passwords is None:
        passwords = {f"load-{number}": "" for number in range(given.hubs)}
    else:
        passwords = dict(list(json.loads(given.passwords.read_text(encoding="utf-8")).items())[: given.hubs])
    load = Load(
        given.load,
        given.seconds,
        passwords,
        given.host,
        given.port,
        given.user,
        given.user_password,
        given.connections,
    )
    try:
        result = asyncio.run(offer(load))
    except OSError as error:
        print(f"Cannot offer the load to {given.host}:{given.port}: {error}", file=sys.stderr)
        return 1
    print(
        json.dumps(
            {
                "offered": result.offered,
                "sent": result.sent,
                "acknowledged": result.acknowledged,
                "seconds": round(result.seconds, 2),
                "ack_ms_p50": round(result.share(0.5) * 1000, 2),
                "ack_ms_p99": round(result.share(0.99) * 1000, 2),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
