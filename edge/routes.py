"""What goes next, and which way. Pure; all times are of the monotonic clock.

Alarms first, then the hub's state, then packs of measurements, newest first. An alarm without a receipt is sent again
and again with the same ref. There is one route today (broadband); the functions take a list, so that others join.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.contract.messages import Path

RESEND_S: Final = (5.0, 8.0, 12.0, 20.0)
"""Waits between two sendings of an unanswered alarm, the last one for ever."""
JITTER: Final = 0.2
"""Waits differ by up to this share, so that a street's hubs do not call in step after an outage."""
PACKS_IN_FLIGHT_MAX: Final = 4
"""Packs without the broker's receipt: enough to fill a home's line, few enough to leave room for an alarm."""


class What(StrEnum):
    """What is sent."""

    ALARM = "alarm"
    STATE = "state"
    PACK = "pack"


@dataclass(frozen=True, slots=True)
class WaitingAlarm:
    """An alarm without a receipt."""

    ref: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: alarms in the order they happened, when the state is due, when a pack is due (inf = nothing)."""

    alarms: tuple[WaitingAlarm, ...] = ()
    state_due_at: float = math.inf
    pack_due_at: float = math.inf
    packs_in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A way to the centre and what may go by it."""

    path: Path
    up: bool
    carries: frozenset[What] = frozenset(What)


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, this way."""

    what: What
    path: Path
    ref: str = ""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing to do before this moment (inf: before something happens)."""

    at: float


def next_to_send(waiting: Waiting, routes: Sequence[Route], now: float) -> Send | WaitUntil:
    """The one thing to do next; `routes` are in order of preference."""
    ways = {what: route.path for route in reversed(routes) if route.up for what in route.carries}
    if What.ALARM in ways:
        for alarm in waiting.alarms:
            if alarm.due_at <= now:
                return Send(What.ALARM, ways[What.ALARM], alarm.ref)
    if What.STATE in ways and waiting.state_due_at <= now:
        return Send(What.STATE, ways[What.STATE])
    has_room = waiting.packs_in_flight < PACKS_IN_FLIGHT_MAX
    if What.PACK in ways and has_room and waiting.pack_due_at <= now:
        return Send(What.PACK, ways[What.PACK])
    dues = [alarm.due_at for alarm in waiting.alarms] if What.ALARM in ways else []
    dues += [waiting.state_due_at] if What.STATE in ways else []
    dues += [waiting.pack_due_at] if What.PACK in ways and has_room else []
    return WaitUntil(min(dues, default=math.inf))


def resend_at(sent_times: int, now: float, chance: float) -> float:
    """When an alarm that was just sent for the `sent_times`-th time is due again; `chance` is random in 0..1."""
    wait = RESEND_S[min(max(sent_times, 1), len(RESEND_S)) - 1]
    return now + min(max(wait * (1.0 + JITTER * (2.0 * chance - 1.0)), RESEND_S[0]), RESEND_S[-1])
