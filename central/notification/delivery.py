"""One message to one person by one channel: how far it came, when to try again, when to try another way. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

FAULT_MAX: Final = 200


class DeliveryState(StrEnum):
    """How far a message got. What a channel cannot know stays unsaid: e-mail by itself never says more than `sent`."""

    QUEUED = "queued"
    FAILED_NOW = "failed_now"
    CANCELLED = "cancelled"
    SENT = "sent"
    FAILED_FOR_GOOD = "failed_for_good"
    DELIVERED = "delivered"
    OPENED = "opened"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"


_RANK: Final = {state: rank for rank, state in enumerate(DeliveryState)}
ANSWERS: Final = frozenset({DeliveryState.DECLINED, DeliveryState.ACCEPTED, DeliveryState.ARRIVED})
"""What only the person themselves can say."""
REACHED: Final = frozenset({DeliveryState.DELIVERED, DeliveryState.OPENED, *ANSWERS})
"""States in which the message is known to be with the person."""
UNSENT: Final = frozenset({DeliveryState.QUEUED, DeliveryState.FAILED_NOW})
"""States in which it may still be called off."""


def merge(known: DeliveryState, news: DeliveryState) -> DeliveryState:
    """What is known after a report: the further of the two.

    The states are a chain in the order of `DeliveryState`, so that reports may come late, twice and in any order, and
    all orders end in the same state. A message that a network took and later gave up has failed; one that failed and
    was seen on the telephone after all was delivered.
    """
    return max(known, news, key=_RANK.__getitem__)


class Verdict(StrEnum):
    """What a channel says of one attempt."""

    TAKEN = "taken"
    """The other side has it in its care."""
    NOT_NOW = "not_now"
    """Busy, unreachable, full: worth another attempt."""
    NEVER = "never"
    """Refused for good: no such address, not allowed."""


class Sent(NamedTuple):
    """What became of one attempt.

    Attributes:
        verdict: as the other side has it.
        fault: in a few words, "" for none.
        provider_ref: by which the other side names the message in its reports, "" when it makes none.
        state: how far it came at once: `sent`, or more where a channel knows more, such as `delivered`.
    """

    verdict: Verdict
    fault: str = ""
    provider_ref: str = ""
    state: DeliveryState = DeliveryState.SENT


class Retry(NamedTuple):
    """Pauses between attempts that failed for now, in seconds (the last repeats), and how many attempts there are."""

    pauses_s: tuple[float, ...] = (15.0, 30.0, 60.0, 120.0, 300.0)
    attempts_max: int = 12


STANDARD_RETRY: Final = Retry()
"""About 40 minutes: by then people must have acted otherwise."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message about a case to a contact.

    Attributes:
        state, attempt: how far it came, in how many attempts.
        due_at: when to try (again); None when there is nothing to do.
        round: which time this contact is asked for this purpose.
        queued_at, sent_at, delivered_at, opened_at, answered_at: when it first came so far; None where it has not.
        receipt_due_at: when another way is tried if no receipt has come; None when none is awaited.
        provider_ref: by which the channel names it in its reports.
    """

    id: int
    case_id: int
    contact_id: str
    channel: str
    purpose: str
    state: DeliveryState
    attempt: int
    due_at: float | None
    fault: str = ""
    round: int = 1
    queued_at: float = 0.0
    sent_at: float | None = None
    delivered_at: float | None = None
    opened_at: float | None = None
    answered_at: float | None = None
    receipt_due_at: float | None = None
    provider_ref: str = ""


def after_attempt(
    delivery: Delivery, sent: Sent, now: float, retry: Retry = STANDARD_RETRY, receipt_wait_s: float | None = None
) -> Delivery:
    """What an attempt made of a delivery. A contact who has answered meanwhile is not tried again.

    Args:
        receipt_wait_s: how long the channel's receipt may take before another way is tried, also when it counts from a
            first attempt that failed; None: it gives none.
    """
    attempt = delivery.attempt + 1
    tried = replace(delivery, attempt=attempt, fault=sent.fault[:FAULT_MAX], due_at=None)
    if sent.verdict is Verdict.TAKEN:
        waits = receipt_wait_s is not None and sent.state not in REACHED and delivery.state not in REACHED
        receipt_due_at = now + receipt_wait_s if waits and receipt_wait_s is not None else None
        taken = replace(tried, fault="", provider_ref=sent.provider_ref[:120], receipt_due_at=receipt_due_at)
        return came_to(taken, sent.state, now)
    if sent.verdict is Verdict.NEVER or attempt >= retry.attempts_max:
        return came_to(tried, DeliveryState.FAILED_FOR_GOOD, now)
    pause_s = retry.pauses_s[min(attempt, len(retry.pauses_s)) - 1]
    again_at = now + pause_s if delivery.state in UNSENT else None
    failed = came_to(tried, DeliveryState.FAILED_NOW, now)
    if again_at is None or receipt_wait_s is None or attempt > 1:
        return replace(failed, due_at=again_at)
    return replace(failed, due_at=again_at, receipt_due_at=now + receipt_wait_s)


def came_to(delivery: Delivery, news: DeliveryState, at: float) -> Delivery:
    """A delivery after a report that it came so far at `at`; what it came to before stays known."""
    state = merge(delivery.state, news)
    times: dict[str, float] = {}
    if news is DeliveryState.SENT and delivery.sent_at is None:
        times["sent_at"] = at
    if news in REACHED and delivery.delivered_at is None:
        times["delivered_at"] = at
    if news in {DeliveryState.OPENED, *ANSWERS} and delivery.opened_at is None:
        times["opened_at"] = at
    if news in ANSWERS:
        times["answered_at"] = at
    over = state in REACHED or state in {DeliveryState.FAILED_FOR_GOOD, DeliveryState.CANCELLED}
    settled = replace(delivery, due_at=None, receipt_due_at=None) if over else delivery
    return replace(settled, state=state, **times)  # type: ignore[arg-type]


def both_known(after: Delivery, meanwhile: Delivery) -> Delivery:
    """A delivery after an attempt, together with what came to be known of it while the attempt was under way.

    One that was called off or seen meanwhile is not tried again, and no receipt of it is awaited.
    """

    def first(mine: float | None, theirs: float | None) -> float | None:
        return min((at for at in (mine, theirs) if at is not None), default=None)

    over = meanwhile.due_at is None
    return replace(
        after,
        state=merge(after.state, meanwhile.state),
        due_at=None if over else after.due_at,
        receipt_due_at=None if over else after.receipt_due_at,
        delivered_at=first(after.delivered_at, meanwhile.delivered_at),
        opened_at=first(after.opened_at, meanwhile.opened_at),
        answered_at=meanwhile.answered_at or after.answered_at,
    )


def answered(delivery: Delivery, answer: DeliveryState, at: float) -> Delivery:
    """A delivery after its person answered. They may change their mind: the latest answer holds."""
    further = came_to(delivery, answer, at)
    arrived = delivery.state is DeliveryState.ARRIVED
    return further if arrived else replace(further, state=answer)


def called_off(delivery: Delivery) -> Delivery:
    """A delivery that need not go out any more; what went out already stays as it was, and is not followed up."""
    state = DeliveryState.CANCELLED if delivery.state in UNSENT else delivery.state
    return replace(delivery, state=state, due_at=None, receipt_due_at=None)
