"""Falls in a stream: found however it is cut, at any rate, with gaps and clipping, without looking ahead."""

from __future__ import annotations

import math
import tracemalloc
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.vocabulary import Reading
from devices.wearable import judge_process
from devices.wearable.aftermath import Aftermath
from devices.wearable.fall import FallDetector, Suspicion
from devices.wearable.fall_features import FULL_SCALE_G, WINDOW, features
from devices.wearable.fall_model import HELD, load_model, model_file, normalised, save_model
from devices.wearable.follow import Follower
from devices.wearable.judge_lines import WindowLine, Worn
from devices.wearable.resampling import MODEL_HZ, Resampler, Samples
from devices.wearable.site import Site
from devices.wearable.windows import STEPS_PER_G, Piece, strongest_g, write_piece
from simulators.movement import SEATED, UPRIGHT, Act, fall, feel, get_up, sit_down, stand, walk

AT = 1_795_276_800.0
FALL = [*walk(4), *fall(5)]
SEEDS = range(8)


def felt(acts: Sequence[Act], rate_hz: float = 50.0, seed: int = 5, full_scale_g: float = 16.0) -> Samples:
    return np.array(feel(acts, rate_hz, seed, full_scale_g=full_scale_g))


def found(detector: FallDetector, rows: Samples, block: int = 5) -> list[tuple[int, Suspicion]]:
    """Suspicions with the number of samples that had been given by then."""
    detector.reset()
    return [
        (at + len(part), suspicion)
        for at in range(0, len(rows), block)
        if len(part := rows[at : at + block])
        for suspicion in detector.push(part)
    ]


def top(acts: Sequence[Act], seed: int, site: Site, *, gyroscope: bool, rate_hz: float = 50.0) -> float:
    """The highest score that anything in these acts gets; 0 where nothing was a blow."""
    detector = FallDetector(site, rate_hz, gyroscope=gyroscope, threshold=0.0)
    return max((s.score for _, s in found(detector, felt(acts, rate_hz, seed))), default=0.0)


@pytest.mark.parametrize("gyroscope", [True, False])
@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0])
@pytest.mark.parametrize("site", Site)
def test_falls_are_told_from_daily_life_at_each_rate(site: Site, rate_hz: float, gyroscope: bool) -> None:
    def tops(acts: Sequence[Act]) -> list[float]:
        return [top(acts, seed, site, gyroscope=gyroscope, rate_hz=rate_hz) for seed in SEEDS]

    falls = tops(FALL)
    daily = [*tops([*walk(4), *sit_down(5, hard=True)]), *tops([*stand(3), *sit_down(5), *walk(5)])]
    threshold = load_model(site, gyroscope=gyroscope).threshold
    assert max(daily) < threshold
    assert np.median(falls) > max(daily) + 0.1
    # made falls lie at the edge of what the models know; what they find is measured on recordings
    assert max(falls) >= threshold


def test_who_gets_up_at_once_and_walks_scores_lower() -> None:
    at_once = [*walk(4), *fall(0)[:-2], *get_up(5)]
    tops = [[top(acts, seed, Site.WRIST, gyroscope=False) for seed in SEEDS] for acts in (FALL, at_once)]
    assert all(lying > up for lying, up in zip(*tops, strict=True))


def test_a_suspicion_says_why_and_when() -> None:
    ((given, suspicion),) = found(FallDetector(Site.WRIST, gyroscope=False), felt(FALL))
    assert suspicion.impact_g > 3
    assert 60 < suspicion.tilt_deg < 120
    assert suspicion.stir_g < 0.4
    assert suspicion.free_fall_s < 1
    assert suspicion.lost_s == 0
    assert given / 50 - suspicion.age_s == pytest.approx(4 + 0.4 + 0.5, abs=0.3), "the blow follows the way down"
    assert 2.0 <= suspicion.age_s <= 2.2


def test_a_wearers_threshold_decides() -> None:
    rows = felt(FALL)
    ((_, suspicion),) = found(FallDetector(Site.WRIST, gyroscope=False, threshold=0.05), rows)
    assert found(FallDetector(Site.WRIST, gyroscope=False, threshold=suspicion.score), rows)
    assert not found(FallDetector(Site.WRIST, gyroscope=False, threshold=suspicion.score + 0.001), rows)


