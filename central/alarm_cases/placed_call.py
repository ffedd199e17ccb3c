"""A call that the centre places for an operator: their own telephone rings first, then that of the other. Pure.

What is kept are facts, each with when it was so; how the call stands follows from them. So reports may come late, twice
and in any order (`docs/wire/phone-gateway.md`), and all orders end alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import msgspec

from central.alarm_cases import protocol
from central.alarm_cases.case import EventType, Facts


class Party(StrEnum):
    """Who is called: the telephone of the home, a resident's mobile, a contact (or the response team)."""

    HOME = "home"
    MOBILE = "mobile"
    CONTACT = "contact"


class Leg(StrEnum):
    """Of which telephone a report speaks: the operator's, or that of the other."""

    OWN = "first"
    OTHER = "second"


class CallState(StrEnum):
    """How a call stands."""

    DIALLING = "dialling"  # the gateway was asked, and nothing was heard yet
    OWN_RINGS = "own_rings"
    CONNECTING = "connecting"  # the operator has picked up
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"  # after talking
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    MACHINE = "machine"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    HUNG_UP = "hung_up"  # before anybody had answered
    OWN_MISSED = "own_missed"  # the operator's telephone was not picked up: the other never rang
    NOT_PLACED = "not_placed"  # the gateway has not taken it
    UNKNOWN = "unknown"  # nothing was heard for long


IN_VAIN: Final = frozenset(
    {
        CallState.NO_ANSWER,
        CallState.BUSY,
        CallState.REJECTED,
        CallState.MACHINE,
        CallState.UNREACHABLE,
        CallState.FAILED,
        CallState.HUNG_UP,
    }
)
"""How a call ends that was made and reached nobody."""
LIVE: Final = frozenset(
    {CallState.DIALLING, CallState.OWN_RINGS, CallState.CONNECTING, CallState.RINGING, CallState.TALKING}
)
OWN_RING_S: Final = 25
"""The operator sits beside it."""
SILENT_S: Final = 120.0
"""Without a report for so long, a call that rings is not known: both telephones have rung out by then."""
TALK_SILENT_S: Final = 3_600.0
"""The same for one that is talked on, of which nothing need be reported until it ends."""
PROMPT_AFTER_S: Final = 15.0
"""A gateway says itself that the ring limit is over; so much later the operator is prompted all the same."""


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call and what was reported of it. Times are Unix seconds, None where it has not happened.

    Attributes:
        key: by which the gateway names it in its reports.
        party, who: who is called: "" at home, a resident's id, or a contact's (or `case.TEAM`).
        own_ringing_at, own_answered_at: the operator's telephone rang, was picked up; own_result: or why it was not.
        ringing_at, answered_at: the other rang, a person answered; result: or why not, in the gateway's word.
        ended_at: hung up, by whomever; talk_s: after so many seconds of talking.
        hung_up: the operator asked for it to be ended. mailbox: they said that it was a mailbox which had answered.
        not_placed: the gateway did not take it, as far as its answer says.
        heard_at: when something was last heard of it; when it was asked for, before that.
    """

    id: int
    key: str
    case_id: int
    operator_id: str
    party: Party
    who: str
    placed_at: float
    heard_at: float
    own_ringing_at: float | None = None
    own_answered_at: float | None = None
    own_result: str = ""
    ringing_at: float | None = None
    answered_at: float | None = None
    result: str = ""
    ended_at: float | None = None
    talk_s: float | None = None
    hung_up: bool = False
    mailbox: bool = False
    not_placed: bool = False

    @property
    def rang(self) -> bool:
        """Whether the other telephone was rung, or tried and found busy or off."""
        if self.ringing_at is not None or self.answered_at is not None:
            return True
        return self.result not in {"", CallState.FAILED}

    @property
    def reported(self) -> CallState:
        """How it stands by all that was reported."""
        if self.mailbox:
            return CallState.MACHINE
        if self.answered_at is not None:
            return CallState.TALKING if self.ended_at is None else CallState.ENDED
        if self.hung_up:
            return CallState.HUNG_UP
        if self.result:
            return CallState(self.result)
        if self.own_result:
            return CallState.OWN_MISSED
        if self.ended_at is not None:
            return CallState.HUNG_UP if self.rang or self.own_answered_at is not None else CallState.OWN_MISSED
        if self.ringing_at is not None:
            return CallState.RINGING
        if self.own_answered_at is not None:
            return CallState.CONNECTING
        if self.own_ringing_at is not None:
            return CallState.OWN_RINGS
        return CallState.NOT_PLACED if self.not_placed else CallState.DIALLING

    @property
    def known_until_at(self) -> float | None:
        """When it will not be known any more, if nothing is heard until then; None when it is over."""
        state = self.reported
        if state not in LIVE:
            return None
        return self.heard_at + (TALK_SILENT_S if state is CallState.TALKING else SILENT_S)

    def state(self, now: float) -> CallState:
        """How it stands, as far as that is still known."""
        until = self.known_until_at
        return CallState.UNKNOWN if until is not None and now >= until else self.reported

    def live(self, now: float) -> bool:
        """Whether a telephone rings or somebody talks, as far as is known."""
        return self.state(now) in LIVE


def heard(call: PlacedCall, leg: Leg, word: str, at: float, talk_s: float | None, now: float) -> PlacedCall:
    """The call after a report. `word` is the gateway's for what happened to that telephone."""
    call = replace(call, heard_at=max(call.heard_at, now))
    own = leg is Leg.OWN
    if word == "ringing":
        return _at(call, "own_ringing_at" if own else "ringing_at", at)
    if word == "answered":
        return _talked(_at(call, "own_answered_at" if own else "answered_at", at))
    if word != "ended":
        return replace(call, own_result=call.own_result or word) if own else replace(call, result=call.result or word)
    if talk_s is not None and talk_s > 0:
        call = _at(replace(call, talk_s=talk_s), "answered_at", at - talk_s)
    return _talked(_at(call, "ended_at", at))


