"""SenML packs (RFC 8428, JSON or CBOR) to readings and back.

Strict in what we emit, bounded in what we take. A pack that is broken as a whole is refused as a whole; in a good
pack a bad record is left out and its reason counted, so that one faulty sensor does not silence the others.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from devices.rejection import Rejection
from devices.vocabulary import KINDS, Reading, ReadingKind, Value, ValueType, valid_device_id
from gateway.contract.messages import Measurements, Record

PAYLOAD_BYTES_MAX: Final = 16_384
"""Largest pack: 500 records fit, and a broker's default limit (20,480 for the embedded one) lets it through."""
RECORDS_MAX: Final = 500
"""Most records in a pack: bounds the work that one message can cause."""
WINDOW_BYTES_MAX: Final = 4_096
"""Largest accelerometer window: 6 s of three axes at 100 Hz."""
VERSION: Final = 10
"""SenML version of RFC 8428."""
RELATIVE_BELOW: Final = 2.0**28
"""Times below this are relative to now (RFC 8428, 4.5.3)."""
FUTURE_MAX_S: Final = 300.0
"""A reading from further ahead of the centre's clock than this comes from a wrong clock."""
AGE_MAX_S: Final = 40 * 86_400.0
"""Older readings are refused: hubs keep at least 7 days, and 40 leaves room for a long holiday without a line."""

_NAMES_MAX: Final = 4_096
"""Most `device/kind` names remembered; homes share most of theirs."""
_URN: Final = "urn:dev:hub:"
_FROM_URL_SAFE: Final = str.maketrans("-_", "+/")

_CBOR_FROM: Final = b"\x80"
"""A CBOR pack begins with an array or a tag, from 0x80 up; JSON text begins with ASCII."""

_Reader = Callable[[Record, ReadingKind, float], Value | None]


class _Name(NamedTuple):
    device: str
    kind: ReadingKind
    read: _Reader


_decoder = msgspec.json.Decoder(list[Record])
_plain_decoder = msgspec.json.Decoder(list[dict[str, object]])
_encoder = msgspec.json.Encoder()
_names: dict[str, _Name] = {}


def base_name(hub: str) -> str:
    """The SenML base name of a hub, to which `device/kind` is appended."""
    return f"{_URN}{hub}:"