@pytest.mark.parametrize("rate_hz", [25.0, 33.3, 50.0, 62.5, 100.0])
def test_a_stream_is_judged_as_the_whole_and_at_most_two_and_a_half_seconds_late(rate_hz: float) -> None:
    rows = felt([*FALL, *walk(3), *fall(4)], rate_hz)
    detector = FallDetector(Site.WRIST, rate_hz, gyroscope=True, threshold=0.0)
    whole = [s.score for _, s in found(detector, rows, len(rows))]
    assert len(whole) >= 2
    for block in (1, 5, 37):
        assert [s.score for _, s in found(detector, rows, block)] == whole
    assert all(s.age_s <= 2.5 for _, s in found(detector, rows, 5))


@pytest.mark.parametrize("bounce_s", [0.4, 0.6, 0.9])
@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0])
def test_a_fall_whose_bounce_is_felt_stronger_is_told_in_time_for_its_impact(rate_hz: float, bounce_s: float) -> None:
    rows = felt(FALL, rate_hz)
    size = np.linalg.norm(rows[:, :3], axis=1)
    impact = int(size.argmax())
    rows[:, :3] *= np.minimum(1.0, 2.5 / size)[:, None]
    rows[impact + round(bounce_s * rate_hz), :3] = 1.4 * rows[impact, :3]
    block = round(0.2 * rate_hz)
    told = [given for given, _ in found(FallDetector(Site.WRIST, rate_hz, threshold=0.0), rows, block)]
    assert any(0 < (given - impact) / rate_hz <= 2.5 for given in told)
    assert len(told) == len(found(FallDetector(Site.WRIST, rate_hz, threshold=0.0), felt(FALL, rate_hz), block))


def test_a_silence_after_a_bounce_that_was_judged_asks_nothing_again() -> None:
    rows = felt(FALL)
    impact = int(np.linalg.norm(rows[:, :3], axis=1).argmax())
    rows[impact + 40, :3] = 1.2 * rows[impact, :3]
    detector = FallDetector(Site.WRIST, threshold=0.0)
    assert found(detector, rows[: impact + 115])
    assert detector.silent() == []


@settings(deadline=None, max_examples=25)
@given(st.integers(100, 460), st.integers(0, 2**32 - 1), st.sampled_from([25.0, 50.0, 100.0]))
def test_what_follows_changes_nothing_that_was_decided(until: int, chance: int, rate_hz: float) -> None:
    rows = felt(FALL, rate_hz)
    until = round(until * rate_hz / 50)
    others = rows.copy()
    others[until:] = np.random.default_rng(chance).normal(size=others[until:].shape) * 3
    detector = FallDetector(Site.WRIST, rate_hz, threshold=0.0)

    def decided(signal: Samples) -> list[tuple[int, Suspicion]]:
        return [each for each in found(detector, signal, 1) if each[0] <= until]

    assert decided(rows) == decided(others)


def test_it_begins_anew_as_if_nothing_had_been() -> None:
    detector = FallDetector(Site.WRIST)
    first = found(detector, felt(FALL))
    detector.push(felt([*walk(2), *fall(0)[:3]]))
    assert found(detector, felt(FALL)) == first


@pytest.mark.parametrize("as_numbers", [True, False])
def test_a_lost_second_before_the_fall_is_bridged_and_told(as_numbers: bool) -> None:
    rows, gap = felt(FALL), slice(150, 190)
    detector = FallDetector(Site.WRIST, gyroscope=False)
    assert found(detector, rows)
    detector.reset()
    if as_numbers:
        rows[gap] = math.nan
        (suspicion,) = detector.push(rows)
    else:
        (suspicion,) = [*detector.push(rows[: gap.start]), *detector.push(rows[gap.stop :], lost=40)]
    assert suspicion.lost_s == pytest.approx(0.8)


def test_a_gap_is_no_blow_and_a_long_one_begins_anew() -> None:
    detector = FallDetector(Site.WRIST, gyroscope=False, threshold=0.0)
    turned = felt(stand(4))[:, [1, 0, 2, 3, 4, 5]] * -1
    assert detector.push(felt(stand(4))) + detector.push(turned, lost=50) + detector.push(turned, lost=500) == []
    cut = felt(FALL)[260:]
    detector.reset()
    alone = detector.push(cut)
    detector.reset()
    assert detector.push(felt(walk(4))) + detector.push(cut, lost=1_000) == alone


def test_a_dead_gyroscope_does_not_make_it_deaf() -> None:
    rows = felt(FALL)
    rows[:, 3:] = math.nan
    assert found(FallDetector(Site.WRIST, threshold=0.0), rows)


