"""Calls whoever is on call when no operator takes a case: at the ladder's step, and again as long as nobody has it.

Nothing is kept here: the steps are due-times in the database. What a dying process lost, or a way refused, is made up
for by the next step, whichever it is; the exception record and the repeats after it call again, less often with time,
while a matter of life or an urgent case still rings.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import sqlalchemy as sa

from central.alarm_cases import escalation
from central.alarm_cases.case import Case, CaseEvent, EventType, Facts
from central.alarm_cases.priority import Priority
from central.case_change import CaseChange
from central.case_desk import CaseDesk
from central.case_intake import DESK
from central.notification.channel import Channel, Message
from central.notification.delivery import DeliveryState, Sent, Verdict
from central.service_settings import OnCallPerson
from central.storage import cases, settings
from central.texts import later, say_clock, translator

AGAIN_S: Final = 30.0
"""Between two calls of the same people: many cases that nobody takes are told together, not one by one."""
PAUSE_SHARE: Final = 0.25
PAUSE_MAX_S: Final = 900.0
"""Of the time that a case had rung when they were told last, so much is their pause: whoever is on the way needs their
telephone. In the first minutes every step calls; after an hour, one in a quarter of an hour."""
PURPOSE: Final = "on_call"

_AGAIN_AT: Final = frozenset({escalation.EXCEPTION, escalation.STILL_RINGING})
_CAUGHT_UP_AT: Final = frozenset({escalation.FIRST_CARER, escalation.EVERY_CARER, escalation.HOME_REASSURED})
"""Steps at which they are called if no call of before has gone out."""
_STATES: Final = {
    Verdict.TAKEN: DeliveryState.SENT,
    Verdict.NOT_NOW: DeliveryState.FAILED_NOW,
    Verdict.NEVER: DeliveryState.FAILED_FOR_GOOD,
}

log = logging.getLogger(__name__)


def calls_for(change: CaseChange) -> bool:
    """Whether what happened may call those who are on call: the supervisor's step, and those after it while a life or
    something urgent waits."""
    if change.event_type != EventType.ESCALATED:
        return False
    later_steps = _AGAIN_AT | _CAUGHT_UP_AT
    return change.step == escalation.SUPERVISOR or (change.step in later_steps and change.priority <= Priority.URGENT)


class SupervisorCall:
    """Sends to those on call. `on_change` is a listener of the desk, from any thread; `work` is a `DueLoop`'s.

    Args:
        channels: by their names.
        clock: tells the time after an attempt, which may take seconds.
    """

    def __init__(self, desk: CaseDesk, channels: Mapping[str, Channel], clock: Callable[[], float] = time.time) -> None:
        self._desk, self._channels, self._clock = desk, channels, clock
        self._lock = threading.Lock()
        self._wanted: dict[int, bool] = {}  # a case -> whether it is told again to those who were told of it
        self._next_at = 0.0

    def on_change(self, change: CaseChange) -> None:
        """Notes the case, if somebody on call must hear of it."""
        if calls_for(change):
            with self._lock:
                before = self._wanted.get(change.case_id, False)
                self._wanted[change.case_id] = before or change.step not in _CAUGHT_UP_AT

    def work(self, now: float) -> float | None:
        """Calls for all cases noted that nobody has taken meanwhile; when to look again."""
        with self._lock:
            if not self._wanted:
                return None
            if now < self._next_at <= now + AGAIN_S:  # further off only when the clock was set back
                return self._next_at
            wanted, self._wanted = self._wanted, {}
        try:
            with self._desk.database.read() as connection:
                waiting = _waiting(connection, wanted, now)
                people = settings.current(connection).on_call.people
        except Exception:
            with self._lock:
                self._wanted = wanted | self._wanted
            raise
        if waiting and people:
            self._next_at = now + AGAIN_S
            for person in people:
                self._call(person, waiting, now)
        return None

    def _call(self, person: OnCallPerson, waiting: list[Case], now: float) -> None:
        channel = self._channels.get(person.channel)
        sent = Sent(Verdict.NEVER, "this way is not set up")
        if channel is not None:
            try:
                sent = channel.send(message_to(person, waiting, now))
            except Exception as error:  # a fault of ours must not keep the next person from being called
                log.exception("whoever is on call cannot be told by %s", person.channel)
                sent = Sent(Verdict.NOT_NOW, type(error).__name__)
        log.info("on call by %s for %d cases: %s %s", person.channel, len(waiting), sent.verdict, sent.fault)
        facts = Facts(operator=person.called, channel=person.channel, state=_STATES[sent.verdict].value)
        for case in waiting:
            self._desk.happen(case.id, CaseEvent(EventType.TOLD, max(now, self._clock()), DESK, facts))


def message_to(person: OnCallPerson, waiting: list[Case], now: float) -> Message:
    """What somebody on call is told: how many wait and since when, nobody's name and nothing about health."""
    words = translator(person.language)
    oldest = min(waiting, key=lambda case: (case.priority, case.ring_at or case.opened_at))
    clock = say_clock(oldest.ring_at or oldest.opened_at, person.language)
    says = words.say(
        later("Alarm centre: nobody has taken case {case}, which has been ringing since {clock}."),
        case=oldest.id,
        clock=clock,
    )
    if len(waiting) > 1:
        says += " " + words.say(later("Cases that wait in all: {count}."), count=len(waiting))
    text = f"{says} {words.gettext(later('Please see to it now.'))}"
    return Message(
        to=person.address,
        key=f"llar-on-call-{oldest.id}-{int(now)}",
        subject=words.say(later("Nobody has taken case {case}"), case=oldest.id),
        text=text,
        short=text,
        link="",
        language=person.language,
        urgent=oldest.priority <= Priority.URGENT,
        purpose=PURPOSE,
        case_id=oldest.id,
        resident="",
    )


def _waiting(connection: sa.Connection, wanted: Mapping[int, bool], now: float) -> list[Case]:
    """Those of the cases that still ring with nobody at them, and of which somebody is to be told."""
    found = (cases.find(connection, case_id) for case_id in sorted(wanted))
    return [case for case in found if case is not None and _is_due(connection, case, wanted[case.id], now)]


def _is_due(connection: sa.Connection, case: Case, again: bool, now: float) -> bool:
    """Whether somebody on call is told of a case: nobody was since it rings, or `again` and not just now."""
    if not case.open or case.ring_at is None:
        return False
    log = (it for it in cases.events_of(connection, case.id) if it.type is EventType.TOLD and it.at >= case.ring_at)
    # a message to a contact names the contact
    told_at = max((it.at for it in log if it.facts.operator and it.facts.state == DeliveryState.SENT), default=None)
    if told_at is None or told_at > now:
        return True
    return again and now - told_at >= min((told_at - case.ring_at) * PAUSE_SHARE, PAUSE_MAX_S)
