"""Alarms go first and again and again; nothing else ever holds them up."""

from __future__ import annotations

import math

from hypothesis import given, strategies

from edge.routes import (
    PACKS_IN_FLIGHT_MAX,
    RESEND_S,
    Route,
    Send,
    Waiting,
    WaitingAlarm,
    WaitUntil,
    What,
    next_to_send,
    resend_at,
)
from gateway.contract.messages import Path

UP = Route(Path.BROADBAND, up=True)
DOWN = Route(Path.BROADBAND, up=False)
MOBILE = Route(Path.MOBILE, up=True, carries=frozenset({What.ALARM, What.STATE}))


def test_alarms_then_state_then_packs() -> None:
    waiting = Waiting((WaitingAlarm("a1", 0.0),), state_due_at=0.0, pack_due_at=0.0)
    assert next_to_send(waiting, [UP], 1.0) == Send(What.ALARM, Path.BROADBAND, "a1")
    waiting = Waiting((WaitingAlarm("a1", 9.0),), state_due_at=0.0, pack_due_at=0.0)
    assert next_to_send(waiting, [UP], 1.0) == Send(What.STATE, Path.BROADBAND)
    waiting = Waiting((WaitingAlarm("a1", 9.0),), state_due_at=50.0, pack_due_at=0.0)
    assert next_to_send(waiting, [UP], 1.0) == Send(What.PACK, Path.BROADBAND)
    waiting = Waiting((WaitingAlarm("a1", 9.0),), state_due_at=50.0, pack_due_at=20.0)
    assert next_to_send(waiting, [UP], 1.0) == WaitUntil(9.0)


def test_nothing_is_sent_and_nothing_hurries_while_there_is_no_way() -> None:
    waiting = Waiting((WaitingAlarm("a1", 0.0),), state_due_at=0.0, pack_due_at=0.0)
    assert next_to_send(waiting, [DOWN], 1.0) == WaitUntil(math.inf)
    assert next_to_send(waiting, [], 1.0) == WaitUntil(math.inf)


def test_a_narrow_way_carries_the_alarm_and_not_the_measurements() -> None:
    waiting = Waiting((WaitingAlarm("a1", 0.0),), pack_due_at=0.0)
    assert next_to_send(waiting, [DOWN, MOBILE], 1.0) == Send(What.ALARM, Path.MOBILE, "a1")
    assert next_to_send(Waiting(pack_due_at=0.0), [DOWN, MOBILE], 1.0) == WaitUntil(math.inf)
    assert next_to_send(waiting, [UP, MOBILE], 1.0) == Send(What.ALARM, Path.BROADBAND, "a1")


def test_packs_wait_for_receipts() -> None:
    full = Waiting(pack_due_at=0.0, packs_in_flight=PACKS_IN_FLIGHT_MAX)
    assert next_to_send(full, [UP], 1.0) == WaitUntil(math.inf)


@given(strategies.integers(0, 1000), strategies.floats(0, 1e9), strategies.floats(0, 1))
def test_an_unanswered_alarm_is_due_again_within_5_to_20_seconds(times: int, now: float, chance: float) -> None:
    wait = resend_at(times, now, chance) - now
    assert RESEND_S[0] - 1e-6 <= wait <= RESEND_S[-1] + 1e-6


_times = strategies.one_of(strategies.floats(0, 100), strategies.just(math.inf))


@given(
    strategies.lists(strategies.floats(0, 100), max_size=5),
    _times,
    _times,
    strategies.integers(0, PACKS_IN_FLIGHT_MAX),
    strategies.floats(0, 100),
)
def test_a_due_alarm_always_goes_first_and_waiting_is_never_past_a_due_time(
    alarms: list[float], state: float, pack: float, in_flight: int, now: float
) -> None:
    waiting = Waiting(tuple(WaitingAlarm(f"a{i}", due) for i, due in enumerate(alarms)), state, pack, in_flight)
    match next_to_send(waiting, [UP], now):
        case Send(What.ALARM, ref=ref):
            assert alarms[int(ref[1:])] <= now
        case Send():
            assert all(due > now for due in alarms)
        case WaitUntil(at):
            assert at > now
            assert all(due >= at for due in [*alarms, state])