@pytest.mark.parametrize("site", Site)
def test_the_sensors_range_does_not_matter_from_four_g_on(site: Site) -> None:
    detector = FallDetector(site, gyroscope=False, threshold=0.0)
    narrow, wide = (found(detector, felt(FALL, full_scale_g=scale)) for scale in (FULL_SCALE_G, 16.0))
    assert narrow == wide
    assert narrow


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(width=32), min_size=6, max_size=6), min_size=1, max_size=60), st.integers(0, 500))
def test_any_numbers_are_borne(rows: list[list[float]], lost: int) -> None:
    detector = FallDetector(Site.WRIST, threshold=0.0)
    detector.push(felt(stand(5)))
    suspicions = detector.push(np.array(rows), lost) + detector.push(felt(stand(5)))
    assert all(0 <= s.score <= 1 and math.isfinite(s.tilt_deg) for s in suspicions)


def test_memory_does_not_grow_with_the_stream() -> None:
    detector = FallDetector(Site.WRIST, 33.0)
    rows = felt(FALL, 33.0)
    for _ in range(5):
        found_here = detector.push(rows)
    tracemalloc.start()
    for _ in range(60):
        found_here = detector.push(rows)
    grown, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found_here is not None
    assert grown < 100_000


def test_a_rate_at_which_blows_are_not_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        FallDetector(Site.WRIST, 10.0)


@pytest.mark.parametrize("rate_hz", [25.0, 49.5, 50.0, 100.0])
def test_a_stream_of_another_rate_keeps_its_time(rate_hz: float) -> None:
    """A slow wave stands at each moment where it should, also after an hour."""
    seconds = np.arange(round(3_600 * rate_hz)) / rate_hz
    wave = np.sin(2 * np.pi * 0.5 * seconds)
    rows = Resampler(rate_hz).push(np.column_stack((wave, wave, wave)))
    moments = np.arange(len(rows)) / MODEL_HZ
    assert len(rows) == pytest.approx(3_600 * MODEL_HZ, abs=3)
    assert np.abs(rows[:, 0] - np.sin(2 * np.pi * 0.5 * moments)).max() < 0.01


def test_smoothed_what_only_a_fast_sensor_feels_tells_nothing() -> None:
    """A trembling from sample to sample is there at 50 Hz and gone at 25 Hz; one model serves both."""
    window = felt(FALL)[:WINDOW, :3]
    trembling = 0.3 * np.resize([1.0, -1.0], WINDOW)[:, None]
    inside = features(window + trembling, smoothed=True)[11:44]
    assert inside == pytest.approx(features(window, smoothed=True)[11:44], abs=1e-9)
    assert load_model(Site.WRIST, gyroscope=False).smoothed


@pytest.mark.parametrize("gyroscope", [True, False])
@pytest.mark.parametrize("site", Site)
def test_a_models_file_is_small_and_is_written_the_same(site: Site, gyroscope: bool, tmp_path: object) -> None:
    from pathlib import Path

    model, folder = load_model(site, gyroscope=gyroscope), Path(str(tmp_path))
    save_model(model, folder / "again.npz")
    shipped = Path("devices/wearable") / model_file(site, gyroscope=gyroscope)
    assert (folder / "again.npz").read_bytes() == shipped.read_bytes()
    assert shipped.stat().st_size < 300_000


def test_features_are_held_and_ordered() -> None:
    knots = np.linspace(0, 1, 11, dtype=np.float32)[:, None]
    points = normalised(np.array([[-5.0], [0.25], [0.5], [0.75], [5.0]]), knots)[:, 0]
    assert points[[0, 2, 4]].tolist() == pytest.approx([-HELD, 0.0, HELD], abs=1e-6)
    assert points[1] == pytest.approx(-0.6745, abs=0.001)
    assert points[3] == pytest.approx(0.6745, abs=0.001)


def pieces(rows: Samples, rate_hz: float = 50.0, size: int = 37) -> list[Piece]:
    steps = np.round(rows[:, :3] * STEPS_PER_G).astype(int)
    return [
        Piece(at, rate_hz, 8, False, at == 0, tuple((int(x), int(y), int(z)) for x, y, z in steps[at : at + size]))
        for at in range(0, len(steps), size)
    ]


def told(follower: Follower, sent: Sequence[Piece]) -> list[Reading]:
    return [
        reading
        for piece in sent
        for reading in follower.take(piece, AT + (piece.counter + len(piece.samples)) / piece.rate_hz)
    ]


