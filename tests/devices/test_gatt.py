"""Measurements of health sensors: when they were made, which count, and which do not."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices.catalogue import CATALOGUE
from devices.decoding import Decoded, ReplayMark, decode
from devices.device_model import NEVER_MISSED
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.sensor_clock import AGE_MAX_S, ZONE_LEAST_S, ZONE_MOST_S, date
from simulators import gatt_bytes
from tests.devices.test_captures import NOW

HOUR, DAY = 3_600.0, 86_400.0
ADDRESS = "A4:C1:38:00:00:04"
WEARABLE = EnrolledDevice("worn", "gatt_wearable", Link.BLE_GATT, ADDRESS, key=bytes(range(16)))


class Sensor:
    """Decodes what one sensor says, with its memory."""

    def __init__(self, model: str) -> None:
        self.device = EnrolledDevice("s", model, Link.BLE_GATT, ADDRESS)
        self.mark: ReplayMark | None = None

    def say(self, number: int, value: bytes, now: float = NOW) -> dict[str, tuple[object, float]] | str:
        frame = Frame(Link.BLE_GATT, ADDRESS, number.to_bytes(2, "little") + value, None, now)
        decoded = decode(frame, self.device, self.mark)
        if isinstance(decoded, Rejection):
            return decoded.reason
        self.mark = msgspec.json.decode(msgspec.json.encode(decoded.mark), type=ReplayMark)
        return {reading.kind: (reading.value, reading.measured_at) for reading in decoded.readings}

    def pressure(self, systolic: int, clock_s: float, now: float = NOW) -> float | str:
        """Says a blood pressure that bears `clock_s` of the cuff's clock; returns when it counts as made."""
        at = datetime.fromtimestamp(clock_s, UTC)
        said = self.say(0x2A35, gatt_bytes.blood_pressure(systolic, 80, 70, at), now)
        return said if isinstance(said, str) else said["systolic"][1]

    def clock(self, clock_s: float, now: float = NOW) -> None:
        assert self.say(0x2A2B, gatt_bytes.current_time(datetime.fromtimestamp(clock_s, UTC)), now) == {}


def test_a_clock_that_can_be_read_dates_exactly_however_wrong_it_is() -> None:
    for off in (0.0, 2 * HOUR, -16 * 365 * DAY, 400 * DAY):
        cuff = Sensor("gatt_blood_pressure")
        cuff.clock(NOW + off)
        assert cuff.pressure(120, NOW + off - 3 * DAY) == NOW - 3 * DAY
        assert cuff.pressure(121, NOW + off) == NOW


def test_a_clock_set_anew_between_two_connections_is_followed() -> None:
    cuff = Sensor("gatt_blood_pressure")
    cuff.clock(NOW)
    assert cuff.pressure(120, NOW) == NOW
    cuff.clock(0.0 + DAY, NOW + DAY)
    assert cuff.pressure(121, DAY - HOUR, NOW + DAY) == NOW + DAY - HOUR


def test_without_a_readable_clock_the_freshest_measurement_tells_its_offset() -> None:
    cuff = Sensor("gatt_blood_pressure")
    zone = 2 * HOUR
    assert cuff.pressure(120, NOW + zone) == NOW
    assert cuff.pressure(130, NOW + zone + HOUR, NOW + 5 * HOUR) == NOW + HOUR, "sent four hours late, and dated so"
    assert cuff.pressure(131, NOW + zone + 5 * HOUR, NOW + 5 * HOUR) == NOW + 5 * HOUR


def test_a_clock_that_nobody_set_and_nobody_can_read_is_refused_rather_than_believed() -> None:
    cuff = Sensor("gatt_blood_pressure")
    assert cuff.pressure(120, NOW - 400 * DAY) == "wrong_clock"
    assert cuff.pressure(120, NOW + 3 * DAY) == "wrong_clock"
    assert cuff.pressure(120, NOW - 20 * DAY) == "wrong_clock", "a measurement of three weeks ago does not look new"
    assert cuff.mark is None
    assert cuff.pressure(120, NOW + HOUR) == NOW


def test_what_the_centre_would_refuse_as_too_old_is_refused_here() -> None:
    cuff = Sensor("gatt_blood_pressure")
    cuff.clock(NOW)
    assert cuff.pressure(120, NOW - AGE_MAX_S - 60) == "too_old"


def test_a_cuff_that_sends_its_whole_memory_each_time_counts_each_measurement_once() -> None:
    cuff = Sensor("gatt_blood_pressure")
    cuff.clock(NOW)
    memory = [(100 + i % 60, NOW - i * HOUR) for i in range(200)]
    assert all(cuff.pressure(systolic, at) == at for systolic, at in memory)
    cuff.clock(NOW + DAY, NOW + DAY)
    assert {cuff.pressure(systolic, at, NOW + DAY) for systolic, at in memory} == {"repeat"}
    assert len(msgspec.json.encode(cuff.mark)) < 4_096


def test_without_a_date_the_same_value_within_a_minute_is_one_measurement() -> None:
    scale = Sensor("gatt_weight_scale")
    value = gatt_bytes.weight(72.5)
    assert scale.say(0x2A9D, value) == {"weight": (72.5, NOW)}
    assert scale.say(0x2A9D, value, NOW + 20) == "repeat"
    assert scale.say(0x2A9D, value, NOW + DAY) == {"weight": (72.5, NOW + DAY)}