def hung_up(call: PlacedCall, now: float, *, mailbox: bool = False) -> PlacedCall:
    """The call after its operator has ended it; `mailbox`: what had answered was one."""
    after = _at(replace(call, hung_up=True, mailbox=mailbox and call.answered_at is not None), "ended_at", now)
    return _talked(after)


def _at(call: PlacedCall, name: str, at: float) -> PlacedCall:
    """With the first time at which something was so."""
    known: float | None = getattr(call, name)
    first: dict[str, Any] = {name: at if known is None else min(known, at)}
    return replace(call, **first)


def _talked(call: PlacedCall) -> PlacedCall:
    if call.answered_at is None or call.ended_at is None or call.talk_s is not None:
        return call
    return replace(call, talk_s=max(0.0, call.ended_at - call.answered_at))


def news(before: PlacedCall, after: PlacedCall, ring_limit_s: float) -> Iterator[tuple[EventType, Facts]]:
    """What a case's log has to say of a call that was known as `before`, in its order. Of a call that never got beyond
    the operator's own telephone it says nothing: the other was not rung."""
    contact = after.who if after.party is Party.CONTACT else ""
    about = Facts(contact=contact, channel="phone", step=protocol.RINGS.get(after.party.value, ""))
    if _tried(after) and not _tried(before):
        limit_s = ring_limit_s + PROMPT_AFTER_S
        yield (EventType.CALLED, _with(about, limit_s=limit_s)) if contact else (EventType.RUNG, about)
    result = EventType.CALL_ENDED if contact else EventType.PHONED
    if after.answered_at is not None and before.answered_at is None:
        yield result, _with(about, state="answered")
    if (vain := _in_vain(after)) and vain != _in_vain(before):
        yield result, _with(about, state=vain)
    if after.reported is CallState.ENDED and before.reported is not CallState.ENDED:
        yield EventType.PHONED, _with(about, state="ended", talk_s=after.talk_s or 0.0)


def _tried(call: PlacedCall) -> bool:
    """Whether it was rung there. A contact whose number cannot be called counts as called in vain; a home does not."""
    return call.rang or (call.party is Party.CONTACT and call.result == CallState.FAILED)


def _in_vain(call: PlacedCall) -> str:
    state = call.reported
    return state.value if state in IN_VAIN and (_tried(call) or state is CallState.FAILED) else ""


def _with(about: Facts, **more: object) -> Facts:
    return msgspec.structs.replace(about, **more)