@pytest.mark.parametrize("rate_hz", [25.0, 50.0])
@pytest.mark.parametrize("site", Site)
def test_a_suspected_fall_is_confirmed_by_stillness_or_recovered_by_walking(site: Site, rate_hz: float) -> None:
    down = [*walk(4), *fall(6)]
    for rest, outcome in (
        (fall(20)[-1:], ["suspected", "confirmed"]),
        (get_up(20), ["suspected", "recovered"]),
        ([], ["suspected"]),
    ):
        follower = Follower("worn", site, threshold=0.05)
        said = told(follower, pieces(felt([*down, *rest], rate_hz), rate_hz))
        assert [r.value for r in said if r.kind == "fall"] == outcome


def test_who_sat_down_hard_and_sits_still_is_not_taken_for_lying() -> None:
    aftermath = Aftermath(Site.WAIST, UPRIGHT, 50.0)
    assert aftermath.push(felt([Act(70, SEATED, stir_g=0.005)])) is None


def test_a_wearables_windows_become_readings_of_a_fall_with_its_time() -> None:
    follower = Follower("worn", Site.WRIST)
    sent = pieces(felt(FALL))
    said = told(follower, [*sent[:9], *sent[8:9], *sent[10:]])
    assert [(r.device, r.kind) for r in said] == [("worn", kind) for kind in ("fall", "impact", "tilt", "stir")]
    assert said[0].value == "suspected"
    assert said[0].measured_at == pytest.approx(AT + 4.9, abs=0.3)
    assert said[1].value > 30  # type: ignore[operator] # a number


@pytest.mark.parametrize("restarts", [False, True])
def test_a_wearable_that_starts_anew_is_judged_by_what_comes_after_it_alone(restarts: bool) -> None:
    sent = pieces(felt(FALL))
    blow = next(place for place, piece in enumerate(sent) if strongest_g(piece) > 3)
    later = [replace(piece, begins=restarts and place == 0) for place, piece in enumerate(sent[blow + 2 :])]
    follower = Follower("worn", Site.WRIST)
    assert told(follower, sent[: blow + 2]) == []
    assert bool(told(follower, later)) is not restarts


def test_the_process_follows_so_many_wearers_and_forgets_the_longest_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_process, "FOLLOWED_MAX", 2)
    followed: OrderedDict[str, tuple[Worn, Follower]] = OrderedDict()
    window = write_piece(pieces(felt(stand(1)))[0])
    for device in ("a", "b", "a", "c"):
        judge_process._said(msgspec.json.encode(WindowLine(device, Worn(Site.WRIST), window, AT)), followed)
    assert list(followed) == ["a", "c"]
    _, before = followed["a"]
    judge_process._said(msgspec.json.encode(WindowLine("a", Worn(Site.WAIST), window, AT)), followed)
    assert followed["a"][0].site is Site.WAIST
    assert followed["a"][1] is not before, "worn elsewhere, by another model"


def test_a_wearable_that_is_too_slow_is_counted_and_another_rate_begins_anew() -> None:
    follower = Follower("worn", Site.WRIST)
    assert follower.take(Piece(0, 10.0, 8, False, True, ((0, 0, 2048),)), AT) == []
    assert follower.too_slow == 1
    slow = pieces(felt(FALL, 25.0), 25.0)
    for piece in pieces(felt(stand(3))):
        follower.take(piece, AT)
    assert told(follower, slow)


@pytest.mark.parametrize("site", Site)
def test_a_wearable_that_falls_silent_right_after_a_fall_is_suspected_and_after_sitting_down_not(site: Site) -> None:
    def cut(acts: Sequence[Act], after_s: float) -> FallDetector:
        rows = felt(acts)
        blow = 200 + int(np.linalg.norm(rows[200:300, :3], axis=1).argmax())
        detector = FallDetector(site, gyroscope=False)
        assert found(detector, rows[: blow + round(50 * after_s)]) == []
        return detector

    (suspicion,) = cut(FALL, 1.0).silent()
    assert suspicion.lost_s == pytest.approx(1.0, abs=0.1)
    assert suspicion.age_s == pytest.approx(1.0, abs=0.1)
    assert cut([*walk(4), *sit_down(5, hard=True)], 1.0).silent() == []
    assert FallDetector(site).silent() == []


def test_to_ask_in_a_silence_changes_nothing_of_what_comes_later() -> None:
    rows = felt(FALL)
    asked, plain = FallDetector("wrist", gyroscope=False), FallDetector("wrist", gyroscope=False)
    for at in range(0, len(rows), 50):
        said = [each.push(rows[at : at + 50]) for each in (asked, plain)]
        assert said[0] == said[1]
        asked.silent()
