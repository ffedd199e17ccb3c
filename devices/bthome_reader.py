"""BTHome v2 adverts, for all products that speak it (https://bthome.io/format).

Deciphering and freshness are ours; the objects inside are read by `bthome-ble`, from the plain text only and with a
new parser each time, since its own replay check lets counters below 100 through and forgets at restart. Both libraries
are loaded at the first advert, so that the catalogue can be read where they are not installed.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import uuid
from typing import Any, Final

from devices.device_model import Decoded, DeviceModel
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import (
    ReplayMark,
    admit_encrypted,
    admit_plain,
    already_heard,
    message_number,
    plain_repeated,
)
from devices.vocabulary import KINDS, Reading, Urgency, Value, value_fault

SERVICE: Final = b"\xd2\xfc"
"""The 16-bit UUID 0xFCD2, little-endian."""

_ENCRYPTED: Final = 0x01
_ADDRESS_INCLUDED: Final = 0x02
_VERSION: Final = 2
_MIC_BYTES: Final = 4
_TRAILER_BYTES: Final = 4 + _MIC_BYTES
_KEY_BYTES: Final = 16
_SERVICE_UUID: Final = str(uuid.UUID("0000fcd2-0000-1000-8000-00805f9b34fb"))

_NUMBERS: Final = {
    "battery": "battery",
    "humidity": "humidity",
    "illuminance": "illuminance",
    "power": "power",
    "temperature": "temperature",
    "voltage": "voltage",
}
_STATES: Final = {
    "carbon_monoxide": "co",
    "door": "open",
    "garage_door": "open",
    "gas": "gas",
    "moisture": "flood",
    "motion": "motion",
    "moving": "motion",
    "occupancy": "presence",
    "opening": "open",
    "presence": "presence",
    "smoke": "smoke",
    "tamper": "tamper",
    "window": "open",
}
# A release also counts: it proves that somebody held the button, should the hold itself not have been heard.
_PRESSES: Final = {
    "press": "single",
    "double_press": "double",
    "triple_press": "triple",
    "long_press": "long",
    "long_double_press": "long",
    "long_triple_press": "long",
    "hold_press": "long",
    "hold_release": "long",
}


def bthome_model(name: str, kinds: tuple[str, ...], *, silence_max_s: float, key_required: bool = False) -> DeviceModel:
    """A product that speaks BTHome v2; battery, voltage and tamper come with every one.

    A product with an alarm among its kinds must have `key_required`: a plain advert can be sent by anybody.
    """
    all_kinds = (*kinds, "tamper", "battery", "voltage")

    def decode(frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
        return _read(frame, device, mark, all_kinds, key_required)

    return DeviceModel(name, Link.BLE_ADVERT, all_kinds, silence_max_s, decode, key_required)


def _read(
    frame: Frame, device: EnrolledDevice, mark: ReplayMark, kinds: tuple[str, ...], key_required: bool
) -> Decoded | Rejection:
    data = frame.payload
    if len(data) < 3:
        return Rejection("truncated", f"{len(data)} bytes are too few for an advert")
    if not data.startswith(SERVICE):
        return Rejection("wrong_service", "not a BTHome advert")
    information = data[2]
    if information >> 5 != _VERSION:
        return Rejection("unknown_version", f"BTHome version {information >> 5}; {_VERSION} is understood")
    body = data[3:]
    if information & _ADDRESS_INCLUDED:
        if body[:6][::-1] != _address_bytes(device.address):
            return Rejection("wrong_sender", "the address inside the advert is not the device's")
        body = body[6:]
    if information & _ENCRYPTED:
        return _read_encrypted(frame, device, mark, kinds, body)
    if key_required or device.key is not None or mark.counter >= 0:
        return Rejection("not_encrypted", "a plain advert from a device that must encrypt: forged, or set up wrongly")
    return _read_plain(frame, device, mark, kinds, body)


def _read_encrypted(
    frame: Frame, device: EnrolledDevice, mark: ReplayMark, kinds: tuple[str, ...], body: bytes
) -> Decoded | Rejection:
    if len(body) <= _TRAILER_BYTES:
        return Rejection("truncated", f"{len(body)} bytes are too few for an encrypted advert")
    if device.key is None:
        return Rejection("missing_key", "the device encrypts: enter its key at enrolment")
    if len(device.key) != _KEY_BYTES:
        return Rejection("wrong_key", f"the key must have {_KEY_BYTES} bytes")
    counter, mic = body[-_TRAILER_BYTES:-_MIC_BYTES], body[-_MIC_BYTES:]
    number = message_number(int.from_bytes(counter, "little"), int.from_bytes(mic, "little"))
    if heard := already_heard(mark, number):
        return heard
    nonce = _address_bytes(device.address) + SERVICE + frame.payload[2:3] + counter
    plain = _deciphered(device.key, nonce, body[:-_TRAILER_BYTES] + mic)
    if plain is None:
        return Rejection("wrong_key", "does not fit the key: wrong key, forged, or damaged on the air")
    readings, faults, _ = _objects(frame, device, kinds, plain)
    if faults and not readings:
        return _bad_value(faults)
    mark, counts = admit_encrypted(mark, number, alarm=any(map(_is_alarm, readings)))
    return Decoded(readings if counts else (), mark, faults=faults)


def _read_plain(
    frame: Frame, device: EnrolledDevice, mark: ReplayMark, kinds: tuple[str, ...], body: bytes
) -> Decoded | Rejection:
    digest = int.from_bytes(hashlib.blake2b(frame.payload, digest_size=8).digest(), "big") >> 1
    if repeated := plain_repeated(mark, digest, frame.received_at):
        return repeated
    readings, faults, packet_id = _objects(frame, device, kinds, body)
    if not readings:
        return _bad_value(faults) if faults else Rejection("no_reading", "nothing in it that this model reports")
    admitted = admit_plain(mark, digest, packet_id, frame.received_at)
    return admitted if isinstance(admitted, Rejection) else Decoded(readings, admitted, faults=faults)


def _bad_value(faults: tuple[str, ...]) -> Rejection:
    return Rejection("bad_value", f"out of range: {', '.join(faults)}")


def _is_alarm(reading: Reading) -> bool:
    return KINDS[reading.kind].urgency is Urgency.ALARM and reading.value is not False


def _deciphered(key: bytes, nonce: bytes, secret: bytes) -> bytes | None:
    """The plain text, or None where the secret was not made with this key and nonce (AES-CCM)."""
    from cryptography.exceptions import InvalidTag

    try:
        plain: bytes = _cipher(key).decrypt(nonce, secret, None)
    except InvalidTag:
        return None
    return plain


@functools.lru_cache(maxsize=128)
def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    return AESCCM(key, tag_length=_MIC_BYTES)


@functools.lru_cache(maxsize=128)
def _address_bytes(address: str) -> bytes:
    try:
        return bytes.fromhex(address.replace(":", ""))
    except ValueError:
        return b""


def _objects(
    frame: Frame, device: EnrolledDevice, kinds: tuple[str, ...], plain: bytes
) -> tuple[tuple[Reading, ...], tuple[str, ...], int]:
    """The readings of these kinds in BTHome objects, the kinds with an impossible value, and the packet id or -1.

    Where an object comes twice, the first counts; of states, the one that is true.
    """
    values, packet_id = _parsed(device.address, plain, frame.received_at)
    readings: list[Reading] = []
    faults: list[str] = []
    for kind, value in values:
        if kind not in kinds:
            continue
        if value_fault(KINDS[kind], value):
            faults.append(kind)
        else:
            readings.append(Reading(device.id, kind, value, frame.received_at))
    return tuple(readings), tuple(faults), packet_id


def _parsed(address: str, plain: bytes, now: float) -> tuple[list[tuple[str, Value]], int]:
    """The objects' values in our vocabulary, and the packet id or -1."""
    service_info, parser_class = _library()
    service_data = {_SERVICE_UUID: bytes((_VERSION << 5,)) + plain}
    parser = parser_class()
    update = parser.update(
        service_info(
            name="",
            address=address,
            rssi=0,
            manufacturer_data={},
            service_data=service_data,
            service_uuids=[],
            source="",
            device=None,
            advertisement=None,
            connectable=False,
            time=now,
            tx_power=None,
        )
    )
    found: dict[str, Value] = {}
    for key, event in update.events.items():
        if _object_name(key.key) == "button" and (press := _PRESSES.get(event.event_type)):
            found.setdefault("press", press)
    for key, state in update.binary_entity_values.items():
        if (kind := _STATES.get(_object_name(key.key))) is not None:
            found[kind] = bool(found.get(kind)) or bool(state.native_value)
    for key, number in update.entity_values.items():
        if (kind := _NUMBERS.get(_object_name(key.key))) is not None:
            found.setdefault(kind, float(number.native_value))
    return list(found.items()), -1 if parser.packet_id is None else int(parser.packet_id)


def _object_name(key: str) -> str:
    """The object's name without the number that the library gives to the second of a kind."""
    stem, _, last = key.rpartition("_")
    return stem if last.isdigit() else key


@functools.cache
def _library() -> tuple[Any, Any]:
    """`bthome-ble`, loaded when the first such advert is read: it takes 0.2 s and 12 MB."""
    from bthome_ble import BTHomeBluetoothDeviceData
    from habluetooth import BluetoothServiceInfoBleak

    # It logs a line for each odd advert; ours are counted, and a neighbour's flood must not fill the hub's disk.
    logging.getLogger("bthome_ble").setLevel(logging.CRITICAL)
    return BluetoothServiceInfoBleak, BTHomeBluetoothDeviceData