def test_a_failed_or_doubtful_measurement_is_none() -> None:
    cuff, scale, oximeter = Sensor("gatt_blood_pressure"), Sensor("gatt_weight_scale"), Sensor("gatt_pulse_oximeter")
    nan = gatt_bytes.SFLOAT_NAN
    assert cuff.say(0x2A35, b"\x00" + nan * 3) == {}
    loose = b"\x10" + gatt_bytes.sfloat(120) * 3 + b"\x02\x00"
    assert cuff.say(0x2A35, loose) == "unreliable"
    irregular = b"\x10" + gatt_bytes.sfloat(121) + gatt_bytes.sfloat(80) * 2 + b"\x04\x00"
    assert cuff.say(0x2A35, irregular) == {"systolic": (121.0, NOW), "diastolic": (80.0, NOW)}
    assert scale.say(0x2A9D, b"\x00\xff\xff") == {}
    spot = gatt_bytes.sfloat(97) + gatt_bytes.sfloat(60)
    assert oximeter.say(0x2A5E, b"\x02" + spot + (1 << 10).to_bytes(2, "little")) == "unreliable", "a demonstration"
    assert oximeter.say(0x2A5E, b"\x02" + spot + (1 << 9).to_bytes(2, "little")) == "undated", "stored, without a date"
    assert oximeter.say(0x2A5E, gatt_bytes.spot_check(97, 20_00)) == {"spo2": (97.0, NOW)}, "an impossible pulse"


def test_an_oximeter_that_is_not_on_a_finger_measures_nobody() -> None:
    values = gatt_bytes.sfloat(97) + gatt_bytes.sfloat(60)
    for bit in (1, 3, 7, 8, 11, 13, 14, 15):
        oximeter, status = Sensor("gatt_pulse_oximeter"), (1 << bit).to_bytes(3, "little")
        assert oximeter.say(0x2A5E, b"\x04" + values + status) == "unreliable", bit
        assert oximeter.say(0x2A5F, b"\x08" + values + status) == {}, bit
    good = (1 << 5 | 1 << 4).to_bytes(3, "little")
    assert Sensor("gatt_pulse_oximeter").say(0x2A5E, b"\x04" + values + good) == {
        "spo2": (97.0, NOW),
        "heart_rate": (60.0, NOW),
    }, "cold fingers"


def test_an_oximeter_whose_clock_is_not_set_says_so_and_counts_as_now() -> None:
    oximeter = Sensor("gatt_pulse_oximeter")
    value = bytes((0x11,)) + gatt_bytes.spot_check(97, 60, datetime(2001, 1, 1, tzinfo=UTC))[1:]
    assert oximeter.say(0x2A5E, value) == {"spo2": (97.0, NOW), "heart_rate": (60.0, NOW)}


def test_of_a_belts_flow_one_value_in_ten_seconds_is_kept() -> None:
    belt = Sensor("gatt_heart_rate")
    kept = [belt.say(0x2A37, gatt_bytes.heart_rate(60 + i % 9), NOW + i) for i in range(60)]
    assert sum(bool(said) for said in kept) == 6
    assert all(not isinstance(said, str) for said in kept), "the others are no faults"


def test_what_is_used_at_will_is_never_missed_and_what_calls_for_help_is() -> None:
    at_will = {name for name, model in CATALOGUE.items() if model.silence_max_s == NEVER_MISSED}
    assert at_will == {name for name in CATALOGUE if name.startswith("gatt_")} - {"gatt_wearable"}


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.sampled_from([0, 1, 2]), st.floats(-2e5, 2e5))
def test_no_measurement_is_ever_dated_ahead_or_far_back(ahead: float, now: float, source: int, offset: float) -> None:
    mark = ReplayMark(clock_offset_s=offset, clock_source=source)
    result = date(mark, now + ahead, now)
    if not isinstance(result, Rejection):
        at, after = result
        assert now - AGE_MAX_S <= at <= now
        assert after.clock_source != 0
    elif source == 0:
        assert not ZONE_LEAST_S <= -ahead <= ZONE_MOST_S, "a time zone explains it"


def _sealed(plain: bytes, counter: int, number: int = 0x4C03) -> Frame:
    sealed = gatt_bytes.sealed(plain, key=WEARABLE.key or b"", address=ADDRESS, characteristic=number, counter=counter)
    return Frame(Link.BLE_GATT, ADDRESS, number.to_bytes(2, "little") + sealed, None, NOW)


def test_a_wearables_press_counts_once_is_acknowledged_each_time_and_cannot_be_played_back() -> None:
    mark: ReplayMark | None = None
    presses, acknowledged = 0, 0
    first = _sealed(b"\x01\x50", 1)
    windows = [_sealed(gatt_bytes.window(37 * i, 50, 8, 0, [(0, 0, 4096)] * 37), 2 + i, 0x4C02) for i in range(60)]
    for frame in (first, first, *windows, first, _sealed(b"\x02\x50", 100), first):
        decoded = decode(frame, WEARABLE, mark)
        assert isinstance(decoded, Decoded)
        mark = decoded.mark
        presses += sum(reading.kind == "press" for reading in decoded.readings)
        acknowledged += bool(decoded.acknowledge)
    assert (presses, acknowledged) == (2, 5)
    old = decode(windows[-1], WEARABLE, mark)
    assert isinstance(old, Rejection)
    assert old.reason == "repeat"


def test_a_message_moved_to_another_characteristic_or_wearable_does_not_fit_the_key() -> None:
    press = _sealed(b"\x01\x50", 7)
    moved = Frame(Link.BLE_GATT, ADDRESS, b"\x02\x4c" + press.payload[2:], None, NOW)
    refused = decode(moved, WEARABLE, None)
    assert isinstance(refused, Rejection)
    assert refused.reason == "wrong_key"
    twin = EnrolledDevice("twin", "gatt_wearable", Link.BLE_GATT, "A4:C1:38:00:00:05", key=WEARABLE.key)
    refused = decode(Frame(Link.BLE_GATT, twin.address, press.payload, None, NOW), twin, None)
    assert isinstance(refused, Rejection)
    assert refused.reason == "wrong_key"
