"""Tells the centre that presses were a mistake. The presses themselves go their way, whatever is said of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from edge.clock import Clock
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.encoding import encode
from gateway.contract.messages import Alarm, MessageType
from gateway.contract.topics import Channel, topic

AGAIN_S: Final = 1.0
"""What the line does not take, or the centre cannot know yet, is tried again after so long."""
OVER_S: Final = 3_600.0
"""A word that could not be said for so long is of no use: somebody has looked since, or looks when the press comes."""

log = logging.getLogger(__name__)


class TakingBack:
    """Sends withdrawals, each when the centre has the press that it is about.

    They are in memory only: one that is lost with the power leaves a call that somebody answers.

    Args:
        hub: our id.
        clock: dates them.
        is_waiting: whether the press of that ref still waits for the centre's receipt.
        publish: sends, and says on the network's thread whether the broker has it; false when the line took nothing.
    """

    def __init__(
        self,
        hub: str,
        clock: Clock,
        is_waiting: Callable[[str], bool],
        publish: Callable[[str, bytes, Callable[[bool], None]], bool],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._is_waiting = is_waiting
        self._publish = publish

    def take_back(self, refs: Iterable[str]) -> None:
        """These presses were a mistake."""
        stamp = self._clock.now()
        dty, stc = SCAIP_CODES[AlarmKind.HELP]
        for ref in refs:
            log.info("alarm %s was a mistake, they say at home", ref)
            alarm = Alarm(ref, dty, max(stamp.wall, 0.0), stc, MessageType.WITHDRAWN, trusted=stamp.trusted)
            self._send(alarm, stamp.monotonic + OVER_S)

    def _send(self, alarm: Alarm, until: float) -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            if self._clock.monotonic < until:
                self._send(alarm, until)

        def on_done(done: bool) -> None:
            if not done:
                loop.call_soon_threadsafe(loop.call_later, AGAIN_S, again)

        if self._is_waiting(alarm.ref) or not self._publish(topic(self._hub, Channel.ALARM), encode(alarm), on_done):
            loop.call_later(AGAIN_S, again)
