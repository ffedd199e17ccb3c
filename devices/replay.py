"""Telling a new message from a repeated one and from a recorded one that somebody plays back. Pure.

Radios repeat every advert several times, hubs restart in the middle, batteries are changed, and anybody may record a
pendant and play it again. The memory of one device is a `ReplayMark`; only authentic messages change it.

Encrypted adverts (BTHome v2 counts them with 32 bits):

- The very same message again is a repeat: not counted twice, also not after the hub restarted.
- A counter above the highest one heard is new. The highest one never falls.
- A lower counter is either a recording, or a device that counts anew because its battery was changed. An alarm that
  was heard is kept and never accepted again, whatever happened in between. An alarm that was never heard is
  taken at once, at whatever counter: a press lost to a changed battery is worse than one played back. Anything
  else is taken from the `RESTART_RUN`th of a run of rising counters on.

What remains: an alarm recorded where this hub did not hear it, or more than `ALARMS_KEPT` alarms ago, can be made to
fire once. And a device that sends byte for byte the same after a changed battery as once before cannot be told from a
recording: it is refused until its content or counter moves on. Pendants should therefore keep their counter over a
changed battery.

Plain adverts have no protection; they are never taken for an alarm. Their packet id and a digest only save work.

Serial messages come by a wire, numbered with 16 bits that start anew at boot. There a message is known by its number
and its uptime together, so that a resent one is recognised even after later ones, and one after a lost boot message
is not mistaken for an old one.

Sensors that are read over a connection send what they have stored, sometimes again and again: a dated measurement is
known by its digest (`admit_stored`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.rejection import Rejection

RECENT_KEPT: Final = 32
"""Messages from the air remembered exactly."""
NUMBERED_KEPT: Final = 192
"""Messages from a wire remembered exactly. One that comes again is remembered anew each time, at the latest after 10 s;
a press must not be forgotten in between and counted once more. A thumb in fright makes eight presses and as many
releases a second: 160."""
ALARMS_KEPT: Final = 256
"""Alarms remembered against playing back: a test press every working day of a year."""
RESTART_RUN: Final = 3
"""Rising counters in a row that prove a restart elsewhere in the number range."""
RESTART_STEP_MAX: Final = 256
"""Largest gap within such a run: what is missed while the hub restarts."""
PLAIN_REPEAT_S: Final = 60.0
"""A plain advert with the same bytes is one message for so long, and after that news that the state still holds."""
PACKET_ID_BACK_MAX: Final = 64
"""Packet ids (8 bits) that are behind by at most this are old, not wrapped."""

STORED_KEPT: Final = 256
"""Dated measurements remembered: more than a blood pressure cuff stores."""

_ALARM_BYTES: Final = 8


class ReplayMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of one device's messages. Storable as JSON; at most 4 kB.

    Some 600 bytes without alarms or dated measurements, 3 kB from a wire.

    Attributes:
        counter: highest counter of an authentic encrypted advert, or -1.
        restart_counter: last counter of a device that counts anew below `counter`, or -1.
        restart_run: how many rising counters were heard there.
        recent: the last messages, each as one number, oldest first.
        alarms: the last messages that carried an alarm, 8 bytes each, oldest first.
        plain_digest, plain_packet, plain_at: the last plain advert's digest, packet id (-1 for none) and Unix seconds;
            also of a measurement without a date.
        stored: digests of the last dated measurements, 8 bytes each, oldest first.
        clock_offset_s, clock_source: what to add to the sensor's clock, and how that is known (`sensor_clock`).
    """

    counter: int = -1
    restart_counter: int = -1
    restart_run: int = 0
    recent: tuple[int, ...] = ()
    alarms: bytes = b""
    plain_digest: int = -1
    plain_packet: int = -1
    plain_at: float = 0.0
    stored: bytes = b""
    clock_offset_s: float = 0.0
    clock_source: int = 0


NOTHING_HEARD: Final = ReplayMark()

_REPEAT: Final = Rejection("repeat", "the same message again")
_REPLAY: Final = Rejection("replay", "an old message again: recorded and played back, or out of order")


