"""Firmware and hub agree on the bytes, which neither made for the other; and no bytes at all upset the firmware."""

from __future__ import annotations

import ctypes
import random
import struct
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Decoded, decode
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from simulators.firmware_build import FirmwareNotBuilt, FirmwareToolMissing, fuzz_program, host_library
from simulators.serial_bytes import crc16
from tests.firmware_stubs.bench import CONTACT, NUMBER, SENT_MAX, WAKE_SERIAL, Bench, Message, acknowledgement, load

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
GOLDEN: list[dict[str, Any]] = [
    capture for path in sorted(CAPTURES.glob("serial_*.toml")) for capture in tomllib.loads(path.read_text())["capture"]
]
PRODUCTS = ("pendant", "bed_mat", "door", "fall_sensor")
FUZZ_BYTES = 300_000


@pytest.mark.parametrize("capture", GOLDEN, ids=lambda capture: capture["frame"][:24])
def test_the_firmware_writes_the_golden_bytes(pendant: ctypes.CDLL, capture: dict[str, Any]) -> None:
    frame = bytes.fromhex(capture["frame"])
    body = cobs.decode(frame)
    _, kind, number, sequence, uptime_ms, battery_mv, argument = struct.unpack_from("<BBIHIHB", body)
    message = Message(uptime_ms, sequence, battery_mv, kind, argument)
    more, out = body[15:-2], (ctypes.c_uint8 * SENT_MAX)()
    length = pendant.library_frame(
        ctypes.c_uint32(number), ctypes.byref(message), more, ctypes.c_size_t(len(more)), out
    )
    assert bytes(out[:length]) == frame + b"\0"


@pytest.mark.parametrize("capture", [c for c in GOLDEN if "acknowledge" in c], ids=lambda c: c["acknowledge"])
def test_the_firmware_reads_the_golden_acknowledgements(pendant: ctypes.CDLL, capture: dict[str, Any]) -> None:
    sequence = struct.unpack_from("<H", cobs.decode(bytes.fromhex(capture["frame"])), 6)[0]
    answer = bytes.fromhex(capture["acknowledge"])
    assert pendant.library_acknowledged(answer, ctypes.c_size_t(len(answer))) == sequence
    for cut in range(len(answer)):
        damaged = answer[:cut] + bytes([answer[cut] ^ 0x10]) + answer[cut + 1 :]
        assert pendant.library_acknowledged(damaged, ctypes.c_size_t(len(damaged))) == -1


def test_a_whole_frame_that_is_no_acknowledgement_is_none(pendant: ctypes.CDLL) -> None:
    for answer in (b"B", b"a", b"\x01"):
        body = answer + struct.pack("<H", 7)
        frame = cobs.encode(body + struct.pack("<H", crc16(body))) + b"\0"
        assert pendant.library_acknowledged(frame, ctypes.c_size_t(len(frame))) == -1


@given(sequence=st.integers(0, 65_535), noise=st.lists(st.binary(max_size=40), max_size=6))
def test_after_any_noise_an_acknowledgement_is_understood(
    pendant: ctypes.CDLL, sequence: int, noise: list[bytes]
) -> None:
    data = b"".join(noise) + b"\0" + acknowledgement(sequence)
    assert pendant.library_acknowledged(data, ctypes.c_size_t(len(data))) == sequence


@given(junk=st.binary(max_size=300))
def test_no_noise_passes_for_an_acknowledgement_of_a_press(pendant: ctypes.CDLL, junk: bytes) -> None:
    bench = Bench(pendant, hub_listens=False)
    bench.press()
    (press,) = bench.presses()
    if acknowledgement(press.sequence)[:-1] in junk:
        return
    bench.receive(junk)
    assert bench.sleep().wake_by & WAKE_SERIAL


def test_what_the_pendant_sends_is_what_the_hub_hears(pendant: ctypes.CDLL) -> None:
    bench = Bench(pendant, entropy=41)
    device = EnrolledDevice("neck", "serial_pendant", Link.SERIAL, f"{NUMBER:08x}")
    bench.press()
    bench.line(CONTACT)
    bench.run(60_000)
    memory, heard = None, []
    for told in bench.told:
        decoded = decode(Frame(Link.SERIAL, device.address, told.frame, None, 1.8e9), device, memory)
        assert isinstance(decoded, Decoded)
        memory = decoded.mark
        heard += [(reading.kind, reading.value) for reading in decoded.readings if reading.kind != "voltage"]
    assert heard == [
        ("boot", 41.0),
        ("press", "single"),
        ("press", "single"),
        ("press", "long"),
        ("heartbeat", 46.0),
    ]


@pytest.mark.parametrize("pause_ms", [40, 100, 230])
def test_presses_in_fright_count_once_each_although_no_acknowledgement_gets_through(
    pendant: ctypes.CDLL, pause_ms: int
) -> None:
    """Up to eight presses a second for half a minute on a wire that is broken in one direction."""
    bench = Bench(pendant, hub_listens=False)
    device = EnrolledDevice("neck", "serial_pendant", Link.SERIAL, f"{NUMBER:08x}")
    for _ in range(30_000 // (85 + pause_ms)):
        bench.press(hold_ms=85, after_ms=pause_ms)
    bench.run(120_000)
    memory, counted = None, 0
    for told in bench.told:
        decoded = decode(Frame(Link.SERIAL, device.address, told.frame, None, 1.8e9), device, memory)
        assert isinstance(decoded, Decoded)
        memory = decoded.mark
        counted += sum(reading.kind == "press" for reading in decoded.readings)
    assert counted == len(bench.presses())


@pytest.mark.slow
@pytest.mark.parametrize("product", PRODUCTS)
def test_no_order_of_events_and_bytes_makes_the_firmware_do_something_undefined(product: str) -> None:
    """Random bytes, times, lines and voltages under the address and undefined-behaviour sanitizers."""
    try:
        program = fuzz_program(product)
    except FirmwareToolMissing as error:
        pytest.skip(f"NOT TESTED: the firmware cannot be built with sanitizers here: {error}")
    dice = random.Random(product)
    orders = bytearray(dice.randbytes(FUZZ_BYTES))
    for _ in range(FUZZ_BYTES // 200):  # whole acknowledgements among the noise, of numbers that may be waiting
        at = dice.randrange(0, FUZZ_BYTES - 64, 2)
        answer = acknowledgement(dice.choice((0xFFF0, 0xFFF1, 0, dice.randrange(300))))
        orders[at : at + 2 * len(answer)] = b"".join(bytes((5, byte)) for byte in answer)
    done = subprocess.run([program], input=bytes(orders), capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_a_firmware_that_does_not_compile_is_a_fault_and_not_a_reason_to_skip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("pendant")  # skips where there is no compiler
    (tmp_path / "Makefile").write_text("build/%:\n\tfalse\n")
    monkeypatch.setattr("simulators.firmware_build.FIRMWARE", tmp_path)
    with pytest.raises(FirmwareNotBuilt) as refused:
        host_library("pendant")
    assert not isinstance(refused.value, FirmwareToolMissing)
