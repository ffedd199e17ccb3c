"""What the centre asks of the hub: each command is carried out once, never after it expired, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from devices.rejection import Rejection
from edge.asking import Asking
from edge.clock import Clock
from edge.comforting import Comforting
from edge.health import Health
from edge.home.presence import Presence
from edge.intake import Intake
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import CHECK_IN_MAX_S, Command, CommandOutcome
from gateway.contract.topics import Channel, topic

COMMANDS_REMEMBERED: Final = 64
"""Commands that are recognised when the broker delivers them twice."""
COMFORTED_TOLD_S: Final = 600.0
"""So long whether the home was comforted is offered to the line: later nobody is still waiting to know."""
UNSENT_AGAIN_S: Final = 1.0
"""What became of a question is offered to the line again after so long."""

OnDone = Callable[[bool], None]


class Commands:
    """Takes commands.

    Args:
        hub: this hub's id.
        clock: says what has expired.
        intake: raises the alarm of a test, and asks in its turn.
        asking: puts the centre's question, and says what became of it.
        presence: what the home says.
        health: counts what cannot be read.
        publish: sends the outcome, and says on the network's thread whether the broker has it; false when the line took
            nothing.
    """

    def __init__(
        self,
        hub: str,
        clock: Clock,
        intake: Intake,
        asking: Asking,
        presence: Presence,
        health: Health,
        publish: Callable[[str, bytes, OnDone | None], bool],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._intake = intake
        self._asking = asking
        asking.on_check_in = self._asked
        self._health = health
        self._publish = publish
        self._done: dict[str, CommandOutcome] = {}
        self._comforting = Comforting(presence, clock, self._comforted)

    async def take(self, payload: bytes) -> bool:
        """Carries a command out once and answers; false when the answer could not be sent."""
        command = decode(Command, payload)
        if isinstance(command, Rejection):
            self._health.refused["bad_command"] += 1
            return True
        outcome = self._done.get(command.id) or await self._carry_out(command)
        return outcome is None or self._tell(outcome)

    def _tell(self, outcome: CommandOutcome, on_done: OnDone | None = None) -> bool:
        self._done.pop(outcome.id, None)
        self._done[outcome.id] = outcome
        while len(self._done) > COMMANDS_REMEMBERED:
            self._done.pop(next(iter(self._done)))
        return self._publish(topic(self._hub, Channel.COMMAND_OUTCOME, outcome.id), encode(outcome), on_done)

    def _asked(self, name: str, outcome: str, answer: str) -> None:
        """How a question of the centre's stands."""
        until = self._clock.monotonic + CHECK_IN_MAX_S
        self._tell_surely(CommandOutcome(name, max(self._clock.now().wall, 0.0), outcome, answer=answer), until)

    def _comforted(self, outcome: CommandOutcome) -> None:
        self._tell_surely(outcome, self._clock.monotonic + COMFORTED_TOLD_S)

    def _tell_surely(self, outcome: CommandOutcome, until: float) -> None:
        """Until the broker has it, or there is a later word; the centre calls people where it hears nothing."""
        loop = asyncio.get_running_loop()

        def again() -> None:
            if self._done.get(outcome.id) == outcome and self._clock.monotonic < until:
                self._tell_surely(outcome, until)

        def on_done(done: bool) -> None:
            if not done:
                loop.call_soon_threadsafe(loop.call_later, UNSENT_AGAIN_S, again)

        if not self._tell(outcome, on_done):
            loop.call_later(UNSENT_AGAIN_S, again)

    async def _carry_out(self, command: Command) -> CommandOutcome | None:
        """Its outcome; None for one that is told later."""
        now = self._clock.now().wall
        if command.expires <= now:
            return CommandOutcome(command.id, now, "expired")
        match command.verb:
            case "test":
                await self._intake.raise_drill(command.text)
                return CommandOutcome(command.id, now, "done")
            case "reassure":
                self._comforting.comfort(command)
                return None
            case "check_in":
                self._intake.follow(lambda: self._asking.check_in(command.id, command.wait_s))
                return None
            case "check_in_over":
                self._intake.follow(lambda: self._asking.seen_about(command.text))
                return CommandOutcome(command.id, now, "done")
            case _:
                return CommandOutcome(command.id, now, "unsupported", f"this hub does not know '{command.verb}'")
