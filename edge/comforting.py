"""The word of comfort that the centre asks for, and whether the home has really said it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from edge.clock import Clock
from edge.home.presence import Presence
from edge.home.voice import REASSURED
from gateway.contract.messages import Command, CommandOutcome

SAID_WITHIN_S: Final = 30.0
"""A page that has a voice and has not spoken by then has not been let."""


class Comforting:
    """Answers "reassure": said aloud, only shown, or neither.

    Args:
        presence: what the home says.
        clock: the hub's.
        tell: sends an outcome, surely.
    """

    def __init__(self, presence: Presence, clock: Clock, tell: Callable[[CommandOutcome], None]) -> None:
        self._presence = presence
        self._clock = clock
        self._tell = tell
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        presence.on_said = self._said

    def comfort(self, command: Command) -> None:
        """Says it; the outcome follows when it was said, or cannot be any more."""
        if command.id in self._waiting:
            return
        self._presence.reassured()
        within_s = SAID_WITHIN_S if self._is_shown() else 0.0
        self._waiting[command.id] = asyncio.get_running_loop().call_later(within_s, self._not_said, command.id)

    def _said(self, phrase: str) -> None:
        while phrase == REASSURED and self._waiting:
            name, waiting = self._waiting.popitem()
            waiting.cancel()
            self._tell(self._outcome(name, "done", "said"))

    def _not_said(self, name: str) -> None:
        del self._waiting[name]
        self._tell(self._outcome(name, "done", "shown") if self._is_shown() else self._outcome(name, "failed", ""))

    def _is_shown(self) -> bool:
        return self._presence.is_seen and self._presence.scene().reassured

    def _outcome(self, name: str, outcome: str, answer: str) -> CommandOutcome:
        return CommandOutcome(name, max(self._clock.now().wall, 0.0), outcome, answer=answer)
