"""The wire of our own devices: framing under noise, resending, restarts."""

from __future__ import annotations

import binascii
import itertools
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Decoded, ReplayMark, decode
from devices.device_model import Trouble
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.serial_frames import (
    FRAME_BYTES_MAX,
    FrameSplitter,
    SerialMessage,
    acknowledgement,
    read_message,
    sender_of,
)
from devices.wearable.windows import Piece, Stream, read_piece

PENDANT = EnrolledDevice("neck", "serial_pendant", Link.SERIAL, "0000a117")
MAT = EnrolledDevice("bed", "serial_bed_mat", Link.SERIAL, "0000a117")
NOW = 1_795_276_800.0
BOOT, HEARTBEAT, BUTTON, STATE, FALL = 1, 2, 3, 4, 5


def cobs(data: bytes) -> bytes:
    """Consistent overhead byte stuffing of fewer than 254 bytes."""
    return b"".join(bytes((len(part) + 1,)) + part for part in data.split(b"\0"))


def closed(body: bytes) -> bytes:
    return cobs(body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)))


def message(kind: int, sequence: int, uptime_ms: int, argument: int = 0, *, battery_mv: int = 2950) -> bytes:
    return closed(struct.pack("<BBIHIHB", 1, kind, 0xA117, sequence, uptime_ms, battery_mv, argument))


class Home:
    """Hears messages one after the other, and keeps the device's memory as JSON between them."""

    def __init__(self, device: EnrolledDevice = PENDANT) -> None:
        self.device = device
        self.stored: bytes | None = None

    def hear(self, payload: bytes) -> Decoded | Rejection:
        memory = None if self.stored is None else msgspec.json.decode(self.stored, type=ReplayMark)
        result = decode(Frame(Link.SERIAL, self.device.address, payload, None, NOW), self.device, memory)
        if isinstance(result, Decoded):
            self.stored = msgspec.json.encode(result.mark)
        return result

    def pressed(self, payload: bytes) -> bool:
        result = self.hear(payload)
        return isinstance(result, Decoded) and any(reading.kind == "press" for reading in result.readings)


messages = st.builds(
    message,
    st.sampled_from([BOOT, HEARTBEAT, BUTTON, STATE, FALL]),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
)


@given(frames=st.lists(messages, max_size=8), cuts=st.lists(st.integers(0, 200)))
def test_frames_come_out_the_same_however_the_bytes_come_in(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame + b"\0" for frame in frames)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter = FrameSplitter()
    heard = [frame for start, end in itertools.pairwise(edges) for frame in splitter.feed(stream[start:end])]
    assert heard == frames
    assert splitter.dropped == 0


@given(noise=st.lists(st.binary(max_size=3 * FRAME_BYTES_MAX), max_size=20), good=messages)
def test_after_any_noise_the_next_message_is_heard_and_nothing_piles_up(noise: list[bytes], good: bytes) -> None:
    splitter = FrameSplitter()
    for piece in noise:
        assert all(0 < len(frame) <= FRAME_BYTES_MAX for frame in splitter.feed(piece))
        assert len(splitter._held) <= FRAME_BYTES_MAX
    assert splitter.feed(b"\0" + good + b"\0")[-1] == good


def test_an_endless_line_without_an_end_costs_no_memory() -> None:
    splitter = FrameSplitter()
    for _ in range(1_000):
        assert splitter.feed(b"\x55" * 4_096) == []
        assert len(splitter._held) <= FRAME_BYTES_MAX
    assert splitter.dropped == 1


@given(frame=messages, flips=st.sets(st.integers(0, 18 * 8 - 1), min_size=1, max_size=3))
def test_flipped_bits_never_make_another_message(frame: bytes, flips: set[int]) -> None:
    damaged = bytearray(frame)
    for bit in flips:
        damaged[bit // 8 % len(frame)] ^= 1 << bit % 8
    if bytes(damaged) == frame:
        return
    for piece in FrameSplitter().feed(bytes(damaged) + b"\0"):
        assert isinstance(read_message(piece), Rejection)


@given(st.binary(max_size=FRAME_BYTES_MAX))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    assert isinstance(read_message(data), SerialMessage | Rejection)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"\x09abc", "bad_checksum"),
        (closed(b""), "truncated"),
        (closed(b"\x02" + bytes(14)), "unknown_version"),
        (closed(b"\x01\x03" + bytes(12)), "truncated"),
        (closed(b"\x01\x03" + bytes(14)), "too_large"),
        (closed(b"\x01\x09" + bytes(13)), "unknown_type"),
    ],
)
def test_a_wrong_message_is_refused_with_its_reason(payload: bytes, reason: str) -> None:
    result = sender_of(payload)
    assert isinstance(result, Rejection)
    assert result.reason == reason


def test_a_driver_learns_whom_it_hears() -> None:
    assert sender_of(message(HEARTBEAT, 1, 1)) == "0000a117"


def test_a_press_is_acknowledged_each_time_and_counted_once() -> None:
    home = Home()
    press = message(BUTTON, 7, 1_000, 1)
    first = home.hear(press)
    assert isinstance(first, Decoded)
    assert [reading.value for reading in first.readings] == ["single"]
    assert first.acknowledge == acknowledgement(7)
    home.hear(message(HEARTBEAT, 8, 1_100))
    again = home.hear(press)
    assert isinstance(again, Decoded)
    assert again.readings == ()
    assert again.acknowledge == acknowledgement(7)


