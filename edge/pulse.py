"""The loops that look at the hub itself: tell news in the state, send the heartbeat, feed systemd's watchdog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.clock import Clock
from edge.dispatch import Dispatch
from edge.health import STUCK_AFTER_S, STUCK_ON_DISK_S, Health, TellFault, notify_systemd
from edge.hearing_note import save_note
from edge.outbox import Outbox
from edge.outbox_thread import OutboxThread
from gateway.contract.encoding import encode
from gateway.contract.messages import ProblemCode
from gateway.contract.topics import Channel, topic
from gateway.mqtt_client import MqttClient

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 60.0
LOOK_EVERY_S: Final = 2.0
"""How often the hub looks at its own health."""
NOTE_EVERY_S: Final = 3600.0
"""How often what was learned of hearing is written down: an SD card does not last for ever."""
MUTE_AFTER_S: Final = 120.0
"""A page that comes up after a power cut, and a voice that it has to load, take less."""
FLOOD_PER_S: Final = 200.0
"""Refused frames a second, or ten times as many adverts: no home sends so many, so somebody or something jams."""
FLOOD_TOLD_S: Final = 600.0


class Pulse:
    """Looks after the hub.

    Args:
        hub: our id.
        clock, health, outbox, dispatch: of this hub.
        folder: where the note on hearing is kept.
        line: the present connection to the broker.
        tell_fault: takes what is wrong with a part.
        mute_s: for how long the home's screen has had no voice.
    """

    def __init__(
        self,
        hub: str,
        clock: Clock,
        health: Health,
        outbox: OutboxThread,
        dispatch: Dispatch,
        *,
        folder: Path,
        line: Callable[[], MqttClient],
        tell_fault: TellFault,
        mute_s: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._health = health
        self._outbox = outbox
        self._dispatch = dispatch
        self._folder = folder
        self._line = line
        self._tell_fault = tell_fault
        self._mute_s = mute_s
        self._news: object = None
        self._heartbeat_at = 0.0
        self._note_at = clock.monotonic + NOTE_EVERY_S
        self._pruned: int | None = None
        self._was_stuck = False
        self._counted, self._counted_at = 0.0, clock.monotonic
        self._flooded_at: float | None = None

    async def run(self, on_progress: Callable[[], None]) -> None:
        """Looks and feeds the watchdog until cancelled; waits for nobody."""
        while True:
            on_progress()
            self._look()
            self._feed_watchdog()
            await asyncio.sleep(LOOK_EVERY_S)

    async def beat(self, on_progress: Callable[[], None]) -> None:
        """Sends heartbeats until cancelled."""
        while True:
            on_progress()
            await self._beat()
            # progress of this loop is proof that the disk answers
            await self._outbox.call(lambda box: box.durable)
            await asyncio.sleep(LOOK_EVERY_S)

    async def save_note(self, *, restarting: bool = False) -> bool:
        """Writes down what is known of hearing; false when the disk does not take it."""
        note = self._health.hearing.note(self._clock.monotonic, restarting=restarting)
        return note is None or await asyncio.to_thread(save_note, self._folder, note)

    def _look(self) -> None:
        now = self._clock.monotonic
        self._health.hearing.look(now)
        self._look_for_floods(now)
        trust_changed = self._clock.look_again()
        untrusted = "" if self._clock.now().trusted else "the clock is not synchronised; alarms carry their age"
        self._health.fault("clock", untrusted, ProblemCode.CLOCK_UNTRUSTED)
        mute = "screen: no page on this hub can speak" if self._mute_s() > MUTE_AFTER_S else ""
        self._health.fault("voice", mute, ProblemCode.VOICE_MISSING)
        news = self._health.news(now)
        if trust_changed or news != self._news:
            self._news = news
            self._dispatch.state_changed()

    def _look_for_floods(self, now: float) -> None:
        # an advert of a stranger costs a tenth of one that is read and refused
        counted = self._health.refused.total() + self._health.hearing.adverts / 10
        rate = (counted - self._counted) / max(now - self._counted_at, LOOK_EVERY_S)
        self._counted, self._counted_at = counted, now
        if rate > FLOOD_PER_S:
            self._flooded_at = now
        flooded = self._flooded_at is not None and now - self._flooded_at < FLOOD_TOLD_S
        self._health.fault("flood", "flooded with frames that are not ours" if flooded else "", ProblemCode.FLOODED)

    async def _beat(self) -> None:
        now = self._clock.now()
        if self._pruned is None:
            self._pruned = await self._outbox.call(Outbox.readings_pruned)
        if now.monotonic >= self._note_at:
            self._note_at = now.monotonic + NOTE_EVERY_S
            await self.save_note()
        if now.monotonic < self._heartbeat_at or not self._line().connected:
            return
        heartbeat = encode(self._health.heartbeat(now, self._dispatch.waiting))
        self._line().publish(topic(self._hub, Channel.HEARTBEAT), heartbeat)
        self._heartbeat_at = now.monotonic + HEARTBEAT_S
        before, self._pruned = self._pruned, await self._outbox.call(Outbox.readings_pruned)
        full = "outbox: full; the oldest readings are dropped" if self._pruned > before else ""
        self._tell_fault("room", full, ProblemCode.OUTBOX_FULL)

    def _feed_watchdog(self) -> None:
        patience_s = STUCK_ON_DISK_S if self._outbox.is_slow else STUCK_AFTER_S
        stuck = self._health.stuck(self._clock.monotonic, patience_s) + ([] if self._line().alive else ["line"])
        if not stuck:
            notify_systemd("WATCHDOG=1")
        elif not self._was_stuck:
            log.critical("stuck: %s", ", ".join(stuck))
        self._was_stuck = bool(stuck)
