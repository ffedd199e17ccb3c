"""Holds what the home may say and wakes whoever shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from edge.clock import Clock
from edge.home import stages
from edge.home.question import About, Answer
from edge.home.stages import Home, OpenAlarm, Scene, SceneName
from edge.outbox import StoredAlarm
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, AlarmAnswer, Stage

ANSWER_AGE_MAX_S: Final = 3_600.0
"""Two clocks may differ; an answer is never taken for older than this."""


class Presence:
    """The home's present scene. Used in the event loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._home = Home()
        self._changed = asyncio.Event()
        self._askers = 0
        self._voices = 0
        self._mute_since: float | None = clock.monotonic
        self._mistake_s = 0.0
        self.called = ""
        """The name by which the home speaks to whoever lives there, "" for none."""
        self.on_mistake: Callable[[tuple[str, ...]], None] = lambda _refs: None
        """Told which presses somebody has called a mistake."""
        self.on_answer: Callable[[str, Answer], None] = lambda _question, _answer: None
        self.on_askers: Callable[[int, int], None] = lambda _askers, _voices: None
        """Told how many things are there, such as screens, that can put a question, and how many have a voice."""
        self.on_said: Callable[[str], None] = lambda _phrase: None
        """Told which phrase was said aloud to its end (`edge.home.voice`)."""

    def live_by(self, called: str, mistake_s: float) -> None:
        """What was settled with whoever lives there: their name, and for how long a press may be called a mistake."""
        self.called, self._mistake_s = called, mistake_s
        self._tell()

    def scene(self) -> Scene:
        """What is to be shown now."""
        return stages.scene(self._home, self._clock.monotonic)

    async def wait(self, at_most_s: float) -> None:
        """Until something may have changed, or so long."""
        now = self._clock.monotonic
        by_itself = stages.changes_at(self._home, now) - now
        try:
            async with asyncio.timeout(max(min(at_most_s, by_itself), 0.0)):
                await self._changed.wait()
        except TimeoutError:
            pass

    def restore(self, alarms: list[StoredAlarm]) -> None:
        """After a restart: the calls that are still open."""
        now = self._clock.now()
        for stored in alarms:
            if stored.answer is not None and stored.answer.stage is Stage.CLOSED:
                continue
            same_boot = stored.stamp.boot == now.boot
            age = now.monotonic - stored.stamp.monotonic if same_boot else now.wall - stored.stamp.wall
            alarm = OpenAlarm(stored.alarm.ref, _kind(stored.alarm), now.monotonic - max(age, 0.0))
            self._home = stages.restored(self._home, alarm)
            if stored.answer is not None:
                # without the right time nobody knows how much of the promised minutes is left
                known = stored.answer if now.trusted else msgspec.structs.replace(stored.answer, eta_minutes=None)
                self.answered(known)
        self._tell()

    def heard(self, stored: StoredAlarm) -> None:
        """An alarm has been committed."""
        kind, now = _kind(stored.alarm), self._clock.monotonic
        self._home = stages.heard(self._home, stored.alarm.ref, kind, now, self._mistake_s)
        self._tell()

    def answered(self, answer: AlarmAnswer) -> None:
        """The centre has spoken; a word that was long on its way counts from when it was said."""
        now = self._clock.now()
        age = min(max(now.wall - answer.at, 0.0), ANSWER_AGE_MAX_S) if now.trusted else 0.0
        self._home = stages.answered(self._home, answer, now.monotonic - age)
        self._tell()

    def reassured(self) -> None:
        """The centre asks to comfort whoever waits for an answer."""
        self._home = stages.reassured(self._home)
        self._tell()

    def messaged(self, ref: str, contacts: tuple[str, ...]) -> None:
        """The telephone network took an SMS about the call; see `stages.messaged`."""
        self._home = stages.messaged(self._home, ref, self._clock.monotonic, contacts)
        self._tell()

    def not_messaged(self, ref: str, left: tuple[str, ...] | None) -> None:
        """The network has given up an SMS about the call; see `stages.not_messaged`."""
        self._home = stages.not_messaged(self._home, ref, left)
        self._tell()

    def renamed(self, ref: str, new_ref: str) -> None:
        """A call goes on under another reference."""
        self._home = stages.renamed(self._home, ref, new_ref)
        self._tell()

    def second_path(self, ready: bool) -> None:
        """The modem can take an SMS, or no longer."""
        self._home = stages.second_path(self._home, ready=ready)
        self._tell()

    def line(self, connected: bool) -> None:
        """The line to the centre has come or gone."""
        self._home = stages.line(self._home, connected=connected)
        self._tell()

    @contextmanager
    def attached(self, *, speaks: bool = False) -> Iterator[None]:
        """Around the time that something, such as a screen, can put a question to the person and take the answer.

        Args:
            speaks: it has a voice, too.
        """
        self._askers += 1
        self._add_voices(int(speaks))
        self.on_askers(self._askers, self._voices)
        try:
            yield
        finally:
            self._askers -= 1
            self._add_voices(-int(speaks))
            self.on_askers(self._askers, self._voices)

    def _add_voices(self, more: int) -> None:
        self._voices += more
        if self._voices:
            self._mute_since = None
        elif self._mute_since is None:
            self._mute_since = self._clock.monotonic

    @property
    def is_seen(self) -> bool:
        """Whether something is there that shows the home's words."""
        return self._askers > 0

    @property
    def mute_s(self) -> float:
        """For how long nothing has been there that could say a word aloud; 0 while something is."""
        return 0.0 if self._mute_since is None else self._clock.monotonic - self._mute_since

    @property
    def can_ask(self) -> bool:
        """Whether a question would be put to the person now: by something that is there, and shows no call."""
        free = {SceneName.IDLE, SceneName.CLOSED, SceneName.GLAD}
        return self._askers > 0 and self.scene().name in free

    def asked(self, question: str, about: About, since: float, until: float) -> None:
        """A question is open, between these moments of the monotonic clock."""
        self._home = stages.asked(self._home, question, about, since, until)
        self._tell()

    def not_asked(self, *, is_well: bool) -> None:
        """The question is over."""
        self._home = stages.not_asked(self._home, self._clock.monotonic, is_well=is_well)
        self._tell()

    def answer(self, question: str, answer: Answer) -> bool:
        """Somebody in the home answers, by whichever means; false when that is not asked, or no longer offered."""
        if answer is Answer.MISTAKE:
            return self._mistaken(question)
        if self._home.question is None or self._home.question.id != question:
            return False
        self.on_answer(question, answer)
        return True

    def _mistaken(self, ref: str) -> bool:
        now = self._clock.monotonic
        refs = stages.mistakes(self._home, ref, now) if self.scene().mistake else ()
        if refs:
            self._home = stages.mistaken(self._home, refs, now)
            self.on_mistake(refs)
            self._tell()
        return bool(refs)

    def wake(self) -> None:
        """Wakes everybody who waits."""
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _kind(alarm: Alarm) -> AlarmKind:
    return kind_of(alarm.dty, alarm.stc)
