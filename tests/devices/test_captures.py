"""Every product in the catalogue reads its captured frames, and survives any others."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.catalogue import CATALOGUE, DeviceModel, enrolment_fault
from devices.decoding import Decoded, ReplayMark, decode
from devices.device_model import NEVER_MISSED
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.vocabulary import KINDS, Urgency, ValueType, value_fault
from gateway.contract.messages import Measurements
from gateway.contract.senml import decode_measurements
from gateway.contract.topics import valid_hub_id

FOLDER = Path(__file__).resolve().parents[1] / "captures"
CAPTURES: list[tuple[str, dict[str, Any]]] = [
    (path.stem, capture)
    for path in sorted(FOLDER.glob("*.toml"))
    for capture in tomllib.loads(path.read_text()).get("capture", ())
]
PACKS: list[tuple[str, dict[str, Any]]] = [
    (path.stem, pack)
    for path in sorted(FOLDER.glob("*.toml"))
    for pack in tomllib.loads(path.read_text()).get("pack", ())
]
"""What products send that report to the centre themselves."""
MUST_BE_MISSED = {kind.name for kind in KINDS.values() if kind.urgency is Urgency.ALARM or kind.activity}
NAMES = [f"{name}: {capture['about']}" for name, capture in CAPTURES]
NOW = 1_795_276_800.0
PREFIXES = {
    Link.BLE_ADVERT: [b"", b"\xd2\xfc", b"\xd2\xfc\x40", b"\xd2\xfc\x41", b"\xd2\xfc\x44\x00\x01"],
    Link.SERIAL: [b"", b"\x05\x01\x03\x17\xa1\x01\x01"],
    Link.BUTTON: [b""],
    Link.MQTT: [b"", b"[{"],
    Link.BLE_GATT: [
        b"",
        *(number.to_bytes(2, "little") for number in (0x2A19, 0x2A2B, 0x2A08)),
        *(number.to_bytes(2, "little") for m in CATALOGUE.values() if m.gatt for number in m.gatt.listen),
    ],
}
ADDRESSES = {
    Link.BLE_ADVERT: "A4:C1:38:8D:18:B2",
    Link.BLE_GATT: "A4:C1:38:8D:18:B2",
    Link.SERIAL: "0000a117",
    Link.BUTTON: "bathroom",
    Link.MQTT: "loc-7",
}


def said_in(capture: dict[str, Any]) -> dict[str, Any]:
    """What a capture's frame says; bytes stand there in hex."""
    return {
        kind: bytes.fromhex(value) if KINDS[kind].value_type is ValueType.DATA else value
        for kind, value in capture["readings"].items()
    }


def device_of(model: DeviceModel, address: str, key: str = "") -> EnrolledDevice:
    secret = bytes.fromhex(key) if key else None
    return EnrolledDevice("under-test", model.name, model.link, address, key=secret)


@pytest.mark.parametrize(("name", "capture"), CAPTURES, ids=NAMES)
def test_a_captured_frame_reads_as_written_beside_it(name: str, capture: dict[str, Any]) -> None:
    model = CATALOGUE[name]
    device = device_of(model, capture["address"], capture.get("key", ""))
    assert enrolment_fault(device) == ""
    frame = Frame(model.link, device.address, bytes.fromhex(capture["frame"]), -60, NOW)
    decoded = decode(frame, device, None)
    assert isinstance(decoded, Decoded), decoded
    assert {reading.kind: reading.value for reading in decoded.readings} == said_in(capture)
    assert {(reading.device, reading.measured_at) for reading in decoded.readings} <= {("under-test", NOW)}
    assert decoded.acknowledge.hex() == capture.get("acknowledge", "")
    assert decoded.faults == ()


@pytest.mark.parametrize(("name", "pack"), PACKS, ids=[f"{name}: {pack['about']}" for name, pack in PACKS])
def test_what_a_product_sends_to_the_centre_itself_reads_as_written_beside_it(name: str, pack: dict[str, Any]) -> None:
    model = CATALOGUE[name]
    assert model.link is Link.MQTT
    assert valid_hub_id(pack["hub"])
    read = decode_measurements(pack["hub"], pack["pack"].encode(), NOW)
    assert isinstance(read, Measurements), read
    assert read.refused == ()
    assert {reading.kind: reading.value for reading in read.readings} == pack["readings"]
    assert set(pack["readings"]) <= set(model.kinds)


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=CATALOGUE)
def test_a_product_is_welcome(model: DeviceModel) -> None:
    read = {kind for name, capture in [*CAPTURES, *PACKS] if name == model.name for kind in capture["readings"]}
    assert read, f"tests/captures/{model.name}.toml needs frames and what they say"
    assert read <= set(model.kinds) <= set(KINDS)
    limited = 60 <= model.silence_max_s <= 7 * 86_400
    assert limited or (model.silence_max_s == NEVER_MISSED and not set(model.kinds) & MUST_BE_MISSED), (
        "without a limit nobody notices that it is gone"
    )
    assert (model.gatt is not None) == (model.link is Link.BLE_GATT)
    assert len(set(model.kinds)) == len(model.kinds)


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=CATALOGUE)
def test_what_comes_by_radio_and_raises_an_alarm_must_prove_who_it_is(model: DeviceModel) -> None:
    alarms = [kind for kind in model.kinds if KINDS[kind].urgency is Urgency.ALARM]
    assert model.key_required or not alarms or model.link in {Link.SERIAL, Link.BUTTON}


