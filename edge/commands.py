"""What the centre asks of the hub: each command is carried out once, never after it expired, and answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devices.rejection import Rejection
from edge.clock import Clock
from edge.health import Health
from edge.home.presence import Presence
from edge.intake import Intake
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import Command, CommandOutcome
from gateway.contract.topics import Channel, topic

COMMANDS_REMEMBERED: Final = 64
"""Commands that are recognised when the broker delivers them twice."""


class Commands:
    """Takes commands.

    Args:
        hub: this hub's id.
        clock: says what has expired.
        intake: raises the alarm of a test.
        presence: what the home says.
        health: counts what cannot be read.
        publish: sends the outcome; false when the line took nothing.
    """

    def __init__(
        self,
        hub: str,
        clock: Clock,
        intake: Intake,
        presence: Presence,
        health: Health,
        publish: Callable[[str, bytes], bool],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._intake = intake
        self._presence = presence
        self._health = health
        self._publish = publish
        self._done: dict[str, CommandOutcome] = {}

    async def take(self, payload: bytes) -> bool:
        """Carries a command out once and answers; false when the answer could not be sent."""
        command = decode(Command, payload)
        if isinstance(command, Rejection):
            self._health.refused["bad_command"] += 1
            return True
        outcome = self._done.get(command.id) or await self._carry_out(command)
        self._done[command.id] = outcome
        while len(self._done) > COMMANDS_REMEMBERED:
            self._done.pop(next(iter(self._done)))
        return self._publish(topic(self._hub, Channel.COMMAND_OUTCOME, command.id), encode(outcome))

    async def _carry_out(self, command: Command) -> CommandOutcome:
        now = self._clock.now().wall
        if command.expires <= now:
            return CommandOutcome(command.id, now, "expired")
        match command.verb:
            case "test":
                await self._intake.raise_drill(command.text)
                return CommandOutcome(command.id, now, "done")
            case "reassure":
                self._presence.reassured()
                return CommandOutcome(command.id, now, "done")
            case _:
                return CommandOutcome(command.id, now, "unsupported", f"this hub does not know '{command.verb}'")
