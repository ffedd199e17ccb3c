"""The calls that the centre placed in a case, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from central.alarm_cases.placed_call import LIVE, CallState
from central.console.desk_words import CALL_RESULTS
from central.storage import placed_calls
from central.texts import later

CALL_STATES: Final[Mapping[str, str]] = {
    **CALL_RESULTS,
    CallState.DIALLING: later("your telephone is being called"),
    CallState.OWN_RINGS: later("pick up your telephone"),
    CallState.CONNECTING: later("is being called"),
    CallState.RINGING: later("rings"),
    CallState.TALKING: later("on the line"),
    CallState.ENDED: later("ended"),
    CallState.OWN_MISSED: later("your telephone was not picked up"),
    CallState.NOT_PLACED: later("the call was not placed"),
    CallState.UNKNOWN: later("not known: the gateway says nothing"),
}
"""How a call stands, as the page says it to whoever placed it."""


@dataclass(frozen=True, slots=True)
class CallNow:
    """The latest call that the centre placed to somebody in this case.

    Attributes:
        party, who: "home" and "", "mobile" and the resident's id, or "contact" and a contact's id or "~team".
        operator, operator_id: for whom it was placed.
        state: as in `placed_call.CallState`; live: a telephone rings, or somebody talks.
        since_at: since when it is so; talk_s: for how long they talked.
        known_until_at: when it will be "unknown" unless something is heard; null when it is over.
    """

    party: str
    who: str
    operator: str
    operator_id: str
    state: str
    live: bool
    since_at: float
    talk_s: float | None
    known_until_at: float | None


def calls_of(conn: Connection, case_id: int, operators: Mapping[str, str], now: float) -> list[CallNow]:
    """The latest call to each who was called, the newest first."""
    latest = {(call.party, call.who): call for call in placed_calls.of_case(conn, case_id)}
    found = []
    for call in sorted(latest.values(), key=lambda call: call.id, reverse=True):
        state = call.state(now)
        times = (call.own_ringing_at, call.own_answered_at, call.ringing_at, call.answered_at, call.ended_at)
        over = state not in LIVE
        since_at = call.heard_at if over and call.ended_at is None else max(filter(None, (call.placed_at, *times)))
        found.append(
            CallNow(
                call.party.value,
                call.who,
                operators.get(call.operator_id, call.operator_id),
                call.operator_id,
                state.value,
                not over,
                since_at,
                call.talk_s,
                call.known_until_at,
            )
        )
    return found