def test_no_two_captured_frames_of_a_product_are_the_same() -> None:
    frames = [(name, capture["frame"]) for name, capture in CAPTURES]
    assert len(set(frames)) == len(frames)


@pytest.mark.parametrize("model", CATALOGUE.values(), ids=CATALOGUE)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(model: DeviceModel, data: st.DataObject) -> None:
    prefix = data.draw(st.sampled_from(PREFIXES[model.link]))
    payload = prefix + data.draw(st.binary(max_size=60))
    key = data.draw(st.sampled_from(["", "231d39c1d7cc1ab1aee224cd096db932"]))
    device = device_of(model, ADDRESSES[model.link], key)
    result = decode(Frame(model.link, device.address, payload, None, NOW), device, None)
    if isinstance(result, Rejection):
        assert result.reason.replace("_", "").isalpha()
        return
    for reading in result.readings:
        assert reading.kind in model.kinds
        assert value_fault(KINDS[reading.kind], reading.value) == ""
    assert msgspec.json.decode(msgspec.json.encode(result.mark), type=ReplayMark) == result.mark


@pytest.mark.parametrize(("name", "capture"), CAPTURES, ids=NAMES)
def test_a_frame_cut_short_never_says_something_else(name: str, capture: dict[str, Any]) -> None:
    model = CATALOGUE[name]
    device = device_of(model, capture["address"], capture.get("key", ""))
    whole = bytes.fromhex(capture["frame"])
    for length in range(len(whole)):
        result = decode(Frame(model.link, device.address, whole[:length], -60, NOW), device, None)
        if isinstance(result, Decoded):
            assert capture.get("key") is None, "an encrypted message counts whole or not at all"
            assert model.link in {Link.BLE_ADVERT, Link.BLE_GATT}, "what comes by wire counts whole or not at all"
            said = {reading.kind: reading.value for reading in result.readings}
            assert said.items() <= said_in(capture).items()


def test_a_frame_of_something_that_is_not_enrolled_so_is_refused() -> None:
    device = EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, "A4:C1:38:8D:18:B2")
    payload = bytes.fromhex("d2fc440009014e2101")

    def reason(frame: Frame, enrolled: EnrolledDevice = device) -> str:
        result = decode(frame, enrolled, None)
        return result.reason if isinstance(result, Rejection) else "taken"

    assert reason(Frame(Link.BLE_ADVERT, device.address, payload, -60, NOW)) == "taken"
    assert reason(Frame(Link.BLE_ADVERT, "A4:C1:38:8D:18:B3", payload, -60, NOW)) == "wrong_sender"
    assert reason(Frame(Link.SERIAL, device.address, payload, -60, NOW)) == "wrong_link"
    assert reason(Frame(Link.BLE_ADVERT, device.address, payload * 100, -60, NOW)) == "too_large"
    stranger = EnrolledDevice("hall", "teapot", Link.BLE_ADVERT, device.address)
    assert reason(Frame(Link.BLE_ADVERT, device.address, payload, -60, NOW), stranger) == "unknown_model"


@pytest.mark.parametrize(
    ("device", "remedy"),
    [
        (EnrolledDevice("Hall motion", "bthome_motion", Link.BLE_ADVERT, "A4:C1:38:8D:18:B2"), "small letters"),
        (EnrolledDevice("hall", "teapot", Link.BLE_ADVERT, "A4:C1:38:8D:18:B2"), "bthome_motion"),
        (EnrolledDevice("hall", "bthome_motion", Link.SERIAL, "0000a117"), "ble_advert"),
        (EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, "a4:c1:38:8d:18:b2"), "capital"),
        (EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, "A4:C1:38:8D:18:B2", key=b"short"), "16"),
        (EnrolledDevice("neck", "bthome_pendant", Link.BLE_ADVERT, "A4:C1:38:8D:18:B2"), "key"),
        (EnrolledDevice("neck", "serial_pendant", Link.SERIAL, "A117"), "eight"),
    ],
    ids=lambda value: value.id if isinstance(value, EnrolledDevice) else value,
)
def test_a_wrong_line_in_the_enrolment_file_is_explained(device: EnrolledDevice, remedy: str) -> None:
    assert remedy in enrolment_fault(device)
