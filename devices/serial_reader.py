"""Readings from serial messages, for all products that use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devices.device_model import Decoded, DeviceModel, Trouble
from devices.enrolment import EnrolledDevice
from devices.frames import Frame, Link
from devices.rejection import Rejection
from devices.replay import ReplayMark, admit_numbered, already_heard, message_number
from devices.serial_frames import MessageType, SerialMessage, acknowledgement, read_message
from devices.vocabulary import KINDS, Reading, Value, value_fault

MILLIVOLTS_PER_VOLT: Final = 1000.0
BATTERY_LOW_V: Final = 2.5
"""A lithium coin cell (3 V) has about a tenth of its charge left."""

Facts = dict[str, Value]
Interpret = Callable[[SerialMessage], Facts | Rejection]
"""What a product's event says, as kind and value."""

_TROUBLES: Final = {2: Trouble.LOST_MESSAGES, 4: Trouble.BUTTON_STUCK}
"""By the bit of a heartbeat's argument. That the battery is low, its voltage says."""
_EVENTS: Final = frozenset(
    {MessageType.BUTTON, MessageType.STATE, MessageType.FALL, MessageType.WINDOW, MessageType.DOSE}
)


def serial_model(name: str, kinds: tuple[str, ...], interpret: Interpret, *, silence_max_s: float) -> DeviceModel:
    """A product on a wire; `interpret` reads its events, boot and heartbeat are read here."""

    def decode(frame: Frame, device: EnrolledDevice, mark: ReplayMark) -> Decoded | Rejection:
        return _read(frame, device, mark, interpret)

    all_kinds = (*kinds, "heartbeat", "boot", "voltage")
    return DeviceModel(name, Link.SERIAL, all_kinds, silence_max_s, decode, battery_low_v=BATTERY_LOW_V)


def unknown_type(message: SerialMessage) -> Rejection:
    """For an event that the product does not have."""
    return Rejection("unknown_type", f"this model does not send {message.type.name.lower()} messages")


def bad_argument(message: SerialMessage) -> Rejection:
    """For an argument that the format does not define."""
    return Rejection("bad_value", f"argument {message.argument} of a {message.type.name.lower()} message")


def _read(frame: Frame, device: EnrolledDevice, mark: ReplayMark, interpret: Interpret) -> Decoded | Rejection:
    message = read_message(frame.payload)
    if isinstance(message, Rejection):
        return message
    if message.sender != device.address:
        return Rejection("wrong_sender", "the device number in the message is not the device's")
    event = message.type in _EVENTS
    acknowledge = acknowledgement(message.sequence) if event else b""
    number = message_number(message.sequence, message.uptime_ms)
    restarted = message.type is MessageType.BOOT
    if not restarted and already_heard(mark, number):
        # The device did not get the acknowledgement and would go on until it does.
        if not event:
            return Rejection("repeat", "the same message again")
        return Decoded((), admit_numbered(mark, number, restarted=False), acknowledge)
    facts = interpret(message) if event else _health(message)
    if isinstance(facts, Rejection):
        return facts
    faults = tuple(kind for kind, value in facts.items() if value_fault(KINDS[kind], value))
    readings = tuple(
        Reading(device.id, kind, value, frame.received_at) for kind, value in facts.items() if kind not in faults
    )
    mark = admit_numbered(mark, number, restarted=restarted)
    return Decoded(readings, mark, acknowledge, faults, _troubles(message))


def _troubles(message: SerialMessage) -> frozenset[Trouble] | None:
    if message.type is MessageType.BOOT:
        return frozenset()
    if message.type is not MessageType.HEARTBEAT:
        return None
    return frozenset(trouble for bit, trouble in _TROUBLES.items() if message.argument & bit)


def _health(message: SerialMessage) -> Facts:
    kind = "boot" if message.type is MessageType.BOOT else "heartbeat"
    return {kind: float(message.sequence), "voltage": message.battery_mv / MILLIVOLTS_PER_VOLT}
