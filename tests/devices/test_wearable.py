"""Windows of movement: put together exactly and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.rejection import Rejection
from devices.wearable.windows import STREAM_S, Piece, Sample, Stream, cut, read_piece, write_piece

RATE = 50.0
AT = 1_795_276_800.0


def piece(counter: int, samples: list[Sample], *, clipped: bool = False, begins: bool = False) -> Piece:
    return Piece(counter % 2**32, RATE, 8, clipped, begins, tuple(samples))


def numbered(first: int, count: int) -> list[Sample]:
    return [(i % 30_000, 0, 0) for i in range(first, first + count)]


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(50, 4_000),
    st.booleans(),
    st.lists(st.tuples(*[st.integers(-32_768, 32_767)] * 3), min_size=1, max_size=82),
)
def test_a_window_is_written_and_read_again(counter: int, rate: int, flag: bool, samples: list[Sample]) -> None:
    whole = Piece(counter, rate / 10, 16, flag, not flag, tuple(samples))
    assert read_piece(write_piece(whole)) == whole


@given(st.binary(max_size=120))
def test_any_bytes_are_a_window_or_refused(value: bytes) -> None:
    found = read_piece(value)
    if isinstance(found, Rejection):
        assert found.reason in {"truncated", "too_large", "bad_value"}
    else:
        assert write_piece(found)[8:] == value[8:]


def test_what_does_not_fit_is_held_at_the_end_of_the_scale_and_marked() -> None:
    found = read_piece(write_piece(piece(0, [(40_000, 0, -40_000)])))
    assert isinstance(found, Piece)
    assert found.samples == ((32_767, 0, -32_768),)
    assert found.clipped


def test_a_lost_window_is_a_gap_of_exactly_its_length_also_where_the_counter_wraps() -> None:
    stream = Stream("worn")
    start = 2**32 - 20
    assert stream.add(piece(start, numbered(0, 37)), AT)
    assert stream.add(piece(start + 74, numbered(74, 37), clipped=True), AT + 1.48)
    window = stream.window()
    assert window.samples == (*numbered(0, 37), *[(36, 0, 0)] * 37, *numbered(74, 37))
    assert window.gaps == ((37, 37),)
    assert window.clipped == tuple(range(74, 111))
    assert window.counter == start
    assert window.started_at == pytest.approx(AT + 1.48 - 111 / RATE)
    assert (stream.lost, stream.late) == (37, 0)


def test_doubled_and_late_windows_are_left_out() -> None:
    stream = Stream("worn")
    first, second, third = (piece(37 * i, numbered(37 * i, 37)) for i in range(3))
    assert [stream.add(p, AT) for p in (first, second, first, second, third, second)] == [
        True,
        True,
        False,
        False,
        True,
        False,
    ]
    assert stream.window().samples == tuple(numbered(0, 111))
    assert stream.late == 3


def test_a_restart_a_long_gap_or_another_rate_begins_anew() -> None:
    for other in (
        piece(0, numbered(0, 10), begins=True),
        piece(5_000, numbered(0, 10)),
        Piece(137, 100.0, 8, False, False, tuple(numbered(0, 10))),
    ):
        stream = Stream("worn")
        stream.add(piece(100, numbered(0, 37)), AT)
        assert stream.add(other, AT + 1)
        assert stream.window().samples == tuple(numbered(0, 10))
        assert stream.window().gaps == ()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40), st.booleans()), max_size=60))
def test_however_windows_come_the_stream_is_bounded_and_every_sample_stands_where_it_belongs(
    pieces: list[tuple[int, int, bool]],
) -> None:
    stream = Stream("worn")
    for first, count, clipped in pieces:
        stream.add(piece(first, numbered(first, count), clipped=clipped), AT)
        window = stream.window()
        assert len(window.samples) <= STREAM_S * RATE
        filled = {at for start, lost in window.gaps for at in range(start, start + lost)}
        assert all(0 <= at < len(window.samples) for at in filled | set(window.clipped))
        for at, sample in enumerate(window.samples):
            if at not in filled:
                assert sample[0] == window.counter + at
        part = cut(window, 5, 20)
        assert part.samples == window.samples[5:25]
        assert {at for start, lost in part.gaps for at in range(start, start + lost)} == {
            at - 5 for at in filled if 5 <= at < 25
        } & set(range(len(part.samples)))
