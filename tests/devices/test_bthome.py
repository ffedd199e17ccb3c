"""What a pendant and sensors on the air may make the home believe, and what not."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Decoded, ReplayMark, decode
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import ALARMS_KEPT, PLAIN_REPEAT_S, RECENT_KEPT, RESTART_RUN, already_heard
from devices.vocabulary import Reading

ADDRESS = "54:48:E6:8F:80:A5"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
NOW = 1_795_276_800.0
PENDANT = EnrolledDevice("neck", "bthome_pendant", Link.BLE_ADVERT, ADDRESS, key=KEY)
MOTION = EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, ADDRESS)
PRESS = b"\x3a\x01"
BATTERY = b"\x01\x5d"


def plain(objects: bytes, information: int = 0x44) -> bytes:
    return b"\xd2\xfc" + bytes((information,)) + objects


def sealed(objects: bytes, counter: int, key: bytes = KEY, information: int = 0x45) -> bytes:
    """An encrypted advert, built as https://bthome.io/encryption describes."""
    count = counter.to_bytes(4, "little")
    nonce = bytes.fromhex(ADDRESS.replace(":", "")) + b"\xd2\xfc" + bytes((information,)) + count
    secret = AESCCM(key, tag_length=4).encrypt(nonce, objects, None)
    return b"\xd2\xfc" + bytes((information,)) + secret[:-4] + count + secret[-4:]


class Home:
    """Hears frames one after the other, and keeps the device's memory as JSON between them, as a hub does."""

    def __init__(self, device: EnrolledDevice = PENDANT) -> None:
        self.device = device
        self.stored: bytes | None = None
        self.now = NOW

    def hear(self, payload: bytes) -> tuple[Reading, ...] | str:
        """The readings, or the reason of a refusal."""
        memory = None if self.stored is None else msgspec.json.decode(self.stored, type=ReplayMark)
        result = decode(Frame(Link.BLE_ADVERT, self.device.address, payload, -60, self.now), self.device, memory)
        if isinstance(result, Rejection):
            return result.reason
        self.stored = msgspec.json.encode(result.mark)
        return result.readings

    def pressed(self, payload: bytes) -> bool:
        heard = self.hear(payload)
        return not isinstance(heard, str) and any(reading.kind == "press" for reading in heard)


def test_a_press_that_the_radio_repeats_counts_once_also_over_a_restart_of_the_hub() -> None:
    home = Home()
    assert home.pressed(sealed(PRESS, 500))
    for _ in range(20):
        home.now += 3.0
        assert home.hear(sealed(PRESS, 500)) == "repeat"
    assert home.pressed(sealed(PRESS, 501))
    assert home.hear(sealed(PRESS, 500)) == "repeat"


@pytest.mark.parametrize("counter", [3, 50, 5_000, 4_000_000_000])
def test_a_recorded_press_never_fires_again(counter: int) -> None:
    home = Home()
    recorded = sealed(PRESS, counter)
    assert home.pressed(recorded)
    for later in range(counter + 1, counter + 200):
        home.hear(sealed(BATTERY, later))
    home.now += 60.0
    assert home.hear(recorded) == "replay"


def test_recorded_signs_of_life_are_not_taken_for_news() -> None:
    home = Home(EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, ADDRESS, key=KEY))
    recorded = sealed(b"\x21\x01", 5)
    assert home.hear(recorded) == (Reading("hall", "motion", True, NOW),)
    for later in range(6, 90):
        assert home.hear(sealed(b"\x21\x00", later))
    assert home.hear(recorded) == ()


@given(old=st.integers(100, 2**32 - 1), first=st.integers(0, 2**32 - 62), missed=st.integers(0, 60))
def test_after_a_changed_battery_the_first_press_comes_through(old: int, first: int, missed: int) -> None:
    home = Home()
    assert home.pressed(sealed(BATTERY + PRESS, old))
    home.hear(sealed(b"\x01\x64", first))
    assert home.pressed(sealed(b"\x01\x64" + PRESS, first + 1 + missed))
    assert not home.pressed(sealed(b"\x01\x64" + PRESS, first + 1 + missed))


