"""Acknowledgements leave in the order of arrival, each once, and never for another connection's message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.acknowledgements import Acknowledgements


@given(st.permutations(range(1, 30)), st.integers(1, 5))
def test_any_order_of_giving_keeps_the_order_of_arrival(order: list[int], step: int) -> None:
    book = Acknowledgements()
    book.start_over()
    handles = {packet: book.arrive(packet) for packet in range(1, 30)}
    sent: list[int] = []
    for count, packet in enumerate(order):
        assert book.give(handles[packet])
        if count % step == 0:
            sent += book.due()
    assert sent + book.due() == list(range(1, 30))


def test_an_open_message_holds_back_those_after_it_and_nothing_before() -> None:
    book = Acknowledgements()
    book.start_over()
    first, second, third = (book.arrive(packet) for packet in (7, 8, 9))
    book.give(first)
    book.give(third)
    assert book.due() == [7]
    book.give(second)
    assert book.due() == [8, 9]


def test_the_same_packet_number_on_a_new_connection_is_another_message() -> None:
    book = Acknowledgements()
    book.start_over()
    old = book.arrive(7)
    book.start_over()
    new = book.arrive(7)
    assert not book.give(old)
    assert book.due() == []
    assert book.give(new)
    assert book.due() == [7]


def test_one_given_twice_does_not_acknowledge_a_later_message_with_the_same_packet_number() -> None:
    book = Acknowledgements()
    book.start_over()
    first = book.arrive(7)
    book.give(first)
    book.give(first)
    assert book.due() == [7]
    between, later = book.arrive(8), book.arrive(7)
    assert not book.give(first)
    book.give(between)
    assert book.due() == [8]
    book.give(later)
    assert book.due() == [7]


def test_a_message_that_the_broker_sends_twice_is_acknowledged_twice_and_holds_nothing_back() -> None:
    book = Acknowledgements()
    book.start_over()
    first, second, again, last = (book.arrive(packet) for packet in (1, 7, 7, 2))
    for handle in (second, again, last, first):
        book.give(handle)
    assert book.due() == [1, 7, 7, 2]


def test_a_message_that_wants_none_gets_none() -> None:
    book = Acknowledgements()
    book.start_over()
    assert not book.give(book.arrive(0))
    assert book.due() == []
