"""The second path: which SMS goes next, to whom, and when. Pure; all times are of the monotonic clock.

Seen from the person who called:

- **The centre** gets an SMS `SECOND_PATH_S` after the call at the latest when there is no receipt, whether the line
  seems up or not; at once when the line has been down for `DOWN_SURE_S` (shorter gaps heal sooner than an SMS arrives).
- **The contacts** get one `CONTACTS_AFTER_S` after an urgent call without a receipt, in the order of the list, once
  for each call, and not again about the same kind of call within `CONTACT_AGAIN_S`: repeated SMS frighten.
- What the network took and nobody answered goes to the centre again, with growing pauses; not so to the contacts.
- SMS cost money: at most `HOUR_MAX` are handed to the network in an hour, and the last of them are kept for the first
  SMS of urgent calls to the centre. What has no room waits for it and goes on being tried by broadband.
- A stuck button does not write hundreds of SMS: see `to_write_about`.
- Tests and measurements never go by SMS.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge.sms_ledger import SmsState

SECOND_PATH_S: Final = 25.0
"""So that the SMS is with the network within 30 s of the call: a modem needs up to 5 s for one."""
DOWN_SURE_S: Final = 15.0
CONTACTS_AFTER_S: Final = 60.0
"""Time for the centre to answer the SMS, before a family is frightened."""
CONTACT_AGAIN_S: Final = 1_800.0
SPACING_S: Final = 2.0
"""Between two SMS: the modem takes in answers meanwhile."""
RESEND_S: Final = (120.0, 300.0, 900.0, 1_800.0, 3_600.0)
"""Waits of an SMS to the centre that the network took and nobody answered, the last one for ever."""
RETRY_S: Final = (10.0, 20.0, 40.0, 120.0, 300.0)
"""Waits after an SMS that the network did not take. To the centre also when the network says that there is no such
number: that costs nothing, networks err, and a call hangs on it."""
CONTACT_TRIES_MAX: Final = 5
HOUR_S: Final = 3_600.0
HOUR_MAX: Final = 20
"""A call an SMS, five contacts and a few repeats, twice in an hour; and what a broken pendant can cost at most."""
HOUR_MAX_CONTACTS: Final = 15
HOUR_MAX_OTHERS: Final = 10
URGENT_PRI: Final = 9

CHAIN_S: Final = 60.0
"""A call of the same device within this time of the one before belongs to the same chain: fright, or a stuck button."""
CHAIN_MAX_S: Final = 3_600.0
"""After so long a chain is taken for a new one."""
CHAIN_SMS_MAX: Final = 3
"""Calls of a chain that get an SMS of their own; the others share these."""

_TOLD: Final = frozenset({SmsState.SENDING, SmsState.TAKEN, SmsState.DELIVERED, SmsState.ANSWERED})
_BILLED: Final = _TOLD | {SmsState.UNDELIVERED, SmsState.UNSURE}
_FAILED: Final = frozenset({SmsState.FAILED_FOR_NOW, SmsState.FAILED, SmsState.UNDELIVERED, SmsState.UNSURE})


@dataclass(frozen=True, slots=True)
class Call:
    """An alarm. `caller` is (device, dty, stc); `heard_at` and `last_at` are when it called first and last."""

    ref: str
    caller: tuple[str, int, int]
    pri: int
    heard_at: float
    last_at: float
    repeats: bool = True
    """Whether the SMS about it is sent again: one of each chain's is enough."""

    @property
    def kind(self) -> tuple[int, int]:
        """(dty, stc)."""
        return self.caller[1:]


@dataclass(frozen=True, slots=True)
class Tried:
    """One earlier attempt."""

    ref: str
    kind: tuple[int, int]
    recipient: str
    state: SmsState
    at: float


@dataclass(frozen=True, slots=True)
class Addressees:
    """Whom to write to. `centre` is a number or "" for none; contacts in the order of writing."""

    centre: str = ""
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendSms:
    """Send the SMS about `ref` to `recipient` now."""

    ref: str
    recipient: str


@dataclass(frozen=True, slots=True)
class SmsWait:
    """Nothing before `at` (inf: before something happens). `full`: an SMS is due and waits for room in the hour."""

    at: float
    full: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    at: float
    room: int
    call: Call
    recipient: str
    order: tuple[int, int]


def to_write_about(waiting: Iterable[Call], answered: Iterable[Call]) -> list[Call]:
    """The calls without a receipt that get an SMS of their own, oldest first.

    A button that is stuck, or a person in fright, calls many times: the first `CHAIN_SMS_MAX` of such a chain are
    written about each, the first of them again and again; the others share these, for they ask for the same help.

    Args:
        waiting: calls without a receipt.
        answered: calls that got one lately: they count in their chain.
    """
    chains: dict[tuple[str, int, int], tuple[float, float, int, bool]] = {}
    chosen: list[Call] = []
    everyone = [(call, True) for call in waiting] + [(call, False) for call in answered]
    for call, waits in sorted(everyone, key=lambda one: one[0].heard_at):
        began, last, count, repeated = chains.get(call.caller, (-math.inf, -math.inf, 0, False))
        if call.heard_at - last > CHAIN_S or call.heard_at - began > CHAIN_MAX_S:
            began, count, repeated = call.heard_at, 0, False
        if waits and count < CHAIN_SMS_MAX:
            chosen.append(replace(call, repeats=not repeated))
            repeated = True
        chains[call.caller] = (began, max(last, call.last_at), count + 1, repeated)
    return chosen


