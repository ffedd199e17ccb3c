"""How falls are scored and models are made; on recordings where there are some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fall_scoring import Rate, Share, score
from benchmarks.fall_training import MADE_FROM, at_rate, fit, gather
from benchmarks.falls import stream
from devices.wearable.fall import FallDetector
from devices.wearable.fall_model import save_model
from devices.wearable.site import Site
from simulators.movement import Act, fall, feel, sit_down, walk
from simulators.recorded_falls import ABSENT, RECORDED_HZ, Trial, trials_of


def trial(acts: list[Act], subject: str, seed: int, *, is_fall: bool) -> Trial:
    """As if recorded; a fall begins after four seconds, and is marked until two seconds later."""
    signal = np.array(feel(acts, RECORDED_HZ, seed), np.float32)
    marks = (200, 300, 245) if is_fall else (-1, -1, -1)
    return Trial(signal, subject, "F01" if is_fall else "D01", is_fall, False, *marks)


def some_trials() -> list[Trial]:
    found = []
    for seed in range(6):
        found.append(trial([*walk(4), *fall(5)], f"S{seed % 2}", seed, is_fall=True))
        found.append(trial([*walk(4), *sit_down(4, hard=True)], f"S{seed % 2}", seed, is_fall=False))
    return found


def test_alarms_are_judged_by_the_rules() -> None:
    fallen, daily = some_trials()[:2]
    older = Trial(daily.signal, "S9", "D02", False, True, -1, -1, -1)
    trials = [fallen, fallen, fallen, daily, older]
    # in time and said again; too early by more than half a second, twice within the time of merging; none
    alarms = [[7.0, 9.5], [3.4, 3.49, 3.51], [], [1.0, 5.9, 6.1], []]
    found = score(trials, alarms)
    assert (found.found, found.quiet_young, found.quiet_older) == (Share(2, 3), Share(0, 1), Share(1, 1))
    assert found.false.count == 2, "5.9 s is within five seconds of the last that was counted, 6.1 s is not"
    assert found.false.hours == pytest.approx((daily.seconds + older.seconds) / 3600)
    assert found.false_before == 1
    assert found.latencies_s == pytest.approx((7.0 - 4.9, 3.51 - 4.9))
    assert found.right == {"D01": Share(0, 1), "D02": Share(1, 1), "F01": Share(2, 3)}


def test_intervals_are_those_of_the_textbook() -> None:
    assert Share(8, 10).interval == pytest.approx((49.02, 94.33), abs=0.01)
    assert Share(0, 0).interval == (0.0, 100.0)
    assert Rate(0, 1.0).interval == pytest.approx((0.0, 3.689), abs=0.001)
    assert Rate(10, 2.0).interval == pytest.approx((4.795 / 2, 18.390 / 2), abs=0.001)


def test_another_rate_is_taken_from_straight_lines() -> None:
    ramp = np.arange(11, dtype=float)[:, None]
    assert at_rate(ramp, 25.0, 1.0)[:, 0].tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert at_rate(ramp, 40.0)[:, 0].tolist() == pytest.approx([0, 1.25, 2.5, 3.75, 5, 6.25, 7.5, 8.75, 10])


def test_the_same_recordings_give_the_same_weights_and_these_tell_falls_from_daily_life(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        model = fit(gather(some_trials(), Site.WRIST), Site.WRIST, gyroscope=False)
        save_model(model, tmp_path / name)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    detector = FallDetector(Site.WRIST, gyroscope=False, model=model)
    others = [trial([*walk(4), *fall(5)], "S9", 90 + i, is_fall=True) for i in range(4)]
    others += [trial([*walk(4), *sit_down(4, hard=True)], "S9", 90 + i, is_fall=False) for i in range(4)]
    found = score(others, [stream(detector, each, 50.0) for each in others])
    assert found.found == Share(4, 4)
    assert found.quiet_young == Share(4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("about", [100, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize("rate_hz", [50.0, 25.0])
@pytest.mark.parametrize("site", Site)
def test_the_models_know_the_recordings_that_they_were_made_from(site: Site, rate_hz: float, about: int) -> None:
    """That the weights fit this code; how good they are for others, `python -m benchmarks falls` measures."""
    trials = [trial for trial in trials_of(site) if trial.subject in MADE_FROM[site]]
    if not trials:
        pytest.skip(f"NOT TESTED: {ABSENT}")
    trials = trials[:: 1 + len(trials) // about]
    for gyroscope in (True, False):
        detector = FallDetector(site, rate_hz, gyroscope=gyroscope)
        found = score(trials, [stream(detector, each, rate_hz) for each in trials])
        assert found.found.percent >= 97
        assert found.quiet_young.percent >= 97
        assert found.quiet_older.percent >= 97
        assert found.latency_s[0] <= 2.5
