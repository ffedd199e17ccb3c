"""A claim code that was misread is told apart from a good one; what cannot be read is refused by value."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rejection import Rejection
from gateway.contract.claim import (
    ALPHABET,
    CLAIM_BYTES_MAX,
    CLAIM_CODES,
    ClaimAnswer,
    ClaimFile,
    ClaimRefusal,
    ClaimRequest,
    centre_fault,
    claim_code,
    claim_link,
    read_claim,
    read_code,
    read_link,
)
from gateway.contract.encoding import MESSAGE_BYTES_MAX, decode, encode
from gateway.contract.settings import CONTACTS_MAX, Contact, DeviceSettings, HubSettings, settings_fault

numbers = st.integers(0, CLAIM_CODES - 1)
KINDS = (ClaimRequest, ClaimAnswer, ClaimRefusal, ClaimFile)


@given(numbers, st.sampled_from(["", "-", " ", ". "]), st.booleans())
def test_a_code_is_read_however_it_is_typed(number: int, between: str, small: bool) -> None:
    printed = claim_code(number)
    typed = printed.replace("-", between)
    assert read_code(typed.lower() if small else typed) == printed.replace("-", "")


@given(numbers, st.integers(0, 9), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(number: int, place: int, other: str) -> None:
    code = claim_code(number).replace("-", "")
    wrong = code[:place] + other + code[place + 1 :]
    assert isinstance(read_code(wrong), Rejection) or wrong == code


@given(numbers, st.integers(0, 9), st.integers(0, 9))
def test_two_exchanged_characters_are_always_noticed(number: int, one: int, other: int) -> None:
    characters = list(claim_code(number).replace("-", ""))
    characters[one], characters[other] = characters[other], characters[one]
    wrong = "".join(characters)
    assert isinstance(read_code(wrong), Rejection) or wrong == claim_code(number).replace("-", "")


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    read_code(text)
    read_link(text)
    centre_fault(text)


def test_each_slip_has_its_sentence() -> None:
    for typed, expected in (("K7QM2-XWP9O", "never has"), ("K7QM2", "has 5"), ("K7QM2-XWP9H", "exchanged")):
        read = read_code(typed)
        assert isinstance(read, Rejection)
        assert expected in read.detail


def test_the_link_says_centre_and_code() -> None:
    code = claim_code(4711)
    assert read_link(claim_link("https://centre.example.org/", code)) == ("https://centre.example.org", code)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://centre.example.org", True),
        ("https://centre.example.org:8443/llar", True),
        ("http://127.0.0.1:8400", True),
        ("http://centre.example.org", False),
        ("centre.example.org", False),
        ("https://", False),
        ("https://a:b@centre.example.org", False),
        ("https://centre.example.org:port", False),
    ],
)
def test_keys_travel_only_over_tls(address: str, good: bool) -> None:
    assert (centre_fault(address) == "") is good


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(payload: bytes) -> None:
    for kind in KINDS:
        assert isinstance(read_claim(kind, payload), (kind, Rejection))
    assert isinstance(decode(HubSettings, payload), (HubSettings, Rejection))


def test_an_answer_that_contradicts_itself_is_refused() -> None:
    good = {"hub": "h-17", "shard": "3e", "broker": {"host": "b"}, "password": "12345678"}
    assert isinstance(read_claim(ClaimAnswer, msgspec.json.encode(good)), ClaimAnswer)
    device = {"id": "a", "model": "serial_pendant", "address": "00000001"}
    for change in ({"shard": "3f"}, {"hub": "desk"}, {"devices": [device, device]}, {"password": "short"}):
        assert isinstance(read_claim(ClaimAnswer, msgspec.json.encode({**good, **change})), Rejection)
    too_large = read_claim(ClaimAnswer, b" " * (CLAIM_BYTES_MAX + 1))
    assert isinstance(too_large, Rejection)
    assert too_large.reason == "too_large"


def test_settings_that_name_a_strange_device_are_refused() -> None:
    settings = HubSettings(3, devices={"hall": DeviceSettings(room="hall")})
    assert settings_fault(settings, {"hall", "pendant"}) is None
    refused = settings_fault(settings, {"pendant"})
    assert refused is not None
    assert refused.reason == "unknown_device"
    twice = HubSettings(3, contacts=[Contact("Marta", "+34600555010"), Contact("Pau", "+34600555010")])
    assert settings_fault(twice, ()) is not None


def test_the_fullest_home_has_room_in_one_message() -> None:
    devices = {f"living-room-motion-{i:02d}": DeviceSettings("living room", 123, 172_800.0) for i in range(64)}
    contacts = [Contact("Montserrat Puigdomenech", f"+346005550{i:02d}") for i in range(CONTACTS_MAX)]
    settings = HubSettings(99, "ca", "+34930000112", contacts, devices, 1_795_284_000.0)
    assert len(encode(settings)) <= MESSAGE_BYTES_MAX
    assert decode(HubSettings, encode(settings)) == settings
