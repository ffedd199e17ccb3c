"""What a delivery does next."""

from __future__ import annotations

from central.notification.delivery import ATTEMPTS_MAX, RETRY_S, Delivery, DeliveryState, Sent, after_attempt

QUEUED = Delivery(1, 7, "marc", "email", "alarm", DeliveryState.QUEUED, 0, 100.0)


def test_taken_is_sent_and_done() -> None:
    after = after_attempt(QUEUED, Sent.TAKEN, "", 100.0)
    assert (after.state, after.attempt, after.due_at) == (DeliveryState.SENT, 1, None)


def test_refused_for_good_is_not_tried_again() -> None:
    after = after_attempt(QUEUED, Sent.NEVER, "550 no such user", 100.0)
    assert (after.state, after.due_at, after.fault) == (DeliveryState.FAILED, None, "550 no such user")


def test_refused_for_now_is_tried_again_ever_more_slowly_and_not_for_ever() -> None:
    delivery, now, pauses = QUEUED, 100.0, []
    while delivery.due_at is not None:
        now = delivery.due_at
        delivery = after_attempt(delivery, Sent.NOT_NOW, "451 busy", now)
        if delivery.due_at is not None:
            assert delivery.state is DeliveryState.FAILED_NOW
            pauses.append(delivery.due_at - now)
    assert delivery.state is DeliveryState.FAILED
    assert delivery.attempt == ATTEMPTS_MAX
    assert pauses[: len(RETRY_S)] == list(RETRY_S)
    assert set(pauses[len(RETRY_S) :]) == {RETRY_S[-1]}


def test_a_long_fault_fits_its_column() -> None:
    assert len(after_attempt(QUEUED, Sent.NOT_NOW, "x" * 5_000, 1.0).fault) == 200
