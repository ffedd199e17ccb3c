"""How well people are answered is counted as the standard says: boundaries inclusive, some calls left out."""

from __future__ import annotations

import random

import pytest

from central.service_figures import (
    Call,
    answers,
    by_hour,
    by_operator,
    help_times,
    help_times_from_sending,
    inside_times,
    percentile,
)
from central.service_settings import read_setting
from tests.central.conftest import NOON

LATER = NOON + 86_400.0


def call(
    waited_s: float | None,
    *,
    number: int = 1,
    priority: int = 1,
    opened_at: float = NOON,
    abandoned_s: float | None = None,
    arrived_s: float | None = None,
    operator: str = "ana",
    hour: int = 12,
) -> Call:
    def after(seconds: float | None) -> float | None:
        return None if seconds is None else opened_at + seconds

    who = "" if waited_s is None else operator
    return Call(number, priority, who, opened_at, after(waited_s), after(abandoned_s), after(arrived_s), hour)


@pytest.mark.parametrize(("waited_s", "within_60"), [(59.999, 1), (60.0, 1), (60.001, 0)])
def test_a_minute_is_within_a_minute_and_a_thousandth_more_is_not(waited_s: float, within_60: int) -> None:
    assert answers([call(waited_s)], LATER).within[60] == within_60


@pytest.mark.parametrize(("waited_s", "over"), [(179.999, 0), (180.0, 0), (180.001, 1)])
def test_only_what_waited_longer_than_three_minutes_needs_a_reason(waited_s: float, over: int) -> None:
    found = answers([call(waited_s)], LATER)
    assert (found.over, found.within[180]) == (over, 1 - over)


def test_tests_and_technical_cases_are_no_calls() -> None:
    found = answers([call(10), call(900, priority=4), call(900, priority=5)], LATER)
    assert (found.calls, found.counted, found.share(60)) == (1, 1, 1.0)


def test_a_call_taken_back_before_anybody_answered_is_told_apart() -> None:
    taken_back = call(200, abandoned_s=5)
    never_answered = call(None, abandoned_s=5)
    hung_up_later = call(20, abandoned_s=30)
    found = answers([taken_back, never_answered, hung_up_later], LATER)
    assert (found.counted, found.abandoned, found.share(60)) == (1, 2, 1.0)


def test_who_still_waits_counts_once_the_minute_is_over() -> None:
    waiting = [call(None)]
    assert answers(waiting, NOON + 60).counted == 0
    assert answers(waiting, NOON + 61).within == {50: 0, 60: 0, 180: 1}
    assert answers(waiting, NOON + 181).over == 1


def test_percentiles_are_values_that_were_measured() -> None:
    waits = [float(second) for second in range(1, 101)]
    assert [percentile(waits, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0


def test_the_curve_never_falls_and_ends_with_all_that_were_quick() -> None:
    dice = random.Random(3)
    calls = [call(dice.lognormvariate(2.7, 0.8), number=number) for number in range(500)]
    shares = [share for _, share in answers(calls, LATER).curve]
    assert shares == sorted(shares)
    assert dict(answers(calls, LATER).curve)[60] == answers(calls, LATER).share(60)


def test_hours_and_operators_add_up_to_the_whole() -> None:
    calls = [call(5, hour=3), call(70, hour=3, operator="marc"), call(9, hour=22), call(None, hour=22)]
    hours = by_hour(calls, LATER)
    assert [(hour, each.counted) for hour, each in enumerate(hours) if each.counted] == [(3, 2), (22, 2)]
    assert {name: each.share(60) for name, each in by_operator(calls, LATER).items()} == {"ana": 1.0, "marc": 0.0}


def test_help_is_counted_from_the_call_and_45_minutes_are_within() -> None:
    found = help_times([call(5, arrived_s=2_700), call(5, arrived_s=2_701), call(5, arrived_s=3_601), call(5)])
    assert (found.arrivals, found.within_45_min, found.within_60_min) == (3, 1, 2)


def test_help_is_counted_from_the_decision_to_send_too_where_one_was_noted() -> None:
    sent = [call(5, arrived_s=2_760)._replace(sent_at=NOON + 60), call(5, arrived_s=2_761)._replace(sent_at=NOON + 60)]
    found = help_times_from_sending([*sent, call(5, arrived_s=90)])
    assert (found.arrivals, found.within_45_min, found.max_s) == (2, 1, 2_701)


def test_who_arrives_should_be_inside_within_five_minutes() -> None:
    came = call(5, arrived_s=600)
    found = inside_times([came, came._replace(inside_at=NOON + 900), came._replace(inside_at=NOON + 901)])
    assert (found.known, found.within_5_min, found.max_s) == (2, 1, 301)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("targets", {"share_60": 120}),
        ("targets", {"share_61": 97}),
        ("ladder", {"after_s": {"exception": 60}}),
        ("ladder", {"after_s": {"supervisor": 9_999}}),
        ("protocols", {"text": {"dragon": "x"}}),
        ("protocols", {"text": {"fall": "x" * 5_000}}),
        ("closings", {"templates": [{"name": "a", "cause": "test"}, {"name": "a", "cause": "test"}]}),
        ("closings", {"templates": [{"name": "a", "cause": "dragon"}]}),
        ("colours", {}),
    ],
)
def test_what_cannot_be_settled_is_refused_in_a_sentence(name: str, body: object) -> None:
    assert isinstance(read_setting(name, body), str)
