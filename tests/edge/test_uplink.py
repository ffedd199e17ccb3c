"""What becomes an alarm, with which evidence and which times."""

from __future__ import annotations

import pytest

from devices.enrolment import EnrolledDevice
from devices.frames import Link
from devices.rejection import Rejection
from devices.vocabulary import KINDS, Reading, Urgency, Value
from edge.clock import Stamp
from edge.outbox import Pack, StampedReading, StoredAlarm
from edge.uplink import JOIN_S, STANDING_S, Memory, declare, drill, encode_pack, for_sending, forget_presses
from gateway.contract.alarm_kinds import AlarmKind, kind_of
from gateway.contract.encoding import decode, encode
from gateway.contract.messages import EVIDENCE_MAX, Alarm, Measurements
from gateway.contract.senml import decode_measurements

PENDANT = EnrolledDevice("pendant", "serial_pendant", Link.SERIAL, "00a1b2c3", "bathroom", "3")
NOW = 1.8e9


def at(monotonic: float, *, boot: str = "b1", trusted: bool = True, wall: float | None = None) -> Stamp:
    return Stamp(boot, monotonic, NOW + monotonic if wall is None else wall, trusted)


def say(memory: Memory, when: float, kind: str = "press", value: Value = "single") -> list[Alarm]:
    reading = Reading("pendant", kind, value, NOW + when)
    return [alarm for alarm, _ in declare([reading], PENDANT, at(when), memory)]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("press", "single", AlarmKind.HELP),
        ("press", "long", AlarmKind.HELP),
        ("fall", "suspected", AlarmKind.FALL),
        ("fall", "confirmed", AlarmKind.FALL),
        ("fall", "recovered", None),
        ("fall", "fine", None),
        ("fall", "unanswered", None),
        ("smoke", True, AlarmKind.SMOKE),
        ("smoke", False, None),
        ("gas", True, AlarmKind.GAS),
        ("co", True, AlarmKind.CO),
        ("flood", True, AlarmKind.FLOOD),
        ("motion", True, None),
        ("temperature", 20.0, None),
    ],
)
def test_what_calls_for_help_and_what_does_not(kind: str, value: Value, expected: AlarmKind | None) -> None:
    alarms = say(Memory(), 0, kind, value)
    assert [kind_of(a.dty, a.stc) for a in alarms] == ([expected] if expected else [])


def test_every_kind_of_alarm_reading_is_declared() -> None:
    for kind in KINDS.values():
        if kind.urgency is Urgency.ALARM:
            assert say(Memory(), 0, kind.name, kind.words[0] if kind.words else True), kind.name


def test_a_frightened_thumb_is_one_alarm_and_a_later_press_another() -> None:
    memory = Memory()
    presses = [len(say(memory, t)) for t in (0, 1, 5, JOIN_S - 0.1, JOIN_S, JOIN_S + 1)]
    assert presses == [1, 0, 0, 0, 1, 0]


def test_who_presses_again_as_soon_as_a_call_is_over_calls_anew() -> None:
    memory = Memory()
    assert len(say(memory, 0)) == 1
    assert say(memory, 1) == []
    forget_presses(memory)
    assert len(say(memory, 2)) == 1


def test_a_confirmed_fall_is_said_although_it_was_suspected_before() -> None:
    memory = Memory()
    assert [len(say(memory, t, "fall", v)) for t, v in ((0, "suspected"), (1, "suspected"), (2, "confirmed"))] == [
        1,
        0,
        1,
    ]


def test_smoke_that_stays_is_said_again_only_after_a_while_and_new_smoke_at_once() -> None:
    memory = Memory()
    assert [len(say(memory, t, "smoke", True)) for t in (0, 30, 300, STANDING_S)] == [1, 0, 0, 1]
    assert say(memory, STANDING_S + 5, "smoke", False) == []
    assert len(say(memory, STANDING_S + 6, "smoke", True)) == 1


def test_the_alarm_says_where_and_what_led_to_it_within_the_wires_limits() -> None:
    memory = Memory()
    hall = EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, "A4:C1:38:00:00:01", "hall")
    declare([Reading("hall", "motion", True, NOW - 4000)], hall, at(-4000), memory)
    for i in range(100):
        declare([Reading("hall", "motion", bool(i % 2), NOW + i)], hall, at(i), memory)
    [(alarm, _)] = declare(
        [Reading("pendant", "press", "single", NOW + 100), Reading("pendant", "battery", 93.0, NOW + 100)],
        PENDANT,
        at(100),
        memory,
    )
    assert (alarm.did, alarm.lte, alarm.lco, alarm.pri) == ("pendant", "bathroom", 3, 9)
    assert 10 < len(alarm.evidence) <= EVIDENCE_MAX
    assert {r.n for r in alarm.evidence} == {"hall/motion", "pendant/press", "pendant/battery"}
    assert min(r.t or 0 for r in alarm.evidence) > NOW - 3600
    assert decode(Alarm, encode(alarm)) == alarm


