"""One attempt to reach one person by one channel: its states, and when to try again. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

RETRY_S: Final = (15.0, 30.0, 60.0, 120.0, 300.0)
"""Pauses between attempts that failed for now; the last repeats until the attempts are used up."""
ATTEMPTS_MAX: Final = 12
"""After these (about 40 minutes) the message has failed for good: by then people must have acted otherwise."""
FAULT_MAX: Final = 200


class DeliveryState(StrEnum):
    """How far a message got. What a channel cannot know stays unsaid: e-mail never says more than `sent`."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    FAILED_NOW = "failed_now"
    FAILED = "failed"


class Sent(StrEnum):
    """What a channel says of one attempt."""

    TAKEN = "taken"
    """The other side has it in its care."""
    NOT_NOW = "not_now"
    """Busy, unreachable, full: worth another attempt."""
    NEVER = "never"
    """Refused for good: no such address, not allowed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message about a case to a contact. `due_at` is when to try (again); None when there is nothing to do."""

    id: int
    case_id: int
    contact_id: str
    channel: str
    purpose: str
    state: DeliveryState
    attempt: int
    due_at: float | None
    fault: str = ""


def after_attempt(delivery: Delivery, result: Sent, fault: str, now: float) -> Delivery:
    """What an attempt made of a delivery."""
    attempt = delivery.attempt + 1
    tried = replace(delivery, attempt=attempt, fault=fault[:FAULT_MAX], due_at=None)
    if result is Sent.TAKEN:
        return replace(tried, state=DeliveryState.SENT, fault="")
    if result is Sent.NEVER or attempt >= ATTEMPTS_MAX:
        return replace(tried, state=DeliveryState.FAILED)
    pause_s = RETRY_S[min(attempt, len(RETRY_S)) - 1]
    return replace(tried, state=DeliveryState.FAILED_NOW, due_at=now + pause_s)