@given(old=st.integers(2**31, 2**32 - 1), first=st.integers(0, 2**30), steps=st.lists(st.integers(1, 200), min_size=4))
def test_a_sensor_with_a_new_battery_is_believed_at_the_third_message(old: int, first: int, steps: list[int]) -> None:
    home = Home(EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, ADDRESS, key=KEY))
    assert home.hear(sealed(b"\x21\x01", old))
    counters = [first]
    for step in steps:
        counters.append(counters[-1] + step)
    came_through = [bool(home.hear(sealed(b"\x21\x00", counter))) for counter in counters]
    assert came_through == [False] * (RESTART_RUN - 1) + [True] * (len(counters) - RESTART_RUN + 1)


def test_recordings_of_the_old_battery_do_not_fire_in_the_life_of_the_new_one() -> None:
    home = Home()
    recorded = [sealed(BATTERY + PRESS, counter) for counter in range(20, 6_000, 100)]
    assert all(home.pressed(advert) for advert in recorded)
    new_battery = b"\x01\x64"
    assert home.pressed(sealed(new_battery + PRESS, 7))
    for counter in range(30, 6_000, 150):
        home.hear(sealed(new_battery, counter))
        assert not any(home.pressed(advert) for advert in recorded)


def test_an_attacker_with_recordings_cannot_silence_a_new_battery_for_long() -> None:
    home = Home()
    recorded = [sealed(BATTERY, counter) for counter in range(1_000, 1_300)]
    for advert in recorded:
        home.hear(advert)
    new_battery = b"\x01\x64"
    for counter in range(10, 500):
        home.hear(sealed(new_battery, counter))
    for advert in recorded[::7]:
        home.hear(advert)
    assert any(home.pressed(sealed(new_battery + PRESS, 500 + again)) for again in range(RESTART_RUN))


@given(data=st.data())
def test_no_press_fires_twice_whatever_is_played_back(data: st.DataObject) -> None:
    home = Home()
    heard: list[bytes] = []
    counter, battery = 0, 0
    for _ in range(data.draw(st.integers(1, 60))):
        match data.draw(st.sampled_from(["press", "press", "idle", "new battery", "play back", "play back"])):
            case "press":
                counter += 1
                advert = sealed(bytes((1, battery)) + PRESS, counter)
                home.pressed(advert)
                heard.append(advert)
            case "idle":
                for counter in range(counter + 1, counter + data.draw(st.integers(2, 40))):  # noqa: B020
                    home.hear(sealed(bytes((1, battery)), counter))
            case "new battery":
                counter, battery = data.draw(st.integers(0, 400)), battery + 1
            case _ if heard:
                assert not home.pressed(data.draw(st.sampled_from(heard)))


def test_a_forged_advert_with_a_huge_counter_changes_nothing() -> None:
    home = Home()
    assert home.pressed(sealed(PRESS, 500))
    assert home.hear(sealed(PRESS, 2**32 - 1, key=bytes(16))) == "wrong_key"
    assert home.pressed(sealed(PRESS, 501))


@given(counter=st.integers(0, 2**32 - 1), bit=st.integers(0, 8 * 13 - 1))
def test_a_flipped_bit_is_never_a_press(counter: int, bit: int) -> None:
    advert = bytearray(sealed(PRESS, counter))
    advert[bit // 8] ^= 1 << bit % 8
    assert isinstance(Home().hear(bytes(advert)), str)


def test_a_plain_press_is_refused_from_a_pendant_with_and_without_a_key() -> None:
    assert Home().hear(plain(PRESS)) == "not_encrypted"
    keyless = EnrolledDevice("neck", "bthome_pendant", Link.BLE_ADVERT, ADDRESS)
    assert Home(keyless).hear(plain(PRESS)) == "not_encrypted"
    assert Home(keyless).hear(sealed(PRESS, 1)) == "missing_key"


def test_a_sensor_that_once_encrypted_is_not_believed_in_the_clear() -> None:
    home = Home(EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, ADDRESS, key=KEY))
    assert home.hear(plain(b"\x21\x01")) == "not_encrypted"
    assert home.hear(sealed(b"\x21\x01", 9)) == (Reading("hall", "motion", True, NOW),)
    home.device = MOTION
    assert home.hear(plain(b"\x21\x01")) == "not_encrypted"