def decode_measurements(hub: str, payload: bytes, received_at: float) -> Measurements | Rejection:
    """Reads a pack that arrived on the branch of `hub`.

    Args:
        hub: taken from the topic, which the broker vouches for; names in the pack must agree with it.
        payload: SenML, as JSON or as CBOR (told apart by the first byte).
        received_at: Unix seconds; relative times count from it.

    Returns:
        The readings, or a Rejection with one of: `too_large`, `bad_json`, `bad_cbor`, `too_many_records`,
        `must_understand`, `unknown_version`, `wrong_hub`, `empty`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return Rejection("too_large", f"{len(payload)} bytes; at most {PAYLOAD_BYTES_MAX}: send smaller packs")
    records = _records_of_cbor(payload) if payload[:1] >= _CBOR_FROM else _records_of_json(payload)
    if isinstance(records, Rejection):
        return records
    if not records:
        return Rejection("empty", "a pack needs at least one record")
    if len(records) > RECORDS_MAX:
        return Rejection("too_many_records", f"{len(records)} records; at most {RECORDS_MAX}")
    return _resolve(hub, records, received_at)


def _records_of_json(payload: bytes) -> list[Record] | Rejection:
    try:
        records = _decoder.decode(payload)
        # cheap signs that a label may end in '_', possibly written as an escape
        if b'_"' in payload or b"\\u" in payload:
            return _mandatory_label_fault(_plain_decoder.decode(payload)) or records
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejection("bad_json", f"not a SenML pack: {error}"[:200])
    except RecursionError:
        return Rejection("bad_json", "nested too deeply")
    return records


def _records_of_cbor(payload: bytes) -> list[Record] | Rejection:
    from gateway.contract.senml_cbor import read_pack

    pack = read_pack(payload)
    if isinstance(pack, Rejection):
        return pack
    try:
        return _mandatory_label_fault(pack) or msgspec.convert(pack, list[Record])
    except msgspec.ValidationError as error:
        return Rejection("bad_cbor", f"not a SenML pack: {error}"[:200])


def _mandatory_label_fault(pack: list[dict[str, object]]) -> Rejection | None:
    """A label ending in `_` must be understood or the pack refused (RFC 8428, 4.4); we know none."""
    for record in pack:
        for label in record:
            if label.endswith("_"):
                return Rejection("must_understand", f"label {label[:32]!r} ends in '_' and is not known here")
    return None


def _resolve(hub: str, records: list[Record], received_at: float) -> Measurements | Rejection:
    """Applies base fields and checks each record against the vocabulary. One plain loop: it is the hot path."""
    own = base_name(hub)
    prefix, base_time, base_unit, base_value = "", 0.0, None, 0.0
    newest, oldest = received_at + FUTURE_MAX_S, received_at - AGE_MAX_S
    readings: list[Reading] = []
    refused: list[str] = []
    for record in records:
        if record.bver is not None and record.bver != VERSION:
            return Rejection("unknown_version", f"SenML version {record.bver}; {VERSION} is understood")
        if record.bn is not None:
            prefix = record.bn
        if record.bt is not None:
            base_time = record.bt
        if record.bu is not None:
            base_unit = record.bu
        if record.bv is not None:
            base_value = record.bv
        local = record.n or ""
        if prefix != own:
            name = prefix + local
            if not name.startswith(own):
                return Rejection("wrong_hub", f"names must begin with {own}")
            local = name[len(own) :]
        known = _names.get(local) or _learn_name(local)
        if known is None:
            refused += _unknown(record)
            continue
        device, kind, read = known
        time = base_time if record.t is None else base_time + record.t
        if time < RELATIVE_BELOW:
            time += received_at
        if not oldest <= time <= newest:
            refused.append("future" if time > newest else "ancient")
            continue
        unit = record.u or base_unit
        if unit and unit != kind.unit:
            refused.append("wrong_unit")
            continue
        value = read(record, kind, base_value)
        if value is None:
            refused.append("bad_value")
            continue
        # to the millisecond, as stores keep it: what is told now and what is read back after a restart is the same
        readings.append(Reading(device, kind.name, value, round(time, 3)))
    first = records[0]
    return Measurements(hub, first.ep or "", first.seq, readings, tuple(refused))


def _learn_name(local: str) -> _Name | None:
    device, _, kind_name = local.partition("/")
    kind = KINDS.get(kind_name)
    if kind is None or not valid_device_id(device):
        return None
    if len(_names) >= _NAMES_MAX:
        _names.clear()
    _names[local] = known = _Name(device, kind, _READ[kind.value_type])
    return known


def _unknown(record: Record) -> tuple[str, ...]:
    """What to count for a name that we do not know: nothing if the record only carries base fields."""
    empty = record.v is None and record.vb is None and record.vs is None and record.vd is None
    return () if empty else ("unknown_name",)


# The readers return the record's value if it is of the kind's type and within its range, else None.


def _number(record: Record, kind: ReadingKind, base_value: float) -> float | None:
    number = record.v
    if number is None:
        if not base_value:
            return None
        number = 0.0
    number += base_value
    return number if kind.minimum <= number <= kind.maximum else None


def _boolean(record: Record, _kind: ReadingKind, _base_value: float) -> bool | None:
    return record.vb


def _word(record: Record, kind: ReadingKind, _base_value: float) -> str | None:
    return record.vs if record.vs in kind.words else None


def _data_of(record: Record, _kind: ReadingKind, _base_value: float) -> bytes | None:
    return _data(record.vd)


def _data(text: str | None) -> bytes | None:
    if text is None or len(text) > WINDOW_BYTES_MAX * 4 // 3 + 4:
        return None
    try:
        padded = text.translate(_FROM_URL_SAFE) + "=" * (-len(text) % 4)
        return binascii.a2b_base64(padded, strict_mode=True)
    except (binascii.Error, ValueError):
        return None


_READ: Final[dict[ValueType, _Reader]] = {
    ValueType.NUMBER: _number,
    ValueType.BOOLEAN: _boolean,
    ValueType.WORD: _word,
    ValueType.DATA: _data_of,
}


def encode_measurements(
    hub: str,
    readings: Sequence[Reading],
    *,
    sequence: int | None = None,
    epoch: str = "",
    relative_to: float | None = None,
) -> bytes:
    """Writes a pack.

    Args:
        hub: whose readings they are.
        readings: at least one, at most `RECORDS_MAX`, all valid by the vocabulary.
        sequence, epoch: the pack's place in the hub's numbering.
        relative_to: where the hub does not trust its clock, its own idea of "now": times are then sent as ages, and
            the centre places them by its own clock.

    Raises:
        ValueError: no reading, too many, or the pack is too large.
        KeyError: a reading's kind is not in the vocabulary.
    """
    if not 0 < len(readings) <= RECORDS_MAX:
        raise ValueError(f"{len(readings)} readings in a pack; 1 to {RECORDS_MAX} are allowed")
    start = readings[0].measured_at if relative_to is None else relative_to
    records = [to_record(reading, start) for reading in readings]
    first = records[0]
    first.bn = base_name(hub)
    first.bt = None if relative_to is not None else start
    first.seq = sequence
    first.ep = epoch or None
    payload = _encoder.encode(records)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"pack of {len(payload)} bytes; at most {PAYLOAD_BYTES_MAX}: send fewer readings at a time")
    return payload


def to_record(reading: Reading, start: float = 0.0) -> Record:
    """A reading as a SenML record named `device/kind`, its time relative to `start`.

    Raises:
        KeyError: the kind is not in the vocabulary.
    """
    kind = KINDS[reading.kind]
    delta = round(reading.measured_at - start, 3)
    record = Record(n=f"{reading.device}/{reading.kind}", t=delta or None)
    value = reading.value
    match kind.value_type:
        case ValueType.NUMBER:
            record.v = float(value)
            record.u = kind.unit or None
        case ValueType.BOOLEAN:
            record.vb = bool(value)
        case ValueType.WORD:
            record.vs = str(value)
        case ValueType.DATA:
            assert isinstance(value, bytes)
            record.vd = urlsafe_b64encode(value).rstrip(b"=").decode()
    return record
