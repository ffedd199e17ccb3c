"""Accelerometer windows: the bytes of an `acceleration` reading, and one device's windows put together to a stream.

The value of an `acceleration` reading is the same for every product, whatever its own format on the air or the wire:

    0  4  sample counter of the first sample, little-endian, counts modulo 2^32
    4  2  rate in tenths of a sample per second
    6  1  full scale of the sensor in g, 0 where it is not known
    7  1  flags: bit 0 the sensor clipped at least one of these samples, bit 1 its counter began anew here
    8  6n samples: x, y, z as int16, 1/2048 g per step

The counter says exactly where a window belongs: what was lost is a gap of known length, what comes again or too late is
left out. A window is dated backwards from the hub's clock at its newest sample: a sensor's own rate is a percent off.
Pure.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from dataclasses import dataclass
from typing import Final

from devices.rejection import Rejection

STEPS_PER_G: Final = 2048
"""One step is 1/2048 g, so that an int16 reaches 16 g."""
HEADER_BYTES: Final = 8
SAMPLE_BYTES: Final = 6
SAMPLES_MAX: Final = 600
"""Most samples of one window: 6 s at 100 Hz."""
RATE_MIN_HZ: Final = 5.0
RATE_MAX_HZ: Final = 400.0
STREAM_S: Final = 12.0
"""So much of a stream is kept: the seconds before an impact and after it on which a fall is judged, twice over."""
GAP_MAX_S: Final = 3.0
"""After a longer gap the stream begins anew: what lay before it says nothing about what comes."""

_FLAG_CLIPPED: Final = 0x01
_FLAG_BEGINS: Final = 0x02
_HEADER: Final = struct.Struct("<IHBB")
_WRAP: Final = 1 << 32

Sample = tuple[int, int, int]
"""x, y, z in steps of 1/2048 g."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One window as its device sent it.

    Attributes:
        counter: number of its first sample, modulo 2^32.
        rate_hz: samples per second.
        full_scale_g: what the sensor can measure at most, 0 where unknown.
        clipped: whether the sensor reached that.
        begins: whether its counter began anew here.
        samples: at least one.
    """

    counter: int
    rate_hz: float
    full_scale_g: int
    clipped: bool
    begins: bool
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A continuous stretch of one device's movement.

    Attributes:
        device: its id.
        counter: number of the first sample, as its device counts.
        rate_hz: samples per second.
        started_at: Unix seconds of the first sample, counted back from when the last one was heard.
        samples: in order; a lost sample is a repeat of the one before it.
        gaps: (first, count) of the samples that were lost and filled in, as positions in `samples`.
        clipped: positions of samples that belong to a piece in which the sensor reached its limit.
    """

    device: str
    counter: int
    rate_hz: float
    started_at: float
    samples: tuple[Sample, ...]
    gaps: tuple[tuple[int, int], ...]
    clipped: tuple[int, ...]


def cut(window: Window, first: int, count: int) -> Window:
    """`count` samples of a window from position `first` on, or what there is of them."""
    first, end = max(first, 0), max(min(first + count, len(window.samples)), 0)
    gaps = tuple(
        (max(at, first) - first, min(at + lost, end) - max(at, first))
        for at, lost in window.gaps
        if at < end and at + lost > first
    )
    return Window(
        window.device,
        (window.counter + first) % _WRAP,
        window.rate_hz,
        window.started_at + first / window.rate_hz,
        window.samples[first:end],
        gaps,
        tuple(at - first for at in window.clipped if first <= at < end),
    )


def write_piece(piece: Piece) -> bytes:
    """The value of an `acceleration` reading. Values outside int16 are held at its ends and marked as clipped."""
    flat = [value for sample in piece.samples for value in sample]
    held = [min(max(value, -32_768), 32_767) for value in flat]
    flags = _FLAG_CLIPPED * (piece.clipped or held != flat) | _FLAG_BEGINS * piece.begins
    header = _HEADER.pack(piece.counter % _WRAP, round(piece.rate_hz * 10), piece.full_scale_g, flags)
    return header + struct.pack(f"<{len(held)}h", *held)


