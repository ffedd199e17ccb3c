"""Running numbers: duplicates are told, holes are counted while they are there, and memory is bounded."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.ordering import RANGES_MAX, Arrival, SequenceTracker

NEW, DUPLICATE, FILLS = Arrival.NEW, Arrival.DUPLICATE, Arrival.FILLS_GAP


def observe_all(tracker: SequenceTracker, numbers: list[int], epoch: str = "a") -> list[Arrival]:
    return [tracker.observe(epoch, number) for number in numbers]


def test_in_order_there_is_no_gap() -> None:
    tracker = SequenceTracker()
    assert observe_all(tracker, [5, 6, 7, 8]) == [NEW] * 4
    assert (tracker.gaps_open, tracker.gaps_ever, tracker.missing) == (0, 0, 0)


def test_a_gap_is_counted_while_it_is_open_and_remembered_when_it_is_filled() -> None:
    tracker = SequenceTracker()
    assert observe_all(tracker, [1, 2, 5]) == [NEW, NEW, NEW]
    assert (tracker.gaps_open, tracker.gaps_ever, tracker.missing) == (1, 1, 2)
    assert observe_all(tracker, [4, 4, 3]) == [FILLS, DUPLICATE, FILLS]
    assert (tracker.gaps_open, tracker.gaps_ever, tracker.missing, tracker.lost) == (0, 1, 0, 0)


def test_a_back_fill_newest_first_among_live_packs_leaves_no_gap() -> None:
    tracker = SequenceTracker()
    observe_all(tracker, list(range(1, 11)))
    waiting, live = list(range(500, 10, -1)), iter(range(501, 2000))
    for number in waiting:
        tracker.observe("a", number)
        assert tracker.observe("a", next(live)) is NEW
        assert tracker.gaps_open <= 1
    assert (tracker.gaps_open, tracker.gaps_ever, tracker.missing, tracker.lost) == (0, 1, 0, 0)


def test_a_centre_that_starts_in_the_middle_of_a_back_fill_counts_no_gap() -> None:
    tracker = SequenceTracker()
    assert observe_all(tracker, [57, 56, 55, 58, 54]) == [NEW] * 5
    assert (tracker.gaps_open, tracker.gaps_ever) == (0, 0)


def test_replaced_memory_begins_a_numbering_and_late_copies_of_the_old_one_are_still_known() -> None:
    tracker = SequenceTracker()
    observe_all(tracker, [1, 2, 4], "a")
    assert observe_all(tracker, [1, 2], "b") == [NEW, NEW]
    assert observe_all(tracker, [4, 3], "a") == [DUPLICATE, FILLS]
    assert tracker.gaps_open == 0


def test_holes_of_a_forgotten_numbering_are_lost() -> None:
    tracker = SequenceTracker()
    observe_all(tracker, [1, 5], "a")
    tracker.observe("b", 1)
    tracker.observe("c", 1)
    assert (tracker.lost, tracker.gaps_open) == (3, 0)


def test_memory_is_bounded_and_what_is_forgotten_is_counted_as_lost() -> None:
    tracker = SequenceTracker()
    observe_all(tracker, list(range(0, 100_000, 2)))
    assert tracker.gaps_open == RANGES_MAX - 1
    assert tracker.lost + tracker.missing == 49_999
    assert len(msgspec.json.encode(tracker)) < 2_000


def test_it_survives_storing() -> None:
    tracker = SequenceTracker()
    observe_all(tracker, [1, 2, 5, 9])
    stored = msgspec.json.decode(msgspec.json.encode(tracker), type=SequenceTracker)
    assert observe_all(stored, [2, 4, 10]) == [DUPLICATE, FILLS, NEW]


@given(st.lists(st.integers(0, 80), max_size=200))
def test_it_agrees_with_a_plain_set(numbers: list[int]) -> None:
    tracker, seen = SequenceTracker(), set[int]()
    for number in numbers:
        arrival = tracker.observe("a", number)
        assert (arrival is DUPLICATE) == (number in seen)
        if arrival is not DUPLICATE and seen:
            assert (arrival is FILLS) == (min(seen) < number < max(seen))
        seen.add(number)
        holes = [n for n in range(min(seen), max(seen)) if n not in seen]
        assert tracker.missing == len(holes)
        assert tracker.gaps_open == sum(n - 1 in seen for n in holes)
        assert tracker.lost == 0


@given(st.permutations(range(60)))
def test_whatever_the_order_all_arrived_means_no_gap(numbers: list[int]) -> None:
    tracker = SequenceTracker()
    assert DUPLICATE not in observe_all(tracker, numbers)
    assert (tracker.gaps_open, tracker.missing, tracker.lost) == (0, 0, 0)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.integers(0, 2**53)), max_size=300))
def test_any_input_keeps_it_small(arrivals: list[tuple[str, int]]) -> None:
    tracker = SequenceTracker()
    for epoch, number in arrivals:
        tracker.observe(epoch, number)
    assert len(tracker.numberings) <= 2
    assert all(len(numbering.starts) <= RANGES_MAX for numbering in tracker.numberings)
    assert tracker.lost >= 0
