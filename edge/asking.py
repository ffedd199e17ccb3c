"""Puts questions to whoever is in the home, after a suspected fall or when the centre asks whether all is well, and
holds what is asked until it is answered."""

from __future__ import annotations

import logging
import math
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from devices.enrolment import EnrolledDevice
from devices.frames import Link
from devices.vocabulary import Reading
from edge import uplink
from edge.clock import Clock, Stamp
from edge.home import question
from edge.home.presence import Presence
from edge.home.question import About, Alarms, Answer, Dialogue, Outcome, Question, Step
from edge.home.wording import phrases
from edge.outbox_thread import OutboxThread
from edge.question_note import NowAsked

log = logging.getLogger(__name__)

_ANSWERED: Final = {None: "fine", Outcome.HELP_WANTED: "help"}
ENDED_KEPT: Final = 32
"""Questions remembered as ended, so that one that an outbox still has after a fault is not raised again."""


class Asking:
    """The dialogue of this hub.

    Each method that returns a `Step` changes nothing: `settle` does, once it is stored.

    Args:
        clock: says when.
        outbox: keeps the open question; while that is no disk, nobody is asked.
        presence: puts it to the person.
        language: the home's.
        ask_s: how long the answer is waited for.
        fine_buttons: addresses of wired buttons that answer "I am fine" and call nobody.

    `on_check_in` is told how a question of the centre's stands: its id, "asking", "done" or "failed", and the answer
    ("fine", "help" or "none") of one that is done.
    """

    def __init__(
        self,
        clock: Clock,
        outbox: OutboxThread,
        presence: Presence,
        language: Callable[[], str],
        *,
        ask_s: float = question.ASK_S,
        fine_buttons: Iterable[str] = (),
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._presence = presence
        self._language = language
        self._ask_s = ask_s
        self._fine_buttons = frozenset(fine_buttons)
        self._dialogue = Dialogue()
        self._ended: deque[str] = deque(maxlen=ENDED_KEPT)
        self.on_check_in: Callable[[str, str, str], None] = lambda _id, _outcome, _answer: None

    async def load(self) -> None:
        """Takes up a question that is on the disk and that this run knows nothing of: from before a restart."""
        found = await self._outbox.call(lambda box: box.question.read())
        if found is None or self._dialogue.question is not None:
            return
        if found.id in self._ended:
            await self._keep(None)
            return
        log.warning("question %s was open when the agent stopped", found.id)
        if found.is_blow:
            found = msgspec.structs.replace(found, stamp=self._clock.now(), is_blow=False)
            await self._keep(found)
        self._show(Dialogue(found))

    async def felt(self, device: EnrolledDevice | None) -> None:
        """Keeps on disk that somebody felt a hard blow, as long as nobody knows what it was; None: it is known."""
        if self._dialogue.question is not None or not self._outbox.durable:
            return
        if device is None:
            await self._keep(None)
            return
        stamp = self._clock.now()
        suspected = Reading(device.id, "fall", "suspected", stamp.wall)
        ((alarm, _),) = uplink.declare([suspected], device, stamp, uplink.Memory())
        text = phrases(self._language())["asking"]["cut_short"]
        blow = Question(secrets.token_hex(8), msgspec.structs.replace(alarm, text=text), stamp, is_blow=True)
        # of another run's interest only
        self._ended.append(blow.id)
        await self._keep(blow)

    @property
    def due_at(self) -> float:
        """When the open question becomes an alarm, by the monotonic clock; inf for none."""
        if self._dialogue.question is not None and not self._outbox.durable:
            # a power cut would take it with it
            return -math.inf
        return question.due_at(self._dialogue, self._clock.now().boot, self._ask_s)

    def is_fine_button(self, device: EnrolledDevice) -> bool:
        """Whether a press of it is the answer "I am fine", and not a call."""
        return device.link is Link.BUTTON and device.address in self._fine_buttons

    def heard(self, declared: Alarms, readings: Sequence[Reading], stamp: Stamp) -> Step:
        """See `question.heard`."""
        can_ask = self._presence.can_ask and self._outbox.durable
        new_id = secrets.token_hex(8)
        return self._worded(question.heard(self._dialogue, declared, readings, stamp, can_ask=can_ask, new_id=new_id))

    def check_in(self, name: str, wait_s: float) -> Step:
        """The centre has it asked, under that id, whether all is well."""
        can_ask = self._presence.can_ask and self._outbox.durable
        step = question.asked(self._dialogue, name, wait_s, self._clock.now(), can_ask=can_ask)
        open_ = step.dialogue.question
        if open_ is None or open_.id != name:
            self.on_check_in(name, "failed", "")
        return step

    def seen_about(self, name: str) -> Step:
        """See `question.seen_about`."""
        return question.seen_about(self._dialogue, name)

    def answered(self, answer: Answer, to: str | None = None) -> Step:
        """An answer to the question of that id, or to the open one."""
        open_ = self._dialogue.question
        if to is None:
            to = open_.id if open_ is not None else ""
        return self._worded(question.answered(self._dialogue, to, answer, self._clock.now()))

    def overdue(self) -> Step:
        """Nobody has answered in time."""
        return self._worded(question.overdue(self._dialogue, self._clock.now()))

    def change(self, step: Step) -> NowAsked | None:
        """What must be stored of the step, in the transaction of its alarms and readings."""
        return NowAsked(step.dialogue.question) if step.dialogue.question != self._dialogue.question else None

    def settle(self, step: Step) -> str:
        """The step is stored; returns whose suspected fall was none, "" for nobody's."""
        before = self._dialogue.question
        if before is not None and before != step.dialogue.question:
            self._ended.append(before.id)
            why = step.ended.value if step.ended else "all is well" if not step.alarms else "more is known"
            log.info("question %s ended: %s", before.id, why)
        open_ = step.dialogue.question
        if open_ is not None and open_ != before:
            log.info("question %s is put, %s", open_.id, open_.about.name.lower())
        is_well = before is not None and open_ is None and not step.alarms and step.ended in {None, Outcome.SEEN_ABOUT}
        self._show(step.dialogue, is_well=is_well)
        self._tell_centre(before, step)
        return before.alarm.did if before is not None and is_well else ""

    def _tell_centre(self, before: Question | None, step: Step) -> None:
        """How its question stands; what it has ended itself it knows."""
        open_ = step.dialogue.question
        if open_ == before:
            return
        if before is not None and before.about is About.QUIET and step.ended is not Outcome.SEEN_ABOUT:
            self.on_check_in(before.id, "done", _ANSWERED.get(step.ended, "none"))
        if open_ is not None and open_.about is About.QUIET:
            self.on_check_in(open_.id, "asking", "")

    async def _keep(self, asked: Question | None) -> None:
        await self._outbox.call(lambda box: box.keep(asked=NowAsked(asked)))

    def _show(self, dialogue: Dialogue, *, is_well: bool = False) -> None:
        before, self._dialogue = self._dialogue, dialogue
        if dialogue.question is None and before.question is not None:
            self._presence.not_asked(is_well=is_well)
        elif dialogue.question is not None:
            now = self._clock.monotonic
            self._presence.asked(dialogue.question.id, dialogue.question.about, now, self.due_at)

    def _worded(self, step: Step) -> Step:
        """With the reason as the text of the alarm that the question became, which is the last."""
        asked = self._dialogue.question
        if step.ended is None or asked is None or not step.alarms:
            return step
        if asked.about is About.QUIET and step.ended is not Outcome.HELP_WANTED:
            return step
        alarm, stamp = step.alarms[-1]
        text = phrases(self._language())[asked.about.value][step.ended.value]
        said = msgspec.structs.replace(alarm, text=f"{alarm.text} {text}".strip())
        return msgspec.structs.replace(step, alarms=[*step.alarms[:-1], (said, stamp)])
