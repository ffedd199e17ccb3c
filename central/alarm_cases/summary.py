"""The calm word to the family when a case is over: who gets one, by which way and when, and what it may say. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from central.alarm_cases.case import CaseEvent, EventType
from central.alarm_cases.closing import Action, Cause, Outcome
from central.alarm_cases.priority import Priority
from central.alarm_cases.rota import RotaContact
from central.texts import local

QUIET_FROM_H, QUIET_UNTIL_H = 22, 8
"""In the home's own time: nobody is woken to hear that all is well, unless they were asked to come."""
RECEIPT_WAIT_S: Final = 900.0
"""So long a calm word may lie in a drawer before another way is tried; a notification lives no longer."""
ANSWERED: Final = "answered"
_THERE: Final = frozenset({EventType.ARRIVED, EventType.ALL_WELL, EventType.NEEDS_HELP})
_NOTHING_HAPPENED: Final = frozenset({Cause.TEST, Cause.EQUIPMENT})
_WELL: Final = frozenset({Outcome.RESOLVED_BY_TALK, Outcome.HELPED_AT_HOME})


class Recipient(NamedTuple):
    """Who is told how a case ended, by which channel, and when."""

    contact_id: str
    called: str
    channel: str
    due_at: float


class Ending(NamedTuple):
    """What is said of an end: `spoke` is the operator who spoke with the resident, "" for nobody; whether all is well.

    What else an end may be is told by a person: the message only says that the centre can tell more.
    """

    spoke: str
    well: bool


def worth_telling(priority: Priority, cause: str = "", outcome: str = "") -> bool:
    """Whether the family hears of a case: not of tests, equipment and daily routine, and of a death from a person.

    `cause` and `outcome` are "" before they are known.
    """
    if priority not in {Priority.LIFE, Priority.URGENT}:
        return False
    return cause not in _NOTHING_HAPPENED and outcome != Outcome.DIED


def shares_endings(contact: RotaContact) -> bool:
    """Whether the resident lets a contact know how alarms end."""
    return "history" in contact.profile.consent


def recipients(
    contacts: Iterable[RotaContact],
    log: Iterable[CaseEvent],
    helper_id: str,
    asked: Collection[str],
    told: Collection[str],
    now: float,
    timezone: str,
) -> list[Recipient]:
    """Who is told how a case ended.

    Args:
        helper_id: who was on the way; they and whoever came know it better than we do.
        asked: who was written to in this case: they hear at once, at night too (`awake`).
        told: who need not be told, since somebody told them or a message has gone to them already.
    """
    events = list(log)
    there = {helper_id, *(event.facts.contact for event in events if event.type in _THERE)}
    may_sleep = after_the_night(now, timezone)
    up = awake(events, asked)
    return [
        Recipient(contact.id, contact.called, contact.ways[0].channel, now if contact.id in up else may_sleep)
        for contact in contacts
        if contact.ways
        and shares_endings(contact)
        and contact.id not in there
        and contact.id not in told
        and now >= contact.profile.muted_until_at
    ]


def next_way(contact: RotaContact, tried: Collection[str]) -> str:
    """The channel by which a word goes after those that were tried; "" for none.

    Where a call would be made a text is sent, so that a number that got a text already gets no second one.
    """
    used = {way.address for way in contact.ways if way.channel in tried}
    left = [way.channel for way in contact.ways if way.channel not in tried and way.address not in used]
    return left[0] if left else ""


def awake(log: Iterable[CaseEvent], asked: Collection[str]) -> set[str]:
    """Whom this case has woken anyway: who was written to, and who answered an operator's call."""
    rung = {it.facts.contact for it in log if it.type is EventType.CALL_ENDED and it.facts.state == ANSWERED}
    return rung | set(asked)


def after_the_night(now: float, timezone: str) -> float:
    """Now, or when the night is over in which nobody is told."""
    here = local(now, timezone)
    if QUIET_UNTIL_H <= here.hour < QUIET_FROM_H:
        return now
    day = here + timedelta(days=1) if here.hour >= QUIET_FROM_H else here
    return day.replace(hour=QUIET_UNTIL_H, minute=0, second=0, microsecond=0).timestamp()


def ending(log: Sequence[CaseEvent]) -> Ending:
    """What the log of a closed case lets us say; `spoke` is an operator's id."""
    closed = next((event for event in reversed(log) if event.type is EventType.CLOSED), None)
    if closed is None:
        return Ending("", well=False)
    spoken = next((event.actor for event in reversed(log) if event.type is EventType.SPOKEN), "")
    spoke = spoken or (closed.actor if closed.facts.action == Action.TALKED else "")
    return Ending(spoke, closed.facts.outcome in _WELL)
