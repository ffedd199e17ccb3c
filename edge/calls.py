"""The calls without a receipt, in memory: when each is due again, which belong together, which further presses join."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from edge.clock import Stamp
from edge.outbox import StoredAlarm
from edge.sms_routes import CHAIN_MAX_S, CHAIN_S, SECOND_PATH_S, Call
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.messages import Alarm, MessageType

WAITING_PER_CALLER_MAX: Final = 30
"""Calls of one device without a receipt; what it says on top of that, without a pause, joins the newest of them. A
stuck button says so every 10 s: without this, a day without a line would be 8,640 alarms."""
AFTER_START_S: Final = 10.0
"""A call from before a power cut takes the second path so long after the start: the line is often back sooner."""


@dataclass(slots=True)
class Unanswered:
    """One call. Moments are of the monotonic clock.

    Attributes:
        due_at: when it is sent again by broadband.
        heard_at, last_at: when it was stored, and when the device last called in the same way.
        again: how many further presses have joined it.
        is_plainest: it stands for one that the centre refused; sending it otherwise is not possible.
    """

    stored: StoredAlarm
    due_at: float
    heard_at: float
    last_at: float
    sent_times: int = 0
    again: int = 0
    is_plainest: bool = False

    @property
    def call(self) -> Call:
        """As the second path sees it."""
        alarm = self.stored.alarm
        return Call(alarm.ref, _caller(alarm), alarm.pri, self.heard_at, self.last_at)

    @property
    def for_sending(self) -> StoredAlarm:
        """The alarm, which tells of the presses that joined it."""
        if not self.again or self.is_plainest:
            return self.stored
        text = f"Called again {self.again} times while there was no answer. {self.stored.alarm.text}"
        return self.stored._replace(alarm=msgspec.structs.replace(self.stored.alarm, text=text.strip()[:256]))


class Calls:
    """All of them, in the order in which they happened."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Unanswered] = OrderedDict()
        self._answered: list[Call] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, ref: str) -> bool:
        return ref in self._waiting

    def __getitem__(self, ref: str) -> Unanswered:
        return self._waiting[ref]

    def __iter__(self) -> Iterator[Unanswered]:
        return iter(self._waiting.values())

    def add(self, stored: StoredAlarm, now: float) -> None:
        """A new call; due at once."""
        self._waiting[stored.alarm.ref] = Unanswered(stored, 0.0, now, now)

    def restore(self, stored: StoredAlarm, now: Stamp) -> None:
        """One from before a restart."""
        earliest = now.monotonic - SECOND_PATH_S + AFTER_START_S
        heard_at = stored.stamp.monotonic if stored.stamp.boot == now.boot else earliest
        is_plainest = stored.alarm == plainest(stored.alarm)
        self._waiting[stored.alarm.ref] = Unanswered(stored, 0.0, heard_at, heard_at, is_plainest=is_plainest)

    def replace(self, ref: str, stored: StoredAlarm) -> None:
        """The call goes on as a plainer alarm under another ref; due at once."""
        before = self._waiting.pop(ref)
        self._waiting[stored.alarm.ref] = Unanswered(stored, 0.0, before.heard_at, before.last_at, is_plainest=True)

    def done(self, ref: str, now: float) -> bool:
        """The centre has the call; false when it was not waiting."""
        gone = self._waiting.pop(ref, None)
        if gone is None:
            return False
        self._answered = [one for one in self._answered if now - one.last_at <= CHAIN_MAX_S]
        self._answered.append(gone.call)
        return True

    def joins(self, alarm: Alarm, now: float) -> bool:
        """Whether a new alarm only says again, without a pause, what many calls of its device say that still wait.

        It is then counted with the newest of them: that somebody calls is on disk and being sent already.
        """
        same = [one for one in self._waiting.values() if _caller(one.stored.alarm) == _caller(alarm)]
        if len(same) < WAITING_PER_CALLER_MAX or now - same[-1].last_at > CHAIN_S:
            return False
        same[-1].again += 1
        same[-1].last_at = now
        return True

    def to_write(self) -> list[Call]:
        """The calls that may go by SMS: all but tests and withdrawals."""
        return [one.call for one in self._waiting.values() if _is_serious(one.stored.alarm)]

    def answered_lately(self) -> list[Call]:
        """The calls that got their receipt within the hour, or a little longer ago."""
        return self._answered


def plainest(alarm: Alarm) -> Alarm:
    """What every centre must take (docs/wire, alarm rule 4), with the number that the outbox gives."""
    kept = {name: getattr(alarm, name) for name in ("stc", "seq", "ep", "mty", "pri", "trusted")}
    return Alarm(alarm.ref, alarm.dty, alarm.tim, **kept)


def _caller(alarm: Alarm) -> tuple[str, int, int]:
    return alarm.did, alarm.dty, alarm.stc


def _is_serious(alarm: Alarm) -> bool:
    is_test = alarm.mty is MessageType.TEST or kind_of(alarm.dty, alarm.stc) is AlarmKind.TEST
    return not is_test and alarm.mty is not MessageType.WITHDRAWN