def message_number(counter: int, check: int) -> int:
    """One number for a message: its 32-bit counter or sequence number, and 32 bits that differ with its content."""
    return counter << 32 | check


def already_heard(mark: ReplayMark, number: int) -> Rejection | None:
    """Refuses what needs no deciphering to be refused. Cheap: it stands between a flood of adverts and the cipher."""
    if number in mark.recent:
        return _REPEAT
    if mark.alarms and _among(mark.alarms, number):
        return _REPLAY
    return None


def admit_encrypted(mark: ReplayMark, number: int, *, alarm: bool) -> tuple[ReplayMark, bool]:
    """Takes an authentic message that was not heard before.

    Args:
        mark: the device's memory.
        number: the message's `message_number`.
        alarm: whether it carries one.

    Returns:
        The new memory, and whether the message counts (False: a restart that is not yet proven, and no alarm).
    """
    counter = number >> 32
    mark = msgspec.structs.replace(
        mark,
        recent=(*mark.recent, number)[-RECENT_KEPT:],
        alarms=_with_alarm(mark.alarms, number) if alarm else mark.alarms,
    )
    if counter > mark.counter:
        return msgspec.structs.replace(mark, counter=counter), True
    follows = mark.restart_counter >= 0 and 0 < counter - mark.restart_counter <= RESTART_STEP_MAX
    run = min(mark.restart_run + 1, RESTART_RUN) if follows else 1
    mark = msgspec.structs.replace(mark, restart_counter=counter, restart_run=run)
    return mark, alarm or run >= RESTART_RUN


def admit_numbered(mark: ReplayMark, number: int, *, restarted: bool) -> ReplayMark:
    """Remembers a message from a wire as the latest, new or again; `restarted` forgets the ones before it."""
    others = () if restarted else tuple(heard for heard in mark.recent if heard != number)
    return msgspec.structs.replace(mark, recent=(*others, number)[-NUMBERED_KEPT:])


def plain_repeated(mark: ReplayMark, digest: int, now: float) -> Rejection | None:
    """Refuses a plain advert with the bytes of the last one, unless that was long ago."""
    return _REPEAT if digest == mark.plain_digest and _lately(mark, now) else None


def admit_plain(mark: ReplayMark, digest: int, packet_id: int, now: float) -> ReplayMark | Rejection:
    """Takes a plain advert with other bytes than the last one; an older packet id is refused for a while.

    Args:
        mark: the device's memory.
        digest: 63 bits of a digest of the advert.
        packet_id: 0 to 255, or -1 where it has none.
        now: Unix seconds.
    """
    if packet_id >= 0 and mark.plain_packet >= 0 and _lately(mark, now):
        behind = (mark.plain_packet - packet_id) % 256
        if 0 < behind <= PACKET_ID_BACK_MAX:
            return _REPLAY
    return msgspec.structs.replace(mark, plain_digest=digest, plain_packet=packet_id, plain_at=now)


def admit_stored(mark: ReplayMark, digest: int) -> ReplayMark | Rejection:
    """Takes a dated measurement once; `digest` has 64 bits."""
    if _among(mark.stored, digest):
        return _REPEAT
    record = digest.to_bytes(_ALARM_BYTES, "big")
    return msgspec.structs.replace(mark, stored=(mark.stored + record)[-STORED_KEPT * _ALARM_BYTES :])


def _lately(mark: ReplayMark, now: float) -> bool:
    return 0.0 <= now - mark.plain_at < PLAIN_REPEAT_S


def _among(records: bytes, number: int) -> bool:
    record = number.to_bytes(_ALARM_BYTES, "big")
    at = records.find(record)
    while at >= 0 and at % _ALARM_BYTES:
        at = records.find(record, at + 1)
    return at >= 0


def _with_alarm(alarms: bytes, number: int) -> bytes:
    return (alarms + number.to_bytes(_ALARM_BYTES, "big"))[-ALARMS_KEPT * _ALARM_BYTES :]