def read_piece(value: bytes) -> Piece | Rejection:
    """Reads the value of an `acceleration` reading; reasons: `truncated`, `too_large`, `bad_value`."""
    count, rest = divmod(len(value) - HEADER_BYTES, SAMPLE_BYTES)
    if count < 1 or rest:
        return Rejection("truncated", f"{len(value)} bytes: not a header and whole samples")
    if count > SAMPLES_MAX:
        return Rejection("too_large", f"{count} samples; at most {SAMPLES_MAX}")
    counter, rate, full_scale_g, flags = _HEADER.unpack_from(value)
    if not RATE_MIN_HZ <= rate / 10 <= RATE_MAX_HZ:
        return Rejection("bad_value", f"{rate / 10} samples per second")
    samples = tuple(struct.iter_unpack("<3h", value[HEADER_BYTES:]))
    clipped, begins = bool(flags & _FLAG_CLIPPED), bool(flags & _FLAG_BEGINS)
    return Piece(counter, rate / 10, full_scale_g, clipped, begins, samples)


def strongest_g(piece: Piece) -> float:
    """Of its samples, in g: what a blow is noticed by, without numpy."""
    return max(math.hypot(*sample) for sample in piece.samples) / STEPS_PER_G


class Stream:
    """Puts one device's pieces together; keeps the last `STREAM_S` seconds and no more.

    Attributes:
        lost: samples that never came.
        late: pieces that came again or out of order and were left out.
        restarts: how often the stream began anew.
    """

    def __init__(self, device: str) -> None:
        self.lost = 0
        self.late = 0
        self.restarts = 0
        self._device = device
        self._rate_hz = 0.0
        self._next = 0
        self._first = 0
        self._heard_at = 0.0
        self._samples: deque[Sample] = deque()
        self._gaps: deque[tuple[int, int]] = deque()
        self._clipped: deque[tuple[int, int]] = deque()

    def add(self, piece: Piece, received_at: float) -> bool:
        """Takes a piece; false when it came again or too late.

        Args:
            piece: as read.
            received_at: Unix seconds, when its last sample had been heard.
        """
        ahead = (piece.counter - self._next) % _WRAP
        if ahead >= _WRAP // 2 and self._samples and not piece.begins and piece.rate_hz == self._rate_hz:
            behind = _WRAP - ahead
            if behind <= STREAM_S * self._rate_hz:
                self.late += 1
                return False
        if self._must_begin(piece, ahead):
            self._begin(piece)
            ahead = 0
        if ahead:
            self.lost += ahead
            self._gaps.append((self._first + len(self._samples), ahead))
            self._samples.extend([self._samples[-1]] * ahead)
        if piece.clipped:
            self._clipped.append((self._first + len(self._samples), len(piece.samples)))
        self._samples.extend(piece.samples)
        self._next = (piece.counter + len(piece.samples)) % _WRAP
        self._heard_at = received_at
        self._trim()
        return True

    def window(self) -> Window:
        """What is kept now; without samples before the first piece."""
        gaps = tuple((at - self._first, count) for at, count in self._gaps)
        clipped = tuple(at - self._first + i for at, count in self._clipped for i in range(count))
        started_at = self._heard_at - (len(self._samples) / self._rate_hz if self._rate_hz else 0.0)
        counter = (self._next - len(self._samples)) % _WRAP
        return Window(self._device, counter, self._rate_hz, started_at, tuple(self._samples), gaps, clipped)

    def _must_begin(self, piece: Piece, ahead: int) -> bool:
        return not self._samples or piece.begins or piece.rate_hz != self._rate_hz or ahead > GAP_MAX_S * self._rate_hz

    def _begin(self, piece: Piece) -> None:
        self.restarts += 1
        self._rate_hz = piece.rate_hz
        self._first = 0
        self._samples.clear()
        self._gaps.clear()
        self._clipped.clear()

    def _trim(self) -> None:
        """Drops what is older than `STREAM_S`; marks that reach over the edge are cut there."""
        excess = len(self._samples) - int(STREAM_S * self._rate_hz)
        for _ in range(excess):
            self._samples.popleft()
        self._first += max(excess, 0)
        for marks in (self._gaps, self._clipped):
            while marks and marks[0][0] + marks[0][1] <= self._first:
                marks.popleft()
            if marks and marks[0][0] < self._first:
                at, count = marks.popleft()
                marks.appendleft((self._first, at + count - self._first))
