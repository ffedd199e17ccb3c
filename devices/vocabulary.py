"""The shared vocabulary: what a device can say, in which unit, within which range, and how urgent it is.

A `Reading` is one fact. It is made by a decoder, travels unchanged through edge, wire and centre, and is stored
under the same name. Units are symbols of the SenML registry (RFC 8428 section 12.1) and of its list of secondary units
(RFC 8798: `dBm`); blood pressure has none there and uses UCUM's `mm[Hg]`, as FHIR does.

Adding a kind is adding one line to `KINDS`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

DEVICE_ID_LENGTH_MAX: Final = 32
"""Longest device id: it stands in every SenML name and every telemetry row, so it is kept short."""

_DEVICE_ID = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{DEVICE_ID_LENGTH_MAX - 1}}}\Z")


class ValueType(StrEnum):
    """How a value travels in SenML: `v` (number), `vb` (yes or no), `vs` (one of a few words), `vd` (bytes)."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    WORD = "word"
    DATA = "data"


class Urgency(StrEnum):
    """What the edge does with a reading: declare an alarm at once, send soon, or send with the next batch."""

    ALARM = "alarm"
    PROMPT = "prompt"
    ROUTINE = "routine"


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """One kind of reading.

    Attributes:
        name: the second half of the SenML name, `device/name`.
        value_type: which SenML value label carries it.
        unit: SenML unit symbol, or "" where the value has none.
        minimum, maximum: values outside are a sensor fault and are refused (numbers only; both inclusive).
        words: the permitted words (words only).
        urgency: what the edge does with it.
        activity: whether it is evidence that somebody in the home moved or acted.
    """

    name: str
    value_type: ValueType
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    words: tuple[str, ...] = ()
    urgency: Urgency = Urgency.ROUTINE
    activity: bool = False


Value = float | bool | str | bytes

_N, _B, _W, _D = ValueType.NUMBER, ValueType.BOOLEAN, ValueType.WORD, ValueType.DATA
_ALARM, _PROMPT = Urgency.ALARM, Urgency.PROMPT

# of what nobody else can say: "fine" was answered at home, "unanswered" was the question
_FALL: Final = ("suspected", "confirmed", "recovered", "fine", "unanswered")

KINDS: Final[dict[str, ReadingKind]] = {
    kind.name: kind
    for kind in (
        # declared alarms
        ReadingKind("press", _W, words=("single", "double", "triple", "long"), urgency=_ALARM, activity=True),
        ReadingKind("fall", _W, words=_FALL, urgency=_ALARM, activity=True),
        ReadingKind("smoke", _B, urgency=_ALARM),
        ReadingKind("gas", _B, urgency=_ALARM),
        ReadingKind("co", _B, urgency=_ALARM),
        ReadingKind("flood", _B, urgency=_ALARM),
        # what speaks for a fall: the blow, how far down has turned since, how much moved after it (standard deviation)
        ReadingKind("impact", _N, "m/s2", 0.0, 200.0),
        ReadingKind("tilt", _N, "rad", 0.0, 3.15),
        ReadingKind("stir", _N, "m/s2", 0.0, 200.0),
        # what people do
        ReadingKind("motion", _B, urgency=_PROMPT, activity=True),
        ReadingKind("open", _B, urgency=_PROMPT, activity=True),
        ReadingKind("presence", _B, urgency=_PROMPT, activity=True),
        ReadingKind("tamper", _B, urgency=_PROMPT),
        # the home
        ReadingKind("temperature", _N, "Cel", -40.0, 85.0),
        ReadingKind("humidity", _N, "%RH", 0.0, 100.0),
        ReadingKind("illuminance", _N, "lx", 0.0, 200_000.0),
        ReadingKind("power", _N, "W", 0.0, 25_000.0),
        # the body; what a sensor hands over only once is written down soon
        ReadingKind("heart_rate", _N, "beat/min", 20.0, 300.0),
        ReadingKind("spo2", _N, "%", 0.0, 100.0),
        ReadingKind("systolic", _N, "mm[Hg]", 20.0, 300.0, urgency=_PROMPT),
        ReadingKind("diastolic", _N, "mm[Hg]", 10.0, 250.0, urgency=_PROMPT),
        ReadingKind("weight", _N, "kg", 1.0, 400.0, urgency=_PROMPT),
        ReadingKind("body_temperature", _N, "Cel", 25.0, 45.0, urgency=_PROMPT),
        # what a dispenser of medicines says of a dose
        ReadingKind("dose", _W, words=("due", "taken", "missed"), urgency=_PROMPT),
        # where somebody is who carries a locator; a position is a latitude and a longitude of one time
        ReadingKind("latitude", _N, "lat", -90.0, 90.0, urgency=_PROMPT),
        ReadingKind("longitude", _N, "lon", -180.0, 180.0, urgency=_PROMPT),
        ReadingKind("position_accuracy", _N, "m", 0.0, 100_000.0),
        ReadingKind("speed", _N, "m/s", 0.0, 150.0),
        # acceleration window: header (sample counter, rate, flags) and int16 triples, see devices.wearable.windows
        ReadingKind("acceleration", _D),
        # the device itself; of heartbeat and boot, the value is the message's number where the device has one
        ReadingKind("battery", _N, "%EL", 0.0, 100.0),
        ReadingKind("voltage", _N, "V", 0.0, 60.0),
        ReadingKind("rssi", _N, "dBm", -130.0, 20.0),
        ReadingKind("heartbeat", _N, "count", 0.0, 4_294_967_295.0),
        ReadingKind("boot", _N, "count", 0.0, 4_294_967_295.0),
    )
}


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One fact that a device reported.

    Attributes:
        device: the device's id within its home, such as `hall-motion`.
        kind: a key of `KINDS`.
        value: float, bool, word or bytes, as the kind's `value_type` says.
        measured_at: Unix time in seconds, UTC.
    """

    device: str
    kind: str
    value: Value
    measured_at: float


def valid_device_id(text: str) -> bool:
    """Whether `text` may name a device: lower-case letters, digits, `-` and `_`, at most 32 characters."""
    return _DEVICE_ID.match(text) is not None


def value_fault(kind: ReadingKind, value: Value) -> str:
    """Why `value` cannot be a value of `kind`, in a few words; "" when it can."""
    match kind.value_type:
        case ValueType.NUMBER:
            return _number_fault(kind, value)
        case ValueType.BOOLEAN:
            return "" if isinstance(value, bool) else "not a yes or no"
        case ValueType.WORD:
            return "" if value in kind.words else "not one of the words of this kind"
        case ValueType.DATA:
            return "" if isinstance(value, bytes) else "not bytes"


def _number_fault(kind: ReadingKind, value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return "not a number"
    if not math.isfinite(value):
        return "not finite"
    if not kind.minimum <= value <= kind.maximum:
        return "out of range"
    return ""