def test_a_press_that_is_resent_for_an_hour_because_no_acknowledgement_gets_through_counts_once() -> None:
    home = Home()
    press = message(BUTTON, 7, 1_000, 1)
    assert home.pressed(press)
    for later in range(3_600):
        home.hear(message(HEARTBEAT, 8 + later, 2_000 + 1_000 * later))
        assert not home.pressed(press)


def test_a_press_resent_because_it_was_lost_counts_although_later_messages_came_first() -> None:
    home = Home()
    home.hear(message(HEARTBEAT, 6, 900))
    for later in range(8, 18):
        home.hear(message(HEARTBEAT, later, 1_000 * later))
    assert home.pressed(message(BUTTON, 7, 1_000, 1))


def test_numbers_go_on_after_the_last_one() -> None:
    home = Home()
    assert [home.pressed(message(BUTTON, number % 65_536, number, 1)) for number in range(65_530, 65_545)] == [
        True
    ] * 15


@pytest.mark.parametrize("boot_heard", [True, False])
def test_after_a_new_battery_the_first_press_counts(boot_heard: bool) -> None:
    home = Home()
    for number in range(1, 40):
        home.hear(message(BUTTON, number, 5_000 * number, 1))
    if boot_heard:
        assert isinstance(home.hear(message(BOOT, 1, 0)), Decoded)
    assert home.pressed(message(BUTTON, 2, 3_333, 1))


def test_each_boot_is_told_and_forgets_what_was_before() -> None:
    home = Home()
    for _ in range(3):
        booted = home.hear(message(BOOT, 1, 0))
        assert isinstance(booted, Decoded)
        assert "boot" in {reading.kind for reading in booted.readings}
        assert home.pressed(message(BUTTON, 2, 3_333, 1))


def test_a_release_or_an_unknown_argument_is_not_a_press() -> None:
    released = Home().hear(message(BUTTON, 1, 1, 3))
    assert isinstance(released, Decoded)
    assert released.readings == ()
    assert Home().hear(message(BUTTON, 1, 1, 9)) == Rejection("bad_value", "argument 9 of a button message")
    refused = Home(MAT).hear(message(BUTTON, 1, 1, 1))
    assert isinstance(refused, Rejection)
    assert refused.reason == "unknown_type"


def test_a_message_of_another_device_is_refused() -> None:
    other = closed(struct.pack("<BBIHIHB", 1, BUTTON, 0xA118, 1, 1, 2950, 1))
    refused = Home().hear(other)
    assert isinstance(refused, Rejection)
    assert refused.reason == "wrong_sender"


def test_a_battery_value_that_cannot_be_is_left_out_and_told() -> None:
    decoded = Home().hear(message(HEARTBEAT, 1, 1, battery_mv=65_535))
    assert isinstance(decoded, Decoded)
    assert [reading.kind for reading in decoded.readings] == ["heartbeat"]
    assert decoded.faults == ("voltage",)


def test_a_heartbeat_says_what_the_device_cannot_do_and_other_messages_say_nothing_of_it() -> None:
    said = [Home().hear(message(HEARTBEAT, 1, 1, argument)) for argument in (0, 1, 2, 4, 7)]
    assert [heard.troubles for heard in said if isinstance(heard, Decoded)] == [
        frozenset(),
        frozenset(),
        {Trouble.LOST_MESSAGES},
        {Trouble.BUTTON_STUCK},
        {Trouble.LOST_MESSAGES, Trouble.BUTTON_STUCK},
    ]
    pressed = Home().hear(message(BUTTON, 1, 1, 1))
    assert isinstance(pressed, Decoded)
    assert pressed.troubles is None


def test_each_press_of_a_series_is_a_press() -> None:
    home = Home()
    said = []
    for number, argument in enumerate((1, 4, 5, 5, 2)):
        heard = home.hear(message(BUTTON, number, 1_000 + number, argument))
        assert isinstance(heard, Decoded)
        said += [reading.value for reading in heard.readings]
    assert said == ["single", "double", "triple", "triple", "long"]


SENSOR = EnrolledDevice("belt", "serial_fall_sensor", Link.SERIAL, "0000a117")


def window(counter: int, count: int, *, told: int | None = None, rate: int = 500) -> bytes:
    samples = struct.pack("<IHBB", counter, rate, 16, 0) + b"".join(
        struct.pack("<3h", i, -i, 2048) for i in range(count)
    )
    told = count if told is None else told
    return closed(struct.pack("<BBIHIHB", 1, 6, 0xA117, counter % 65_536, counter * 20, 3000, told) + samples)


def test_a_gap_between_two_windows_is_seen_and_its_length_is_known() -> None:
    home, stream = Home(SENSOR), Stream("belt")
    for frame in (window(0, 25), window(25, 25), window(25, 25), window(75, 38)):
        heard = home.hear(frame)
        assert isinstance(heard, Decoded)
        assert heard.acknowledge, "also the copy, or it would come for ever"
        for reading in heard.readings:
            piece = read_piece(reading.value)  # type: ignore[arg-type]
            assert isinstance(piece, Piece)
            assert stream.add(piece, reading.measured_at)
    assert stream.lost == 25
    assert stream.window().gaps == ((50, 25),)
    assert stream.window().rate_hz == 50.0


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (window(0, 25, told=26), "truncated"),
        (window(0, 25, told=24), "too_large"),
        (window(0, 0), "truncated"),
        (window(0, 2, rate=0), "bad_value"),
        (message(BUTTON, 1, 1, 1), "unknown_type"),
    ],
)
def test_a_window_that_cannot_be_is_refused_and_not_acknowledged(frame: bytes, reason: str) -> None:
    refused = Home(SENSOR).hear(frame)
    assert isinstance(refused, Rejection)
    assert refused.reason == reason
