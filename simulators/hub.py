"""A simulated hub: keeps the contract of the wire as a real one does, with nothing behind it but a simulated home."""

from __future__ import annotations

import asyncio
import contextlib
import random
import string
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from devices.vocabulary import Reading
from gateway.contract import encoding, senml, topics
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, AlarmAnswer, Heartbeat, HubState
from gateway.contract.topics import Channel
from simulators import mqtt_wire

RESEND_S: Final = 10.0
"""An alarm is sent again this often until the centre's receipt."""
HEARTBEAT_S: Final = 60.0
FLUSH_S: Final = 5.0
KEPT_MAX: Final = 50_000
"""Readings kept while there is no line; the oldest go first."""
_PACK: Final = 100
_BACKOFF_MAX_S: Final = 20.0
_WINDOW: Final = 20
_REF_LETTERS: Final = string.ascii_letters + string.digits


@dataclass
class HubLog:
    """What a hub has counted, for whoever looks at it."""

    sent: int = 0
    acknowledged: int = 0
    connects: int = 0
    answers: dict[str, list[AlarmAnswer]] = field(default_factory=dict)


class SimulatedHub:
    """One hub on one connection. `run` keeps it connected until cancelled."""

    def __init__(
        self,
        hub: str,
        password: str,
        *,
        port: int,
        host: str = "127.0.0.1",
        seed: int = 0,
        on_answer: Callable[[str, AlarmAnswer], None] | None = None,
    ) -> None:
        """`on_answer` is called with the hub's id and each word of the centre about an alarm."""
        self.id = hub
        self.log = HubLog()
        self._login = (password, host, port)
        self._on_answer = on_answer
        self._dice = random.Random(f"{hub}-{seed}-{time.time_ns()}")
        self.epoch = "".join(self._dice.choices(string.ascii_lowercase + string.digits, k=8))
        self._sequence = 0
        self._alarm_sequence = 0
        self._started = time.monotonic()
        self._readings: deque[Reading] = deque(maxlen=KEPT_MAX)
        self._packs: deque[bytes] = deque()
        self._in_flight: dict[int, bytes] = {}
        self._identifier = 0
        self._unanswered: dict[str, Alarm] = {}
        self._link: mqtt_wire.MqttProtocol | None = None
        self._ready = False
        self._lost = asyncio.Event()

    @property
    def online(self) -> bool:
        """Whether the broker has taken the hub in."""
        return self._ready

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Alarms without the centre's receipt."""
        return tuple(self._unanswered)

    @property
    def backlog(self) -> int:
        """Readings and packs that the broker has not confirmed yet."""
        return len(self._readings) + len(self._packs) + len(self._in_flight)

    def say(self, reading: Reading) -> None:
        """Keeps a reading for the next pack."""
        self._readings.append(reading)

    def alarm(self, kind: AlarmKind, *, device: str = "", place: str = "", text: str = "") -> str:
        """Raises an alarm, sent at once and again until the receipt; returns its reference."""
        ref = "".join(self._dice.choices(_REF_LETTERS, k=16))
        dty, stc = SCAIP_CODES[kind]
        self._alarm_sequence += 1
        alarm = Alarm(
            ref=ref,
            dty=dty,
            stc=stc,
            tim=time.time(),
            seq=self._alarm_sequence,
            ep=self.epoch,
            did=device,
            lte=place,
            text=text,
        )
        self._unanswered[ref] = alarm
        self._send_alarm(alarm)
        return ref

    async def run(self) -> None:
        """Connects, and connects again, for ever."""
        try:
            await self._keep_connected()
        finally:
            self.vanish()

    async def _keep_connected(self) -> None:
        pause_s = 0.5
        while True:
            self._lost.clear()
            with contextlib.suppress(OSError, TimeoutError):
                await self._connect()
                pause_s = 0.5
                async with asyncio.TaskGroup() as group:
                    works = [group.create_task(work) for work in (self._beat(), self._resend(), self._flush())]
                    await self._lost.wait()
                    for work in works:
                        work.cancel()
            self._ready = False
            self.vanish()
            await asyncio.sleep(pause_s * self._dice.uniform(0.7, 1.3))
            pause_s = min(pause_s * 2, _BACKOFF_MAX_S)

    def vanish(self) -> None:
        """Drops the line without a word, so that the broker publishes the last will."""
        if self._link is not None:
            self._link.abort()

    async def _connect(self) -> None:
        password, host, port = self._login
        loop = asyncio.get_running_loop()
        accepted: asyncio.Future[None] = loop.create_future()

        def on_packet(first: int, body: bytes) -> None:
            if first >> 4 == mqtt_wire.CONNACK and not accepted.done():
                if body[1]:
                    accepted.set_exception(PermissionError(f"the broker refuses {self.id}: code {body[1]}"))
                else:
                    accepted.set_result(None)
            else:
                self._on_packet(first, body)

        def on_lost() -> None:
            self._ready = False
            self._lost.set()
            if not accepted.done():
                accepted.set_exception(ConnectionResetError("hung up"))

        _, self._link = await loop.create_connection(lambda: mqtt_wire.MqttProtocol(on_packet, on_lost), host, port)
        gone = encoding.encode(HubState(online=False))
        will = mqtt_wire.Will(topics.topic(self.id, Channel.STATE), gone, True)
        self._link.write(mqtt_wire.connect(self.id, self.id, password, will=will))
        async with asyncio.timeout(10):
            await accepted
        self.log.connects += 1
        self._greet()

    def _greet(self) -> None:
        assert self._link is not None
        mine = f"{topics.ROOT}/{topics.shard_of(self.id)}/{self.id}"
        filters = [f"{mine}/{Channel.ALARM_ANSWER.value}/+", f"{mine}/{Channel.COMMAND.value}/+"]
        self._link.write(mqtt_wire.subscribe(self._next_identifier(), filters))
        self._packs.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._ready = True
        state = HubState(online=True, at=time.time(), boot=self.epoch, firmware="simulated", mains=True)
        self._publish(Channel.STATE, encoding.encode(state), retain=True)
        for alarm in self._unanswered.values():
            self._send_alarm(alarm)

    def _on_packet(self, first: int, body: bytes) -> None:
        match first >> 4:
            case mqtt_wire.PUBACK:
                if self._in_flight.pop(int.from_bytes(body[:2], "big"), None) is not None:
                    self._send_packs()
                self.log.acknowledged += 1
            case mqtt_wire.PUBLISH:
                told = mqtt_wire.read_published(first, body)
                if told.identifier and self._link is not None:
                    self._link.write(mqtt_wire.puback(told.identifier))
                self._take(told)
            case _:
                pass

    def _take(self, told: mqtt_wire.Published) -> None:
        address = topics.read_topic(told.topic)
        if address is None or address.channel is not Channel.ALARM_ANSWER:
            return
        answer = encoding.decode(AlarmAnswer, told.payload)
        if not isinstance(answer, AlarmAnswer):
            return
        if answer.snu == 0:
            self._unanswered.pop(answer.ref, None)
        self.log.answers.setdefault(answer.ref, []).append(answer)
        if self._on_answer is not None:
            self._on_answer(self.id, answer)

    async def _beat(self) -> None:
        while True:
            beat = Heartbeat(at=time.time(), uptime_s=time.monotonic() - self._started, waiting=len(self._packs))
            self._publish(Channel.HEARTBEAT, encoding.encode(beat))
            await asyncio.sleep(HEARTBEAT_S / 2)
            if self._link is not None:
                self._link.write(mqtt_wire.PINGREQ)
            await asyncio.sleep(HEARTBEAT_S / 2)

    async def _resend(self) -> None:
        while True:
            await asyncio.sleep(RESEND_S)
            for alarm in self._unanswered.values():
                self._send_alarm(alarm)

    async def _flush(self) -> None:
        while True:
            while self._readings:
                pack = [self._readings.popleft() for _ in range(min(_PACK, len(self._readings)))]
                self._sequence += 1
                self._packs.append(senml.encode_measurements(self.id, pack, sequence=self._sequence, epoch=self.epoch))
            self._send_packs()
            await asyncio.sleep(FLUSH_S)

    def _send_packs(self) -> None:
        while self._packs and self._ready and len(self._in_flight) < _WINDOW:
            pack = self._packs.popleft()
            self._publish(Channel.MEASUREMENTS, pack, kept=pack)

    def _send_alarm(self, alarm: Alarm) -> None:
        current = msgspec.structs.replace(alarm, age=max(round(time.time() - alarm.tim, 3), 0.0))
        self._publish(Channel.ALARM, encoding.encode(current))

    def _publish(self, channel: Channel, payload: bytes, *, retain: bool = False, kept: bytes | None = None) -> None:
        if not self._ready or self._link is None:
            return
        identifier = self._next_identifier()
        if kept is not None:
            self._in_flight[identifier] = kept
        self.log.sent += 1
        self._link.write(mqtt_wire.publish(identifier, topics.topic(self.id, channel), payload, retain=retain))

    def _next_identifier(self) -> int:
        self._identifier = self._identifier % 0xFFFF + 1
        return self._identifier
