"""Readings from the values of GATT characteristics, for all health sensors of the Bluetooth SIG's profiles.

Formats: Bluetooth GATT Specification Supplement. A model says what its own characteristics mean; battery (0x2A19) and
the sensor's clock (0x2A2B, 0x2A08) are read here. A measurement that the sensor has stored and sends later bears the
time when it was made, and counts once however often it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from devices import sensor_clock
from devices.device_model import NEVER_MISSED, Decoded, DeviceModel, GattAccess
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.ieee11073 import NoNumber, read_float, read_sfloat
from devices.rejection import Rejection
from devices.replay import ReplayMark, admit_plain, admit_stored, plain_repeated
from devices.vocabulary import KINDS, Reading, value_fault

BATTERY_LEVEL: Final = 0x2A19
CURRENT_TIME: Final = 0x2A2B
DATE_TIME: Final = 0x2A08
ASKED: Final = (CURRENT_TIME, DATE_TIME, BATTERY_LEVEL)
"""Read, where they are there, after each connection and before anything else: the clock dates what follows."""
STREAM_EVERY_S: Final = 10.0
"""Of what is sent every second or heartbeat, one value in so many seconds is kept."""


class Fields:
    """Takes fields from the front of a value. Beyond its end all fields are 0, and `short` is true."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._at = 0
        self.short = False

    @property
    def left(self) -> int:
        """Bytes not yet taken."""
        return len(self._value) - self._at

    def unsigned(self, size: int) -> int:
        """A little-endian number of `size` bytes."""
        taken = self._value[self._at : self._at + size]
        self._at += size
        self.short = self.short or len(taken) < size
        return 0 if self.short else int.from_bytes(taken, "little")

    def sfloat(self) -> float | NoNumber:
        """A 16-bit number of IEEE 11073."""
        return read_sfloat(self.unsigned(2))

    def medical_float(self) -> float | NoNumber:
        """A 32-bit number of IEEE 11073."""
        return read_float(self.unsigned(4))

    def date(self) -> float | None:
        """A Date Time (7 bytes) as seconds of the sensor's clock, or None where it is not set."""
        year, month, day, hour, minute, second = (self.unsigned(size) for size in (2, 1, 1, 1, 1, 1))
        return sensor_clock.seconds_of(year, month, day, hour, minute, second)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one value says.

    Attributes:
        facts: kinds and values; a `NoNumber` is what the sensor sent instead.
        sensor_s: the date that it bears, in seconds of the sensor's clock, or None.
        stored: the sensor says that it is not new.
        flow: one of a steady flow, of which only some are kept.
    """

    facts: Mapping[str, float | NoNumber] = field(default_factory=dict)
    sensor_s: float | None = None
    stored: bool = False
    flow: bool = False


Interpret = Callable[[Fields], Measurement | Rejection]
"""What a product's characteristic says. That fields were missing is noticed afterwards."""


def gatt_model(
    name: str,
    kinds: tuple[str, ...],
    characteristics: Mapping[int, Interpret],
    *,
    silence_max_s: float = NEVER_MISSED,
    pair: bool = False,
    stays: bool = False,
) -> DeviceModel:
    """A product that is read over a connection; see `GattAccess` for `pair` and `stays`."""

    def decode(frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
        return _read(frame, device, mark, characteristics)

    access = GattAccess(tuple(characteristics), pair=pair, stays=stays)
    return DeviceModel(name, Link.BLE_GATT, (*kinds, "battery"), silence_max_s, decode, gatt=access)


def _read(
    frame: Frame, device: EnrolledDevice, mark: ReplayMark, characteristics: Mapping[int, Interpret]
) -> Decoded | Rejection:
    if len(frame.payload) < 2:
        return Rejection("truncated", "no characteristic's number")
    number = int.from_bytes(frame.payload[:2], "little")
    fields = Fields(frame.payload[2:])
    if number == BATTERY_LEVEL:
        return battery(fields, frame, device, mark)
    if number in {CURRENT_TIME, DATE_TIME}:
        sensor_s = fields.date()
        return _short() if fields.short else Decoded((), sensor_clock.clock_read(mark, sensor_s, frame.received_at))
    interpret = characteristics.get(number)
    if interpret is None:
        return Rejection("unknown_characteristic", f"this model does not listen to 0x{number:04X}")
    measurement = interpret(fields)
    if fields.short:
        return _short()
    return measurement if isinstance(measurement, Rejection) else _take(measurement, number, frame, device, mark)


def battery(fields: Fields, frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
    """Reads a Battery Level."""
    percent = float(fields.unsigned(1))
    if fields.short:
        return _short()
    if value_fault(KINDS["battery"], percent):
        return Decoded((), mark, faults=("battery",))
    return Decoded((Reading(device.id, "battery", percent, frame.received_at),), mark)


def _short() -> Rejection:
    return Rejection("truncated", "the value ends before its last field")


def _take(
    measurement: Measurement, number: int, frame: Frame, device: EnrolledDevice, mark: ReplayMark
) -> Decoded | Rejection:
    values = {kind: value for kind, value in measurement.facts.items() if not isinstance(value, NoNumber)}
    good = {kind: value for kind, value in values.items() if not value_fault(KINDS[kind], value)}
    faults = tuple(kind for kind in measurement.facts if kind not in good)
    if measurement.flow:
        if not good:
            return Decoded((), mark, faults=faults)
        if 0.0 <= frame.received_at - mark.plain_at < STREAM_EVERY_S:
            return Decoded((), mark, faults=faults)
        mark = msgspec.structs.replace(mark, plain_at=frame.received_at)
        measured_at = frame.received_at
    else:
        dated = _dated(measurement, number, frame, mark)
        if isinstance(dated, Rejection):
            return dated
        measured_at, mark = dated
    return Decoded(tuple(Reading(device.id, kind, good[kind], measured_at) for kind in good), mark, faults=faults)


def _dated(
    measurement: Measurement, number: int, frame: Frame, mark: ReplayMark
) -> tuple[float, ReplayMark] | Rejection:
    content = repr((number, measurement.sensor_s, sorted(measurement.facts.items(), key=str)))
    digest = int.from_bytes(hashlib.blake2b(content.encode(), digest_size=8).digest(), "big")
    if measurement.sensor_s is None:
        if measurement.stored:
            return Rejection("undated", "stored some time ago and without a date: set the sensor's clock")
        repeated = plain_repeated(mark, digest >> 1, frame.received_at)
        if repeated is not None:
            return repeated
        admitted = admit_plain(mark, digest >> 1, -1, frame.received_at)
        return admitted if isinstance(admitted, Rejection) else (frame.received_at, admitted)
    admitted = admit_stored(mark, digest)
    if isinstance(admitted, Rejection):
        return admitted
    return sensor_clock.date(admitted, measurement.sensor_s, frame.received_at)
