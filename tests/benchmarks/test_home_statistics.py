"""A log's figures are what one counts by hand, and simulated people's lie where recorded people's do."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest

from benchmarks.home_statistics import distance, log_of, profile, statistics
from benchmarks.simulated_homes import FIRST_DAY, rows_of
from simulators.household import household
from simulators.recording import simulated

DAY, HOUR, STEP = 86_400, 3600, 300

BANDS = {
    "active 5-min steps a day": (80, 170),
    "active steps: deviation between days / mean": (0.08, 0.35),
    "silences of 20 min and more, a day": (12, 23),
    "silence night 0-6, min, p90": (60, 180),
    "longest silence of a night 23-7, min, p50": (60, 200),
    "longest silence of a day 8-22, min, p50": (50, 180),
    "share of bedroom": (0.12, 0.45),
    "share of bathroom": (0.07, 0.22),
    "share of kitchen": (0.05, 0.33),
    "share of living, dining, office": (0.25, 0.65),
    "outings a week (door, 20 min, door)": (2, 25),
    "outing, min, p50": (25, 110),
    "night bathroom visits 0-6, a night": (0.4, 2.6),
}
"""Around the recorded homes hh101 and casas_al; the median of a few simulated homes."""


def by_hand() -> list[tuple[float, str, int]]:
    """Three equal days, the middle of which counts: breakfast, an outing from 10 to 11, a bathroom visit at night."""
    day = [
        (3 * HOUR, "bathroom", 4),
        (3 * HOUR + STEP, "bedroom", 1),
        (8 * HOUR, "kitchen", 30),
        (8 * HOUR + STEP, "kitchen", 10),
        (10 * HOUR, "door", 2),
        (11 * HOUR, "door", 2),
        (11 * HOUR + STEP, "living", 3),
        (22 * HOUR, "bedroom", 3),
    ]
    return [(number * DAY + at, room, lines) for number in range(3) for at, room, lines in day]


def test_figures_are_those_that_one_counts_by_hand() -> None:
    found = statistics(log_of("by-hand", by_hand()))
    assert found["lines a day"] == 55
    assert found["active 5-min steps a day"] == 8
    assert found["steps with one room and at most 2 lines, share"] == 3 / 8
    assert found["outings a week (door, 20 min, door)"] == 7
    assert found["outing, min, p50"] == 60
    assert found["night bathroom visits 0-6, a night"] == 1
    assert found["steps with the door, a day"] == 2
    assert found["nights with the door 0-5, share"] == 0
    assert found["share of kitchen"] == pytest.approx(2 / 6)
    assert found["silence morning 6-12, min, p99"] == pytest.approx(650, abs=15)


def test_bad_days_do_not_count() -> None:
    rows = [*by_hand(), *((3 * DAY + at, room, lines) for at, room, lines in by_hand()[:8])]
    noisy = [(DAY + 12 * HOUR + step * STEP, "living", 50) for step in range(60)]
    assert statistics(log_of("bad", [*rows, *noisy], bad=[(DAY, DAY + HOUR)]))["active 5-min steps a day"] == 8


def test_a_profile_is_as_far_from_another_as_its_hours_are() -> None:
    morning, evening = np.eye(24)[8], np.eye(24)[20]
    assert distance(morning, morning) == 0
    assert distance(morning, evening) == 1
    assert profile(log_of("by-hand", by_hand())).sum() == pytest.approx(1)


def test_a_few_simulated_people_live_within_the_bands_of_recorded_ones() -> None:
    homes = [household(seed, couple=False, pet=False) for seed in range(1, 9)]
    told = [statistics(log_of(home.name, rows_of(simulated(home, FIRST_DAY, 21)))) for home in homes]
    for name, (low, high) in BANDS.items():
        middle = median(one[name] for one in told if name in one)
        assert low <= middle <= high, f"{name}: {middle}"
