"""From readings to what travels: alarms with their evidence, and measurement packs. Pure.

A reading of an alarm kind becomes an alarm, a fall that is only suspected too. Whether whoever fell is asked first is
not decided here, but in `edge.asking`.

Presses of one thumb within `JOIN_S` are one alarm; a detector that keeps saying "smoke" is one alarm for `STANDING_S`,
then it is said again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from devices.enrolment import EnrolledDevice
from devices.vocabulary import KINDS, Reading, Urgency
from edge.clock import Stamp
from edge.outbox import Pack, StampedReading, StoredAlarm
from gateway.contract.alarm_kinds import SCAIP_CODES, AlarmKind
from gateway.contract.messages import Alarm, MessageType, Record
from gateway.contract.senml import encode_measurements, to_record

JOIN_S: Final = 10.0
"""Presses and falls of one device within this time of the first are one alarm: fright presses many times."""
STANDING_S: Final = 600.0
"""A detector that stays in alarm is one alarm for this long; the centre joins the next to the same case."""
EVIDENCE_S: Final = 3_600.0
"""Evidence reaches back this far."""
EVIDENCE_KEPT: Final = 24
"""Most earlier readings sent with an alarm: with the triggering ones below the wire's 32, and about 2 kB."""

_ALARM_OF: Final[dict[str, AlarmKind]] = {
    "press": AlarmKind.HELP,
    "fall": AlarmKind.FALL,
    "smoke": AlarmKind.SMOKE,
    "gas": AlarmKind.GAS,
    "co": AlarmKind.CO,
    "flood": AlarmKind.FLOOD,
}
_PRIORITY: Final[dict[AlarmKind, int]] = {
    AlarmKind.HELP: 9,
    AlarmKind.FALL: 9,
    AlarmKind.SMOKE: 9,
    AlarmKind.GAS: 9,
    AlarmKind.CO: 9,
    AlarmKind.FLOOD: 5,
}
_NO_REF: Final = "0"
"""Stands in an alarm until the outbox gives it its ref."""


@dataclass(slots=True)
class Memory:
    """What has to be remembered between readings: alarms raised lately, and the last hour of the home."""

    raised: dict[tuple[str, str], float] = field(default_factory=dict)
    lately: deque[StampedReading] = field(default_factory=lambda: deque(maxlen=EVIDENCE_KEPT))


def declare(
    readings: Sequence[Reading], device: EnrolledDevice, stamp: Stamp, memory: Memory
) -> list[tuple[Alarm, Stamp]]:
    """The alarms that a frame's readings call for; `memory` is brought up to date.

    Args:
        readings: what one frame of `device` said.
        device: tells the place.
        stamp: when the hub heard it.
        memory: of this hub.
    """
    alarms: list[tuple[Alarm, Stamp]] = []
    for reading in readings:
        if KINDS[reading.kind].urgency is not Urgency.ALARM:
            continue
        if reading.value is False:
            memory.raised.pop((reading.device, reading.kind), None)
        if _calls(reading) and _is_new(reading, stamp.monotonic, memory):
            alarms.append((_alarm(reading, device, stamp, _evidence(reading, readings, stamp, memory)), stamp))
    memory.lately.extend(StampedReading(r, stamp) for r in readings if _is_telling(r))
    return alarms


def forget_fall(device: str, memory: Memory) -> None:
    """A suspected fall of the device was none: the next suspicion is a new one, however soon it comes."""
    for key in [key for key in memory.raised if key[0] == device and key[1].startswith("fall/")]:
        del memory.raised[key]


def forget_presses(memory: Memory) -> None:
    """A call is over: whoever presses now, however soon, means another one."""
    for key in [key for key in memory.raised if key[1] == "press"]:
        del memory.raised[key]


def drill(stamp: Stamp, text: str) -> tuple[Alarm, Stamp]:
    """An alarm that only proves the way to the operator and back; it becomes a case marked TEST."""
    dty, stc = SCAIP_CODES[AlarmKind.TEST]
    return Alarm(_NO_REF, dty, max(stamp.wall, 0.0), stc, text=text[:256], trusted=stamp.trusted), stamp


def _calls(reading: Reading) -> bool:
    if reading.kind == "fall":
        return reading.value in {"suspected", "confirmed"}
    return reading.value is not False