def next_sms(
    calls: Sequence[Call], tried: Sequence[Tried], whom: Addressees, down_since: float | None, now: float
) -> SendSms | SmsWait:
    """The one SMS to send next.

    Args:
        calls: those that `to_write_about` gives.
        tried: every attempt of at least the last hour and all about `calls`, oldest first.
        whom: the addressees.
        down_since: since when broadband is known to be down, None while it seems up.
        now: this moment.
    """
    dues = [due for call in calls for due in _dues(call, tried, whom, down_since)]
    if not dues:
        return SmsWait(math.inf)
    spaced_at = max((one.at for one in tried), default=-math.inf) + SPACING_S
    on_the_bill = sorted(one.at for one in tried if one.state in _BILLED and one.at > now - HOUR_S)
    ready, full, later = [], False, math.inf
    for due in dues:
        room_at = _room_at(on_the_bill, due.room)
        at = max(due.at, spaced_at, room_at)
        if at <= now:
            ready.append(due)
            continue
        full = full or due.at <= now < room_at
        later = min(later, at)
    if not ready:
        return SmsWait(later, full)
    chosen = min(ready, key=lambda due: (due.order, due.at))
    return SendSms(chosen.call.ref, chosen.recipient)


def _dues(call: Call, tried: Sequence[Tried], whom: Addressees, down_since: float | None) -> Iterable[_Due]:
    is_urgent = call.pri >= URGENT_PRI
    if whom.centre:
        before = [one for one in tried if one.ref == call.ref and one.recipient == whom.centre]
        is_first = not any(one.state in _TOLD for one in before)
        room = HOUR_MAX if is_first and is_urgent else HOUR_MAX_OTHERS
        if is_first or call.repeats:
            at = _centre_at(call, before, down_since)
            yield _Due(at, room, call, whom.centre, (0 if is_first else 2, -call.pri))
    if is_urgent:
        for number in whom.contacts:
            at = _contact_at(call, [one for one in tried if one.recipient == number])
            if at < math.inf:
                yield _Due(at, HOUR_MAX_CONTACTS, call, number, (1, -call.pri))


def may_tell_of_answer(recipient: str, tried: Sequence[Tried], waiting: Collection[str], now: float) -> bool:
    """Whether a contact who was written to may be told now that the centre has the call.

    Not while another call that this contact knows of has no receipt: it would be taken for that one's. New calls and
    their repeats have room before it.

    Args:
        recipient: the contact's number.
        tried: as for `next_sms`.
        waiting: refs of the calls without a receipt.
        now: this moment.
    """
    if any(one.recipient == recipient and one.ref in waiting and one.state in _BILLED for one in tried):
        return False
    on_the_bill = sum(one.state in _BILLED and one.at > now - HOUR_S for one in tried)
    return on_the_bill < HOUR_MAX_OTHERS and all(one.at + SPACING_S <= now for one in tried)


def second_path_at(call: Call, down_since: float | None) -> float:
    """When a call without a receipt takes the second path."""
    latest = call.heard_at + SECOND_PATH_S
    return latest if down_since is None else min(latest, max(call.heard_at, down_since + DOWN_SURE_S))


def _centre_at(call: Call, before: Sequence[Tried], down_since: float | None) -> float:
    if not before:
        return second_path_at(call, down_since)
    last = before[-1]
    if last.state in _TOLD:
        return last.at + _step(RESEND_S, sum(one.state in _TOLD for one in before))
    return last.at + _step(RETRY_S, _failures(before))


def _contact_at(call: Call, before: Sequence[Tried]) -> float:
    mine = [one for one in before if one.ref == call.ref]
    told = [one.at for one in before if one.state in _TOLD and one.kind == call.kind]
    if any(one.state in _TOLD | {SmsState.FAILED} for one in mine) or len(mine) >= CONTACT_TRIES_MAX:
        return math.inf
    at = call.heard_at + CONTACTS_AFTER_S
    if told:
        at = max(at, told[-1] + CONTACT_AGAIN_S)
    return max(at, mine[-1].at + _step(RETRY_S, len(mine))) if mine else at


def _failures(before: Sequence[Tried]) -> int:
    """Attempts in a row, up to now, that failed."""
    count = 0
    for one in reversed(before):
        if one.state not in _FAILED:
            break
        count += 1
    return count


def _step(waits: Sequence[float], times: int) -> float:
    return waits[min(max(times, 1), len(waits)) - 1]


def _room_at(on_the_bill: Sequence[float], room: int) -> float:
    """When fewer than `room` SMS of the last hour are on the bill."""
    surplus = len(on_the_bill) - room
    return -math.inf if surplus < 0 else on_the_bill[surplus] + HOUR_S
