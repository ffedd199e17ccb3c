"""Sends what waits in the outbox and takes in what the centre says: the rim around `edge.routes`."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable
from typing import Final

from devices.rejection import Rejection
from edge import uplink
from edge.calls import Calls, Unanswered, plainest
from edge.clock import Clock
from edge.health import Health
from edge.outbox import StoredAlarm
from edge.outbox_thread import OutboxThread
from edge.routes import Route, Send, Waiting, WaitingAlarm, WaitUntil, What, next_to_send, resend_at
from edge.sms_path import SmsPath
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Alarm, AlarmAnswer, HubState, Path, ProblemCode
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
REFUSED_AGAIN_S: Final = 300.0
"""An alarm that the centre refuses in its plainest form is offered again this often: it may be mended there."""
COPY_AGAIN_S: Final = 600.0
"""What the centre knows by SMS alone is offered in full when the line is back, and again until that has an answer."""
COPY_AFTER_S: Final = 20.0
"""An answer over a line that is slow and not gone makes it needless."""
_MESSAGE_FAULTS: Final = frozenset({2, 3})
"""SCAIP status numbers of a message that would be refused again: format, content."""


class Dispatch:
    """The way out.

    Args:
        hub: our id.
        clock, outbox, health: of this hub.
        client: the connection to the broker.
        firmware: our version, for the state.
        sms: the second path, where there is one.
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
        sms: SmsPath | None = None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._outbox = outbox
        self._health = health
        self._firmware = firmware
        self._on_answer = on_answer
        self._client: MqttClient | None = None
        self._sms = sms
        self._down_since: float | None = clock.monotonic
        self._calls = Calls()
        self._in_short: dict[str, Unanswered] = {}
        self._has_fresh_readings = False
        self._packs_to_resend: list[int] = []
        self._packs_in_flight: set[int] = set()
        self._packs_delivered: list[int] = []
        self._pack_due_at = math.inf
        self._state_due_at = 0.0
        self._state_sent_at = -math.inf
        self._wake = asyncio.Event()
        self.on_reached: Callable[[int], None] = lambda _version: None
        """Told of each state that the broker confirms, with the version of the settings in it."""
        self.on_renamed: Callable[[str, str], None] = lambda _ref, _new_ref: None
        """Told when a call goes on under another ref."""
        if sms is not None:
            sms.on_change = self._wake.set

    async def load(self) -> list[StoredAlarm]:
        """Takes up what an earlier run left; gives the newest alarms, for the screen."""
        waiting = await self._outbox.call(lambda box: box.waiting_alarms())
        for stored in waiting:
            self._calls.restore(stored, self._clock.now())
        if self._sms is not None:
            await self._sms.load([stored.alarm.ref for stored in waiting])
        for stored in await self._outbox.call(lambda box: box.alarms_told_in_short()):
            self._in_short[stored.alarm.ref] = Unanswered(stored, 0.0, 0.0, 0.0)
        self._packs_to_resend = await self._outbox.call(lambda box: box.unconfirmed_packs())
        backlog = await self._outbox.call(lambda box: box.backlog())
        self._has_fresh_readings = backlog.readings > 0
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
        return len(self._calls) + len(self._packs_in_flight) + len(self._packs_to_resend)

    @property
    def calls_waiting(self) -> int:
        """Alarms without a receipt."""
        return len(self._calls)

    @property
    def has_alarms(self) -> bool:
        """Whether an alarm waits for its receipt."""
        return len(self._calls) > 0

    def is_waiting(self, ref: str) -> bool:
        """Whether the alarm of that ref waits for its receipt."""
        return ref in self._calls

    @property
    def connected(self) -> bool:
        """Whether there is a line to the centre."""
        return self._client is not None and self._client.connected

    @property
    def path(self) -> Path:
        """The way by which a call would reach the centre now."""
        if self.connected:
            return Path.BROADBAND
        return Path.SMS if self._sms is not None and self._sms.reaches_centre else Path.NONE

    # what happened, told in the event loop

    def add_alarms(self, stored: list[StoredAlarm]) -> None:
        """New alarms, committed."""
        for item in stored:
            self._calls.add(item, self._clock.monotonic)
        if self._client is not None and not self._client.connected:
            self._client.hurry()
        if self._sms is not None:
            self._sms.hurry()
        self._wake.set()

    def joins(self, alarm: Alarm) -> bool:
        """Whether a new alarm is counted with one that waits, see `Calls.joins`."""
        return self._calls.joins(alarm, self._clock.monotonic)

    def readings_stored(self, prompt: bool) -> None:
        """New readings, committed."""
        self._has_fresh_readings = True
        delay = PROMPT_PACK_S if prompt else ROUTINE_PACK_S
        self._pack_due_at = min(self._pack_due_at, self._clock.monotonic + delay)
        self._wake.set()

    def connection_changed(self, up: bool) -> None:
        """The line came or went. When it comes, everything that waits is due."""
        if up:
            self._down_since = None
            for waiting in (*self._calls, *self._in_short.values()):
                waiting.due_at = 0.0
            self._state_due_at = 0.0
        elif self._down_since is None:
            self._down_since = self._clock.monotonic
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
        await self._take(answer)

    async def _take(self, answer: AlarmAnswer, *, by_sms: bool = False) -> None:
        """An authentic word of the centre, by whatever way it came."""
        ref = answer.ref
        known = await self._outbox.call(lambda box: box.answer(answer, by_sms=by_sms))
        if not known and ref not in self._calls:
            # the home may still know it, when the disk failed after the receipt
            self._health.refused["unknown_ref"] += 1
        if answer.snu == 0:
            if ref in self._calls and not self._calls[ref].is_plainest:
                self._health.fault("refused alarm", "")
            if not by_sms:
                self._in_short.pop(ref, None)
            elif ref in self._calls:
                self._in_short[ref] = self._calls[ref]
                self._in_short[ref].due_at = self._clock.monotonic + COPY_AFTER_S
            self._calls.done(ref, self._clock.monotonic)
            self._health.fault(f"alarm {ref}", "")
            if self._sms is not None:
                self._sms.answered(ref)
        elif ref in self._calls:
            sentence = f"the centre does not take alarm {ref}: status {answer.snu}"
            self._health.fault(f"alarm {ref}", sentence, ProblemCode.ALARM_REFUSED, ref)
            if answer.snu in _MESSAGE_FAULTS:
                await self._simplify(ref)
            self.state_changed()
        log.info("alarm %s: status %d, %s", ref, answer.snu, answer.stage.value)
        self._on_answer(answer)

    async def _simplify(self, ref: str) -> None:
        """The centre will never take this alarm as it is: the plainest one takes its place."""
        call = self._calls[ref]
        if call.is_plainest:
            call.due_at = self._clock.monotonic + REFUSED_AGAIN_S
            return
        plain = plainest(call.stored.alarm)
        stored = await self._outbox.call(lambda box: box.replace(ref, plain))
        if stored is None or ref not in self._calls:
            return
        self._calls.replace(ref, stored)
        log.warning("alarm %s goes on as the plainer alarm %s", ref, stored.alarm.ref)
        self._health.fault(f"alarm {ref}", "")
        sentence = f"the centre refused alarm {ref}; it goes on in plainer form as {stored.alarm.ref}"
        self._health.fault("refused alarm", sentence, ProblemCode.ALARM_REFUSED, stored.alarm.ref)
        self.on_renamed(ref, stored.alarm.ref)
        self._wake.set()

    # sending

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Sends until cancelled."""
        while True:
            on_progress()
            self._wake.clear()
            sms_at = await self._second_path()
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
                    await self._sleep_until(min(at, sms_at))

    async def _second_path(self) -> float:
        """The second path's turn; a fault in it must not hold up the first."""
        part = "second path"
        try:
            at = await self._use_second_path()
        except Exception as error:
            sentence = f"{part}: {type(error).__name__}: {error}"
            if self._health.fault(part, sentence, ProblemCode.LOOP_CRASHED, part):
                log.exception("the second path crashed; calls go by broadband meanwhile")
                self.state_changed()
            return self._clock.monotonic + STEP_S
        if self._health.fault(part, ""):
            self.state_changed()
        return at

    async def _use_second_path(self) -> float:
        """Takes in what came by SMS and sends what is due; when to look again."""
        if self._sms is None:
            return math.inf
        while self._sms.answers:
            await self._take(self._sms.answers.popleft(), by_sms=True)
        alarms = {call.stored.alarm.ref: call.for_sending for call in self._calls}
        return self._sms.step(alarms, self._calls.to_write(), self._calls.answered_lately(), self._down_since)

    def _waiting(self) -> Waiting:
        return Waiting(
            tuple(
                WaitingAlarm(call.stored.alarm.ref, call.due_at) for call in (*self._calls, *self._in_short.values())
            ),
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
        is_waiting = ref in self._calls
        waiting = self._calls[ref] if is_waiting else self._in_short[ref]
        now = self._clock.now()
        # set beforehand, so that an alarm which cannot be written does not hold up those behind it
        again_at = resend_at(waiting.sent_times + 1, now.monotonic, random.random())
        waiting.due_at = again_at if is_waiting else now.monotonic + COPY_AGAIN_S
        if not self._publish(Channel.ALARM, encode(uplink.for_sending(waiting.for_sending, now))):
            waiting.due_at = now.monotonic
            return False
        waiting.sent_times += 1
        log.info("alarm %s sent, time %d", ref, waiting.sent_times)
        return True

    def _send_state(self) -> None:
        now = self._clock.now()
        if self._sms is not None:
            self._health.modem = self._sms.state
        state: HubState = self._health.state(now, self.waiting, self._firmware, self.path)
        loop = asyncio.get_running_loop()

        def on_done(done: bool) -> None:
            if done:
                loop.call_soon_threadsafe(self.on_reached, state.cfg)

        sent = self._publish(Channel.STATE, encode(state), retain=True, on_done=on_done)
        self._state_sent_at = now.monotonic
        self._state_due_at = now.monotonic + (STATE_EVERY_S if sent else WINDOW_FULL_S)

    async def _send_pack(self) -> None:
        now = self._clock.now()
        if self._packs_to_resend and not self._has_fresh_readings:
            sequence = self._packs_to_resend.pop(0)
            pack = await self._outbox.call(lambda box: box.pack(sequence))
        else:
            # what was just measured goes before what an outage left
            self._has_fresh_readings = False
            pack = await self._outbox.call(lambda box: box.next_pack(now.boot))
            if pack is None:
                self._pack_due_at = self._pack_due_at if self._packs_to_resend else math.inf
                return
        if pack is None:
            return
        if not pack.readings:
            self._packs_delivered.append(pack.sequence)
            return
        epoch = await self._outbox.call(lambda box: box.epoch)
        payload = uplink.encode_pack(self._hub, epoch, pack, self._clock.now())
        self._packs_in_flight.add(pack.sequence)
        loop = asyncio.get_running_loop()

        def on_done(done: bool) -> None:
            loop.call_soon_threadsafe(self._pack_done, pack.sequence, done)

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