def test_a_plain_sensor_cannot_raise_an_alarm() -> None:
    home = Home(MOTION)
    assert home.hear(plain(b"\x21\x01\x29\x01" + PRESS)) == (Reading("hall", "motion", True, NOW),)
    assert home.hear(plain(b"\x29\x01")) == "no_reading"


def test_a_plain_state_repeated_is_one_reading_a_minute() -> None:
    home = Home(MOTION)
    advert = plain(b"\x00\x09\x21\x01")
    assert home.hear(advert) == (Reading("hall", "motion", True, NOW),)
    home.now += PLAIN_REPEAT_S - 1
    assert home.hear(advert) == "repeat"
    home.now += 1
    assert home.hear(advert) == (Reading("hall", "motion", True, home.now),)
    home.now -= 86_400.0
    assert home.hear(advert), "a clock that was put back does not deafen the home"


def test_a_plain_packet_that_comes_late_does_not_turn_the_state_back() -> None:
    home = Home(MOTION)
    assert not isinstance(home.hear(plain(b"\x00\xff\x21\x01")), str)
    assert not isinstance(home.hear(plain(b"\x00\x00\x21\x00")), str)
    assert home.hear(plain(b"\x00\xff\x21\x01")) == "replay"


def test_an_address_inside_the_advert_must_be_the_devices() -> None:
    inside = bytes.fromhex(ADDRESS.replace(":", ""))[::-1]
    assert not isinstance(Home(MOTION).hear(plain(inside + b"\x21\x01", 0x46)), str)
    assert Home(MOTION).hear(plain(bytes(6) + b"\x21\x01", 0x46)) == "wrong_sender"


def test_a_faulty_sensor_is_refused_and_does_not_silence_the_others() -> None:
    climate = EnrolledDevice("room", "bthome_climate", Link.BLE_ADVERT, ADDRESS)
    frame = Frame(Link.BLE_ADVERT, ADDRESS, plain(b"\x02\xff\x7f\x03\xbf\x13"), -60, NOW)
    decoded = decode(frame, climate, None)
    assert isinstance(decoded, Decoded)
    assert decoded.readings == (Reading("room", "humidity", 50.55, NOW),)
    assert decoded.faults == ("temperature",)
    assert Home(climate).hear(plain(b"\x02\xff\x7f")) == "bad_value"


def test_of_two_contacts_in_one_device_the_open_one_counts() -> None:
    home = Home(EnrolledDevice("door", "bthome_door", Link.BLE_ADVERT, ADDRESS))
    assert home.hear(plain(b"\x1a\x01\x1a\x00")) == (Reading("door", "open", True, NOW),)


def test_an_alarm_is_not_mistaken_for_the_middle_of_two_others() -> None:
    first, second = 0x0102030405060708, 0x1112131415161718
    mark = ReplayMark(alarms=first.to_bytes(8, "big") + second.to_bytes(8, "big"))
    for heard in (first, second):
        refused = already_heard(mark, heard)
        assert refused is not None
        assert refused.reason == "replay"
    assert already_heard(mark, 0x0506070811121314) is None


def test_the_memory_stays_small() -> None:
    home = Home()
    for counter in range(2**32 - 2 * ALARMS_KEPT, 2**32):
        assert home.pressed(sealed(PRESS, counter))
    assert home.stored is not None
    assert len(home.stored) < 4_096
    mark = msgspec.json.decode(home.stored, type=ReplayMark)
    assert (len(mark.recent), len(mark.alarms)) == (RECENT_KEPT, 8 * ALARMS_KEPT)
