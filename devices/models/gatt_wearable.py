"""Llar's wearable: streams accelerometer windows, and has a call button (docs/wire/wearable.md)."""

from __future__ import annotations

from typing import Final

from devices.device_model import Decoded, DeviceModel, GattAccess
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.gatt_sensor import BATTERY_LEVEL, Fields, battery
from devices.rejection import Rejection
from devices.replay import ReplayMark, admit_encrypted, already_heard
from devices.vocabulary import Reading, Value
from devices.wearable.sealed import number_of, open_sealed
from devices.wearable.windows import STEPS_PER_G, Piece, read_piece, write_piece

WINDOW, EVENT, ACKNOWLEDGE = 0x4C02, 0x4C03, 0x4C04
_FULL_SCALES_G: Final = (2, 4, 8, 16)
_RAW_PER_SCALE: Final = 32_768
_PRESSES: Final = {1: "single", 2: "long"}
_EVENT_BYTES: Final = 2
"""The event and the battery in percent."""


def _decode(frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
    if len(frame.payload) < 2:
        return Rejection("truncated", "no characteristic's number")
    characteristic, sealed = int.from_bytes(frame.payload[:2], "little"), frame.payload[2:]
    if characteristic == BATTERY_LEVEL:
        return battery(Fields(sealed), frame, device, mark)
    if characteristic not in {WINDOW, EVENT}:
        return Rejection("unknown_characteristic", f"this model does not listen to 0x{characteristic:04X}")
    if device.key is None:
        return Rejection("missing_key", "the wearable encrypts: enter its key at enrolment")
    number = number_of(sealed)
    if isinstance(number, Rejection):
        return number
    again = already_heard(mark, number)
    if again and characteristic == WINDOW:
        return again
    plain = open_sealed(sealed, device.key, device.address, characteristic)
    if plain is None:
        return Rejection("wrong_key", "does not fit the key: wrong key, forged, or damaged")
    if characteristic == EVENT:
        return _event(plain, frame, device, mark, number, sealed[:4])
    facts = _window(plain)
    return facts if isinstance(facts, Rejection) else _admitted(facts, frame, device, mark, number)


def _event(
    plain: bytes, frame: Frame, device: EnrolledDevice, mark: ReplayMark, number: int, counter: bytes
) -> Decoded | Rejection:
    if already_heard(mark, number):
        # the wearable did not get the acknowledgement and would go on until it does
        return Decoded((), mark, acknowledge=counter)
    if len(plain) != _EVENT_BYTES or plain[0] not in _PRESSES:
        return Rejection("bad_value", "not an event of the wearable")
    admitted = _admitted({"press": _PRESSES[plain[0]]}, frame, device, mark, number)
    return Decoded(admitted.readings, admitted.mark, acknowledge=counter)


def _admitted(facts: dict[str, Value], frame: Frame, device: EnrolledDevice, mark: ReplayMark, number: int) -> Decoded:
    mark, counts = admit_encrypted(mark, number, alarm="press" in facts)
    readings = tuple(Reading(device.id, kind, value, frame.received_at) for kind, value in facts.items())
    return Decoded(readings if counts else (), mark)


def _window(plain: bytes) -> dict[str, Value] | Rejection:
    """A window in the sensor's own scale, as the value of an `acceleration` reading."""
    piece = read_piece(plain)
    if isinstance(piece, Rejection):
        return piece
    if piece.full_scale_g not in _FULL_SCALES_G:
        return Rejection("bad_value", f"a full scale of {piece.full_scale_g} g")
    flat = [value for sample in piece.samples for value in sample]
    scaled = [value * piece.full_scale_g * STEPS_PER_G // _RAW_PER_SCALE for value in flat]
    clipped = piece.clipped or max(flat) >= _RAW_PER_SCALE - 1 or min(flat) <= -_RAW_PER_SCALE
    samples = tuple(zip(scaled[0::3], scaled[1::3], scaled[2::3], strict=True))
    whole = Piece(piece.counter, piece.rate_hz, piece.full_scale_g, clipped, piece.begins, samples)
    return {"acceleration": write_piece(whole)}


MODEL: Final = DeviceModel(
    "gatt_wearable",
    Link.BLE_GATT,
    ("press", "acceleration", "battery"),
    # worn outside the home for a day's outing, or on its charger for the night
    12 * 3600.0,
    _decode,
    key_required=True,
    gatt=GattAccess(
        (WINDOW, EVENT), stays=True, acknowledge=ACKNOWLEDGE, base_uuid="9b3a{:04x}-6f0e-4d58-8c1b-2e7d51c6a904"
    ),
)