def test_age_is_told_within_the_same_boot_only() -> None:
    alarm = Alarm("r1", 3, NOW)
    stored = StoredAlarm(alarm, at(10), received=False, answer=None)
    assert for_sending(stored, at(25)).age == 15
    assert for_sending(stored, at(25, boot="b2")).age is None


def test_with_a_wrong_clock_evidence_travels_as_ages() -> None:
    wrong = at(10, trusted=False, wall=1000.0)
    memory = Memory()
    [(alarm, stamp)] = declare([Reading("pendant", "press", "single", 1000.0)], PENDANT, wrong, memory)
    sent = for_sending(StoredAlarm(alarm, stamp, received=False, answer=None), at(25, trusted=True))
    assert (sent.trusted, sent.age) == (False, 15)
    assert [r.t for r in sent.evidence] == [-15]


def test_a_drill_is_a_test_and_nothing_else() -> None:
    alarm, _ = drill(at(0), "monthly")
    assert kind_of(alarm.dty, alarm.stc) is AlarmKind.TEST
    assert alarm.text == "monthly"


def received(pack: Pack, now: Stamp, received_at: float) -> Measurements:
    read = decode_measurements("h-17", encode_pack("h-17", "e1", pack, now), received_at)
    assert not isinstance(read, Rejection)
    assert read.refused == ()
    return read


def test_a_pack_keeps_times_and_its_number() -> None:
    items = tuple(StampedReading(Reading("hall", "motion", True, NOW + i), at(i)) for i in range(3))
    read = received(Pack(7, items), at(100), NOW + 5000)
    assert (read.sequence, read.epoch) == (7, "e1")
    assert [r.measured_at for r in read.readings] == [NOW, NOW + 1, NOW + 2]


def test_readings_of_a_wrong_clock_are_placed_by_their_age() -> None:
    items = tuple(
        StampedReading(Reading("hall", "motion", True, 1000.0 + i), at(i, trusted=False, wall=1000.0 + i))
        for i in (0, 5)
    )
    still_wrong = received(Pack(1, items), at(60, trusted=False, wall=1060.0), received_at=NOW)
    assert [r.measured_at for r in still_wrong.readings] == pytest.approx([NOW - 60, NOW - 55])
    right_by_now = received(Pack(1, items), at(60, wall=NOW + 60), received_at=NOW + 61)
    assert [r.measured_at for r in right_by_now.readings] == pytest.approx([NOW, NOW + 5])


def test_evidence_from_before_the_clock_was_set_has_its_true_time() -> None:
    memory = Memory()
    hall = EnrolledDevice("hall", "bthome_motion", Link.BLE_ADVERT, "A4:C1:38:00:00:01", "hall")
    a_year_ago = NOW - 365 * 86_400
    declare([Reading("hall", "motion", True, a_year_ago)], hall, at(10, trusted=False, wall=a_year_ago), memory)
    [(alarm, _)] = declare([Reading("pendant", "press", "single", NOW + 70)], PENDANT, at(70), memory)
    assert [(r.n, r.t) for r in alarm.evidence] == [("hall/motion", NOW + 10), ("pendant/press", NOW + 70)]


def test_what_a_sensor_had_stored_stays_old_whatever_the_hubs_clock_was() -> None:
    stored = Reading("cuff", "systolic", 140.0, 1_000.0 - 86_400 * 0.01)
    items = (StampedReading(stored, at(0, trusted=False, wall=1_000.0)),)
    by_now = received(Pack(1, items), at(60, wall=NOW + 60), received_at=NOW + 61)
    assert [r.measured_at for r in by_now.readings] == pytest.approx([NOW - 864])
    memory = Memory()
    cuff = EnrolledDevice("cuff", "gatt_blood_pressure", Link.BLE_GATT, "A4:C1:38:00:00:04", "bedroom")
    declare([Reading("cuff", "systolic", 140.0, NOW + 10 - 864)], cuff, at(10), memory)
    [(alarm, _)] = declare([Reading("pendant", "press", "single", NOW + 70)], PENDANT, at(70), memory)
    assert alarm.evidence[0].t == pytest.approx(NOW + 10 - 864)