def _is_new(reading: Reading, now: float, memory: Memory) -> bool:
    is_standing = isinstance(reading.value, bool)
    # a fall that is confirmed is more than one that is suspected, and is said again
    key = (reading.device, f"{reading.kind}/{reading.value!r}" if reading.kind == "fall" else reading.kind)
    last = memory.raised.get(key)
    if last is not None and now - last < (STANDING_S if is_standing else JOIN_S):
        return False
    memory.raised[key] = now
    return True


def _is_telling(reading: Reading) -> bool:
    kind = KINDS[reading.kind]
    return kind.activity or kind.urgency is not Urgency.ROUTINE


def _evidence(reading: Reading, together: Sequence[Reading], stamp: Stamp, memory: Memory) -> list[Record]:
    earlier = [_dated(r, stamp) for r in memory.lately if stamp.monotonic - r.stamp.monotonic <= EVIDENCE_S]
    others = [r for r in together if r is not reading and not isinstance(r.value, bytes)][:4]
    return [to_record(r) for r in (*earlier, *others, reading)]


def _dated(earlier: StampedReading, now: Stamp) -> Reading:
    """The reading with the time that it has by today's clock, which may have been set since."""
    measured_at = now.wall - (now.monotonic - earlier.stamp.monotonic) - _stored_s(earlier)
    return msgspec.structs.replace(earlier.reading, measured_at=measured_at)


def _alarm(reading: Reading, device: EnrolledDevice, stamp: Stamp, evidence: list[Record]) -> Alarm:
    kind = _ALARM_OF[reading.kind]
    dty, stc = SCAIP_CODES[kind]
    return Alarm(
        _NO_REF,
        dty,
        max(stamp.wall, 0.0),
        stc,
        mty=MessageType.FIRST,
        did=device.id,
        pri=_PRIORITY[kind],
        lco=int(device.place_code or 0),
        lte=device.room[:64],
        trusted=stamp.trusted,
        evidence=evidence,
    )


def for_sending(stored: StoredAlarm, now: Stamp) -> Alarm:
    """The alarm as it goes out now: with its age where this boot can tell it.

    Where the clock was not trusted, the evidence's times become ages too: SenML counts times below 2^28 from the
    receiver's clock.
    """
    alarm, stamp = stored.alarm, stored.stamp
    if stamp.boot != now.boot:
        return alarm
    age = max(now.monotonic - stamp.monotonic, 0.0)
    if stamp.trusted:
        return msgspec.structs.replace(alarm, age=round(age, 3))
    evidence = [
        msgspec.structs.replace(record, t=round((record.t or 0.0) - stamp.wall - age, 3)) for record in alarm.evidence
    ]
    return msgspec.structs.replace(alarm, age=round(age, 3), evidence=evidence)


def encode_pack(hub: str, epoch: str, pack: Pack, now: Stamp) -> bytes:
    """A pack as SenML.

    A reading that was stamped by an untrusted clock in this very boot is placed by the monotonic clock: exactly, if
    the clock is right by now, else as an age. One from an earlier boot goes with the time that it has.
    """
    placed = [_placed(item, now) for item in pack.readings]
    ages = any(is_age for _, is_age in placed)
    return encode_measurements(
        hub,
        [reading for reading, _ in placed],
        sequence=pack.sequence,
        epoch=epoch,
        relative_to=now.wall if ages else None,
    )


def _placed(item: StampedReading, now: Stamp) -> tuple[Reading, bool]:
    """The reading with its best time, and whether that has to travel as an age."""
    reading, stamp = item
    if stamp.trusted or stamp.boot != now.boot:
        return reading, False
    measured_at = now.wall - (now.monotonic - stamp.monotonic) - _stored_s(item)
    moved = Reading(reading.device, reading.kind, reading.value, measured_at)
    return moved, not now.trusted


def _stored_s(item: StampedReading) -> float:
    """How much older the reading is than its arrival: a blood pressure cuff sends what it has stored."""
    return max(item.stamp.wall - item.reading.measured_at, 0.0)


def is_prompt(readings: Iterable[Reading]) -> bool:
    """Whether one of the readings should reach the centre within about a second."""
    return any(KINDS[reading.kind].urgency is not Urgency.ROUTINE for reading in readings)
