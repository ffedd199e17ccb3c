"""Sends what waits in the outbox and takes in what the centre says: the rim around `edge.routes`."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.rejection import Rejection
from edge import uplink
from edge.clock import Clock
from edge.health import Health
from edge.outbox import StoredAlarm
from edge.outbox_thread import OutboxThread
from edge.routes import Route, Send, Waiting, WaitingAlarm, WaitUntil, What, next_to_send, resend_at
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import AlarmAnswer, HubState, Path, ProblemCode
from gateway.contract.topics import Channel, topic
from gateway.mqtt_client import MqttClient

log = logging.getLogger(__name__)

PROMPT_PACK_S: Final = 0.5
"""Motion and doors wait this long for company in a pack: with writing them down, about a second."""
ROUTINE_PACK_S: Final = 30.0
"""Other readings wait this long: a quiet home sends two packs a minute."""
WINDOW_FULL_S: Final = 0.5
STATE_EVERY_S: Final = 600.0
STATE_PAUSE_S: Final = 1.0
"""A fault that comes and goes does not make the hub talk without end."""
STEP_S: Final = 5.0


@dataclass(slots=True)
class _Unanswered:
    stored: StoredAlarm
    due_at: float
    sent_times: int = 0


class Dispatch:
    """The way out.

    Args:
        hub: our id.
        clock, outbox, health: of this hub.
        client: the connection to the broker.
        firmware: our version, for the state.
        on_answer: called with each answer about an alarm of ours, after it was stored.
    """

    def __init__(
        self,
        hub: str,
        clock: Clock,
        outbox: OutboxThread,
        health: Health,
        *,
        firmware: str,
        on_answer: Callable[[AlarmAnswer], None],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._outbox = outbox
        self._health = health
        self._firmware = firmware
        self._on_answer = on_answer
        self._client: MqttClient | None = None
        self._alarms: OrderedDict[str, _Unanswered] = OrderedDict()
        self._packs_to_resend: list[int] = []
        self._packs_in_flight: set[int] = set()
        self._packs_delivered: list[int] = []
        self._pack_due_at = math.inf
        self._state_due_at = 0.0
        self._state_sent_at = -math.inf
        self._wake = asyncio.Event()
        self.on_reached: Callable[[int], None] = lambda _version: None
        """Told of each state that the broker confirms, with the version of the settings in it."""

    async def load(self) -> list[StoredAlarm]:
        """Takes up what an earlier run left; gives the newest alarms, for the screen."""
        waiting = await self._outbox.call(lambda box: box.waiting_alarms())
        for stored in waiting:
            self._alarms[stored.alarm.ref] = _Unanswered(stored, due_at=0.0)
        self._packs_to_resend = await self._outbox.call(lambda box: box.unconfirmed_packs())
        backlog = await self._outbox.call(lambda box: box.backlog())
        if backlog.readings or self._packs_to_resend:
            self._pack_due_at = 0.0
        if waiting:
            log.info("%d alarms without receipt from before", len(waiting))
        return await self._outbox.call(lambda box: box.recent_alarms(8))

    def use(self, client: MqttClient) -> None:
        """The connection to send by."""
        self._client = client

    @property
    def waiting(self) -> int:
        """Alarms without a receipt and packs on their way."""
        return len(self._alarms) + len(self._packs_in_flight) + len(self._packs_to_resend)

    @property
    def has_alarms(self) -> bool:
        """Whether an alarm waits for its receipt."""
        return bool(self._alarms)

    @property
    def connected(self) -> bool:
        """Whether there is a way to the centre."""
        return self._client is not None and self._client.connected

    # what happened, told in the event loop

    def add_alarms(self, stored: list[StoredAlarm]) -> None:
        """New alarms, committed."""
        for item in stored:
            self._alarms[item.alarm.ref] = _Unanswered(item, due_at=0.0)
        if self._client is not None and not self._client.connected:
            self._client.hurry()
        self._wake.set()

    def readings_stored(self, prompt: bool) -> None:
        """New readings, committed."""
        delay = PROMPT_PACK_S if prompt else ROUTINE_PACK_S
        self._pack_due_at = min(self._pack_due_at, self._clock.monotonic + delay)
        self._wake.set()

    def connection_changed(self, up: bool) -> None:
        """The line came or went. When it comes, everything that waits is due."""
        if up:
            for waiting in self._alarms.values():
                waiting.due_at = 0.0
            self._state_due_at = 0.0
        self._wake.set()

    def state_changed(self) -> None:
        """The state of the hub should be told."""
        earliest = max(self._clock.monotonic, self._state_sent_at + STATE_PAUSE_S)
        self._state_due_at = min(self._state_due_at, earliest)
        self._wake.set()

    def take_delivered(self) -> list[int]:
        """Packs that the broker has; the caller deletes them."""
        delivered, self._packs_delivered = self._packs_delivered, []
        return delivered

    async def take_answer(self, ref: str, payload: bytes) -> None:
        """The centre's word on an alarm."""
        answer = decode(AlarmAnswer, payload)
        if isinstance(answer, Rejection) or answer.ref != ref:
            self._health.refused["bad_answer"] += 1
            log.warning("alarm %s: an answer that cannot be read", ref)
            return
        known = await self._outbox.call(lambda box: box.answer(answer))
        if not known and ref not in self._alarms:
            # the home may still know it, when the disk failed after the receipt
            self._health.refused["unknown_ref"] += 1
        if answer.snu == 0:
            self._alarms.pop(ref, None)
            self._health.fault(f"alarm {ref}", "")
        elif ref in self._alarms:
            sentence = f"the centre does not take alarm {ref}: status {answer.snu}"
            self._health.fault(f"alarm {ref}", sentence, ProblemCode.ALARM_REFUSED, ref)
            self.state_changed()
        log.info("alarm %s: status %d, %s", ref, answer.snu, answer.stage.value)
        self._on_answer(answer)

    # sending

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Sends until cancelled."""
        while True:
            on_progress()
            self._wake.clear()
            routes = [Route(Path.BROADBAND, up=self.connected)]
            match next_to_send(self._waiting(), routes, self._clock.monotonic):
                case Send(What.ALARM, ref=ref):
                    if not self._send_alarm(ref):
                        await self._sleep_until(self._clock.monotonic + WINDOW_FULL_S)
                case Send(What.STATE):
                    self._send_state()
                case Send(What.PACK):
                    await self._send_pack()
                case WaitUntil(at):
                    await self._sleep_until(at)

    def _waiting(self) -> Waiting:
        return Waiting(
            tuple(WaitingAlarm(ref, waiting.due_at) for ref, waiting in self._alarms.items()),
            self._state_due_at,
            self._pack_due_at,
            len(self._packs_in_flight),
        )

    async def _sleep_until(self, at: float) -> None:
        try:
            async with asyncio.timeout(max(min(at - self._clock.monotonic, STEP_S), 0.0)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _send_alarm(self, ref: str) -> bool:
        """False when the line takes nothing now."""
        waiting = self._alarms[ref]
        now = self._clock.now()
        # set beforehand, so that an alarm which cannot be written does not hold up those behind it
        waiting.due_at = resend_at(waiting.sent_times + 1, now.monotonic, random.random())
        if not self._publish(Channel.ALARM, encode(uplink.for_sending(waiting.stored, now))):
            waiting.due_at = now.monotonic
            return False
        waiting.sent_times += 1
        log.info("alarm %s sent, time %d", ref, waiting.sent_times)
        return True

    def _send_state(self) -> None:
        now = self._clock.now()
        state: HubState = self._health.state(now, self.waiting, self._firmware)
        loop = asyncio.get_running_loop()

        def on_done(done: bool) -> None:
            if done:
                loop.call_soon_threadsafe(self.on_reached, state.cfg)

        sent = self._publish(Channel.STATE, encode(state), retain=True, on_done=on_done)
        self._state_sent_at = now.monotonic
        self._state_due_at = now.monotonic + (STATE_EVERY_S if sent else WINDOW_FULL_S)

    async def _send_pack(self) -> None:
        now = self._clock.now()
        if self._packs_to_resend:
            sequence = self._packs_to_resend.pop(0)
            pack = await self._outbox.call(lambda box: box.pack(sequence))
        else:
            pack = await self._outbox.call(lambda box: box.next_pack(now.boot))
            if pack is None:
                self._pack_due_at = math.inf
                return
        if pack is None:
            return
        if not pack.readings:
            self._packs_delivered.append(pack.sequence)
            return
        epoch = await self._outbox.call(lambda box: box.epoch)
        self._packs_in_flight.add(pack.sequence)
        loop = asyncio.get_running_loop()

        def on_done(done: bool) -> None:
            loop.call_soon_threadsafe(self._pack_done, pack.sequence, done)

        payload = uplink.encode_pack(self._hub, epoch, pack, self._clock.now())
        if not self._publish(Channel.MEASUREMENTS, payload, on_done=on_done):
            self._pack_done(pack.sequence, done=False)
            self._pack_due_at = now.monotonic + WINDOW_FULL_S

    def _pack_done(self, sequence: int, done: bool) -> None:
        self._packs_in_flight.discard(sequence)
        if done:
            self._packs_delivered.append(sequence)
        else:
            self._packs_to_resend.append(sequence)
            self._pack_due_at = min(self._pack_due_at, self._clock.monotonic)
        self._wake.set()

    def _publish(
        self, channel: Channel, payload: bytes, *, retain: bool = False, on_done: Callable[[bool], None] | None = None
    ) -> bool:
        if self._client is None:
            return False
        return self._client.publish(topic(self._hub, channel), payload, retain=retain, on_done=on_done)
