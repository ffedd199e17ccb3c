"""The simulators' own encoders agree with what is published."""

from __future__ import annotations

import binascii

from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from simulators import bthome_bytes, serial_bytes
from simulators.bthome_bytes import ButtonPress, ObjectId
from simulators.serial_bytes import FrameType, PendantMessage


def test_encrypted_advert_is_the_published_example() -> None:
    """bthome.io/encryption: 25.06 degC, 50.55 %, counter 00112233."""
    sealed = bthome_bytes.encrypted(
        [(ObjectId.TEMPERATURE, 25.06), (ObjectId.HUMIDITY, 50.55)],
        key=bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932"),
        address="54:48:E6:8F:80:A5",
        counter=0x33221100,
    )
    assert sealed.hex() == "41a47266c95f730011223378237214"


def test_plain_adverts_are_the_published_examples() -> None:
    """bthome.io/format: 25.00 degC and 50.55 %; a pendant's press and a movement."""
    climate = bthome_bytes.plain([(ObjectId.TEMPERATURE, 25.0), (ObjectId.HUMIDITY, 50.55)])
    press = bthome_bytes.plain(
        [(ObjectId.PACKET_ID, 7), (ObjectId.BATTERY, 93), (ObjectId.BUTTON, ButtonPress.SINGLE)], trigger=True
    )
    assert climate.hex() == "4002c40903bf13"
    assert press.hex() == "440007015d3a01"


def test_temperature_below_zero_keeps_its_sign() -> None:
    assert bthome_bytes.plain([(ObjectId.TEMPERATURE, -5.2)]).hex() == "4002f8fd"


@given(st.binary(max_size=600))
def test_cobs_agrees_with_the_library(data: bytes) -> None:
    assert serial_bytes.cobs_encode(data) == cobs.encode(data)
    assert serial_bytes.cobs_decode(cobs.encode(data)) == data


@given(st.binary(max_size=64))
def test_crc_agrees_with_the_library(data: bytes) -> None:
    assert serial_bytes.crc16(data) == binascii.crc_hqx(data, 0xFFFF)


def test_crc_check_value() -> None:
    assert serial_bytes.crc16(b"123456789") == 0x29B1


def test_serial_frame_layout() -> None:
    """Version, type, device u32, sequence u16, uptime u32, battery u16, argument: little-endian, 17 bytes with CRC."""
    written = serial_bytes.frame(PendantMessage(FrameType.BUTTON, 0xC0FFEE01, 0x0203, 0x04050607, 2990, 1))
    assert written.endswith(b"\0")
    assert written.count(0) == 1
    body = cobs.decode(written[:-1])
    assert body[:15].hex() == "0103" + "01eeffc0" + "0302" + "07060504" + "ae0b" + "01"
    assert len(body) == 17


def test_acknowledgement_is_read_and_a_damaged_one_is_not() -> None:
    body = b"A" + (513).to_bytes(2, "little")
    ack = cobs.encode(body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little"))
    assert serial_bytes.acknowledged(ack) == 513
    for bit in range(len(ack) * 8):
        hurt = bytearray(ack)
        hurt[bit // 8] ^= 1 << bit % 8
        assert serial_bytes.acknowledged(bytes(hurt)) is None
