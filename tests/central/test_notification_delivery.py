"""What a delivery does next, and what is known of it whatever the order of reports."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from central.notification.delivery import (
    STANDARD_RETRY,
    Delivery,
    DeliveryState,
    Retry,
    Sent,
    Verdict,
    after_attempt,
    answered,
    both_known,
    called_off,
    came_to,
    merge,
)

QUEUED = Delivery(1, 7, "marc", "email", "alarm", DeliveryState.QUEUED, 0, 100.0)
BUSY = Sent(Verdict.NOT_NOW, "451 busy")
STATES = st.sampled_from(DeliveryState)


def test_taken_is_sent_and_done() -> None:
    after = after_attempt(QUEUED, Sent(Verdict.TAKEN), 100.0)
    assert (after.state, after.attempt, after.due_at, after.sent_at) == (DeliveryState.SENT, 1, None, 100.0)


def test_refused_for_good_is_not_tried_again() -> None:
    after = after_attempt(QUEUED, Sent(Verdict.NEVER, "550 no such user"), 100.0)
    assert (after.state, after.due_at, after.fault) == (DeliveryState.FAILED_FOR_GOOD, None, "550 no such user")


def test_refused_for_now_is_tried_again_ever_more_slowly_and_not_for_ever() -> None:
    delivery, now, pauses = QUEUED, 100.0, []
    while delivery.due_at is not None:
        now = delivery.due_at
        delivery = after_attempt(delivery, BUSY, now)
        if delivery.due_at is not None:
            assert delivery.state is DeliveryState.FAILED_NOW
            pauses.append(delivery.due_at - now)
    assert delivery.state is DeliveryState.FAILED_FOR_GOOD
    assert delivery.attempt == STANDARD_RETRY.attempts_max
    steps = STANDARD_RETRY.pauses_s
    assert tuple(pauses[: len(steps)]) == steps
    assert set(pauses[len(steps) :]) == {steps[-1]}


def test_a_channel_has_its_own_pauses_and_patience() -> None:
    retry = Retry((5.0,), 2)
    once = after_attempt(QUEUED, BUSY, 100.0, retry)
    assert once.due_at == 105.0
    assert after_attempt(once, BUSY, 105.0, retry).state is DeliveryState.FAILED_FOR_GOOD


def test_a_receipt_is_awaited_only_where_one_can_come_and_has_not() -> None:
    assert after_attempt(QUEUED, Sent(Verdict.TAKEN), 100.0, receipt_wait_s=20.0).receipt_due_at == 120.0
    rang = Sent(Verdict.TAKEN, state=DeliveryState.DELIVERED)
    after = after_attempt(QUEUED, rang, 100.0, receipt_wait_s=20.0)
    assert (after.receipt_due_at, after.delivered_at) == (None, 100.0)
    assert after_attempt(QUEUED, Sent(Verdict.TAKEN), 100.0).receipt_due_at is None


def test_one_that_does_not_get_out_is_another_way_as_soon_as_one_without_a_receipt() -> None:
    once = after_attempt(QUEUED, BUSY, 100.0, receipt_wait_s=30.0)
    assert (once.state, once.due_at, once.receipt_due_at) == (DeliveryState.FAILED_NOW, 115.0, 130.0)
    assert after_attempt(once, BUSY, 115.0, receipt_wait_s=30.0).receipt_due_at == 130.0
    waited = replace(once, receipt_due_at=None)
    assert after_attempt(waited, BUSY, 145.0, receipt_wait_s=30.0).receipt_due_at is None
    assert after_attempt(waited, Sent(Verdict.TAKEN), 145.0, receipt_wait_s=30.0).receipt_due_at == 175.0


def test_a_long_fault_fits_its_column() -> None:
    assert len(after_attempt(QUEUED, Sent(Verdict.NOT_NOW, "x" * 5_000), 1.0).fault) == 200


@given(st.lists(STATES, max_size=8), st.randoms())
def test_reports_in_any_order_and_number_come_to_the_same(news: list[DeliveryState], random: object) -> None:
    def told(order: list[DeliveryState]) -> DeliveryState:
        delivery = QUEUED
        for state in order:
            before = delivery.state
            delivery = came_to(delivery, state, 1.0)
            assert merge(before, delivery.state) is delivery.state, "nothing goes back"
        return delivery.state

    shuffled = [*news, *news]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told(shuffled) is told(news)


def test_a_network_may_give_up_what_it_took_and_a_telephone_may_have_it_all_the_same() -> None:
    sent = after_attempt(QUEUED, Sent(Verdict.TAKEN), 1.0)
    gone = came_to(sent, DeliveryState.FAILED_FOR_GOOD, 2.0)
    assert gone.state is DeliveryState.FAILED_FOR_GOOD
    assert came_to(gone, DeliveryState.DELIVERED, 3.0).state is DeliveryState.DELIVERED


def test_people_may_change_their_mind_until_they_are_there() -> None:
    going = answered(QUEUED, DeliveryState.ACCEPTED, 5.0)
    cannot = answered(going, DeliveryState.DECLINED, 9.0)
    assert (cannot.state, cannot.answered_at, cannot.due_at) == (DeliveryState.DECLINED, 9.0, None)
    there = answered(going, DeliveryState.ARRIVED, 12.0)
    assert answered(there, DeliveryState.DECLINED, 13.0).state is DeliveryState.ARRIVED
    assert came_to(cannot, DeliveryState.DELIVERED, 14.0).state is DeliveryState.DECLINED


def test_what_went_out_is_not_called_off_but_not_followed_up_either() -> None:
    sent = after_attempt(QUEUED, Sent(Verdict.TAKEN), 1.0, receipt_wait_s=20.0)
    assert called_off(QUEUED).state is DeliveryState.CANCELLED
    assert (called_off(sent).state, called_off(sent).receipt_due_at) == (DeliveryState.SENT, None)


def test_what_is_called_off_while_it_goes_out_is_not_tried_again() -> None:
    meanwhile = called_off(QUEUED)
    failed = both_known(after_attempt(QUEUED, BUSY, 1.0), meanwhile)
    assert (failed.state, failed.due_at) == (DeliveryState.CANCELLED, None)
    went = both_known(after_attempt(QUEUED, Sent(Verdict.TAKEN), 1.0, receipt_wait_s=9.0), meanwhile)
    assert (went.state, went.receipt_due_at) == (DeliveryState.SENT, None)
    seen = came_to(replace(QUEUED, due_at=400.0), DeliveryState.OPENED, 0.5)
    both = both_known(after_attempt(QUEUED, Sent(Verdict.TAKEN), 1.0, receipt_wait_s=9.0), seen)
    assert (both.state, both.opened_at, both.sent_at, both.receipt_due_at) == (DeliveryState.OPENED, 0.5, 1.0, None)
