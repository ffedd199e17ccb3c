"""The pendant's firmware in virtual time: every press of a thumb is told, once, whatever contact, hub and clock do."""

from __future__ import annotations

import ctypes
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.firmware_stubs.bench import (
    BOOT,
    BUTTON,
    CONTACT,
    FALL,
    FALL_LINE,
    HEARTBEAT,
    WAKE_INPUT,
    WAKE_SERIAL,
    WAKE_TIME,
    Bench,
    Told,
    acknowledgement,
)

DAY_MS = 86_400_000
SINGLE, LONG, RELEASE, DOUBLE, TRIPLE = 1, 2, 3, 4, 5
BOUNCES = st.lists(st.integers(0, 29), max_size=12)
"""Pauses between the edges of a bouncing contact: never so long that it could be a press."""


def pairs(pauses: list[int]) -> list[int]:
    """As many edges there as back."""
    return pauses[: len(pauses) // 2 * 2]


@given(
    presses=st.lists(st.tuples(BOUNCES, st.integers(31, 2_500), BOUNCES, st.integers(31, 60_000)), max_size=8),
    clock=st.integers(0, 2**32 - 1),
)
def test_each_bouncing_press_is_told_once(
    pendant: ctypes.CDLL, presses: list[tuple[list[int], int, list[int], int]], clock: int
) -> None:
    bench = Bench(pendant, clock=clock)
    for down, hold_ms, up, pause_ms in presses:
        bench.bounce(CONTACT, pairs(down))
        bench.run(hold_ms)
        bench.bounce(0, pairs(up))
        bench.run(pause_ms)
    assert len(bench.presses()) == len(presses)
    assert len([told for told in bench.of(BUTTON) if told.argument == RELEASE]) == len(presses)


@given(pauses=st.lists(st.integers(0, 29), min_size=1, max_size=40))
def test_a_line_that_is_never_still_for_30_ms_is_no_press(pendant: ctypes.CDLL, pauses: list[int]) -> None:
    bench = Bench(pendant)
    bench.run(1_000)
    bench.bounce(0, pairs([pause for pair in zip(pauses, pauses, strict=True) for pause in pair]))
    bench.run(5_000)
    assert bench.of(BUTTON) == []


@given(
    events=st.lists(
        st.tuples(st.integers(0, 12_000), st.sampled_from(["down", "up", "fall", "no fall", "hub"])), max_size=12
    ),
    clock=st.sampled_from([0, 2**31 - 5_000, 2**32 - 5_000]),
)
@settings(max_examples=20, deadline=None)
def test_asleep_it_misses_nothing(pendant: ctypes.CDLL, events: list[tuple[int, str]], clock: int) -> None:
    """A board that sleeps as long as it may sends the same bytes at the same times as one that looks every ms."""

    def story(*, every_ms: bool) -> list[Told]:
        bench = Bench(pendant, clock=clock)
        bench.every_ms = every_ms
        for pause_ms, event in events:
            bench.run(pause_ms)
            match event:
                case "down":
                    bench.line(bench.inputs | CONTACT)
                case "up":
                    bench.line(bench.inputs & ~CONTACT)
                case "fall":
                    bench.line(bench.inputs | FALL_LINE)
                case "no fall":
                    bench.line(bench.inputs & ~FALL_LINE)
                case _:
                    bench.hub_listens = not bench.hub_listens
        bench.run(20_000)
        return bench.told

    assert story(every_ms=False) == story(every_ms=True)


def test_the_first_press_after_a_day_of_nothing_counts_at_once(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant)
    bench.run(DAY_MS)
    assert len(bench.of(HEARTBEAT)) == 1_440
    assert bench.wakings < 1_500, "it slept in between"
    pressed_at = bench.now
    bench.press()
    (press,) = bench.presses()
    assert press.argument == SINGLE
    assert press.at - pressed_at == 30


def test_it_works_on_when_its_clock_wraps_round_after_seven_weeks(pendant: ctypes.CDLL) -> None:
    for before_ms in range(0, 4_000, 37):
        bench = Bench(pendant, clock=2**32 - 2_000 - before_ms, hub_listens=False)
        bench.run(before_ms)
        bench.line(CONTACT)
        bench.run(3_500)
        bench.line(0)
        bench.hub_listens = True
        bench.run(120_000)
        assert [press.argument for press in bench.presses()] == [SINGLE, LONG]
        assert len(bench.of(HEARTBEAT)) == 2
        assert not bench.sleep().wake_by & WAKE_SERIAL


def test_a_button_that_is_held_is_a_press_at_once_and_a_long_one_after_three_seconds_once(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant)
    bench.run(1_000)
    bench.line(CONTACT)
    bench.run(60_000)
    assert [(press.argument, press.at - 1_000) for press in bench.presses()] == [(SINGLE, 30), (LONG, 3_030)]


def test_presses_in_a_row_are_told_as_what_they_are_and_none_is_late(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant)
    for _ in range(4):
        bench.press(hold_ms=80, after_ms=200)
    bench.run(1_000)
    bench.press()
    assert [press.argument for press in bench.presses()] == [SINGLE, DOUBLE, TRIPLE, TRIPLE, SINGLE]
    assert [press.at for press in bench.presses()][:2] == [30, 310]


def test_a_fall_is_told_like_a_press_and_its_line_may_stay(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    bench.line(FALL_LINE)
    bench.run(5_000)
    falls = bench.of(FALL)
    assert {fall.sequence for fall in falls} == {falls[0].sequence}
    assert len(falls) > 3
    assert falls[0].argument == 1


def test_a_press_is_resent_byte_for_byte_in_growing_pauses_for_ever(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    bench.press()
    bench.battery(2_500)
    bench.run(DAY_MS)
    copies = [told for told in bench.of(BUTTON) if told.argument == SINGLE]
    assert len({told.frame for told in copies}) == 1
    pauses = [later.at - earlier.at for earlier, later in itertools.pairwise(copies)]
    assert pauses[:7] == [200, 400, 800, 1_600, 3_200, 6_400, 10_000]
    assert set(pauses[7:]) == {10_000}
    assert copies[-1].at > DAY_MS - 10_000
    assert len(bench.of(HEARTBEAT)) == 1_440, "heartbeats go on beside it"


def test_once_acknowledged_it_is_silent_and_its_receiver_may_sleep(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    bench.press()
    assert bench.sleep().wake_by == WAKE_TIME | WAKE_INPUT | WAKE_SERIAL
    (press,) = bench.presses()
    for other in (press.sequence + 1, press.sequence - 1, press.sequence ^ 0x100):
        bench.receive(acknowledgement(other & 0xFFFF))
    assert bench.sleep().wake_by & WAKE_SERIAL, "another number's acknowledgement is not its own"
    bench.receive(b"\xff\x00" + acknowledgement(press.sequence))
    assert bench.sleep().wake_by == WAKE_TIME | WAKE_INPUT
    sent = len(bench.told)
    bench.run(59_000)
    assert len(bench.told) == sent


def test_heartbeats_never_push_a_waiting_alarm_out(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    bench.press()
    bench.run(100 * 60_000)
    (press,) = bench.presses()
    bench.hub_listens = True
    bench.run(10_000)
    assert bench.told[-1].sequence == press.sequence


def test_when_the_hub_is_back_everything_that_waits_is_there_within_seconds_in_any_order(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    for _ in range(5):
        bench.press()
        bench.run(60_000)
    bench.hub_listens = True
    back_at = bench.now
    bench.run(10_500)
    heard = {told.sequence for told in bench.of(BUTTON) if told.at > back_at and told.argument != RELEASE}
    assert heard == {press.sequence for press in bench.presses()}
    assert not bench.sleep().wake_by & WAKE_SERIAL


def test_when_one_press_is_confirmed_the_others_are_tried_soon_and_often_again(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, hub_listens=False)
    for _ in range(2):
        bench.press()
    bench.run(100_000)
    first, second = bench.presses()
    confirmed_at = bench.now
    bench.receive(acknowledgement(first.sequence))
    bench.run(2_000)
    copies = [told.at - confirmed_at for told in bench.of(BUTTON) if told.at > confirmed_at]
    assert copies[0] <= 200
    assert [later - earlier for earlier, later in itertools.pairwise(copies)][:2] == [400, 800]
    assert second.sequence == bench.of(BUTTON)[-1].sequence


@given(count=st.integers(9, 40))
@settings(max_examples=10, deadline=None)
def test_when_too_many_wait_the_first_seven_and_the_last_are_kept(pendant: ctypes.CDLL, count: int) -> None:
    bench = Bench(pendant, hub_listens=False)
    for _ in range(count):
        bench.press(after_ms=1_000)
    pressed = [press.sequence for press in bench.presses()]
    assert len(pressed) == count
    bench.hub_listens = True
    since = bench.now
    bench.run(60_000)
    kept = {told.sequence for told in bench.of(BUTTON) if told.at > since}
    assert kept == {*pressed[:7], pressed[-1]}
    beat = bench.of(HEARTBEAT)[-1]
    assert beat.argument == 2, "that something was dropped is told"


def test_a_button_that_stays_down_for_half_a_minute_is_told_as_stuck_until_it_is_free(pendant: ctypes.CDLL) -> None:
    """Nobody can call with it, and nothing else would show that: it has told its press and lives."""
    bench = Bench(pendant, clock=2**32 - 200_000)
    bench.run(50_000)
    bench.line(CONTACT)
    bench.run(50_000 * 86_400)  # seven weeks: its clock wraps round to when it was pressed
    beats = [beat.argument for beat in bench.of(HEARTBEAT)]
    assert beats[0] == 0, "held for ten seconds"
    assert set(beats[1:]) == {4}
    bench.line(0)
    bench.run(60_000)
    assert bench.of(HEARTBEAT)[-1].argument == 0


def test_a_low_battery_is_told_and_does_not_flutter(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant)
    said = []
    for millivolts in (2_900, 2_500, 2_499, 2_550, 2_599, 2_600, 2_500):
        bench.battery(millivolts)
        bench.run(60_000)
        said.append((bench.told[-1].battery, bench.told[-1].argument))
    assert said == [(2_900, 0), (2_500, 0), (2_499, 1), (2_550, 1), (2_599, 1), (2_600, 0), (2_500, 0)]


def test_each_start_says_so_first_and_counts_from_where_it_was_told(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, entropy=65_535)
    bench.press()
    assert [(told.type, told.sequence) for told in bench.told] == [(BOOT, 65_535), (BUTTON, 0), (BUTTON, 1)]
    assert len(Bench(pendant, entropy=7).told) == 1, "nothing of the life before is left"


def test_a_thumb_that_is_on_the_button_at_the_start_is_heard(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant)
    bench.line(CONTACT)
    bench.run(200)
    assert len(bench.presses()) == 1
