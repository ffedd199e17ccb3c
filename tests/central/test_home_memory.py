"""What is kept of a home in little arrays says the same as plain lists would, and needs little room."""

from __future__ import annotations

import random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from central.detection.measured import Measured
from central.detection.past_silences import DAY_STEPS, PastSilences, Silence
from central.detection.worst import LIMIT_DAYS, WORST_OF_DAYS, Worst

TODAY: Final = 739_600
"""An ordinal."""

silences = st.builds(
    Silence, st.integers(0, DAY_STEPS - 1), st.integers(0, DAY_STEPS), st.integers(0, 255), st.integers(0, 127)
)
days = st.lists(st.tuples(st.integers(0, 200), st.lists(silences, max_size=4)), max_size=12)


def said_by(past: PastSilences) -> list[tuple[int, Silence]]:
    """All silences with their days, as the table has them."""
    rows = zip(*past.table(), strict=True)
    return [(start // DAY_STEPS, Silence(start % DAY_STEPS, *rest)) for start, *rest in rows]


@settings(max_examples=100, deadline=None)
@given(days, st.integers(1, 30))
def test_past_silences_are_told_as_they_were_until_they_are_forgotten(
    lived: list[tuple[int, list[Silence]]], most: int
) -> None:
    past, known, day = PastSilences(), list[tuple[int, Silence]](), TODAY
    for later, of_day in lived:
        day += later
        for silence in of_day:
            past.add(day, silence)
            known.append((day, silence))
        assert said_by(past) == known, "also before the day is closed"
        past.close(day - 120, most)
        known = [one for one in known if one[0] >= day - 120][-most:]
        assert said_by(past) == known
        assert len(past) == len(known)
        assert said_by(PastSilences.of(past.columns(), day)) == known


def test_four_months_of_silences_need_little_more_than_two_bytes_each() -> None:
    """Also where rooms come by mere chance, which is the worst case."""
    past, dice = PastSilences(), random.Random(1)
    for day in range(TODAY, TODAY + 120):
        step = 80
        for _ in range(15):
            step += dice.randrange(12)
            silence = Silence(step % DAY_STEPS, 4 + min(int(dice.expovariate(1 / 4)), 60), *dice.choices(range(8), k=2))
            step += silence.length
            past.add(day, silence)
    past.close(TODAY, 10_000)
    assert len(past) == 1_800
    assert len(past.packed) <= 2.1 * len(past)


notes = st.tuples(st.sampled_from([0, 3, 16, 22]), st.integers(0, 30), st.floats(-1, 1e4))


@settings(max_examples=100, deadline=None)
@given(st.lists(notes, min_size=10, max_size=60))
def test_the_worst_of_each_block_of_days_is_known_for_three_months(noted: list[tuple[int, int, float]]) -> None:
    worst, known, day = Worst(), dict[tuple[int, int], float](), TODAY
    for watch, later, score in noted:
        day += later
        block = day // WORST_OF_DAYS
        worst.note(watch, block, score)
        if score > 0:
            known[watch, block] = max(score, known.get((watch, block), 0.0))
        first = (day - LIMIT_DAYS) // WORST_OF_DAYS
        worst.forget(first)
        known = {cell: greatest for cell, greatest in known.items() if cell[1] >= first}
        kept = [(*cell, greatest) for cell, greatest in sorted(known.items())]
        assert worst.kept() == kept
        assert Worst.of(kept).kept() == kept
        both = {block: max(known.get((watch, block), 0.0) for watch in (0, 16)) for _, block in known}
        expected = sorted((max(score, 1e-6) for score in both.values() if score), reverse=True)
        assert worst.of_blocks((0, 16)) == expected


temperatures = st.tuples(st.sampled_from("abc"), st.integers(0, 30_000), st.integers(-4_000, 8_500))


@settings(max_examples=100, deadline=None)
@given(st.lists(temperatures, min_size=1, max_size=120), st.integers(0, 30_000))
def test_no_measured_value_lies_beyond_the_bounds_that_are_looked_at_first(
    said: list[tuple[str, int, int]], set_back_to: int
) -> None:
    measured = Measured()
    for device, at, hundredths in said:
        measured.take(device, "temperature", 1e9 + at, hundredths / 100)
    series = measured.series["temperature"]
    for _ in range(2):
        steps = {device: of_device for device, of_device in measured.of_kind("temperature") if of_device}
        for device, of_device in steps.items():
            low, high = series.bounds_of(device)
            assert low <= min(step.low for step in of_device)
            assert high >= max(step.high for step in of_device)
            assert series.bounds()[0] <= low <= high <= series.bounds()[1]
        measured.drop_after(1e9 + set_back_to)
    assert all(step.first_at <= 1e9 + set_back_to + 600 for of_device in steps.values() for step in of_device)
