"""Bed mat, door contact and fall sensor on the pendant's core: the hub knows how things are, and what it missed."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wearable.windows import Piece, Stream, read_piece
from tests.firmware_stubs.bench import CONTACT, STATE, WINDOW, Bench

G = 2_048
STILL = (0, 0, G)
SAMPLE_MS = 20


def states(bench: Bench) -> list[int]:
    """The states told, each message once, in order."""
    first: dict[int, int] = {}
    for told in bench.of(STATE):
        first.setdefault(told.sequence, told.argument)
    return list(first.values())


@pytest.mark.parametrize("empty_at_start", [True, False])
def test_a_mat_says_how_it_is_at_the_start_and_then_every_change(bed_mat: ctypes.CDLL, empty_at_start: bool) -> None:
    bench = Bench(bed_mat)
    bench.line(0 if empty_at_start else CONTACT)
    bench.run(1_000)
    bench.bounce(0 if not empty_at_start else CONTACT, [3, 4, 1, 9])
    bench.run(600_000)
    assert states(bench) == ([0, 1] if empty_at_start else [1, 0])


def test_a_door_is_open_when_its_magnet_is_away(door: ctypes.CDLL) -> None:
    bench = Bench(door)
    bench.line(CONTACT)
    bench.run(1_000)
    bench.line(0)
    bench.run(1_000)
    bench.line(CONTACT)
    bench.run(1_000)
    assert states(bench) == [0, 1, 0]


@given(changes=st.integers(1, 30))
@settings(max_examples=10, deadline=None)
def test_after_an_outage_the_hub_learns_the_last_state_and_the_seven_before(door: ctypes.CDLL, changes: int) -> None:
    bench = Bench(door)
    bench.line(CONTACT)
    bench.run(1_000)
    bench.hub_listens = False
    for number in range(changes):
        bench.line(CONTACT if number % 2 else 0)
        bench.run(5_000)
    bench.hub_listens = True
    since = bench.now
    bench.run(30_000)
    late = {told.sequence: told.argument for told in bench.of(STATE) if told.at > since}
    told_again = changes > 1
    made = sorted({told.sequence for told in bench.of(STATE)})
    assert sorted(late) == made[-min(changes, 8) - told_again :], "the newest of them"
    assert late[max(late)] == changes % 2


@given(changes=st.lists(st.tuples(st.integers(31, 12_000), st.sampled_from(["", "away", "back"])), max_size=20))
@settings(max_examples=30, deadline=None)
def test_whatever_was_lost_the_last_that_the_hub_hears_is_how_it_is(
    door: ctypes.CDLL, changes: list[tuple[int, str]]
) -> None:
    """The hub believes what it heard last: an old state must not be that, however late its copy comes."""
    bench = Bench(door)
    bench.line(CONTACT)
    bench.run(1_000)
    for pause_ms, hub in changes:
        bench.hub_listens = hub == "back" or (bench.hub_listens and hub != "away")
        bench.line(bench.inputs ^ CONTACT)
        bench.run(pause_ms)
    bench.hub_listens = True
    bench.run(20_000)
    first: dict[int, int] = {}
    for told in bench.heard:
        if told.type == STATE:
            first.setdefault(told.sequence, told.argument)
    assert list(first.values())[-1] == (0 if bench.inputs & CONTACT else 1)
    assert bench.sleep().for_ms > 0


def test_a_change_is_told_at_once_although_no_acknowledgement_gets_through(door: ctypes.CDLL) -> None:
    bench = Bench(door, hub_listens=False)
    for number in range(20):
        bench.line(bench.inputs ^ CONTACT)
        bench.run(1_000)
        assert states(bench)[-1] == number % 2


def heard(bench: Bench) -> Stream:
    """What a hub makes of the windows that it got, each message once."""
    stream, known = Stream("belt"), set()
    for told in bench.heard:
        if told.type == WINDOW and told.sequence not in known:
            known.add(told.sequence)
            piece = read_piece(told.more)
            assert isinstance(piece, Piece)
            assert len(piece.samples) == told.argument
            assert stream.add(piece, told.at / 1_000)
    return stream


def fall(bench: Bench) -> None:
    """Standing, 300 ms of falling, the floor, lying."""
    bench.acceleration(*STILL)
    bench.run(3_000)
    bench.acceleration(100, 0, 200)
    bench.run(300)
    bench.acceleration(7_000, 0, -2_000)
    bench.run(40)
    bench.acceleration(G, 0, 0)


def test_a_fall_is_streamed_whole_from_before_it_to_three_seconds_after(fall_sensor: ctypes.CDLL) -> None:
    bench = Bench(fall_sensor)
    fall(bench)
    bench.run(10_000)
    window = heard(bench).window()
    assert window.rate_hz == 50.0
    assert window.gaps == ()
    first = window.samples.index((100, 0, 200))
    last = len(window.samples) - 1 - window.samples[::-1].index((7_000, 0, -2_000))
    assert 120 <= first <= 125, "2.5 s of standing before it, less the samples that it took to see it"
    assert len(window.samples) - last - 1 == 150
    assert set(window.samples[:first]) == {STILL}
    assert set(window.samples[last + 1 :]) == {(G, 0, 0)}


def test_nothing_is_streamed_while_somebody_only_walks(fall_sensor: ctypes.CDLL) -> None:
    bench = Bench(fall_sensor)
    for number in range(1_000):
        bench.acceleration(0, 300 * (number % 3), 1_400 + 700 * (number % 4))
        bench.run(SAMPLE_MS)
    assert bench.of(WINDOW) == []


@pytest.mark.parametrize(("away_ms", "lost"), [(6_000, False), (9_000, True)])
def test_a_hub_that_is_away_for_seconds_gets_all_and_for_longer_sees_the_gap(
    fall_sensor: ctypes.CDLL, away_ms: int, lost: bool
) -> None:
    bench = Bench(fall_sensor)
    fall(bench)
    bench.run(2_500)
    bench.hub_listens = False
    for _ in range(away_ms // 1_000):
        bench.acceleration(6_000, 0, 0)
        bench.run(SAMPLE_MS)
        bench.acceleration(G, 0, 0)
        bench.run(1_000 - SAMPLE_MS)
    bench.hub_listens = True
    bench.run(30_000)
    stream = heard(bench)
    assert bool(stream.lost or stream.restarts > 1) is lost


def test_the_first_window_after_a_start_says_so_and_no_other(fall_sensor: ctypes.CDLL) -> None:
    bench = Bench(fall_sensor)
    for _ in range(2):
        fall(bench)
        bench.run(8_000)
    begins = [piece.begins for told in bench.of(WINDOW) if isinstance(piece := read_piece(told.more), Piece)]
    assert begins[0]
    assert not any(begins[1:])


def test_a_sensor_at_its_end_says_so(fall_sensor: ctypes.CDLL) -> None:
    bench = Bench(fall_sensor)
    bench.run(2_000)
    bench.acceleration(32_767, 0, -32_768)
    bench.run(SAMPLE_MS)
    bench.acceleration(*STILL)
    bench.run(5_000)
    clipped = [piece.clipped for told in bench.of(WINDOW) if isinstance(piece := read_piece(told.more), Piece)]
    assert clipped.count(True) == 1
